"""Unlinking: revoked at Trakt if it can be reached, and forgotten here in any case, within ten seconds."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest
from box import DAY, NEVER_MS, Box, ask, ask_aside, events, link, refreshes
from child import Child
from libtrakt import errors
from simtrakt import REVOKE, TOKEN, Sim

#: What the contract allows, with room for a machine that does other things besides.
TEN_SECONDS = 11.0

WHO = {"username": "unmistakable.user", "name": "Unmistakable Name", "slug": "unmistakable-slug"}


def link_with_known_tokens(child: Child, sim: Sim) -> List[str]:
    """Links an account and says what is personal about it: its names and its tokens."""
    issued = sim.issue_tokens(sim.redirect_uri)
    url = sim.authorize(child.call("authorize_url")["url"])
    headers = {"Content-Type": "application/json"}
    sim.fault("status", status=200, path=TOKEN, headers=headers, body=json.dumps(issued))
    sim.account(**WHO)
    child.call("authorize_finish", url)
    child.call("get_settings", extended="browsing", max_age_ms=0)
    return [*WHO.values(), issued["access_token"], issued["refresh_token"]]


def found(texts: List[str], folder: Path) -> List[str]:
    """Those of the texts that are in a file below the folder."""
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [text for text in texts if any(text.encode() in content for content in contents)]


def assert_forgotten(child: Child, box: Box, personal: List[str]) -> None:
    """Nothing is left, here or for whoever comes next."""
    assert found(personal, box.data_dir) == []
    account = child.call("account")
    assert (account["state"], account["linked"], account["user"], account["token"]) == ("none", False, None, None)
    assert account["reason"] is account["since"] is account["last_contact_at"] is account["last_error"] is None
    assert child.call("device_poll")["state"] == "idle"
    with pytest.raises(errors.NotLinked):
        child.call("get_settings", offline=True)
    assert not child.call("check_limit", "list.count", 10**6)["known"]
    child.finish()
    assert box.start().call("account")["state"] == "none"


def test_unlink_revokes_and_forgets(box: Box, sim: Sim) -> None:
    child = box.start()
    personal = link_with_known_tokens(child, sim)
    assert found(personal, box.data_dir) == personal, "so that the search can fail"
    assert child.call("unlink") == {"revoked": True}
    (request,) = sim.log(path=REVOKE)
    body = json.loads(request["body"])
    assert body["token"] == personal[-2] and body["client_id"] == sim.client_id
    assert request["bearer"] is None and request["host"] == "auth"
    assert_forgotten(child, box, personal)


def test_unlinking_nothing_says_so_and_asks_nothing(box: Box, sim: Sim) -> None:
    child = box.start()
    assert child.call("unlink") == {"revoked": False, "reason": "not_linked"}
    assert not sim.log()
    link(child, sim)
    assert child.call("unlink")["revoked"] is True
    assert child.call("unlink") == {"revoked": False, "reason": "not_linked"}


@pytest.mark.parametrize(
    "kind, details, reason",
    [
        ("cut_before", {}, "network"),
        ("reset", {}, "network"),
        ("html", {"status": 403}, "blocked"),
        ("status", {"status": 503, "body": ""}, "server_error"),
        ("status", {"status": 403, "body": "{}"}, "forbidden"),
        ("html", {"status": 200}, "bad_reply"),
        ("lost", {}, "network"),
    ],
)
def test_whatever_trakt_says_everything_is_forgotten(
    box: Box, sim: Sim, kind: str, details: Dict[str, Any], reason: str
) -> None:
    child = box.start()
    personal = link_with_known_tokens(child, sim)
    sim.fault(kind, path=REVOKE, times=0, **details)
    assert child.call("unlink") == {"revoked": False, "reason": reason}
    assert_forgotten(child, box, personal)


def test_an_unlink_without_network_forgets(box: Box, sim: Sim) -> None:
    child = box.start()
    personal = link_with_known_tokens(child, sim)
    sim.fault("handshake_close", host="auth", times=0)
    reply = child.call("unlink")
    assert reply["revoked"] is False and reply["reason"] == "network"
    assert_forgotten(child, box, personal)


def test_an_unlink_from_a_silent_trakt_ends_within_ten_seconds(box: Box, sim: Sim) -> None:
    child = box.start()
    personal = link_with_known_tokens(child, sim)
    sim.fault("silence", path=REVOKE, times=0)
    began = time.monotonic()
    assert child.call("unlink") == {"revoked": False, "reason": "timeout"}
    assert time.monotonic() - began < TEN_SECONDS
    assert_forgotten(child, box, personal)


def test_an_unlink_whose_refresh_and_revoke_hang_ends_within_ten_seconds(box: Box, sim: Sim) -> None:
    child = box.start()
    personal = link_with_known_tokens(child, sim)
    box.pass_time(8 * DAY)
    sim.fault("silence", path=TOKEN, times=0)
    sim.fault("silence", path=REVOKE, times=0)
    began = time.monotonic()
    reply = child.call("unlink")
    assert time.monotonic() - began < TEN_SECONDS
    assert reply["revoked"] is False and reply["reason"]
    assert found(personal, box.data_dir) == []
    assert child.call("account")["state"] == "none"
    sim.clear_faults()


def test_an_expired_access_token_is_refreshed_first_so_that_it_can_be_revoked(box: Box, sim: Sim) -> None:
    child = box.start()
    personal = link_with_known_tokens(child, sim)
    box.pass_time(8 * DAY)
    since = sim.mark()
    assert child.call("unlink") == {"revoked": True}
    requests = sim.log(since=since)
    assert [request["path"] for request in requests] == [TOKEN, REVOKE]
    revoked = json.loads(requests[1]["body"])["token"]
    assert revoked not in personal
    assert [session["ended"] for session in sim.state()["sessions"] if session["ended"]], "it is over at Trakt"
    assert_forgotten(child, box, [*personal, revoked])


def test_an_access_token_that_trakt_refused_is_refreshed_first_too(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.expire_access()
    sim.fault("status", status=503, path=TOKEN)
    with pytest.raises(errors.ServerError):
        ask(child)
    since = sim.mark()
    assert child.call("unlink") == {"revoked": True}
    assert [request["path"] for request in sim.log(since=since)] == [TOKEN, REVOKE]


def test_an_unlink_that_is_cancelled_leaves_its_refresh_the_only_one(box: Box, sim: Sim) -> None:
    first = box.linked()
    second = box.start()
    box.pass_time(8 * DAY)
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    since = sim.mark()
    pending = first.send("unlink")
    sim.wait_log(path=TOKEN, since=since)
    first.call("cancel")
    with pytest.raises(errors.Cancelled):
        pending.result()
    waiting = ask_aside(second)
    for _ in range(10):
        second.call("account")
    sim.clear_faults(held)
    assert waiting.result()["source"] == "network"
    assert len(refreshes(sim)) == 1
    assert first.call("account")["linked"], "nothing is forgotten by an unlink that was cancelled"
    assert first.call("unlink") == {"revoked": True}


def test_an_account_whose_session_has_ended_can_be_unlinked(box: Box, sim: Sim) -> None:
    child = box.start()
    personal = link_with_known_tokens(child, sim)
    sim.end_session()
    with pytest.raises(errors.NotLinked):
        ask(child)
    assert child.call("account")["state"] == "relink_needed"
    assert child.call("unlink")["revoked"] is False
    assert_forgotten(child, box, personal)


def test_a_login_and_its_qr_code_are_forgotten_too(box: Box, sim: Sim, tmp_path: Path) -> None:
    child = box.linked()
    login = child.call("device_start", qr_dir=str(tmp_path / "qr"))
    assert login["state"] == "pending" and list((tmp_path / "qr").iterdir())
    code = login["user_code"]
    assert found([code], box.data_dir) == [code]
    assert child.call("unlink")["revoked"] is True
    assert list((tmp_path / "qr").iterdir()) == []
    assert_forgotten(child, box, [code])


def test_a_login_that_has_ended_and_its_qr_code_are_forgotten_too(box: Box, sim: Sim, tmp_path: Path) -> None:
    child = box.start()
    login = child.call("device_start", qr_dir=str(tmp_path / "qr"))
    code = login["user_code"]
    sim.approve(code)
    while login["state"] == "pending":
        login = child.call("device_poll", wait_ms=5000)
    assert login["state"] == "authorized"
    assert child.call("unlink")["revoked"] is True
    assert list((tmp_path / "qr").iterdir()) == []
    assert_forgotten(child, box, [code])


def test_another_process_sees_that_the_account_is_gone(box: Box, sim: Sim) -> None:
    first = box.linked()
    second = box.start()
    ask(second)
    second.call("next_events")
    assert first.call("unlink")["revoked"] is True
    assert second.call("account")["state"] == "none"
    told = {event["type"]: event["by"] for event in second.call("next_events", wait_ms=10_000)}
    assert told["account.unlinked"] == "other"
    since = sim.mark()
    with pytest.raises(errors.NotLinked):
        ask(second)
    assert not sim.log(since=since)


def test_an_account_can_be_linked_again_after_unlinking(box: Box, sim: Sim) -> None:
    child = box.linked()
    child.call("unlink")
    link(child, sim, username="somebody.else")
    events(child, "account.linked")
    assert ask(child)["user"]["username"] == "somebody.else"
    assert child.call("account")["state"] == "linked"
