"""Short notices about what is watched, what Trakt has recorded, and what it didn't take. Knows nothing of how plays
are told to Trakt.

What is recorded while a video fills the screen is told when it doesn't any more, together; what isn't told within half
an hour isn't told at all. That something was refused is said calmly and once in an hour: the outbox screen has the
rest.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from . import texts
from .calm import NO_NOTICE, Calm
from .clock import Clock
from .kodi import INFO, WARNING, Kodi
from .settings import NOTIFY_ALWAYS, NOTIFY_CALM, NOTIFY_NEVER, Settings
from .texts import Text
from .titles import Words, title_of

_FILLED = "VideoPlayer.IsFullscreen"
#: Nobody looks then, however the screen is filled.
_RESTING = ("System.ScreenSaverActive", "System.DPMSActive")
#: What comes within so many seconds is told together.
_TOGETHER_S = 2.0
_FRESH_S = 1800.0
_QUIET_S = 3600.0
_SHOWN_S = 4.0
_SHOWN_TROUBLE_S = 10.0
_SESSIONS = 20
#: It goes on by itself, and that the account is locked is told anyway.
_PASSING = ("account_locked",)


class _News(NamedTuple):
    title: Words
    at: float


class PlayNotices:
    """Tells what the user wants to be told."""

    def __init__(self, kodi: Kodi, clock: Clock) -> None:
        """Nothing has happened yet."""
        self._kodi = kodi
        self._clock = clock
        self._calm = Calm(kodi, clock, NO_NOTICE)
        #: What was told of the sessions that go on, by the session.
        self._watching: Dict[str, Words] = {}
        self._recorded: List[_News] = []
        self._refused: List[_News] = []
        self._quiet_until: Optional[float] = None

    def event(self, event: Mapping[str, Any], settings: Settings) -> None:
        """Something happened in the library."""
        data = event.get("data")
        if not isinstance(data, dict) or not isinstance(data.get("item"), dict):
            return
        title, kind = title_of(data["item"]), event.get("type")
        if kind == "player.changed":
            self._changed(str(data.get("session")), data, title, settings.scrobbling.notify_watching)
        elif kind == "play.recorded":
            self._recorded.append(_News(title, self._clock.elapsed()))
        elif kind == "outbox.refused" and data.get("reason") not in _PASSING:
            self._refused = [*self._refused, _News(title, self._clock.elapsed())][-_SESSIONS:]

    def step(self, settings: Settings) -> None:
        """Tells what waits; to be called about once a second."""
        calm = self._calm.lasts()
        self._tell_recorded(settings.scrobbling.notify_scrobbled)
        if not settings.notify_trouble:
            self._refused = []
        elif self._refused and calm:
            self._tell_refused()

    def _changed(self, session: str, data: Mapping[str, Any], title: Words, when: int) -> None:
        if data.get("state") == "ended":
            self._watching.pop(session, None)
        elif data.get("watching") is True and self._watching.get(session) != title:
            self._watching.pop(session, None)
            self._watching[session] = title
            while len(self._watching) > _SESSIONS:
                self._watching.pop(next(iter(self._watching)))
            if self._may(when):
                self._kodi.notify(Text(texts.NOTICE_WATCHING, {"title": title}), INFO, _SHOWN_S)

    def _tell_recorded(self, when: int) -> None:
        now = self._clock.elapsed()
        self._recorded = [news for news in self._recorded if now - news.at < _FRESH_S] if when != NOTIFY_NEVER else []
        if not self._recorded or now - self._recorded[-1].at < _TOGETHER_S or not self._may(when):
            return
        news, self._recorded = self._recorded, []
        if len(news) == 1:
            words = Text(texts.NOTICE_RECORDED, {"title": news[0].title})
        else:
            words = Text(texts.NOTICE_RECORDED_MANY, {"count": len(news)})
        self._kodi.notify(words, INFO, _SHOWN_S)

    def _tell_refused(self) -> None:
        now = self._clock.elapsed()
        if self._quiet_until is not None and now < self._quiet_until:
            return
        news, self._refused = self._refused, []
        self._quiet_until = now + _QUIET_S
        if len(news) == 1:
            words = Text(texts.NOTICE_REFUSED, {"title": news[0].title})
        else:
            words = Text(texts.NOTICE_REFUSED_MANY)
        self._kodi.notify(words, WARNING, _SHOWN_TROUBLE_S)

    def _may(self, when: int) -> bool:
        if when == NOTIFY_CALM:
            return not any(self._kodi.condition(condition) for condition in (_FILLED, *_RESTING))
        return when == NOTIFY_ALWAYS
