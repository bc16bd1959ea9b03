"""What the user marks watched or unwatched in Kodi's library by hand, told to Trakt in one batch.

Kodi reports its own marks in the same words: those it sets when a video was played to the end, which the play itself
has told, and those of a scan. Knows nothing of the player but what it is told of it.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional

import libtrakt

from .clock import Clock
from .items import EPISODE, MOVIE, Entry, Item, Items
from .kodi import Kodi
from .player import ENDED, STARTED, STOPPED, Report
from .trakt import Trakt

#: A season's marks come one by one; the batch is whole when none has come for so long.
_SETTLES_S = 1.5
#: How much of a step may be spent on asking Kodi what was marked.
_BUDGET_S = 0.1
#: The same when Kodi ends.
_CLOSE_BUDGET_S = 0.5
#: For how long after a play Kodi, or another add-on, may mark what was played.
_AFTER_PLAY_S = 60.0
#: A mark that comes so close to the end of a play is not made by hand.
_WITH_END_S = 2.0

_ADD, _REMOVE = "history.add", "history.remove"
_UPDATED = "VideoLibrary.OnUpdate"


class _Play:
    """What was played lately."""

    def __init__(self) -> None:
        self.ended_at: Optional[float] = None
        self.over = False


class Marks:
    """The marks that aren't told yet."""

    def __init__(self, kodi: Kodi, trakt: Trakt, clock: Clock, items: Items) -> None:
        """None."""
        self._kodi = kodi
        self._trakt = trakt
        self._clock = clock
        self._items = items
        self._marked: Dict[Entry, bool] = {}
        self._last_mark = 0.0
        #: Marked while it played; when.
        self._held: Dict[Entry, float] = {}
        self._plays: Dict[Entry, _Play] = {}
        self._looked_up: Dict[str, List[Item]] = {_ADD: [], _REMOVE: []}
        self._shows: Dict[int, Mapping[str, Any]] = {}

    # what happens

    def noted(self, method: str, data: str, wanted: bool) -> None:
        """Anything that happens in Kodi; `wanted`: the user wants marks to be told."""
        if method != _UPDATED or not wanted:
            return
        try:
            update = json.loads(data)
        except ValueError:
            return
        if not isinstance(update, dict) or update.get("added") or update.get("transaction"):
            return
        inner = update.get("item")
        thing = inner if isinstance(inner, dict) else update
        count, kind, number = update.get("playcount"), thing.get("type"), thing.get("id")
        # A show or season is followed by each of its episodes.
        if isinstance(count, int) and kind in (MOVIE, EPISODE) and isinstance(number, int):
            self._mark((kind, number), count > 0)

    def played(self, report: Report) -> None:
        """Something plays, or has."""
        now = self._clock.monotonic()
        if report.event == STARTED:
            self._plays = {entry: play for entry, play in self._plays.items() if self._is_recent(play, now)}
        for entry in report.entries:
            play = self._plays.setdefault(entry, _Play())
            if report.event in (STOPPED, ENDED):
                play.ended_at, play.over = now, report.over or bool(report.reply.get("counts"))
                held = self._held.pop(entry, None)
                if held is not None and not play.over and now - held > _WITH_END_S:
                    self._add(entry, True)
            elif play.ended_at is not None:
                self._plays[entry] = _Play()

    def step(self) -> None:
        """Tells what is ripe. Never waits for the network."""
        now = self._clock.monotonic()
        if self.busy and now - self._last_mark >= _SETTLES_S:
            self._look_up(now + _BUDGET_S)
            if not self._marked:
                self._hand_over()

    def close(self) -> None:
        """Kodi ends, or the add-on: what was marked is kept now, and told later."""
        self._look_up(self._clock.monotonic() + _CLOSE_BUDGET_S)
        for method, items in self._taken().items():
            if items:
                self._trakt.ask(method, {"items": items})

    @property
    def busy(self) -> bool:
        """Whether there is something to look up, in step after step."""
        return bool(self._marked or any(self._looked_up.values()))

    # inside

    def _mark(self, entry: Entry, watched: bool) -> None:
        now = self._clock.monotonic()
        play = self._plays.get(entry)
        if not watched:
            # Whoever takes it back means what comes after it, too.
            if play and play.ended_at is not None:
                del self._plays[entry]
            self._held.pop(entry, None)
        elif play and play.ended_at is None:
            self._held.setdefault(entry, now)
            return
        elif play and self._is_recent(play, now) and (play.over or now - (play.ended_at or 0) <= _WITH_END_S):
            return
        self._add(entry, watched)

    def _add(self, entry: Entry, watched: bool) -> None:
        self._last_mark = self._clock.monotonic()
        if self._marked.get(entry, watched) != watched:
            # There and back again: nothing is changed, and Trakt must not lose what it has.
            del self._marked[entry]
        else:
            self._marked[entry] = watched

    @staticmethod
    def _is_recent(play: _Play, now: float) -> bool:
        return play.ended_at is None or now - play.ended_at <= _AFTER_PLAY_S

    def _look_up(self, until: float) -> None:
        while self._marked:
            entry = next(iter(self._marked))
            watched = self._marked.pop(entry)
            item = self._items.of_library(entry, self._shows)
            if item:
                self._looked_up[_ADD if watched else _REMOVE].append(item)
            if self._clock.monotonic() >= until:
                return

    def _hand_over(self) -> None:
        for method, items in self._taken().items():
            if items:
                self._submit(method, items)

    def _taken(self) -> Dict[str, List[Item]]:
        """What was looked up, but for what the user leaves out."""
        self._shows = {}
        looked_up, self._looked_up = self._looked_up, {_ADD: [], _REMOVE: []}
        return {method: self._allowed(items) for method, items in looked_up.items()}

    def _allowed(self, items: List[Item]) -> List[Item]:
        try:
            checked = self._trakt.ask("player.check", {"items": items}) if items else None
        except libtrakt.TraktError as error:
            if len(items) > 1:
                # One that can't be must not take the others with it.
                return [item for one in items for item in self._allowed([one])]
            # Rather nothing than what is to be left out.
            self._kodi.log("warn", f"player.check: {error}")
            return []
        reasons = (checked or {}).get("reasons") or [None] * len(items)
        return [item for item, reason in zip(items, reasons) if reason is None]

    def _submit(self, method: str, items: List[Item]) -> None:
        def then(_: Any, error: Optional[libtrakt.TraktError]) -> None:
            if error and error.code == "busy":
                # Too much is under way just now.
                self._last_mark = self._clock.monotonic()
                self._looked_up[method] = items + self._looked_up[method]
            elif error:
                self._kodi.log("warn", f"{method} of {len(items)}: {error}")

        self._trakt.submit(method, {"items": items}, then)
