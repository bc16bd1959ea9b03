"""Whose tokens they are, and that only one refresh runs at a time: over threads, clients, processes, library images."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import List

import pytest
from box import DAY, HOUR, MINUTE, NEVER_MS, Box, ask, ask_aside, events, link, locked, refreshes, token_used
from child import Child, Pending
from libtrakt import errors
from paths import real_library
from simtrakt import REVOKE, SETTINGS, TOKEN, Sim


@pytest.fixture(scope="session")
def second_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another file with the same library: one process loads both, as two add-ons do."""
    return str(shutil.copy(real_library(), tmp_path_factory.mktemp("image") / "libtrakt-of-another.so"))


@pytest.fixture
def household(box: Box, second_image: str) -> List[Child]:
    """Three processes on one data folder, each with two clients of one image and one of another."""
    children = [box.linked(), box.start(), box.start()]
    for child in children:
        child.call("open", box.config(), client="beside", library=str(real_library()))
        child.call("open", box.config(), client="image", library=second_image)
    return children


def everybody_asks(children: List[Child]) -> List[Pending]:
    """Two threads of every client of every process ask Trakt at once."""
    names = ["main", "beside", "image"] * 2
    return [child.send("get_settings", client=name, max_age_ms=0) for name in names for child in children]


# whose they are


def test_a_config_with_another_client_id_sees_its_own_account_or_none(box: Box, sim: Sim) -> None:
    child = box.linked()
    other = sim.app(redirect_uris=[sim.redirect_uri])
    keys = {"client_id": other["client_id"], "client_secret": other["client_secret"]}
    second = box.start(**keys)
    assert second.call("account")["state"] == "none"
    with pytest.raises(errors.NotLinked):
        ask(second)
    sim.account(username="somebody.else")
    link(second, sim)
    assert second.call("account")["user"]["username"] == "somebody.else"
    assert child.call("account")["user"]["username"] != "somebody.else"
    assert second.call("unlink")["revoked"] is True
    assert child.call("account")["linked"] and ask(child)["source"] == "network"


def test_a_config_with_another_auth_url_sees_its_own_account_or_none(box: Box, sim: Sim) -> None:
    child = box.linked()
    host = sim.auth_url.replace("127.0.0.1", "127.0.0.2")
    assert host != sim.auth_url
    elsewhere = box.start(auth_url=host)
    assert elsewhere.call("account")["state"] == "none"
    localhost = box.start(auth_url=sim.auth_url.replace("127.0.0.1", "localhost"))
    assert localhost.call("account")["state"] == "linked", "localhost is 127.0.0.1"
    assert child.call("account")["state"] == "linked"


def test_a_refresh_sends_the_redirect_uri_that_the_pair_was_issued_for(box: Box, sim: Sim) -> None:
    box.linked().finish()
    other = box.start(redirect_uri="https://example.org/of-a-newer-version")
    box.pass_time(8 * DAY)
    assert ask(other)["source"] == "network"
    (request,) = refreshes(sim)
    assert json.loads(request["body"])["redirect_uri"] == sim.redirect_uri
    box.pass_time(8 * DAY)
    ask(other)
    assert json.loads(refreshes(sim)[1]["body"])["redirect_uri"] == sim.redirect_uri, "also the next pair's"


def test_a_device_login_s_pair_is_refreshed_with_its_own_redirect_uri(box: Box, sim: Sim) -> None:
    child = box.start()
    login = child.call("device_start")
    sim.approve()
    while login["state"] == "pending":
        login = child.call("device_poll", wait_ms=5000)
    assert login["state"] == "authorized"
    box.pass_time(8 * DAY)
    ask(child)
    (request,) = refreshes(sim)
    assert json.loads(request["body"])["redirect_uri"] == "urn:ietf:wg:oauth:2.0:oob"


# one at a time


def test_one_refresh_before_many_calls(household: List[Child], box: Box, sim: Sim) -> None:
    box.pass_time(8 * DAY)
    sim.fault("delay", path=TOKEN, delay_ms=300)
    since = sim.mark()
    for pending in everybody_asks(household):
        assert pending.result()["source"] == "network"
    assert len(refreshes(sim)) == 1
    assert len(set(token_used(sim, since))) == 1, "everybody came with the new token"


def test_one_refresh_beside_many_calls(household: List[Child], box: Box, sim: Sim) -> None:
    box.pass_time(4 * DAY)
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    since = sim.mark()
    for pending in everybody_asks(household):
        assert pending.result()["source"] == "network"
    assert len(set(token_used(sim, since))) == 1, "nobody has waited for the new one"
    sim.wait_log(path=TOKEN, since=since)
    sim.clear_faults(held)
    events(household[0], "token.refreshed")
    for child in household:
        assert child.finish() == 0
    assert len(refreshes(sim)) == 1


