"""What the account screen shows, from what is known of the account. Pure: knows nothing of Kodi, of windows and of how
anything came to be known.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import urlsplit

import libtrakt

from . import texts, trouble
from .dates import Dates, parse
from .outbox_counts import Counts
from .texts import Text
from .titles import Words

#: The picture beside the message; each is the name of a picture of the add-on.
OK, BUSY, WARNING, ERROR = "ok", "busy", "warning", "error"
#: What the user can do, in the order of the buttons.
CHECK, LINK, UNLINK = "check", "link", "unlink"

_LIMITS: Dict[str, int] = {
    "list.count": texts.LIMIT_LISTS,
    "list.item_count": texts.LIMIT_LIST_ITEMS,
    "watchlist.item_count": texts.LIMIT_WATCHLIST,
    "favorites.item_count": texts.LIMIT_FAVORITES,
    "collection.item_count": texts.LIMIT_COLLECTION,
    "notes.item_count": texts.LIMIT_NOTES,
    "search.recent_count": texts.LIMIT_SEARCHES,
    "recommendations.item_count": texts.LIMIT_RECOMMENDATIONS,
}
_PERMISSIONS: Dict[str, int] = {
    "commenting": texts.MAY_COMMENT,
    "liking": texts.MAY_LIKE,
    "following": texts.MAY_FOLLOW,
}
_WITH_ACCOUNT = ("linked", "relink_needed", "locked", "blocked", "app_refused")


class Row(NamedTuple):
    """A line of the list. `note`: what is said of it while it has the focus. `percent`: how full it is."""

    label: Words
    value: Words = ""
    note: Words = ""
    heading: bool = False
    percent: Optional[int] = None
    #: OK on it shows what waits for Trakt.
    opens_outbox: bool = False


class Message(NamedTuple):
    """A sentence and its picture. `url`: where the user can do something about it."""

    words: Text
    mood: str
    url: str = ""


class Known(NamedTuple):
    """All that the screen can be drawn from."""

    #: As trakt.account().
    account: Mapping[str, Any]
    #: The reply of settings.get; None while there is none.
    settings: Optional[Mapping[str, Any]] = None
    #: Whether Trakt answered since the screen was opened.
    reached: bool = False
    #: What is used of limits, by their names, and what limit.check says of each.
    used: Mapping[str, int] = {}
    checks: Mapping[str, Mapping[str, Any]] = {}
    #: Where limits are lifted; empty when not known.
    upgrade_url: str = ""
    #: Films, series and episodes in Kodi's own library.
    library: Optional[Mapping[str, int]] = None
    #: What waits for Trakt; None while that isn't known.
    outbox: Optional[Counts] = None
    #: Why there is no client, in state `unavailable`.
    unavailable: Optional[Exception] = None
    #: What is being done, or how it ended; comes before what the state has to say.
    outcome: Optional[Message] = None
    #: Why the last check failed.
    error: Optional[libtrakt.TraktError] = None
    addon_version: str = ""
    library_version: Optional[str] = None


class View(NamedTuple):
    """What the screen shows. `buttons` has those that fit the state, and their labels."""

    name: Words
    username: str
    avatar: str
    vip: bool
    since: Words
    message: Message
    rows: Tuple[Row, ...]
    #: A web address that helps, as text and QR code, and what it is for; empty when there is none.
    url: str
    caption: Words
    buttons: Mapping[str, Text]


def view(known: Known, dates: Dates, now: datetime) -> View:
    """The whole screen."""
    linked = with_account(known.account)
    user = _user(known) if linked else {}
    name = user.get("name") or user.get("username") or user.get("slug") or ""
    username = user.get("username") or user.get("slug") or ""
    since = parse(known.account.get("since")) if linked else None
    message = _message(known, dates, now)
    upgrade_url = known.upgrade_url if linked and user.get("vip") is False else ""
    caption = texts.APPS_CAPTION if message.url else texts.UPGRADE_CAPTION
    return View(
        name=name or Text(texts.ACCOUNT_NAMELESS if linked else texts.ACCOUNT_NOBODY),
        username=username if username != name else "",
        # Kodi can't end while it looks for a picture's host: it isn't sent there as long as the network may be gone.
        avatar=safe_picture(user.get("avatar")) if known.reached else "",
        vip=user.get("vip") is True,
        since=Text(texts.ACCOUNT_SINCE, {"date": dates.date(since)}) if since else "",
        message=message,
        rows=tuple(_rows(known, user, dates, now, linked)),
        url=message.url or upgrade_url,
        caption=Text(caption) if message.url or upgrade_url else "",
        buttons=_buttons(known.account.get("state")),
    )


def with_account(account: Mapping[str, Any]) -> bool:
    """Whether there is an account, though something may be in its way."""
    return account.get("state") in _WITH_ACCOUNT


def safe_picture(url: Any) -> str:
    """The URL if it is safe to hand to Kodi: https, or on this very machine; else nothing."""
    if not isinstance(url, str) or any(sign in "|\\" or sign.isspace() or not sign.isprintable() for sign in url):
        return ""  # Kodi takes what follows a | as headers to send
    try:
        parts = urlsplit(url)
        host, credentials = parts.hostname, parts.username or parts.password
    except ValueError:
        return ""
    if not host or credentials:
        return ""
    return url if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)) else ""


def limit_names(settings: Optional[Mapping[str, Any]]) -> List[str]:
    """The names of the limits that Trakt told, such as `list.count`."""
    return list(_limits(settings))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# what is known of the user


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _user(known: Known) -> Dict[str, Any]:
    """What the settings say of the user; where they don't, what the account says."""
    full = _object(_object(known.settings).get("user"))
    short = _object(known.account.get("user"))
    merged = {**short, **{key: value for key, value in full.items() if value is not None}}
    for key in ("name", "username", "slug"):
        merged[key] = merged[key].strip() if isinstance(merged.get(key), str) else ""
    return merged


