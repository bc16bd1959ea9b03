"""Cuts a wait into slices, so that Ctrl-C, signals and the end of a host are seen while native code waits.

Python can't interrupt a call into native code; it runs its handlers between two slices. Knows nothing of what is
waited for.
"""

from __future__ import annotations

import math
import operator
import time
from typing import Callable, Iterator, Optional

from .errors import InvalidArgument, local

#: The longest single wait inside the native library.
SLICE_MS = 250

#: Asked between slices; true ends the wait.
ShouldStop = Callable[[], bool]


def slices(wait_ms: Optional[int], should_stop: Optional[ShouldStop] = None) -> Iterator[int]:
    """The lengths of the waits that make up `wait_ms` (None: no end): always a first one, 0 when nothing is to wait."""
    left = SLICE_MS if wait_ms is None else whole_number("wait_ms", wait_ms)
    end = None if wait_ms is None else time.monotonic() + left / 1000
    while True:
        yield min(left, SLICE_MS)
        if end is not None:
            left = math.ceil((end - time.monotonic()) * 1000)
            if left <= 0:
                return
        if should_stop is not None and should_stop():
            return


def whole_number(name: str, value: int, bits: int = 64) -> int:
    """`value` when the library can take it: ctypes would silently wrap what is negative or too large."""
    try:
        number = operator.index(value)
    except TypeError:
        raise local(InvalidArgument, f"{name} must be a whole number.") from None
    if not 0 <= number < 1 << bits:
        raise local(InvalidArgument, f"{name} must be between 0 and {(1 << bits) - 1}.")
    return number
