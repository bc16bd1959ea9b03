"""The device login and time: suspended machines, clocks that jump, the deadline."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from child import Child
from logins import (
    DAY,
    Network,
    assert_apart,
    poll,
    poll_until,
    polls_of,
    start,
    until_authorized,
    until_state,
)
from moved_clock import MovedClock
from simtrakt import DEVICE_TOKEN, Sim

MINUTE = 60_000
LIFE = 10 * MINUTE


@pytest.fixture(autouse=True)
def exact(sim: Sim) -> None:
    """Not a millisecond too early."""
    sim.config(slack_ms=0)


@pytest.fixture
def host(sim: Sim, data_dir: Path, moved_clock: MovedClock) -> Iterator[Child]:
    """A process whose clocks can be moved; the simulated Trakt's own clock stands for what Trakt thinks."""
    with Child.start(sim.client_config(data_dir=data_dir), env=moved_clock.env()) as host:
        yield host


def polled(host: Child) -> Dict[str, Any]:
    """The snapshot after the first poll."""
    return poll_until(host, lambda now: now["polls"] >= 1 and now["next_poll_in_ms"] > 300)


# a start without network


def offline(sim: Sim, data_dir: Path, moved_clock: MovedClock) -> Any:
    """A way to Trakt that is cut, and a process that has started a login over it."""
    network = Network(sim.auth_url)
    config = sim.client_config(data_dir=data_dir, auth_url=network.url)
    host = Child.start(config, env=moved_clock.env())
    login = start(host)
    assert login["state"] == "starting" and login["last_error"]["code"] == "network"
    return network, host


def test_a_start_without_network_fails_after_ten_minutes(sim: Sim, data_dir: Path, moved_clock: MovedClock) -> None:
    _, host = offline(sim, data_dir, moved_clock)
    with host:
        moved_clock.sleep(LIFE - 10_000)
        assert poll(host)["state"] == "starting"
        moved_clock.sleep(11_000)
        login = until_state(host, "failed")
        assert login["error"]["code"] == "network" and login["user_code"] is None
    assert sim.log() == []


def test_a_start_that_slept_for_an_hour_has_half_a_minute_to_find_the_network(
    sim: Sim, data_dir: Path, moved_clock: MovedClock
) -> None:
    network, host = offline(sim, data_dir, moved_clock)
    with host:
        moved_clock.sleep(60 * MINUTE)
        assert poll(host, 500)["state"] == "starting"
        network.open()
        sim.approve(until_state(host, "pending")["user_code"])
        until_authorized(host)


# clocks that jump


@pytest.mark.parametrize("jump", [7 * DAY, -7 * DAY], ids=["a week ahead", "a week back"])
def test_a_jump_of_the_wall_clock_never_ends_a_login(host: Child, sim: Sim, moved_clock: MovedClock, jump: int) -> None:
    login = start(host)
    polled(host)
    moved_clock.wall(jump)
    now = poll(host)
    assert now["state"] == "pending" and now["user_code"] == login["user_code"]
    assert LIFE - 60_000 < now["expires_in_ms"] < login["expires_in_ms"]
    assert now["next_poll_in_ms"] <= 1000
    moved_clock.wall(-2 * jump)
    poll_until(host, lambda now: now["polls"] >= 3)
    sim.approve()
    until_authorized(host)
    assert_apart(polls_of(sim), 1000)
    assert host.call("account")["linked"]


def test_a_jump_of_the_wall_clock_survives_a_restart_too(sim: Sim, data_dir: Path, moved_clock: MovedClock) -> None:
    config = sim.client_config(data_dir=data_dir)
    with Child.start(config, env=moved_clock.env()) as host:
        login = start(host)
        host.kill9()
    moved_clock.wall(7 * DAY)
    with Child.start(config, env=moved_clock.env()) as host:
        now = poll(host)
        assert now["state"] == "pending" and now["user_code"] == login["user_code"]
        sim.approve()
        until_authorized(host)


# suspended machines


def test_time_includes_suspend(host: Child, sim: Sim, moved_clock: MovedClock) -> None:
    before = start(host)
    moved_clock.sleep(5 * MINUTE)
    after = poll(host)
    assert 4 * MINUTE < after["expires_in_ms"] < before["expires_in_ms"] - 5 * MINUTE + 1000


