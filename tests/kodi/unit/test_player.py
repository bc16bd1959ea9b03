"""The player: which facts the library is told when Kodi plays, late callbacks and missing ones included."""

from __future__ import annotations

import base64
import json
from typing import Any, Callable, Dict, List, Optional

import fakekodi
import pytest
from fakekodi import Video
from faketrakt import FakeTrakt, error
from traktkodi.failures import Failures
from traktkodi.items import Items
from traktkodi.kodi import Kodi
from traktkodi.player import Playback, Player, Report

FILM = "/films/Heat (1995)/Heat.mkv"
STACK = "stack:///films/Long-cd1.mkv , /films/Long-cd2.mkv"


def movie(box: fakekodi.Box, number: int = 1, file: str = FILM, duration_s: float = 6000) -> Video:
    """A film of the library."""

    def details(params: Dict[str, Any]) -> Dict[str, Any]:
        film = params["movieid"]
        return {"moviedetails": {"title": f"Film {film}", "year": 1995, "uniqueid": {"imdb": f"tt000000{film}"}}}

    box.rpc_answers["VideoLibrary.GetMovieDetails"] = details
    return Video(file, duration_s, {"type": "movie", "id": number})


class Run:
    """A player whose time the test moves, in steps as the service makes them."""

    def __init__(self, box: fakekodi.Box, trakt: FakeTrakt) -> None:
        self.box, self.trakt = box, trakt
        self.failures: List[str] = []
        failures = Failures(self.failures.append)
        kodi = Kodi()
        self.playback = Playback(kodi, trakt, box.clock, Items(kodi), failures)  # type: ignore[arg-type]
        self.player = Player(self.playback, failures)
        self.reports: List[Report] = []
        self.playback.listeners.append(self.reports.append)

    def passes(self, seconds: float, plays: bool = True) -> None:
        """Time passes; what plays, plays on."""
        while seconds > 0:
            step = min(0.25, seconds)
            seconds -= step
            self.box.clock.advance(step)
            if plays and self.box.video:
                self.box.video.position_s += step
            self.box.deliver()
            self.playback.step()

    def play(self, video: Video, at_s: float = 0.0) -> None:
        video.position_s = at_s
        self.box.play(video)
        self.box.deliver()

    def callback(self, name: str, *arguments: Any) -> None:
        self.box.later_of_players(name, *arguments)
        self.box.deliver()

    def seek(self, to_s: float) -> None:
        assert self.box.video
        self.callback("onPlayBackSeek", int(to_s * 1000), 0)
        self.box.video.position_s = to_s

    def stop(self, ended: bool = False) -> None:
        self.box.stop_video(ended)
        self.box.deliver()

    @property
    def told(self) -> List[str]:
        return [fact["event"] for fact in self.trakt.facts]

    @property
    def last(self) -> Dict[str, Any]:
        return self.trakt.facts[-1]


@pytest.fixture
def run(box: fakekodi.Box, trakt: FakeTrakt) -> Any:
    run = Run(box, trakt)
    yield run
    assert run.failures == []


def test_a_film_from_start_to_end(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box))
    assert run.trakt.facts == [
        {
            "event": "started",
            "session": run.last["session"],
            "item": {
                "type": "movie",
                "title": "Film 1",
                "year": 1995,
                "ids": {"imdb": "tt0000001"},
                "file": FILM,
            },
            "position_ms": 0,
            "duration_ms": 6_000_000,
        }
    ]
    run.passes(31)
    assert run.told == ["started", "progress", "progress", "progress"]
    assert 29_000 <= run.last["position_ms"] <= 31_000
    run.seek(5_990)
    run.passes(3)
    run.stop(ended=True)
    assert run.told[-1] == "ended"
    assert run.last["position_ms"] == 5_993_000, "where it was, though Kodi can't say so any more"
    run.passes(60)
    assert run.told[-1] == "ended"
    assert len({fact["session"] for fact in run.trakt.facts}) == 1


def test_every_fact_names_the_item_so_that_a_client_opened_anew_knows_it(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box))
    run.passes(11)
    run.callback("onPlayBackPaused")
    run.callback("onPlayBackResumed")
    run.seek(600)
    run.stop()
    assert run.told == ["started", "progress", "paused", "resumed", "seeked", "stopped"]
    assert all(fact["item"]["title"] == "Film 1" for fact in run.trakt.facts)


def test_each_playback_is_a_session_of_its_own(run: Run, box: fakekodi.Box) -> None:
    for _ in range(2):
        run.play(movie(box))
        run.passes(1)
        run.stop()
    assert run.told == ["started", "stopped"] * 2
    assert len({fact["session"] for fact in run.trakt.facts}) == 2


