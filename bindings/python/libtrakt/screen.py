"""Where the command line writes to: a terminal with a running countdown, plain lines, or JSON lines.

Knows nothing of clients; it is shown snapshots of a login and says what is new in them.
"""

from __future__ import annotations

import json
from typing import Any, List, Optional, TextIO

from . import qr, texts
from .types import LoginSnapshot


class Screen:
    """What all three have in common."""

    #: How often a login wants to be shown again, in milliseconds.
    REFRESH_MS = 1000

    def __init__(self, stream: TextIO) -> None:
        """Writes to `stream`."""
        self._stream = stream
        self._code: Optional[str] = None
        self._said: Optional[str] = None

    def say(self, text: str) -> None:
        """A sentence for people."""
        self._write(text + "\n")

    def error(self, code: str, text: str) -> None:
        """What went wrong; `code` is for programs."""
        self.say(text)

    def data(self, name: str, value: Any) -> None:
        """A result for programs."""

    def login(self, snapshot: LoginSnapshot) -> None:
        """The login goes on."""
        code = snapshot.get("user_code")
        if code and code != self._code:
            self._code = code
            self._show_code(code, snapshot)
        self._show_progress(snapshot)

    def login_over(self, snapshot: LoginSnapshot) -> None:
        """The login came to its end."""

    def _show_code(self, code: str, snapshot: LoginSnapshot) -> None:
        self.say(texts.open_and_enter(snapshot.get("verification_url") or "", code))
        rows = snapshot.get("qr_rows")
        if rows:
            self.say(texts.SCAN)
            for line in self._qr(rows):
                self.say(line)
        if snapshot.get("driver") == "other":
            self.say(texts.OTHER_DRIVER)

    def _show_progress(self, snapshot: LoginSnapshot) -> None:
        """What changed since the last time; without the seconds, which would be a line each."""
        trouble = _trouble(snapshot)
        text = texts.waiting(None, trouble) if self._code else texts.STARTING
        if not self._code and trouble:
            text += f" ({trouble})"
        if text != self._said:
            self._said = text
            self.say(text)

    def _qr(self, rows: List[str]) -> List[str]:
        return qr.draw(rows, ascii_only=not self._has_blocks())

    def _has_blocks(self) -> bool:
        try:
            "▀▄█".encode(getattr(self._stream, "encoding", None) or "ascii")
        except (UnicodeEncodeError, LookupError):
            return False
        return True

    def _write(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "ascii"
        # A name in letters that the terminal lacks must not end the program.
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()


class PlainScreen(Screen):
    """Lines of text, for pipes and logs."""


class TerminalScreen(Screen):
    """A terminal: the last line counts down in place."""

    REFRESH_MS = 250
    _WIPE = "\r\x1b[K"

    def say(self, text: str) -> None:
        """A sentence, in place of the countdown, which comes back below."""
        self._said = None
        self._write(f"{self._WIPE}{text}\n")

    def login_over(self, snapshot: LoginSnapshot) -> None:
        """Wipes the countdown."""
        self._said = None
        self._write(self._WIPE)

    def _show_progress(self, snapshot: LoginSnapshot) -> None:
        trouble = _trouble(snapshot)
        if self._code:
            text = texts.waiting(snapshot.get("expires_in_ms"), trouble)
        else:
            text = f"{texts.STARTING} ({trouble})" if trouble else texts.STARTING
        if text != self._said:
            self._said = text
            self._write(f"{self._WIPE}{text}")

    def _qr(self, rows: List[str]) -> List[str]:
        ascii_only = not self._has_blocks()
        return qr.draw(rows, colour=not ascii_only, ascii_only=ascii_only)


class JsonScreen(Screen):
    """One JSON object a line, each with one key: `login`, `account`, `settings`, `unlinked` or `error`."""

    def say(self, text: str) -> None:
        """Sentences are not for programs."""

    def error(self, code: str, text: str) -> None:
        """The error's code and its sentence."""
        self.data("error", {"code": code, "message": text})

    def data(self, name: str, value: Any) -> None:
        """The result under its name."""
        self._write(json.dumps({name: value}) + "\n")

    def login(self, snapshot: LoginSnapshot) -> None:
        """The snapshot, when something but the countdowns changed."""
        seen = json.dumps([snapshot.get(key) for key in ("state", "user_code", "polls", "last_error", "driver")])
        if seen != self._said:
            self._said = seen
            self.data("login", snapshot)

    def login_over(self, snapshot: LoginSnapshot) -> None:
        """The final snapshot."""
        self.data("login", snapshot)


def _trouble(snapshot: LoginSnapshot) -> str:
    return (snapshot.get("last_error") or {}).get("message") or ""
