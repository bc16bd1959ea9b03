"""The outbox over processes, months and disks: nothing lost, nothing twice, everything at its time."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from box import HOUR, MINUTE, Box, link
from child import Child
from disk import Disk, can_mount
from libtrakt import Library
from libtrakt.errors import NetworkError
from machine import until
from paths import PATIENCE_S
from simtrakt import Sim
from wire import Wire, code

HISTORY = "/sync/history"


def call(child: Child, method: str, **params: Any) -> Any:
    """A method by its name in a child."""
    return child.run(f"result = client.call({method!r}, {params!r})")


def film(number: int) -> Dict[str, Any]:
    """A film that the simulated Trakt makes up."""
    return {"type": "movie", "ids": {"trakt": number}}


def plays(sim: Sim) -> List[Dict[str, Any]]:
    """Every play that came in."""
    found: List[Dict[str, Any]] = sim._post("/history")["plays"]
    return found


def numbers(sim: Sim) -> List[int]:
    """Which films were played, in the order in which Trakt was told."""
    return [play["movie"]["ids"]["trakt"] for play in plays(sim)]


def empty(child: Child) -> bool:
    """Whether nothing waits."""
    listed = call(child, "outbox.list")
    assert listed["refused"] == 0, listed
    return bool(listed["waiting"] == 0)


def sent_on_its_own(box: Box, child: Child) -> None:
    """Time goes by until nothing waits; a moved clock wakes nobody, so a look does."""

    def looked() -> bool:
        if empty(child):
            return True
        box.pass_time(11 * MINUTE)
        call(child, "outbox.retry", ids=[])
        return False

    until(looked, "an outbox that empties itself", PATIENCE_S)


def knows_who(child: Child) -> bool:
    """Reads whose account it is; right after trouble its error is said once more."""
    try:
        child.call("get_settings", max_age_ms=0)
    except NetworkError:
        return False
    return True


@pytest.fixture
def quiet(sim: Sim) -> Sim:
    """A simulated Trakt without a history of its own."""
    sim.config(history_items=0)
    return sim


def test_what_was_marked_offline_arrives_in_order_and_at_its_time(box: Box, quiet: Sim) -> None:
    child = box.linked()
    offline = quiet.fault("cut_before", host="api", times=0)
    for number in range(1, 6):
        call(child, "history.add", items=[film(number)])
        box.pass_time(HOUR)
    until(lambda: call(child, "outbox.list")["paused"] == "offline", "the first try")
    waiting = call(child, "outbox.list")["entries"]
    quiet.clear_faults(offline)
    sent_on_its_own(box, child)
    assert numbers(quiet) == [1, 2, 3, 4, 5]
    told = [play["watched_at"][:19] for play in plays(quiet)]
    assert told == [entry["watched_at"][:19] for entry in waiting]
    assert len(set(told)) == 5


@pytest.mark.parametrize("kind", ["lost", "silence", "cut_before"])
def test_killed_in_the_middle_of_a_request_nothing_is_lost_or_doubled(box: Box, quiet: Sim, kind: str) -> None:
    child = box.linked()
    # Held until the process is gone.
    late = {"delay_ms": 3_600_000} if kind == "lost" else {}
    fault = quiet.fault("late" if late else kind, host="api", method="POST", path=HISTORY, **late)
    call(child, "history.add", items=[film(number) for number in range(1, 121)])
    quiet.wait_fault(fault)
    child.kill9()
    quiet.clear_faults()
    again = box.start()
    box.pass_time(MINUTE)
    sent_on_its_own(box, again)
    assert sorted(numbers(quiet)) == list(range(1, 121))


def test_the_machine_was_off_in_between(box: Box, quiet: Sim) -> None:
    child = box.linked()
    fault = quiet.fault("late", host="api", method="POST", path=HISTORY, delay_ms=3_600_000)
    call(child, "history.add", items=[film(1)])
    quiet.wait_fault(fault)
    child.kill9()
    quiet.clear_faults()
    box.pass_time(HOUR)
    box.restart()
    again = box.start()
    sent_on_its_own(box, again)
    assert numbers(quiet) == [1]


def test_two_processes_on_one_store_send_each_entry_once(box: Box, quiet: Sim) -> None:
    one, two = box.linked(), box.start()
    for number in range(1, 11):
        call(one if number % 2 else two, "history.add", items=[film(number)])
    until(lambda: len(plays(quiet)) >= 10, "all of them", PATIENCE_S)
    until(lambda: empty(one) and empty(two), "both", PATIENCE_S)
    assert sorted(numbers(quiet)) == list(range(1, 11))


def test_the_one_that_sends_may_die_and_the_other_goes_on(box: Box, quiet: Sim) -> None:
    one, two = box.linked(), box.start()
    fault = quiet.fault("silence", host="api", method="POST", path=HISTORY)
    call(one, "history.add", items=[film(1)])
    quiet.wait_fault(fault)
    call(two, "history.add", items=[film(2)])
    one.kill9()
    quiet.clear_faults()
    sent_on_its_own(box, two)
    assert sorted(numbers(quiet)) == [1, 2]


def test_another_account_gets_nothing_and_the_same_one_everything(box: Box, quiet: Sim) -> None:
    child = box.linked()
    first = quiet.state()["account"]
    offline = quiet.fault("cut_before", host="api", method="POST", times=0)
    call(child, "history.add", items=[film(1), film(2)])
    until(lambda: call(child, "outbox.list")["paused"] == "offline", "the first try")
    quiet.clear_faults(offline)
    child.call("unlink")
    assert call(child, "outbox.list")["paused"] == "not_linked"
    link(child, quiet, username="another", uuid="another-uuid")
    until(lambda: knows_who(child), "who it is", PATIENCE_S)
    call(child, "history.add", items=[film(3)])
    sent_on_its_own(box, child)
    assert numbers(quiet) == [3]
    child.call("unlink")
    link(child, quiet, username=first["username"], uuid=first["uuid"])
    until(lambda: knows_who(child), "who it is", PATIENCE_S)
    sent_on_its_own(box, child)
    assert sorted(numbers(quiet)) == [1, 2]


def test_what_is_on_its_way_when_another_account_is_linked_goes_to_nobody_else(box: Box, quiet: Sim) -> None:
    child = box.linked()
    first = quiet.state()["account"]
    slow = quiet.fault("delay", host="api", method="POST", path=HISTORY, delay_ms=2_000)
    call(child, "history.add", items=[film(1), film(2)])
    quiet.wait_fault(slow)
    link(child, quiet, username="another", uuid="another-uuid")
    until(lambda: knows_who(child), "who it is", PATIENCE_S)
    call(child, "history.add", items=[film(3)])
    sent_on_its_own(box, child)
    assert numbers(quiet) == [3]
    link(child, quiet, username=first["username"], uuid=first["uuid"])
    until(lambda: knows_who(child), "who it is", PATIENCE_S)
    sent_on_its_own(box, child)
    assert sorted(numbers(quiet)) == [1, 2]


def test_one_that_trakt_always_fails_at_stops_no_others(box: Box, quiet: Sim) -> None:
    child = box.linked()
    failing = quiet.fault("status", host="api", method="POST", path="/sync/collection", status=500, times=0)
    call(child, "collection.add", items=[film(1)])
    call(child, "history.add", items=[film(2)])

    def refused() -> bool:
        box.pass_time(11 * MINUTE)
        call(child, "outbox.retry", ids=[])
        return bool(call(child, "outbox.list")["refused"] == 1)

    until(refused, "it is set apart", PATIENCE_S)
    until(lambda: numbers(quiet) == [2], "the other", PATIENCE_S)
    entry = call(child, "outbox.list", state="refused")["entries"][0]
    assert (entry["kind"], entry["reason"], entry["error"]["http_status"]) == ("collection.add", "rejected", 500)
    quiet.clear_faults(failing)
    assert call(child, "outbox.retry", all=True) == {"retried": 1}
    sent_on_its_own(box, child)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    """A small disk over a folder."""
    if not can_mount():
        pytest.skip("mounting needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    with Disk(folder) as disk:
        yield disk


def test_a_full_disk_says_so_and_what_was_stored_is_sent(
    quiet: Sim, small: Disk, tmp_path: Path, library: Library
) -> None:
    config = quiet.client_config(data_dir=tmp_path / "small", redirect_uri=quiet.redirect_uri)
    with Wire(library, config) as wire:
        url = wire.data("authorize.url")["url"]
        wire.data("authorize.finish", {"url": quiet.authorize(url)})
        offline = quiet.fault("cut_before", host="api", method="POST", times=0)
        assert wire.data("history.add", {"items": [film(1)]})["queued"] == 1
        small.fill()
        kept, full = 1, False
        for number in range(2, 10_000, 100):
            said = wire.call("history.add", {"items": [film(one) for one in range(number, number + 100)]})
            assert code(said) in ("ok", "storage_full"), said
            kept += said["data"]["queued"] if code(said) == "ok" else 0
            full = code(said) == "storage_full"
            if full:
                break
        assert full
        assert wire.data("outbox.list")["waiting"] == kept
        small.free()
        quiet.clear_faults(offline)
        assert code(wire.call("settings.get", {"max_age_ms": 0})) in ("ok", "network")

        def sent() -> bool:
            wire.data("outbox.retry", {"all": True})
            return bool(wire.data("outbox.list")["waiting"] == 0)

        until(sent, "what was stored", PATIENCE_S)
        assert len(plays(quiet)) == kept