def test_paused_it_says_nothing_until_it_goes_on(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box))
    run.passes(5)
    run.callback("onPlayBackPaused")
    run.callback("onPlayBackPaused")
    run.passes(8 * 3600, plays=False)
    assert run.told == ["started", "paused"]
    assert run.last["position_ms"] == 5_000
    run.callback("onPlayBackResumed")
    run.passes(11)
    assert run.told == ["started", "paused", "resumed", "progress"]


def test_a_resume_that_kodi_doesn_t_report_is_seen(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box))
    run.callback("onPlayBackPaused")
    run.passes(2, plays=False)
    run.passes(4)
    assert run.told == ["started", "paused", "resumed"]


def test_a_jump_counts_though_the_player_still_shows_where_it_was(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box))
    run.passes(1)
    run.callback("onPlayBackSeek", 5_400_000, 5_399_000)
    run.passes(0.5)
    run.stop()
    assert run.told == ["started", "seeked", "stopped"]
    assert run.last["position_ms"] == 5_400_000
    run.play(movie(box))
    run.callback("onPlayBackSeek", 5_400_000, 5_399_000)
    run.passes(3, plays=False)
    run.stop()
    assert run.last["position_ms"] == 0, "a jump that came to nothing"


@pytest.mark.parametrize("position_s", [-0.1, 18446744073709552.0])
def test_odd_positions_before_the_first_picture_are_none(run: Run, box: fakekodi.Box, position_s: float) -> None:
    run.play(movie(box), at_s=position_s)
    assert run.last["position_ms"] in (0, None)
    assert run.last["duration_ms"] == 6_000_000


def test_a_length_that_is_known_late_is_told_at_once(run: Run, box: fakekodi.Box) -> None:
    video = movie(box, duration_s=0)
    run.play(video)
    assert run.last["duration_ms"] is None
    run.passes(3)
    video.duration_s = 60
    run.passes(0.25)
    assert run.told == ["started", "progress"]
    assert run.last["duration_ms"] == 60_000


# one after the other


def test_what_is_played_over_another_ends_it_where_it_was(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box, 1))
    run.passes(600)
    # Kodi: a resume that is none, the new file with no length, and no word that the old one stopped.
    box.video = movie(box, 2, "/films/two.mkv", 0)
    box.later_of_players("onPlayBackResumed")
    run.passes(0.5)
    before = len(run.told)
    box.later_of_players("onPlayBackStarted")
    run.passes(1)
    assert run.told[before:] == ["stopped"]
    assert run.last["position_ms"] == 600_000
    box.video.duration_s = 6000
    run.callback("onAVStarted")
    assert run.told[before:] == ["stopped", "started"]
    assert run.last["item"]["title"] == "Film 2"


def test_in_a_playlist_each_ends_and_the_next_begins(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box, 1), at_s=5_980)
    run.passes(20)
    # All at once, when the next one plays already.
    box.later_of_players("onPlayBackEnded")
    run.play(movie(box, 2, "/films/two.mkv"))
    run.passes(20)
    run.stop()
    assert [event for event in run.told if event != "progress"] == ["started", "ended", "started", "stopped"]
    assert [fact["item"]["title"] for fact in run.trakt.facts if fact["event"] in ("ended", "stopped")] == [
        "Film 1",
        "Film 2",
    ]
    assert run.trakt.facts[run.told.index("ended")]["position_ms"] == 6_000_000


@pytest.mark.parametrize(("at_s", "told"), [(1200, "stopped"), (4799, "stopped"), (4800, "ended"), (5999, "ended")])
def test_a_stream_that_breaks_off_has_not_run_to_its_end(run: Run, box: fakekodi.Box, at_s: int, told: str) -> None:
    run.play(movie(box), at_s=at_s)
    run.stop(ended=True)
    assert run.told == ["started", told]


def test_without_a_length_an_end_is_an_end(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box, duration_s=0))
    run.passes(20)
    run.stop(ended=True)
    assert run.told[-1] == "ended"


@pytest.mark.parametrize("ended", [False, True])
def test_what_an_addon_said_of_its_video_is_taken_away_with_it(run: Run, box: fakekodi.Box, ended: bool) -> None:
    box.properties["script.trakt.ids"] = '{"imdb": "tt0113277"}'
    box.properties["script.trakt.paused"] = "true"
    run.play(movie(box), at_s=5_000)
    run.stop(ended)
    assert not box.properties.get("script.trakt.ids") and not box.properties.get("script.trakt.paused")


def test_what_the_next_one_s_addon_has_said_stays(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box, 1), at_s=5_990)
    box.properties["script.trakt.ids"] = '{"imdb": "tt0113277"}'
    box.later_of_players("onPlayBackEnded")
    run.play(movie(box, 2, "/films/two.mkv"))
    assert box.properties["script.trakt.ids"]


