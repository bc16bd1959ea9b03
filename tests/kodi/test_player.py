"""What is played in a real Kodi arrives at Trakt once, at its true time, whatever happens to Kodi or the network."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Callable

import pytest
from driver import Kodi
from file_server import FileServer
from library import clip
from moved_clock import MovedClock
from package import ADDON
from simtrakt import Sim
from watching import SECONDS, Watching, names, settle, wait_plays

START, PAUSE, STOP = "/scrobble/start", "/scrobble/pause", "/scrobble/stop"
HISTORY = "/sync/history"


def nothing_waits(kodi: Kodi) -> None:
    """The library has sent all it had."""
    kodi.wait_home_property("libtrakt.outbox.waiting", "")
    assert kodi.home_property("libtrakt.outbox.refused") == ""


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def now() -> datetime:
    return datetime.now(timezone.utc)


# what is played


def test_a_film_to_the_end_is_one_play(watching: Watching, sim: Sim) -> None:
    begun = now()
    watching.film()
    sim.wait_log(path=START, done=True)
    watched = sim.watching()
    assert watched is not None and watched["movie"]["ids"]["tmdb"] == 949
    assert watching.kodi.home_property("libtrakt.title") == "Heat (1995)"
    watching.to_the_end()
    (play,) = wait_plays(watching.kodi, sim)
    assert names([play]) == ["Heat"]
    assert play["action"] == "scrobble"
    assert begun < moment(play["watched_at"]) < now()
    assert watching.videos.playcount("Heat") == 1, "Kodi has marked it"
    assert sim.log(path=HISTORY, method="POST") == [], "and that was not told again"
    assert sim.watching() is None


def test_an_episode_is_found_by_its_show(watching: Watching, sim: Sim) -> None:
    watching.episode(2)
    watching.to_the_end()
    (play,) = wait_plays(watching.kodi, sim)
    assert names([play]) == ["1x02"]
    assert play["show"]["ids"]["tvdb"] == 334824


def test_two_episodes_in_a_file_are_two_plays(watching: Watching, sim: Sim) -> None:
    watching.episode(4)
    watching.seek(47)
    watching.kodi.wait("the second episode", lambda: watching.percentage() > 51)
    watching.kodi.wait("the first play", lambda: len(sim.history()) >= 1)
    assert names(sim.history()) == ["1x04"]
    watching.to_the_end()
    assert names(wait_plays(watching.kodi, sim, 2)) == ["1x04", "1x05"]


def test_a_playlist_is_a_play_for_each(watching: Watching, sim: Sim) -> None:
    watching.playlist(1, 2, 3)
    for number in (1, 2):
        title = watching.kodi.home_property("libtrakt.title")
        watching.seek(98)
        watching.follows(other_than=title)
        watching.kodi.wait("the play", lambda wanted=number: len(sim.history()) >= wanted)
    watching.to_the_end()
    assert names(wait_plays(watching.kodi, sim, 3)) == ["1x01", "1x02", "1x03"]


def test_skipping_through_a_playlist_counts_what_was_watched(watching: Watching, sim: Sim) -> None:
    watching.playlist(1, 2, 3)
    title = watching.kodi.home_property("libtrakt.title")
    watching.seek(85)
    watching.kodi.rpc("Player.GoTo", playerid=1, to="next")
    watching.follows(other_than=title)
    title = watching.kodi.home_property("libtrakt.title")
    watching.seek(30)
    watching.kodi.rpc("Player.GoTo", playerid=1, to="next")
    watching.follows(other_than=title)
    watching.stop()
    assert names(wait_plays(watching.kodi, sim)) == ["1x01"]
    assert [round(place["progress"], -1) for place in sim.playback()] == [30]


def test_what_is_played_over_another_ends_it(watching: Watching, sim: Sim) -> None:
    watching.film("Heat")
    watching.seek(90)
    watching.film("The Thing")
    watching.to_the_end()
    assert names(wait_plays(watching.kodi, sim, 2)) == ["Heat", "The Thing"]


def test_a_file_outside_the_library_is_found_by_its_name(watching: Watching, sim: Sim) -> None:
    file = clip(watching.kodi.folder / "loose" / "Mission.Impossible.1996.1080p.mkv", SECONDS)
    watching.open({"file": str(file)})
    watching.to_the_end()
    assert names(wait_plays(watching.kodi, sim)) == ["Mission: Impossible"]


def test_what_an_addon_plays_is_known_by_the_ids_it_gives(watching: Watching, sim: Sim) -> None:
    server = FileServer(clip(watching.kodi.folder / "x.mkv", SECONDS))
    watching.kodi.python(
        """
