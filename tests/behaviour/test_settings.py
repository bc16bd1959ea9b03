"""Settings, limits, permissions: known shapes and unknown ones, stored and stale; what answers say of the account."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterator

import pytest
from box import DAY, HOUR, MINUTE, SECOND, Box, ask, events, link
from libtrakt import Client, Library, errors
from paths import ROOT
from simtrakt import SETTINGS, Sim

SHAPES = ROOT / "tests" / "sim" / "src" / "shapes"
UPGRADE_URL = "https://app.trakt.tv/vip"
JSON = {"Content-Type": "application/json"}

Start = Callable[..., Client]


@pytest.fixture
def start(box: Box, library: Library) -> Iterator[Start]:
    """Opens clients of this process on the box's folder; they don't repeat what fails."""
    clients = []

    def open_client(**more: Any) -> Client:
        clients.append(Client(box.config(timeouts_ms={"total": 900}, **more), library=library))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


@pytest.fixture
def client(start: Start, sim: Sim) -> Client:
    """A client with an account linked."""
    client = start()
    link(client, sim)
    return client


def raw_settings(client: Client, **options: Any) -> str:
    """Trakt's own JSON as the library hands it out, byte for byte."""
    reply = client.library.text("trakt_get_settings", client.handle, json.dumps(options))
    assert reply is not None
    text = reply.decode()
    start = text.index('"settings":') + len('"settings":')
    return text[start : text.index(',"user":{"username":', start)]


# shapes


@pytest.mark.parametrize("shape", ["s1", "s2", "s3", "s4", "s5", "s6", "s7"])
def test_each_of_the_seven_shapes_is_read(client: Client, sim: Sim, shape: str) -> None:
    sim.settings(shape=shape)
    sim.account(username="ada.lovelace", name="Ada", vip=False)
    reply = client.get_settings(max_age_ms=0)
    known = json.loads((SHAPES / f"{shape}.json").read_text("utf-8"))
    assert list(reply["settings"]) == list(known), "their own keys in their own order"
    user = reply["user"]
    assert (user["username"], user["name"], user["vip"]) == ("ada.lovelace", "Ada", False)
    assert (user["uuid"] is not None) == ("ids" in known["user"])
    assert user["location"] == known["user"]["location"] and user["age"] == known["user"]["age"]
    assert reply["account"]["timezone"] == known["account"]["timezone"]
    assert reply["account"]["date_format"] == known["account"].get("date_format")
    assert reply["limits"] == known.get("limits", {})
    assert reply["permissions"] == known.get("permissions", {})
    assert (reply["source"], reply["stale"], reply["error"]) == ("network", False, None)
    check = client.check_limit("list.count", 10_000)
    assert check["known"] == ("limits" in known) and check["allowed"] != check["known"]
    assert client.check_permission("commenting")["allowed"]
    assert client.account()["user"]["username"] == "ada.lovelace"


@pytest.mark.parametrize("lost", ["user", "account", "connections", "sharing_text", "limits", "permissions"])
@pytest.mark.parametrize("value", [None, 5, "text", [], [{}], {}, True])
def test_a_part_that_is_missing_or_of_another_type_loses_that_part_only(
    client: Client, sim: Sim, lost: str, value: Any
) -> None:
    settings = json.loads((SHAPES / "s6.json").read_text("utf-8"))
    settings["user"]["username"] = "ada"
    settings[lost] = value
    sim.settings(raw=json.dumps(settings))
    if lost == "user":
        with pytest.raises(errors.BadReply):
            client.get_settings(max_age_ms=0)
        return
    reply = client.get_settings(max_age_ms=0)
    assert reply["user"]["username"] == "ada" and reply["settings"] == settings
    assert (reply["limits"] == {}) == (lost == "limits")
    assert (reply["permissions"] == {}) == (lost == "permissions")
    assert (reply["account"]["timezone"] is None) == (lost == "account")


@pytest.mark.parametrize(
    "user",
    [
        {"username": "ada"},
        {"username": None, "ids": {"slug": "ada"}},
        {"username": 5, "ids": {"slug": [], "uuid": "b6589fc6ab0dc82cf12099d1c2d40ab994e8410c"}},
        {"username": "ada", "ids": 7, "vip": "yes", "age": {}, "joined_at": "soon", "images": {"avatar": 1}, "new": {}},
    ],
)
def test_one_name_of_the_user_is_all_that_is_taken_for_granted(client: Client, sim: Sim, user: Dict[str, Any]) -> None:
    sim.settings(raw=json.dumps({"user": user}))
    reply = client.get_settings(max_age_ms=0)
    assert any(reply["user"][key] for key in ("username", "slug", "uuid"))
    assert reply["settings"] == {"user": user} and reply["limits"] == {} and reply["permissions"] == {}