def test_who_has_left_a_video_out_may_take_it_back(run: Run, box: fakekodi.Box) -> None:
    box.properties["script.trakt.paused"] = "true"
    run.play(movie(box))
    assert run.last["item"]["excluded"]
    run.passes(11)
    assert run.last["item"]["excluded"]
    box.properties["script.trakt.paused"] = ""
    run.passes(11)
    assert "excluded" not in run.last["item"]


def test_what_kodi_does_not_tell_of_is_taken_up_all_the_same(run: Run, box: fakekodi.Box) -> None:
    box.video = movie(box)
    run.passes(6, plays=False)
    assert run.told == [], "before its first picture it is Kodi's to say"
    run.passes(6)
    assert run.told[:1] == ["started"]
    # What has just ended is not, though it may show for a moment.
    video = box.video
    run.stop()
    box.video = video
    run.passes(2)
    assert run.told[-1] == "stopped"


def test_when_kodi_ends_nothing_is_taken_up_any_more(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box))
    run.playback.noted("System.OnQuit", "0")
    run.passes(20)
    assert run.told == ["started", "stopped"]


def test_a_chapter_skipped_while_paused_is_no_resume(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box))
    run.callback("onPlayBackPaused")
    assert box.video
    box.rpc_answers["Player.GetProperties"] = {"speed": 0}
    box.video.position_s = 600
    run.passes(2, plays=False)
    assert run.told == ["started", "paused", "seeked"]
    assert run.last["position_ms"] == 600_000
    box.rpc_answers["Player.GetProperties"] = {"speed": 1}
    run.passes(4)
    assert run.told == ["started", "paused", "seeked", "resumed"]


def test_the_same_again_is_another_session(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box))
    run.passes(5)
    run.play(movie(box))
    assert run.told == ["started", "stopped", "started"]
    assert run.trakt.facts[0]["session"] != run.last["session"]


def test_a_film_in_several_files_is_one_session(run: Run, box: fakekodi.Box) -> None:
    video = movie(box, 1, STACK)
    run.play(video)
    run.passes(20)
    run.play(video, at_s=5_900)  # the second file; no word that the first has ended
    run.passes(20)
    run.stop(ended=True)
    assert set(run.told) == {"started", "progress", "ended"}
    assert run.told.count("started") == 1
    assert run.last["position_ms"] == 5_920_000


def test_a_video_that_is_gone_without_a_word_is_over(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box))
    run.passes(60)
    box.video = None
    run.passes(4)
    assert run.told[-1] == "progress"
    run.passes(2)
    assert run.told[-1] == "stopped"
    assert run.last["position_ms"] == 60_000


def test_another_video_that_came_without_a_word_is_followed(run: Run, box: fakekodi.Box) -> None:
    run.play(movie(box))
    run.passes(60)
    box.video = movie(box, 2, "/films/two.mkv")
    run.passes(6)
    assert run.told[-2:] == ["stopped", "started"]
    assert run.last["item"]["title"] == "Film 2"


def test_what_plays_when_the_service_starts_is_taken_up(run: Run, box: fakekodi.Box) -> None:
    box.video = movie(box)
    box.video.position_s = 3000
    run.playback.begin()
    run.playback.begin()
    assert run.told == ["started"]
    assert run.last["position_ms"] == 3_000_000


def test_music_is_none_of_its_business(run: Run, box: fakekodi.Box) -> None:
    box.conditions["Player.HasAudio"] = True
    run.callback("onPlayBackStarted")
    run.callback("onAVStarted")
    run.passes(20)
    run.callback("onPlayBackStopped")
    assert run.told == []


# the end of Kodi


@pytest.mark.parametrize("end", ["quit", "close"])
def test_when_kodi_ends_what_plays_is_over(run: Run, box: fakekodi.Box, end: str) -> None:
    run.play(movie(box))
    run.passes(300)
    box.video = None  # and no callback
    if end == "quit":
        run.playback.noted("System.OnQuit", '{"exitcode":0}')
    run.playback.close()
    assert [event for event in run.told if event != "progress"] == ["started", "stopped"]
    assert run.last["position_ms"] == 300_000


# trouble


def test_trouble_with_the_library_is_logged_once_and_play_goes_on(run: Run, box: fakekodi.Box) -> None:
    run.trakt.player_answer = error("storage")
    run.play(movie(box))
    run.passes(60)
    run.stop()
    assert len(run.told) == 8
    assert len([line for line in box.log_lines if "player.event" in line]) == 1
    assert run.reports[-1].reply == {}


