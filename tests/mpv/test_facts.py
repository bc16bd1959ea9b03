"""What mpv does reaches the library as facts: each by name, with its position, in order."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import clips
import pytest
from driver import Mpv
from standin import Fake

Faked = Callable[..., Mpv]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.video(tmp_path_factory.mktemp("films") / "Heat (1995).mkv", 60)


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.video(tmp_path_factory.mktemp("films") / "Ronin (1998).mkv", 8)


def test_a_stop(faked: Faked, fake: Fake, film: Path) -> None:
    mpv = faked()
    mpv.play(film, paused=True)
    mpv.seek(30)
    mpv.stop()
    started, _, seeked, stopped = fake.wait_facts("started", "paused", "seeked", "stopped")
    assert started["item"] == {"type": "file", "file": str(film)}
    assert started["duration_ms"] == 60_000
    assert started["position_ms"] == 0
    assert seeked["position_ms"] == stopped["position_ms"] == 30_000
    assert started["session"] == stopped["session"]
    assert "item" not in stopped


def test_an_end(faked: Faked, fake: Fake, short: Path) -> None:
    mpv = faked("--speed=4")
    mpv.play(short)
    mpv.wait_property("idle-active", True)
    _, ended = fake.wait_facts("started", "ended")
    assert ended["position_ms"] >= 7_000


def test_a_pause_and_a_seek(faked: Faked, fake: Fake, film: Path) -> None:
    mpv = faked()
    mpv.play(film)
    mpv.set("pause", True)
    fake.wait_facts("started", "paused")
    mpv.seek(50)
    fake.wait_facts("started", "paused", "seeked")
    mpv.set("pause", False)
    facts = fake.wait_facts("started", "paused", "seeked", "resumed")
    assert facts[2]["position_ms"] == 50_000


def test_it_is_told_where_it_is_while_it_plays(faked: Faked, fake: Fake, film: Path) -> None:
    mpv = faked("--speed=10")
    mpv.play(film)
    facts = [fact for fact in fake.wait_calls("player.event", 4) if fact["event"] == "progress"]
    positions = [fact["position_ms"] for fact in facts]
    assert positions == sorted(set(positions))
    assert positions[-1] > 5_000


def test_quitting_stops_and_closes(faked: Faked, fake: Fake, film: Path) -> None:
    mpv = faked()
    mpv.play(film)
    mpv.seek(40)
    assert mpv.quit() < 5
    facts = fake.wait_facts("started", "seeked", "stopped")
    assert 40_000 <= facts[-1]["position_ms"] < 50_000
    assert fake.calls("close") == [250]


def test_a_playlist(faked: Faked, fake: Fake, film: Path, short: Path) -> None:
    mpv = faked("--speed=4")
    mpv.play(short, film)
    facts = fake.wait_facts("started", "ended", "started")
    assert [fact["item"]["file"] for fact in facts if "item" in fact] == [str(short), str(film)]
    assert facts[0]["session"] != facts[2]["session"]


def test_the_next_of_a_playlist_stops_the_one_before(faked: Faked, fake: Fake, film: Path, short: Path) -> None:
    mpv = faked()
    mpv.play(film, short, paused=True)
    mpv.command("playlist-next")
    fake.wait_facts("started", "paused", "stopped", "started", "paused")


def test_a_loop_is_watching_again(faked: Faked, fake: Fake, short: Path) -> None:
    mpv = faked("--loop-file=2", "--speed=4")
    mpv.play(short)
    facts = fake.wait_facts("started", "ended", "started", "ended", "started", "ended")
    assert len({fact["session"] for fact in facts}) == 3


def test_going_back_to_the_beginning_is_a_seek(faked: Faked, fake: Fake, film: Path) -> None:
    mpv = faked()
    mpv.play(film, paused=True)
    mpv.seek(55)
    mpv.seek(0)
    fake.wait_facts("started", "paused", "seeked", "seeked")


def test_held_at_its_last_picture_it_has_ended(faked: Faked, fake: Fake, film: Path) -> None:
    mpv = faked("--keep-open=yes", "--speed=4")
    mpv.play(film)
    mpv.seek(58)
    fake.wait_facts("started", "seeked", "ended")
    mpv.seek(10)
    facts = fake.wait_facts("started", "seeked", "ended", "started", "paused")
    assert facts[3]["position_ms"] == 10_000
    assert facts[3]["session"] != facts[0]["session"]


def test_at_its_last_picture_it_may_be_closed_without_more(faked: Faked, fake: Fake, film: Path) -> None:
    mpv = faked("--keep-open=yes", "--speed=4")
    mpv.play(film)
    mpv.seek(58)
    fake.wait_facts("started", "seeked", "ended")
    mpv.quit()
    fake.wait_facts("started", "seeked", "ended")


def test_it_begins_where_it_was_left_off(faked: Faked, fake: Fake, film: Path) -> None:
    mpv = faked("--start=45")
    mpv.play(film, paused=True)
    started, _ = fake.wait_facts("started", "paused")
    assert started["position_ms"] == 45_000


def test_a_stream_that_breaks_off_has_not_ended(faked: Faked, fake: Fake, film: Path, tmp_path: Path) -> None:
    cut = tmp_path / "Cut (2001).mkv"
    cut.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    mpv = faked("--speed=50")
    mpv.play(cut)
    mpv.wait_property("idle-active", True)
    assert [fact["event"] for fact in fake.facts() if fact["event"] != "progress"] == ["started", "stopped"]


def test_music_and_images_are_not_told(faked: Faked, fake: Fake, film: Path, tmp_path: Path) -> None:
    mpv = faked("--image-display-duration=0.2")
    song, picture = clips.audio(tmp_path / "song.flac", 1), clips.image(tmp_path / "picture.png")
    mpv.play(song, picture, film, paused=False)
    started = fake.wait_facts("started")[0]
    assert started["item"]["file"] == str(film)


def test_an_encode_is_not_told(faked: Faked, fake: Fake, film: Path, tmp_path: Path) -> None:
    mpv = faked(f"--o={tmp_path / 'out.mkv'}", "--ovc=mpeg4", "--length=5")
    mpv.command("loadfile", str(film))
    mpv.wait_property("idle-active", True)
    mpv.quit()
    assert (tmp_path / "out.mkv").stat().st_size > 0
    assert fake.facts() == []


def test_a_file_that_is_no_video_is_not_told(faked: Faked, fake: Fake, film: Path, tmp_path: Path) -> None:
    broken = tmp_path / "Broken (2001).mkv"
    broken.write_bytes(b"\0" * 4096)
    mpv = faked()
    mpv.forget_events()
    mpv.command("loadfile", str(broken))
    mpv.wait_event("end-file", reason="error")
    mpv.play(film)
    fake.wait_facts("started")


def test_a_list_of_files_is_not_what_plays(faked: Faked, fake: Fake, film: Path, tmp_path: Path) -> None:
    listed = tmp_path / "evening.m3u"
    listed.write_text(f"#EXTM3U\n{film}\n")
    mpv = faked()
    mpv.play(listed)
    assert fake.wait_facts("started")[0]["item"]["file"] == str(film)
