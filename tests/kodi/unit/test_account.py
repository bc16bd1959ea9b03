"""The account screen: what it shows of every account, and what its buttons do. Nothing in it waits."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import pytest
from fakekodi import TOP, Box, FakeClock
from faketrakt import FakeTrakt, error
from traktkodi import texts
from traktkodi.account import AccountControl
from traktkodi.account_view import Known, View, number, readable_limit, safe_picture, view
from traktkodi.dates import as_set
from traktkodi.kodi import Kodi
from traktkodi.outbox_counts import Counts
from traktkodi.screens import account as screen
from traktkodi.texts import Text
from traktkodi.trouble import APPS_URL

SHAPES = TOP / "tests" / "sim" / "src" / "shapes"
NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=timezone.utc)  # as the box's clock has it
AVATAR = "https://walter.example/avatar.png"
UPGRADE_URL = "https://app.trakt.tv/vip"

ACCOUNT: Dict[str, Any] = {
    "state": "linked",
    "linked": True,
    "reason": None,
    "since": "2026-09-14T10:00:00Z",
    "user": {"username": "sean", "name": "Sean Rudford", "slug": "sean", "uuid": "b6589fc6", "vip": False},
    "token": {"expires_at": "2026-09-21T19:30:00Z", "refreshable": True},
    "last_contact_at": "2026-09-21T14:03:00Z",
    "last_error": None,
    "clock_skew_ms": 0,
    "store": "ok",
    "pending_login": False,
}
SETTINGS: Dict[str, Any] = {
    "settings": {},
    "user": {"username": "sean", "name": "Sean Rudford", "vip": False, "avatar": AVATAR},
    "account": {"timezone": "Europe/Berlin", "date_format": "dmy", "time_24hr": True},
    "limits": {"list": {"count": 5, "item_count": 250}, "watchlist": {"item_count": 250}},
    "permissions": {"commenting": True},
    "fetched_at": "2026-09-21T14:13:00Z",
    "source": "network",
    "stale": False,
    "error": None,
}
NOT_FOUND = error("not_found")


def changed(base: Mapping[str, Any], **changes: Any) -> Dict[str, Any]:
    return {**base, **changes}


def reply_of(shape: str) -> Dict[str, Any]:
    """What settings.get makes of one of the known shapes of Trakt's settings."""
    raw = json.loads((SHAPES / f"{shape}.json").read_text("utf-8"))
    user, account = raw["user"], raw["account"]
    ids = user.get("ids", {})
    keys = ("vip", "vip_ep", "vip_og", "vip_years", "joined_at", "private")
    return {
        "settings": raw,
        "user": {
            "username": "sean",
            "name": "Sean Rudford",
            "uuid": "b6589fc6" if ids else None,
            "slug": "sean" if ids else None,
            "avatar": user.get("images", {}).get("avatar", {}).get("full"),
            **{key: user.get(key) for key in keys},
        },
        "account": {key: account.get(key) for key in ("timezone", "date_format", "time_24hr")},
        "limits": raw.get("limits", {}),
        "permissions": raw.get("permissions", {}),
        "fetched_at": "2026-09-21T14:13:00Z",
        "source": "network",
        "stale": False,
        "error": None,
    }


class Asked:
    """Stands in for `Questions`: keeps what was asked."""

    def __init__(self) -> None:
        self.all: List[Tuple[Text, Text, Sequence[Text], bool]] = []
        self._then: Callable[[Optional[int]], None] = lambda _: None

    def ask(
        self, heading: Text, text: Text, answers: Sequence[Text], then: Callable[[Optional[int]], None], now: bool
    ) -> None:
        self.all.append((heading, text, answers, now))
        self._then = then

    def answer(self, words: Optional[str], kodi: Kodi) -> None:
        """The user takes the answer with these words; None: Back."""
        answers = [kodi.say(answer) for answer in self.all[-1][2]]
        self._then(None if words is None else answers.index(words))


class Screen:
    """The account screen with everything around it, as its user sees it."""

    def __init__(self, box: Box, kodi: Kodi, trakt: FakeTrakt, clock: FakeClock, data_dir: str) -> None:
        self.box, self.kodi, self.trakt, self.clock = box, kodi, trakt, clock
        self.asked = Asked()
        self.control = AccountControl(kodi, trakt, clock, data_dir, self.asked)  # type: ignore[arg-type]
        self.linking = 0
        self.control.on_link = self._link

    def _link(self) -> None:
        self.linking += 1

    def step(self) -> None:
        """What the service does, and Kodi."""
        self.trakt.step()
        self.control.step(self.trakt.account())
        self.box.deliver()

    def open(self) -> None:
        self.control.open()
        self.box.deliver()

    def click(self, control: int) -> None:
        self.box.click(control)
        self.step()

    def __getitem__(self, name: str) -> str:
        """A property of the window."""
        words = self.box.window.properties.get(name, "")
        assert isinstance(words, str)
        return words

    @property
    def rows(self) -> Dict[str, Tuple[str, str, str]]:
        """The lines of the list by their labels: value, note, percent."""
        items = self.box.window.lists.get(screen.LIST, [])
        return {
            item.label: (item.label2, item.properties["note"], item.properties["percent"])
            for item in items
            if item.properties["heading"] != "true"
        }

    @property
    def headings(self) -> List[str]:
        items = self.box.window.lists.get(screen.LIST, [])
        return [item.label for item in items if item.properties["heading"] == "true"]

    @property
    def buttons(self) -> List[str]:
        return [self[name] for name in ("check", "link", "unlink") if self[name]]


