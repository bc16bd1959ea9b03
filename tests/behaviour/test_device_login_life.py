"""The device login outlives its host: close, cancel, shutdown, restart and kill -9 at any moment."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import pytest
from child import Child
from libtrakt import Client, Library, errors
from logins import (
    AT_ONCE_S,
    Running,
    assert_apart,
    link,
    poll,
    poll_until,
    polls_of,
    start,
    until_authorized,
    until_state,
)
from simtrakt import DEVICE_CODE, DEVICE_TOKEN, SETTINGS, Sim

HELD = 600_000


@pytest.fixture(autouse=True)
def exact(sim: Sim) -> None:
    """Not a millisecond too early."""
    sim.config(slack_ms=0)


@pytest.fixture
def config(sim: Sim, data_dir: Path) -> Dict[str, Any]:
    """A client's configuration."""
    return sim.client_config(data_dir=data_dir)


@pytest.fixture
def host(config: Dict[str, Any]) -> Iterator[Child]:
    """A process with a client."""
    with Child.start(config) as host:
        yield host


# restart


def test_the_first_snapshot_after_a_restart_shows_pending_with_its_code(
    library: Library, sim: Sim, config: Dict[str, Any]
) -> None:
    with Client(config, library=library) as client:
        before = start(client)
    sim.fault("silence", times=0)
    with Client(config, library=library) as client:
        assert client.account()["pending_login"] is True
        after = poll(client)
        assert after["state"] == "pending" and after["driver"] == "self"
        for key in ("login_id", "user_code", "verification_url", "verification_url_complete", "qr_rows", "interval_ms"):
            assert after[key] == before[key]
        assert after["expires_in_ms"] <= before["expires_in_ms"]
        sim.clear_faults()
        sim.approve(after["user_code"])
        until_authorized(client)
    assert len(sim.log(path=DEVICE_CODE)) == 1


def test_a_background_login_resumes_by_itself_when_a_client_opens(
    library: Library, sim: Sim, config: Dict[str, Any]
) -> None:
    with Client(config, library=library) as client:
        login = start(client, background=True)
    since = sim.mark()
    sim.approve(login["user_code"])
    with Client(config, library=library) as client:
        sim.wait_log(path=SETTINGS, since=since, done=True)
        assert client.account()["linked"]
        assert poll(client)["state"] == "authorized"


def test_a_login_that_was_starting_goes_on_after_a_restart(library: Library, sim: Sim, config: Dict[str, Any]) -> None:
    sim.fault("reset", path=DEVICE_CODE, times=2)
    with Client(config, library=library) as client:
        before = start(client)
        assert before["state"] == "starting"
    with Client(config, library=library) as client:
        after = poll(client)
        assert after["state"] == "starting" and after["login_id"] == before["login_id"]
        sim.approve(until_state(client, "pending")["user_code"])
        until_authorized(client)


def test_restarts_in_a_row_never_poll_too_early(library: Library, sim: Sim, config: Dict[str, Any]) -> None:
    with Client(config, library=library) as client:
        start(client)
    for done in range(3):
        with Client(config, library=library) as client:
            # Leaves in the middle of a poll.
            poll_until(client, lambda now: now["polls"] == done + 1)  # noqa: B023
    assert len(polls_of(sim)) == 3
    assert_apart(polls_of(sim), 1000)
    sim.approve()
    with Client(config, library=library) as client:
        until_authorized(client)
    assert_apart(polls_of(sim), 1000)


def test_a_slowed_interval_survives_a_restart(library: Library, sim: Sim, config: Dict[str, Any]) -> None:
    with Client(config, library=library) as client:
        start(client)
        sim.fault("status", status=429, path=DEVICE_TOKEN)
        poll_until(client, lambda now: now["interval_ms"] == 6000)
    with Client(config, library=library) as client:
        login = poll(client)
        assert login["interval_ms"] == 6000
        login = poll_until(client, lambda now: now["driver"] == "self" and now["next_poll_in_ms"] > 1000)
        assert 5000 < login["next_poll_in_ms"] <= 6000
    assert len(polls_of(sim)) == 1


# kill -9


def test_kill_9_of_the_driver_leaves_the_login_to_whoever_comes_next(sim: Sim, config: Dict[str, Any]) -> None:
    with Child.start(config) as first:
        login = start(first, background=True)
        sim.wait_log(path=DEVICE_TOKEN)
        first.kill9()
    with Child.start(config) as second:
        now = poll(second)
        assert now["state"] == "pending" and now["user_code"] == login["user_code"]
        sim.wait_log(path=DEVICE_TOKEN, count=2)
        sim.approve()
        until_authorized(second)
    assert_apart(polls_of(sim), 1000)


