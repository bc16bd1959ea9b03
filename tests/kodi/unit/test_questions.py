"""Questions are asked one at a time, never over a video or another dialog, and never twice."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import List, Optional

import fakekodi
import pytest
from traktkodi import texts
from traktkodi.kodi import Kodi
from traktkodi.questions import Questions
from traktkodi.texts import Text

HEADING, TEXT = Text(texts.INVITE_HEADING), Text(texts.INVITE_TEXT)
OTHER = Text(texts.SESSION_HEADING)
ANSWERS = (Text(texts.INVITE_LINK_NOW), Text(texts.LATER), Text(texts.NEVER))
FIRST, SECOND, THIRD = 101, 102, 103


class Asked:
    """A question's answers, and how often it was shown."""

    def __init__(self) -> None:
        self.answers: List[Optional[int]] = []
        self.shown = 0

    def show(self) -> None:
        self.shown += 1


@pytest.fixture
def questions(kodi: Kodi, clock: fakekodi.FakeClock) -> Questions:
    return Questions(kodi, clock)


@pytest.fixture
def asked() -> Asked:
    return Asked()


def ask(questions: Questions, asked: Asked, heading: Text = HEADING, now: bool = False) -> None:
    questions.ask(heading, TEXT, ANSWERS, asked.answers.append, now=now, on_show=asked.show)


def pass_seconds(questions: Questions, box: fakekodi.Box, seconds: int = 10) -> None:
    for _ in range(seconds):
        box.clock.advance(1)
        questions.step()
        box.deliver()


def test_a_question_shows_heading_text_and_answers_with_the_focus_on_the_first(
    questions: Questions, asked: Asked, box: fakekodi.Box
) -> None:
    ask(questions, asked)
    assert not questions.showing
    pass_seconds(questions, box)
    assert questions.showing
    assert box.window.properties == {
        "heading": "Link your Trakt account?",
        "text": box.localized(texts.INVITE_TEXT),
        "answer1": "Link now",
        "answer2": "Later",
        "answer3": "Never",
    }
    default = ElementTree.parse(box.window.xml).find("defaultcontrol")
    assert default is not None and default.text == str(FIRST)
    assert default.get("always") == "true"
    assert asked.shown == 1


@pytest.mark.parametrize(("control", "index"), [(FIRST, 0), (SECOND, 1), (THIRD, 2)])
def test_an_answer_closes_the_window_and_is_told_once(
    questions: Questions, asked: Asked, box: fakekodi.Box, control: int, index: int
) -> None:
    ask(questions, asked)
    pass_seconds(questions, box)
    window = box.window
    box.click(control)
    assert asked.answers == [index]
    assert not questions.showing
    assert box.window is None
    window.onClick(control)
    window.onAction(__import__("xbmcgui").Action(92))
    assert asked.answers == [index]


def test_back_is_no_answer(questions: Questions, asked: Asked, box: fakekodi.Box) -> None:
    ask(questions, asked)
    pass_seconds(questions, box)
    box.back()
    assert asked.answers == [None]
    assert not questions.showing


@pytest.mark.parametrize(
    "condition",
    [
        "Player.HasVideo",
        "Player.HasGame",
        "Slideshow.IsActive",
        "System.HasActiveModalDialog",
        "Window.IsActive(startup)",
        "Window.IsActive(splash)",
        "Window.IsActive(loginscreen)",
    ],
)
def test_a_question_waits_while(questions: Questions, asked: Asked, box: fakekodi.Box, condition: str) -> None:
    box.conditions[condition] = True
    ask(questions, asked)
    pass_seconds(questions, box, 100)
    assert not questions.showing
    box.conditions[condition] = False
    pass_seconds(questions, box)
    assert questions.showing


def test_the_moment_between_two_episodes_is_no_moment_for_a_question(
    questions: Questions, asked: Asked, box: fakekodi.Box
) -> None:
    ask(questions, asked)
    for _ in range(20):
        box.conditions["Player.HasVideo"] = True
        pass_seconds(questions, box, 3)
        box.conditions["Player.HasVideo"] = False
        pass_seconds(questions, box, 3)
    assert asked.shown == 0


def test_a_question_steps_aside_for_a_video_and_comes_back_after_it(
    questions: Questions, asked: Asked, box: fakekodi.Box
) -> None:
    ask(questions, asked)
    pass_seconds(questions, box)
    box.conditions["Player.HasVideo"] = True
    pass_seconds(questions, box, 1)
    assert box.window is None
    assert asked.answers == []
    box.conditions["Player.HasVideo"] = False
    pass_seconds(questions, box)
    box.click(SECOND)
    assert asked.answers == [1]