@pytest.fixture
def shown(box: Box, kodi: Kodi, trakt: FakeTrakt, clock: FakeClock, data_dir: str) -> Screen:
    """Linked, with settings stored and at Trakt; not opened yet."""
    box.core_texts.update({51: "Jan", 52: "Feb", 53: "Mar", 58: "Aug", 59: "Sep"})
    trakt.account_now = ACCOUNT
    trakt.answers = {"settings.get": SETTINGS, "http.request": counted(), "limit.check": check, "qr.write": qr}
    return Screen(box, kodi, trakt, clock, data_dir)


def counted(lists: Sequence[int] = (12, 250), **counts: int) -> Callable[[Mapping[str, Any]], Any]:
    """Trakt's answers to the reads that count."""

    def answer(params: Mapping[str, Any]) -> Any:
        assert params["method"] == "GET" and params["query"]["page"] == 1
        path = params["path"]
        if path == "/users/me/lists":
            body: Any = [{"name": f"list {n}", "item_count": size} for n, size in enumerate(lists)]
            return {"status": 200, "headers": {"x-pagination-item-count": str(len(lists))}, "body": body}
        name = path.rpartition("/")[2]
        return {"status": 200, "headers": {"x-pagination-item-count": str(counts.get(name, 0))}, "body": []}

    return answer


def check(params: Mapping[str, Any]) -> Dict[str, Any]:
    """limit.check, for the limits of SETTINGS."""
    group, _, kind = params["limit"].partition(".")
    limit = SETTINGS["limits"].get(group, {}).get(kind, 100)
    allowed = params["have"] < limit
    found = {"allowed": allowed, "known": True, "limit": limit, "remaining": max(0, limit - params["have"])}
    return found if allowed else {**found, "upgrade_url": UPGRADE_URL}


def qr(params: Mapping[str, Any]) -> Dict[str, Any]:
    return {"png_path": f"{params['dir']}/{len(params['text'])}.png", "rows": ["1"]}


@pytest.mark.parametrize(
    ("counts", "value"),
    [
        (Counts(0, 0), "Nothing"),
        (Counts(12, 0), "12"),
        (Counts(3, 1), "3, not taken: 1"),
        (Counts(0, 2), "0, not taken: 2"),
    ],
)
def test_what_waits_for_trakt_is_the_first_line_and_ok_shows_it(shown: Screen, counts: Counts, value: str) -> None:
    opened: List[bool] = []
    shown.control.on_outbox = lambda: opened.append(True)
    shown.open()
    shown.step()
    assert "Waits for Trakt" not in shown.rows, "as long as nobody knows how much"
    shown.control.step(shown.trakt.account(), counts)
    shown.box.deliver()
    assert next(iter(shown.rows.items())) == (
        "Waits for Trakt",
        (value, "OK shows what waits, since when and why.", ""),
    )
    shown.box.window.places[screen.LIST] = 3
    shown.box.click(screen.LIST)
    assert opened == []
    shown.box.window.places[screen.LIST] = 0
    shown.box.click(screen.LIST)
    assert opened == [True]
    assert not shown.control.showing


def test_without_an_account_only_what_waits_all_the_same_is_shown(shown: Screen) -> None:
    shown.trakt.account_now = {"state": "none", "linked": False}
    shown.open()
    for counts, there in ((Counts(0, 0), False), (Counts(1, 0), True)):
        shown.control.step(shown.trakt.account(), counts)
        assert ("Waits for Trakt" in shown.rows) is there


def drawn(kodi: Kodi, **known: Any) -> Tuple[View, Callable[[Any], str]]:
    """The pure view, and how its words are said."""

    def say(words: Any) -> str:
        return kodi.say(words) if isinstance(words, Text) else words

    return view(Known(**{"account": ACCOUNT, **known}), as_set({"timezone": "UTC", "time_24hr": True}), NOW), say


# opening


def test_it_opens_with_what_is_stored_while_trakt_is_silent(shown: Screen) -> None:
    stored = changed(SETTINGS, source="stored", fetched_at="2026-09-20T20:00:00Z")
    shown.trakt.answers = {"limit.check": check, "qr.write": qr}
    shown.open()
    assert shown.control.showing and shown["name"] == "Sean Rudford" and shown["message"] == "Your account is linked."
    assert shown.trakt.submitted == [("settings.get", {"extended": "browsing", "offline": True})]
    shown.trakt.finish("settings.get", stored)
    shown.step()
    assert shown["message"] == "All is well. Last checked: yesterday, 22:00."
    assert shown.rows["Lists"][0] == "up to 5"
    assert shown.trakt.running == ["settings.get"] and shown.trakt.submitted[1][1]["max_age_ms"] == 60_000
    shown.trakt.finish("settings.get", SETTINGS)
    shown.step()
    assert shown["message"] == "All is well. Last checked: just now."


