"""Marks: what a hand has marked is told once, in one batch, and what Kodi marks itself isn't."""

from __future__ import annotations

import json
from typing import Any, Dict, FrozenSet, List, Tuple

import fakekodi
import pytest
from faketrakt import FakeTrakt, error
from traktkodi.items import Items
from traktkodi.kodi import Kodi
from traktkodi.marks import Marks
from traktkodi.player import Report

FILM = ("movie", 1)


class Run:
    """Marks in a Kodi with films 1, 2, … and a show whose episodes have numbers from 100 on."""

    def __init__(self, box: fakekodi.Box, trakt: FakeTrakt) -> None:
        self.box, self.trakt = box, trakt
        kodi = Kodi()
        self.marks = Marks(kodi, trakt, box.clock, Items(kodi))  # type: ignore[arg-type]
        box.rpc_answers["VideoLibrary.GetMovieDetails"] = lambda params: {
            "moviedetails": {"title": f"Film {params['movieid']}", "uniqueid": {"tmdb": str(params["movieid"])}}
        }
        box.rpc_answers["VideoLibrary.GetEpisodeDetails"] = lambda params: {
            "episodedetails": {
                "title": "x",
                "showtitle": "Dark",
                "season": 1,
                "episode": params["episodeid"] - 100,
                "tvshowid": 4,
            }
        }
        box.rpc_answers["VideoLibrary.GetTVShowDetails"] = {
            "tvshowdetails": {"title": "Dark", "uniqueid": {"tvdb": "334824"}}
        }

    def update(self, wanted: bool = True, **data: Any) -> None:
        self.marks.noted("VideoLibrary.OnUpdate", json.dumps(data), wanted)

    def mark(self, count: int, entry: Tuple[str, int] = FILM) -> None:
        self.update(item={"type": entry[0], "id": entry[1]}, playcount=count)

    def passes(self, seconds: float) -> None:
        for _ in range(int(seconds * 10)):
            self.box.clock.advance(0.1)
            self.marks.step()
            self.trakt.step()

    def played(self, event: str, over: bool = False, *entries: Tuple[str, int], counts: bool = False) -> None:
        of: FrozenSet[Tuple[str, int]] = frozenset(entries or [FILM])
        self.marks.played(Report(event, "s", {}, of, over, {"counts": counts}))

    @property
    def told(self) -> List[Tuple[str, List[Any]]]:
        """Methods, and the titles or numbers in them."""
        return [
            (method, [item.get("number") or item["title"] for item in params["items"]])
            for method, params in self.trakt.submitted
        ]


@pytest.fixture
def run(box: fakekodi.Box, trakt: FakeTrakt) -> Run:
    trakt.answers.update({"history.add": {"queued": 1}, "history.remove": {"queued": 1}})
    return Run(box, trakt)


def test_marked_watched_and_unwatched(run: Run) -> None:
    run.mark(1)
    run.passes(1)
    assert run.told == [], "more may come"
    run.passes(1)
    assert run.told == [("history.add", ["Film 1"])]
    assert run.trakt.submitted[0][1]["items"][0]["ids"] == {"tmdb": "1"}
    run.mark(0)
    run.passes(2)
    assert run.told[1:] == [("history.remove", ["Film 1"])]
    run.passes(60)
    assert len(run.told) == 2


def test_both_shapes_of_the_notification(run: Run) -> None:
    run.update(type="movie", id=2, playcount=1)
    run.mark(1, ("movie", 3))
    run.passes(2)
    assert run.told == [("history.add", ["Film 2", "Film 3"])]


@pytest.mark.parametrize(
    "data",
    [
        {"item": {"type": "movie", "id": 1}},  # a resume point
        {"item": {"type": "movie", "id": 1}, "playcount": 1, "added": True, "transaction": True},
        {"item": {"type": "movie", "id": 1}, "playcount": 1, "transaction": True},
        {"item": {"type": "musicvideo", "id": 1}, "playcount": 1},
        {"item": {"type": "tvshow", "id": 1}, "playcount": 1},
        {"item": {"type": "season", "id": 1}, "playcount": 1},
        {"item": {"type": "movie"}, "playcount": 1},
        {"item": None, "playcount": 1},
        {"playcount": "1", "type": "movie", "id": 1},
        [],
        None,
    ],
)
def test_updates_that_are_no_marks(run: Run, data: Any) -> None:
    run.marks.noted("VideoLibrary.OnUpdate", json.dumps(data), True)
    run.marks.noted("VideoLibrary.OnUpdate", "nonsense", True)
    run.marks.noted("AudioLibrary.OnUpdate", json.dumps({"type": "movie", "id": 1, "playcount": 1}), True)
    run.passes(5)
    assert run.told == []


