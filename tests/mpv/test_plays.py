"""What was watched in a real mpv is in Trakt's history: once, at its true time, whatever comes in between."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Callable, Dict, List

import clips
import prelinked
import pytest
from conftest import Start, options_for
from driver import Home, Mpv
from libtrakt import Library
from machine import until
from moved_clock import MovedClock
from simtrakt import Sim

HEAT = "Heat (1995).mkv"


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with clips of a hundred seconds, so that seconds are per cents."""
    folder = tmp_path_factory.mktemp("films")
    first = clips.video(folder / HEAT, 100)
    for name in ("Dark.S01E01.mkv", "Dark.S01E02.mkv", "Dark.S01E03E04.mkv"):
        (folder / name).symlink_to(first)
    chapters = [(0, "S01E05 Truths"), (50, "S01E06 Sic Mundus Creatus Est")]
    clips.video(folder / "Dark" / "disc.mkv", 100, chapters=chapters)
    return folder


@pytest.fixture
def linked_home(sim: Sim, home: Home, library: Library, tmp_path: Path) -> Home:
    """A home whose account is linked."""
    data = tmp_path / "data"
    data.mkdir()
    prelinked.link(sim, data, library)
    sim.config(history_items=0)
    home.conf(**options_for(sim), data_dir=data)
    return home


@pytest.fixture
def mpv(linked_home: Home, start: Start) -> Mpv:
    """An mpv with a linked account."""
    return start(linked_home)


def _titles(sim: Sim) -> List[str]:
    return [play["title"] for play in sim.history()]


def _plays(sim: Sim, count: int) -> List[Dict[str, Any]]:
    """Waits until Trakt has so many."""
    until(lambda: len(sim.history()) >= count, f"{count} plays; there are {_titles(sim)}")
    plays = sim.history()
    assert len(plays) == count, plays
    return plays


