"""What Kodi's player does, as facts for the library: started, paused, where it is, ended. What counts, others decide.

Kodi's callbacks come late and not always: what takes the place of a video stops it without a word, so does the end of
Kodi, and where it was nobody can tell any more. So the position is looked at in each step.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, NamedTuple, Optional

import libtrakt
import xbmc

from .clock import Clock
from .failures import Failures
from .items import EPISODE, GIVEN_IDS, LEFT_OUT, Entry, Item, Items, Played
from .kodi import Kodi
from .trakt import Trakt

STARTED, PROGRESS, PAUSED, RESUMED = "started", "progress", "paused", "resumed"
SEEKED, STOPPED, ENDED = "seeked", "stopped", "ended"

#: Seconds between two reports while it plays.
_PROGRESS_EVERY_S = 10.0
#: How long another position than the one that was just jumped to is an old one, in seconds.
_SEEK_SETTLES_S = 2.0
_SEEK_NEAR_MS = 10_000
#: What moves so far isn't paused, whatever Kodi says.
_MOVES_MS = 3_000
#: How long what plays may be gone, or be something else, without Kodi saying so, in seconds.
_GONE_AFTER_S = 5.0
#: How often it is looked whether something plays that Kodi has not told of, in seconds.
_BEGIN_EVERY_S = 5.0
#: From here on a video may have been watched; before, nobody can say so.
_LIKELY = 0.5
_WATCHED = 0.8

_STACK = "stack://"
#: What the add-on Up Next says when the episode that plays counts as watched for it.
_UP_NEXT = "NEXTUPWATCHEDSIGNAL"


class Report(NamedTuple):
    """What the library was told, and what it made of it (empty without a client).

    `over`: a video that was played to its end, or nearly.
    """

    event: str
    session: str
    item: Item
    entries: FrozenSet[Entry]
    over: bool
    reply: Mapping[str, Any]


class _Session:
    """One playback of one thing."""

    def __init__(self, file: str, played: Played) -> None:
        self.id = uuid.uuid4().hex
        self.file = file
        self.played = played
        self.position_ms: Optional[int] = None
        self.duration_ms: Optional[int] = None
        self.paused = False
        self.paused_ms = 0
        self.next_report = 0.0
        self.sought: Optional[int] = None
        self.sought_until = 0.0
        self.gone_since: Optional[float] = None
        #: From where on it counts as watched for another add-on.
        self.said_watched_ms: Optional[int] = None

    @property
    def share(self) -> float:
        """How far it is, 0 to 1; 0 if nobody knows."""
        return (self.position_ms or 0) / self.duration_ms if self.duration_ms else 0.0

    @property
    def is_before_its_end(self) -> bool:
        """Whether it is known to be so far from its end that nobody has watched it."""
        return self.position_ms is not None and bool(self.duration_ms) and self.share < _WATCHED


class Playback:
    """The video that plays, if one does. `listeners` are told each report; they must not wait."""

    def __init__(self, kodi: Kodi, trakt: Trakt, clock: Clock, items: Items, failures: Failures) -> None:
        """Nothing plays, as far as is known."""
        self._kodi = kodi
        self._trakt = trakt
        self._clock = clock
        self._items = items
        self._failures = failures
        self._session: Optional[_Session] = None
        self._refused = ""
        self._next_begin = 0.0
        self._quits = False
        self.listeners: List[Callable[[Report], Any]] = []

    @property
    def entries(self) -> FrozenSet[Entry]:
        """What of Kodi's library plays now."""
        return self._session.played.entries if self._session else frozenset()

    # what Kodi says

    def opening(self) -> None:
        """Something is about to play; what played before it is over."""
        if self._session and not self._goes_on(self._session):
            self._finish(STOPPED)

    def started(self) -> None:
        """The first picture shows."""
        playing = self._kodi.playing()
        session = self._session
        if session and playing and playing.file == session.file:
            session.gone_since = None  # the next file of a film in several
            return
        if session:
            self._finish(STOPPED)
        if playing:
            self._session = _Session(playing.file, self._items.playing())
            self._look(self._session)
            self._report(STARTED)

    def paused(self) -> None:
        """It was paused."""
        session = self._session
        if session and not session.paused:
            self._look(session)
            session.paused = True
            session.paused_ms = session.position_ms or 0
            self._report(PAUSED)

    def resumed(self) -> None:
        """It goes on. Kodi says so as well when something else is about to take its place."""
        session = self._session
        if session and session.paused and self._is_its_own(session):
            session.paused = False
            self._report(RESUMED)

    def sought(self, position_ms: int) -> None:
        """The position was changed; the player's own goes on being the old one for a moment."""
        session = self._session
        if session and position_ms >= 0:
            session.sought = session.position_ms = session.paused_ms = position_ms
            session.sought_until = self._clock.monotonic() + _SEEK_SETTLES_S
            self._report(SEEKED)

    def stopped(self) -> None:
        """It was stopped, or couldn't be played on."""
        self._finish(STOPPED)
        self._tidy()

    def ended(self) -> None:
        """It ran to its end; a stream that breaks off is an end for Kodi, too."""
        session = self._session
        self._finish(STOPPED if session and session.is_before_its_end else ENDED)
        self._tidy()

    def noted(self, method: str, data: str) -> None:
        """Anything that happens in Kodi."""
        if method == "System.OnQuit":
            self._quits = True
            self._finish(STOPPED)
        elif method == f"Other.{_UP_NEXT}":
            self._said_watched(data)

    # life

    def begin(self) -> None:
        """Takes up what already plays."""
        if not self._session:
            self.started()

    def step(self) -> None:
        """Looks where it is. Never waits."""
        session = self._session
        now = self._clock.monotonic()
        if not session:
            if now >= self._next_begin and not self._quits:
                self._next_begin = now + _BEGIN_EVERY_S
                playing = self._kodi.playing()
                if playing and playing.position_ms:  # before its first picture it is Kodi's to say
                    self.begin()
            return
        knew_duration = session.duration_ms is not None
        if not self._look(session):
            session.gone_since = now if session.gone_since is None else session.gone_since
            if now - session.gone_since >= _GONE_AFTER_S:
                self._finish(STOPPED)
                self.begin()
            return
        session.gone_since = None
        if session.paused:
            if abs((session.position_ms or 0) - session.paused_ms) > _MOVES_MS and session.sought is None:
                self._moved_while_paused(session)
        elif now >= session.next_report or (session.duration_ms is not None and not knew_duration):
            if not session.played.settled:
                self._identify(session)
            self._report(PROGRESS)

    def close(self) -> None:
        """Kodi ends, or the add-on: what plays is over for it."""
        self._finish(STOPPED)

    # inside

    def _look(self, session: _Session) -> bool:
        """Remembers where it is; whether it is still this that plays."""
        playing = self._kodi.playing()
        if not playing or playing.file != session.file:
            return False
        if playing.duration_ms is not None:
            session.duration_ms = playing.duration_ms
        if playing.position_ms is not None and self._is_new(session, playing.position_ms):
            session.position_ms = playing.position_ms
        return True

    def _is_new(self, session: _Session, position_ms: int) -> bool:
        if session.sought is None:
            return True
        if abs(position_ms - session.sought) > _SEEK_NEAR_MS and self._clock.monotonic() < session.sought_until:
            return False
        session.sought = None
        return True

    def _is_its_own(self, session: _Session) -> bool:
        return self._kodi.playing_file() == session.file

    def _moved_while_paused(self, session: _Session) -> None:
        """It goes on without Kodi saying so, or a chapter was skipped."""
        if self._kodi.rpc("Player.GetProperties", playerid=1, properties=["speed"]).get("speed") == 0:
            session.paused_ms = session.position_ms or 0
            self._report(SEEKED)
        else:
            self.resumed()

    def _tidy(self) -> None:
        """Takes away what the add-on that played has said for us: what plays next is something else."""
        if not self._kodi.playing_file():
            for name in (GIVEN_IDS, LEFT_OUT):
                if self._kodi.property(name):
                    self._kodi.set_property(name, "")

    def _goes_on(self, session: _Session) -> bool:
        """A film in several files begins anew for the player with each of them."""
        return session.file.startswith(_STACK) and self._is_its_own(session)

    def _identify(self, session: _Session) -> None:
        """Asks again what it is: the programme of a channel changes, and add-ons say late what they play."""
        played = self._items.playing()
        if played.live or not session.played.live:
            # Whoever has it left out may take that back while it plays.
            settled = not played.live and not played.item.get("excluded")
            session.played = played._replace(settled=settled)

    def _said_watched(self, data: str) -> None:
        session = self._session
        if not session or session.share < _LIKELY:
            return
        number = _up_next_episode(data)
        if session.played.entries and (EPISODE, number) not in session.played.entries:
            return
        session.said_watched_ms = session.position_ms

    def _finish(self, event: str) -> None:
        session = self._session
        if not session:
            return
        said = session.said_watched_ms
        if said is not None and (session.position_ms or 0) >= said:
            event = ENDED
        self._report(event)
        self._session = None
        # For a moment Kodi may still say that it plays.
        self._next_begin = self._clock.monotonic() + _BEGIN_EVERY_S

    def _report(self, event: str) -> None:
        session = self._session
        if not session:
            return
        session.next_report = self._clock.monotonic() + _PROGRESS_EVERY_S
        fact: Dict[str, Any] = {"event": event, "session": session.id, "item": session.played.item}
        if not session.played.live:
            # Of live television the player knows how long it has been on, not how far the programme is.
            fact.update(position_ms=session.position_ms, duration_ms=session.duration_ms)
        reply: Mapping[str, Any] = {}
        try:
            reply = self._trakt.player_event(fact)
        except libtrakt.TraktError as error:
            if error.code != self._refused:
                self._kodi.log("warn", f"player.event {event}: {error}")
            self._refused = error.code
        over = event == ENDED or session.share >= _WATCHED
        report = Report(event, session.id, session.played.item, session.played.entries, over, reply)
        for listener in self.listeners:
            with self._failures.caught("telling what plays"):
                listener(report)


