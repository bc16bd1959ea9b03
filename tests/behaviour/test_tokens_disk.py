"""Tokens on a disk that is full or read-only: nothing is spent that can't be kept, as long as that can wait."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Iterator

import pytest
from box import DAY, HOUR, MINUTE, NEVER_MS, Box, ask, ask_aside, events, refreshes, token_used
from disk import Disk, can_mount
from paths import PATIENCE_S
from simtrakt import TOKEN, Sim


@pytest.fixture
def disk(box: Box) -> Iterator[Disk]:
    """The box has a small disk of its own."""
    if not can_mount():
        pytest.skip("mounting needs root")
    with Disk(box.data_dir) as disk:
        yield disk


def test_a_full_disk_keeps_an_early_refresh_from_being_sent(disk: Disk, box: Box, sim: Sim) -> None:
    child = box.linked()
    child.call("next_events")
    box.pass_time(4 * DAY)
    disk.fill()
    since = sim.mark()
    assert ask(child)["source"] == "network"
    events(child, "store.trouble")
    # The refresh that isn't sent has ended when its client is closed.
    child.call("close")
    child.call("open", box.config())
    assert ask(child)["source"] == "network"
    assert not sim.log(path=TOKEN, since=since)
    child.call("close")
    disk.free()
    child.call("open", box.config())
    box.pass_time(6 * MINUTE)
    ask(child)
    events(child, "token.refreshed")
    account = child.call("account")
    assert (account["store"], account["last_error"]) == ("ok", None)


def test_an_early_refresh_that_finds_no_space_is_the_last_error(disk: Disk, box: Box, sim: Sim) -> None:
    child = box.linked()
    child.call("next_events")
    box.pass_time(4 * DAY)
    disk.fill()
    ask(child)
    events(child, "store.trouble")
    # Nothing tells when it has given up but the account itself.
    deadline = time.monotonic() + PATIENCE_S
    account = child.call("account")
    while account["last_error"] is None and time.monotonic() < deadline:
        account = child.call("account")
    assert account["last_error"]["code"] == "storage_full" and account["store"] == "full"
    assert account["linked"] and account["state"] == "linked"
    for _ in range(3):
        box.pass_time(MINUTE)
        assert ask(child)["source"] == "network"
    assert not refreshes(sim)


def test_the_space_that_was_set_aside_takes_the_new_pair_on_a_disk_that_fills_up(
    disk: Disk, box: Box, sim: Sim
) -> None:
    child = box.linked()
    child.call("next_events")
    box.pass_time(8 * DAY)
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    since = sim.mark()
    pending = ask_aside(child)
    sim.wait_log(path=TOKEN, since=since)
    disk.fill()
    sim.clear_faults(held)
    events(child, "token.refreshed")
    pending.result()
    child.kill9()
    child = box.start()
    since = sim.mark()
    assert ask(child)["source"] == "network"
    assert [request["status"] for request in sim.log(since=since)] == [200]
    assert len(refreshes(sim)) == 1


def test_a_token_that_ran_out_is_refreshed_on_a_full_disk_all_the_same(disk: Disk, box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    disk.fill()
    for _ in range(3):
        assert ask(child)["source"] == "network"
        box.pass_time(HOUR)
    assert len(refreshes(sim)) == 1
    disk.free()
    ask(child)
    assert child.call("account")["store"] == "ok"
    child.kill9()
    assert ask(box.start())["source"] == "network"
    assert len(refreshes(sim)) == 1


@pytest.mark.parametrize("saved_by", ["call", "close"])
def test_a_pair_that_can_t_be_committed_is_used_from_memory_and_written_later(
    disk: Disk, box: Box, sim: Sim, saved_by: str
) -> None:
    first = box.linked()
    second = box.start()
    box.pass_time(8 * DAY)
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    since = sim.mark()
    pending = ask_aside(first)
    sim.wait_log(path=TOKEN, since=since)
    with disk.readonly_file(box.store / "store.db"):
        sim.clear_faults(held)
        assert pending.result()["source"] == "network"
        assert ask(first)["source"] == "network", "from memory"
        waiting = ask_aside(second)
        for _ in range(10):
            assert second.call("account")["linked"] and first.call("account")["linked"]
        assert len(refreshes(sim)) == 1, "nobody spends the old refresh token meanwhile"
        assert not waiting.done
    if saved_by == "call":
        assert ask(first)["source"] == "network"
    else:
        first.call("close")
    since = sim.mark()
    assert waiting.result()["source"] == "network"
    assert first.process.poll() is None
    first.kill9()
    assert ask(second)["source"] == "network"
    assert len(refreshes(sim)) == 1 and len(set(token_used(sim, since))) <= 1


def test_a_read_only_disk_keeps_an_early_refresh_from_being_sent(disk: Disk, box: Box, sim: Sim) -> None:
    box.linked().finish()
    box.pass_time(4 * DAY)
    with disk.readonly():
        child = box.start()
        assert ask(child)["source"] == "network"
        account = child.call("account")
        assert (account["store"], account["state"]) == ("readonly", "linked")
        box.pass_time(MINUTE)
        assert ask(child)["source"] == "network"
        assert child.finish() == 0
        assert not refreshes(sim)
    child = box.start()
    ask(child)
    events(child, "token.refreshed")


def test_a_token_that_ran_out_is_refreshed_on_a_read_only_disk_all_the_same(disk: Disk, box: Box, sim: Sim) -> None:
    box.linked().finish()
    box.pass_time(8 * DAY)
    with disk.readonly():
        child = box.start()
        for _ in range(3):
            assert ask(child)["source"] == "network"
            box.pass_time(HOUR)
        assert len(refreshes(sim)) == 1
        assert child.call("account")["store"] == "readonly"
    assert ask(child)["source"] == "network"
    child.finish()
    assert ask(box.start())["source"] == "network"
    assert len(refreshes(sim)) == 1


def test_two_processes_on_a_read_only_disk_spend_a_refresh_token_once(disk: Disk, box: Box, sim: Sim) -> None:
    box.linked().finish()
    box.pass_time(8 * DAY)
    with disk.readonly():
        first, second = box.start(), box.start()
        assert ask(first)["source"] == "network"
        waiting = ask_aside(second)
        for _ in range(10):
            second.call("account")
        assert len(refreshes(sim)) == 1
    ask(first)
    assert waiting.result()["source"] == "network"
    assert len(refreshes(sim)) == 1


def test_a_refresh_token_is_in_no_file_that_others_can_read(disk: Disk, box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    ask(child)
    files = [path for path in Path(box.store).iterdir() if path.is_file()]
    assert files and all(path.stat().st_mode & 0o077 == 0 for path in files)
    assert box.store.stat().st_mode & 0o077 == 0