def test_without_a_client_nothing_is_told_and_listeners_still_hear(run: Run, box: fakekodi.Box) -> None:
    run.trakt.available = False
    run.play(movie(box))
    run.stop()
    assert run.told == []
    assert [report.event for report in run.reports] == ["started", "stopped"]


def test_a_listener_that_fails_keeps_no_other_from_hearing(box: fakekodi.Box, trakt: FakeTrakt) -> None:
    run = Run(box, trakt)

    def fails(report: Report) -> None:
        raise ValueError("oops")

    run.playback.listeners.insert(0, fails)
    run.play(movie(box))
    run.stop()
    assert [report.event for report in run.reports] == ["started", "stopped"]
    assert len(run.failures) == 1


def test_what_is_over_is_said_to_listeners(run: Run, box: fakekodi.Box) -> None:
    for at_s, ended, over in ((4799, False, False), (4800, False, True), (3000, True, False), (4800, True, True)):
        run.play(movie(box), at_s=at_s)
        run.stop(ended)
        assert run.reports[-1].over is over
        assert run.reports[-1].entries == {("movie", 1)}


# Up Next


def signal(episode: Any, pack: Callable[[bytes], str]) -> str:
    return json.dumps([pack(json.dumps({"episodeid": episode}).encode())])


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def episode_of_library(box: fakekodi.Box, number: int = 7) -> Video:
    box.rpc_answers["VideoLibrary.GetEpisodeDetails"] = {
        "episodedetails": {"title": "Lies", "showtitle": "Dark", "season": 1, "episode": 2, "tvshowid": -1}
    }
    return Video("/tv/Dark.mkv", 3000, {"type": "episode", "id": number})


@pytest.mark.parametrize("pack", [base64_text, bytes.hex])
def test_an_episode_that_counts_as_watched_for_up_next_has_ended(
    run: Run, box: fakekodi.Box, pack: Callable[[bytes], str]
) -> None:
    run.play(episode_of_library(box), at_s=2100)
    run.playback.noted("Other.NEXTUPWATCHEDSIGNAL", signal(7, pack))
    assert run.told == ["started"], "it still plays"
    run.play(Video("/tv/next.mkv", 3000))
    assert run.told == ["started", "ended", "started"], "once"


@pytest.mark.parametrize(
    ("at_s", "data", "back_to_s"),
    [
        (2100, signal(8, base64_text), None),  # the one before
        (900, signal(7, base64_text), None),  # too early to be true
        (2100, signal(7, base64_text), 300),  # and then watched again from the beginning
        (2100, "[]", None),
        (2100, "nonsense", None),
        (2100, '["bm90IGpzb24="]', None),
        (2100, "null", None),
    ],
)
def test_a_signal_that_means_something_else_changes_nothing(
    run: Run, box: fakekodi.Box, at_s: float, data: str, back_to_s: Optional[float]
) -> None:
    run.play(episode_of_library(box), at_s=at_s)
    run.playback.noted("Other.NEXTUPWATCHEDSIGNAL", data)
    if back_to_s is not None:
        run.seek(back_to_s)
    run.stop()
    assert run.told[-1] == "stopped"


# live television and add-ons that say late what they play


def test_the_programme_changes_without_a_word_of_the_player(run: Run, box: fakekodi.Box) -> None:
    now = {"title": "News", "starttime": "2026-11-22 20:00:00", "endtime": "2026-11-22 20:15:00"}
    box.rpc_answers["PVR.GetChannelDetails"] = lambda params: {
        "channeldetails": {"channel": "BBC One", "broadcastnow": now}
    }
    run.play(Video("pvr://channels/tv/1.pvr", 900, {"type": "channel", "id": 3}))
    assert run.last["item"]["live"] == {
        "channel": "BBC One",
        "starts_at": "2026-11-22T20:00:00Z",
        "ends_at": "2026-11-22T20:15:00Z",
    }
    assert "position_ms" not in run.last
    now.update(title="Heat", year=1995, starttime="2026-11-22 20:15:00", endtime="2026-11-22 23:00:00")
    run.passes(11)
    assert run.told == ["started", "progress"]
    assert run.last["item"]["type"] == "movie"
    assert run.last["item"]["title"] == "Heat"


def test_ids_that_an_addon_gives_late_are_taken(run: Run, box: fakekodi.Box) -> None:
    run.play(Video("https://host/stream", 6000, mediatype="movie", title="Heat", year=1995))
    assert "ids" not in run.last["item"]
    box.properties["script.trakt.ids"] = '{"tmdb": 949}'
    run.passes(11)
    assert run.last["item"]["ids"] == {"tmdb": 949}
    asked = len(box.rpc_calls)
    run.passes(60)
    assert len(box.rpc_calls) == asked, "once is enough"
