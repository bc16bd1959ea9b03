"""The test's side of fake_libtrakt.c: what the plug-in has asked, and what it is answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from machine import until


class Fake:
    """A library that does what a test dictates."""

    def __init__(self, folder: Path) -> None:
        """Keeps its files in an empty folder."""
        self._folder = folder
        self.env = {"FAKE_LIBTRAKT": str(folder)}

    def answer(self, method: str, **data: Any) -> None:
        """What a method answers from now on."""
        self._write(method, {"status": 0, "data": data})

    def fail(self, method: str, status: int, code: str) -> None:
        """With what a method fails from now on."""
        self._write(method, {"status": status, "error": {"code": code, "message": "As dictated."}})

    def happen(self, *events: Dict[str, Any]) -> None:
        """What the library reports next."""
        self.answer("events", events=list(events))

    def calls(self, method: str) -> List[Any]:
        """What a method was asked with, in order."""
        return [params for name, params in self._all() if name == method]

    def wait_calls(self, method: str, count: int) -> List[Any]:
        """Waits until it was asked so often."""
        until(lambda: len(self.calls(method)) >= count, f"{count} x {method}; there is {self._all()}")
        return self.calls(method)

    def facts(self) -> List[Dict[str, Any]]:
        """What the player has reported."""
        return self.calls("player.event")

    def wait_facts(self, *names: str) -> List[Dict[str, Any]]:
        """Waits until these were reported, one after another (`progress` left out), and nothing else."""
        self._until(lambda: len(self._without_progress()) >= len(names), f"{names}")
        found = self._without_progress()
        assert [fact["event"] for fact in found] == list(names), found
        return found

    def _until(self, true: Callable[[], bool], what: str) -> None:
        until(true, f"{what}; there is {self._all()}")

    def _without_progress(self) -> List[Dict[str, Any]]:
        return [fact for fact in self.facts() if fact["event"] != "progress"]

    def _all(self) -> List[Tuple[str, Any]]:
        try:
            text = (self._folder / "calls").read_text()
        except FileNotFoundError:
            return []
        whole = text[: text.rfind("\n") + 1].splitlines()
        return [(name, json.loads(params)) for name, _, params in (line.partition(" ") for line in whole)]

    def _write(self, method: str, reply: Dict[str, Any]) -> None:
        # As the library writes it: without spaces, in UTF-8.
        self.dictate(method, json.dumps(reply, separators=(",", ":"), ensure_ascii=False))

    def dictate(self, method: str, text: str) -> None:
        """What a method answers from now on, whatever that is."""
        new = self._folder / f"{method}.new"
        new.write_text(text, encoding="utf-8")
        new.replace(self._folder / f"{method}.json")
