"""Reads the library's envelope: the data of a reply, or its error as an exception.

Knows nothing of where a reply came from.
"""

from __future__ import annotations

import json
from typing import Any, Optional

from .errors import Internal, OutOfMemory, from_error, local


def data_of(text: Optional[bytes]) -> Any:
    """The `data` of a reply; raises the `TraktError` of its status."""
    if text is None:
        raise local(OutOfMemory, "The library could not get the memory for its reply.")
    try:
        envelope = json.loads(text)
        status = envelope["status"]
        if status == 0:
            return envelope.get("data")
        error = envelope["error"]
        if not isinstance(status, int) or not isinstance(error, dict):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as unreadable:
        raise local(Internal, "The library's reply could not be read.") from unreadable
    raise from_error(error, status)