def test_the_picture_is_fetched_only_once_trakt_has_answered(shown: Screen) -> None:
    shown.trakt.answers = {"limit.check": check}
    shown.open()
    shown.trakt.finish("settings.get", changed(SETTINGS, source="stored"))
    shown.step()
    assert shown["avatar"] == "", "without a network Kodi would not end before its name lookup does"
    shown.trakt.finish("settings.get", changed(SETTINGS, source="stored", stale=True, error={"code": "dns"}))
    shown.step()
    assert shown["avatar"] == ""
    shown.click(screen.CHECK)
    shown.trakt.finish("settings.get", SETTINGS)
    shown.step()
    assert shown["avatar"] == AVATAR


def test_nothing_stored_yet(shown: Screen) -> None:
    shown.trakt.answers = {}
    shown.open()
    shown.trakt.finish("settings.get", NOT_FOUND)
    shown.step()
    assert shown["message"] == "Your account is linked." and shown.headings == ["Account", "This device"]
    shown.trakt.finish("settings.get", error("timeout", retryable=True))
    shown.trakt.account_now = changed(ACCOUNT, last_error={"code": "timeout"})
    shown.step()
    assert shown["mood"] == "warning" and "in time" in shown["message"] and "from:" not in shown["message"]


def test_an_open_screen_is_not_opened_twice(shown: Screen) -> None:
    shown.open()
    shown.open()
    assert len(shown.box.windows) == 1


def test_all_of_it(shown: Screen) -> None:
    settings = changed(
        SETTINGS,
        user={**SETTINGS["user"], "joined_at": "2012-03-04T05:06:07.000Z", "vip_years": 0},
        permissions={"following": True, "drawing_on_walls": True, "commenting": False},
        limits={**SETTINGS["limits"], "collection": {"item_count": 100000}, "saved_filters": {"count": 3}},
    )
    shown.box.properties.update({"movies.count": "1234", "tvshows.count": "56", "episodes.count": "23456"})
    shown.trakt.answers.update({"settings.get": settings, "http.request": counted(watchlist=97)})
    shown.open()
    for _ in range(6):
        shown.step()
    assert (shown["name"], shown["username"], shown["vip"]) == ("Sean Rudford", "sean", "")
    assert shown["since"] == "Linked since 14 Sep 2026"
    assert shown.headings == ["Account", "What fits into your account", "What you may do", "This device"]
    rows = shown.rows
    assert rows["Membership"] == ("Free", "VIP members have more room: app.trakt.tv/vip", "")
    assert rows["At Trakt since"][0] == "4 Mar 2012"
    assert rows["Access until"][0] == "today, 21:30" and "renewed by itself" in rows["Access until"][1]
    assert rows["Last contact"][0] == "10 min ago"
    assert rows["Lists"] == ("2 of 5", "Room for 3 more.", "40")
    assert rows["Entries in one list"] == (
        "250 of 250",
        "Full. Remove something at Trakt, or become VIP for more room.",
        "100",
    )
    assert rows["Watchlist"] == ("97 of 250", "Room for 153 more.", "38")
    assert rows["Collection"] == (
        "up to 100\u00a0000",
        "In Kodi's library: films 1234, series 56, episodes 23\u00a0456.",
        "",
    )
    assert rows["Saved filters"][0] == "up to 3"
    assert rows["Comment"][0] == "Not at the moment" and "for a while" in rows["Comment"][1]
    assert rows["Follow others"][0] == rows["Drawing on walls"][0] == "Yes"
    assert list(rows).index("Comment") < list(rows).index("Follow others") < list(rows).index("Drawing on walls")
    assert rows["Add-on version"][0] == rows["Library version"][0] == "0.1.0"
    assert shown["address"] == "app.trakt.tv/vip" and shown["qr"].endswith("/qr/24.png")
    assert shown.buttons == ["Check now", "Link another account", "Unlink"]


@pytest.mark.parametrize("shape", ["s1", "s2", "s3", "s4", "s5", "s6", "s7"])
def test_every_shape_of_the_settings(shape: str, shown: Screen) -> None:
    reply = reply_of(shape)
    shown.trakt.answers["settings.get"] = reply
    shown.trakt.answers["limit.check"] = lambda params: {"allowed": True, "known": False, "remaining": None}
    shown.open()
    for _ in range(6):
        shown.step()
    assert shown["name"] == "Sean Rudford" and shown["mood"] == "ok"
    assert shown["avatar"] == (reply["user"]["avatar"] or "")
    limits = sum(len(kinds) for kinds in reply["limits"].values())
    assert ("What fits into your account" in shown.headings) == bool(limits)
    assert ("What you may do" in shown.headings) == bool(reply["permissions"])
    counts = sum(len(kinds) for kinds in (reply["limits"], reply["permissions"]))
    assert len(shown.rows) >= counts and all(value for value, _, _ in shown.rows.values())