def test_after_a_resume_one_poll_asks_and_not_a_burst(host: Child, sim: Sim, moved_clock: MovedClock) -> None:
    sim.config(device_interval_s=5)
    start(host, background=True)
    for _ in range(3):
        since = sim.mark()
        moved_clock.sleep(MINUTE)
        sim.advance_clock(MINUTE)
        sim.wait_log(path=DEVICE_TOKEN, since=since, timeout_s=10)
        login = poll_until(host, lambda now: now["next_poll_in_ms"] > 1000)
        assert login["next_poll_in_ms"] <= 5000
        assert len(polls_of(sim, since)) == 1


def test_who_said_yes_while_the_machine_slept_is_linked_after_the_deadline_too(
    host: Child, sim: Sim, moved_clock: MovedClock
) -> None:
    start(host)
    sim.approve()
    moved_clock.sleep(120 * MINUTE)
    assert until_authorized(host)["polls"] == 1


# the deadline


def test_at_the_deadline_one_last_poll_asks_and_trakts_word_counts_for_more_than_the_clock(
    host: Child, sim: Sim, moved_clock: MovedClock
) -> None:
    sim.config(poll_limit=False)
    start(host)
    polled(host)
    moved_clock.sleep(LIFE)
    now = poll_until(host, lambda now: now["polls"] >= 2 and now["next_poll_in_ms"] > 300)
    assert now["state"] == "pending" and now["expires_in_ms"] == 0
    sim.approve()
    until_authorized(host)


@pytest.mark.parametrize("status", [410, 404])
def test_at_the_deadline_trakt_says_that_the_code_has_expired(
    host: Child, sim: Sim, moved_clock: MovedClock, status: int
) -> None:
    start(host)
    polled(host)
    sim.advance_clock(LIFE)
    sim.fault("status", status=status, path=DEVICE_TOKEN)
    moved_clock.sleep(LIFE)
    login = until_state(host, "expired")
    assert login["error"]["code"] == "code_expired" and login["polls"] == 2


@pytest.mark.parametrize("kind", ["reset", "html", "silence"])
def test_thirty_seconds_without_an_answer_end_a_login_whose_time_is_up(
    sim: Sim, data_dir: Path, moved_clock: MovedClock, kind: str
) -> None:
    config = sim.client_config(data_dir=data_dir)
    with Child.start(config, env=moved_clock.env()) as host:
        start(host)
        polled(host)
        sim.fault(kind, path=DEVICE_TOKEN, times=0)
        moved_clock.sleep(LIFE)
        sim.advance_clock(LIFE)
        waiting = poll_until(host, lambda now: now["last_error"])
        assert waiting["state"] == "pending"
        moved_clock.sleep(25_000)
        sim.advance_clock(25_000)
        assert poll(host)["state"] == "pending"
        moved_clock.sleep(10_000)
        sim.advance_clock(10_000)
        login = until_state(host, "expired")
        assert login["error"]["code"] == "code_expired"
        sim.clear_faults()


def test_an_answer_within_the_last_thirty_seconds_still_counts(host: Child, sim: Sim, moved_clock: MovedClock) -> None:
    sim.config(poll_limit=False)
    start(host)
    polled(host)
    sim.fault("reset", path=DEVICE_TOKEN, times=2)
    sim.approve()
    moved_clock.sleep(LIFE)
    until_authorized(host)


def test_trouble_during_a_suspend_leaves_the_code_its_last_poll(host: Child, sim: Sim, moved_clock: MovedClock) -> None:
    start(host)
    held = sim.fault("silence", path=DEVICE_TOKEN)
    poll_until(host, lambda now: now["polls"] == 1)
    sim.wait_log(path=DEVICE_TOKEN)
    moved_clock.sleep(120 * MINUTE)
    sim.approve()
    sim.clear_faults(held)
    assert until_authorized(host)["polls"] == 2


def test_a_code_that_never_expires_by_trakts_word_is_given_up_after_its_life_once_more(
    host: Child, sim: Sim, moved_clock: MovedClock
) -> None:
    sim.config(poll_limit=False)
    start(host)
    moved_clock.sleep(LIFE)
    poll_until(host, lambda now: now["polls"] >= 1 and now["next_poll_in_ms"] > 300)
    moved_clock.sleep(LIFE)
    assert until_state(host, "expired")["error"]["code"] == "code_expired"
