"""Start and stop: puts the add-on's parts together and lets each do its step, ten times a second at most.

One thread, one wait (Kodi's waitForAbort), in which Kodi also delivers keys, notifications and changed settings.
Nothing here, and nothing that is called from here, waits for the user or the network. A part that fails is told to
the log, and the others go on.
"""

from __future__ import annotations

import atexit
import gc
import os
from typing import Any, Callable, List, Mapping, Optional

import libtrakt
import xbmc

from . import actions, native, paths, settings
from .account import AccountControl
from .clock import Clock
from .compat import OTHER_ID, OtherAddon, Publisher
from .failures import Failures
from .invitation import Invitation
from .item_actions import ItemActions
from .items import Items
from .kodi import Kodi
from .link import LinkControl
from .marks import Marks
from .notices import Notices
from .outbox import OutboxControl
from .outbox_counts import OutboxCounts
from .play_notices import PlayNotices
from .player import Playback, Player
from .private import Private
from .properties import Properties
from .questions import Questions
from .ratings import Ratings
from .report import Report
from .screens import ending
from .state import State
from .trakt import UNAVAILABLE, Trakt

#: Seconds between two steps while something on the screen or under way wants to be followed, and otherwise.
_BUSY_TICK_S = 0.1
_IDLE_TICK_S = 0.25
#: How long Kodi may take to tell a service to end that it has disabled, in seconds.
_DISABLED_PATIENCE_S = 2.0
#: Seconds between two looks at the account, the login and the library's log while nothing is shown.
_LOOK_EVERY_S = 1.0
#: Seconds between two looks at what Kodi doesn't report, its own proxy settings.
_READ_EVERY_S = 60.0


def main(since_start: xbmc.Monitor) -> None:
    """Runs until Kodi ends, the add-on is disabled or updated, or another profile is loaded.

    `since_start` was there before all else; its owner may have been told to end already.
    """
    try:
        service = Service(Kodi(), Clock())
    except RuntimeError:
        # Kodi doesn't know an add-on any more that was disabled while it started; it is about to say so.
        if since_start.waitForAbort(_DISABLED_PATIENCE_S):
            return
        raise
    # Kodi ends a script that came to harm without unwinding it; then this is what still runs.
    atexit.register(service.stop)
    monitor = Monitor(service)
    try:
        if since_start.abortRequested():
            return
        service.start()
        while not monitor.waitForAbort(service.tick):
            service.step()
    finally:
        service.stop()
        # Kodi wants its objects back before the interpreter ends: what comes later it touches when it is gone.
        atexit.unregister(service.stop)
        del service, monitor
        gc.collect()


class Monitor(xbmc.Monitor):
    """Hands on what Kodi reports, from within waitForAbort."""

    def __init__(self, service: Service) -> None:
        """Reports to `service`."""
        super().__init__()
        self._service = service

    def onSettingsChanged(self) -> None:
        """The user left the settings page with a change, or we changed one."""
        self._service.settings_changed()

    def onNotification(self, sender: str, method: str, data: str) -> None:
        """Anything that happens in Kodi."""
        self._service.noted(method, data)
        if method == "System.OnWake":
            self._service.woke()
        else:
            wish = actions.wanted(sender, method, data)
            if wish:
                self._service.act(wish)