def _limits(settings: Optional[Mapping[str, Any]]) -> Dict[str, int]:
    found = {}
    for group, kinds in _object(_object(settings).get("limits")).items():
        for kind, number in _object(kinds).items():
            if isinstance(number, int) and not isinstance(number, bool) and number >= 0:
                found[f"{group}.{kind}"] = number
    return found


# the message


def _message(known: Known, dates: Dates, now: datetime) -> Message:
    if known.outcome:
        return known.outcome
    state = known.account.get("state")
    if state == "unavailable":
        return Message(trouble.of_unavailable(known.unavailable), ERROR)
    if state == "none":
        return Message(Text(texts.ACCOUNT_NONE), WARNING)
    in_the_way = trouble.of_account(known.account)
    if in_the_way:
        return Message(in_the_way, ERROR, trouble.APPS_URL if state == "app_refused" else "")
    if known.error:
        return Message(_with_date(trouble.of_error(known.error), known.settings, dates, now), WARNING)
    store = trouble.of_store(known.account)
    if store:
        return Message(store, WARNING)
    settings = _object(known.settings)
    error = settings.get("error") or known.account.get("last_error")
    if isinstance(error, dict):
        return Message(_with_date(trouble.of_error(error), settings, dates, now), WARNING)
    asked = parse(settings.get("fetched_at"))
    if asked:
        return Message(Text(texts.ACCOUNT_WELL, {"when": dates.near(asked, now)}), OK)
    return Message(Text(texts.ACCOUNT_LINKED), OK)


def _with_date(words: Text, settings: Optional[Mapping[str, Any]], dates: Dates, now: datetime) -> Text:
    """Trouble, and from when what is shown all the same is."""
    asked = parse(_object(settings).get("fetched_at"))
    if not asked:
        return words
    return Text(texts.ACCOUNT_AS_OF, {"trouble": words, "when": dates.near(asked, now)})


# the list


def _rows(known: Known, user: Mapping[str, Any], dates: Dates, now: datetime, linked: bool) -> Sequence[Row]:
    rows: List[Row] = []
    if known.outbox and (linked or any(known.outbox)):
        rows.append(_outbox_row(known.outbox))
    if linked:
        rows += _group(texts.GROUP_ACCOUNT, _account_rows(known, user, dates, now))
        rows += _group(texts.GROUP_LIMITS, _limit_rows(known, user))
        rows += _group(texts.GROUP_PERMISSIONS, _permission_rows(known))
    rows += _group(texts.GROUP_DEVICE, _device_rows(known))
    return rows


def _outbox_row(counts: Counts) -> Row:
    value: Words = Text(texts.ROW_OUTBOX_NONE)
    if counts.refused:
        value = Text(texts.ROW_OUTBOX_REFUSED, {"waiting": number(counts.waiting), "refused": number(counts.refused)})
    elif counts.waiting:
        value = number(counts.waiting)
    return Row(Text(texts.ROW_OUTBOX), value, Text(texts.ROW_OUTBOX_NOTE), opens_outbox=True)


def _group(heading: int, rows: Sequence[Row]) -> List[Row]:
    return [Row(Text(heading), heading=True), *rows] if rows else []


def _account_rows(known: Known, user: Mapping[str, Any], dates: Dates, now: datetime) -> List[Row]:
    rows = []
    if isinstance(user.get("vip"), bool):
        rows.append(_membership(user, known.upgrade_url))
    joined = parse(user.get("joined_at"))
    if joined:
        rows.append(Row(Text(texts.ROW_JOINED), dates.date(joined)))
    token = _object(known.account.get("token"))
    good_until = parse(token.get("expires_at"))
    if good_until and known.account.get("state") != "relink_needed":
        note = texts.NOTE_RENEWED if token.get("refreshable") is True else texts.NOTE_NOT_RENEWED
        rows.append(Row(Text(texts.ROW_GOOD_UNTIL), dates.near(good_until, now), Text(note)))
    contact = parse(known.account.get("last_contact_at"))
    rows.append(Row(Text(texts.ROW_CONTACT), dates.near(contact, now) if contact else Text(texts.CONTACT_NOT_YET)))
    error = known.account.get("last_error")
    if isinstance(error, dict):
        words = trouble.of_error(error)
        rows.append(Row(Text(texts.ROW_TROUBLE), words, words))
    return rows


