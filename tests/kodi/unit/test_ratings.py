"""The rating dialog: about the last thing seen, never over the next one, and gone when nobody answers."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

import fakekodi
import pytest
import xbmcgui
from faketrakt import FakeTrakt, error
from traktkodi.kodi import Kodi
from traktkodi.ratings import Ratings, names_of
from traktkodi.screens import rating as screen
from traktkodi.settings import Scrobbling, Settings
from traktkodi.state import State

HEAT: Dict[str, Any] = {"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277", "tmdb": 949}}
DARK: Dict[str, Any] = {"title": "Dark", "year": 2017, "ids": {"tvdb": 334824}}
LIES: Dict[str, Any] = {"type": "episode", "show": DARK, "season": 1, "number": 2, "title": "Lies", "ids": {}}
PAST: Dict[str, Any] = {"type": "episode", "show": DARK, "season": 1, "number": 3, "title": "Past", "ids": {}}
ONE, SEVEN, NINE, TEN = 101, 107, 109, 110


class Couch:
    """The dialog with everything around it."""

    def __init__(self, box: fakekodi.Box, kodi: Kodi, trakt: FakeTrakt, data_dir: str) -> None:
        self.box, self.kodi, self.trakt, self.data_dir = box, kodi, trakt, data_dir
        self.scrobbling = Scrobbling(rate_movies=True, rate_episodes=True)
        trakt.account_now = {"state": "linked", "linked": True, "user": {"uuid": "a"}}
        trakt.answers.update({"rating.set": {"queued": 1, "ids": [1]}, "rating.remove": {"queued": 1, "ids": [2]}})
        self.start()

    def start(self) -> None:
        """Kodi starts."""
        self.ratings = Ratings(self.kodi, self.trakt, self.box.clock, State(f"{self.data_dir}/state.json"))  # type: ignore[arg-type]

    @property
    def settings(self) -> Settings:
        return Settings(True, True, True, {}, scrobbling=self.scrobbling)

    def hear(self, type: str, **data: Any) -> None:
        self.ratings.event({"type": type, "data": data}, self.settings)

    def counted(self, item: Dict[str, Any], progress: Optional[float] = 100.0, ago: float = 0, **more: Any) -> None:
        """Something was seen and counts."""
        ended = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.box.clock.wall() - ago))
        if progress is not None:
            self.hear("player.changed", session="s", state="ended", item=item, progress=progress, watching=False)
        self.hear("play.counted", **{"session": "s", "id": 1, "item": item, "watched_at": ended, **more})

    def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            self.box.clock.advance(1)
            self.trakt.step()
            self.ratings.step(self.trakt.account(), self.settings)
            self.box.deliver()

    def watch(self, seconds: int) -> None:
        """Something plays for so long."""
        self.box.conditions["Player.HasVideo"] = True
        self.pass_seconds(seconds)
        self.box.conditions["Player.HasVideo"] = False

    @property
    def shown(self) -> Dict[str, Any]:
        return dict(self.box.window.properties) if self.box.window else {}

    def sent(self) -> List[Any]:
        return [call for call in self.trakt.submitted if call[0].startswith("rating.")]


@pytest.fixture
def couch(box: fakekodi.Box, kodi: Kodi, trakt: FakeTrakt, data_dir: str) -> Couch:
    return Couch(box, kodi, trakt, data_dir)


def test_after_a_film_it_asks_and_sends_the_answer(couch: Couch) -> None:
    couch.counted(HEAT)
    assert not couch.ratings.showing
    couch.pass_seconds(8)
    assert couch.shown == {"heading": "How was it?", "title": "Heat (1995)", "words": "7 – Good"}
    assert couch.box.window.focus == SEVEN
    couch.box.click(NINE)
    assert couch.box.window is None
    assert couch.sent() == [("rating.set", {"item": HEAT, "rating": 9})]
    couch.pass_seconds(1)
    assert [note.message for note in couch.box.notifications] == ["Rated 9: Heat (1995)"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "1 – Weak Sauce :("),
        (2, "2 – Terrible"),
        (3, "3 – Bad"),
        (4, "4 – Poor"),
        (5, "5 – Meh"),
        (6, "6 – Fair"),
        (7, "7 – Good"),
        (8, "8 – Great"),
        (9, "9 – Superb"),
        (10, "10 – Totally Ninja!"),
    ],
)
def test_each_number_has_traktts_words_and_a_key(couch: Couch, number: int, words: str) -> None:
    couch.ratings.rate(HEAT)
    couch.box.deliver()
    couch.box.window.setFocusId(100 + number)  # as the arrows do
    couch.box.deliver()
    assert couch.shown["words"] == words
    couch.box.press(xbmcgui.REMOTE_0 + 4)
    couch.box.press(xbmcgui.REMOTE_0 + number % 10)
    assert couch.box.window.focus == 100 + number
    assert couch.shown["words"] == words
    assert couch.sent() == [], "a number key alone rates nothing"


def test_on_other_buttons_no_words_are_said(couch: Couch) -> None:
    couch.ratings.rate(HEAT)
    couch.box.deliver()
    couch.box.window.setFocusId(screen.CLOSE)
    couch.box.deliver()
    assert couch.shown["words"] == ""


def test_back_and_not_now_leave_without_a_rating(couch: Couch) -> None:
    for leave in (couch.box.back, lambda: couch.box.click(screen.CLOSE)):
        couch.counted(HEAT)
        couch.pass_seconds(8)
        assert couch.ratings.showing
        leave()
        assert couch.box.window is None
        couch.pass_seconds(20)
        assert not couch.ratings.showing, "asked once more"
    assert couch.sent() == []


def test_a_press_meant_for_something_else_rates_nothing(couch: Couch) -> None:
    couch.counted(HEAT)
    couch.pass_seconds(4)
    while not couch.ratings.showing:
        couch.pass_seconds(1)
    couch.box.click(SEVEN)
    couch.box.click(screen.CLOSE)
    assert couch.ratings.showing
    couch.box.clock.advance(1)
    couch.box.click(SEVEN)
    assert len(couch.sent()) == 1


# when


def test_it_never_comes_over_the_next_thing_and_asks_for_the_last_alone(couch: Couch) -> None:
    for item in (HEAT, LIES, PAST):
        couch.counted(item)
        couch.pass_seconds(3)
        assert not couch.ratings.showing
        couch.watch(1200)
        assert not couch.ratings.showing
    couch.counted({**PAST, "number": 4, "title": "Double Lives"})
    couch.pass_seconds(8)
    assert couch.shown["title"] == "Dark 1x04: Double Lives"
    couch.box.back()
    couch.pass_seconds(60)
    assert not couch.ratings.showing


@pytest.mark.parametrize("condition", ["System.HasActiveModalDialog", "System.ScreenSaverActive", "Player.HasGame"])
def test_it_waits_while(couch: Couch, condition: str) -> None:
    couch.box.conditions[condition] = True
    if condition == "System.ScreenSaverActive":
        couch.kodi.noted("GUI.OnScreensaverActivated")
    couch.counted(HEAT)
    couch.pass_seconds(100)
    assert not couch.ratings.showing
    couch.box.conditions[condition] = False
    couch.kodi.noted("GUI.OnScreensaverDeactivated")
    couch.pass_seconds(8)
    assert couch.ratings.showing


def test_what_was_seen_long_ago_is_not_asked_about(couch: Couch) -> None:
    couch.counted(HEAT)
    couch.watch(1900)  # half of another film, that doesn't count
    couch.pass_seconds(30)
    assert not couch.ratings.showing
    couch.counted(HEAT)
    couch.box.clock.sleep(1900)  # the box slept
    couch.pass_seconds(30)
    assert not couch.ratings.showing
    couch.counted(HEAT, ago=1900)  # settled from an earlier life of Kodi
    couch.pass_seconds(30)
    assert not couch.ratings.showing


def test_a_wrong_clock_does_not_forget_to_ask(couch: Couch) -> None:
    couch.counted(HEAT, ago=-100_000)
    couch.pass_seconds(8)
    assert couch.ratings.showing


def test_it_steps_aside_for_what_starts_and_comes_back(couch: Couch) -> None:
    couch.counted(HEAT)
    couch.pass_seconds(8)
    couch.watch(60)
    assert couch.box.window is None
    couch.pass_seconds(8)
    assert couch.shown["title"] == "Heat (1995)"


def test_it_closes_by_itself_but_not_while_somebody_chooses(couch: Couch) -> None:
    couch.counted(HEAT)
    couch.pass_seconds(8)
    for _ in range(4):
        couch.pass_seconds(30)
        assert couch.ratings.showing
        couch.box.press(xbmcgui.ACTION_MOVE_RIGHT)
    couch.pass_seconds(50)
    assert not couch.ratings.showing
    assert couch.box.window is None
    couch.pass_seconds(50)
    assert not couch.ratings.showing


def test_one_that_the_user_asked_for_stays(couch: Couch) -> None:
    couch.ratings.rate(HEAT)
    couch.watch(600)
    assert couch.ratings.showing


def test_a_window_that_kodi_has_closed_is_closed(couch: Couch) -> None:
    couch.counted(HEAT)
    couch.pass_seconds(8)
    couch.pass_seconds(1)
    couch.box.windows.clear()
    couch.pass_seconds(1)
    assert not couch.ratings.showing
    couch.pass_seconds(30)
    assert not couch.ratings.showing


# for what


@pytest.mark.parametrize(
    ("item", "movies", "episodes", "asks"),
    [
        (HEAT, True, False, True),
        (HEAT, False, True, False),
        (LIES, True, False, False),
        (LIES, False, True, True),
        ({"type": "show", "title": "Dark"}, True, True, False),
    ],
)
def test_each_kind_as_the_user_has_set_it(
    couch: Couch, item: Dict[str, Any], movies: bool, episodes: bool, asks: bool
) -> None:
    couch.scrobbling = Scrobbling(rate_movies=movies, rate_episodes=episodes)
    couch.counted(item)
    couch.pass_seconds(8)
    assert couch.ratings.showing is asks


def test_a_kind_that_is_switched_off_meanwhile_is_not_asked_about(couch: Couch) -> None:
    couch.counted(HEAT)
    couch.scrobbling = Scrobbling(rate_movies=False)
    couch.pass_seconds(8)
    couch.scrobbling = Scrobbling(rate_movies=True)
    couch.pass_seconds(8)
    assert not couch.ratings.showing


@pytest.mark.parametrize(("progress", "asks"), [(80.0, False), (89.9, False), (90.0, True), (None, True), (1.5, True)])
def test_so_much_must_have_been_watched(couch: Couch, progress: Optional[float], asks: bool) -> None:
    couch.scrobbling = Scrobbling(rate_after=90)
    couch.counted(HEAT, progress=progress)
    couch.pass_seconds(8)
    assert couch.ratings.showing is asks


@pytest.mark.parametrize(
    ("answer", "asks"),
    [
        ({"parsed": {"type": "movie", "title": "Heat"}}, True),
        ({"parsed": {"type": "episode", "title": "Dark"}}, False),
        ({"parsed": None}, False),
        (None, False),
        (error("storage"), False),
    ],
)
def test_a_file_is_what_its_name_says(couch: Couch, answer: Any, asks: bool) -> None:
    couch.scrobbling = Scrobbling(rate_movies=True, rate_episodes=False)
    couch.trakt.answers["match.get"] = answer
    couch.counted({"type": "file", "file": "/films/Heat (1995).mkv"})
    couch.pass_seconds(8)
    assert couch.ratings.showing is asks


@pytest.mark.parametrize("data", [None, {}, {"session": "s", "item": None}, []])
def test_an_event_that_says_nothing_does_nothing(couch: Couch, data: Any) -> None:
    for type in ("play.counted", "player.changed", "else"):
        couch.ratings.event({"type": type, "data": data}, couch.settings)
    couch.ratings.event({"type": "play.counted"}, couch.settings)
    couch.pass_seconds(8)
    assert not couch.ratings.showing


# what was rated before


def test_the_rating_given_before_is_shown_and_can_be_removed(couch: Couch) -> None:
    couch.ratings.rate(HEAT)
    couch.box.click(NINE)
    couch.pass_seconds(1)
    couch.start()  # also after a restart
    couch.pass_seconds(1)
    couch.ratings.rate({"type": "movie", "title": "HEAT", "ids": {"tmdb": 949}})  # told by another add-on
    couch.box.deliver()
    assert couch.box.window.focus == NINE
    assert couch.shown["present"] == "Your rating so far: 9 – Superb"
    assert couch.shown["remove"] == "Remove rating"
    couch.box.click(screen.REMOVE)
    couch.pass_seconds(1)
    assert couch.sent()[-1][0] == "rating.remove"
    couch.ratings.rate({**HEAT, "ids": {"tmdb": 949}})
    couch.box.deliver()
    assert "present" not in couch.shown
    assert couch.box.window.focus == SEVEN


def test_what_could_not_be_sent_is_not_remembered_and_said(couch: Couch) -> None:
    couch.trakt.answers["rating.set"] = error("storage_full")
    couch.pass_seconds(1)
    couch.ratings.rate(HEAT)
    couch.box.click(TEN)
    couch.pass_seconds(1)
    assert len(couch.box.notifications) == 1
    couch.ratings.rate(HEAT)
    couch.box.deliver()
    assert "present" not in couch.shown


def test_ratings_of_another_account_are_not_shown(couch: Couch) -> None:
    couch.pass_seconds(1)
    couch.ratings.remember(HEAT, 3)
    couch.trakt.account_now = {"state": "linked", "linked": True, "user": {"uuid": "b"}}
    couch.pass_seconds(1)
    couch.ratings.rate(HEAT)
    couch.box.deliver()
    assert "present" not in couch.shown


def test_not_everything_is_kept_for_ever(couch: Couch) -> None:
    couch.pass_seconds(1)
    for number in range(1000):
        couch.ratings.remember({"type": "movie", "ids": {"trakt": number}}, 1 + number % 10)
    kept = State(f"{couch.data_dir}/state.json").get("ratings")["known"]
    assert len(kept) == 600
    assert list(kept.values())[-1] == 10


@pytest.mark.parametrize("kept", [None, 5, {"of": "a"}, {"of": "a", "known": [1]}, {"of": "a", "known": {"x": "y"}}])
def test_a_broken_memory_is_an_empty_one(couch: Couch, kept: Any) -> None:
    State(f"{couch.data_dir}/state.json").set("ratings", kept)
    couch.start()
    couch.pass_seconds(1)
    couch.ratings.rate(HEAT)
    couch.box.deliver()
    assert couch.box.window.focus == SEVEN


def test_different_things_have_different_names() -> None:
    things: List[Dict[str, Any]] = [
        HEAT,
        LIES,
        PAST,
        {"type": "show", **DARK},
        {"type": "season", "show": DARK, "number": 1},
        {"type": "season", "show": DARK, "number": 2},
        {"type": "episode", "show": {"title": "Dark"}, "season": 1, "number": 2},
        {"type": "episode", "show": {"title": "Dark"}, "season": 1, "number": 3},
        {"type": "movie", "title": "Heat", "year": 1986},
        {"type": "movie", "title": "Heat", "year": 1987},
        {"type": "file", "file": "/a.mkv"},
        {"type": "file", "file": "/b.mkv"},
    ]
    names = [name for thing in things for name in names_of(thing)]
    assert all(names_of(thing) for thing in things)
    assert len(names) == len(set(names))