def test_switched_off_nothing_is_told(run: Run) -> None:
    run.update(False, item={"type": "movie", "id": 1}, playcount=1)
    run.passes(5)
    assert run.told == []


def test_a_whole_show_is_one_batch_and_its_show_is_read_once(run: Run) -> None:
    run.update(item={"type": "tvshow", "id": 4}, playcount=1)
    for number in range(1, 601):
        run.mark(1, ("episode", 100 + number))
    run.passes(2)
    ((method, numbers),) = run.told
    assert method == "history.add"
    assert numbers == list(range(1, 601))
    shows = [call for call in run.box.rpc_calls if call["method"] == "VideoLibrary.GetTVShowDetails"]
    assert len(shows) == 1
    assert run.trakt.submitted[0][1]["items"][0]["show"]["ids"] == {"tvdb": "334824"}


def test_a_slow_library_holds_up_no_step(run: Run, box: fakekodi.Box) -> None:
    answer = box.rpc_answers["VideoLibrary.GetMovieDetails"]

    def slow(params: Dict[str, Any]) -> Any:
        box.clock.advance(0.06)
        return answer(params)

    box.rpc_answers["VideoLibrary.GetMovieDetails"] = slow
    for number in range(20):
        run.mark(1, ("movie", 1 + number))
    box.clock.advance(2)
    begun = box.clock.monotonic()
    run.marks.step()
    assert box.clock.monotonic() - begun < 0.2
    assert run.marks.busy
    assert run.told == []
    run.passes(3)
    ((_, titles),) = run.told
    assert len(titles) == 20


def test_there_and_back_again_is_nothing(run: Run) -> None:
    run.mark(1)
    run.passes(0.5)
    run.mark(0)
    run.passes(5)
    run.mark(0)
    run.mark(1)
    run.passes(5)
    assert run.told == []
    run.mark(1)
    run.mark(2)
    run.passes(5)
    assert run.told == [("history.add", ["Film 1"])]


def test_what_is_no_longer_in_the_library_is_left_out(run: Run, box: fakekodi.Box) -> None:
    del box.rpc_answers["VideoLibrary.GetMovieDetails"]
    run.mark(1)
    run.mark(1, ("episode", 101))
    run.passes(3)
    assert run.told == [("history.add", [1])]


# Kodi's own marks


def test_kodis_mark_after_a_play_to_the_end_is_not_told(run: Run) -> None:
    run.played("started")
    run.mark(1)  # it comes before the player says that it has ended
    run.played("ended", True)
    run.mark(1)
    run.update(id=1, type="movie")
    run.passes(30)
    run.mark(2)
    run.passes(5)
    assert run.told == []


def test_a_mark_by_hand_long_after_the_play_is_told(run: Run) -> None:
    run.played("started")
    run.played("ended", True)
    run.passes(61)
    run.mark(1)
    run.passes(2)
    assert run.told == [("history.add", ["Film 1"])]


def test_a_mark_by_hand_after_a_play_that_was_broken_off_is_told(run: Run) -> None:
    run.played("started")
    run.played("stopped")
    run.passes(3)
    run.mark(1)
    run.passes(2)
    assert run.told == [("history.add", ["Film 1"])]


def test_a_mark_of_kodis_own_after_a_play_that_was_broken_off_is_not(run: Run) -> None:
    """Kodi can be set to mark what was watched by half."""
    run.played("started")
    run.passes(60)
    run.mark(1)
    run.played("stopped")
    run.mark(1)
    run.passes(5)
    assert run.told == []


def test_what_counts_for_the_library_isnt_told_again(run: Run) -> None:
    run.played("started")
    run.mark(1)
    run.passes(600)
    run.played("stopped", counts=True)
    run.passes(5)
    assert run.told == []