ODD: List[Any] = [
    None,
    7,
    True,
    "text",
    [],
    ["x"],
    {},
    {"x": None},
    {"x": {"y": []}},
    -1,
    2**63 - 1,
    1.5,
    "\u202e|{date}",
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_odd_and_missing_fields_cost_only_themselves(odd: Any, kodi: Kodi) -> None:
    for known, base in (("account", ACCOUNT), ("settings", SETTINGS)):
        for key in base:
            if key in ("state", "store", "reason"):
                continue  # words of the library itself
            for value in (changed(base, **{key: odd}), {name: base[name] for name in base if name != key}):
                found, say = drawn(kodi, **{known: value})
                assert say(found.message.words) and found.rows
                assert all(isinstance(say(part), str) for row in found.rows for part in row[:3])
    for place in ("user", "limits", "permissions", "account"):
        inner = SETTINGS[place]
        for key in inner:
            found, say = drawn(kodi, settings=changed(SETTINGS, **{place: changed(inner, **{key: odd})}), reached=True)
            assert say(found.name) and all(say(row.label) for row in found.rows)


def test_no_name_at_all(kodi: Kodi) -> None:
    found, say = drawn(kodi, account=changed(ACCOUNT, user=None))
    assert (say(found.name), found.username) == ("Trakt account", "")
    found, say = drawn(kodi, account=changed(ACCOUNT, user={"slug": "sean", "name": "  "}))
    assert (say(found.name), found.username) == ("sean", "")


def test_a_vip(kodi: Kodi) -> None:
    user = changed(SETTINGS["user"], vip=True, vip_years=5)
    found, say = drawn(kodi, settings=changed(SETTINGS, user=user), upgrade_url=UPGRADE_URL)
    assert found.vip and found.url == ""
    assert [say(part) for part in found.rows[1][:3]] == ["Membership", "VIP", "Years as VIP: 5"]
    found, say = drawn(kodi, settings=changed(SETTINGS, user={**user, "vip_ep": True}))
    assert say(found.rows[1].value) == "VIP, executive producer"


def test_a_full_limit_of_a_vip_is_not_lifted_by_vip(kodi: Kodi) -> None:
    full = {"allowed": False, "remaining": 0}
    settings = changed(SETTINGS, user=changed(SETTINGS["user"], vip=True), limits={"watchlist": {"item_count": 5}})
    found, say = drawn(kodi, settings=settings, used={"watchlist.item_count": 7}, checks={"watchlist.item_count": full})
    row = next(row for row in found.rows if say(row.label) == "Watchlist")
    assert (say(row.value), say(row.note), row.percent) == ("7 of 5", "Full. Remove something at Trakt first.", 100)


# states


@pytest.mark.parametrize(
    ("account", "mood", "says", "buttons"),
    [
        ({"state": "none", "linked": False}, "warning", "No Trakt account is linked", ["Link now"]),
        ({"state": "relink_needed", "linked": False}, "error", "signed this device out", ["Link again", "Unlink"]),
        ({"state": "locked", "linked": False}, "error", "support", ["Check now", "Link another account", "Unlink"]),
        ({"state": "blocked"}, "error", "turns this device away", ["Check now", "Link another account", "Unlink"]),
        ({"state": "app_refused"}, "error", "free account", ["Check now", "Link again", "Unlink"]),
        ({"store": "full"}, "warning", "full", ["Check now", "Link another account", "Unlink"]),
        ({"store": "readonly"}, "warning", "", ["Check now", "Link another account", "Unlink"]),
        ({"store": "memory"}, "warning", "", ["Check now", "Link another account", "Unlink"]),
        ({"store": "newer"}, "warning", "newer", ["Check now", "Link another account", "Unlink"]),
        ({"store": "corrupt_moved"}, "warning", "damaged", ["Check now", "Link another account", "Unlink"]),
        ({"last_error": {"code": "dns"}}, "warning", "What you see here is from: just now", None),
    ],
)
def test_each_state_has_its_sentence_and_its_buttons(
    account: Mapping[str, Any], mood: str, says: str, buttons: Optional[List[str]], shown: Screen
) -> None:
    shown.trakt.account_now = changed(ACCOUNT, **account)
    shown.open()
    for _ in range(6):
        shown.step()
    assert shown["mood"] == mood and says in shown["message"]
    assert buttons is None or shown.buttons == buttons
    first = {"Check now": screen.CHECK, "Link now": screen.LINK, "Link again": screen.LINK}
    assert shown.box.window.focus == first[shown.buttons[0]], "the focus is on a button that is there"


def test_a_refused_app_shows_where_the_apps_are(kodi: Kodi) -> None:
    found, say = drawn(kodi, account=changed(ACCOUNT, state="app_refused"), upgrade_url=UPGRADE_URL)
    assert (say(found.caption), found.url) == ("Your apps at Trakt:", APPS_URL)
    found, say = drawn(kodi, account=changed(ACCOUNT, state="locked"), upgrade_url=UPGRADE_URL)
    assert (say(found.caption), found.url) == ("More room with VIP:", UPGRADE_URL)


def test_a_store_in_trouble_has_a_line_of_its_own_too(kodi: Kodi) -> None:
    found, say = drawn(kodi, account=changed(ACCOUNT, store="full", state="locked"))
    assert "support" in say(found.message.words)
    assert any(say(row.label) == "Stored data" and "full" in say(row.note) for row in found.rows)


def test_the_last_trouble_is_said_in_plain_words(kodi: Kodi) -> None:
    found, say = drawn(kodi, account=changed(ACCOUNT, last_error={"code": "server_error", "http_status": 503}))
    row = next(row for row in found.rows if say(row.label) == "Last trouble")
    assert "Trakt itself has trouble" in say(row.note) and "503" not in say(row.note)


def test_without_a_client(shown: Screen) -> None:
    shown.trakt.available = False
    shown.open()
    shown.step()
    assert shown["mood"] == "error" and shown["message"] and shown.buttons == []
    assert shown.box.window.focus == screen.CLOSE
    shown.control.unlink()
    assert shown.asked.all == []
    shown.click(screen.CLOSE)
    assert not shown.control.showing


def test_access_that_is_not_renewed(kodi: Kodi) -> None:
    token = {"expires_at": "2026-09-22T10:00:00Z", "refreshable": False}
    found, say = drawn(kodi, account=changed(ACCOUNT, token=token))
    row = next(row for row in found.rows if say(row.label) == "Access until")
    assert say(row.value) == "tomorrow, 10:00" and "has to be linked again" in say(row.note)
    found, say = drawn(kodi, account=changed(ACCOUNT, token={"expires_at": None, "refreshable": True}))
    assert "Access until" not in [say(row.label) for row in found.rows]


def test_times_are_by_trakts_clock_when_the_boxs_is_wrong(shown: Screen) -> None:
    shown.clock.jump(-56 * 365 * 86400)
    skew = round((NOW.timestamp() - shown.clock.wall()) * 1000)
    shown.trakt.account_now = changed(ACCOUNT, clock_skew_ms=skew)
    shown.open()
    shown.step()
    assert shown.rows["Last contact"][0] == "10 min ago"


# check now


def test_check_now_asks_trakt_and_says_so(shown: Screen) -> None:
    shown.open()
    for _ in range(6):
        shown.step()
    del shown.trakt.answers["settings.get"]
    before = len(shown.trakt.submitted)
    shown.click(screen.CHECK)
    assert (shown["message"], shown["mood"]) == ("Checking…", "busy")
    assert shown.trakt.submitted[before:] == [("settings.get", {"extended": "browsing", "max_age_ms": 0})]
    shown.click(screen.CHECK)
    shown.click(screen.UNLINK)
    assert len(shown.trakt.submitted) == before + 1 and shown.asked.all == [], "one thing at a time"
    shown.clock.advance(60)
    shown.trakt.finish("settings.get", changed(SETTINGS, fetched_at="2026-09-21T14:14:20Z"))
    for _ in range(6):
        shown.step()
    assert (shown["message"], shown["mood"]) == ("All is well. Last checked: just now.", "ok")
    assert [one[0] for one in shown.trakt.submitted[before + 1 :]] == ["http.request"] * 2, "counted again"


def test_a_check_that_fails_is_told_and_what_was_known_stays(shown: Screen) -> None:
    shown.open()
    for _ in range(6):
        shown.step()
    rows = shown.rows
    shown.trakt.answers["settings.get"] = error("network", retryable=True)
    shown.click(screen.CHECK)
    shown.step()
    assert shown["mood"] == "warning"
    assert shown["message"] == (
        "Trakt can't be reached. Please check the internet connection. What you see here is from: just now."
    )
    assert shown.rows == rows and shown.buttons[0] == "Check now"
    shown.clock.advance(600)
    shown.step()
    assert shown["message"].endswith("from: 10 min ago.")
    shown.trakt.account_now = changed(ACCOUNT, last_contact_at="2026-09-21T14:20:00Z")
    shown.step()
    assert shown["mood"] == "ok", "something went right meanwhile"


def test_a_check_that_ends_the_link(shown: Screen) -> None:
    shown.open()
    for _ in range(6):
        shown.step()
    shown.trakt.answers["settings.get"] = error("not_linked", reason="relink_needed")
    shown.click(screen.CHECK)
    shown.trakt.account_now = changed(ACCOUNT, state="relink_needed", linked=False, token=None)
    shown.step()
    assert "signed this device out" in shown["message"] and shown.buttons == ["Link again", "Unlink"]
    assert shown.box.window.focus == screen.LINK and shown["name"] == "Sean Rudford"


# counting


def test_counts_are_kept_for_some_minutes(shown: Screen) -> None:
    def counts() -> int:
        return [one[0] for one in shown.trakt.submitted].count("http.request")

    shown.open()
    for _ in range(6):
        shown.step()
    assert counts() == 2
    for passed, expected in ((100, 2), (201, 4)):
        shown.control.close()
        shown.clock.advance(passed)
        shown.open()
        for _ in range(6):
            shown.step()
        assert counts() == expected
        assert shown.rows["Lists"][0] == "2 of 5"


def test_one_read_after_the_other_and_none_for_limits_that_are_not_there(shown: Screen) -> None:
    shown.trakt.answers["settings.get"] = changed(SETTINGS, limits={"watchlist": {"item_count": 100}})
    shown.open()
    for _ in range(6):
        shown.step()
    reads = [params["path"] for method, params in shown.trakt.submitted if method == "http.request"]
    assert reads == ["/sync/watchlist"]


def test_what_can_not_be_counted_is_left_out(shown: Screen) -> None:
    answers = {"/sync/watchlist": error("not_found"), "/users/me/lists": {"status": 200, "headers": {}, "body": {}}}
    shown.trakt.answers["http.request"] = lambda params: answers[params["path"]]
    shown.open()
    for _ in range(6):
        shown.step()
    assert shown.rows["Watchlist"] == ("up to 250", "", "") and shown.rows["Lists"][0] == "up to 5"
    assert shown["mood"] == "ok"


def test_after_trouble_nothing_more_is_counted_until_the_next_check(shown: Screen) -> None:
    shown.trakt.answers["http.request"] = error("rate_limited", retryable=True)
    shown.open()
    for _ in range(6):
        shown.step()
    assert [one[0] for one in shown.trakt.submitted].count("http.request") == 1
    shown.trakt.answers["http.request"] = counted()
    shown.click(screen.CHECK)
    for _ in range(6):
        shown.step()
    assert shown.rows["Lists"][0] == "2 of 5"


def test_the_fullest_list_is_known_only_when_all_were_seen(shown: Screen) -> None:
    many = {"status": 200, "headers": {"x-pagination-item-count": "240"}, "body": [{"item_count": 9}] * 100}
    shown.trakt.answers["http.request"] = lambda params: many
    shown.open()
    for _ in range(6):
        shown.step()
    assert shown.rows["Lists"][0] == "240 of 5" and shown.rows["Entries in one list"][0] == "up to 250"


def test_a_library_without_qr_codes(shown: Screen) -> None:
    shown.trakt.answers["qr.write"] = error("unknown_method")
    shown.open()
    for _ in range(6):
        shown.step()
    assert shown["address"] == "app.trakt.tv/vip" and shown["qr"] == ""


# unlink


def unlinking(shown: Screen, answer: Optional[str] = "Unlink") -> None:
    """Presses Unlink and answers the question."""
    shown.open()
    for _ in range(6):
        shown.step()
    shown.click(screen.UNLINK)
    heading, _, answers, now = shown.asked.all[-1]
    assert shown.kodi.say(heading) == "Unlink the account?" and now
    assert [shown.kodi.say(one) for one in answers] == ["Cancel", "Unlink"], "what is first has the focus"
    assert "account.unlink" not in shown.trakt.running
    shown.asked.answer(answer, shown.kodi)
    shown.step()


def unlinked(shown: Screen, answer: Any) -> None:
    """The library has unlinked."""
    if not isinstance(answer, Exception):
        shown.trakt.account_now = {"state": "none", "linked": False, "user": None, "since": None}
    shown.trakt.finish("account.unlink", answer)
    shown.step()


def test_unlink_confirmed_by_trakt(shown: Screen) -> None:
    unlinking(shown)
    assert (shown["message"], shown["mood"]) == ("Unlinking…", "busy") and shown.trakt.running == ["account.unlink"]
    shown.click(screen.LINK)
    assert shown.linking == 0
    unlinked(shown, {"revoked": True})
    assert shown["message"] == "The account is unlinked. Trakt has confirmed it." and shown["mood"] == "ok"
    assert shown["name"] == "Not linked" and shown["avatar"] == shown["address"] == shown["since"] == ""
    assert shown.headings == ["This device"] and shown.buttons == ["Link now"]
    assert shown.box.window.focus == screen.LINK
    for _ in range(3):
        shown.step()
    assert "confirmed" in shown["message"], "it stays"


@pytest.mark.parametrize("reason", ["network", "timeout", "blocked", "server_error", "busy", "forbidden", "new_one"])
def test_unlink_not_confirmed_says_why_and_what_to_do(reason: str, shown: Screen) -> None:
    unlinking(shown)
    unlinked(shown, {"revoked": False, "reason": reason})
    assert shown["mood"] == "warning" and "Trakt hasn't confirmed it" in shown["message"]
    assert "remove the app at Trakt" in shown["message"] and "{" not in shown["message"]
    assert (shown["caption"], shown["address"]) == ("Your apps at Trakt:", "app.trakt.tv/settings/apps") and shown["qr"]


@pytest.mark.parametrize("ended", [True, False])
def test_unlink_of_a_session_that_had_ended(ended: bool, shown: Screen) -> None:
    if ended:
        shown.trakt.account_now = changed(ACCOUNT, state="relink_needed", linked=False)
    unlinking(shown)
    unlinked(shown, {"revoked": False, "reason": "rejected" if ended else "not_linked"})
    assert "had already ended" in shown["message"] and shown["mood"] == "ok"


@pytest.mark.parametrize("answer", ["Cancel", None])
def test_unlink_declined(answer: Optional[str], shown: Screen) -> None:
    unlinking(shown, answer)
    assert shown.trakt.running == [] and shown["mood"] == "ok"
    assert shown.buttons == ["Check now", "Link another account", "Unlink"]


def test_unlink_that_fails_leaves_the_account(shown: Screen) -> None:
    unlinking(shown)
    unlinked(shown, error("storage"))
    assert shown["message"].startswith("The account could not be unlinked.") and shown["mood"] == "error"
    assert shown["name"] == "Sean Rudford" and "Unlink" in shown.buttons


def test_unlink_goes_on_behind_a_closed_screen_and_is_told(shown: Screen) -> None:
    unlinking(shown)
    shown.box.back()
    assert not shown.control.showing and shown.trakt.running == ["account.unlink"]
    shown.trakt.account_now = {"state": "none", "linked": False}
    shown.trakt.finish("account.unlink", {"revoked": True})
    assert [note.message for note in shown.box.notifications] == ["The account is unlinked. Trakt has confirmed it."]


def test_unlink_is_still_seen_by_who_comes_back(shown: Screen) -> None:
    unlinking(shown)
    shown.box.back()
    shown.open()
    assert shown["message"] == "Unlinking…"
    unlinked(shown, {"revoked": True})
    assert "confirmed" in shown["message"] and shown.box.notifications == []


def test_unlink_from_outside_opens_the_screen_and_asks(shown: Screen) -> None:
    shown.control.unlink()
    assert shown.control.showing and len(shown.asked.all) == 1
    shown.trakt.account_now = {"state": "none", "linked": False}
    shown.control.close()
    shown.control.unlink()
    assert len(shown.asked.all) == 1 and "No Trakt account" in shown["message"], "there is nothing to unlink"


def test_a_client_that_is_closed_meanwhile(shown: Screen) -> None:
    unlinking(shown)
    shown.trakt.close()
    shown.step()
    assert shown["mood"] == "error" and "could not be unlinked" in shown["message"]


def test_an_answer_that_comes_when_there_is_no_client_any_more(shown: Screen) -> None:
    shown.open()
    shown.click(screen.UNLINK)
    shown.trakt.available = False
    shown.asked.answer("Unlink", shown.kodi)
    shown.step()
    assert shown["mood"] == "error" and "Unlinking" not in shown["message"]


# link, close, another account


@pytest.mark.parametrize(
    ("state", "label"),
    [("linked", "Link another account"), ("relink_needed", "Link again"), ("none", "Link now")],
)
def test_link_opens_the_link_screen(state: str, label: str, shown: Screen) -> None:
    shown.trakt.account_now = changed(ACCOUNT, state=state)
    shown.open()
    assert shown["link"] == label
    shown.click(screen.LINK)
    assert shown.linking == 1 and not shown.control.showing


def test_close_and_back(shown: Screen) -> None:
    for leave in (lambda: shown.click(screen.CLOSE), shown.box.back, shown.control.close):
        shown.open()
        assert shown.control.showing and shown.box.windows
        leave()
        assert not shown.control.showing and not shown.box.windows
    shown.control.close()
    shown.control.step(ACCOUNT)


def test_another_account_forgets_what_was_known_of_the_last(shown: Screen) -> None:
    shown.open()
    for _ in range(6):
        shown.step()
    assert "2 of 5" in shown.rows["Lists"]
    other = changed(ACCOUNT, since="2026-09-21T14:00:00Z", user={"username": "ada", "uuid": "77"})
    shown.trakt.account_now = other
    shown.trakt.answers = {}
    shown.control.step(other)
    assert shown["name"] == "ada" and "Lists" not in shown.rows and shown["avatar"] == ""
    assert shown.trakt.submitted[-1] == ("settings.get", {"extended": "browsing", "offline": True})


@pytest.mark.parametrize("after", ["another account", "unlinked", "the same one, linked again", "session ended"])
def test_kodi_forgets_the_picture_of_an_account_that_is_gone(shown: Screen, box: Box, after: str) -> None:
    box.rpc_answers["Textures.GetTextures"] = {"textures": [{"textureid": 7}]}
    shown.open()
    for _ in range(6):
        shown.step()
    accounts = {
        "another account": changed(ACCOUNT, since="2026-09-21T14:00:00Z", user={"username": "ada", "uuid": "77"}),
        "unlinked": {"state": "none", "linked": False},
        "the same one, linked again": changed(ACCOUNT, since="2026-09-21T14:00:00Z"),
        "session ended": changed(ACCOUNT, state="relink_needed", linked=False),
    }
    shown.trakt.account_now = accounts[after]
    shown.step()
    calls = [call for call in box.rpc_calls if call["method"].startswith("Textures.")]
    if after in ("another account", "unlinked"):
        wanted = {"field": "url", "operator": "is", "value": AVATAR}
        assert calls == [
            {"method": "Textures.GetTextures", "filter": wanted},
            {"method": "Textures.RemoveTexture", "textureid": 7},
        ]
        shown.clock.advance(10)
        shown.step()
        shown.step()
        again = [call for call in box.rpc_calls if call["method"].startswith("Textures.")]
        assert again == calls * 2, "once more, in case that Kodi was still at storing it"
    else:
        assert calls == []


def test_an_answer_about_the_last_account_is_dropped(shown: Screen) -> None:
    shown.trakt.answers = {"limit.check": check}
    shown.open()
    shown.trakt.finish("settings.get", NOT_FOUND)
    shown.trakt.account_now = changed(ACCOUNT, since="2026-09-21T14:00:00Z", user={"username": "ada", "uuid": "77"})
    shown.step()
    shown.trakt.finish("settings.get", SETTINGS)
    shown.step()
    assert shown["name"] == "ada" and shown["avatar"] == "" and "Lists" not in shown.rows


def test_lines_are_changed_in_place(shown: Screen) -> None:
    shown.open()
    for _ in range(6):
        shown.step()
    window = shown.box.window
    items = list(window.lists[screen.LIST])
    shown.clock.advance(120)
    shown.step()
    assert shown.rows["Last contact"][0] == "12 min ago"
    assert all(old is new for old, new in zip(items, window.lists[screen.LIST])), "the list doesn't flicker"
    shown.trakt.account_now = changed(ACCOUNT, state="none", linked=False)
    shown.step()
    assert shown.headings == ["This device"] and len(window.lists[screen.LIST]) == 3


def test_a_skin_that_is_loaded_anew_empties_the_list_and_it_is_filled_again(shown: Screen) -> None:
    shown.open()
    for _ in range(6):
        shown.step()
    rows = shown.rows
    shown.box.window.onInit()
    assert shown.rows == rows and len(shown.headings) == 4


def test_nothing_is_said_to_kodi_again_while_nothing_changes(shown: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    shown.open()
    for _ in range(6):
        shown.step()
    said: List[Text] = []
    monkeypatch.setattr(shown.kodi, "say", said.append)
    asked = len(shown.trakt.asked)
    for _ in range(50):
        shown.step()
    assert said == [] and len(shown.trakt.asked) == asked


def test_trouble_is_never_worse_than_the_call(shown: Screen) -> None:
    """Refused at once, as when too much is under way."""
    shown.trakt.answers.update({"settings.get": error("busy", retryable=True), "limit.check": error("busy")})
    shown.open()
    for _ in range(3):
        shown.step()
    shown.click(screen.CHECK)
    shown.step()
    assert shown["mood"] == "warning" and "Too much" in shown["message"]


# addresses, names, numbers


@pytest.mark.parametrize(
    "url",
    [
        "https://walter.trakt.tv/a.png?r=pg&s=256",
        "http://127.0.0.1:8080/a.png",
        "http://127.9.9.9/a.png",
        "http://[::1]:8080/a.png",
        "http://localhost/a.png",
    ],
)
def test_pictures_that_are_shown(url: str) -> None:
    assert safe_picture(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        "",
        "http://walter.trakt.tv/a.png",
        "http://10.0.0.1/a.png",
        "http://127.0.0.1.example.org/a.png",
        "http://localhost.example.org/",
        "ftp://127.0.0.1/a.png",
        "file:///etc/passwd",
        "special://profile/a.png",
        "/etc/passwd",
        "https://",
        "https://user:pw@walter.trakt.tv/a.png",
        "https://walter.trakt.tv/a.png|Authorization=x",
        "https://walter.trakt.tv/a .png",
        "https://walter.trakt.tv/a\n.png",
        "https://walter.trakt.tv\\@127.0.0.1/",
        "https://[::1/a.png",
    ],
)
def test_pictures_that_are_not(url: Any) -> None:
    assert safe_picture(url) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("saved_filters.count", "Saved filters"),
        ("saved_filters.item_count", "Saved filters"),
        ("search.fancy_count", "Search fancy"),
        ("x", "X"),
        ("ümlaut.count", "Ümlaut"),
    ],
)
def test_a_limit_that_is_not_known_is_readable(name: str, words: str) -> None:
    assert readable_limit(name) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (9999, "9999"),
        (10000, "10\u00a0000"),
        (2**63 - 1, "9\u00a0223\u00a0372\u00a0036\u00a0854\u00a0775\u00a0807"),
    ],
)
def test_numbers(value: int, words: str) -> None:
    assert number(value) == words


def test_the_windows_buttons_are_those_of_the_file() -> None:
    path = Path(TOP / "plugin/kodi/service.libtrakt/resources/skins/default/1080i/libtrakt-account.xml")
    xml = path.read_text("utf-8")
    for name, control in (("check", screen.CHECK), ("link", screen.LINK), ("unlink", screen.UNLINK)):
        assert f'id="{control}"' in xml and f"$INFO[Window.Property({name})]" in xml
    assert f"$ADDON[service.libtrakt {texts.CLOSE}]" in xml
