"""What was told and answered, kept over restarts in one small JSON file.

A file that is lost or broken counts as empty: the worst that follows is one question asked again.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, Dict

from . import files


class State:
    """Keys and JSON values."""

    def __init__(self, path: str) -> None:
        """Reads the file at `path`, if there is one."""
        self._path = path
        self._values: Dict[str, Any] = {}
        try:
            with open(path, encoding="utf-8") as file:
                values = json.load(file)
        except (OSError, ValueError):
            return
        if isinstance(values, dict):
            self._values = values

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default`."""
        return self._values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Keeps a value (None: forgets it) and writes the file. A full or read-only disk keeps it in memory only."""
        if self._values.get(key) == value:
            return
        if value is None:
            del self._values[key]
        else:
            self._values[key] = value
        with suppress(OSError):
            files.make_private_folder(os.path.dirname(self._path))
            files.write(self._path, json.dumps(self._values).encode())