def test_what_trakt_sent_is_untouched_to_the_digit(client: Client, sim: Sim) -> None:
    raw = (
        '{"user":{"username":"ada","ids":{"slug":"ada"},"id":9223372036854775807,"more":123456789012345678901234567890,'
        '"number":1.50E+2,"minus":-0.0,"tiny":1e-400,"name":"\\u00e4\\ud83d\\ude00 \\/ \\n","about":"ä😀<&>"},'
        '"zzz":1,"aaa":{"b":1,"a":2},"dup":1,"dup":2,"limits":{"list":{"count":9007199254740993}},"":null}'
    )
    spaced = "\ufeff " + raw.replace('{"user"', '{\n\t"user"').replace('"zzz":1', '"zzz" :\r\n 1')
    sim.settings(raw=spaced)
    assert raw_settings(client, max_age_ms=0) == raw
    assert raw_settings(client) == raw, "also from the store"
    assert client.check_limit("list.count", 9007199254740992)["remaining"] == 1
    assert client.get_settings()["user"]["name"] == "ä😀 / \n"


# where they come from


def test_extended_browsing_is_asked_for_and_kept_apart(client: Client, sim: Sim) -> None:
    assert "browsing" not in client.get_settings(max_age_ms=0)["settings"]
    with pytest.raises(errors.NotFound):
        client.get_settings(extended="browsing", offline=True)
    browsing = client.get_settings(extended="browsing")
    assert browsing["source"] == "network" and browsing["settings"]["browsing"]["locale"]
    assert sim.log(path=SETTINGS)[-1]["query"] == "extended=browsing"
    assert client.get_settings(extended="browsing")["source"] == "stored"
    assert "browsing" not in client.get_settings(offline=True)["settings"]
    with pytest.raises(errors.InvalidArgument, match="extended"):
        client.get_settings(extended="everything")


def test_stored_settings_are_good_enough_for_an_hour(box: Box, sim: Sim) -> None:
    child = box.linked()
    since = sim.mark()
    fetched = child.call("get_settings")["fetched_at"]
    box.pass_time(59 * MINUTE)
    reply = child.call("get_settings")
    assert (reply["source"], reply["stale"], reply["fetched_at"]) == ("stored", False, fetched)
    assert not sim.log(since=since)
    assert child.call("get_settings", max_age_ms=30 * MINUTE)["source"] == "network"
    box.pass_time(61 * MINUTE)
    assert child.call("get_settings")["source"] == "network"
    assert child.call("get_settings", max_age_ms=0)["source"] == "network"
    child.finish()
    box.restart()
    box.pass_time(DAY)
    child = box.start()
    assert child.call("get_settings", max_age_ms=2 * DAY)["source"] == "stored"
    assert child.call("get_settings")["source"] == "network"


def test_offline_is_only_what_is_stored(client: Client, sim: Sim, start: Start) -> None:
    since = sim.mark()
    reply = client.get_settings(offline=True, max_age_ms=0)
    assert (reply["source"], reply["stale"]) == ("stored", False)
    other = start()
    assert other.get_settings(offline=True) == reply, "another client has the same store"
    assert not sim.log(since=since)


def test_offline_without_anything_stored_is_not_found(sim: Sim, start: Start) -> None:
    client = start()
    sim.fault("status", status=503, path=SETTINGS, times=0)
    link(client, sim)
    with pytest.raises(errors.NotFound):
        client.get_settings(offline=True)
    assert client.account()["linked"] and client.account()["user"] is None
    with pytest.raises(errors.NotLinked):
        start(client_id="another").get_settings(offline=True)


@pytest.mark.parametrize(
    "kind, details, code",
    [
        ("status", {"status": 503, "body": ""}, "server_error"),
        ("status", {"status": 429, "body": "", "headers": {"Retry-After": "60"}}, "rate_limited"),
        ("html", {"status": 403}, "blocked"),
        ("html", {"status": 200}, "bad_reply"),
        ("text1010", {}, "blocked"),
        ("cut", {"keep": 40}, "bad_reply"),
        ("empty", {"status": 200}, "bad_reply"),
        ("raw", {"text": "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{}"}, "bad_reply"),
        ("cut_before", {}, "network"),
        ("redirect", {"status": 302, "location": "https://example.com/"}, "bad_reply"),
    ],
)
def test_passing_trouble_gives_the_stored_copy_with_the_error(
    client: Client, sim: Sim, kind: str, details: Dict[str, Any], code: str
) -> None:
    stored = client.get_settings(offline=True)
    sim.fault(kind, path=SETTINGS, times=0, **details)
    reply = client.get_settings(max_age_ms=1)
    assert (reply["source"], reply["stale"], reply["error"]["code"]) == ("stored", True, code)
    assert reply["settings"] == stored["settings"] and reply["fetched_at"] == stored["fetched_at"]
    with pytest.raises(errors.BY_CODE[code]):
        client.get_settings(max_age_ms=0)
    assert client.get_settings(offline=True) == stored
    assert client.account()["linked"] and client.account()["last_error"]["code"] == code