def test_kill_9_during_the_request_for_a_code_leaves_a_login_that_gets_one(sim: Sim, config: Dict[str, Any]) -> None:
    silence = sim.fault("silence", path=DEVICE_CODE)
    with Child.start(config) as first:
        login = start(first, wait_ms=0)
        sim.wait_log(path=DEVICE_CODE)
        first.kill9()
    sim.clear_faults(silence)
    with Child.start(config) as second:
        now = until_state(second, "pending")
        assert now["login_id"] == login["login_id"]


def test_kill_9_before_trakt_saw_the_last_poll_loses_nothing(sim: Sim, config: Dict[str, Any]) -> None:
    silence = sim.fault("silence", path=DEVICE_TOKEN)
    with Child.start(config) as first:
        start(first, background=True)
        sim.approve()
        sim.wait_log(path=DEVICE_TOKEN)
        first.kill9()
    sim.clear_faults(silence)
    with Child.start(config) as second:
        until_authorized(second)
    assert_apart(polls_of(sim), 1000)


def test_kill_9_before_the_answer_of_the_last_poll_ends_the_login_in_plain_words_and_keeps_the_linked_account(
    sim: Sim, config: Dict[str, Any]
) -> None:
    with Child.start(config) as first:
        link(first, sim)
        sim.fault("late", path=DEVICE_TOKEN, delay_ms=HELD)
        login = start(first, background=True)
        sim.approve(login["user_code"])
        sim.wait_log(path=DEVICE_TOKEN, count=2)
        first.kill9()
    sim.clear_faults()
    with Child.start(config) as second:
        # The token went to a process that is no more; Trakt gives it once.
        login = until_state(second, "already_used")
        assert login["error"]["code"] == "code_already_used"
        assert second.call("get_settings", max_age_ms=0)["source"] == "network"
        link(second, sim)


def test_kill_9_right_after_authorized_shows_leaves_the_account_linked(sim: Sim, config: Dict[str, Any]) -> None:
    sim.fault("silence", path=SETTINGS, times=0)
    with Child.start(config) as first:
        start(first)
        sim.approve()
        until_state(first, "authorized")
        first.kill9()
    sim.clear_faults()
    with Child.start(config) as second:
        assert second.call("account")["linked"]
        assert poll(second)["state"] == "authorized"
        assert second.call("get_settings")["source"] == "network"


# the last poll, with the host leaving in the middle


def hold_the_last_poll(host: Any, sim: Sim, kind: str) -> int:
    """The user has said yes, and Trakt's answer is on its way; the fault that keeps it there."""
    login = start(host, background=True)
    sim.approve(login["user_code"])
    fault = sim.fault(kind, path=DEVICE_TOKEN, delay_ms=HELD)
    sim.wait_log(path=DEVICE_TOKEN)
    return fault


@pytest.mark.parametrize("kind", ["late", "delay"])
def test_a_close_in_the_middle_of_the_last_poll_still_commits_it(
    library: Library, sim: Sim, config: Dict[str, Any], kind: str
) -> None:
    client = Client(config, library=library)
    fault = hold_the_last_poll(client, sim, kind)
    began = time.monotonic()
    assert client.close(0) >= 1, "the poll still runs"
    assert time.monotonic() - began < AT_ONCE_S
    with Client(config, library=library) as later:
        now = poll(later)
        assert now["state"] == "pending" and now["driver"] == "other", "who was closed still drives"
        sim.clear_faults(fault)
        poll_until(later, lambda now: now["state"] == "authorized")
        assert later.account()["linked"]
        assert later.get_settings()["source"] in ("network", "stored")
    assert len(polls_of(sim)) == 1


@pytest.mark.parametrize("kind", ["late", "delay"])
def test_a_cancelled_call_in_the_middle_of_the_last_poll_still_commits_it(client: Client, sim: Sim, kind: str) -> None:
    fault = hold_the_last_poll(client, sim, kind)
    waiting = Running(lambda: poll(client, HELD))
    client.cancel()
    sim.clear_faults(fault)
    until_authorized(client)
    waiting.outcome()
    assert len(polls_of(sim)) == 1


@pytest.mark.parametrize("kind", ["late", "delay"])
def test_a_shutdown_in_the_middle_of_the_last_poll_still_commits_it(
    host: Child, sim: Sim, config: Dict[str, Any], kind: str
) -> None:
    fault = hold_the_last_poll(host, sim, kind)
    began = time.monotonic()
    assert host.run("result = libtrakt.shutdown(0)") >= 1
    assert time.monotonic() - began < AT_ONCE_S
    leaving = host.send("run", "result = libtrakt.shutdown(15000)")
    sim.clear_faults(fault)
    assert leaving.result() == 0
    host.call("open", config)
    assert poll(host)["state"] == "authorized" and host.call("account")["linked"]
    assert len(polls_of(sim)) == 1


