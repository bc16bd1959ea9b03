"""What the link screen shows of a login, as a pure function: what is known in, what is shown out.

Knows nothing of Kodi, of time, nor of how a login is driven (`link`) or how the screen looks (`screens`).
"""

from __future__ import annotations

import enum
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import libtrakt

from . import texts, trouble
from .texts import Text
from .trouble import APPS_URL

#: The life that a code is taken to have when its beginning wasn't seen, in milliseconds.
USUAL_LIFE_MS = 600_000

#: The states of a login that goes on.
RUNNING = ("starting", "pending")

#: What a failure without an error counts as.
_NOBODY_KNOWS: Mapping[str, Any] = {"code": "internal"}

#: How the stored data may be while a link can be made but not kept.
_STORE_TROUBLE = ("memory", "readonly", "full", "newer")


class Sign(enum.Enum):
    """The picture beside the text."""

    BUSY = "busy"
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Button(enum.Enum):
    """What the user can do; the value is the label."""

    HIDE = texts.LINK_HIDE
    NEW_CODE = texts.LINK_NEW_CODE
    CANCEL = texts.CANCEL
    TRY_AGAIN = texts.LINK_TRY_AGAIN
    ACCOUNT = texts.LINK_ACCOUNT
    SETTINGS = texts.LINK_SETTINGS
    CLOSE = texts.CLOSE


#: The first button has the focus. So it is one that loses nothing: OK pressed by accident, or once too often, neither
#: ends the login nor throws away the code that is being typed on the phone at that moment.
_WITH_CODE = (Button.HIDE, Button.NEW_CODE, Button.CANCEL)
_WITHOUT_CODE = (Button.HIDE, Button.CANCEL)
_AGAIN = (Button.TRY_AGAIN, Button.CLOSE)
_AGAIN_OR_SETTINGS = (Button.TRY_AGAIN, Button.SETTINGS, Button.CLOSE)


class Note(enum.Enum):
    """Why there is another code than the user may have expected; the value is the sentence."""

    RENEWED = texts.LINK_RENEWED
    REPLACED = texts.LINK_REPLACED
    TAKEN_UP = texts.LINK_TAKEN_UP


class Known(NamedTuple):
    """All that the screen depends on."""

    login: Mapping[str, Any]
    account: Mapping[str, Any]
    #: Whether there is a client; if not, `trouble` says why (None: for want of a client id).
    available: bool = True
    trouble: Optional[Exception] = None
    #: A code is wanted, and Trakt wasn't asked yet.
    wanted: bool = False
    #: Why it couldn't be asked.
    refused: Optional[libtrakt.TraktError] = None
    #: A code ran out, and this login has none yet in its place.
    renewing: bool = False
    note: Optional[Note] = None
    #: The life of the code in milliseconds.
    life_ms: int = USUAL_LIFE_MS
    #: Date and time that this device believes in, as the user reads them.
    date: str = ""


class View(NamedTuple):
    """What the screen shows."""

    heading: Text
    text: Text
    sign: Sign
    buttons: Tuple[Button, ...]
    #: The code in groups, or none.
    code: Sequence[str] = ()
    #: An address to open, and what its QR code holds.
    url: str = ""
    qr_text: str = ""
    #: Time until the code runs out, m:ss, and how much of its life that is, 0 to 100.
    left: str = ""
    percent: int = 0


def view(known: Known) -> View:
    """What the screen shows of all this."""
    login = known.login
    if not known.available:
        return _unavailable(known)
    state = login.get("state")
    if known.refused and state not in RUNNING:
        return _ended(known, trouble.of_error(known.refused))
    if known.wanted or (state == "starting" and not login.get("last_error") and not known.renewing):
        return _without_code(known, Text(texts.LINK_ASKING), Sign.BUSY)
    if state == "starting":
        return _starting(known)
    if state == "pending":
        return _pending(known)
    if state == "authorized":
        return _authorized(known)
    if state == "failed":
        return _failed(known, login.get("error") or _NOBODY_KNOWS)
    return _ended(known, Text(_OUTCOMES.get(str(state), texts.LINK_INTERRUPTED)))


#: What a final state means, and what to do now.
_OUTCOMES = {
    "denied": texts.LINK_DENIED,
    "expired": texts.LINK_EXPIRED,
    "already_used": texts.LINK_ALREADY_USED,
    "invalid": texts.LINK_UNKNOWN_CODE,
    "cancelled": texts.LINK_CANCELLED,
}

