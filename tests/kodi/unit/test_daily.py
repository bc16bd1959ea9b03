"""Less than a day ago, on boxes whose clock can't be trusted."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import fakekodi
import pytest
from traktkodi.daily import DAY_S, Daily
from traktkodi.state import State

YEAR_S = 365 * DAY_S
HOUR_S = 3600.0


class Machine:
    """A box that is switched on and off, with one state file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = fakekodi.FakeClock()
        self.start()

    def start(self) -> None:
        """Another run; a moment of its own on the monotonic clock."""
        self.clock._monotonic = random.uniform(0, 1000)
        self.clock._slept = 0.0
        self.daily = Daily(self.clock, State(str(self.path)), "test")

    def off(self, seconds: float) -> None:
        self.clock.jump(seconds)
        self.start()

    def run(self, seconds: float) -> None:
        """Time passes, with steps."""
        for _ in range(20):
            self.clock.advance(seconds / 20)
            self.daily.step()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "data" / "state.json")


def test_a_day_within_a_run(machine: Machine) -> None:
    assert not machine.daily.lately("x")
    machine.daily.note("x")
    machine.run(23 * HOUR_S)
    assert machine.daily.lately("x")
    assert not machine.daily.lately("y")
    machine.run(1.1 * HOUR_S)
    assert not machine.daily.lately("x")


def test_a_day_asleep(machine: Machine) -> None:
    machine.daily.note("x")
    machine.clock.sleep(23 * HOUR_S)
    machine.daily.step()
    assert machine.daily.lately("x")
    machine.clock.sleep(2 * HOUR_S)
    machine.daily.step()
    assert not machine.daily.lately("x")


def test_a_day_over_restarts(machine: Machine) -> None:
    machine.daily.note("x")
    for _ in range(23):
        machine.off(HOUR_S)
        assert machine.daily.lately("x")
    machine.off(1.1 * HOUR_S)
    assert not machine.daily.lately("x")


@pytest.mark.parametrize("years", [-50, -1, 1, 50])
def test_setting_the_clock_within_a_run_changes_nothing(machine: Machine, years: int) -> None:
    machine.daily.note("x")
    machine.run(HOUR_S)
    machine.clock.jump(years * YEAR_S)
    machine.run(HOUR_S)
    assert machine.daily.lately("x")
    machine.off(HOUR_S)
    assert machine.daily.lately("x")
    machine.off(22 * HOUR_S)
    assert not machine.daily.lately("x")


def test_a_box_that_wakes_up_in_1970_and_learns_the_time_later(machine: Machine) -> None:
    real = machine.clock.wall()
    machine.daily.note("x")
    for hour in range(1, 23):
        machine.clock.jump(-machine.clock.wall() + 10)
        machine.start()
        machine.run(30)
        assert machine.daily.lately("x"), "while it is 1970"
        machine.clock.jump(real + hour * HOUR_S - machine.clock.wall())
        machine.run(30)
        assert machine.daily.lately("x"), "once it knows the time"
    machine.clock.jump(3 * HOUR_S)
    machine.start()
    assert not machine.daily.lately("x")


def test_a_note_from_a_clock_that_was_ahead_by_years_counts_for_a_day_more(machine: Machine) -> None:
    machine.clock.jump(30 * YEAR_S)
    machine.daily.note("x")
    machine.off(-30 * YEAR_S + HOUR_S)
    assert machine.daily.lately("x")
    machine.run(700)
    machine.off(23 * HOUR_S)
    assert machine.daily.lately("x")
    machine.off(2 * HOUR_S)
    assert not machine.daily.lately("x")


def test_forgotten_is_forgotten(machine: Machine) -> None:
    machine.daily.note("x")
    machine.daily.forget("x")
    machine.daily.forget("never noted")
    assert not machine.daily.lately("x")
    machine.off(60)
    assert not machine.daily.lately("x")


def test_old_moments_don_t_gather(machine: Machine) -> None:
    for number in range(100):
        machine.daily.note(f"thing {number}")
        machine.run(2 * HOUR_S)
    assert len(json.loads(machine.path.read_text())["test"]) <= 13


@pytest.mark.parametrize("kept", [None, 5, [1], {"x": "soon", "y": None, "z": []}])
def test_a_file_may_hold_anything(machine: Machine, kept: Any) -> None:
    machine.path.parent.mkdir(exist_ok=True)
    machine.path.write_text(json.dumps({"test": kept}))
    machine.start()
    machine.run(1000)
    assert not machine.daily.lately("x")
    machine.daily.note("x")
    assert machine.daily.lately("x")


@pytest.mark.parametrize("seed", range(50))
def test_whatever_the_clock_does_nothing_is_recent_for_ever(machine: Machine, seed: int) -> None:
    chance = random.Random(seed)
    machine.clock.jump(chance.uniform(-50, 50) * YEAR_S)
    machine.daily.note("x")
    for _ in range(20):
        chance.choice((machine.off, machine.run, machine.clock.sleep, machine.clock.jump))(
            chance.uniform(0, 2) * DAY_S * chance.choice((1, 1, 1000))
        )
    # From here on the clock is right, and the box is used for an hour a day.
    for _ in range(3):
        machine.off(23 * HOUR_S)
        machine.run(HOUR_S)
    assert not machine.daily.lately("x")
