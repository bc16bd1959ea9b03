"""What answers to a refresh mean: only `invalid_grant` ends the link, whatever else comes forgets nothing."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Tuple

import pytest
from box import DAY, HOUR, MINUTE, NEVER_MS, SECOND, Box, ask, ask_aside, events, link, refreshes, token_used
from libtrakt import errors
from paths import real_library
from simtrakt import REVOKE, SETTINGS, TOKEN, Sim

JSON = {"Content-Type": "application/json"}

#: Answers of which Trakt's token endpoint knows nothing: the fault, its details, and the error that a call gets.
PASSING: List[Tuple[str, Dict[str, Any], str]] = [
    ("status", {"status": 400, "headers": JSON, "body": ""}, "rejected"),
    ("status", {"status": 400, "headers": JSON, "body": '{"error":"temporarily_unavailable"}'}, "rejected"),
    ("status", {"status": 400, "headers": JSON, "body": '{"error":"invalid_request"}'}, "rejected"),
    ("status", {"status": 401, "headers": JSON, "body": ""}, "bad_reply"),
    ("status", {"status": 401, "headers": JSON, "body": '{"error":"other"}'}, "bad_reply"),
    ("status", {"status": 403, "headers": JSON, "body": ""}, "forbidden"),
    ("status", {"status": 403, "headers": JSON, "body": '{"error":"forbidden"}'}, "forbidden"),
    ("status", {"status": 404, "body": ""}, "bad_reply"),
    ("status", {"status": 409, "body": ""}, "bad_reply"),
    ("status", {"status": 429, "body": ""}, "rate_limited"),
    ("status", {"status": 500, "body": ""}, "server_error"),
    ("status", {"status": 500, "headers": JSON, "body": '{"error":"invalid_grant"}'}, "server_error"),
    ("status", {"status": 503, "body": ""}, "server_error"),
    ("status", {"status": 522, "body": ""}, "server_error"),
    ("status", {"status": 200, "headers": JSON, "body": "{}"}, "bad_reply"),
    ("status", {"status": 200, "headers": JSON, "body": '{"access_token":"","refresh_token":"x"}'}, "bad_reply"),
    ("status", {"status": 200, "headers": JSON, "body": "<html>maintenance</html>"}, "bad_reply"),
    ("html", {"status": 403}, "blocked"),
    ("html", {"status": 503}, "server_error"),
    ("html", {"status": 200}, "bad_reply"),
    ("text1010", {}, "blocked"),
    ("empty", {"status": 200}, "bad_reply"),
    ("redirect", {"status": 302, "location": "https://example.com/"}, "bad_reply"),
    ("raw", {"text": "SSH-2.0-OpenSSH_9.2\r\n"}, "bad_reply"),
    ("cut_before", {}, "network"),
    ("reset", {}, "network"),
]


def refuse(sim: Sim, error: str, status: int = 400, times: int = 1) -> int:
    """The token endpoint answers with an OAuth error."""
    return sim.fault("status", path=TOKEN, status=status, times=times, headers=JSON, body=json.dumps({"error": error}))


# what passes


def test_nothing_is_forgotten_when_a_refresh_beside_a_call_gets_another_answer(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(4 * DAY)
    for number, (kind, details, code) in enumerate(PASSING):
        child.call("open", box.config(), client="another", library=str(real_library()))
        sim.fault(kind, path=TOKEN, **details)
        assert ask(child, "another")["source"] == "network", (kind, details)
        sim.wait_log(path=TOKEN, count=number + 2)
        # Closing a client waits for its refresh.
        assert child.call("close", client="another") == 0
        assert len(refreshes(sim)) == number + 1, (kind, details)
        account = child.call("account")
        assert account["linked"] and account["token"]["refreshable"], (kind, details)
        assert account["last_error"]["code"] == code, (kind, details, account["last_error"])
        assert account["last_error"].get("http_status") == details.get("status") or "status" not in details
        # The next try is five minutes away, whoever makes it.
        box.pass_time(6 * MINUTE)
    ask(child)
    events(child, "token.refreshed")
    account = child.call("account")
    assert (account["state"], account["last_error"]) == ("linked", None)


def test_nothing_is_forgotten_when_a_refresh_before_a_call_gets_another_answer(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    for kind, details, code in PASSING:
        since = sim.mark()
        sim.fault(kind, path=TOKEN, **details)
        with pytest.raises(errors.BY_CODE[code]) as caught:
            ask(child)
        assert caught.value.http_status == details.get("status", caught.value.http_status), (kind, details)
        assert not sim.log(path=SETTINGS, since=since), "nothing is asked with a token that has run out"
        account = child.call("account")
        assert account["linked"] and account["token"]["refreshable"], (kind, details)
        assert account["state"] in ("linked", "blocked", "app_refused") and account["last_error"]["code"] == code
        box.pass_time(2 * SECOND)
    assert ask(child)["source"] == "network"
    account = child.call("account")
    assert (account["state"], account["last_error"]) == ("linked", None)
    assert len(refreshes(sim)) == len(PASSING) + 1


def test_a_call_repeats_the_error_of_a_refresh_that_failed_less_than_a_second_ago(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    sim.fault("status", status=502, path=TOKEN, times=0)
    for _ in range(5):
        with pytest.raises(errors.ServerError) as caught:
            ask(child)
        assert caught.value.http_status == 502
    tried = refreshes(sim)
    assert all(later["at_ms"] - earlier["at_ms"] >= 1_000 for earlier, later in zip(tried, tried[1:]))


def test_when_no_connection_comes_about_nothing_is_forgotten(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    broken = sim.fault("handshake_close", host="auth", times=0)
    for _ in range(3):
        with pytest.raises(errors.TraktError) as caught:
            ask(child)
        assert caught.value.code == "network" and caught.value.retryable
        box.pass_time(2 * SECOND)
    assert child.call("account")["linked"]
    sim.clear_faults(broken)
    assert ask(child)["source"] == "network"
    assert len(refreshes(sim)) == 1


def test_a_401_of_the_api_alone_forgets_nothing(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.fault("status", status=401, path=SETTINGS, times=2)
    with pytest.raises(errors.NotLinked):
        ask(child)
    account = child.call("account")
    assert (account["state"], account["linked"]) == ("linked", True)
    assert ask(child)["source"] == "network"


# answers that come badly


@pytest.mark.parametrize(
    "kind, details",
    [
        ("delay", {"delay_ms": 300}),
        ("drip", {"bytes_per_tick": 4, "tick_ms": 2, "head": True}),
        ("gzip", {}),
        ("bom", {}),
        ("headers", {"headers": {"X-New": "1"}}),
        ("date", {"value": ""}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_that_comes_slowly_or_oddly_is_used(box: Box, sim: Sim, kind: str, details: Dict[str, Any]) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    sim.fault(kind, path=TOKEN, **details)
    assert ask(child)["source"] == "network"
    child.finish()
    box.pass_time(8 * DAY)
    assert ask(box.start())["source"] == "network"
    assert len(refreshes(sim)) == 2


def test_an_answer_that_comes_after_ten_seconds_is_used(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    sim.fault("late", path=TOKEN, delay_ms=10_000)
    assert ask(child)["source"] == "network"
    assert len(refreshes(sim)) == 1


@pytest.mark.parametrize("kind, details", [("lost", {}), ("cut", {"keep": 60}), ("chunked_cut", {})])
def test_an_answer_that_is_lost_leaves_the_access_token_and_then_says_so(
    box: Box, sim: Sim, kind: str, details: Dict[str, Any]
) -> None:
    child = box.linked()
    box.pass_time(4 * DAY)
    sim.fault(kind, path=TOKEN, **details)
    since = sim.mark()
    ask(child)
    sim.wait_log(path=TOKEN, since=since, done=True)
    box.pass_time(6 * MINUTE)
    assert ask(child)["source"] == "network"
    events(child, "account.relink_needed")
    account = child.call("account")
    assert (account["state"], account["reason"], account["linked"]) == ("relink_needed", "invalid_grant", True)
    assert account["token"]["refreshable"] is False
    # Trakt ends a session whose refresh token comes twice.
    with pytest.raises(errors.NotLinked) as caught:
        ask(child)
    assert caught.value.reason == "relink_needed"
    account = child.call("account")
    assert (account["state"], account["linked"], account["token"]) == ("relink_needed", False, None)
    assert len(refreshes(sim)) == 2
    link(child, sim)
    assert child.call("account")["state"] == "linked" and ask(child)["source"] == "network"


# the end of a link


@pytest.mark.parametrize("style", ["new", "old"])
def test_invalid_grant_ends_the_link(box: Box, sim: Sim, style: str) -> None:
    sim.config(oauth_error_style=style)
    child = box.linked()
    child.call("next_events")
    sim.end_session()
    with pytest.raises(errors.NotLinked) as caught:
        ask(child)
    assert caught.value.reason == "relink_needed" and not caught.value.retryable
    assert refreshes(sim)[0]["status"] == (401 if style == "old" else 400)
    account = child.call("account")
    assert (account["state"], account["reason"], account["linked"]) == ("relink_needed", "invalid_grant", False)
    assert account["user"]["username"], "who it was stays, so that the host can say it"
    kinds = [event["type"] for event in child.call("next_events")]
    assert kinds.count("account.relink_needed") == 1 and "account.unlinked" not in kinds
    since = sim.mark()
    for _ in range(3):
        with pytest.raises(errors.NotLinked):
            ask(child)
    assert not sim.log(since=since), "nothing is asked any more"
    assert not child.call("next_events")
    child.finish()
    assert box.start().call("account")["state"] == "relink_needed"


@pytest.mark.parametrize("status", [400, 401])
def test_after_invalid_grant_a_live_access_token_is_used_up_to_its_first_401(box: Box, sim: Sim, status: int) -> None:
    child = box.linked()
    child.call("next_events")
    box.pass_time(4 * DAY)
    refuse(sim, "invalid_grant", status)
    assert ask(child)["source"] == "network"
    events(child, "account.relink_needed")
    for _ in range(3):
        box.pass_time(DAY // 2)
        assert ask(child)["source"] == "network"
        account = child.call("account")
        assert (account["state"], account["linked"], account["token"]["refreshable"]) == ("relink_needed", True, False)
    box.pass_time(2 * DAY)
    since = sim.mark()
    with pytest.raises(errors.NotLinked) as caught:
        ask(child)
    assert caught.value.reason == "relink_needed"
    assert [request["status"] for request in sim.log(since=since)] == [401]
    with pytest.raises(errors.NotLinked):
        ask(child)
    assert len(sim.log(since=since)) == 1 and len(refreshes(sim)) == 1
    assert "account.relink_needed" not in [event["type"] for event in child.call("next_events")]
    account = child.call("account")
    assert (account["state"], account["reason"], account["linked"]) == ("relink_needed", "invalid_grant", False)


def test_the_end_of_the_link_is_told_to_other_processes_once(box: Box, sim: Sim) -> None:
    first = box.linked()
    second = box.start()
    sim.end_session()
    with pytest.raises(errors.NotLinked):
        ask(first)
    told = [each for each in second.call("next_events", wait_ms=10_000) if each["type"] == "account.relink_needed"]
    assert [each["by"] for each in told] == ["other"]
    since = sim.mark()
    with pytest.raises(errors.NotLinked) as caught:
        ask(second)
    assert caught.value.reason == "relink_needed" and not sim.log(since=since)


# the app


def test_invalid_client_keeps_the_pair_and_is_tried_again_after_a_day(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(4 * DAY)
    refused = refuse(sim, "invalid_client", times=0)
    assert ask(child)["source"] == "network"
    events(child, "account.changed")
    for _ in range(5):
        box.pass_time(4 * HOUR)
        assert ask(child)["source"] == "network", "the access token still works"
        account = child.call("account")
        assert (account["state"], account["linked"]) == ("app_refused", True)
        assert account["token"]["refreshable"] and account["last_error"]["code"] == "forbidden"
    assert len(refreshes(sim)) == 1
    sim.clear_faults(refused)
    box.pass_time(5 * HOUR)
    ask(child)
    events(child, "token.refreshed")
    account = child.call("account")
    assert (account["state"], account["reason"], account["last_error"]) == ("linked", None, None)


def test_invalid_client_before_a_call_is_said_and_asked_again_only_after_a_day(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    refused = refuse(sim, "invalid_client", 401, times=0)
    for _ in range(5):
        with pytest.raises(errors.Forbidden) as caught:
            ask(child)
        assert caught.value.reason == "invalid_client"
        box.pass_time(4 * HOUR)
    assert len(refreshes(sim)) == 1
    account = child.call("account")
    assert (account["state"], account["linked"]) == ("app_refused", True)
    child.finish()
    child = box.start()
    with pytest.raises(errors.Forbidden):
        ask(child)
    assert len(refreshes(sim)) == 1, "a new process knows it too"
    sim.clear_faults(refused)
    box.pass_time(5 * HOUR)
    assert ask(child)["source"] == "network"
    assert child.call("account")["state"] == "linked"


def test_a_refused_app_is_tried_again_when_the_config_changes(box: Box, sim: Sim) -> None:
    sim.config(secret_required=True)
    child = box.linked()
    child.finish()
    box.pass_time(8 * DAY)
    child = box.start(client_secret=None)
    with pytest.raises(errors.Forbidden):
        ask(child)
    assert child.call("account")["state"] == "app_refused"
    with pytest.raises(errors.Forbidden):
        ask(child)
    assert len(refreshes(sim)) == 1
    child.finish()
    child = box.start()
    assert ask(child)["source"] == "network"
    assert child.call("account")["state"] == "linked"


def test_an_app_that_is_refused_everywhere_stays_linked(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.account(app_refused=True)
    with pytest.raises(errors.Forbidden):
        ask(child)
    assert child.call("account")["state"] == "app_refused" and child.call("account")["linked"]
    assert not refreshes(sim), "a 403 is never a reason to refresh"
    box.pass_time(8 * DAY)
    with pytest.raises(errors.Forbidden):
        ask(child)
    assert len(refreshes(sim)) == 1
    sim.account(app_refused=False)
    box.pass_time(DAY)
    assert ask(child)["source"] == "network"
    assert child.call("account")["state"] == "linked"


def test_a_403_of_the_api_does_not_keep_a_token_that_ran_out_from_being_refreshed(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.fault("status", status=403, path=SETTINGS, headers=JSON, body="{}")
    with pytest.raises(errors.Forbidden):
        ask(child)
    assert child.call("account")["state"] == "app_refused"
    box.pass_time(8 * DAY)
    assert ask(child)["source"] == "network"
    assert child.call("account")["state"] == "linked"


def test_a_server_that_keeps_its_refresh_tokens_is_served_too(box: Box, sim: Sim) -> None:
    sim.config(rotate_refresh=False)
    child = box.linked()
    for _ in range(3):
        box.pass_time(8 * DAY)
        assert ask(child)["source"] == "network"
    assert len({request["body"] for request in refreshes(sim)}) == 1


def test_a_refresh_that_kills_the_old_access_token_is_not_seen_by_calls_beside_it(box: Box, sim: Sim) -> None:
    sim.config(refresh_kills_access=True)
    child = box.linked()
    box.pass_time(4 * DAY)
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    since = sim.mark()
    running = [ask_aside(child)]
    sim.wait_log(path=TOKEN, since=since)
    running += [ask_aside(child), ask_aside(child)]
    sim.wait_log(path=SETTINGS, count=3, since=since)
    sim.clear_faults(held)
    for pending in running:
        assert pending.result()["source"] == "network"
    assert len(refreshes(sim)) == 1 and not sim.log(path=REVOKE)
    assert set(token_used(sim, sim.mark() - 1)) <= {"access_2"}
