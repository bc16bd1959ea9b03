"""Tells of trouble once when it starts and once when it ends, and asks to link again when the session has ended.

What is wrong now (`wrong_now`) is a pure function; `Notices` compares it with what was told and keeps that over
restarts, so nothing is told twice a day, and what is over before it could be told is never told. It notices trouble
without anybody else's help by a call of its own now and then. Knows nothing of windows.
"""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

import libtrakt

from . import machine, texts, trouble
from .calm import NO_NOTICE, Calm
from .clock import Clock
from .contact import Contact
from .daily import Daily
from .kodi import INFO, WARNING, Kodi
from .properties import name_of
from .questions import Questions
from .settings import Settings
from .state import State
from .texts import Text
from .trakt import Trakt

#: What can be wrong. Whatever is of the same kind is told once.
SESSION, LOCKED, REFUSED = "session", "locked", "refused"
NETWORK, DOWN, CLOCK = "network", "down", "clock"
STORE, DAMAGED, UNAVAILABLE = "store", "damaged", "unavailable"
LIMIT, VIP = "limit", "vip"

#: Trouble that is about reaching Trakt, by code: told when it lasts.
_OF_CONTACT = {
    "network": NETWORK,
    "timeout": NETWORK,
    "dns": NETWORK,
    "tls": NETWORK,
    "proxy": NETWORK,
    "rate_limited": DOWN,
    "server_error": DOWN,
    "bad_reply": DOWN,
    "blocked": DOWN,
    "tls_clock": CLOCK,
}
_ABOUT_CONTACT = frozenset(_OF_CONTACT.values())
_OF_STATE = {"locked": LOCKED, "app_refused": REFUSED}
#: Trouble of a single call that the user has to know of, by code. It has no end that anybody could notice.
_OF_CALL = {"account_limit": LIMIT, "vip_only": VIP}

#: What is said when it is over; about the other kinds nothing is.
_OVER = {
    LOCKED: texts.WORKS_AGAIN,
    REFUSED: texts.WORKS_AGAIN,
    NETWORK: texts.ANSWERS_AGAIN,
    DOWN: texts.ANSWERS_AGAIN,
    CLOCK: texts.CLOCK_IS_RIGHT,
    STORE: texts.STORE_WORKS_AGAIN,
}

_QUESTION = Text(texts.SESSION_HEADING)
_ANSWERS = (Text(texts.SESSION_LINK_AGAIN), Text(texts.LATER))

#: How old the settings may be before Trakt is asked for them again.
_MAX_AGE_MS = 6 * 3600 * 1000
#: As the library reports it.
_CLOCK_WRONG_MS = 5 * 60 * 1000
#: The box slept if the elapsed time has got ahead by so much.
_SLEPT_S = 30.0
#: An account that was linked so soon after a login was linked here, by the link screen, which tells that itself.
_LOGIN_S = 30.0
#: How long a notification stays, in seconds. Skins show so much of it at once, and move the rest past the reader.
_SHOWN_S = 6.0
_SHOWN_CHARACTERS = 30
_PER_CHARACTER_S = 0.2
_SHOWN_AT_MOST_S = 20.0

_TOLD = "told"
_MACHINE = "machine"


def wrong_now(
    account: Mapping[str, Any], contact: Optional[str], why_unavailable: Optional[Exception]
) -> Dict[str, Text]:
    """What is wrong, by kind, with the words for it. `contact`: the code of what has kept us from Trakt for long."""
    state = account.get("state")
    if state == "unavailable":
        return {UNAVAILABLE: trouble.of_unavailable(why_unavailable)}
    wrong = {}
    words = trouble.of_account(account)
    if state in _OF_STATE and words:
        wrong[_OF_STATE[state]] = words
    store = trouble.of_store(account)
    if store:
        wrong[DAMAGED if account.get("store") == "corrupt_moved" else STORE] = store
    if contact and _is_asked(account):
        wrong[_OF_CONTACT[contact]] = trouble.of_error({"code": contact})
    return wrong


def _is_asked(account: Mapping[str, Any]) -> bool:
    """Whether Trakt can be asked about this account."""
    return account.get("state") in ("linked", "locked", "blocked", "app_refused")


class _Situation(NamedTuple):
    """What an account says of reaching Trakt, whoever has tried."""

    code: Optional[str]
    clock_is_wrong: bool


_ALL_WELL = _Situation(None, False)


def _situation(account: Mapping[str, Any]) -> _Situation:
    code = _code(account)
    return _Situation(code if code in _OF_CONTACT else None, _clock_is_wrong(account))


def _code(account: Mapping[str, Any]) -> Optional[str]:
    return (account.get("last_error") or {}).get("code")


def _clock_is_wrong(account: Mapping[str, Any]) -> bool:
    skew = account.get("clock_skew_ms")
    return isinstance(skew, int) and abs(skew) > _CLOCK_WRONG_MS