#: What passing trouble means while a link is made; for all others `trouble` has the words.
_TROUBLES = {
    "network": texts.LINK_NO_NETWORK,
    "dns": texts.LINK_NO_ADDRESS,
    "timeout": texts.LINK_NO_ANSWER,
    "tls": texts.LINK_NOT_SECURE,
    "proxy": texts.LINK_PROXY,
    "server_error": texts.LINK_SERVER,
    "bad_reply": texts.LINK_SIGN_IN,
    "blocked": texts.LINK_BLOCKED,
    "storage": texts.LINK_STORAGE,
    "storage_full": texts.LINK_STORAGE_FULL,
}


def _pending(known: Known) -> View:
    login = known.login
    left_ms = login.get("expires_in_ms")
    text, sign = _pending_text(known)
    return View(
        heading=_heading(known.account),
        text=text,
        sign=sign,
        buttons=_WITH_CODE,
        code=grouped(login.get("user_code") or ""),
        url=login.get("verification_url") or "",
        qr_text=login.get("verification_url_complete") or "",
        left="" if left_ms is None else minutes(left_ms),
        percent=_percent(left_ms, known.life_ms),
    )


def _pending_text(known: Known) -> Tuple[Text, Sign]:
    login, error = known.login, known.login.get("last_error")
    if error and error.get("code") == "rate_limited":
        return Text(texts.LINK_TOO_FAST), Sign.BUSY
    if error:
        return _both(_cause(error, known.date), Text(texts.LINK_TRYING_WITH_CODE)), Sign.WARNING
    if login.get("expires_in_ms") == 0:
        return Text(texts.LINK_LAST_LOOK), Sign.BUSY
    if known.note and known.note is not Note.TAKEN_UP:
        return Text(known.note.value), Sign.BUSY
    if login.get("driver") == "other":
        return Text(texts.LINK_OTHER_PROGRAM), Sign.BUSY
    if known.note:
        return Text(known.note.value), Sign.BUSY
    if known.account.get("store") in _STORE_TROUBLE:
        return trouble.of_store(known.account) or Text(texts.LINK_WAITING), Sign.WARNING
    return Text(texts.LINK_WAITING), Sign.BUSY


def _starting(known: Known) -> View:
    error = known.login.get("last_error")
    if not error:
        return _without_code(known, Text(texts.LINK_RENEWING), Sign.BUSY)
    if error.get("code") == "rate_limited":
        return _without_code(known, Text(texts.LINK_TOO_FAST_NO_CODE), Sign.WARNING)
    return _without_code(known, _both(_cause(error, known.date), Text(texts.LINK_TRYING)), Sign.WARNING)


def _without_code(known: Known, text: Text, sign: Sign) -> View:
    return View(_heading(known.account), text, sign, _WITHOUT_CODE)


def _authorized(known: Known) -> View:
    account = known.account
    user = known.login.get("account") or account.get("user") or {}
    text, sign = _linked(user), Sign.OK
    short = _linked_briefly(user)
    concern = trouble.of_account(account)
    if not concern and account.get("store") in _STORE_TROUBLE:
        concern = trouble.of_store(account)
    if concern:
        text, sign = _both(short, concern), Sign.WARNING
    elif not user and not account.get("last_error"):
        text = _both(short, Text(texts.LINK_READING_NAME))
    return View(Text(texts.LINK_DONE), text, sign, (Button.CLOSE, Button.ACCOUNT))


def _failed(known: Known, error: Mapping[str, Any]) -> View:
    code = error.get("code")
    if code == "forbidden":
        return _ended(known, Text(texts.LINK_REFUSED), _AGAIN_OR_SETTINGS, APPS_URL)
    if code == "account_locked":
        return _ended(known, Text(texts.LINK_LOCKED))
    if code == "rate_limited":
        return _ended(known, Text(texts.LINK_TOO_OFTEN))
    if error.get("upgrade_url"):
        return _ended(known, trouble.of_error(error), _AGAIN, error["upgrade_url"])
    if error.get("retryable") or code in _TROUBLES:
        return _ended(known, _both(_cause(error, known.date), Text(texts.LINK_GAVE_UP)))
    if code == "config":
        return _ended(known, trouble.of_error(error), _AGAIN_OR_SETTINGS)
    return _ended(known, trouble.of_error(error))


def _ended(known: Known, text: Text, buttons: Tuple[Button, ...] = _AGAIN, url: str = "") -> View:
    """Nothing was linked; who was linked before still is."""
    if _replaces(known.account):
        text = _both(text, Text(texts.LINK_STAYS, {"name": name_of(known.account.get("user"))}))
    return View(Text(texts.LINK_NOT_DONE), text, Sign.ERROR, buttons, url=url, qr_text=url)


