"""Whether the add-on may speak up of its own accord right now. Knows nothing of what it has to say."""

from __future__ import annotations

from typing import Optional, Sequence

from .clock import Clock
from .kodi import Kodi

#: Somebody watches or plays.
WATCHING = ("Player.HasVideo", "Player.HasGame", "Slideshow.IsActive")
#: Nobody looks, or Kodi isn't ready for anybody.
_AWAY = (
    "System.ScreenSaverActive",
    "System.DPMSActive",
    "Window.IsActive(startup)",
    "Window.IsActive(splash)",
    "Window.IsActive(loginscreen)",
)
#: What forbids a notification, and what forbids a question.
NO_NOTICE = WATCHING + _AWAY
NO_QUESTION = (*NO_NOTICE, "System.HasActiveModalDialog")

#: Between two episodes Kodi is idle for a moment.
_SETTLED_S = 5.0
#: Whoever hasn't looked for so long doesn't know what was in between.
_BLIND_S = 3.0


class Calm:
    """Looks at Kodi's conditions; to be asked about once a second by whoever has something to say."""

    def __init__(self, kodi: Kodi, clock: Clock, forbidding: Sequence[str]) -> None:
        """`forbidding`: `NO_NOTICE` or `NO_QUESTION`."""
        self._kodi = kodi
        self._clock = clock
        self._forbidding = forbidding
        self._since: Optional[float] = None
        self._looked = 0.0

    def lasts(self) -> bool:
        """Whether nothing has forbidden it for some seconds."""
        now = self._clock.monotonic()
        if any(self._kodi.condition(condition) for condition in self._forbidding):
            self._since = None
            return False
        if self._since is None or now - self._looked > _BLIND_S:
            self._since = now
        self._looked = now
        return now - self._since >= _SETTLED_S