def test_a_close_that_waits_comes_back_with_everything_done(library: Library, sim: Sim, config: Dict[str, Any]) -> None:
    client = Client(config, library=library)
    fault = hold_the_last_poll(client, sim, "late")
    closing = Running(lambda: client.close(15_000))
    with pytest.raises(AssertionError):
        sim.wait_log(path=DEVICE_TOKEN, done=True, timeout_s=0.5)
    assert not closing.done
    sim.clear_faults(fault)
    assert closing.outcome() == 0
    with Client(config, library=library) as later:
        assert poll(later)["state"] == "authorized" and later.account()["linked"]


# who waits is freed


def silent_start(host: Any, sim: Sim) -> None:
    """A login that waits for its code."""
    sim.fault("silence", path=DEVICE_CODE, times=0)
    start(host, wait_ms=0)
    sim.wait_log(path=DEVICE_CODE)


def silent_poll(host: Any, sim: Sim) -> None:
    """A login that waits for the answer to a poll."""
    start(host, background=True)
    sim.fault("silence", path=DEVICE_TOKEN, times=0)
    sim.wait_log(path=DEVICE_TOKEN)


def quiet(host: Any, sim: Sim) -> None:
    """A login that waits for its next poll."""
    sim.config(device_interval_s=600)
    start(host)


WAITS = pytest.mark.parametrize("wait", [silent_start, silent_poll, quiet], ids=lambda wait: wait.__name__)


@WAITS
def test_cancel_frees_a_waiting_poll_and_the_login_goes_on(
    client: Client, sim: Sim, wait: Callable[[Any, Sim], None]
) -> None:
    wait(client, sim)
    before = poll(client)
    waiting = Running(lambda: poll(client, HELD))
    with pytest.raises(AssertionError):
        sim.wait_log(path="/nothing", timeout_s=0.3)
    assert not waiting.done
    client.cancel()
    cancelled = time.monotonic()
    assert isinstance(waiting.outcome(), errors.Cancelled)
    assert waiting.ended - cancelled < AT_ONCE_S
    after = poll(client)
    assert (after["state"], after["login_id"]) == (before["state"], before["login_id"])
    sim.clear_faults()


@WAITS
def test_close_frees_a_waiting_poll(
    library: Library, sim: Sim, config: Dict[str, Any], wait: Callable[[Any, Sim], None]
) -> None:
    client = Client(config, library=library)
    wait(client, sim)
    waiting = Running(lambda: poll(client, HELD))
    with pytest.raises(AssertionError):
        sim.wait_log(path="/nothing", timeout_s=0.3)
    client.close(0)
    closed = time.monotonic()
    assert isinstance(waiting.outcome(), errors.Closed)
    assert waiting.ended - closed < AT_ONCE_S
    sim.clear_faults()


@WAITS
def test_shutdown_frees_a_waiting_poll(host: Child, sim: Sim, wait: Callable[[Any, Sim], None]) -> None:
    wait(host, sim)
    waiting = Running(lambda: poll(host, HELD))
    with pytest.raises(AssertionError):
        sim.wait_log(path="/nothing", timeout_s=0.3)
    host.run("result = libtrakt.shutdown(0)")
    closed = time.monotonic()
    assert isinstance(waiting.outcome(), errors.Closed)
    assert waiting.ended - closed < AT_ONCE_S
    sim.clear_faults()


def test_cancel_frees_a_waiting_start(client: Client, sim: Sim) -> None:
    sim.fault("silence", path=DEVICE_CODE, times=0)
    waiting = Running(lambda: start(client))
    sim.wait_log(path=DEVICE_CODE)
    client.cancel()
    cancelled = time.monotonic()
    assert isinstance(waiting.outcome(), errors.Cancelled)
    assert waiting.ended - cancelled < AT_ONCE_S
    assert poll(client)["state"] == "starting"
    sim.clear_faults()


def test_a_closed_client_takes_no_more_calls(library: Library, sim: Sim, config: Dict[str, Any]) -> None:
    client = Client(config, library=library)
    start(client)
    client.close(0)
    with pytest.raises(errors.TraktError) as refused:
        poll(client)
    assert refused.value.code in ("closed", "invalid_handle")


def test_a_login_without_a_folder_lives_in_memory(library: Library, sim: Sim) -> None:
    with Client(sim.client_config(), library=library) as client:
        link(client, sim)
        assert client.account()["store"] == "memory"
    with Client(sim.client_config(), library=library) as client:
        assert poll(client)["state"] == "idle" and not client.account()["linked"]
