"""What is played becomes an item: by its tags, its chapters, its name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Dict, List

import clips
import pytest
from driver import Mpv
from standin import Fake

Faked = Callable[..., Mpv]


@pytest.fixture
def item(faked: Faked, fake: Fake) -> Callable[..., Dict[str, Any]]:
    """Plays a file and returns the item that the library got."""

    def play(path: object, *arguments: str, **options: Any) -> Dict[str, Any]:
        mpv = faked(*arguments, **options)
        mpv.play(path, paused=True)
        mpv.quit()
        found: Dict[str, Any] = [fact for fact in fake.facts() if "item" in fact][-1]["item"]
        return found

    return play


Item = Callable[..., Dict[str, Any]]


def _parts(item: Dict[str, Any]) -> List[Any]:
    assert item["type"] == "episodes"
    return [
        (one["show"]["title"], one["season"], one["number"], one.get("start_ms"), one.get("end_ms"))
        for one in item["episodes"]
    ]


def test_a_name_is_all_that_is_known(item: Item, tmp_path: Path) -> None:
    clip = clips.video(tmp_path / "Dark.S01E02.mkv", 4)
    assert item(clip) == {"type": "file", "file": str(clip)}


def test_the_title_in_the_file_goes_along(item: Item, tmp_path: Path) -> None:
    clip = clips.video(tmp_path / "00042.mkv", 4, tags={"title": "Heat", "GENRE": "Crime, Drama"})
    assert item(clip) == {"type": "file", "file": str(clip), "title": "Heat", "genres": ["Crime", "Drama"]}


def test_a_relative_name_is_made_absolute(item: Item, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = clips.video(tmp_path / "Heat (1995).mkv", 4)
    monkeypatch.chdir(tmp_path)
    assert item(clip.name)["file"] == str(clip)


def test_a_film_by_the_ids_in_its_tags(item: Item, tmp_path: Path) -> None:
    clip = clips.video(tmp_path / "x.mkv", 4, tags={"IMDB": "tt0113277", "TMDB": "movie/949", "TVDB2": "movies/359"})
    found = item(clip)
    assert found["type"] == "movie"
    assert found["ids"] == {"imdb": "tt0113277", "tmdb": "949", "tvdb": "359"}


def test_an_episode_by_its_shows_ids(item: Item, tmp_path: Path) -> None:
    tags = {"TMDB": "tv/70523", "TVDB2": "series/334824", "IMDB": "tt5753856", "title": "Lies"}
    found = item(clips.video(tmp_path / "Dark.S01E02.mkv", 4, tags=tags))
    assert found["type"] == "episode"
    assert (found["season"], found["number"]) == (1, 2)
    assert found["show"] == {"title": "Dark", "ids": {"tmdb": "70523", "tvdb": "334824"}}
    assert "ids" not in found, "an id of the show, or of nobody knows what, is none of the episode"
    assert "title" not in found


def test_an_episode_by_its_own_id(item: Item, tmp_path: Path) -> None:
    found = item(clips.video(tmp_path / "Dark.S01E02.mkv", 4, tags={"TVDB2": "episodes/6307361"}))
    assert found["ids"] == {"tvdb": "6307361"}
    assert found["show"] == {"title": "Dark"}


def test_an_episode_as_itunes_tags_it(item: Item, tmp_path: Path) -> None:
    tags = {"show": "Dark", "season_number": "1", "episode_sort": "2"}
    found = item(clips.video(tmp_path / "x.mp4", 4, tags=tags))
    assert found["type"] == "episode"
    assert (found["show"], found["season"], found["number"]) == ({"title": "Dark"}, 1, 2)


def test_two_episodes_by_the_files_name(item: Item, tmp_path: Path) -> None:
    found = item(clips.video(tmp_path / "Dark.(2017).S01E01-E02.1080p.mkv", 4))
    assert _parts(found) == [("Dark", 1, 1, None, None), ("Dark", 1, 2, None, None)]
    assert found["episodes"][0]["show"]["year"] == 2017


def test_episodes_by_their_chapters(item: Item, tmp_path: Path) -> None:
    chapters = [(0, "Opening"), (1, "S01E01 Secrets"), (3, "Credits"), (4, "S01E02 Lies"), (6, "S02E01 Later")]
    found = item(clips.video(tmp_path / "Dark (2017)" / "disc.mkv", 9, chapters=chapters))
    assert _parts(found) == [("Dark", 1, 1, 0, 4_000), ("Dark", 1, 2, 4_000, 6_000), ("Dark", 2, 1, 6_000, None)]


def test_episodes_by_numbered_chapters(item: Item, tmp_path: Path) -> None:
    clip = clips.video(tmp_path / "Dark S01E03E04.mkv", 9, chapters=[(0, "Episode 3"), (5, "Episode 4")])
    assert _parts(item(clip)) == [("Dark", 1, 3, 0, 5_000), ("Dark", 1, 4, 5_000, None)]


def test_chapters_of_an_episode_are_no_episodes(item: Item, tmp_path: Path) -> None:
    chapters = [(0, "Recap"), (1, "Part 1"), (2, "Episode 2"), (3, "Credits")]
    assert item(clips.video(tmp_path / "Dark S01E02.mkv", 5, chapters=chapters))["type"] == "file"


def test_a_stream_is_told_without_what_may_be_secret(item: Item, tmp_path: Path) -> None:
    clip = clips.video(tmp_path / "Heat (1995).mkv", 4)
    with clips.served(tmp_path) as address:
        url = f"http://user:word@{address}/{clip.name.replace(' ', '%20')}?token=abc#x"
        found = item(url)
    assert found["file"] == f"http://{address}/Heat%20(1995).mkv"
    assert "excluded" not in found


def test_what_comes_over_a_network_can_be_left_out(item: Item, tmp_path: Path) -> None:
    clips.video(tmp_path / "heat.mkv", 4)
    with clips.served(tmp_path) as address:
        assert item(f"http://{address}/heat.mkv", exclude_network="yes")["excluded"] is True


def test_a_stream_has_to_say_what_it_is(item: Item, tmp_path: Path) -> None:
    clips.video(tmp_path / "watch", 4, format="matroska")
    clips.video(tmp_path / "titled", 4, format="matroska", tags={"title": "Dark S01E02"})
    with clips.served(tmp_path) as address:
        assert item(f"http://{address}/watch")["type"] == "unknown"
        assert item(f"http://{address}/titled")["type"] == "file"


def test_what_has_no_name_has_a_title_or_nothing(item: Item) -> None:
    source = "av://lavfi:color=c=gray:s=64x36:r=5:d=20"
    assert item(source)["type"] == "unknown"
    assert item(source, "--force-media-title=Heat (1995)") == {"type": "file", "title": "Heat (1995)"}


def test_a_name_that_is_no_text(item: Item, tmp_path: Path) -> None:
    clip = clips.video(tmp_path / "heat.mkv", 4)
    folder = tmp_path / "films"
    folder.mkdir()
    # mpv hands names on byte by byte; only the folder can be said over its socket.
    os.link(clip, bytes(folder) + b'/Heat \xff "x" \\ \n.mkv')
    assert item(folder)["file"] == f'{folder}/Heat \ufffd "x" \\ \n.mkv'
