"""Marks by hand in a real Kodi's library reach Trakt, and the other add-on for Trakt is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, List

import pytest
from driver import Kodi
from package import ADDON
from simtrakt import Sim
from watching import Watching, names, settle, wait_plays

HISTORY = "/sync/history"
REMOVE = "/sync/history/remove"
OTHER = "script.trakt"
_OTHER_ADDON = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<addon id="script.trakt" name="Trakt" version="3.9.0" provider-name="tests">
  <requires><import addon="xbmc.python" version="3.0.0"/></requires>
  <extension point="xbmc.service" library="service.py"/>
  <extension point="xbmc.addon.metadata">
    <summary lang="en_GB">Stands in for the one that everybody has</summary>
    <platform>all</platform>
  </extension>
</addon>
"""


def titles(kodi: Kodi, sim: Sim, count: int) -> List[str]:
    return sorted(names(wait_plays(kodi, sim, count)))


def test_a_film_marked_by_hand_and_unmarked(watching: Watching, sim: Sim) -> None:
    film = watching.videos.film_id("Heat")
    watching.kodi.rpc("VideoLibrary.SetMovieDetails", movieid=film, playcount=1)
    assert titles(watching.kodi, sim, 1) == ["Heat"]
    watching.kodi.rpc("VideoLibrary.SetMovieDetails", movieid=film, playcount=0)
    watching.kodi.wait("the history to be empty", lambda: sim.history() == [])
    assert len(sim.log(path=HISTORY, method="POST")) == len(sim.log(path=REMOVE)) == 1


def test_a_show_marked_by_keys_is_one_request(watching: Watching, sim: Sim) -> None:
    kodi = watching.kodi
    kodi.builtin("ActivateWindow(videos,videodb://tvshows/titles/,return)")
    kodi.focus_on("Dark")
    kodi.builtin("Action(ToggleWatched)")
    assert titles(kodi, sim, 5) == ["1x01", "1x02", "1x03", "1x04", "1x05"]
    assert len(sim.log(path=HISTORY, method="POST")) == 1
    kodi.builtin("Action(ToggleWatched)")
    kodi.wait("the history to be empty", lambda: sim.history() == [])
    assert len(sim.log(path=REMOVE)) == 1


def test_switched_off_marks_are_not_told(watching: Watching, sim: Sim) -> None:
    watching.kodi.set_addon_setting(ADDON, "marks_send", "false")
    film = watching.videos.film_id("Heat")
    watching.kodi.rpc("VideoLibrary.SetMovieDetails", movieid=film, playcount=1)
    settle(watching.kodi)
    watching.kodi.set_addon_setting(ADDON, "marks_send", "true")
    other = watching.videos.film_id("The Thing")
    watching.kodi.rpc("VideoLibrary.SetMovieDetails", movieid=other, playcount=1)
    assert titles(watching.kodi, sim, 1) == ["The Thing"]


def test_what_a_scan_brings_is_no_mark(watching: Watching, sim: Sim) -> None:
    watched = watching.videos.add_film("Face/Off".replace("/", " "), 1997, ids={"tmdb": "754"}, seconds=200)
    nfo = watched.with_suffix(".nfo")
    nfo.write_text(nfo.read_text().replace("</movie>", "  <playcount>1</playcount>\n</movie>"))
    watching.videos.scan()
    assert watching.videos.playcount("Face Off") == 1
    settle(watching.kodi)
    assert sim.history() == []


def test_marked_by_hand_after_a_play_that_was_broken_off(watching: Watching, sim: Sim) -> None:
    watching.film()
    watching.seek(30)
    watching.stop()
    watching.kodi.wait("the place to go on", sim.playback)
    settle(watching.kodi)  # no hand is so quick; what comes at once is Kodi's own
    watching.kodi.rpc("VideoLibrary.SetMovieDetails", movieid=watching.videos.film_id("Heat"), playcount=1)
    assert titles(watching.kodi, sim, 1) == ["Heat"]


# script.trakt


@pytest.fixture
def beside(start_kodi: Any, sim: Sim, link: Callable[..., None], tmp_path: Path) -> Watching:
    """A Kodi in which script.trakt is enabled, too, and has settings of its own."""
    sim.config(history_items=0)
    kodi = start_kodi(start=False)
    folder = tmp_path / OTHER
    folder.mkdir()
    (folder / "addon.xml").write_text(_OTHER_ADDON)
    (folder / "service.py").write_text("import xbmc\n\nxbmc.Monitor().waitForAbort()\n")
    kodi.home.install(folder)
    kodi.home.configure(OTHER, {"scrobble_movie": "true", "scrobble_episode": "false", "rate_movie": "false"})
    link(kodi)
    watching = Watching(kodi)
    watching.start()
    return watching


def enabled(kodi: Kodi) -> bool:
    found = kodi.rpc("Addons.GetAddonDetails", addonid=OTHER, properties=["enabled"])["addon"]["enabled"]
    return bool(found)


def test_script_trakt_is_taken_over_and_switched_off(beside: Watching, sim: Sim) -> None:
    kodi = beside.kodi
    kodi.patience_s = 120  # it is looked for once a minute
    kodi.wait_python_window()
    kodi.wait_focus("Take over")
    kodi.press("select")
    kodi.wait("script.trakt to be switched off", lambda: not enabled(kodi))
    assert kodi.addon_setting(ADDON, "scrobble_episodes") == "false"
    assert kodi.addon_setting(ADDON, "rate_movies") == "false"
    assert kodi.addon_setting(ADDON, "scrobble_movies") == "true"
    beside.film()
    beside.to_the_end()
    assert titles(kodi, sim, 1) == ["Heat"]


def test_beside_script_trakt_a_play_that_it_has_told_is_not_doubled(beside: Watching, sim: Sim) -> None:
    kodi = beside.kodi
    kodi.patience_s = 120
    kodi.wait_python_window()
    kodi.focus_on("Keep both", "right")
    kodi.press("select")
    kodi.wait_no_dialog()
    assert enabled(kodi)
    sim.fault("status", path="/scrobble/stop", status=409, body='{"watched_at":"2026-01-01T00:00:00.000Z"}')
    beside.film()
    beside.to_the_end()
    sim.wait_log(path="/scrobble/stop", done=True)
    settle(kodi)
    assert len(sim.log(path="/scrobble/stop")) == 1
    assert sim.log(path=HISTORY, method="POST") == []
    assert kodi.home_property("libtrakt.outbox.waiting") == ""