def _moment(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _now() -> float:
    return datetime.datetime.now(datetime.timezone.utc).timestamp()


def test_linked_by_the_code_on_the_screen(sim: Sim, home: Home, start: Start, films: Path) -> None:
    home.conf(**options_for(sim))
    mpv = start(home)
    mpv.say("link")
    line = mpv.wait_line("and enter the code")
    sim.approve(line.split()[-1])
    mpv.wait_line("Linked with Trakt as")
    mpv.play(films / HEAT)
    mpv.seek(85)
    mpv.stop()
    assert _plays(sim, 1)[0]["title"].startswith("Heat")
    mpv.say("unlink")
    mpv.wait_line("Trakt is unlinked")


def test_a_film(mpv: Mpv, sim: Sim, films: Path) -> None:
    mpv.play(films / HEAT)
    until(lambda: sim.watching() is not None, "it is being watched")
    watching = sim.watching()
    assert watching is not None
    assert watching["movie"]["ids"]["imdb"] == "tt0113277"
    mpv.seek(85)
    before = _now()
    mpv.stop()
    (play,) = _plays(sim, 1)
    assert play["movie"]["year"] == 1995
    assert before - 2 <= _moment(play["watched_at"]) <= _now() + 1
    until(lambda: sim.watching() is None, "it isn't being watched any more")


def test_a_film_to_its_end(mpv: Mpv, sim: Sim, films: Path) -> None:
    mpv.play(films / HEAT)
    mpv.set("speed", 40)
    mpv.wait_property("idle-active", True)
    _plays(sim, 1)


def test_a_playlist_of_episodes(mpv: Mpv, sim: Sim, films: Path) -> None:
    mpv.play(films / "Dark.S01E01.mkv", films / "Dark.S01E02.mkv")
    mpv.seek(90)
    mpv.command("playlist-next")
    mpv.wait_event("playback-restart")
    mpv.seek(95)
    mpv.set("speed", 20)
    mpv.wait_property("idle-active", True)
    plays = _plays(sim, 2)
    assert [(play["episode"]["season"], play["episode"]["number"]) for play in plays] == [(1, 1), (1, 2)]


@pytest.mark.parametrize(("name", "numbers"), [("Dark.S01E03E04.mkv", [3, 4]), ("Dark/disc.mkv", [5, 6])])
def test_two_episodes_in_a_file(mpv: Mpv, sim: Sim, films: Path, name: str, numbers: List[int]) -> None:
    mpv.play(films / name)
    mpv.seek(45)
    mpv.set("speed", 4)
    until(lambda: mpv.get("time-pos") > 52, "the second has begun")
    mpv.seek(97)
    mpv.set("speed", 4)
    mpv.wait_property("idle-active", True)
    plays = _plays(sim, 2)
    assert [play["episode"]["number"] for play in plays] == numbers
    assert {play["episode"]["season"] for play in plays} == {1}


@pytest.mark.parametrize(("stop_at", "counts"), [(79.8, False), (80.0, True), (80.2, True)])
def test_it_counts_from_80_per_cent(mpv: Mpv, sim: Sim, films: Path, stop_at: float, counts: bool) -> None:
    mpv.play(films / HEAT)
    mpv.seek(40)
    mpv.set("pause", True)
    mpv.seek(stop_at)
    mpv.stop()
    if counts:
        _plays(sim, 1)
    else:
        until(lambda: sim.playback() != [], "the place is kept")
        assert sim.playback()[0]["progress"] == pytest.approx(stop_at, abs=0.3)
        assert sim.history() == []


def test_below_one_per_cent_nothing_is_kept(mpv: Mpv, sim: Sim, films: Path) -> None:
    mpv.play(films / HEAT, paused=True)
    mpv.seek(0.6)
    mpv.stop()
    assert mpv.quit() < 5
    assert sim.history() == []
    assert sim.playback() == []


def test_a_pause_ends_being_watched_and_a_seek_back_takes_it_back(mpv: Mpv, sim: Sim, films: Path) -> None:
    mpv.play(films / HEAT)
    until(lambda: sim.watching() is not None, "it is being watched")
    mpv.seek(85)
    mpv.seek(30)
    mpv.set("pause", True)
    until(lambda: sim.watching() is None, "a pause isn't watching")
    mpv.set("pause", False)
    until(lambda: sim.watching() is not None, "it goes on")
    mpv.stop()
    until(lambda: sim.playback() != [], "the place is kept")
    assert sim.history() == []


@pytest.fixture(params=["quit", "kill"])
def leave(request: pytest.FixtureRequest) -> Callable[[Mpv], object]:
    """The two ways out of a player."""
    return Mpv.quit if request.param == "quit" else Mpv.kill


def test_leaving_in_the_middle_loses_nothing(
    linked_home: Home, start: Start, sim: Sim, films: Path, leave: Callable[[Mpv], object]
) -> None:
    mpv = start(linked_home)
    mpv.play(films / HEAT)
    mpv.seek(85)
    sim.wait_log(path="/scrobble/start")
    before = _now()
    leave(mpv)
    start(linked_home)
    (play,) = _plays(sim, 1)
    assert before - 40 <= _moment(play["watched_at"]) <= _now() + 1


def test_without_a_network_it_waits(
    linked_home: Home, start: Start, sim: Sim, films: Path, moved_clock: MovedClock
) -> None:
    mpv = start(linked_home, env=moved_clock.env())
    fault = sim.fault("reset", times=0)
    mpv.play(films / HEAT)
    mpv.seek(85)
    mpv.stop()
    stopped = _now()
    mpv.wait_line("Watched: Heat")
    mpv.say("outbox")
    mpv.wait_line("1 waiting, 0 refused")
    mpv.wait_line("Heat (1995)")
    sim.wait_fault(fault)
    # An hour later it is back.
    sim.advance_clock(3_600_000)
    moved_clock.sleep(3_600_000)
    sim.clear_faults()
    (play,) = _plays(sim, 1)
    assert _moment(play["watched_at"]) == pytest.approx(stopped, abs=5)
    until(lambda: _empty(mpv), "the outbox is empty")


def _empty(mpv: Mpv) -> bool:
    mpv.say("outbox")
    return any("Nothing waits for Trakt" in line for line in mpv.lines)


def test_it_waits_over_a_restart(linked_home: Home, start: Start, sim: Sim, films: Path) -> None:
    sim.fault("reset", times=0)
    mpv = start(linked_home)
    mpv.play(films / HEAT)
    mpv.seek(85)
    mpv.stop()
    mpv.wait_line("Watched: Heat")
    mpv.kill()
    sim.clear_faults()
    start(linked_home)
    _plays(sim, 1)


def test_two_players_at_once(linked_home: Home, start: Start, sim: Sim, films: Path) -> None:
    one, other = start(linked_home), start(linked_home)
    one.play(films / HEAT)
    other.play(films / "Dark.S01E01.mkv")
    one.seek(85)
    other.seek(90)
    one.stop()
    other.stop()
    titles = [play["type"] for play in _plays(sim, 2)]
    assert sorted(titles) == ["episode", "movie"]


def test_a_rating(mpv: Mpv, sim: Sim, films: Path) -> None:
    mpv.play(films / HEAT)
    mpv.seek(85)
    mpv.say("rate", "8")
    mpv.wait_line("Rated Heat")
    (rated,) = sim.wait_log(path="/sync/ratings", method="POST", done=True)
    assert rated["status"] == 201


def test_what_trakt_does_not_know_is_said(mpv: Mpv, sim: Sim, films: Path, tmp_path: Path) -> None:
    clip = tmp_path / "Nobody Has Heard of This (2001).mkv"
    clip.symlink_to(films / HEAT)
    mpv.play(clip)
    mpv.seek(85)
    mpv.stop()
    mpv.wait_line("Trakt doesn't take “")
    mpv.say("outbox")
    mpv.wait_line("0 waiting, 1 refused")
    assert sim.history() == []


def test_short_clips_are_left_alone(sim: Sim, linked_home: Home, start: Start, films: Path) -> None:
    mpv = start(linked_home, "--script-opts=libtrakt-min_duration=300")
    mpv.play(films / HEAT)
    mpv.say("status")
    mpv.wait_line("This isn't recorded: it is too short")


def test_no_secret_is_written(linked_home: Home, start: Start, sim: Sim, films: Path, tmp_path: Path) -> None:
    log = tmp_path / "mpv.log"
    mpv = start(linked_home, f"--log-file={log}", "--msg-level=all=trace")
    mpv.play(films / HEAT)
    mpv.seek(85)
    mpv.stop()
    _plays(sim, 1)
    mpv.quit()
    heads = [request["headers"].get("authorization") for request in sim.log(host="api")]
    tokens = {head.split()[1] for head in heads if head}
    assert tokens
    written = log.read_text(errors="replace") + "\n".join(mpv.lines)
    assert not [token for token in tokens if token in written]