class Service:
    """The add-on's parts."""

    def __init__(self, kodi: Kodi, clock: Clock) -> None:
        """Makes the parts; nothing runs yet."""
        self._kodi = kodi
        self._clock = clock
        self._data_dir = paths.data_dir(kodi.profile_path, kodi.translate("special://masterprofile/"))
        # A folder that can't be made is no reason not to run: the library says so, and works from memory.
        try:
            paths.prepare(self._data_dir, kodi.profile_path)
        except OSError as error:
            kodi.log("warn", f"{self._data_dir} can't be prepared: {error}")
        self._failures = Failures(self._tell_failure)
        self._state = State(os.path.join(self._data_dir, "state.json"))
        self._private = Private(os.path.join(self._data_dir, "private.json"))
        self._trakt = Trakt(self._load_library, self._failures)
        self._settings = settings.read(kodi, self._data_dir, self._private)
        self._questions = Questions(kodi, clock)
        self.report = Report(kodi, self._trakt, self._data_dir)
        self.link = LinkControl(kodi, self._trakt, clock, self._data_dir)
        self.account = AccountControl(kodi, self._trakt, clock, self._data_dir, self._questions)
        self._notices = Notices(kodi, self._trakt, clock, self._state, self._questions)
        self._invitation = Invitation(kodi, clock, self._state, self._questions)
        self._properties = Properties(kodi)
        items = Items(kodi)
        self._playback = Playback(kodi, self._trakt, clock, items, self._failures)
        self._player = Player(self._playback, self._failures)
        self._marks = Marks(kodi, self._trakt, clock, items)
        self._publisher = Publisher(kodi)
        self._other_addon = OtherAddon(kodi, self._state, self._questions)
        self._playback.listeners += [self._marks.played, self._publisher.played]
        self.outbox = OutboxControl(kodi, self._trakt, clock, self._questions)
        self._counts = OutboxCounts(self._trakt)
        self.ratings = Ratings(kodi, self._trakt, clock, self._state)
        self._play_notices = PlayNotices(kodi, clock)
        self._item_actions = ItemActions(kodi, self._trakt, self._questions, self.ratings)
        self._next_look = 0.0
        self._next_reading = 0.0
        self._linked = False
        self._stopped = False
        # What one part asks of another goes by these; they don't know each other.
        self.link.on_account = self.account.open
        self.account.on_link = self.link.open
        self.account.on_outbox = self.outbox.open
        self._notices.on_link = self.link.open
        self._invitation.on_link = self.link.open

    @property
    def tick(self) -> float:
        """Seconds until the next step."""
        return _BUSY_TICK_S if self._trakt.busy or self._showing or self._marks.busy else _IDLE_TICK_S

    @property
    def _showing(self) -> bool:
        parts = (self.link, self.account, self.outbox, self.ratings, self._questions, self.report)
        return any(part.showing for part in parts)

    def start(self) -> None:
        """Opens the client and says to others that the service runs."""
        self._kodi.set_property(actions.RUNNING, self._kodi.addon_version)
        self._kodi.log("info", f"started, {self._kodi.addon_version}")
        with self._failures.caught("start"):
            settings.take_secrets(self._kodi, self._private)
            self._settings = settings.read(self._kodi, self._data_dir, self._private)
            self._open()
        with self._failures.caught("other add-on"):
            self._other_addon.see()
        with self._failures.caught("player"):
            self._playback.begin()
        self._next_reading = self._clock.monotonic() + _READ_EVERY_S

    def step(self) -> None:
        """What has to be done now. Never waits."""
        with self._failures.caught("calls"):
            self._trakt.step()
        with self._failures.caught("player"):
            self._playback.step()
        with self._failures.caught("marks"):
            self._marks.step()
        now = self._clock.monotonic()
        looks = now >= self._next_look
        if looks:
            self._next_look = now + _LOOK_EVERY_S
        if looks or self._showing:
            self._look(looks)
        if now >= self._next_reading:
            self._next_reading = now + _READ_EVERY_S
            self.settings_changed()
            with self._failures.caught("other add-on"):
                self._other_addon.look(linked=self._linked)
                self.report.facts[OTHER_ID] = self._other_addon.facts()

    def _look(self, looks: bool) -> None:
        """Lets the parts see how things are: those with a screen each time, the others when it is time."""
        account: Mapping[str, Any] = UNAVAILABLE
        with self._failures.caught("account"):
            account = self._trakt.account()
            self._linked = bool(account.get("linked"))
        with self._failures.caught("link"):
            self.link.step(account, self._settings)
        with self._failures.caught("account screen"):
            self.account.step(account, self._counts.now)
        with self._failures.caught("events"):
            self._hear()
        with self._failures.caught("outbox counts"):
            self._counts.step(account)
        with self._failures.caught("outbox"):
            self.outbox.step()
        if not looks:
            return
        with self._failures.caught("log"):
            self.report.collect(self._trakt.log_records())
        with self._failures.caught("notices"):
            self._notices.step(account, self._settings)
        with self._failures.caught("invitation"):
            self._invitation.step(account, self._settings)
        with self._failures.caught("play notices"):
            self._play_notices.step(self._settings)
        with self._failures.caught("properties"):
            self._properties.step(account, self._counts.now)
            # A skin that is loaded anew, or an older service that ended late, has taken it away.
            if not self._kodi.property(actions.RUNNING):
                self._kodi.set_property(actions.RUNNING, self._kodi.addon_version)
        with self._failures.caught("questions"):
            self._questions.step()
        with self._failures.caught("ratings"):
            self.ratings.step(account, self._settings)
        with self._failures.caught("settings page"):
            settings.show_status(self._kodi, account)

    def _hear(self) -> None:
        """What has happened in the library, to all whom it concerns."""
        for event in self._trakt.events():
            for hear in (
                lambda event: self.ratings.event(event, self._settings),
                lambda event: self._play_notices.event(event, self._settings),
                self._counts.event,
                self.outbox.event,
            ):
                with self._failures.caught(f"event {event.get('type')}"):
                    hear(event)

    def settings_changed(self) -> None:
        """Takes over what changed; the client is opened again if it has to be."""
        with self._failures.caught("settings"):
            # This changes settings itself, and so is called again; the second time nothing is left to change.
            settings.take_secrets(self._kodi, self._private)
            new = settings.read(self._kodi, self._data_dir, self._private)
            old, self._settings = self._settings, new
            if new.config != old.config or _words(new.trouble) != _words(old.trouble):
                self._open()
                self._next_look = 0.0
                if self._trakt.trouble:
                    self._notices.tell_status()
            elif new.scrobbling != old.scrobbling:
                self._set_options()

    def act(self, wish: actions.Wish) -> None:
        """Does what somebody asked for by RunScript or in a context menu."""
        with self._failures.caught(f"action {wish.action}"):
            if wish.facts is not None:
                self._item_actions.act(wish.action, wish.facts)
                return
            linked = bool(self._trakt.account().get("linked"))
            does: Mapping[str, Callable[[], Any]] = {
                "open": self.account.open if linked else self.link.open,
                "link": self.link.open,
                "account": self.account.open,
                "unlink": self.account.unlink,
                "status": self._notices.tell_status,
                "report": self.report.open,
                "outbox": self.outbox.open,
            }
            does[wish.action]()

    def noted(self, method: str, data: str) -> None:
        """Something happened in Kodi."""
        self._kodi.noted(method)
        with self._failures.caught("player"):
            self._playback.noted(method, data)
        with self._failures.caught("marks"):
            # script.trakt tells of marks itself, and makes marks of what it reads at Trakt.
            wanted = self._settings.scrobbling.marks_send and not self._other_addon.enabled
            self._marks.noted(method, data, wanted)

    def woke(self) -> None:
        """The box woke up; network and time come late."""
        with self._failures.caught("waking"):
            self._notices.woke()

    def stop(self) -> None:
        """Closes screens and client. Stopping again does nothing."""
        if self._stopped:
            return
        self._stopped = True
        ending.begin()
        ends: List[Callable[[], None]] = [
            self._playback.close,
            self._marks.close,
            self._publisher.clear,
            self.link.close,
            self.account.close,
            self.outbox.close,
            self.ratings.close,
            self._questions.close,
            self.report.close,
            self._properties.clear,
            lambda: self._kodi.set_property(settings.STATUS, ""),
            lambda: self._kodi.set_property(actions.RUNNING, ""),
            self._trakt.close,
        ]
        for end in ends:
            with self._failures.caught("stop"):
                end()
        self._kodi.log("info", "stopped")

    def _load_library(self) -> libtrakt.Library:
        return native.load(self._kodi.addon_path, self._data_dir, self._kodi.translate("special://xbmcaltbinaddons/"))

    def _open(self) -> None:
        """Opens the client with the settings as they are."""
        self._trakt.open(self._settings.config, self._settings.trouble)
        if self._trakt.trouble:
            self._kodi.log("warn", f"{type(self._trakt.trouble).__name__}: {self._trakt.trouble}")
        self._set_options()

    def _set_options(self) -> None:
        """Tells the library what the user wants to be told to Trakt; it keeps that as long as the client is open."""
        with self._failures.caught("options"):
            try:
                self._trakt.ask("player.options", self._settings.scrobbling.player_options())
            except libtrakt.TraktError:
                # Rather nothing than what the user wants left out.
                self._trakt.ask("player.options", {"enabled": False})
                raise

    def _tell_failure(self, message: str) -> None:
        self.report.note(message)


def _words(trouble: Optional[settings.SettingError]) -> Any:
    return trouble and trouble.text
