"""Linking an account: follows the login that runs, with the link screen or without, and does what its buttons say.

Knows nothing of Trakt's protocol (the library's business), nor of what is shown of a login (`link_view`) and how.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping, Optional

import libtrakt

from .clock import Clock
from .kodi import ADDON_ID, ERROR, INFO, WARNING, Kodi
from .link_view import RUNNING, USUAL_LIFE_MS, Button, Known, Note, Sign, View, told, view
from .screens.link import LinkScreen
from .settings import Settings
from .texts import Text
from .trakt import Trakt

#: Seconds between two requests for a code, however often the buttons are pressed.
NEW_CODE_EVERY_S = 5.0
#: For this many seconds after the buttons have changed a press isn't meant for them: the key was on its way before.
HANDS_OFF_S = 0.5
#: For how many seconds it is said why there is another code than before.
NOTE_S = 20.0
#: Seconds between two looks at a login that goes on without the screen, and at whether the screen is still there.
LOOK_EVERY_S = 1.0
#: How long a success without the screen waits for the account's name to be known.
NAME_PATIENCE_S = 15.0

_ICONS = {Sign.OK: INFO, Sign.WARNING: WARNING, Sign.ERROR: ERROR}


class LinkControl:
    """The link screen, and the login behind it, which outlives it."""

    def __init__(
        self,
        kodi: Kodi,
        trakt: Trakt,
        clock: Clock,
        data_dir: str,
        new_screen: Callable[[str, Callable[[int], None], Callable[[], None]], LinkScreen] = LinkScreen,
    ) -> None:
        """Shows nothing yet. QR codes are drawn in a folder of `data_dir`."""
        self._kodi = kodi
        self._trakt = trakt
        self._clock = clock
        self._qr_dir = os.path.join(data_dir, "qr")
        self._new_screen = new_screen
        #: The user wants to see the account.
        self.on_account: Callable[[], None] = lambda: None

        self._screen: Optional[LinkScreen] = None
        self._view: Optional[View] = None
        self._account: Mapping[str, Any] = {}
        self._login: Mapping[str, Any] = {}
        #: A code is wanted; Trakt is asked for it when `_next_start` has come.
        self._wanted = False
        self._next_start = 0.0
        self._refused: Optional[libtrakt.TraktError] = None
        #: The login that was seen running, whose end will be news.
        self._following: Any = None
        self._ended_at: Optional[float] = None
        self._next_look = 0.0
        self._buttons_at = 0.0
        # The code on the screen, and what else is to be said of it.
        self._code = ""
        self._code_login: Any = None
        self._life_ms = USUAL_LIFE_MS
        self._note: Optional[Note] = None
        self._note_until = 0.0
        self._replacing = False
        self._qr_text = ""
        self._qr_path = ""

    @property
    def showing(self) -> bool:
        """Whether the screen is open."""
        return self._screen is not None

    def open(self) -> None:
        """Shows the running login, or asks Trakt for a code. The screen is there at once, whatever the network does."""
        if self._screen:
            return
        now = self._clock.monotonic()
        self._account = self._trakt.account()
        self._look(now)
        # The end of a login that nobody was told of yet is shown first.
        if not self._running and self._following is None:
            self._want()
        elif self._running and not self._note and self._code:
            self._say_why(Note.TAKEN_UP, now)
        self._screen = self._new_screen(self._kodi.addon_path, self._clicked, self._back)
        self._view = None
        self._next_look = now + LOOK_EVERY_S
        self._render(now)
        self._screen.show()
        self._start(now)

    def step(self, account: Mapping[str, Any], settings: Settings) -> None:
        """Follows the login, and tells how it ended if the screen isn't there to show it."""
        now = self._clock.monotonic()
        self._account = account
        looks = now >= self._next_look
        if looks:
            self._next_look = now + LOOK_EVERY_S
        if self._screen and looks and not self._screen.visible:
            # A change of skin, or somebody who closes all dialogs, takes the screen away without a word.
            self._back()
        if self._screen:
            self._look(now)
            self._start(now)
            self._render(now)
        elif looks and (self._following is not None or account.get("pending_login")):
            self._look(now)
            self._tell(now, settings)

    def close(self) -> None:
        """Closes the screen; the login goes on."""
        screen, self._screen = self._screen, None
        if screen:
            screen.close()

    # the login

    @property
    def _running(self) -> bool:
        return self._login.get("state") in RUNNING

    def _look(self, now: float) -> None:
        """Advances the login, and notices what is new about it."""
        try:
            login = self._trakt.login()
        except libtrakt.TraktError:
            return  # the client is just being closed
        before, self._login = self._login, login
        if self._running:
            self._following = login.get("login_id")
            self._ended_at = None
        elif self._wanted and login.get("state") == "authorized" and self._following is not None:
            # The old code was approved while a new one was waited for.
            self._wanted = False
        if self._note and now >= self._note_until:
            self._note = None
        code = login.get("user_code") or ""
        if login.get("state") == "pending" and (code, login.get("login_id")) != (self._code, self._code_login):
            self._new_code(code, before, now)

    def _new_code(self, code: str, before: Mapping[str, Any], now: float) -> None:
        login_id, left_ms = self._login.get("login_id"), self._login.get("expires_in_ms") or 0
        seen_from_the_start = before.get("state") == "starting" or self._code_login == login_id
        self._life_ms = left_ms if seen_from_the_start else max(left_ms, USUAL_LIFE_MS)
        if self._code_login == login_id:
            self._say_why(Note.RENEWED, now)
        elif self._replacing:
            self._say_why(Note.REPLACED, now)
        else:
            self._note = None
        self._replacing = False
        self._code, self._code_login = code, login_id

    def _say_why(self, note: Note, now: float) -> None:
        self._note, self._note_until = note, now + NOTE_S

    def _want(self) -> None:
        self._wanted = True
        self._refused = None

    def _start(self, now: float) -> None:
        """Asks Trakt for a code if one is wanted and the last one isn't too new."""
        if not self._wanted or not self._trakt.available or now < self._next_start:
            return
        self._wanted = False
        self._next_start = now + NEW_CODE_EVERY_S
        # Only who saw the code that another program waits for may put a new one in its place.
        options = {"replace": True} if self._replacing else {}
        try:
            os.makedirs(self._qr_dir, exist_ok=True)
        except OSError as error:
            self._kodi.log("warn", f"no folder for QR codes: {error}")
        try:
            self._login = self._trakt.start_login(renew=True, qr_dir=self._qr_dir, **options)
        except libtrakt.TraktError as error:
            self._kodi.log("warn", f"no login could be started: {error}")
            # Another program has just begun one: it will be shown.
            if error.code != "wrong_state":
                self._refused = error
            return
        if self._running:
            self._following = self._login.get("login_id")

    def _tell(self, now: float, settings: Settings) -> None:
        """Says how the login ended that nobody looks at."""
        if self._following is None or self._running:
            return
        if self._ended_at is None:
            self._ended_at = now
        linked = self._login.get("state") == "authorized"
        if linked and not self._login.get("account") and now < self._ended_at + NAME_PATIENCE_S:
            return
        if not linked and self._kodi.condition("Player.HasVideo"):
            return  # later: it is no news to interrupt a film for
        self._following = self._ended_at = None
        if settings.notify_link:
            text, sign = told(self._login, self._account)
            self._kodi.notify(text, _ICONS[sign])

    # the screen

    def _render(self, now: float) -> None:
        screen = self._screen
        if not screen:
            return
        login = self._login
        if not self._running and not self._wanted:
            self._following = None  # the end of it is on the screen
        shown = view(
            Known(
                login=login,
                account=self._account,
                available=self._trakt.available,
                trouble=self._trakt.trouble,
                wanted=self._wanted,
                refused=self._refused,
                renewing=login.get("state") == "starting" and self._code_login == login.get("login_id"),
                note=self._note,
                life_ms=self._life_ms,
                date=f"{self._kodi.label('System.Date')}, {self._kodi.label('System.Time')}",
            )
        )
        if not self._view or self._view.buttons != shown.buttons:
            self._buttons_at = now
        if shown != self._view or not screen.armed:
            self._view = shown
            screen.show_view(self._words(shown), armed=now >= self._buttons_at + HANDS_OFF_S)

    def _words(self, shown: View) -> LinkScreen.Words:
        say = self._kodi.say
        return LinkScreen.Words(
            heading=say(shown.heading),
            text=say(shown.text),
            sign=shown.sign.value,
            buttons=[say(Text(button.value)) for button in shown.buttons],
            hides=Button.HIDE in shown.buttons,
            code=shown.code,
            url=shown.url,
            qr=self._qr(shown),
            left=shown.left,
            percent=shown.percent,
        )

    def _qr(self, shown: View) -> str:
        """The file with the QR code: the library's own, or drawn now if that is gone."""
        if not shown.qr_text:
            return ""
        if shown.qr_text != self._qr_text:
            self._qr_text, self._qr_path = shown.qr_text, ""
            path = self._login.get("qr_png_path") if shown.code else None
            self._qr_path = path if path and os.path.exists(path) else self._trakt.qr_code(shown.qr_text, self._qr_dir)
        return self._qr_path

    # the user

    def _back(self) -> None:
        self._wanted = False
        self.close()

    def _clicked(self, index: int) -> None:
        now = self._clock.monotonic()
        if not self._view or index >= len(self._view.buttons) or now < self._buttons_at + HANDS_OFF_S:
            return
        button = self._view.buttons[index]
        if button in (Button.HIDE, Button.CLOSE):
            self._back()
        elif button is Button.CANCEL:
            self._cancel()
        elif button is Button.SETTINGS:
            self._back()
            self._kodi.builtin(f"Addon.OpenSettings({ADDON_ID})")
        elif button is Button.ACCOUNT:
            self._back()
            self.on_account()
        else:
            self._replacing = button is Button.NEW_CODE
            self._want()
            self._start(now)
            self._render(now)

    def _cancel(self) -> None:
        self._following = None
        try:
            self._trakt.cancel_login()
        except libtrakt.TraktError as error:
            self._kodi.log("warn", f"the login could not be cancelled: {error}")
        self._back()
