"""What goes wrong inside the add-on itself: one part's fault is told to the log, and the other parts go on.

Knows nothing of the parts. Trouble with Trakt, the network or the disk is no failure; it has words for the user.
"""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import Callable, Iterator, Set, Tuple

#: Begins each such line in the log; a test that finds it there has found a fault.
MARK = "failed:"


class Failures:
    """Tells each failure once: what happens ten times a second must not fill the disk."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """`tell` gets what to log."""
        self._tell = tell
        self._told: Set[Tuple[str, str, int]] = set()

    @contextmanager
    def caught(self, part: str) -> Iterator[None]:
        """Whatever is raised inside is told as a failure of `part` and goes no further."""
        try:
            yield
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            failure = (part, type(error).__name__, place.lineno or 0)
            if failure not in self._told:
                self._told.add(failure)
                self._tell(f"{MARK} {part}\n{traceback.format_exc().rstrip()}")
