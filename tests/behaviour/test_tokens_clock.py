"""Tokens and clocks: a pair ages by the machine's own clock, after a restart by the wall clock, which may be wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from box import DAY, HOUR, MINUTE, NEVER_MS, SECOND, WEEK, Box, ask, ask_aside, events, refreshes
from child import Child
from libtrakt import errors
from simtrakt import SETTINGS, TOKEN, Sim

OFF = pytest.mark.parametrize("off", [WEEK, -WEEK], ids=["a week ahead", "a week behind"])

#: A Date has whole seconds, and the answer takes its time.
ABOUT_MS = 5 * SECOND


def moment_ms(text: str) -> float:
    """Milliseconds since 1970 of a moment in a reply."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def trakt_ms(sim: Sim) -> float:
    """Trakt's own time."""
    return moment_ms(sim.state()["clock"]["date"])


def life_left_ms(account: Any, sim: Sim) -> float:
    """How long the access token is good, by Trakt's time."""
    return moment_ms(account["token"]["expires_at"]) - trakt_ms(sim)


@OFF
def test_a_wall_clock_that_is_a_week_off_is_told_and_corrected(box: Box, sim: Sim, off: int) -> None:
    box.clock.wall(off)
    child = box.linked()
    account = child.call("account")
    assert abs(account["clock_skew_ms"] + off) < ABOUT_MS
    assert abs(life_left_ms(account, sim) - WEEK) < ABOUT_MS
    assert abs(moment_ms(account["since"]) - trakt_ms(sim)) < ABOUT_MS
    assert abs(moment_ms(account["last_contact_at"]) - trakt_ms(sim)) < ABOUT_MS
    assert [event["type"] for event in child.call("next_events")].count("clock.wrong") == 1
    box.pass_time(3 * DAY)
    ask(child)
    assert not refreshes(sim)
    box.pass_time(DAY)
    ask(child)
    events(child, "token.refreshed")
    assert "clock.wrong" not in [event["type"] for event in child.call("next_events")]


@OFF
def test_a_clock_that_is_a_week_off_also_after_a_restart_leaves_the_account_working(
    box: Box, sim: Sim, off: int
) -> None:
    box.clock.wall(off)
    box.linked().finish()
    for _ in range(3):
        box.restart()
        child = box.start()
        assert child.call("account")["clock_skew_ms"] is None, "the clock may be right again"
        before = len(refreshes(sim))
        for _ in range(3):
            assert ask(child)["source"] == "network"
            box.pass_time(HOUR)
        assert len(refreshes(sim)) <= before + 1
        account = child.call("account")
        assert account["state"] == "linked" and abs(account["clock_skew_ms"] + off) < ABOUT_MS
        child.finish()


@OFF
def test_a_clock_that_goes_wrong_while_the_machine_is_off_leaves_the_account_working(
    box: Box, sim: Sim, off: int
) -> None:
    box.linked().finish()
    box.restart()
    box.clock.wall(off)
    child = box.start()
    assert ask(child)["source"] == "network"
    assert len(refreshes(sim)) == (1 if off > 0 else 0)
    events(child, "clock.wrong")
    child.finish()
    box.restart()
    box.clock.wall(-off)
    child = box.start()
    assert ask(child)["source"] == "network"
    account = child.call("account")
    assert account["state"] == "linked" and abs(account["clock_skew_ms"]) < ABOUT_MS
    assert len(refreshes(sim)) <= 1


@OFF
def test_a_token_that_ran_out_while_the_clock_lies_after_a_restart_is_told_by_the_401(
    box: Box, sim: Sim, off: int
) -> None:
    box.linked().finish()
    box.restart()
    box.pass_time(8 * DAY)
    box.clock.wall(2 * off)
    child = box.start()
    assert ask(child)["source"] == "network"
    assert len(refreshes(sim)) == 1


