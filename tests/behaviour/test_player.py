"""What a player does, and what Trakt then has: hosts that die, disks that fill up, networks that go away, nights."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest
from box import DAY, HOUR, MINUTE, SECOND, Box, locked
from child import Child
from disk import Disk, can_mount
from libtrakt import Library
from machine import Gate, threads, until
from simtrakt import Sim
from wire import Wire

START, PAUSE = "/scrobble/start", "/scrobble/pause"
FILM_MS = 170 * MINUTE
# The position at 85 %, as the store has it.
HIGH = b'"position_ms":%d' % round(FILM_MS * 0.85)
HEAT = {"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}}
#: What a call may take that never waits; a busy machine is slow.
AT_ONCE_S = 0.1


def report(
    child: Child, event: str, percent: Optional[float] = None, session: str = "a", **more: Any
) -> Dict[str, Any]:
    """What a host reports of a film."""
    position = None if percent is None else round(FILM_MS * percent / 100)
    item = HEAT if event == "started" else None
    given: Dict[str, Any] = {"position_ms": position, "duration_ms": FILM_MS, "item": item, **more}
    told: Dict[str, Any] = child.call("player_event", event, session, **given)
    return told


def titles(sim: Sim) -> List[str]:
    return [play["movie"]["title"] for play in sim.history()]


def places(sim: Sim) -> List[Tuple[str, float]]:
    return [(place["title"], place["progress"]) for place in sim.playback()]


def watched_ms(sim: Sim) -> float:
    """When Trakt has the newest play."""
    watched = datetime.fromisoformat(sim.history()[0]["watched_at"].replace("Z", "+00:00"))
    return watched.timestamp() * 1000


def waits(child: Child) -> int:
    """How much waits in the outbox."""
    waiting: int = child.call("call", "outbox.list")["waiting"]
    return waiting


@pytest.fixture
def disk(box: Box) -> Iterator[Disk]:
    """The box has a small disk of its own."""
    if not can_mount():
        pytest.skip("mounting needs root")
    with Disk(box.data_dir) as disk:
        yield disk


def test_a_host_that_is_killed_has_its_play_settled_by_the_next(box: Box, sim: Sim) -> None:
    child = box.linked()
    since = sim.mark()
    report(child, "started", 50)
    assert report(child, "progress", 85)["counts"]
    # What passes 80 % is saved at once; the start is sent after it.
    sim.wait_log(path=START, since=since, done=True)
    until(lambda: is_saved(box, HIGH), "the session is saved")
    child.kill9()
    assert titles(sim) == []
    heir = box.start()
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")
    until(lambda: waits(heir) == 0, "the outbox is empty")
    another = box.start()
    assert waits(another) == 0
    assert titles(sim) == ["Heat"]


def is_saved(box: Box, text: bytes) -> bool:
    """Whether the store has that, committed: its journal is gone."""
    return text in (box.store / "store.db").read_bytes() and not (box.store / "store.db-journal").exists()


def test_what_a_dead_host_has_left_is_settled_by_one_that_was_there_before(box: Box, sim: Sim) -> None:
    dead, idle = box.linked(), box.start()
    since = sim.mark()
    report(dead, "started", 50)
    assert report(dead, "progress", 85)["counts"]
    sim.wait_log(path=START, since=since, done=True)
    until(lambda: is_saved(box, HIGH), "the session is saved")
    dead.kill9()
    other = {"type": "movie", "title": "Alien", "year": 1979, "ids": {"imdb": "tt0078748"}}
    report(idle, "started", 1, item=other)
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")


def test_a_session_of_a_living_host_is_left_alone(box: Box, sim: Sim) -> None:
    child = box.linked()
    since = sim.mark()
    report(child, "started", 85)
    sim.wait_log(path=START, since=since, done=True)
    others = [box.start() for _ in range(3)]
    for other in others:
        other.call("call", "outbox.list")
        other.call("close")
    assert titles(sim) == []
    assert child.call("call", "player.get")["sessions"][0]["session"] == "a"
    assert report(child, "ended")["counts"]
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")


def test_a_close_without_time_settles_what_plays(box: Box, sim: Sim) -> None:
    child = box.linked()
    since = sim.mark()
    report(child, "started", 10)
    report(child, "progress", 90)
    sim.wait_log(path=START, since=since, done=True)
    child.call("close", 0)
    child.kill9()
    box.start()
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")


def test_plays_on_a_full_disk_are_kept_and_written_when_there_is_space(disk: Disk, box: Box, sim: Sim) -> None:
    child = box.linked()
    disk.fill()
    # The first ones may still find the space that is set aside.
    number, counted = 0, 0

    def is_full() -> bool:
        full: bool = child.call("account")["store"] == "full"
        return full

    def is_written_or_not() -> bool:
        nonlocal counted
        counted += sum(event["type"] == "play.counted" for event in child.call("next_events"))
        return counted == number or is_full()

    while counted == number:
        number += 1
        film = {"type": "movie", "ids": {"trakt": number}}
        report(child, "started", 50, session=f"film {number}", item=film)
        assert report(child, "ended", session=f"film {number}")["counts"]
        until(is_written_or_not, "the play is written, or the disk is full")
    disk.free()
    until(lambda: len(titles(sim)) == number, "the plays are recorded")
    until(lambda: waits(child) == 0, "the outbox is empty")
    assert len(set(titles(sim))) == number
    assert child.call("account")["store"] == "ok"


def test_a_play_without_network_arrives_later_with_its_true_time(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.fault("reset", host="api", times=0)
    report(child, "started", 50)
    report(child, "progress", 85)
    ended_ms = time.time() * 1000
    assert report(child, "ended")["counts"]
    until(lambda: child.call("call", "outbox.list")["paused"] is not None, "it was tried in vain")
    assert waits(child) == 1
    box.pass_time(3 * HOUR)
    sim.clear_faults()
    child.call("call", "outbox.retry", {"all": True})
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")
    assert abs(watched_ms(sim) - ended_ms) < 5 * SECOND


def test_what_counts_is_stored_while_trakt_hangs(box: Box, sim: Sim) -> None:
    child = box.linked()
    held = sim.fault("silence", host="api", path=START)
    since = sim.mark()
    report(child, "started", 50)
    sim.wait_fault(held)
    assert report(child, "progress", 85)["counts"]
    assert report(child, "ended")["counts"]
    until(lambda: waits(child) == 1, "it is stored")
    assert not sim.log(path=START, since=since)[-1]["client_gone"], "before the silence ends"
    child.kill9()
    sim.clear_faults()
    box.start()
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")


def test_where_a_film_was_left_is_stored_while_trakt_hangs(box: Box, sim: Sim) -> None:
    child = box.linked()
    held = sim.fault("silence", host="api", path=START)
    since = sim.mark()
    report(child, "started", 10)
    sim.wait_fault(held)
    report(child, "paused", 30)
    report(child, "stopped", 60)
    until(lambda: waits(child) == 1, "it is stored")
    assert not sim.log(path=START, since=since)[-1]["client_gone"], "before the silence ends"
    child.kill9()
    sim.clear_faults()
    box.start()
    until(lambda: ("Heat (1995)", 60) in places(sim), "Trakt has it")


def test_a_play_whose_look_up_took_a_suspend_keeps_its_true_time(box: Box, sim: Sim) -> None:
    child = box.linked()
    unknown = sim.fault("html", host="api", path="/search/*", times=0)
    report(child, "started", 50, item={"type": "movie", "title": "Heat", "year": 1995})
    sim.wait_fault(unknown)
    report(child, "progress", 85)
    sim.clear_faults(unknown)
    slow = sim.fault("late", host="api", path="/search/*", delay_ms=2_000)
    since = sim.mark()
    ended_ms = time.time() * 1000
    assert report(child, "ended")["counts"]
    sim.wait_fault(slow)
    box.pass_time(40 * SECOND)
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")
    assert not sim.log(path="/scrobble/stop", since=since), "Trakt would date it by itself"
    assert abs(watched_ms(sim) - ended_ms) < 5 * SECOND


def test_a_play_whose_sending_took_a_suspend_keeps_its_true_time(box: Box, sim: Sim) -> None:
    box.linked()
    sim.expect_violations()  # the gate's port
    with Gate(sim.api_url) as gate:
        child = box.start(api_url=gate.url)
        child.call("call", "player.options", {"watching_delay_ms": HOUR})
        report(child, "started", 50)
        report(child, "progress", 85)
        since = sim.mark()
        ended_ms = time.time() * 1000
        assert report(child, "ended")["counts"]
        gate.wait_hanging()
        box.pass_time(HOUR)
        gate.open()
        until(lambda: titles(sim) == ["Heat"], "the play is recorded")
        assert not sim.log(path="/scrobble/stop", since=since), "Trakt would date it by itself"
        assert abs(watched_ms(sim) - ended_ms) < 5 * SECOND


@pytest.mark.parametrize("jump", [DAY, -400 * DAY])
def test_a_clock_that_jumps_while_there_is_no_network_moves_no_play(box: Box, sim: Sim, jump: int) -> None:
    child = box.linked()
    sim.fault("reset", host="api", times=0)
    report(child, "started", 50)
    box.clock.wall(jump)
    report(child, "progress", 85)
    ended_ms = time.time() * 1000
    assert report(child, "ended")["counts"]
    until(lambda: waits(child) == 1, "it is in the outbox")
    box.pass_time(HOUR)
    sim.clear_faults()
    child.call("call", "outbox.retry", {"all": True})
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")
    assert abs(watched_ms(sim) - ended_ms) < 5 * SECOND


def test_a_clock_that_is_always_wrong_misdates_no_play_of_a_host_that_lost_its_power(box: Box, sim: Sim) -> None:
    box.clock.wall(-400 * DAY)
    child = box.linked()
    since = sim.mark()
    report(child, "started", 50)
    assert report(child, "progress", 85)["counts"]
    seen_ms = time.time() * 1000
    sim.wait_log(path=START, since=since, done=True)
    until(lambda: is_saved(box, HIGH), "the session is saved")
    child.kill9()
    box.restart()
    box.pass_time(HOUR)
    box.start()
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")
    assert abs(watched_ms(sim) - seen_ms) < 5 * SECOND


def test_a_film_left_paused_overnight(box: Box, sim: Sim) -> None:
    child = box.linked()
    since = sim.mark()
    report(child, "started", 10)
    sim.wait_log(path=START, since=since, done=True)
    report(child, "paused", 60)
    sim.wait_log(path=PAUSE, since=since, done=True)
    box.pass_time(9 * HOUR)
    report(child, "resumed", 60)
    sim.wait_log(path=START, since=since, count=2, done=True)
    assert titles(sim) == []
    assert report(child, "ended")["counts"]
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")


def test_a_film_left_paused_in_its_credits_counts_at_the_pause(box: Box, sim: Sim) -> None:
    child = box.linked()
    since = sim.mark()
    report(child, "started", 10)
    sim.wait_log(path=START, since=since, done=True)
    report(child, "paused", 95)
    paused_ms = time.time() * 1000
    box.pass_time(40 * MINUTE)
    assert not sim.log(path=PAUSE, since=since)
    report(child, "stopped", 95)
    until(lambda: titles(sim) == ["Heat"], "the play is recorded")
    assert abs(watched_ms(sim) - paused_ms) < 5 * SECOND


def test_a_report_never_waits_for_network_or_disk(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.fault("silence", host="api", times=0)
    report(child, "started", 10)
    with locked(box.store / "store.lock"):
        for percent in range(10, 30):
            began = time.monotonic()
            report(child, "progress", percent)
            assert time.monotonic() - began < AT_ONCE_S
    sim.clear_faults()


def test_an_idle_client_has_no_thread(wire: Wire, hub: Any) -> None:
    event = {"event": "started", "session": "a", "position_ms": 0, "duration_ms": FILM_MS, "item": HEAT}
    since = hub.sim.mark()
    wire.data("player.event", event)
    hub.sim.wait_log(path=START, since=since, done=True)
    wire.data("player.event", {"event": "ended", "session": "a"})
    until(lambda: wire.data("outbox.list")["waiting"] == 0, "the outbox is empty")
    until(lambda: threads("trakt-scrobble") == 0, "the thread ends")


def test_a_full_house_of_calls_doesn_t_keep_a_play_from_being_sent(
    library: Library, linked_dir: Path, hub: Any
) -> None:
    config = hub.sim.client_config(data_dir=linked_dir)
    with Wire(library, config) as wire:
        since = hub.sim.mark()
        hub.sim.fault("silence", host="api", path="/users/settings", times=0)
        waiting = [wire.submit("settings.get", {"max_age_ms": 0}) for _ in range(4)]
        hub.sim.wait_log(path="/users/settings", since=since, count=4)
        event = {"event": "started", "session": "a", "position_ms": 0, "duration_ms": FILM_MS, "item": HEAT}
        wire.data("player.event", event)
        assert not hub.sim.log(path=START, since=since)
        wire.text("trakt_cancel", waiting[0])
        hub.sim.wait_log(path=START, since=since, done=True)
        hub.sim.clear_faults()