@pytest.mark.parametrize("max_age_ms", [0, 1])
def test_without_a_stored_copy_the_error_is_the_answer(sim: Sim, start: Start, max_age_ms: int) -> None:
    client = start()
    sim.fault("html", status=200, path=SETTINGS, times=2)
    link(client, sim)
    with pytest.raises(errors.BadReply):
        client.get_settings(max_age_ms=max_age_ms)


@pytest.mark.parametrize("raw", ["{}", '{"user":{}}', '{"user":null}', "[]", "null", "5", '"user"', "", "{", "<html>"])
def test_what_names_no_user_is_a_bad_reply_and_stored_nowhere(client: Client, sim: Sim, raw: str) -> None:
    stored = client.get_settings(offline=True)
    sim.settings(raw=raw)
    with pytest.raises(errors.BadReply) as caught:
        client.get_settings(max_age_ms=0)
    assert caught.value.retryable
    assert client.get_settings(offline=True) == stored


def test_another_user_s_stored_settings_are_dropped(client: Client, sim: Sim) -> None:
    client.get_settings(extended="browsing")
    sim.settings(limits={"list": {"count": 3}})
    link(client, sim, username="somebody.else", uuid="00000000-1111-2222-3333-444444444444")
    assert client.get_settings(offline=True)["user"]["username"] == "somebody.else"
    with pytest.raises(errors.NotFound):
        client.get_settings(extended="browsing", offline=True)
    assert client.check_limit("list.count", 3)["allowed"] is False


# limits and permissions


def test_limits_and_permissions_before_while_and_after_an_account_is_linked(sim: Sim, start: Start) -> None:
    unknown = {"allowed": True, "known": False, "limit": None}
    client = start()
    assert unknown.items() <= client.check_limit("list.count", 10**15).items()
    assert client.check_permission("commenting") == {"allowed": True, "temporary": False}
    assert client.account()["state"] == "none"
    sim.settings(
        limits={"list": {"count": 2, "item_count": 100}, "new": {"thing": 1}}, permissions={"commenting": False}
    )
    link(client, sim)
    full = client.check_limit("list.count", 2)
    assert full == {
        "allowed": False,
        "known": True,
        "limit": 2,
        "have": 2,
        "remaining": 0,
        "vip": False,
        "upgrade_url": UPGRADE_URL,
    }
    room = client.check_limit("list.count", 1)
    assert room["allowed"] and room["remaining"] == 1 and "upgrade_url" not in room
    assert client.check_limit("new.thing", 1)["allowed"] is False
    assert unknown.items() <= client.check_limit("list.no_such", 5).items()
    assert client.check_permission("commenting") == {"allowed": False, "temporary": True}
    assert client.check_permission("liking") == {"allowed": True, "temporary": False}
    since = sim.mark()
    assert start().check_limit("list.count", 2)["allowed"] is False, "another client knows it from the store"
    assert not sim.log(since=since), "no network"
    client.unlink()
    assert unknown.items() <= client.check_limit("list.count", 2).items()
    assert client.check_permission("commenting")["allowed"]


@pytest.mark.parametrize("limit", ["", ".", "list.", ".count", "list..count", "liste\u00e9.count", "a b"])
def test_a_limit_s_name_that_can_be_none_is_refused(client: Client, limit: str) -> None:
    with pytest.raises(errors.InvalidArgument, match="limit"):
        client.check_limit(limit, 1)


def test_a_vip_has_the_limits_that_trakt_says(client: Client, sim: Sim) -> None:
    sim.account(vip=True)
    client.get_settings(max_age_ms=0)
    check = client.check_limit("list.count", 6)
    assert check["vip"] is True and check["allowed"] and check["limit"] > 6
    assert client.account()["user"]["vip"] is True


# what answers say of the account


