"""Asks how a film or an episode was, after it counted and when nobody watches any more, and keeps in mind what was
answered here.

Asked is for the last thing that counted, once: whoever sees four episodes in a row isn't asked four times. It waits
until no video plays, no dialog is open and nothing has started for some seconds; steps aside when something starts; is
dropped half an hour after the thing was seen, and closes by itself when nobody touches it. Knows nothing of windows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

import libtrakt

from . import texts, trouble
from .calm import NO_QUESTION, WATCHING, Calm
from .clock import Clock
from .dates import of_timestamp, parse
from .kodi import INFO, WARNING, Kodi
from .screens import rating as screen
from .screens.rating import RatingScreen
from .settings import Scrobbling, Settings
from .state import State
from .texts import Text
from .titles import title_of
from .trakt import Trakt

#: What was seen longer ago isn't asked about any more, in seconds.
_FRESH_S = 1800.0
#: The window closes by itself when no key was pressed for so many seconds.
_OPEN_S = 45.0
#: A window that comes by itself takes no press at first, in seconds: the press was meant for what was there before.
_UNARMED_S = 0.8
#: Trakt's own rule, in per cent.
_COUNTS_FROM = 80
#: Where the focus is for what has no rating yet.
_USUAL = 7
#: So many names of rated things are kept; one thing has two or three.
_KEPT = 600
_RATINGS = "ratings"
_WORDS = (
    texts.RATING_1,
    texts.RATING_2,
    texts.RATING_3,
    texts.RATING_4,
    texts.RATING_5,
    texts.RATING_6,
    texts.RATING_7,
    texts.RATING_8,
    texts.RATING_9,
    texts.RATING_10,
)
_SESSIONS = 20


class _Seen(NamedTuple):
    """What is to be asked about. `at`: when it counted, by the elapsed time; None: the user wants to rate it now."""

    item: Mapping[str, Any]
    kind: str
    at: Optional[float]


class Ratings:
    """What waits to be asked, and the window."""

    def __init__(self, kodi: Kodi, trakt: Trakt, clock: Clock, state: State) -> None:
        """Nothing is asked yet."""
        self._kodi = kodi
        self._trakt = trakt
        self._clock = clock
        self._known = _Known(state)
        self._calm = Calm(kodi, clock, NO_QUESTION)
        #: How far the sessions have got that the library tells of, in per cent.
        self._progress: Dict[str, float] = {}
        self._waiting: Optional[_Seen] = None
        self._asked: Optional[_Seen] = None
        self._screen: Optional[RatingScreen] = None
        self._has_been_seen = False
        self._shown_at = self._touched_at = 0.0

    @property
    def showing(self) -> bool:
        """Whether the window is open."""
        return self._screen is not None

    def rate(self, item: Mapping[str, Any]) -> None:
        """The user wants to rate this now."""
        self._known.of(_uuid(self._trakt.account()))
        self._take()
        self._show(_Seen(item, str(item.get("type")), None))

    def remember(self, item: Mapping[str, Any], number: Optional[int]) -> None:
        """Keeps in mind how this is rated; None: not at all."""
        self._known.of(_uuid(self._trakt.account()))
        self._known.set(item, number)

    def event(self, event: Mapping[str, Any], settings: Settings) -> None:
        """Something happened in the library."""
        data = event.get("data")
        if not isinstance(data, dict):
            return
        session = str(data.get("session"))
        if event.get("type") == "player.changed":
            if isinstance(data.get("progress"), (int, float)):
                self._progress.pop(session, None)
                self._progress[session] = float(data["progress"])
                while len(self._progress) > _SESSIONS:
                    self._progress.pop(next(iter(self._progress)))
        elif event.get("type") == "play.counted" and isinstance(data.get("item"), dict):
            self._counted(data["item"], data.get("watched_at"), self._progress.get(session), settings.scrobbling)

    def step(self, account: Mapping[str, Any], settings: Settings) -> None:
        """Asks if this is the moment; closes and steps aside. About once a second is enough."""
        self._known.of(_uuid(account))
        if self._screen and self._asked:
            if self._has_been_seen and not self._screen.visible:
                self._take()  # Kodi closed it, as it does with all dialogs when it loads a skin
            elif self._asked.at is not None:
                self._step_aside()
            if self._screen:
                self._has_been_seen = self._screen.visible
        elif self._waiting:
            if not _wanted(self._waiting.kind, settings.scrobbling) or self._is_old(self._waiting):
                self._waiting = None
            elif self._calm.lasts():
                self._show(self._waiting)

    def close(self) -> None:
        """Closes the window and forgets what waits."""
        self._waiting = None
        self._take()

    # what is asked, and when

    def _counted(self, item: Mapping[str, Any], watched_at: Any, progress: Optional[float], wanted: Scrobbling) -> None:
        kind = self._kind(item)
        # What counts has come far enough to count: a lower number is of what the session plays since.
        too_little = progress is not None and _COUNTS_FROM <= progress < wanted.rate_after
        if not _wanted(kind, wanted) or too_little:
            return
        ended = parse(watched_at)
        if ended and of_timestamp(self._clock.wall()) - ended > timedelta(seconds=_FRESH_S):
            return  # seen in an earlier life of Kodi, and settled only now
        self._waiting = _Seen(item, kind, self._clock.elapsed())

    def _kind(self, item: Mapping[str, Any]) -> str:
        """Film or episode, also of what only has a file name."""
        kind = str(item.get("type"))
        if kind != "file":
            return kind
        try:
            found = self._trakt.ask("match.get", {"item": item})
        except libtrakt.TraktError:
            return kind
        parsed = found.get("parsed") if isinstance(found, dict) else None
        return str((parsed or {}).get("type") or kind)

    def _is_old(self, seen: _Seen) -> bool:
        return seen.at is not None and self._clock.elapsed() - seen.at > _FRESH_S

    def _step_aside(self) -> None:
        if any(self._kodi.condition(condition) for condition in WATCHING):
            self._waiting = self._waiting or self._asked
            self._take()
        elif self._clock.monotonic() - self._touched_at > _OPEN_S:
            self._take()

    # the window

    def _show(self, seen: _Seen) -> None:
        self._waiting = None
        self._asked = seen
        self._has_been_seen = False
        self._shown_at = self._touched_at = self._clock.monotonic()
        words = [self._words(number) for number in range(1, screen.MOST + 1)]
        window = RatingScreen(self._kodi.addon_path, words, self._rated, self._pressed, self._left, self._touched)
        known = self._known.get(seen.item)
        window.ask(
            self._kodi.text(texts.RATING_HEADING),
            self._title(seen.item),
            self._kodi.text(texts.RATING_PRESENT, rating=self._words(known)) if known else "",
            self._kodi.text(texts.RATING_REMOVE) if known else "",
            known or _USUAL,
        )
        self._screen = window
        window.show()

    def _words(self, number: int) -> str:
        return self._kodi.text(texts.RATING_WORDS, rating=number, words=Text(_WORDS[number - 1]))

    def _title(self, item: Mapping[str, Any]) -> str:
        title = title_of(item)
        return self._kodi.say(title) if isinstance(title, Text) else title

    def _take(self) -> Optional[_Seen]:
        """Takes the window off the screen."""
        asked, self._asked = self._asked, None
        window, self._screen = self._screen, None
        if window:
            window.close()
        return asked

    def _touched(self) -> None:
        self._touched_at = self._clock.monotonic()

    def _left(self) -> None:
        self._take()

    def _armed(self) -> bool:
        by_itself = self._asked is not None and self._asked.at is not None
        return not by_itself or self._clock.monotonic() - self._shown_at >= _UNARMED_S

    def _pressed(self, control: int) -> None:
        if not self._armed():
            return
        asked = self._take()
        if asked and control == screen.REMOVE:
            self._send("rating.remove", asked.item, None)

    def _rated(self, number: int) -> None:
        if not self._armed():
            return
        asked = self._take()
        if asked:
            self._send("rating.set", asked.item, number)

    def _send(self, method: str, item: Mapping[str, Any], number: Optional[int]) -> None:
        params: Dict[str, Any] = {"item": item}
        if number is not None:
            params["rating"] = number
        title = self._title(item)

        def then(data: Any, error: Optional[libtrakt.TraktError]) -> None:
            if error is not None:
                self._kodi.notify(trouble.of_error(error), WARNING)
                return
            self.remember(item, number)
            if number is None:
                self._kodi.notify(Text(texts.RATING_REMOVED, {"title": title}), INFO)
            else:
                self._kodi.notify(Text(texts.RATED, {"rating": number, "title": title}), INFO)

        self._trakt.submit(method, params, then)


class _Known:
    """The ratings given here, of the account there is now. Trakt isn't asked: that would be a list of thousands."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._uuid: Any = None

    def of(self, uuid: Any) -> None:
        """Whose ratings they are."""
        self._uuid = uuid

    def get(self, item: Mapping[str, Any]) -> Optional[int]:
        known = self._kept()
        found = next((known[name] for name in names_of(item) if name in known), None)
        return found if isinstance(found, int) and 1 <= found <= screen.MOST else None

    def set(self, item: Mapping[str, Any], number: Optional[int]) -> None:
        names = names_of(item)
        kept = {name: value for name, value in self._kept().items() if name not in names}
        if number is not None:
            kept.update({name: number for name in names})
        newest = dict(list(kept.items())[-_KEPT:])
        self._state.set(_RATINGS, {"of": self._uuid, "known": newest} if newest else None)

    def _kept(self) -> Dict[str, Any]:
        kept = self._state.get(_RATINGS)
        if not isinstance(kept, dict) or kept.get("of") != self._uuid or not isinstance(kept.get("known"), dict):
            return {}
        return dict(kept["known"])


def names_of(item: Mapping[str, Any]) -> List[str]:
    """All names by which a thing is known again: by each of its ids, and by title and year."""
    kind, show = str(item.get("type")), item.get("show") or {}
    names = [f"{kind} {site} {id}" for site, id in sorted((item.get("ids") or {}).items()) if id]
    if kind in ("episode", "season"):
        place = f"{item.get('number')}" if kind == "season" else f"{item.get('season')}x{item.get('number')}"
        names += [f"{kind} {site} {id} {place}" for site, id in sorted((show.get("ids") or {}).items()) if id]
        return names or [f"{kind} {str(show.get('title')).lower()} {place}"]
    if not names and kind == "file":
        return [f"file {item.get('file')}"]
    return names or [f"{kind} {str(item.get('title')).lower()} {item.get('year')}"]


def _uuid(account: Mapping[str, Any]) -> Any:
    return (account.get("user") or {}).get("uuid")


def _wanted(kind: str, settings: Scrobbling) -> bool:
    return {"movie": settings.rate_movies, "episode": settings.rate_episodes}.get(kind, False)