def _unavailable(known: Known) -> View:
    heading = Text(texts.LINK_HEADING)
    if known.trouble is None:
        text = Text(texts.LINK_NO_CLIENT_ID)
        return View(heading, text, Sign.WARNING, (Button.SETTINGS, Button.CLOSE), url=APPS_URL, qr_text=APPS_URL)
    buttons: Tuple[Button, ...] = (Button.CLOSE,)
    if isinstance(known.trouble, libtrakt.TraktError):
        buttons = (Button.SETTINGS, Button.CLOSE)
    return View(heading, trouble.of_unavailable(known.trouble), Sign.ERROR, buttons)


def _heading(account: Mapping[str, Any]) -> Text:
    if _replaces(account):
        return Text(texts.LINK_HEADING_INSTEAD, {"name": name_of(account.get("user"))})
    return Text(texts.LINK_HEADING)


def _replaces(account: Mapping[str, Any]) -> bool:
    return bool(account.get("linked") and name_of(account.get("user")))


def _linked(user: Mapping[str, Any]) -> Text:
    name = name_of(user)
    if not name:
        return Text(texts.LINK_LINKED)
    vip: Any = user.get("vip")
    words = {True: texts.LINK_LINKED_VIP, False: texts.LINK_LINKED_FREE}.get(vip, texts.LINK_LINKED_AS)
    return Text(words, {"name": name})


def _linked_briefly(user: Mapping[str, Any]) -> Text:
    name = name_of(user)
    return Text(texts.LINK_TOLD_LINKED_AS, {"name": name}) if name else Text(texts.LINK_TOLD_LINKED)


def _cause(error: Mapping[str, Any], date: str) -> Text:
    code = str(error.get("code"))
    if code == "tls_clock":
        return Text(texts.LINK_CLOCK, {"date": date})
    return Text(_TROUBLES[code]) if code in _TROUBLES else trouble.of_error(error)


def _both(first: Text, second: Text) -> Text:
    return Text(texts.LINK_BOTH, {"first": first, "second": second})


def name_of(user: Optional[Mapping[str, Any]]) -> str:
    """How the user is called; empty if that isn't known."""
    user = user or {}
    username = user.get("username") or user.get("slug") or ""
    name = user.get("name") or ""
    if name and username and name != username:
        return f"{name} ({username})"
    return name or username


def grouped(code: str) -> List[str]:
    """The code in groups of at most four characters, as even as can be: 4+4, 3+3, 4+3; or as Trakt has grouped it."""
    if "-" in code or " " in code:
        return code.split()
    count = -(-len(code) // 4)
    groups = []
    for remaining in range(count, 0, -1):
        size = -(-len(code) // remaining)
        groups.append(code[:size])
        code = code[size:]
    return groups


def minutes(ms: int) -> str:
    """A span of time as m:ss; what is left of a second counts as one, so that 0:00 means none."""
    seconds = -(-max(0, ms) // 1000)
    return f"{seconds // 60}:{seconds % 60:02}"


def _percent(left_ms: Optional[int], life_ms: int) -> int:
    return 0 if not left_ms or life_ms <= 0 else max(1, min(100, round(100 * left_ms / life_ms)))


def told(login: Mapping[str, Any], account: Mapping[str, Any]) -> Tuple[Text, Sign]:
    """How a login ended, short enough for a notification."""
    state, error = login.get("state"), login.get("error") or _NOBODY_KNOWS
    if state == "authorized":
        concern = trouble.of_account(account)
        if concern:
            return concern, Sign.WARNING
        return _linked_briefly(login.get("account") or account.get("user") or {}), Sign.OK
    if state == "failed" and error.get("code") == "forbidden":
        return Text(texts.LINK_TOLD_REFUSED), Sign.ERROR
    if state == "failed":
        return Text(texts.LINK_TOLD_FAILED, {"trouble": trouble.of_error(error)}), Sign.ERROR
    return Text(_TOLD.get(str(state), texts.LINK_TOLD_INTERRUPTED)), Sign.WARNING


_TOLD = {
    "denied": texts.LINK_TOLD_DENIED,
    "expired": texts.LINK_TOLD_EXPIRED,
    "already_used": texts.LINK_TOLD_ALREADY_USED,
    "invalid": texts.LINK_TOLD_UNKNOWN_CODE,
    "cancelled": texts.LINK_TOLD_CANCELLED,
}