def _up_next_episode(data: str) -> Optional[int]:
    """The number of the episode, out of [base64 or hex of {"episodeid": 12}]."""
    try:
        packed = json.loads(data)
        text = packed[0] if isinstance(packed, list) else packed
        if isinstance(text, str):
            text = _unpacked(text)
        number = text.get("episodeid")
        return int(number)
    except (ValueError, TypeError, AttributeError, IndexError):
        return None


def _unpacked(text: str) -> Any:
    for unpack in (bytes.fromhex, lambda packed: base64.b64decode(packed, validate=True)):
        try:
            return json.loads(unpack(text))
        except (ValueError, binascii.Error):
            continue
    return {}


class Player(xbmc.Player):
    """Hands on what Kodi's player reports, from within waitForAbort."""

    def __init__(self, playback: Playback, failures: Failures) -> None:
        """Reports to `playback`."""
        super().__init__()
        self._playback = playback
        self._failures = failures

    def onPlayBackStarted(self) -> None:
        """A file is being opened."""
        with self._failures.caught("player"):
            self._playback.opening()

    def onAVStarted(self) -> None:
        """There is picture or sound."""
        with self._failures.caught("player"):
            self._playback.started()

    def onPlayBackPaused(self) -> None:
        """Paused."""
        with self._failures.caught("player"):
            self._playback.paused()

    def onPlayBackResumed(self) -> None:
        """Not paused any more."""
        with self._failures.caught("player"):
            self._playback.resumed()

    def onPlayBackSeek(self, time: int, seekOffset: int) -> None:
        """Jumped to `time`, in milliseconds."""
        with self._failures.caught("player"):
            self._playback.sought(time)

    def onPlayBackStopped(self) -> None:
        """Stopped."""
        with self._failures.caught("player"):
            self._playback.stopped()

    def onPlayBackError(self) -> None:
        """Couldn't be played on."""
        with self._failures.caught("player"):
            self._playback.stopped()

    def onPlayBackEnded(self) -> None:
        """Ran to its end."""
        with self._failures.caught("player"):
            self._playback.ended()