@pytest.mark.parametrize(
    "change, reason", [({"locked": True}, "account_locked"), ({"deactivated": True}, "account_deactivated")]
)
def test_a_locked_account_is_said_and_works_again_when_it_is_unlocked(
    client: Client, sim: Sim, change: Dict[str, Any], reason: str
) -> None:
    sim.account(**change)
    for _ in range(2):
        with pytest.raises(errors.AccountLocked) as caught:
            client.get_settings(max_age_ms=1)
        assert (caught.value.http_status, caught.value.reason, caught.value.retryable) == (423, reason, False)
    account = client.account()
    assert (account["state"], account["linked"], account["reason"]) == ("locked", False, reason)
    assert account["token"]["refreshable"], "nothing is forgotten"
    sim.account(**{key: False for key in change})
    assert client.get_settings(max_age_ms=0)["source"] == "network"
    account = client.account()
    assert (account["state"], account["linked"], account["reason"]) == ("linked", True, None)


def test_a_locked_account_without_headers(client: Client, sim: Sim) -> None:
    sim.config(account_locked_headers=False)
    sim.account(locked=True)
    with pytest.raises(errors.AccountLocked):
        client.get_settings(max_age_ms=0)
    assert client.account()["state"] == "locked"


def test_a_token_that_runs_out_while_the_account_is_locked_is_refreshed(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.account(locked=True)
    for _ in range(2):
        with pytest.raises(errors.AccountLocked):
            ask(child)
        box.pass_time(8 * DAY)
    assert child.call("account")["state"] == "locked"
    sim.account(locked=False)
    ask(child)
    assert child.call("account")["state"] == "linked"


def test_a_page_of_cloudflare_is_blocked_until_an_answer_comes_through(box: Box, sim: Sim) -> None:
    child = box.linked(timeouts_ms={"total": 900})
    child.call("next_events")
    fault = sim.fault("html", status=403, path=SETTINGS, times=0)
    for _ in range(3):
        with pytest.raises(errors.Blocked) as caught:
            ask(child)
        assert caught.value.retryable and caught.value.http_status == 403
        box.pass_time(2 * SECOND)
    account = child.call("account")
    assert (account["state"], account["linked"]) == ("blocked", True)
    kinds = [event["type"] for event in child.call("next_events")]
    assert kinds.count("service.blocked") == 1 and "service.restored" not in kinds
    sim.clear_faults(fault)
    box.pass_time(HOUR)
    ask(child)
    assert child.call("account")["state"] == "linked"
    events(child, "service.restored")


@pytest.mark.parametrize("headers", [True, False])
def test_420_says_the_limit_and_where_to_lift_it(client: Client, sim: Sim, headers: bool) -> None:
    sim.config(account_limit_headers=headers)
    sim.settings(limits={"watchlist": {"item_count": 1}})
    post = {"method": "POST", "path": "/sync/watchlist", "body": {"movies": [{"ids": {"trakt": n}} for n in (1, 2)]}}
    with pytest.raises(errors.AccountLimit) as caught:
        client.call("http.request", post)
    assert (caught.value.http_status, caught.value.limit) == (420, 1 if headers else None)
    assert caught.value.upgrade_url and caught.value.upgrade_url.startswith("https://")
    assert not caught.value.retryable and client.account()["state"] == "linked"


@pytest.mark.parametrize("headers", [True, False])
def test_426_says_where_to_become_vip(client: Client, sim: Sim, headers: bool) -> None:
    sim.config(vip_headers=headers)
    with pytest.raises(errors.VipOnly) as caught:
        client.call("http.request", {"method": "GET", "path": "/users/settings/plex"})
    assert caught.value.http_status == 426
    assert caught.value.upgrade_url and caught.value.upgrade_url.startswith("https://")
    assert headers or caught.value.upgrade_url == UPGRADE_URL
    assert client.account()["state"] == "linked"


def test_the_account_says_who_since_when_and_until_when(sim: Sim, start: Start) -> None:
    client = start()
    before = client.account()
    assert before == {
        "state": "none",
        "linked": False,
        "reason": None,
        "since": None,
        "user": None,
        "token": None,
        "last_contact_at": None,
        "last_error": None,
        "clock_skew_ms": None,
        "store": "ok",
        "pending_login": False,
    }
    link(client, sim, username="ada", name="Ada", vip=True)
    account = client.account()
    assert (account["user"]["username"], account["user"]["name"], account["user"]["vip"]) == ("ada", "Ada", True)
    assert account["user"].keys() == {"username", "name", "uuid", "slug", "vip"}
    assert account["since"] and account["last_contact_at"] and account["token"]["expires_at"] > account["since"]
    another = start().account()
    assert another["last_contact_at"] <= account["last_contact_at"], "a client alone knows of its latest contacts"
    assert another == {**account, "last_contact_at": another["last_contact_at"]}, "another client says the same"
    with pytest.raises(errors.NotLinked):
        start(client_id="another").get_settings()
