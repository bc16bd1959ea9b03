"""The outbox screen in a real Kodi, by keys: what waits, and what the user can do about it."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List

from conftest import Kodis
from driver import Kodi
from library import VideoLibrary
from package import ADDON
from showing import Gallery
from simtrakt import Sim
from states import wait_service

Link = Callable[..., None]
LIST, SEARCH = 50, 102
KEYBOARD = 10103
HISTORY, WATCHLIST = "/sync/history", "/sync/watchlist"


def lines(kodi: Kodi) -> List[str]:
    """What the list of the window on top says."""
    count = int(kodi.label(f"Container({LIST}).NumItems") or 0)
    return [kodi.label(f"Container({LIST}).ListItemAbsolute({place}).Label") for place in range(count)]


def wait_lines(kodi: Kodi, *wanted: str) -> None:
    kodi.wait(f"{wanted} in the list", lambda: lines(kodi) == list(wanted))


def correct(kodi: Kodi, title: str) -> None:
    """From the candidates: looks for another title with Kodi's keyboard, and takes the first that is found."""
    kodi.press_until("down", "the field", lambda: kodi.focus()[0] == SEARCH)
    kodi.press("select")
    kodi.wait_window(KEYBOARD)
    kodi.type(title)
    kodi.wait_python_window()
    kodi.wait(f"{title} in the list", lambda: any(line.startswith(title) for line in lines(kodi)))
    kodi.wait("the focus in the list", lambda: kodi.focus()[0] == LIST)
    kodi.press("select")


def test_a_wrong_title_is_corrected_with_kodis_own_keyboard(start_kodi: Kodis) -> None:
    kodi = start_kodi()
    gallery = Gallery(kodi)
    gallery.show("outbox-correct")
    wait_lines(kodi, "Heat (1995)", "The Heat (2013)", "Heat (1986)")
    correct(kodi, "Ronin")
    kodi.wait_property("message", "Thank you. It is being sent, and remembered.")
    kodi.wait_property("heading", "What waits for Trakt")
    # Once more, from the list: the first entry is under the focus.
    kodi.press("select")
    kodi.wait_property("answer1", "Correct")
    kodi.press("select")
    kodi.wait_property("heading", "Which one is it?")
    wait_lines(kodi, "Heat (1995)", "The Heat (2013)", "Heat (1986)")
    assert kodi.focus()[0] == LIST
    kodi.press("back")
    kodi.wait_property("heading", "What waits for Trakt")
    kodi.press("back")
    kodi.wait_no_dialog()
    gallery.end()


# with the library behind it


def linked_with_heat(kodi: Kodi, link: Link) -> VideoLibrary:
    link(kodi)
    videos = VideoLibrary(kodi)
    videos.add_film("Heat", 1995, ids={"imdb": "tt0113277"}, seconds=20)
    videos.add_film("Qwxzvb Kjhgfd", 1931, ids={}, seconds=20)
    kodi.start()
    videos.scan()
    wait_service(kodi)
    kodi.wait_home_property("libtrakt.linked", "true")
    return videos


def wish(kodi: Kodi, videos: VideoLibrary, action: str, title: str) -> None:
    """Something that has to be told to Trakt."""
    kodi.builtin(f"RunScript({ADDON},action={action},dbtype=movie,dbid={videos.film_id(title)})")


def bodies(sim: Sim, path: str, count: int = 1) -> List[Dict[str, Any]]:
    sim.wait_log(method="POST", path=path, count=count, done=True)
    return [json.loads(request["body"]) for request in sim.log(method="POST", path=path)]