@pytest.mark.parametrize("rest", ["Screensaver", "DPMS"])
def test_a_question_waits_until_kodi_is_awake(
    questions: Questions, asked: Asked, box: fakekodi.Box, kodi: Kodi, rest: str
) -> None:
    kodi.noted(f"GUI.On{rest}Activated")
    ask(questions, asked)
    pass_seconds(questions, box)
    assert box.window is None
    kodi.noted(f"GUI.On{rest}Deactivated")
    pass_seconds(questions, box)
    assert box.window is not None


def test_the_screensaver_doesn_t_close_a_question(
    questions: Questions, asked: Asked, box: fakekodi.Box, kodi: Kodi
) -> None:
    ask(questions, asked)
    pass_seconds(questions, box)
    kodi.noted("GUI.OnScreensaverActivated")
    pass_seconds(questions, box)
    assert questions.showing


def test_one_question_at_a_time_in_the_order_they_came(questions: Questions, box: fakekodi.Box) -> None:
    first, second = Asked(), Asked()
    ask(questions, first)
    ask(questions, second, OTHER)
    pass_seconds(questions, box)
    assert len(box.windows) == 1
    box.click(FIRST)
    assert first.answers == [0]
    pass_seconds(questions, box)
    assert box.window.properties["heading"] == "Trakt has signed this device out"
    box.click(SECOND)
    assert second.answers == [1]


def test_the_same_question_is_not_asked_twice(questions: Questions, box: fakekodi.Box) -> None:
    first, second = Asked(), Asked()
    ask(questions, first)
    ask(questions, second)
    pass_seconds(questions, box)
    ask(questions, second)
    pass_seconds(questions, box)
    box.click(FIRST)
    pass_seconds(questions, box)
    assert not questions.showing
    assert (first.answers, second.answers, second.shown) == ([0], [], 0)


def test_what_the_user_wished_for_comes_at_once_and_over_anything(questions: Questions, box: fakekodi.Box) -> None:
    box.conditions["Player.HasVideo"] = True
    box.conditions["System.HasActiveModalDialog"] = True
    asked = Asked()
    ask(questions, asked, now=True)
    assert questions.showing
    pass_seconds(questions, box)
    assert questions.showing
    box.deliver()
    box.click(THIRD)
    assert asked.answers == [2]


def test_what_the_user_wished_for_goes_before_what_we_ask_which_comes_back(
    questions: Questions, box: fakekodi.Box
) -> None:
    ours, wished = Asked(), Asked()
    ask(questions, ours)
    pass_seconds(questions, box)
    ask(questions, wished, OTHER, now=True)
    assert len(box.windows) == 1
    box.deliver()
    box.back()
    assert (ours.answers, wished.answers) == ([], [None])
    pass_seconds(questions, box)
    box.click(FIRST)
    assert ours.answers == [0]


def test_wishing_twice_shows_one_window(questions: Questions, box: fakekodi.Box) -> None:
    first, second = Asked(), Asked()
    ask(questions, first, now=True)
    ask(questions, second, now=True)
    assert len(box.windows) == 1
    box.deliver()
    box.click(FIRST)
    assert (first.answers, second.answers) == ([], [0])


def test_a_withdrawn_question_goes_without_an_answer(questions: Questions, box: fakekodi.Box) -> None:
    open_one, waiting = Asked(), Asked()
    ask(questions, open_one)
    pass_seconds(questions, box)
    ask(questions, waiting, OTHER)
    questions.withdraw(OTHER)
    questions.withdraw(HEADING)
    pass_seconds(questions, box)
    assert box.window is None
    assert (open_one.answers, waiting.answers, waiting.shown) == ([], [], 0)


def test_closing_leaves_nothing_behind(questions: Questions, box: fakekodi.Box) -> None:
    asked = Asked()
    ask(questions, asked)
    pass_seconds(questions, box)
    ask(questions, asked, OTHER)
    questions.close()
    pass_seconds(questions, box)
    assert box.window is None
    assert asked.answers == []


def test_a_window_that_kodi_closes_is_no_answer_and_makes_room_for_the_next(
    questions: Questions, box: fakekodi.Box
) -> None:
    first, second = Asked(), Asked()
    ask(questions, first)
    pass_seconds(questions, box)
    ask(questions, second, OTHER)
    box.windows.clear()
    pass_seconds(questions, box)
    assert first.answers == [None]
    assert second.shown == 1


def test_an_answer_may_ask_the_next_question(questions: Questions, box: fakekodi.Box) -> None:
    asked = Asked()
    questions.ask(HEADING, TEXT, ANSWERS, lambda answer: ask(questions, asked, OTHER, now=True), now=True)
    box.deliver()
    box.click(FIRST)
    assert box.window.properties["heading"] == "Trakt has signed this device out"
    box.click(SECOND)
    assert asked.answers == [1]