def _membership(user: Mapping[str, Any], upgrade_url: str) -> Row:
    label = Text(texts.ROW_MEMBERSHIP)
    if not user["vip"]:
        note = Text(texts.NOTE_UPGRADE, {"url": plain(upgrade_url)}) if upgrade_url else ""
        return Row(label, Text(texts.MEMBER_FREE), note)
    years = user.get("vip_years")
    counted = isinstance(years, int) and not isinstance(years, bool) and years > 0
    note = Text(texts.NOTE_VIP_YEARS, {"count": years}) if counted else ""
    return Row(label, Text(texts.MEMBER_VIP_EP if user.get("vip_ep") is True else texts.MEMBER_VIP), note)


def _limit_rows(known: Known, user: Mapping[str, Any]) -> List[Row]:
    return [_limit_row(name, limit, known, user) for name, limit in _in_order(_limits(known.settings), _LIMITS)]


def _in_order(found: Mapping[str, Any], known: Mapping[str, int]) -> Sequence[Tuple[str, Any]]:
    """Those that are known first, always in the same order."""
    places = list(known)
    return sorted(found.items(), key=lambda one: (places.index(one[0]) if one[0] in known else len(places), one[0]))


def _limit_row(name: str, limit: int, known: Known, user: Mapping[str, Any]) -> Row:
    label = Text(_LIMITS[name]) if name in _LIMITS else readable_limit(name)
    used = known.used.get(name)
    if used is None:
        value: Words = Text(texts.LIMIT_UP_TO, {"limit": number(limit)})
        return Row(label, value, _library_note(name, known.library))
    value = Text(texts.LIMIT_USED, {"used": number(used), "limit": number(limit)})
    percent = min(100, used * 100 // limit) if limit else 100
    return Row(label, value, _room(known.checks.get(name), user), percent=percent)


def _room(check: Optional[Mapping[str, Any]], user: Mapping[str, Any]) -> Words:
    """What still fits, as limit.check says."""
    check = _object(check)
    if check.get("allowed") is False:
        return Text(texts.LIMIT_FULL_VIP if user.get("vip") is True else texts.LIMIT_FULL)
    remaining = check.get("remaining")
    return Text(texts.LIMIT_ROOM, {"remaining": number(remaining)}) if isinstance(remaining, int) else ""


def _library_note(name: str, library: Optional[Mapping[str, int]]) -> Words:
    if name != "collection.item_count" or not library:
        return ""
    return Text(texts.NOTE_LIBRARY, {kind: number(count) for kind, count in library.items()})


def _permission_rows(known: Known) -> List[Row]:
    rows = []
    for name, allowed in _in_order(_object(_object(known.settings).get("permissions")), _PERMISSIONS):
        if isinstance(allowed, bool):
            label = Text(_PERMISSIONS[name]) if name in _PERMISSIONS else readable(name)
            rows.append(
                Row(label, Text(texts.ALLOWED))
                if allowed
                else Row(label, Text(texts.WITHDRAWN), Text(texts.NOTE_WITHDRAWN))
            )
    return rows


def _device_rows(known: Known) -> List[Row]:
    rows = []
    store = trouble.of_store(known.account)
    if store:
        rows.append(Row(Text(texts.ROW_STORE), store, store))
    rows.append(Row(Text(texts.ROW_ADDON), known.addon_version))
    if known.library_version:
        rows.append(Row(Text(texts.ROW_LIBRARY), known.library_version))
    return rows


# names and numbers


def readable(name: str) -> str:
    """A name of Trakt's that isn't known yet: `saved_filters` is "Saved filters"."""
    words = " ".join(name.replace("_", " ").replace(".", " ").split())
    return words[:1].upper() + words[1:]


def readable_limit(name: str) -> str:
    """`saved_filters.count` is "Saved filters"."""
    group, _, kind = name.partition(".")
    kind = kind[: -len("_count")] if kind.endswith("_count") else kind
    return readable(group if kind in ("count", "item", "") else f"{group} {kind}")


def number(value: int) -> str:
    """A number in groups of three from five digits on; the spaces don't break."""
    return str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", "\u00a0")


def plain(url: str) -> str:
    """A web address as people type it."""
    return url[len("https://") :] if url.startswith("https://") else url


# the buttons


def _buttons(state: Any) -> Dict[str, Text]:
    if state == "unavailable":
        return {}
    if state == "none":
        return {LINK: Text(texts.LINK_NOW)}
    buttons = {CHECK: Text(texts.CHECK_NOW), LINK: Text(texts.LINK_ANOTHER), UNLINK: Text(texts.UNLINK)}
    if state == "relink_needed":
        del buttons[CHECK]
        buttons[LINK] = Text(texts.LINK_AGAIN)
    elif state == "app_refused":
        buttons[LINK] = Text(texts.LINK_AGAIN)
    return buttons