def test_after_a_restart_a_pair_ages_by_the_wall_clock(box: Box, sim: Sim) -> None:
    box.linked().finish()
    box.restart()
    box.pass_time(3 * DAY)
    child = box.start()
    ask(child)
    child.finish()
    assert not refreshes(sim)
    box.restart()
    box.pass_time(DAY)
    child = box.start()
    ask(child)
    events(child, "token.refreshed")
    child.finish()
    box.restart()
    box.pass_time(8 * DAY)
    since = sim.mark()
    ask(box.start())
    assert [request["path"] for request in sim.log(since=since)] == [TOKEN, SETTINGS]


def test_a_wall_clock_that_jumps_to_and_fro_spends_nothing(box: Box, sim: Sim) -> None:
    child = box.linked()
    for jump in (WEEK, -2 * WEEK, 4 * WEEK, -6 * WEEK, 52 * WEEK, -49 * WEEK):
        box.clock.wall(jump)
        assert ask(child)["source"] == "network"
        box.pass_time(MINUTE)
        assert child.call("account")["state"] == "linked"
    assert child.finish() == 0
    assert not refreshes(sim)


def test_a_machine_that_slept_past_the_end_of_the_token_refreshes_before_the_next_call(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(30 * DAY)
    since = sim.mark()
    assert ask(child)["source"] == "network"
    assert [request["path"] for request in sim.log(since=since)] == [TOKEN, SETTINGS]


def ask_and_fall_asleep(box: Box, sim: Sim, child: Child, path: str) -> None:
    """The machine sleeps from before the answer of that path arrives until hours after it."""
    held = sim.fault("late", path=path, delay_ms=NEVER_MS)
    since = sim.mark()
    pending = ask_aside(child)
    sim.wait_log(path=path, since=since)
    child.stop()
    sim.clear_faults(held)
    sim.wait_log(path=path, since=since, done=True)
    box.pass_time(6 * HOUR)
    child.go_on()
    assert pending.result()["source"] == "network"


def test_a_machine_that_sleeps_during_a_refresh_has_its_answer_when_it_wakes(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    ask_and_fall_asleep(box, sim, child, TOKEN)
    assert len(refreshes(sim)) == 1


def test_trakt_s_date_tells_how_wrong_the_clock_is(box: Box, sim: Sim) -> None:
    child = box.linked()
    assert abs(child.call("account")["clock_skew_ms"]) < ABOUT_MS
    child.call("next_events")
    for off, wrong in ((4 * MINUTE, False), (HOUR, True), (2 * HOUR, False), (0, False), (-HOUR, True)):
        date = sim.fault("date", offset_ms=off, times=0)
        ask(child)
        sim.clear_faults(date)
        assert abs(child.call("account")["clock_skew_ms"] - off) < ABOUT_MS
        told = [event["type"] for event in child.call("next_events")]
        assert ("clock.wrong" in told) == wrong, "told when it becomes wrong, and not again while it is"


def test_an_answer_that_lay_there_while_the_machine_slept_says_nothing_of_the_clock(box: Box, sim: Sim) -> None:
    child = box.linked()
    ask_and_fall_asleep(box, sim, child, SETTINGS)
    assert abs(child.call("account")["clock_skew_ms"]) < ABOUT_MS


def test_an_answer_without_a_date_says_nothing_of_the_clock(box: Box, sim: Sim) -> None:
    sim.fault("date", value="", times=0)
    child = box.linked()
    assert child.call("account")["clock_skew_ms"] is None
    sim.clear_faults()
    date = sim.fault("date", value="yesterday", times=0)
    ask(child)
    assert child.call("account")["clock_skew_ms"] is None
    sim.clear_faults(date)
    ask(child)
    assert abs(child.call("account")["clock_skew_ms"]) < ABOUT_MS


def test_a_failed_refresh_is_tried_again_though_the_clock_went_back_meanwhile(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    sim.fault("status", status=429, path=TOKEN, headers={"Retry-After": "600"})
    with pytest.raises(errors.RateLimited):
        ask(child)
    child.finish()
    box.restart()
    box.clock.wall(-HOUR)
    assert ask(box.start())["source"] == "network"