def test_what_cant_be_sent_waits_and_is_sent_when_it_is_tried_again(start_kodi: Kodis, link: Link, sim: Sim) -> None:
    kodi = start_kodi(start=False)
    videos = linked_with_heat(kodi, link)
    kodi.wait_home_property("libtrakt.outbox.waiting", "")
    sim.fault("reset", path="/sync/*", times=0)
    wish(kodi, videos, "watchlist_add", "Heat")
    kodi.wait_home_property("libtrakt.outbox.waiting", "1")
    kodi.builtin(f"RunScript({ADDON},action=account)")
    kodi.wait_python_window()
    kodi.wait("the row of the outbox", lambda: kodi.label(f"Container({LIST}).ListItemAbsolute(0).Label2") == "1")
    kodi.press_until("up", "the list", lambda: kodi.focus()[0] == LIST)
    kodi.press("select")
    kodi.wait_property("heading", "What waits for Trakt")
    wait_lines(kodi, "Waiting", "Heat (1995)")
    kodi.wait_property("message", re.compile("Trakt can't be reached"))
    assert bodies(sim, WATCHLIST) != []
    mark = sim.mark()
    sim.clear_faults()
    kodi.focus_on("Try all again", "down")
    kodi.press("select")
    sim.wait_log(method="POST", path=WATCHLIST, since=mark, done=True)
    kodi.wait_property("message", "Nothing waits. Trakt has everything.")
    kodi.wait_home_property("libtrakt.outbox.waiting", "")
    kodi.press("back")
    kodi.wait_no_dialog()


def test_what_is_thrown_away_is_never_told(start_kodi: Kodis, link: Link, sim: Sim) -> None:
    kodi = start_kodi(start=False)
    videos = linked_with_heat(kodi, link)
    sim.fault("reset", path="/sync/*", times=0)
    wish(kodi, videos, "watchlist_add", "Heat")
    kodi.wait_home_property("libtrakt.outbox.waiting", "1")
    kodi.builtin(f"RunScript({ADDON},action=outbox)")
    kodi.wait_python_window()
    wait_lines(kodi, "Waiting", "Heat (1995)")
    kodi.press("select")
    kodi.wait_property("heading", "To the watchlist: Heat (1995)")
    kodi.focus_on("Throw away", "right")
    kodi.press("select")
    kodi.wait_property("heading", "Throw this away?")
    kodi.focus_on("Throw away", "right")
    kodi.press("select")
    kodi.wait_home_property("libtrakt.outbox.waiting", "")
    kodi.wait_property("heading", "What waits for Trakt")
    wait_lines(kodi)
    mark = sim.mark()
    sim.clear_faults()
    kodi.press("back")
    kodi.wait_no_dialog()
    wish(kodi, videos, "rate", "Heat")
    kodi.wait_python_window()
    kodi.press("select")
    sim.wait_log(method="POST", path="/sync/ratings", since=mark, done=True)
    assert sim.log(method="POST", path=WATCHLIST, since=mark) == []


def test_what_trakt_doesnt_know_is_said_and_corrected(start_kodi: Kodis, link: Link, sim: Sim) -> None:
    kodi = start_kodi(start=False)
    videos = linked_with_heat(kodi, link)
    sim.config(strict_catalogue=True)
    mark = kodi.mark()
    wish(kodi, videos, "watched", "Qwxzvb Kjhgfd")
    kodi.wait_home_property("libtrakt.outbox.refused", "1")
    # Once, calmly.
    kodi.wait_log(r"notification 33763", mark)
    kodi.builtin(f"RunScript({ADDON},action=outbox)")
    kodi.wait_python_window()
    wait_lines(kodi, "Not taken by Trakt", "Qwxzvb Kjhgfd (1931)")
    kodi.press("select")
    kodi.wait_property("answer1", "Correct")
    kodi.press("select")
    kodi.wait_property("message", "Trakt found nothing. Search by another title.")
    correct(kodi, "Heat")
    (body,) = bodies(sim, HISTORY)
    assert body["movies"]
    kodi.wait_home_property("libtrakt.outbox.refused", "")
    kodi.wait_property("message", re.compile("Thank you|Nothing waits"))
    kodi.press("back")
    kodi.wait_no_dialog()
