"""What the outbox screen shows, from what the library says waits. Pure: knows nothing of Kodi, of windows and of how
anything is sent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from . import texts, trouble
from .account_view import BUSY, ERROR, OK, WARNING, Message
from .dates import Dates, parse
from .texts import Text
from .titles import Words, title_of

#: What can be done with an entry, in the order in which it is offered.
CORRECT, RETRY, DISCARD = "correct", "retry", "discard"

_KINDS: Dict[str, int] = {
    "play": texts.KIND_PLAY,
    "history.add": texts.KIND_HISTORY_ADD,
    "history.remove": texts.KIND_HISTORY_REMOVE,
    "rating.remove": texts.KIND_RATING_REMOVE,
    "watchlist.add": texts.KIND_WATCHLIST_ADD,
    "watchlist.remove": texts.KIND_WATCHLIST_REMOVE,
    "collection.add": texts.KIND_COLLECTION_ADD,
    "collection.remove": texts.KIND_COLLECTION_REMOVE,
}
_REASONS: Dict[str, int] = {
    "not_found": texts.REASON_NOT_FOUND,
    "unmatched": texts.REASON_UNMATCHED,
    "account_limit": texts.REASON_LIMIT_SOME,
    "rejected": texts.REASON_REJECTED,
    "account_locked": texts.REASON_LOCKED,
    "vip_only": texts.REASON_VIP,
}
#: Refused because of what it is, which the user may know better.
_MISTAKEN = ("not_found", "unmatched")
_PAUSED: Dict[str, int] = {
    "offline": texts.PAUSED_OFFLINE,
    "not_linked": texts.PAUSED_NOT_LINKED,
    "relink_needed": texts.PAUSED_RELINK,
    "locked": texts.PAUSED_LOCKED,
    "blocked": texts.PAUSED_BLOCKED,
    "rate_limited": texts.PAUSED_RATE,
    "app_refused": texts.PAUSED_REFUSED,
    "server_error": texts.PAUSED_SERVER,
}
#: A try that comes sooner isn't announced.
_SOON_MS = 60_000
_EMPTY = Message(Text(texts.OUTBOX_EMPTY), OK)
#: What the user has to mend; the other pauses end by themselves.
_NEEDS_THE_USER = ("not_linked", "relink_needed", "locked", "app_refused")

_CANDIDATES: Dict[str, int] = {
    "movie": texts.CANDIDATE_FILM,
    "show": texts.CANDIDATE_SHOW,
    "episode": texts.CANDIDATE_EPISODE,
}


class Row(NamedTuple):
    """A line of the list. `note`: what is said of it while it has the focus. `entry`: the entry that it is for, or
    the candidate.
    """

    label: Words
    value: Words = ""
    note: Words = ""
    heading: bool = False
    entry: Optional[Mapping[str, Any]] = None


class View(NamedTuple):
    """What the screen shows. `retry_all`: whether that is of any use."""

    message: Message
    rows: Sequence[Row]
    retry_all: bool


def view(
    outbox: Optional[Mapping[str, Any]],
    dates: Dates,
    now: datetime,
    unavailable: Optional[Message] = None,
    outcome: Optional[Message] = None,
) -> View:
    """The whole screen from the reply of outbox.list, of which refused entries come first; None while there is none.

    `unavailable`: why there is no reply; `outcome`: how what the user did last went.
    """
    if outbox is None:
        return View(unavailable or Message(Text(texts.OUTBOX_READING), BUSY), (), False)
    entries = [entry for entry in outbox.get("entries") or [] if isinstance(entry, dict)]
    refused = [entry for entry in entries if entry.get("state") == "refused"]
    waiting = [entry for entry in entries if entry.get("state") != "refused"]
    rows = _group(texts.OUTBOX_GROUP_REFUSED, refused, dates, now) if refused else []
    rows += _group(texts.OUTBOX_GROUP_WAITING, waiting, dates, now) if waiting else []
    if rows and outbox.get("next") is not None:
        rows.append(Row(Text(texts.OUTBOX_MORE), "", Text(texts.OUTBOX_MORE_NOTE)))
    return View(outcome or unavailable or _message(outbox, rows, dates, now), rows, bool(rows))


def choices(entry: Mapping[str, Any]) -> List[str]:
    """What can be done with this entry."""
    mistaken = entry.get("state") == "refused" and entry.get("reason") in _MISTAKEN
    return [CORRECT, RETRY, DISCARD] if mistaken else [RETRY, DISCARD]


def entry_title(entry: Mapping[str, Any]) -> Words:
    """What it is about."""
    item = entry.get("item")
    words = title_of(item) if isinstance(item, dict) else ""
    if not words or words == Text(texts.NAME_NONE):
        return str(entry.get("title") or "") or Text(texts.NAME_NONE)
    return words


def entry_name(entry: Mapping[str, Any]) -> Text:
    """What is done with what: "Watched: Heat (1995)"."""
    return Text(texts.OUTBOX_ENTRY, {"what": _kind(entry), "title": entry_title(entry)})


def why(entry: Mapping[str, Any], dates: Dates, now: datetime) -> Text:
    """Why it is still here."""
    error = entry.get("error")
    error = error if isinstance(error, dict) else None
    if entry.get("state") == "refused":
        reason = str(entry.get("reason"))
        if reason == "account_limit" and error and error.get("limit") is not None:
            return Text(texts.REASON_LIMIT, {"limit": error["limit"]})
        if reason in _REASONS:
            return Text(_REASONS[reason])
        return trouble.of_error(error) if error else Text(texts.REASON_REJECTED)
    tried = parse(entry.get("last_try_at"))
    if error and tried:
        return Text(texts.OUTBOX_TRIED, {"when": dates.near(tried, now), "trouble": trouble.of_error(error)})
    return trouble.of_error(error) if error else Text(texts.OUTBOX_SOON)


def candidate_rows(candidates: Sequence[Mapping[str, Any]]) -> List[Row]:
    """What Trakt found, best first."""
    rows = []
    for candidate in candidates:
        kind = _CANDIDATES.get(str(candidate.get("type")))
        rows.append(Row(title_of(candidate), Text(kind) if kind else "", entry=candidate))
    return rows


def match_of(item: Mapping[str, Any], candidate: Mapping[str, Any]) -> Dict[str, Any]:
    """What match.set is given when the user says that `item` is `candidate`."""
    kind = str(candidate.get("type"))
    known = {key: candidate[key] for key in ("ids", "title", "year") if candidate.get(key) is not None}
    if kind == "show":
        # The show alone: where the item says which episode it is, that holds for all of its episodes.
        return {"show": known}
    if kind == "episode":
        return {"episode": {"ids": candidate.get("ids") or {}}}
    return {"movie": known}


# the parts


def _group(heading: int, entries: Sequence[Mapping[str, Any]], dates: Dates, now: datetime) -> List[Row]:
    rows = [Row(Text(heading), heading=True)]
    rows += [Row(entry_title(entry), _kind(entry), _note(entry, dates, now), entry=entry) for entry in entries]
    return rows


def _kind(entry: Mapping[str, Any]) -> Text:
    kind = str(entry.get("kind"))
    if kind == "progress":
        progress = entry.get("progress")
        if isinstance(progress, (int, float)):
            return Text(texts.KIND_PROGRESS, {"percent": int(progress)})
        return Text(texts.KIND_STOPPED)
    if kind == "rating.set":
        return Text(texts.KIND_RATING, {"rating": entry.get("rating")})
    return Text(_KINDS.get(kind, texts.KIND_OTHER))


def _note(entry: Mapping[str, Any], dates: Dates, now: datetime) -> Text:
    """Since when, and why."""
    watched, created = parse(entry.get("watched_at")), parse(entry.get("created_at"))
    reasons = why(entry, dates, now)
    if watched:
        what = Text(texts.OUTBOX_SEEN, {"when": dates.near(watched, now)})
    elif created:
        what = Text(texts.OUTBOX_SINCE, {"when": dates.near(created, now)})
    else:
        return reasons
    return Text(texts.OUTBOX_NOTE, {"what": what, "why": reasons})


def _message(outbox: Mapping[str, Any], rows: Sequence[Row], dates: Dates, now: datetime) -> Message:
    paused = outbox.get("paused")
    if not rows:
        # Whatever may wait belongs to an account that isn't here.
        return Message(Text(texts.TROUBLE_NOT_LINKED), WARNING) if paused == "not_linked" else _EMPTY
    if paused and outbox.get("waiting") != 0:
        return _paused(str(paused), outbox.get("next_try_in_ms"), dates, now)
    if any(row.entry and row.entry.get("state") == "refused" for row in rows):
        return Message(Text(texts.OUTBOX_NOT_TAKEN), WARNING)
    return Message(Text(texts.OUTBOX_SENDING), BUSY)


def _paused(paused: str, next_try_in_ms: Any, dates: Dates, now: datetime) -> Message:
    words = Text(_PAUSED.get(paused, texts.PAUSED_OTHER))
    mood = ERROR if paused in _NEEDS_THE_USER else WARNING
    if mood == WARNING and isinstance(next_try_in_ms, (int, float)) and next_try_in_ms >= _SOON_MS:
        then = now + timedelta(milliseconds=min(next_try_in_ms, 7 * 24 * 3_600_000))
        words = Text(texts.OUTBOX_NEXT, {"trouble": words, "when": dates.near(then, now)})
    return Message(words, mood)