class _Linked(NamedTuple):
    """On which machine an account was linked; `since` names the link."""

    since: Optional[str]
    machine: Optional[str]


class Notices:
    """Notifications and the question, from how the account is."""

    def __init__(
        self,
        kodi: Kodi,
        trakt: Trakt,
        clock: Clock,
        state: State,
        questions: Questions,
        chance: Optional[random.Random] = None,
        this_machine: Callable[[], Optional[str]] = machine.fingerprint,
    ) -> None:
        """Nothing is told yet."""
        self._kodi = kodi
        self._trakt = trakt
        self._clock = clock
        self._state = state
        self._questions = questions
        self._calm = Calm(kodi, clock, NO_NOTICE)
        self._days = Daily(clock, state, "notices")
        self._contact = Contact(clock.monotonic(), chance)
        self._machine = this_machine()
        self._calling = False
        #: How things were when our own call ended last.
        self._known = _ALL_WELL
        self._slept = self._asleep()
        self._login_at: Optional[float] = None
        #: The last error as it was looked at last; what is there from the start is no news.
        self._error: Any = ...
        #: Trouble of single calls that waits to be told.
        self._calls: Dict[str, Text] = {}
        self.on_link: Callable[[], Any] = lambda: None

    def step(self, account: Mapping[str, Any], settings: Settings) -> None:
        """Looks at the account; to be called about once a second."""
        now = self._clock.monotonic()
        self._days.step()
        if self._asleep() - self._slept > _SLEPT_S:
            self.woke()
        if account.get("pending_login"):
            self._login_at = now
        self._remember_machine(account)
        self._call(account, now)
        self._notice_calls(account)
        wrong = wrong_now(account, self._contact.trouble(now), self._trakt.trouble)
        self._ask(account, settings)
        self._tell_starts(wrong, settings)
        self._tell_ends(wrong, account, now, settings)

    def woke(self) -> None:
        """The box woke up; network and time come late."""
        self._slept = self._asleep()
        self._contact.woke(self._clock.monotonic())

    def tell_status(self) -> None:
        """Says who is linked, or what is wrong; the user has asked."""
        account = self._trakt.account()
        words = trouble.of_account(account)
        if account.get("state") == "unavailable":
            words = trouble.of_unavailable(self._trakt.trouble)
            # Said just now, it isn't told once more.
            self._days.note(UNAVAILABLE)
            self._set_told(UNAVAILABLE, True)
        elif account.get("state") == "relink_needed" and self._is_copied(account):
            words = Text(texts.COPIED_TEXT)
        elif account.get("state") == "none":
            words = Text(texts.TELL_LINKING if account.get("pending_login") else texts.TROUBLE_NOT_LINKED)
        elif not words and _code(account) in _OF_CONTACT:
            words = trouble.of_error(account["last_error"])
        words = words or trouble.of_store(account)
        if words:
            self._notify(words, WARNING)
            return
        vip = (account.get("user") or {}).get("vip")
        name = name_of(account)
        if not name:
            self._notify(Text(texts.TELL_LINKED_SOMEBODY), INFO)
        else:
            self._notify(Text(texts.TELL_LINKED_VIP if vip else texts.TELL_LINKED, {"name": name}), INFO)

    # noticing

    def _call(self, account: Mapping[str, Any], now: float) -> None:
        """Asks Trakt for the user's settings when it is time: any answer shows how things are."""
        if not self._trakt.available or not _is_asked(account):
            return
        if _situation(account) != self._known:
            # Somebody else's call went differently from ours.
            self._contact.prompt(now)
        if self._calling or not self._contact.due(now):
            return
        told = not _ABOUT_CONTACT.isdisjoint(self._told())
        in_doubt = told or self._contact.failing is not None or _situation(account) != _ALL_WELL
        params = {"extended": "browsing", "max_age_ms": 0 if in_doubt else _MAX_AGE_MS}
        self._calling = True
        self._trakt.submit("settings.get", params, self._called)

    def _called(self, data: Any, error: Optional[libtrakt.TraktError]) -> None:
        self._calling = False
        now, account = self._clock.monotonic(), self._trakt.account()
        self._known = _situation(account)
        passing = data.get("error") if data else None
        code = error.code if error else passing["code"] if passing else None
        self._kodi.log("debug", f"own call: {code or 'well, from the ' + str(data.get('source'))}")
        if code in _OF_CONTACT:
            self._contact.failed(now, str(code))
        elif code or data.get("source") != "network":
            self._contact.learned_nothing(now)
        elif _clock_is_wrong(account):
            self._contact.failed(now, "tls_clock", answered=True)
        else:
            self._contact.succeeded(now)

    def _notice_calls(self, account: Mapping[str, Any]) -> None:
        """Calls of anybody on the same account that ran into a limit."""
        error = account.get("last_error")
        if account.get("state") == "unavailable":
            return
        is_news, self._error = self._error not in (..., error), error
        if is_news and error and error.get("code") in _OF_CALL:
            self._calls[_OF_CALL[error["code"]]] = trouble.of_error(error)

    # telling

    def _tell_starts(self, wrong: Mapping[str, Text], settings: Settings) -> None:
        calls = self._calls
        if not settings.notify_trouble:
            calls.clear()
            return
        for kind, words in {**wrong, **calls}.items():
            if kind not in calls and self._is_told(kind):
                continue
            if self._days.lately(kind):
                calls.pop(kind, None)
            elif self._calm.lasts():
                self._days.note(kind)
                if calls.pop(kind, None) is None:
                    self._set_told(kind, True)
                self._notify(words, WARNING)

    def _is_told(self, kind: str) -> bool:
        """Whether the start was told, of this trouble or of another that is about reaching Trakt, too."""
        told = self._told()
        return kind in told or (kind in _ABOUT_CONTACT and not _ABOUT_CONTACT.isdisjoint(told))

    def _tell_ends(self, wrong: Mapping[str, Text], account: Mapping[str, Any], now: float, settings: Settings) -> None:
        for kind in self._told():
            if kind in wrong or not self._is_over(kind, account, now):
                continue
            words = self._words_of_end(kind, account, now)
            over = f"{kind} over"
            if words and settings.notify_trouble and not self._days.lately(over):
                if not self._calm.lasts():
                    continue
                self._days.note(over)
                self._notify(words, INFO)
            self._set_told(kind, False)

    def _is_over(self, kind: str, account: Mapping[str, Any], now: float) -> bool:
        """Whether what isn't wrong now is known to be right."""
        state = account.get("state")
        if kind == UNAVAILABLE:
            return True
        if state == "unavailable":
            return False
        if kind in _ABOUT_CONTACT:
            contact = self._contact
            is_right = contact.answers and (kind != CLOCK or contact.failing is None)
            return not _is_asked(account) or (is_right and not contact.quiet(now))
        if kind == SESSION:
            return state == "none" or (state == "linked" and (self._linked_here(now) or bool(name_of(account))))
        return True

    def _words_of_end(self, kind: str, account: Mapping[str, Any], now: float) -> Optional[Text]:
        if kind == STORE:
            return Text(_OVER[kind])
        if account.get("state") != "linked":
            return None
        if kind == SESSION:
            return None if self._linked_here(now) else Text(texts.LINKED_AGAIN, {"name": name_of(account)})
        return Text(_OVER[kind]) if kind in _OVER else None

    def _linked_here(self, now: float) -> bool:
        return self._login_at is not None and now - self._login_at < _LOGIN_S

    def _ask(self, account: Mapping[str, Any], settings: Settings) -> None:
        """The session has ended: this is asked rather than told, again each day."""
        asks = settings.notify_trouble and account.get("state") == "relink_needed" and not account.get("pending_login")
        if not asks:
            self._questions.withdraw(_QUESTION)
        elif not self._days.lately(SESSION):
            words = Text(texts.COPIED_TEXT if self._is_copied(account) else texts.SESSION_TEXT)
            self._questions.ask(_QUESTION, words, _ANSWERS, self._answered, on_show=self._asked)

    def _asked(self) -> None:
        self._days.note(SESSION)
        self._set_told(SESSION, True)

    def _answered(self, answer: Optional[int]) -> None:
        self._days.note(SESSION)
        if answer == 0:
            self.on_link()

    def _notify(self, words: Text, icon: str) -> None:
        hidden = max(0, len(self._kodi.say(words)) - _SHOWN_CHARACTERS)
        seconds = min(_SHOWN_S + hidden * _PER_CHARACTER_S, _SHOWN_AT_MOST_S)
        self._kodi.notify(words, icon, seconds)

    # what is kept

    def _told(self) -> List[str]:
        """The kinds of trouble whose start was told, and whose end wasn't."""
        told = self._state.get(_TOLD)
        return [kind for kind in told if isinstance(kind, str)] if isinstance(told, list) else []

    def _set_told(self, kind: str, told: bool) -> None:
        others = [other for other in self._told() if other != kind]
        self._state.set(_TOLD, ([*others, kind] if told else others) or None)

    def _remember_machine(self, account: Mapping[str, Any]) -> None:
        since = account.get("since")
        if account.get("state") == "linked" and since and self._linked().since != since:
            self._state.set(_MACHINE, {"since": since, "id": self._machine})

    def _is_copied(self, account: Mapping[str, Any]) -> bool:
        """Whether the account was linked on another machine, from which the add-on's data were copied."""
        linked = self._linked()
        known = linked.machine is not None and self._machine is not None
        return known and linked.since == account.get("since") and linked.machine != self._machine

    def _linked(self) -> _Linked:
        kept = self._state.get(_MACHINE)
        return _Linked(kept.get("since"), kept.get("id")) if isinstance(kept, dict) else _Linked(None, None)

    def _asleep(self) -> float:
        """Seconds that the box has slept, as far as its clocks tell."""
        return self._clock.elapsed() - self._clock.monotonic()
