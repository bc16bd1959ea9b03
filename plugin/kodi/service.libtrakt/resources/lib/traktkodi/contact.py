"""How reaching Trakt goes: judged by calls of our own, and when the next of them is due. Knows nothing of notices.

Pure: every time comes from outside, in seconds of the monotonic clock.
"""

from __future__ import annotations

import random
from typing import Optional

#: Small boxes get network and time late after a start or wake-up.
QUIET_S = 180.0
#: What lasts less is nobody's business.
LASTING_S = 600.0

#: The first call after a start or wake-up.
_FIRST_S = 20.0
#: While all is well. Most of these calls are answered from the store and never reach Trakt.
_USUAL_S = 3600.0
#: While reaching Trakt fails; doubled each time, up to the most.
_RETRY_S = 60.0
_RETRY_AT_MOST_S = 1800.0
#: Two calls are never closer than this.
_APART_S = 60.0
#: Boxes that were started together don't ask together.
_JITTER = 0.2


class Contact:
    """Fed with how calls ended."""

    def __init__(self, now: float, chance: Optional[random.Random] = None) -> None:
        """The service starts."""
        self._random = chance or random.Random()
        self.woke(now)

    def woke(self, now: float) -> None:
        """The box woke up: what was before counts no more."""
        #: What is in the way, as a code of the library; None if nothing is known to be.
        self.failing: Optional[str] = None
        #: Whether Trakt has answered, and did so last.
        self.answers = False
        self._since = 0.0
        self._last_failure = 0.0
        self._failures = 0
        self._quiet_until = now + QUIET_S
        self._next = now + self._about(_FIRST_S)
        self._last_call = self._next - _APART_S

    def failed(self, now: float, code: str, answered: bool = False) -> None:
        """A call ended with trouble that is about reaching Trakt; `answered`: Trakt answered, but all isn't well."""
        if self.failing is None or answered != self.answers:
            self._since, self._failures = now, 0
        self.failing, self.answers = code, answered
        self._last_failure = now
        self._failures += 1
        wait = self._about(min(_RETRY_S * 2 ** min(self._failures - 1, 10), _RETRY_AT_MOST_S))
        lasting = self._since + LASTING_S
        # One call falls where it becomes lasting, so that this is told in time.
        self._next = lasting + 1 if now < lasting < now + wait else now + wait

    def succeeded(self, now: float) -> None:
        """Trakt has answered."""
        self.failing, self.answers = None, True
        self._next = now + self._about(_USUAL_S)

    def learned_nothing(self, now: float) -> None:
        """A call ended without Trakt being asked, or with trouble that is about something else."""
        self._next = now + self._about(_USUAL_S)

    def prompt(self, now: float) -> None:
        """Somebody else's call went differently from ours: look soon."""
        self._next = min(self._next, max(now, self._last_call + _APART_S))

    def due(self, now: float) -> bool:
        """Whether to call now; if so, the call counts as made."""
        if now < self._next:
            return False
        self._last_call = now
        # Should its end never be told, another one follows.
        self._next = now + _RETRY_AT_MOST_S
        return True

    def quiet(self, now: float) -> bool:
        """Whether nothing may be said of network and clock yet."""
        return now < self._quiet_until

    def trouble(self, now: float) -> Optional[str]:
        """What has been in the way for so long that it may be told; None if nothing has."""
        lasts = self.failing is not None and self._last_failure - self._since >= LASTING_S
        return self.failing if lasts and not self.quiet(now) else None

    def _about(self, seconds: float) -> float:
        return seconds * self._random.uniform(1 - _JITTER, 1 + _JITTER)
