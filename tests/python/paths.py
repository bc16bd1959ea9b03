"""Where things are, and what the runner has to have set. Knows nothing of pytest."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINDING = ROOT / "bindings" / "python"
PACKAGE = BINDING / "libtrakt"
HEADER = ROOT / "include" / "trakt.h"

#: The longest that a test waits for what should come at once.
PATIENCE_S = 60


class NotSet(AssertionError):
    """A test can't be run, and must not pass for that."""


def from_environment(variable: str, what: str) -> Path:
    """The file that the runner names in a variable; a missing one fails the test."""
    named = os.environ.get(variable)
    if not named:
        raise NotSet(f"{variable} is not set: it names {what}. tests/run sets it.")
    path = Path(named).resolve()
    if not path.is_file():
        raise NotSet(f"{variable} names {path}, which is not a file.")
    return path


def real_library() -> Path:
    """The native library under test."""
    return from_environment("LIBTRAKT_LIBRARY", "the native library under test")


def sim_binary() -> Path:
    """The simulated Trakt."""
    return from_environment("TRAKT_SIM", "the trakt-sim binary")
