"""How much of its limits an account uses, counted at Trakt by a few small reads and kept for some minutes.

Knows nothing of how limits are shown, nor of those that Trakt has no count for.
"""

from __future__ import annotations

from typing import Any, Callable, Collection, Dict, List, Mapping, NamedTuple, Optional

import libtrakt

from .clock import Clock
from .trakt import Trakt

#: How long a count is good enough, in seconds.
GOOD_FOR_S = 300.0
_ITEM_COUNT = "x-pagination-item-count"


class _Read(NamedTuple):
    """One request, and the counts that its answer holds."""

    path: str
    limit: int
    counts: Callable[[Mapping[str, Any], Any], Dict[str, int]]

    def params(self) -> Dict[str, Any]:
        """For http.request."""
        return {"method": "GET", "path": self.path, "query": {"page": 1, "limit": self.limit}}


def _entries(limit: str) -> Callable[[Mapping[str, Any], Any], Dict[str, int]]:
    """Counts a list by the header that says how many entries all its pages have."""

    def counts(headers: Mapping[str, Any], _: Any) -> Dict[str, int]:
        total = _number(headers.get(_ITEM_COUNT))
        return {} if total is None else {limit: total}

    return counts


def _lists(headers: Mapping[str, Any], body: Any) -> Dict[str, int]:
    """How many lists there are, and how many entries the fullest has: known only if all of them are on this page."""
    if not isinstance(body, list):
        return {}
    total = _number(headers.get(_ITEM_COUNT))
    counts = {"list.count": len(body) if total is None else total}
    sizes = [_number(entry.get("item_count")) for entry in body if isinstance(entry, dict)]
    known = [size for size in sizes if size is not None]
    if len(known) == counts["list.count"]:
        counts["list.item_count"] = max(known, default=0)
    return counts


#: By the first of the limits that each is for.
_READS: Dict[str, _Read] = {
    "watchlist.item_count": _Read("/sync/watchlist", 1, _entries("watchlist.item_count")),
    "favorites.item_count": _Read("/sync/favorites", 1, _entries("favorites.item_count")),
    "list.count": _Read("/users/me/lists", 100, _lists),
}


class Usage:
    """The counts, by the names of their limits: `used["watchlist.item_count"]`."""

    def __init__(self, trakt: Trakt, clock: Clock) -> None:
        """Nothing is known yet."""
        self._trakt = trakt
        self._clock = clock
        self._counted_at: Optional[float] = None
        self._waiting: List[_Read] = []
        self._generation = 0
        self.used: Dict[str, int] = {}

    def count(self, limits: Collection[str], fresh: bool) -> None:
        """Counts what is used of these limits, one read after the other; not again within minutes unless `fresh`."""
        now = self._clock.monotonic()
        if self._waiting or (not fresh and self._counted_at is not None and now - self._counted_at < GOOD_FOR_S):
            return
        self._waiting = [read for limit, read in _READS.items() if limit in limits]
        self._counted_at = now
        self._next()

    def forget(self) -> None:
        """The account is another one."""
        self._generation += 1
        self._waiting = []
        self._counted_at = None
        self.used = {}

    def _next(self) -> None:
        if not self._waiting:
            return
        read, generation = self._waiting[0], self._generation

        def then(answer: Any, error: Optional[libtrakt.TraktError]) -> None:
            if generation != self._generation:
                return
            if error is None and isinstance(answer, dict):
                headers = answer.get("headers")
                self.used.update(read.counts(headers if isinstance(headers, dict) else {}, answer.get("body")))
            elif error is not None and error.code != "not_found":
                # What keeps one from being counted keeps the others too; it is tried again with the next check.
                self._waiting = []
                self._counted_at = None
                return
            self._waiting = self._waiting[1:]
            self._next()

        self._trakt.submit("http.request", read.params(), then)


def _number(value: Any) -> Optional[int]:
    """A count, as a number or as a header's text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return None
