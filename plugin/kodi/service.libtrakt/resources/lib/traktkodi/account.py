"""The account screen: shows at once what is stored, asks Trakt beside it, and does what the buttons say.

What the screen says is made by `account_view`; knows nothing of how it looks. Nothing here waits.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import libtrakt

from . import texts, trouble
from .account_view import (
    BUSY,
    CHECK,
    ERROR,
    LINK,
    OK,
    UNLINK,
    WARNING,
    Known,
    Message,
    Row,
    View,
    limit_names,
    plain,
    view,
    with_account,
)
from .clock import Clock
from .dates import Dates, as_set, of_timestamp
from .kodi import INFO, Kodi
from .kodi import WARNING as WARNING_ICON
from .outbox_counts import Counts
from .questions import Questions
from .screens import account as screen
from .screens.account import AccountScreen, Line
from .texts import Text
from .titles import Words
from .trakt import UNAVAILABLE, Trakt
from .usage import Usage

#: Settings so young are not asked for again when the screen opens, in milliseconds.
_RECENT_MS = 60_000
#: Kodi may still be at storing a picture when it is told to forget it; it is told once more after so many seconds.
_PICTURE_S = 5.0
#: How often "5 min ago" is looked at again, in seconds.
_REDRAW_S = 10.0
#: The most limits that are looked at; Trakt has about ten.
_MOST_LIMITS = 40
_CONTROLS = {CHECK: screen.CHECK, LINK: screen.LINK, UNLINK: screen.UNLINK}
#: What Kodi has in its library, which it counts itself: the name in our texts, the property of its home window.
_LIBRARY = {"movies": "Movies.Count", "shows": "TVShows.Count", "episodes": "Episodes.Count"}


class AccountControl:
    """Opens and drives the account screen."""

    def __init__(self, kodi: Kodi, trakt: Trakt, clock: Clock, data_dir: str, questions: Questions) -> None:
        """Shows nothing yet. `on_link` is called when the user wants to link an account, `on_outbox` when they want to
        see what waits for Trakt."""
        self._kodi = kodi
        self._trakt = trakt
        self._clock = clock
        self._qr_dir = os.path.join(data_dir, "qr")
        self._questions = questions
        self.on_link: Callable[[], None] = lambda: None
        self.on_outbox: Callable[[], None] = lambda: None
        self._outbox: Optional[Counts] = None
        self._rows: Sequence[Row] = ()
        self._screen: Optional[AccountScreen] = None
        self._account: Mapping[str, Any] = UNAVAILABLE
        self._settings: Optional[Mapping[str, Any]] = None
        self._usage = Usage(trakt, clock)
        self._doing: Optional[str] = None
        self._reached = False
        self._outcome: Optional[Message] = None
        self._error: Optional[libtrakt.TraktError] = None
        # Answers to what was asked for another account than the one there is now are dropped.
        self._generation = 0
        self._checked: Tuple[Any, ...] = ()
        self._checks: Dict[str, Mapping[str, Any]] = {}
        self._upgrade_url = ""
        self._qr: Dict[str, str] = {}
        self._drawn: Tuple[Any, ...] = ()
        self._buttons: List[str] = []
        self._forget_again: Optional[Tuple[str, float]] = None

    @property
    def showing(self) -> bool:
        """Whether the screen is open."""
        return self._screen is not None

    def open(self) -> None:
        """Shows what is known at once, and asks Trakt beside it. A screen that is open stays."""
        if self._screen:
            self._screen.show()  # Kodi takes windows off the screen when it loads its skin anew
            return
        self._outcome = self._error = None
        self._reached = False
        self._qr = {}
        self._drawn = ()
        self._buttons = []
        self._screen = AccountScreen(self._kodi.addon_path, self._clicked, self.close)
        if not self._take(self._trakt.account()) and with_account(self._account):
            self._load()
        self._draw()
        self._screen.show()

    def unlink(self) -> None:
        """Opens the screen and asks whether to unlink."""
        self.open()
        self._ask_to_unlink()

    def step(self, account: Mapping[str, Any], outbox: Optional[Counts] = None) -> None:
        """Follows the account, what waits for Trakt, and what is under way."""
        self._outbox = outbox
        if self._forget_again and self._clock.monotonic() >= self._forget_again[1]:
            self._kodi.forget_picture(self._forget_again[0])
            self._forget_again = None
        if self._screen:
            self._take(account)
            self._draw()

    def close(self) -> None:
        """Closes the screen. What is under way goes on, and is told by a notification if the user wants to know."""
        if self._screen:
            self._screen.close()
            self._screen = None

    # buttons

    def _clicked(self, control: int) -> None:
        if control == screen.CLOSE:
            self.close()
        elif control == screen.LIST:
            place = self._screen.selected() if self._screen else -1
            if 0 <= place < len(self._rows) and self._rows[place].opens_outbox:
                self.close()
                self.on_outbox()
        elif self._doing:
            return
        elif control == screen.CHECK:
            self._check()
        elif control == screen.LINK:
            # Two of our screens over each other would only confuse.
            self.close()
            self.on_link()
        elif control == screen.UNLINK:
            self._ask_to_unlink()

    def _check(self) -> None:
        if self._trakt.available:
            self._outcome = self._error = None
            self._doing = CHECK
            self._ask(0)

    def _ask_to_unlink(self) -> None:
        if self._doing or not with_account(self._account):
            return
        self._questions.ask(
            Text(texts.UNLINK_HEADING),
            Text(texts.UNLINK_QUESTION),
            [Text(texts.CANCEL), Text(texts.UNLINK)],
            self._answered,
            now=True,
        )

    def _answered(self, answer: Optional[int]) -> None:
        if answer != 1 or self._doing or not self._trakt.available:
            return
        ended = self._account.get("state") == "relink_needed"
        self._doing = UNLINK
        self._outcome = self._error = None

        def then(data: Any, error: Optional[libtrakt.TraktError]) -> None:
            self._doing = None
            self._take(self._trakt.account())
            self._outcome = _unlinked(data, error, ended)
            if not self._screen:
                icon = INFO if self._outcome.mood == OK else WARNING_ICON
                self._kodi.notify(self._outcome.words, icon, seconds=10)

        self._trakt.submit("account.unlink", None, then)

    # what is known

    def _take(self, account: Mapping[str, Any]) -> bool:
        """Whether it is another account, or none any more: what was known of the last one is forgotten then."""
        old, self._account = self._account, account
        if account.get("last_contact_at") != old.get("last_contact_at"):
            self._error = None
        if _identity(account) == _identity(old):
            return False
        self._generation += 1
        picture = ((self._settings or {}).get("user") or {}).get("avatar")
        if picture and not _same_user(account, old):
            self._kodi.forget_picture(picture)
            self._forget_again = picture, self._clock.monotonic() + _PICTURE_S
        self._settings = None
        self._usage.forget()
        self._outcome = self._error = None
        if self._doing == CHECK:
            self._doing = None
        if with_account(account):
            self._load()
        return True

    def _load(self) -> None:
        """What is stored; then Trakt is asked."""
        generation = self._generation

        def then(data: Any, error: Optional[libtrakt.TraktError]) -> None:
            if generation != self._generation:
                return
            if error is None and self._settings is None:
                self._settings = data
            if not self._doing and self._account.get("linked"):
                self._ask(_RECENT_MS)

        self._trakt.submit("settings.get", {"extended": "browsing", "offline": True}, then)

    def _ask(self, max_age_ms: int) -> None:
        """Asks Trakt, for the settings first. 0: because the user wants to know now."""
        generation = self._generation
        wanted = max_age_ms == 0

        def then(data: Any, error: Optional[libtrakt.TraktError]) -> None:
            if wanted and self._doing == CHECK:
                self._doing = None
            self._take(self._trakt.account())
            if generation != self._generation:
                return
            if error is None:
                self._settings = data
                self._reached = not data.get("error")
                if self._reached and self._screen:
                    self._usage.count(limit_names(data), fresh=wanted)
            elif wanted:
                self._error = error

        self._trakt.submit("settings.get", {"extended": "browsing", "max_age_ms": max_age_ms}, then)

    def _look_up_limits(self) -> None:
        """What the library says of each limit, once for each change."""
        checked = (self._settings, dict(self._usage.used))
        if checked == self._checked:
            return
        self._checked = checked
        self._checks = {}
        self._upgrade_url = ""
        for name in limit_names(self._settings)[:_MOST_LIMITS]:
            have = self._usage.used.get(name)
            if have is not None:
                self._checks[name] = self._asked("limit.check", {"limit": name, "have": have})
            if not self._upgrade_url:
                # Where a limit is lifted is told for one that is reached.
                full = self._asked("limit.check", {"limit": name, "have": 2**62})
                self._upgrade_url = str(full.get("upgrade_url") or "")

    def _library(self) -> Dict[str, int]:
        """What Kodi has in its library; nothing if it has none, or hasn't counted yet."""
        counts = {name: self._kodi.property(place) for name, place in _LIBRARY.items()}
        known = {name: int(count) for name, count in counts.items() if count.isdigit()}
        return known if len(known) == len(counts) and any(known.values()) else {}

    def _asked(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """A method that asks nobody; nothing if it fails, or if this library doesn't have it."""
        try:
            data = self._trakt.ask(method, params)
        except libtrakt.TraktError as error:
            self._kodi.log("debug", f"{method}: {error}")
            return {}
        return data if isinstance(data, dict) else {}

    # drawing

    def _draw(self) -> None:
        if not self._screen:
            return
        self._look_up_limits()
        turn = int(self._clock.monotonic() / _REDRAW_S)
        inputs = (
            self._account,
            self._checked,
            self._reached,
            self._doing,
            self._outcome,
            self._error,
            self._trakt.trouble,
            self._outbox,
            turn,
        )
        if inputs == self._drawn:
            return
        self._drawn = inputs
        dates, now = self._dates(), self._now()
        self._fill(self._screen, view(self._known(), dates, now))

    def _known(self) -> Known:
        return Known(
            account=self._account,
            settings=self._settings,
            reached=self._reached,
            used=self._usage.used,
            checks=self._checks,
            upgrade_url=self._upgrade_url,
            library=self._library(),
            outbox=self._outbox,
            unavailable=self._trakt.trouble,
            outcome=self._now_doing() or self._outcome,
            error=self._error,
            addon_version=self._kodi.addon_version,
            library_version=self._trakt.library_version,
        )

    def _now_doing(self) -> Optional[Message]:
        if self._doing == UNLINK:
            return Message(Text(texts.UNLINKING), BUSY)
        if self._doing == CHECK:
            return Message(Text(texts.CHECKING), BUSY)
        return None

    def _dates(self) -> Dates:
        account = (self._settings or {}).get("account")
        return as_set(account, self._kodi.region("dateshort"), self._kodi.region("time"))

    def _now(self) -> datetime:
        """By Trakt's clock, where that is known: a box's may be wrong."""
        skew = self._account.get("clock_skew_ms")
        return of_timestamp(self._clock.wall() + (skew if isinstance(skew, int) else 0) / 1000)

    def _fill(self, window: AccountScreen, shown: View) -> None:
        buttons = [*shown.buttons, "close"]
        focus = None
        if buttons != self._buttons:
            self._buttons = buttons
            focus = _CONTROLS.get(buttons[0], screen.CLOSE)
        url = shown.url
        if url and url not in self._qr:
            self._qr[url] = str(self._asked("qr.write", {"text": url, "dir": self._qr_dir}).get("png_path") or "")
        window.fill(
            {
                "name": self._say(shown.name),
                "username": shown.username,
                "avatar": shown.avatar,
                "vip": "true" if shown.vip else "",
                "since": self._say(shown.since),
                "message": self._say(shown.message.words),
                "mood": shown.message.mood,
                "caption": self._say(shown.caption),
                "address": plain(url),
                "qr": self._qr.get(url, ""),
                **{name: self._say(shown.buttons.get(name, "")) for name in _CONTROLS},
            },
            focus,
        )
        self._rows = shown.rows
        window.show_lines(
            [
                Line(
                    self._say(row.label),
                    self._say(row.value),
                    self._say(row.note),
                    row.heading,
                    "" if row.percent is None else str(row.percent),
                )
                for row in shown.rows
            ]
        )

    def _say(self, words: Words) -> str:
        return self._kodi.say(words) if isinstance(words, Text) else words


def _same_user(account: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return with_account(account) and _identity(account)[2] == _identity(other)[2]


def _identity(account: Mapping[str, Any]) -> Tuple[Any, ...]:
    """Changes when another account, or the same one anew, is linked; and when there is one again."""
    user = account.get("user") or {}
    return with_account(account), account.get("since"), user.get("uuid") or user.get("slug") or user.get("username")


def _unlinked(data: Any, error: Optional[libtrakt.TraktError], ended: bool) -> Message:
    """How unlinking ended. `ended`: Trakt had ended the link before."""
    if error is not None:
        return Message(Text(texts.UNLINK_FAILED, {"trouble": trouble.of_error(error)}), ERROR)
    if data.get("revoked") is True:
        return Message(Text(texts.UNLINKED), OK)
    reason = data.get("reason")
    if ended or reason == "not_linked":
        return Message(Text(texts.UNLINKED_ENDED), OK)
    words = Text(texts.UNLINKED_HERE, {"trouble": trouble.of_error({"code": reason})})
    return Message(words, WARNING, trouble.APPS_URL)
