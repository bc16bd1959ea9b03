"""Who has no account linked is asked once, at a good moment, and not again for a day."""

from __future__ import annotations

import random
from typing import Any, Dict, List

import fakekodi
import pytest
from traktkodi.invitation import Invitation
from traktkodi.kodi import Kodi
from traktkodi.questions import Questions
from traktkodi.settings import Settings
from traktkodi.state import State

HOUR, DAY, YEAR = 3600.0, 24 * 3600.0, 365 * 24 * 3600.0
NOBODY: Dict[str, Any] = {"state": "none", "linked": False, "pending_login": False}
SOMEBODY: Dict[str, Any] = {"state": "linked", "linked": True, "pending_login": False}
LINK_NOW, LATER, NEVER = 101, 102, 103


class Bench:
    """The add-on's part of it, over restarts."""

    def __init__(self, box: fakekodi.Box) -> None:
        self.box = box
        self.clock = box.clock
        self.account = NOBODY
        self.box.settings["invite"] = "true"
        self.links = 0
        self.shown: List[float] = []
        self.start()

    def start(self) -> None:
        """The add-on starts."""
        self.kodi = Kodi()
        self.questions = Questions(self.kodi, self.clock)
        state = State(str(self.box.profile_path / "state.json"))
        self.invitation = Invitation(self.kodi, self.clock, state, self.questions)
        self.invitation.on_link = self._link

    def restart(self, off: float = 60.0) -> None:
        """Kodi quits, and starts again after a while."""
        self.questions.close()
        self.clock._monotonic = random.uniform(0, 1000)
        self.clock._slept = 0.0
        self.clock.jump(off)
        self.start()

    def run(self, seconds: float = 20.0, by: float = 1.0) -> None:
        """The service runs."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            was = self.asks
            settings = Settings(True, True, self.box.settings["invite"] == "true", {})
            self.invitation.step(self.account, settings)
            self.questions.step()
            self.box.deliver()
            if self.asks and not was:
                self.shown.append(self.clock.elapsed())
            self.clock.advance(by)

    @property
    def asks(self) -> bool:
        return self.questions.showing

    def _link(self) -> None:
        self.links += 1


@pytest.fixture
def bench(box: fakekodi.Box) -> Bench:
    return Bench(box)


def test_the_first_start_without_an_account_asks(bench: Bench) -> None:
    bench.run()
    assert bench.asks
    assert bench.box.window.properties["heading"] == "Link your Trakt account?"


def test_link_now_opens_the_link_screen(bench: Bench) -> None:
    bench.run()
    bench.box.click(LINK_NOW)
    bench.run(HOUR)
    assert (bench.links, len(bench.shown)) == (1, 1)


@pytest.mark.parametrize("key", ["later", "back"])
def test_later_and_back_mean_again_after_a_day(bench: Bench, key: str) -> None:
    bench.run()
    if key == "back":
        bench.box.back()
    else:
        bench.box.click(LATER)
    bench.run(23 * HOUR, by=10)
    assert len(bench.shown) == 1
    bench.run(2 * HOUR, by=2)
    assert len(bench.shown) == 2
    assert bench.links == 0


def test_later_outlasts_restarts(bench: Bench) -> None:
    bench.run()
    bench.box.click(LATER)
    for _ in range(10):
        bench.restart(off=2 * HOUR)
        bench.run()
    assert len(bench.shown) == 1
    bench.restart(off=5 * HOUR)
    bench.run()
    assert len(bench.shown) == 2


def test_later_goes_on_while_the_box_sleeps(bench: Bench) -> None:
    bench.run()
    bench.box.click(LATER)
    bench.clock.sleep(25 * HOUR)
    bench.run()
    assert len(bench.shown) == 2


def test_never_is_a_setting_and_asks_no_more(bench: Bench) -> None:
    bench.run()
    bench.box.click(NEVER)
    assert bench.box.settings["invite"] == "false"
    for _ in range(5):
        bench.restart(off=3 * DAY)
        bench.run()
    assert len(bench.shown) == 1
    assert bench.links == 0


def test_the_setting_brings_it_back(bench: Bench) -> None:
    bench.box.settings["invite"] = "false"
    bench.run()
    assert not bench.asks
    bench.box.settings["invite"] = "true"
    bench.run()
    assert bench.asks


def test_switching_the_setting_off_takes_the_question_back(bench: Bench) -> None:
    bench.run()
    bench.box.settings["invite"] = "false"
    bench.run(2)
    assert not bench.asks


def test_an_ignored_question_is_not_asked_again_at_the_next_start(bench: Bench) -> None:
    bench.run()
    for _ in range(5):
        bench.restart()
        bench.run()
    assert len(bench.shown) == 1


@pytest.mark.parametrize("state", ["linked", "relink_needed", "locked", "blocked", "app_refused", "unavailable"])
def test_it_is_only_for_those_who_have_none(bench: Bench, state: str) -> None:
    bench.account = {**NOBODY, "state": state}
    bench.run(HOUR)
    assert bench.shown == []


def test_not_while_a_login_is_pending_nor_right_after(bench: Bench) -> None:
    bench.account = {**NOBODY, "pending_login": True}
    bench.run(600)
    bench.account = NOBODY
    bench.run(600)
    assert bench.shown == []


def test_a_login_that_begins_takes_the_question_back(bench: Bench) -> None:
    bench.run()
    bench.account = {**NOBODY, "pending_login": True}
    bench.run(2)
    assert not bench.asks
    bench.account = SOMEBODY
    bench.run(HOUR)
    assert len(bench.shown) == 1


def test_not_while_the_link_screen_is_open(bench: Bench) -> None:
    bench.box.conditions["System.HasActiveModalDialog"] = True
    bench.run(600)
    assert bench.shown == []


def test_not_before_the_home_screen_nor_over_a_video(bench: Bench) -> None:
    for condition in ("Window.IsActive(startup)", "Window.IsActive(loginscreen)", "Player.HasVideo"):
        bench.box.conditions[condition] = True
        bench.run(600)
        assert bench.shown == []
        bench.box.conditions[condition] = False
    bench.run()
    assert len(bench.shown) == 1


def test_who_has_unlinked_is_not_asked(bench: Bench) -> None:
    bench.account = SOMEBODY
    bench.run()
    bench.account = NOBODY
    bench.run(HOUR)
    for _ in range(3):
        bench.restart(off=2 * DAY)
        bench.run()
    assert bench.shown == []


def test_an_account_that_is_lost_is_asked_for_again(bench: Bench) -> None:
    bench.account = SOMEBODY
    bench.run()
    bench.account = NOBODY
    bench.restart()
    bench.run()
    assert len(bench.shown) == 1


@pytest.mark.parametrize("years", [-56, -3, 3, 56])
def test_a_clock_that_is_set_by_years_after_later_makes_no_difference(bench: Bench, years: int) -> None:
    bench.run()
    bench.box.click(LATER)
    bench.clock.jump(years * YEAR)
    bench.run(HOUR, by=5)
    bench.restart(off=HOUR)
    bench.run()
    assert len(bench.shown) == 1
    bench.restart(off=23 * HOUR)
    bench.run()
    assert len(bench.shown) == 2


def test_a_clock_that_was_ahead_by_years_doesn_t_silence_it_for_ever(bench: Bench) -> None:
    bench.clock.jump(20 * YEAR)
    bench.run()
    bench.box.click(LATER)
    bench.restart(off=-20 * YEAR)
    bench.run(15 * 60, by=5)
    bench.restart(off=25 * HOUR)
    bench.run()
    assert len(bench.shown) == 2


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_it_never_asks_twice_a_day_of_a_run_nor_over_a_video(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    last = None
    for _ in range(150):
        what = chance.choice(("run", "run", "restart", "sleep", "video", "dialog", "answer", "login"))
        if what == "run":
            bench.run(chance.uniform(10, 4 * HOUR), by=chance.choice((1.0, 2.0)) if chance.random() < 0.2 else 30)
        elif what == "sleep":
            bench.clock.sleep(chance.uniform(1, 20 * HOUR))
        elif what == "restart":
            bench.restart(off=chance.uniform(10, 10 * HOUR))
            last = None
        elif what in ("video", "dialog"):
            condition = {"video": "Player.HasVideo", "dialog": "System.HasActiveModalDialog"}[what]
            before = len(bench.shown)
            bench.box.conditions[condition] = True
            bench.run(chance.uniform(1, 600))
            assert len(bench.shown) == before
            assert what == "dialog" or not bench.asks
            bench.box.conditions[condition] = False
        elif what == "login":
            bench.account = {**NOBODY, "pending_login": True}
            bench.run(30)
            assert not bench.asks
            bench.account = NOBODY
        elif bench.asks:
            chance.choice((bench.box.back, lambda: bench.box.click(LATER)))()
            # From an answer on it is silent for a day, whether it was shown in this run or not.
            last = bench.clock.elapsed()
        if last is not None and bench.asks:
            assert bench.clock.elapsed() - last >= DAY
