"""Builds fake_trakt.c and steers it: a library whose answers a test dictates. Knows nothing of pytest."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from paths import HERE


def build(folder: Path, *macros: str) -> Path:
    """Compiles the library with macros such as `ABI_VERSION=2`, and returns its path."""
    name = "-".join(["libfake", *macros]).replace("=", "") + ".so"
    path = folder / name
    command = [os.environ.get("CC", "cc"), "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-pedantic"]
    command += ["-Werror", "-shared", "-fPIC", "-pthread", *(f"-D{macro}" for macro in macros)]
    subprocess.run([*command, "-o", str(path), str(HERE / "fake_trakt.c")], check=True)
    return path


class Fake:
    """The test's side of a loaded fake library."""

    def __init__(self, path: Path) -> None:
        """Loads it (the same image that a client of this process gets) and forgets what was dictated before."""
        self.path = path
        self._dll = ctypes.CDLL(str(path))
        for name in ("fake_config", "fake_last_method", "fake_last_text"):
            getattr(self._dll, name).restype = ctypes.c_char_p
        self._dll.fake_call_takes.argtypes = [ctypes.c_int64]
        for name in ("fake_count", "fake_pending_replies", "fake_live_texts", "fake_longest_wait"):
            getattr(self._dll, name).restype = ctypes.c_uint32
        self._dll.fake_reset()

    def replies(self, name: str, *data: Any) -> None:
        """Dictates what a method or function answers, one after the other; the last one stays."""
        for each in data:
            self.replies_text(name, json.dumps({"status": 0, "data": each}))

    def fails(self, name: str, status: int, code: str, **more: Any) -> None:
        """Dictates an error."""
        error = {"code": code, "message": f"This is {code}.", **more}
        self.replies_text(name, json.dumps({"status": status, "error": error}))

    def replies_text(self, name: str, text: str) -> None:
        """Dictates the reply's text."""
        self._dll.fake_reply(name.encode(), text.encode())

    def call_takes(self, ms: int) -> None:
        """How long a submitted call runs."""
        self._dll.fake_call_takes(ms)

    def closing_takes(self, ms: int) -> None:
        """How long work goes on after closing."""
        self._dll.fake_closing_takes(ms)

    def count(self, name: str) -> int:
        """How often a function or method was called."""
        number: int = self._dll.fake_count(name.encode())
        return number

    @property
    def longest_wait(self) -> int:
        """The longest wait asked of the library, in milliseconds."""
        number: int = self._dll.fake_longest_wait()
        return number

    @property
    def live_texts(self) -> int:
        """Texts handed out and not given back."""
        number: int = self._dll.fake_live_texts()
        return number

    @property
    def pending_replies(self) -> int:
        """Submitted calls whose reply nobody took."""
        number: int = self._dll.fake_pending_replies()
        return number

    @property
    def config(self) -> Any:
        """What the last client was opened with."""
        return json.loads(self._dll.fake_config())

    @property
    def last_method(self) -> str:
        """The method submitted last."""
        text: bytes = self._dll.fake_last_method()
        return text.decode()

    @property
    def last_text(self) -> str:
        """The text argument of the last call that had one."""
        text: bytes = self._dll.fake_last_text()
        return text.decode()
