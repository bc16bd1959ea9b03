"""The rating dialog in a real Kodi: after what was seen, not over the next thing, by arrows and number keys."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List

import pytest
from conftest import Kodis
from driver import HOME_WINDOW, Kodi
from library import VideoLibrary
from simtrakt import Sim
from states import wait_service

Link = Callable[..., None]
SECONDS = 100
RATINGS = "/sync/ratings"
RATING_WORDS = "words"


@pytest.fixture
def couch(start_kodi: Kodis, link: Link) -> Kodi:
    """Linked, with two films, and not started yet."""
    kodi = start_kodi(start=False, addon_settings={"rate_episodes": "true"})
    link(kodi)
    return kodi


def begin(kodi: Kodi) -> VideoLibrary:
    videos = VideoLibrary(kodi)
    videos.add_film("Heat", 1995, ids={"imdb": "tt0113277"}, seconds=SECONDS)
    videos.add_film("Ronin", 1998, ids={"imdb": "tt0122690"}, seconds=SECONDS)
    kodi.start()
    videos.scan()
    wait_service(kodi)
    kodi.wait_home_property("libtrakt.linked", "true")
    return videos


def play(kodi: Kodi, videos: VideoLibrary, title: str) -> None:
    kodi.rpc("Player.Open", item={"movieid": videos.film_id(title)})
    kodi.wait("a picture", lambda: kodi.condition("Player.HasVideo") and kodi.condition("Player.HasDuration"))
    kodi.wait_home_property("libtrakt.scrobbling", "playing")


def see_to(kodi: Kodi, seconds: int) -> None:
    """Goes almost to the end, and stops there."""
    kodi.rpc("Player.Seek", playerid=1, value={"time": {"minutes": seconds // 60, "seconds": seconds % 60}})
    kodi.wait("the place", lambda: kodi.label("VideoPlayer.Time") >= f"{seconds // 60:02}:{seconds % 60:02}")


def stop(kodi: Kodi) -> None:
    kodi.rpc("Player.Stop", playerid=1)
    kodi.wait("the end", lambda: not kodi.condition("Player.HasVideo"))


def ratings(sim: Sim) -> List[Dict[str, Any]]:
    return [json.loads(request["body"]) for request in sim.log(method="POST", path=RATINGS)]


def test_after_a_film_it_asks_and_trakt_gets_the_answer(couch: Kodi, sim: Sim) -> None:
    videos = begin(couch)
    play(couch, videos, "Heat")
    see_to(couch, 92)
    stop(couch)
    couch.wait_python_window()
    couch.wait_property("heading", "How was it?")
    couch.wait_property("title", "Heat (1995)")
    couch.press("4")
    couch.wait_property(RATING_WORDS, "4 – Poor")
    couch.press("right", "right", "right", "right")
    couch.wait_property(RATING_WORDS, "8 – Great")
    # A press right after it has come counts for nothing; this one is the user's.
    couch.press_until("select", "the end of it", lambda: couch.window()[0] == HOME_WINDOW)
    sim.wait_log(method="POST", path=RATINGS, done=True)
    (body,) = ratings(sim)
    assert [movie["rating"] for movie in body["movies"]] == [8]


def test_it_asks_nothing_about_what_was_only_begun(couch: Kodi, sim: Sim) -> None:
    videos = begin(couch)
    play(couch, videos, "Heat")
    see_to(couch, 30)
    stop(couch)
    # What is asked about comes after it, and alone.
    play(couch, videos, "Ronin")
    see_to(couch, 92)
    stop(couch)
    couch.wait_python_window()
    couch.wait_property("title", "Ronin (1998)")
    couch.press("back")
    couch.wait_no_dialog()
    assert ratings(sim) == []


def test_the_next_film_comes_first(couch: Kodi, sim: Sim) -> None:
    videos = begin(couch)
    play(couch, videos, "Heat")
    see_to(couch, 92)
    stop(couch)
    play(couch, videos, "Ronin")
    see_to(couch, 92)
    assert couch.condition("VideoPlayer.IsFullscreen")
    stop(couch)
    couch.wait_python_window()
    couch.wait_property("title", "Ronin (1998)")
    couch.press("back")
    couch.wait_no_dialog()
    assert ratings(sim) == []
