"""How many entries wait for Trakt: asked once for each account, and then told by events. Knows nothing of screens."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional

import libtrakt

from .trakt import Trakt


class Counts(NamedTuple):
    """How many entries wait, and how many Trakt didn't take."""

    waiting: int
    refused: int


class OutboxCounts:
    """The counts of the account there is now."""

    def __init__(self, trakt: Trakt) -> None:
        """Nothing is known yet."""
        self._trakt = trakt
        self._counted_for: Any = None
        self._counting = False
        #: None while they aren't known.
        self.now: Optional[Counts] = None

    def step(self, account: Mapping[str, Any]) -> None:
        """Asks again when the account is another one. About once a second is enough."""
        user = account.get("user") or {}
        whose = (
            (account.get("state") == "none", account.get("since"), user.get("uuid")) if self._trakt.available else None
        )
        if whose == self._counted_for or self._counting:
            return
        self._counted_for = whose
        self.now = None
        if whose is None:
            return
        self._counting = True

        def then(data: Any, error: Optional[libtrakt.TraktError]) -> None:
            self._counting = False
            if self.now is None:  # an event is newer
                self._take(data)

        self._trakt.submit("outbox.list", {"limit": 1}, then)

    def event(self, event: Mapping[str, Any]) -> None:
        """Something happened in the library."""
        if event.get("type") == "outbox.changed":
            self._take(event.get("data"))

    def _take(self, data: Any) -> None:
        if isinstance(data, dict) and isinstance(data.get("waiting"), int) and isinstance(data.get("refused"), int):
            self.now = Counts(data["waiting"], data["refused"])