def test_marked_by_hand_while_it_plays_is_told_when_the_play_comes_to_nothing(run: Run) -> None:
    run.played("started")
    run.played("progress")
    run.mark(1)
    run.passes(600)
    assert run.told == []
    run.played("stopped")
    run.passes(5)
    assert run.told == [("history.add", ["Film 1"])]


def test_kodis_own_word_at_the_end_makes_no_mark_by_hand_kodis(run: Run) -> None:
    run.played("started")
    run.mark(1)
    run.passes(600)
    run.mark(1)  # Kodi says again how often it was played
    run.played("stopped")
    run.passes(5)
    assert run.told == [("history.add", ["Film 1"])]


def test_taken_back_after_the_play_and_marked_again_are_told(run: Run) -> None:
    run.played("started")
    run.played("ended", True)
    run.passes(5)
    run.mark(0)
    run.passes(5)
    run.mark(1)
    run.passes(5)
    assert [method for method, _ in run.told] == ["history.remove", "history.add"]


def test_all_episodes_of_a_file_are_the_plays(run: Run) -> None:
    both = (("episode", 101), ("episode", 102))
    run.played("started", False, *both)
    run.played("ended", True, *both)
    run.mark(1, both[0])
    run.mark(1, both[1])
    run.mark(1, ("episode", 103))
    run.passes(5)
    assert run.told == [("history.add", [3])]


def test_played_again_right_away_its_marks_are_the_new_plays(run: Run) -> None:
    run.played("started")
    run.played("ended", True)
    run.passes(5)
    run.played("started")
    run.passes(100)
    run.mark(2)
    run.played("ended", True)
    run.passes(5)
    assert run.told == []


def test_what_the_user_leaves_out_is_not_told(run: Run, trakt: FakeTrakt) -> None:
    trakt.answers["player.check"] = lambda params: {
        "reasons": ["excluded_tag" if item.get("title") == "Film 2" else None for item in params["items"]]
    }
    run.mark(1, ("movie", 1))
    run.mark(1, ("movie", 2))
    run.passes(3)
    assert run.told == [("history.add", ["Film 1"])]
    run.mark(1, ("movie", 2))
    run.passes(3)
    assert len(run.told) == 1, "nothing is left of it"


def test_one_that_cannot_be_takes_no_others_with_it(run: Run, trakt: FakeTrakt) -> None:
    def check(params: Any) -> Any:
        titles = [item["title"] for item in params["items"]]
        return error("invalid_argument") if "Film 2" in titles else {"reasons": [None] * len(titles)}

    trakt.answers["player.check"] = check
    for number in (1, 2, 3):
        run.mark(1, ("movie", number))
    run.passes(3)
    assert run.told == [("history.add", ["Film 1", "Film 3"])]


def test_when_nobody_can_say_what_is_left_out_nothing_is_told(run: Run, trakt: FakeTrakt) -> None:
    trakt.answers["player.check"] = error("invalid_argument")
    run.mark(1)
    run.passes(3)
    assert run.told == []


def test_what_was_marked_last_is_kept_when_kodi_ends(run: Run, trakt: FakeTrakt) -> None:
    run.mark(1)
    run.mark(0, ("episode", 102))
    run.marks.close()
    asked = [(method, len(params["items"])) for method, params in trakt.asked if method != "player.check"]
    assert asked == [("history.add", 1), ("history.remove", 1)]
    assert not run.marks.busy and run.told == []


# trouble


def test_too_much_under_way_is_tried_again(run: Run, trakt: FakeTrakt) -> None:
    answers = [error("busy"), {"queued": 1}]
    trakt.answers["history.add"] = lambda params: answers.pop(0)
    run.mark(1)
    run.passes(10)
    assert run.told == [("history.add", ["Film 1"])] * 2
    assert not run.marks.busy


def test_other_trouble_is_logged(run: Run, trakt: FakeTrakt, box: fakekodi.Box) -> None:
    trakt.answers["history.add"] = error("not_linked")
    run.mark(1)
    run.passes(10)
    assert len(run.told) == 1
    assert len([line for line in box.log_lines if "history.add of 1" in line]) == 1
