"""What happened within the last day, kept over restarts, on boxes whose clock can't be trusted. Knows nothing of what
it keeps.

Within a run only the elapsed time counts, so setting the clock changes nothing. Over restarts there is only the wall
clock: a box without a battery wakes up in 1970 and learns the time a little later, or never; another once ran ahead
by years. A moment that lies in the future therefore counts as recent, and becomes "now" if it still does when the
clock has had time to be set.
"""

from __future__ import annotations

from typing import Dict

from .clock import Clock
from .state import State

DAY_S = 24 * 3600.0
#: A box that has a source of time has found it by then.
_CLOCK_IS_SET_S = 600.0
#: The wall clock was set, and doesn't just run a little fast.
_JUMP_S = 60.0


class Daily:
    """Remembers for a day that something happened; each thing has a name."""

    def __init__(self, clock: Clock, state: State, key: str) -> None:
        """Keeps its moments in `state` as `key`; two of them need two keys."""
        self._clock = clock
        self._state = state
        self._key = key
        self._began = clock.elapsed()
        #: When things of this run happened, by the elapsed time.
        self._in_this_run: Dict[str, float] = {}
        self._offset = clock.wall() - self._began

    def note(self, name: str) -> None:
        """It happens now."""
        moments = {name: moment for name, moment in self._moments().items() if self._is_recent(name, moment)}
        self._in_this_run[name] = self._clock.elapsed()
        moments[name] = self._clock.wall()
        self._state.set(self._key, moments)

    def forget(self, name: str) -> None:
        """As if it had not happened."""
        self._in_this_run.pop(name, None)
        moments = self._moments()
        if moments.pop(name, None) is not None:
            self._state.set(self._key, moments or None)

    def lately(self, name: str) -> bool:
        """Whether it happened less than a day ago."""
        moment = self._moments().get(name)
        return moment is not None and self._is_recent(name, moment)

    def step(self) -> None:
        """Looks after the wall clock; once in a while is enough."""
        elapsed, wall = self._clock.elapsed(), self._clock.wall()
        offset = wall - elapsed
        if abs(offset - self._offset) > _JUMP_S:
            self._offset = offset
            moved = {name: offset + then for name, then in self._in_this_run.items()}
            self._state.set(self._key, {**self._moments(), **moved} or None)
        if elapsed - self._began >= _CLOCK_IS_SET_S:
            for name, moment in self._moments().items():
                if moment > wall and name not in self._in_this_run:
                    self.note(name)

    def _is_recent(self, name: str, moment: float) -> bool:
        if name in self._in_this_run:
            return self._clock.elapsed() - self._in_this_run[name] < DAY_S
        return self._clock.wall() - moment < DAY_S

    def _moments(self) -> Dict[str, float]:
        """The wall clock's times, as the file has them; a file may hold anything."""
        kept = self._state.get(self._key)
        moments = kept.items() if isinstance(kept, dict) else ()
        return {name: float(moment) for name, moment in moments if isinstance(moment, (int, float))}