import json, xbmc, xbmcgui
xbmcgui.Window(10000).setProperty("script.trakt.ids", json.dumps({"tmdb": 70523, "slug": "made-of-the-title"}))
entry = xbmcgui.ListItem("Something")
entry.setInfo("video", {"mediatype": "episode", "title": "x", "tvshowtitle": "Dark", "season": 2, "episode": 3})
xbmc.Player().play("http://127.0.0.1:%d/x.mkv" % port, entry)
""",
        port=server.server_port,
    )
    watching.follows()
    watching.to_the_end()
    assert names(wait_plays(watching.kodi, sim)) == ["2x03"]


# how far


@pytest.mark.parametrize(("percent", "counts"), [(78.0, False), (81.0, True), (90.0, True)])
def test_stopped_from_80_per_cent_on_it_counts(watching: Watching, sim: Sim, percent: float, counts: bool) -> None:
    watching.film()
    watching.seek(percent)
    watching.stop()
    if counts:
        assert names(wait_plays(watching.kodi, sim)) == ["Heat"]
        assert sim.playback() == []
    else:
        watching.kodi.wait("the place to go on", sim.playback)
        assert percent - 1 < sim.playback()[0]["progress"] < 80
        assert sim.history() == []
    nothing_waits(watching.kodi)


def test_stopped_at_once_leaves_nothing_behind(watching: Watching, sim: Sim) -> None:
    watching.film()
    sim.wait_log(path=START, done=True)
    watching.stop()
    watching.kodi.wait("nothing to be watched", lambda: sim.watching() is None)
    assert sim.history() == sim.playback() == []
    assert sim.log(path=STOP) == []


def test_the_position_at_the_end_decides_wherever_it_has_been(watching: Watching, sim: Sim) -> None:
    watching.film()
    watching.seek(95)
    watching.seek(40)
    watching.stop()
    watching.kodi.wait("the place to go on", sim.playback)
    assert 39 < sim.playback()[0]["progress"] < 45
    assert sim.history() == []


def test_paused_and_resumed_it_is_one_play(watching: Watching, sim: Sim) -> None:
    watching.film()
    watching.seek(40)
    watching.pause()
    sim.wait_log(path=PAUSE, done=True)
    assert sim.watching() is None
    mark = sim.mark()
    watching.resume()
    sim.wait_log(path=START, since=mark, done=True)
    watching.to_the_end()
    wait_plays(watching.kodi, sim)


def test_left_paused_near_the_end_overnight_it_counts_when_it_was_paused(
    start_watching: Callable[..., Watching], sim: Sim, moved_clock: MovedClock
) -> None:
    watching = start_watching(env=moved_clock.env())
    watching.film()
    watching.seek(90)
    watching.pause()
    paused = now()
    night_ms = 8 * 3_600_000
    watching.kodi.suspend()
    moved_clock.sleep(night_ms)
    sim.advance_clock(night_ms)
    watching.kodi.wake()
    (play,) = wait_plays(watching.kodi, sim)
    assert abs(moment(play["watched_at"]) - paused) < timedelta(minutes=2)


# trouble


def test_cut_off_in_the_middle_the_play_comes_later_with_its_time(watching: Watching, sim: Sim) -> None:
    watching.film()
    sim.wait_log(path=START, done=True)
    sim.fault("reset", times=0)
    watching.seek(90)
    watching.stop()
    stopped = now()
    watching.kodi.wait_home_property("libtrakt.outbox.waiting", "1")
    settle(watching.kodi)
    assert sim.history() == []
    sim.clear_faults()
    (play,) = wait_plays(watching.kodi, sim)
    assert abs(moment(play["watched_at"]) - stopped) < timedelta(seconds=5)
    nothing_waits(watching.kodi)


def test_killed_in_the_middle_the_play_is_settled_at_the_next_start(watching: Watching, sim: Sim) -> None:
    watching.film()
    watching.seek(85)
    # The library has seen the last quarter when it has been told of it.
    settle(watching.kodi)
    watching.kodi.kill()
    killed = now()
    watching.kodi.start()
    (play,) = wait_plays(watching.kodi, sim)
    assert abs(moment(play["watched_at"]) - killed) < timedelta(minutes=1)


@pytest.mark.parametrize("how", ["quit", "terminate"])
def test_quit_while_it_plays_nothing_is_lost(watching: Watching, sim: Sim, how: str) -> None:
    watching.film()
    watching.seek(85)
    getattr(watching.kodi, how)()
    ended = now()
    watching.kodi.start()
    (play,) = wait_plays(watching.kodi, sim)
    assert abs(moment(play["watched_at"]) - ended) < timedelta(seconds=15)


def test_disabled_while_it_plays_and_enabled_again_it_is_one_play(watching: Watching, sim: Sim) -> None:
    watching.film()
    watching.seek(40)
    watching.kodi.disable(ADDON)
    watching.kodi.enable(ADDON)
    watching.follows()
    watching.to_the_end()
    wait_plays(watching.kodi, sim)


# what is not to be told


def test_films_switched_off_are_not_told_and_episodes_are(watching: Watching, sim: Sim) -> None:
    watching.kodi.set_addon_setting(ADDON, "scrobble_movies", "false")
    watching.kodi.rpc("Player.Open", item={"movieid": watching.videos.film_id("Heat")})
    watching.kodi.wait_home_property("libtrakt.reason", "movies_off")
    watching.seek(98)
    watching.kodi.wait_home_property("libtrakt.reason", "")
    settle(watching.kodi)
    assert sim.history() == [], "neither the play nor Kodi's mark"
    watching.episode(1)
    watching.to_the_end()
    wait_plays(watching.kodi, sim)


def test_another_addon_can_keep_it_from_being_told(watching: Watching, sim: Sim) -> None:
    code = "import xbmcgui; xbmcgui.Window(10000).setProperty('script.trakt.paused', value)"
    watching.kodi.python(code, value="true")
    watching.kodi.rpc("Player.Open", item={"movieid": watching.videos.film_id("Heat")})
    watching.kodi.wait_home_property("libtrakt.reason", "excluded_by_host")
    watching.kodi.rpc("Player.Stop", playerid=1)
    watching.kodi.wait_home_property("libtrakt.reason", "")
    watching.kodi.python(code, value="")
    watching.film()
    watching.to_the_end()
    wait_plays(watching.kodi, sim)


# Up Next


def test_up_next_neither_loses_nor_doubles_an_episode(watching: Watching, sim: Sim) -> None:
    watching.episode(1)
    watching.seek(85)
    number = watching.videos.episode_id("Dark", 1, 1)
    watching.kodi.python(
        """
import base64, json, xbmc
packed = base64.b64encode(json.dumps({"episodeid": number}).encode()).decode()
request = {"jsonrpc": "2.0", "id": 1, "method": "JSONRPC.NotifyAll"}
request["params"] = {"sender": "service.upnext.SIGNAL", "message": "NEXTUPWATCHEDSIGNAL", "data": [packed]}
xbmc.executeJSONRPC(json.dumps(request))
""",
        number=number,
    )
    watching.episode(2)
    # As Up Next does, which marks what it has left.
    watching.kodi.rpc("VideoLibrary.SetEpisodeDetails", episodeid=number, playcount=1)
    watching.to_the_end()
    assert names(wait_plays(watching.kodi, sim, 2)) == ["1x01", "1x02"]
