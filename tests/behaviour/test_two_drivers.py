"""One device login and two that could drive it: two clients, two processes, two images of the library."""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Set, Tuple

import pytest
from child import Child
from libtrakt import Client, Library, errors
from libtrakt._reply import data_of
from logins import (
    RUNNING,
    Host,
    assert_apart,
    cancel,
    native,
    poll,
    poll_until,
    polls_of,
    start,
    until_authorized,
    until_state,
)
from paths import PATIENCE_S, real_library
from simtrakt import DEVICE_CODE, DEVICE_TOKEN, REVOKE, Sim

HELD = 600_000


@pytest.fixture(autouse=True)
def exact(sim: Sim) -> None:
    """Not a millisecond too early."""
    sim.config(slack_ms=0)


@pytest.fixture(scope="session")
def other_image(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A second copy of the library, as another add-on brings it."""
    copy = tmp_path_factory.mktemp("image") / "libtrakt-of-another.so"
    shutil.copy(real_library(), copy)
    return Library.load(copy)


class Pair(NamedTuple):
    """Two on one data_dir."""

    one: Host
    two: Host
    open: Callable[[], Host]


@pytest.fixture(params=["clients", "processes", "images"])
def pair(request: Any, library: Library, other_image: Library, sim: Sim, data_dir: Path) -> Iterator[Pair]:
    """Two of each kind."""
    config = sim.client_config(data_dir=data_dir)
    with ExitStack() as opened:

        def host(of: Library) -> Host:
            if request.param == "processes":
                return opened.enter_context(Child.start(config))
            return opened.enter_context(Client(config, library=of))

        second = other_image if request.param == "images" else library
        yield Pair(host(library), host(second), lambda: host(second))


def leave(host: Host, wait_ms: int = 0) -> None:
    """The host is gone: a process by kill -9, a client by a close that waits so long for what is under way."""
    if isinstance(host, Child):
        host.kill9()
    else:
        host.close(wait_ms)


def events_until(host: Host, wanted: str) -> Dict[str, Set[str]]:
    """By whom the events up to a wanted one were, by type."""
    seen: Dict[str, Set[str]] = {}
    end = time.monotonic() + PATIENCE_S
    while wanted not in seen:
        assert time.monotonic() < end, f"no {wanted}, only {seen}"
        for event in native(host, "trakt_next_events", 250)["events"]:
            seen.setdefault(event["type"], set()).add(event["by"])
    return seen


def test_two_images_are_two_libraries(library: Library, other_image: Library, sim: Sim, data_dir: Path) -> None:
    with Client(sim.client_config(data_dir=data_dir), library=library) as client:
        with pytest.raises(errors.TraktError) as unknown:
            data_of(other_image.text("trakt_account", client.handle))
        assert unknown.value.code == "invalid_handle"
        assert client.account()["state"] == "none"


def test_trakt_sees_at_most_one_poll_per_interval_from_everybody_together(pair: Pair, sim: Sim) -> None:
    start(pair.one)
    done = threading.Event()
    failures: List[BaseException] = []

    def hammer(host: Host, wait_ms: int) -> None:
        try:
            while not done.is_set():
                poll(host, wait_ms)
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=hammer, args=(host, wait_ms), daemon=True)
        for host in (pair.one, pair.two)
        for wait_ms in (0, 0, 100, 250)
    ]
    for thread in threads:
        thread.start()
    sim.wait_log(path=DEVICE_TOKEN, count=3, done=True)
    sim.approve()
    try:
        for host in (pair.one, pair.two):
            assert until_authorized(host)["driver"] == "none"
    finally:
        done.set()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert not failures, failures
    assert_apart(polls_of(sim), 1000)
    assert [request["status"] for request in polls_of(sim)].count(200) == 1
    assert len(sim.log(path=DEVICE_CODE)) == 1


def test_one_drives_and_the_other_sees_the_same_login(pair: Pair, sim: Sim) -> None:
    login = start(pair.one)
    seen = poll_until(pair.two, lambda now: now["state"] == "pending")
    assert login["driver"] == "self" and seen["driver"] == "other"
    for key in ("login_id", "user_code", "verification_url_complete", "qr_rows", "interval_ms"):
        assert seen[key] == login[key]
    sim.deny()
    assert until_state(pair.one, "denied")["driver"] == "none"
    denied = until_state(pair.two, "denied")
    assert denied["driver"] == "none" and denied["error"]["code"] == "code_denied"


def test_while_one_drives_the_other_sends_nothing(pair: Pair, sim: Sim) -> None:
    start(pair.one)
    since = sim.mark()
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert poll(pair.two, 250)["driver"] == "other"
    assert sim.log(since=since) == []


def test_what_one_does_is_an_event_of_the_other(pair: Pair, sim: Sim) -> None:
    for host in pair[:2]:
        native(host, "trakt_next_events", 0)
    login = start(pair.one, background=True)
    assert events_until(pair.one, "login.changed")["login.changed"] == {"self"}
    assert events_until(pair.two, "login.changed")["login.changed"] == {"other"}
    sim.approve(login["user_code"])
    assert events_until(pair.one, "account.linked")["account.linked"] == {"self"}
    assert events_until(pair.two, "account.linked")["account.linked"] == {"other"}
    until_authorized(pair.two)
    assert native(pair.two, "trakt_account")["linked"]


def test_the_other_takes_over_one_interval_after_the_driver_is_gone(pair: Pair, sim: Sim) -> None:
    login = start(pair.one, background=True)
    poll(pair.two)
    sim.wait_log(path=DEVICE_TOKEN, count=2, done=True)
    leave(pair.one)
    now = poll_until(pair.two, lambda now: now["driver"] == "self")
    assert now["state"] == "pending" and now["user_code"] == login["user_code"]
    sim.approve()
    until_authorized(pair.two)
    assert_apart(polls_of(sim), 1000)


def test_the_other_takes_over_from_a_driver_that_went_in_the_middle_of_a_poll(pair: Pair, sim: Sim) -> None:
    silence = sim.fault("silence", path=DEVICE_TOKEN)
    start(pair.one, background=True)
    # A poll that doesn't wait shows what it knows while the other one writes.
    poll_until(pair.two, lambda now: now["state"] in RUNNING)
    sim.wait_log(path=DEVICE_TOKEN)
    leave(pair.one)
    sim.approve()
    sim.clear_faults(silence)
    until_authorized(pair.two)
    assert_apart(polls_of(sim), 1000)


def test_a_slow_down_goes_with_the_login_to_the_next_driver(pair: Pair, sim: Sim) -> None:
    start(pair.one)
    sim.fault("status", status=429, path=DEVICE_TOKEN)
    poll_until(pair.one, lambda now: now["interval_ms"] == 6000)
    assert poll_until(pair.two, lambda now: now["interval_ms"] == 6000)["driver"] == "other"
    leave(pair.one)
    poll_until(pair.two, lambda now: now["driver"] == "self")
    sim.approve()
    until_authorized(pair.two)
    assert_apart(polls_of(sim), 6000)


def test_of_several_that_open_at_once_after_a_restart_one_drives(pair: Pair, sim: Sim) -> None:
    start(pair.one)
    leave(pair.one)
    hosts = [pair.two, pair.open(), pair.open()]
    drivers = [poll(host)["driver"] for host in hosts]
    assert drivers.count("self") == 1, drivers
    end = time.monotonic() + PATIENCE_S
    seen: List[str] = []
    approved = False
    while seen != ["authorized"] * 3:
        assert time.monotonic() < end, seen
        seen = [poll(host, 50)["state"] for host in hosts]
        if len(polls_of(sim)) == 2 and not approved:
            approved = bool(sim.approve())
    assert_apart(polls_of(sim), 1000)


def test_a_login_that_another_drives_is_replaced_only_on_demand(pair: Pair, sim: Sim) -> None:
    first = start(pair.one, background=True)
    for options in ({}, {"replace": False}):
        with pytest.raises(errors.TraktError) as refused:
            start(pair.two, **options)
        assert refused.value.code == "wrong_state"
    assert poll(pair.two)["login_id"] == first["login_id"]

    second = start(pair.two, replace=True)
    assert second["login_id"] != first["login_id"] and second["driver"] == "self"
    since = sim.mark()
    seen = poll_until(pair.one, lambda now: now["login_id"] == second["login_id"])
    assert seen["driver"] == "other" and seen["user_code"] == second["user_code"]
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        poll(pair.one, 250)
    assert sim.log(since=since) == [], "the replaced driver sends nothing more, and the new one isn't polled"
    sim.approve(second["user_code"])
    until_authorized(pair.two)
    until_authorized(pair.one)


def test_a_token_for_the_replaced_login_of_another_is_revoked(pair: Pair, sim: Sim) -> None:
    first = start(pair.one, background=True)
    fault = sim.fault("late", path=DEVICE_TOKEN, delay_ms=HELD)
    sim.approve(first["user_code"])
    sim.wait_log(path=DEVICE_TOKEN)
    second = start(pair.two, replace=True)
    sim.clear_faults(fault)
    sim.wait_log(path=REVOKE, done=True)
    assert poll(pair.two)["state"] == "pending" and not native(pair.two, "trakt_account")["linked"]
    sim.approve(second["user_code"])
    until_authorized(pair.two)


def test_a_login_whose_driver_is_gone_needs_no_replace(pair: Pair, sim: Sim) -> None:
    first = start(pair.one)
    leave(pair.one, 5000)
    second = start(pair.two)
    assert second["state"] == "pending" and second["login_id"] != first["login_id"]


def test_cancel_ends_the_login_of_another(pair: Pair, sim: Sim) -> None:
    login = start(pair.one, background=True)
    fault = sim.fault("late", path=DEVICE_TOKEN, delay_ms=HELD)
    sim.approve(login["user_code"])
    sim.wait_log(path=DEVICE_TOKEN)
    assert cancel(pair.two)["state"] == "cancelled"
    assert poll_until(pair.one, lambda now: now["state"] != "pending")["state"] == "cancelled"
    sim.clear_faults(fault)
    sim.wait_log(path=REVOKE, done=True)
    for host in pair[:2]:
        assert not native(host, "trakt_account")["linked"]
    assert start(pair.two)["state"] == "pending", "the other's lock is worth nothing any more"


def test_the_commit_is_there_for_the_other_as_soon_as_one_shows_authorized(pair: Pair, sim: Sim) -> None:
    login = start(pair.one)
    poll(pair.two)
    sim.approve(login["user_code"])
    until_state(pair.one, "authorized")
    assert native(pair.two, "trakt_account")["linked"]
    assert poll(pair.two)["state"] == "authorized"


def test_a_driver_that_is_held_still_keeps_the_login(sim: Sim, data_dir: Path) -> None:
    config = sim.client_config(data_dir=data_dir)
    with Child.start(config) as one, Child.start(config) as two:
        start(one, background=True)
        poll_until(two, lambda now: now["polls"] >= 1 and now["next_poll_in_ms"] > 500)
        one.stop()
        try:
            since = sim.mark()
            end = time.monotonic() + 2
            while time.monotonic() < end:
                assert poll(two, 250)["driver"] == "other"
            assert len(polls_of(sim, since)) <= 1
        finally:
            one.go_on()
        sim.approve()
        until_authorized(two)
    assert_apart(polls_of(sim), 1000)


def test_two_apps_on_one_folder_have_a_login_each(library: Library, sim: Sim, data_dir: Path) -> None:
    app = sim._post("/clients")
    config = sim.client_config(data_dir=data_dir)
    second = {**config, "client_id": app["client_id"], "client_secret": app["client_secret"]}
    with Client(config, library=library) as one, Client(second, library=library) as two:
        logins: Tuple[Any, Any] = (start(one), start(two))
        assert poll(one)["driver"] == "self" and poll(two)["driver"] == "self"
        for login in logins:
            sim.approve(login["user_code"])
        until_authorized(one)
        until_authorized(two)
