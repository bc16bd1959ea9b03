"""The context menu of films, episodes, seasons and series in a real Kodi: by keys, for its library and for an add-on's
list; what arrives at Trakt.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from conftest import Kodis
from driver import Kodi
from library import VideoLibrary
from package import ADDON
from simtrakt import Sim
from states import wait_service

Link = Callable[..., None]
VIDEOS = 10025
CONTEXT_MENU = 10106

HEAT = {"imdb": "tt0113277", "tmdb": "949"}
DARK = {"tvdb": "334824"}

#: An add-on with a list of its own, as many have.
PLUGIN = "plugin.video.list"
_PLUGIN_XML = f"""<addon id="{PLUGIN}" name="A list" version="1.0.0" provider-name="tests">
  <requires><import addon="xbmc.python" version="3.0.0"/></requires>
  <extension point="xbmc.python.pluginsource" library="main.py"><provides>video</provides></extension>
</addon>
"""
_PLUGIN_PY = """
import sys, xbmcgui, xbmcplugin
handle = int(sys.argv[1])
item = xbmcgui.ListItem("Lies")
item.setInfo("video", {"mediatype": "episode", "title": "Lies", "tvshowtitle": "Dark", "season": 1, "episode": 2})
item.setUniqueIDs({"tvdb": "6307361", "tvshow.tvdb": "334824"})
xbmcplugin.addDirectoryItem(handle, sys.argv[0] + "?play=1", item)
xbmcplugin.setContent(handle, "episodes")
xbmcplugin.endOfDirectory(handle)
"""


@pytest.fixture
def kodi(start_kodi: Kodis, link: Link, tmp_path: Path) -> Kodi:
    """Linked, with a film and a series in its library, and an add-on with a list."""
    kodi = start_kodi(start=False)
    plugin = tmp_path / PLUGIN
    plugin.mkdir()
    (plugin / "addon.xml").write_text(_PLUGIN_XML)
    (plugin / "main.py").write_text(_PLUGIN_PY)
    kodi.home.install(plugin)
    link(kodi)
    videos = VideoLibrary(kodi)
    videos.add_film("Heat", 1995, ids=HEAT, seconds=20)
    videos.add_show("Dark", 2017, ids=DARK)
    videos.add_episode("Dark", 1, 2, ids=[{"tvdb": "6307361"}], seconds=20)
    kodi.start()
    videos.scan()
    wait_service(kodi)
    kodi.wait_home_property("libtrakt.linked", "true")
    return kodi


def choose(kodi: Kodi, path: str, item: str, entry: str) -> None:
    """An entry of our menu, for an item of a list."""
    kodi.builtin(f"ActivateWindow(Videos,{path},return)")
    kodi.wait_window(VIDEOS)
    kodi.wait(f"{item} in the list", lambda: kodi.label("Container.NumItems") not in ("", "0"))
    kodi.focus_on(item)
    kodi.press("menu")
    kodi.wait_window(CONTEXT_MENU)
    kodi.focus_on("Trakt")
    kodi.press("select")
    kodi.focus_on(entry)
    kodi.press("select")


def sent(sim: Sim, path: str) -> List[Dict[str, Any]]:
    """The bodies of what was written there."""
    sim.wait_log(method="POST", path=path, done=True)
    return [json.loads(request["body"]) for request in sim.log(method="POST", path=path)]


FILMS, SERIES = "videodb://movies/titles/", "videodb://tvshows/titles/"


def test_a_film_is_rated(kodi: Kodi, sim: Sim) -> None:
    choose(kodi, FILMS, "Heat", "Rate")
    kodi.wait_python_window()
    assert kodi.wait_property("title", re.compile(".")) == "Heat (1995)"
    kodi.wait_property("words", "7 – Good")
    kodi.press("1")
    kodi.wait_property("words", "1 – Weak Sauce :(")
    kodi.press("0")
    kodi.wait_property("words", "10 – Totally Ninja!")
    kodi.press("left")
    kodi.wait_property("words", "9 – Superb")
    kodi.press("select")
    kodi.wait_window(VIDEOS)
    (body,) = sent(sim, "/sync/ratings")
    (movie,) = body["movies"]
    assert movie["rating"] == 9
    assert movie["ids"]["imdb"] == HEAT["imdb"]
    # It is remembered, and can be taken back.
    kodi.press("menu")
    kodi.wait_window(CONTEXT_MENU)
    kodi.focus_on("Trakt")
    kodi.press("select")
    kodi.focus_on("Rate")
    kodi.press("select")
    kodi.wait_property("present", "Your rating so far: 9 – Superb")
    kodi.press("down")
    kodi.focus_on("Remove rating", "right")
    kodi.press("select")
    assert len(sent(sim, "/sync/ratings/remove")) == 1


def test_back_rates_nothing(kodi: Kodi, sim: Sim) -> None:
    choose(kodi, FILMS, "Heat", "Rate")
    kodi.wait_python_window()
    kodi.press("back")
    kodi.wait_window(VIDEOS)
    assert sim.log(method="POST", path="/sync/ratings") == []


def test_a_film_was_watched_and_then_not(kodi: Kodi, sim: Sim) -> None:
    choose(kodi, FILMS, "Heat", "Watched")
    (body,) = sent(sim, "/sync/history")
    (movie,) = body["movies"]
    assert movie["ids"]["imdb"] == HEAT["imdb"]
    choose(kodi, FILMS, "Heat", "Not watched")
    kodi.wait_python_window()
    kodi.wait_property("text", "Each time that you watched it is removed at Trakt: Heat (1995).")
    kodi.focus_on("Remove", "right")
    kodi.press("select")
    (body,) = sent(sim, "/sync/history/remove")
    assert [movie["ids"]["imdb"] for movie in body["movies"]] == [HEAT["imdb"]]


def test_a_whole_series_when_it_came_out(kodi: Kodi, sim: Sim) -> None:
    choose(kodi, SERIES, "Dark", "Watched")
    kodi.wait_python_window()
    kodi.wait_property("heading", "When did you watch it?")
    kodi.focus_on("When it came out", "right")
    kodi.press("select")
    (body,) = sent(sim, "/sync/history")
    (show,) = body["shows"]
    assert str(show["ids"]["tvdb"]) == DARK["tvdb"]
    assert "released" in str(body)


def test_an_addons_episode_goes_onto_the_watchlist_and_off_again(kodi: Kodi, sim: Sim) -> None:
    choose(kodi, f"plugin://{PLUGIN}/", "Lies", "Put on the watchlist")
    (body,) = sent(sim, "/sync/watchlist")
    assert "334824" in str(body) or "6307361" in str(body)
    choose(kodi, f"plugin://{PLUGIN}/", "Lies", "Take off the watchlist")
    assert len(sent(sim, "/sync/watchlist/remove")) == 1


def test_without_an_account_there_is_no_such_menu(kodi: Kodi) -> None:
    kodi.builtin(f"RunScript({ADDON},action=unlink)")
    kodi.wait_python_window()
    kodi.focus_on("Unlink", "right")
    kodi.press("select")
    kodi.wait_home_property("libtrakt.linked", "")
    kodi.wait_property("message", re.compile("no longer|unlinked|Unlinked"))
    kodi.press("back")
    kodi.wait_no_dialog()
    kodi.builtin(f"ActivateWindow(Videos,{FILMS},return)")
    kodi.wait_window(VIDEOS)
    kodi.focus_on("Heat")
    kodi.press("menu")
    kodi.wait_window(CONTEXT_MENU)
    seen = []
    for _ in range(20):
        seen.append(kodi.focus()[1])
        kodi.press("down")
    assert "Trakt" not in seen
    assert len(set(seen)) > 1
    kodi.press("back")
