"""Every screen of the add-on in every state that looks different, as data: what the library says in it.

Knows nothing of Kodi nor of the screens; `gallery.py` shows them, `test_looks.py` looks at them. A moment is written
as "@" and seconds from now.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence

Json = Mapping[str, Any]


class Scene(NamedTuple):
    """A screen in a state."""

    #: link, account, question, text, outbox or rating.
    screen: str
    account: Json = {"state": "none", "linked": False, "store": "ok"}
    #: How the login stands, one after the other; the first is there when the screen opens.
    logins: Sequence[Json] = ()
    #: What settings.get answers; and how many of what the account has, by the limit's name.
    settings: Optional[Json] = None
    used: Mapping[str, int] = {}
    #: Why there is no library: "" there is one, else the name of an exception that `gallery.py` knows.
    unavailable: str = ""
    #: Of a question: the names of heading, text and answers in texts.py.
    question: Sequence[str] = ()
    #: What outbox.list answers; and with candidates, what match.search finds for the first of its entries.
    outbox: Optional[Json] = None
    candidates: Optional[Sequence[Json]] = None
    #: What is rated, and the rating given here before.
    rated: Optional[Json] = None
    rating: Optional[int] = None
    #: What the QR code on the screen says; empty: there is none.
    qr: str = ""
    #: Presses of keys after which the picture is taken, and presses of Back that then lead away.
    keys: Sequence[str] = ()
    backs: int = 1


URL = "https://trakt.tv/activate"
CODE = "5055CC52"
APPS = "https://app.trakt.tv/settings/apps"
UPGRADE = "https://app.trakt.tv/vip"


def _pending(left_ms: int = 512_000, code: str = CODE, id: str = "a", **more: Any) -> Json:
    return {
        "login_id": id,
        "state": "pending",
        "user_code": code,
        "verification_url": URL,
        "verification_url_complete": f"{URL}/{code}",
        "expires_in_ms": left_ms,
        "driver": "self",
        **more,
    }


def _error(code: str, **more: Any) -> Json:
    return {"code": code, "message": code, "retryable": True, **more}


#: The screen asks for a code.
_ASKED: Json = {"state": "idle"}


def _ends(state: str, **more: Any) -> Sequence[Json]:
    return [_pending(), {"login_id": "a", "state": state, **more}]


def _trouble(code: str) -> Sequence[Json]:
    return [_ASKED, _pending(last_error=_error(code))]


def _no_code(code: str) -> Sequence[Json]:
    return [_ASKED, {"login_id": "a", "state": "starting", "last_error": _error(code)}]


_SEAN = {"username": "sean", "name": "Sean Rudford", "slug": "sean", "uuid": "b6589fc6", "vip": False}
_VIP = {"username": "justin", "name": "Justin Nemeth", "slug": "justin", "uuid": "b6589fc7", "vip": True}
_LONG = {
    "username": "the-honourable-watcher-of-films-1987",
    "name": "Maximiliane Wilhelmina Schwarzenegger-Großkopff",
    "slug": "the-honourable-watcher-of-films-1987",
    "uuid": "b6589fc8",
    "vip": False,
}


def _account(user: Json, **more: Any) -> Json:
    return {
        "state": "linked",
        "linked": True,
        "store": "ok",
        "user": user,
        "since": "@-8640000",
        "token": {"expires_at": "@432000", "refreshable": True},
        "last_contact_at": "@-240",
        "clock_skew_ms": 0,
        **more,
    }


def _settings(user: Json, **more: Any) -> Json:
    free = not user["vip"]
    return {
        "user": {**user, "joined_at": "2010-09-25T17:49:25.000Z", "vip_years": 0 if free else 5},
        "account": {"timezone": "America/Los_Angeles", "date_format": "mdy", "time_24hr": False},
        "limits": {
            "list": {"count": 5 if free else 100, "item_count": 250 if free else 5000},
            "watchlist": {"item_count": 250 if free else 5000},
            "favorites": {"item_count": 100 if free else 10000},
            "search": {"recent_count": 5 if free else 100},
            "collection": {"item_count": 1000 if free else 100000},
            "notes": {"item_count": 100 if free else 10000},
        },
        "permissions": {"commenting": True, "liking": True, "following": True},
        "fetched_at": "@-240",
        "source": "network",
        "stale": False,
        **more,
    }


_USED = {"watchlist.item_count": 187, "favorites.item_count": 12, "list.count": 3, "list.item_count": 96}
_FULL = {"watchlist.item_count": 250, "favorites.item_count": 100, "list.count": 5, "list.item_count": 250}

_HEAT: Json = {"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}}
_DARK: Json = {
    "type": "episode",
    "show": {"title": "Dark", "year": 2017, "ids": {"tvdb": 334824}},
    "season": 1,
    "number": 2,
    "title": "Lies",
}
_WORDY: Json = {
    "type": "episode",
    "show": {"title": "The Honourable Adventures of Maximiliane and Her Quite Extraordinary Travelling Companions"},
    "season": 12,
    "number": 104,
    "title": "In Which Everybody Goes Home Again, /Eventually",
}


def _entry(id: int, item: Json, kind: str = "play", **more: Any) -> Json:
    return {
        "id": id,
        "kind": kind,
        "state": "waiting",
        "item": item,
        "watched_at": "@-90000" if kind == "play" else None,
        "created_at": "@-90000",
        "attempts": 1,
        "last_try_at": "@-240",
        "error": _error("network"),
        **more,
    }


_REFUSED = [
    _entry(1, {"type": "file", "file": "/films/heat.1995.cut.mkv"}, state="refused", reason="unmatched", error=None),
    _entry(
        2,
        {"type": "episode", "show": {"title": "Doctor Who", "year": 2005}, "season": 0, "number": 99, "title": "Extra"},
        state="refused",
        reason="not_found",
        error=_error("not_found"),
    ),
    _entry(
        3,
        _HEAT,
        "watchlist.add",
        state="refused",
        reason="account_limit",
        error=_error("account_limit", limit=250, upgrade_url=UPGRADE),
    ),
]
_WAITING = [
    _entry(4, _DARK),
    _entry(5, {**_DARK, "number": 3, "title": "Past and Present"}),
    _entry(6, _HEAT, "progress", progress=42.5),
    _entry(7, _HEAT, "rating.set", rating=9, watched_at=None),
    _entry(8, {"type": "show", "title": "Dark", "year": 2017}, "history.add"),
    _entry(9, {"type": "season", "show": {"title": "Dark"}, "number": 2}, "history.remove"),
    _entry(10, _WORDY),
]


def _outbox(entries: Sequence[Json], **more: Any) -> Json:
    refused = sum(entry["state"] == "refused" for entry in entries)
    counts = {"waiting": len(entries) - refused, "refused": refused}
    return {"entries": entries, **counts, "paused": None, "error": None, "next_try_in_ms": None, "next": None, **more}


SCENES: Dict[str, Scene] = {
    # The link screen, with a code …
    "link-asking": Scene("link", logins=[_ASKED]),
    "link-pending": Scene("link", logins=[_ASKED, _pending()], qr=f"{URL}/{CODE}"),
    "link-pending-taken-up": Scene("link", logins=[_pending()], qr=f"{URL}/{CODE}"),
    "link-pending-odd-code": Scene("link", logins=[_ASKED, _pending(code="WMWM-QQQQ-0")], qr=f"{URL}/WMWM-QQQQ-0"),
    "link-pending-strange-code": Scene(
        "link", logins=[_ASKED, _pending(code="abcd-efgh-ijkl-mn")], qr=f"{URL}/abcd-efgh-ijkl-mn"
    ),
    "link-pending-instead": Scene("link", _account(_LONG), logins=[_ASKED, _pending()], qr=f"{URL}/{CODE}"),
    "link-pending-new-code": Scene(
        "link", logins=[_pending(code="0DBAF975"), _pending(580_000)], qr=f"{URL}/{CODE}", keys=["right"]
    ),
    "link-pending-last-look": Scene("link", logins=[_ASKED, _pending(0)], qr=f"{URL}/{CODE}"),
    "link-pending-other-program": Scene("link", logins=[_ASKED, _pending(driver="other")], qr=f"{URL}/{CODE}"),
    "link-pending-too-fast": Scene("link", logins=_trouble("rate_limited"), qr=f"{URL}/{CODE}"),
    "link-pending-no-network": Scene("link", logins=_trouble("network"), qr=f"{URL}/{CODE}"),
    "link-pending-blocked": Scene("link", logins=_trouble("blocked"), qr=f"{URL}/{CODE}"),
    "link-pending-clock": Scene("link", logins=_trouble("tls_clock"), qr=f"{URL}/{CODE}"),
    "link-pending-sign-in": Scene("link", logins=_trouble("bad_reply"), qr=f"{URL}/{CODE}"),
    "link-pending-not-secure": Scene("link", logins=_trouble("tls"), qr=f"{URL}/{CODE}"),
    "link-pending-full": Scene(
        "link", {"state": "none", "linked": False, "store": "full"}, logins=[_ASKED, _pending()], qr=f"{URL}/{CODE}"
    ),
    # … without one …
    "link-renewing": Scene("link", logins=[_pending(), {"login_id": "a", "state": "starting"}]),
    "link-no-network": Scene("link", logins=_no_code("network")),
    "link-blocked": Scene("link", logins=_no_code("blocked")),
    "link-too-fast": Scene("link", logins=_no_code("rate_limited")),
    "link-no-client-id": Scene("link", unavailable="no client id", qr=APPS),
    "link-no-library": Scene("link", unavailable="NativeError"),
    # … and each end.
    "link-denied": Scene("link", logins=_ends("denied")),
    "link-denied-instead": Scene("link", _account(_LONG), logins=_ends("denied")),
    "link-expired": Scene("link", logins=_ends("expired")),
    "link-already-used": Scene("link", logins=_ends("already_used")),
    "link-unknown-code": Scene("link", logins=_ends("invalid")),
    "link-cancelled": Scene("link", logins=_ends("cancelled")),
    "link-refused": Scene("link", logins=_ends("failed", error=_error("forbidden")), qr=APPS),
    "link-refused-instead": Scene("link", _account(_LONG), logins=_ends("failed", error=_error("forbidden")), qr=APPS),
    "link-locked": Scene("link", logins=_ends("failed", error=_error("account_locked"))),
    "link-gave-up": Scene("link", logins=_ends("failed", error=_error("blocked"))),
    "link-vip-only": Scene("link", logins=_ends("failed", error=_error("vip_only", upgrade_url=UPGRADE)), qr=UPGRADE),
    "link-linked": Scene("link", _account(_SEAN), logins=_ends("authorized", account=_SEAN)),
    "link-linked-vip": Scene("link", _account(_VIP), logins=_ends("authorized", account=_VIP)),
    "link-linked-nameless": Scene("link", _account({}), logins=_ends("authorized")),
    "link-linked-refused": Scene(
        "link", _account(_LONG, state="app_refused"), logins=_ends("authorized", account=_LONG)
    ),
    # The account screen.
    "account-free": Scene("account", _account(_SEAN), settings=_settings(_SEAN), used=_USED, qr=UPGRADE),
    "account-vip": Scene("account", _account(_VIP), settings=_settings(_VIP), used=_USED),
    "account-list": Scene(
        "account", _account(_SEAN), settings=_settings(_SEAN), used=_USED, qr=UPGRADE, keys=["up", "down", "down"]
    ),
    "account-full": Scene(
        "account",
        _account(_LONG),
        settings=_settings(_LONG),
        used=_FULL,
        qr=UPGRADE,
        keys=["up"] + ["down"] * 9,
    ),
    "account-withdrawn": Scene(
        "account",
        _account(_SEAN, last_error=_error("server_error")),
        settings=_settings(_SEAN, permissions={"commenting": False, "liking": True, "following": False}),
        used=_USED,
        qr=UPGRADE,
        keys=["up"] + ["down"] * 16,
    ),
    "account-offline": Scene(
        "account",
        _account(_SEAN, last_error=_error("bad_reply")),
        settings=_settings(_SEAN, source="stored", stale=True, error=_error("bad_reply"), fetched_at="@-90000"),
        used=_USED,
        qr=UPGRADE,
    ),
    "account-none": Scene("account"),
    "account-ended": Scene("account", _account(_SEAN, state="relink_needed", linked=False), settings=_settings(_SEAN)),
    "account-locked": Scene("account", _account(_SEAN, state="locked"), settings=_settings(_SEAN), qr=UPGRADE),
    "account-refused": Scene("account", _account(_LONG, state="app_refused"), settings=_settings(_LONG), qr=APPS),
    "account-unavailable": Scene("account", unavailable="NativeError"),
    # What waits for Trakt …
    "outbox": Scene("outbox", _account(_SEAN), outbox=_outbox([*_REFUSED, *_WAITING], next=500)),
    "outbox-refused": Scene("outbox", _account(_SEAN), outbox=_outbox(_REFUSED), keys=["down"]),
    "outbox-offline": Scene(
        "outbox", _account(_SEAN), outbox=_outbox(_WAITING, paused="offline", next_try_in_ms=300_000), keys=["down"] * 4
    ),
    "outbox-blocked": Scene(
        "outbox", _account(_SEAN), outbox=_outbox(_WAITING[:1], paused="blocked", next_try_in_ms=600_000)
    ),
    "outbox-relink": Scene("outbox", outbox=_outbox(_WAITING, paused="relink_needed")),
    "outbox-sending": Scene("outbox", _account(_SEAN), outbox=_outbox(_WAITING)),
    "outbox-empty": Scene("outbox", _account(_SEAN), outbox=_outbox([])),
    "outbox-reading": Scene("outbox", _account(_SEAN)),
    "outbox-unavailable": Scene("outbox", unavailable="NativeError"),
    "outbox-correct": Scene(
        "outbox",
        _account(_SEAN),
        outbox=_outbox(_REFUSED),
        candidates=[
            {"type": "movie", "title": "Heat", "year": 1995, "ids": {"trakt": 1}, "score": 90},
            {"type": "movie", "title": "The Heat", "year": 2013, "ids": {"trakt": 2}, "score": 50},
            {"type": "movie", "title": "Heat", "year": 1986, "ids": {"trakt": 3}, "score": 40},
        ],
        backs=2,
    ),
    "outbox-correct-nothing": Scene("outbox", _account(_SEAN), outbox=_outbox(_REFUSED), candidates=[], backs=2),
    # … and ratings.
    "rating-film": Scene("rating", _account(_SEAN), rated=_HEAT),
    "rating-episode": Scene("rating", _account(_SEAN), rated=_DARK, rating=9, keys=["left"]),
    "rating-wordy": Scene("rating", _account(_SEAN), rated=_WORDY, rating=1),
    # Questions, and the report.
    "question-invitation": Scene(
        "question", question=["INVITE_HEADING", "INVITE_TEXT", "INVITE_LINK_NOW", "LATER", "NEVER"]
    ),
    "question-ended": Scene("question", question=["SESSION_HEADING", "SESSION_TEXT", "SESSION_LINK_AGAIN", "LATER"]),
    "question-copied": Scene("question", question=["SESSION_HEADING", "COPIED_TEXT", "SESSION_LINK_AGAIN", "LATER"]),
    "question-other-addon": Scene(
        "question", question=["OTHER_HEADING", "OTHER_TEXT", "OTHER_TAKE", "OTHER_KEEP", "LATER"]
    ),
    "question-unlink": Scene("question", question=["UNLINK_HEADING", "UNLINK_QUESTION", "CANCEL", "UNLINK"]),
    "text-report": Scene("text", _account(_SEAN), settings=_settings(_SEAN)),
    "text-report-below": Scene("text", _account(_SEAN), settings=_settings(_SEAN), keys=["down"] * 12),
}

#: The states that matter most, or are the fullest of their screen.
MAIN = [
    "link-pending",
    "link-pending-blocked",
    "link-denied",
    "link-refused-instead",
    "link-linked",
    "account-free",
    "account-full",
    "account-refused",
    "outbox",
    "outbox-correct",
    "rating-episode",
    "question-invitation",
    "question-copied",
    "text-report",
]