def test_one_refresh_after_many_401s(household: List[Child], box: Box, sim: Sim) -> None:
    sim.expire_access()
    sim.fault("delay", path=TOKEN, delay_ms=300)
    since = sim.mark()
    for pending in everybody_asks(household):
        assert pending.result()["source"] == "network"
    assert len(refreshes(sim)) == 1
    answered = [request["status"] for request in sim.log(path=SETTINGS, since=since)]
    assert answered.count(200) == 18 and 401 in answered


def test_one_refresh_when_the_answer_comes_late(household: List[Child], box: Box, sim: Sim) -> None:
    box.pass_time(8 * DAY)
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    since = sim.mark()
    running = everybody_asks(household)
    sim.wait_log(path=TOKEN, since=since)
    assert not any(pending.done for pending in running)
    sim.clear_faults(held)
    for pending in running:
        assert pending.result()["source"] == "network"
    assert len(refreshes(sim)) == 1


def test_a_call_that_comes_while_the_refresh_before_another_runs_waits_for_it(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    since = sim.mark()
    running = [ask_aside(child)]
    sim.wait_log(path=TOKEN, since=since)
    running += [ask_aside(child), ask_aside(child)]
    for _ in range(20):
        child.call("account")
    sim.clear_faults(held)
    for pending in running:
        assert pending.result()["source"] == "network"
    assert len(set(token_used(sim, since))) == 1 and len(refreshes(sim)) == 1


def test_who_gets_the_lock_reads_the_store_again(box: Box, sim: Sim) -> None:
    first = box.linked()
    second = box.start()
    box.pass_time(8 * DAY)
    (box.store / "refresh.lock").touch(mode=0o600)
    with locked(box.store / "refresh.lock"):
        running = [ask_aside(first), ask_aside(second)]
        first.call("account")
        second.call("account")
        assert not refreshes(sim), "nothing is spent without the lock"
    for pending in running:
        assert pending.result()["source"] == "network"
    assert len(refreshes(sim)) == 1


def test_who_waits_for_the_lock_is_freed_by_cancel(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    (box.store / "refresh.lock").touch(mode=0o600)
    with locked(box.store / "refresh.lock"):
        pending = ask_aside(child)
        child.call("account")
        child.call("cancel")
        with pytest.raises(errors.Cancelled):
            pending.result()
    assert ask(child)["source"] == "network"
    assert len(refreshes(sim)) == 1


def test_another_client_s_refresh_is_reported_and_used(box: Box, sim: Sim) -> None:
    first = box.linked()
    second = box.start()
    second.call("next_events")
    box.pass_time(8 * DAY)
    ask(first)
    (event,) = [each for each in second.call("next_events", wait_ms=5000) if each["type"] == "token.refreshed"]
    assert event["by"] == "other"
    since = sim.mark()
    ask(second)
    ask(first)
    assert len(set(token_used(sim, since))) == 1 and len(refreshes(sim)) == 1


def test_unlinked_meanwhile_the_new_pair_is_revoked_and_not_stored(box: Box, sim: Sim) -> None:
    first = box.linked()
    second = box.start()
    box.pass_time(4 * DAY)
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    since = sim.mark()
    ask(first)
    sim.wait_log(path=TOKEN, since=since)
    assert second.call("unlink")["revoked"] is True
    sim.clear_faults(held)
    revoked = sim.wait_log(path=REVOKE, count=2, since=since, done=True)
    old, new = (json.loads(request["body"])["token"] for request in revoked)
    assert old != new
    for child in (first, second):
        assert child.call("account")["state"] == "none"
        assert child.finish() == 0
    assert box.start().call("account")["state"] == "none"
    assert all(session["ended"] for session in sim.state()["sessions"])


def test_linked_anew_meanwhile_the_new_link_stays(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(4 * DAY)
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    since = sim.mark()
    ask(child)
    sim.wait_log(path=TOKEN, since=since)
    link(child, sim, username="somebody.else")
    sim.clear_faults(held)
    sim.wait_log(path=REVOKE, count=2, since=since, done=True)
    assert ask(child)["user"]["username"] == "somebody.else"
    assert child.finish() == 0
    child = box.start()
    box.pass_time(7 * DAY + HOUR)
    assert ask(child)["user"]["username"] == "somebody.else"


def test_a_refresh_that_another_process_was_killed_in_is_taken_over(box: Box, sim: Sim) -> None:
    first = box.linked()
    second = box.start()
    box.pass_time(8 * DAY)
    sim.fault("silence", path=TOKEN)
    since = sim.mark()
    ask_aside(first)
    sim.wait_log(path=TOKEN, since=since)
    pending = ask_aside(second)
    second.call("account")
    first.kill9()
    assert pending.result()["source"] == "network"
    assert len(refreshes(sim)) == 2
    box.pass_time(MINUTE)


def test_without_a_data_dir_the_tokens_live_in_the_client_alone(box: Box, sim: Sim, tmp_path: Path) -> None:
    child = box.linked(data_dir=None)
    assert child.call("account")["store"] == "memory"
    box.pass_time(8 * DAY)
    assert ask(child)["source"] == "network"
    assert child.call("account")["store"] == "memory" and not box.store.exists()
    assert len(refreshes(sim)) == 1
