"""Items: what Kodi plays or has in its library, with each id under the name of what it belongs to."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import fakekodi
import pytest
from fakekodi import Video
from traktkodi.items import Items, Played
from traktkodi.kodi import Kodi

DARK = {
    "title": "Dark",
    "year": 2017,
    "uniqueid": {"tvdb": "334824", "tmdb": "70523"},
    "imdbnumber": "334824",
    "genre": ["Drama"],
    "tag": ["kids"],
}


def episode(number: int, file: str = "/tv/Dark/Dark.S01E02.mkv", **more: Any) -> Dict[str, Any]:
    return {
        "episodeid": 100 + number,
        "title": f"Episode {number}",
        "showtitle": "Dark",
        "season": 1,
        "episode": number,
        "uniqueid": {"tvdb": str(6307360 + number)},
        "tvshowid": 4,
        "file": file,
        **more,
    }


def library(box: fakekodi.Box, *episodes: Dict[str, Any], show: Any = DARK) -> None:
    """A show with these episodes."""
    by_id = {one["episodeid"]: one for one in episodes}

    def found(params: Dict[str, Any]) -> Dict[str, Any]:
        wanted = params.get("filter", {}).get("value")
        return {"episodes": [one for one in episodes if one["file"].rpartition("/")[2] == wanted]}

    box.rpc_answers["VideoLibrary.GetEpisodeDetails"] = lambda params: {"episodedetails": by_id[params["episodeid"]]}
    box.rpc_answers["VideoLibrary.GetEpisodes"] = found
    box.rpc_answers["VideoLibrary.GetTVShowDetails"] = {"tvshowdetails": show} if show else {}


def playing(box: fakekodi.Box, video: Video) -> Played:
    box.video = video
    return Items(Kodi()).playing()


def stream(box: fakekodi.Box, file: str = "https://host/x.mkv", item: Any = None, **tag: Any) -> Played:
    return playing(box, Video(file, 3000, item, **tag))


# the library


def test_a_film_has_its_ids_genres_and_tags(box: fakekodi.Box) -> None:
    box.rpc_answers["VideoLibrary.GetMovieDetails"] = {
        "moviedetails": {
            "title": "Heat",
            "year": 1995,
            "uniqueid": {"imdb": "tt0113277", "tmdb": "949", "rottentomatoes": "heat"},
            "imdbnumber": "tt0113277",
            "genre": ["Crime", "Drama"],
            "tag": ["mine"],
            "file": "/films/Heat.mkv",
        }
    }
    played = playing(box, Video("/films/Heat.mkv", 6000, {"type": "movie", "id": 1}))
    assert played == Played(
        {
            "type": "movie",
            "title": "Heat",
            "year": 1995,
            "ids": {"imdb": "tt0113277", "tmdb": "949"},
            "genres": ["Crime", "Drama"],
            "tags": ["mine"],
            "file": "/films/Heat.mkv",
        },
        frozenset({("movie", 1)}),
    )


@pytest.mark.parametrize(
    ("details", "ids"),
    [
        ({"uniqueid": {"unknown": "tt0113277"}}, {"imdb": "tt0113277"}),
        ({"uniqueid": {"unknown": "949"}}, None),
        ({"imdbnumber": "tt0113277"}, {"imdb": "tt0113277"}),
        ({"imdbnumber": "949", "uniqueid": {"tmdb": "949"}}, {"tmdb": "949"}),
        ({"uniqueid": {"TMDB": "949", "thetvdb": "12"}}, {"tmdb": "949", "tvdb": "12"}),
        ({"uniqueid": {"imdb": "", "tmdb": None}}, None),
        ({"uniqueid": None}, None),
    ],
)
def test_ids_of_older_scrapers(box: fakekodi.Box, details: Dict[str, Any], ids: Any) -> None:
    box.rpc_answers["VideoLibrary.GetMovieDetails"] = {"moviedetails": {"title": "Heat", **details}}
    played = playing(box, Video("/films/Heat.mkv", 6000, {"type": "movie", "id": 1}))
    assert played.item.get("ids") == ids


def test_an_episode_has_its_own_ids_and_its_show_the_shows(box: fakekodi.Box) -> None:
    library(box, episode(2))
    played = playing(box, Video("/tv/Dark/Dark.S01E02.mkv", 3000, {"type": "episode", "id": 102}))
    assert played.item == {
        "type": "episode",
        "show": {"title": "Dark", "year": 2017, "ids": {"tmdb": "70523", "tvdb": "334824"}},
        "season": 1,
        "number": 2,
        "title": "Episode 2",
        "ids": {"tvdb": "6307362"},
        "genres": ["Drama"],
        "tags": ["kids"],
        "file": "/tv/Dark/Dark.S01E02.mkv",
    }
    assert played.entries == {("episode", 102)}


def test_an_episode_whose_show_is_gone_still_has_its_name(box: fakekodi.Box) -> None:
    library(box, episode(2), show=None)
    played = playing(box, Video("/tv/Dark/Dark.S01E02.mkv", 3000, {"type": "episode", "id": 102}))
    assert played.item["show"] == {"title": "Dark"}
    assert played.item["season"] == 1


def test_specials_are_season_0(box: fakekodi.Box) -> None:
    library(box, episode(1, season=0))
    played = playing(box, Video("/tv/Dark/Dark.S01E02.mkv", 3000, {"type": "episode", "id": 101}))
    assert (played.item["season"], played.item["number"]) == (0, 1)


def test_episodes_that_share_a_file_are_all_of_it_in_their_order(box: fakekodi.Box) -> None:
    file = "smb://nas/tv/Dark/Dark.S01E02E03.mkv"
    others = [episode(4, "/elsewhere/Dark.S01E02E03.mkv"), episode(5)]
    library(box, episode(3, file), episode(2, file), *others)
    played = playing(box, Video(file, 6000, {"type": "episode", "id": 102}))
    assert played.item["type"] == "episodes"
    assert [part["number"] for part in played.item["episodes"]] == [2, 3]
    assert [part["ids"] for part in played.item["episodes"]] == [{"tvdb": "6307362"}, {"tvdb": "6307363"}]
    assert all(part["show"]["ids"]["tvdb"] == "334824" for part in played.item["episodes"])
    assert all("file" not in part and "genres" not in part for part in played.item["episodes"])
    assert played.item["file"] == file
    assert played.item["genres"] == ["Drama"]
    assert played.entries == {("episode", 102), ("episode", 103)}


def test_a_film_in_several_files_is_itself(box: fakekodi.Box) -> None:
    file = "stack:///films/Long-cd1.mkv , /films/Long-cd2.mkv"
    box.rpc_answers["VideoLibrary.GetMovieDetails"] = {"moviedetails": {"title": "Long", "year": 2001, "file": file}}
    played = playing(box, Video(file, 6000, {"type": "movie", "id": 1}))
    assert played.item == {"type": "movie", "title": "Long", "year": 2001, "file": file}


def test_what_has_just_left_the_library_goes_by_its_name(box: fakekodi.Box) -> None:
    played = playing(box, Video("/films/Heat.1995.mkv", 6000, {"type": "movie", "id": 1}))
    assert played.item == {"type": "file", "title": "Heat.1995.mkv", "file": "/films/Heat.1995.mkv"}


# outside the library


@pytest.mark.parametrize(
    "file", ["/loose/Heat.1995.mkv", "smb://nas/Heat.1995.mkv", "bluray://udf%3a%2f%2fdisc/BDMV/00800.mpls", "dvd://"]
)
def test_a_file_outside_the_library_goes_by_its_name(box: fakekodi.Box, file: str) -> None:
    box.properties["script.trakt.ids"] = '{"tmdb": 1}'  # left by what an add-on played before
    played = playing(box, Video(file, 6000, {"label": "HEAT"}))
    assert played == Played({"type": "file", "title": "HEAT", "file": file})


def test_an_addons_film_has_the_ids_that_it_gives(box: fakekodi.Box) -> None:
    box.properties["script.trakt.ids"] = json.dumps({"tmdb": 949, "imdb": "tt0113277", "slug": "heat"})
    played = stream(box, mediatype="movie", title="Heat", year=1995)
    assert played.item == {
        "type": "movie",
        "title": "Heat",
        "year": 1995,
        "ids": {"tmdb": 949, "imdb": "tt0113277"},
        "file": "https://host/x.mkv",
    }
    assert played.settled


def test_an_addons_ids_of_an_episode_are_its_shows(box: fakekodi.Box) -> None:
    box.properties["script.trakt.ids"] = json.dumps({"tmdb": 70523, "imdb": "tt5753856", "tvdb": 334824, "slug": "x"})
    box.labels["VideoPlayer.UniqueID(imdb)"] = "tt5753856"
    played = stream(box, mediatype="episode", title="Lies", tvshowtitle="Dark", season=1, episode=2, year=2017)
    assert played.item == {
        "type": "episode",
        "show": {"title": "Dark", "ids": {"tmdb": 70523, "imdb": "tt5753856", "tvdb": 334824}},
        "season": 1,
        "number": 2,
        "title": "Lies",
        "file": "https://host/x.mkv",
    }


def test_given_ids_of_another_video_are_not_taken(box: fakekodi.Box) -> None:
    box.properties["script.trakt.ids"] = '{"tmdb": 1, "imdb": "tt0000001"}'
    box.labels["VideoPlayer.UniqueID(imdb)"] = "tt0113277"
    assert stream(box, mediatype="movie", title="Heat").item["ids"] == {"imdb": "tt0113277"}
    box.properties["script.trakt.ids"] = '{"tmdb": 949, "imdb": "tt0113277"}'
    assert stream(box, mediatype="movie", title="Heat").item["ids"] == {"tmdb": 949, "imdb": "tt0113277"}


@pytest.mark.parametrize("left_out", ["true", "false"])
def test_leaving_out_video_addons_holds_for_the_address_they_make(box: fakekodi.Box, left_out: str) -> None:
    box.settings["exclude_plugin"] = left_out
    item = {"mediapath": "plugin://plugin.video.x/play?id=1", "file": "https://host/x.mkv"}
    played = stream(box, "https://host/x.mkv", item, title="Heat", year=1995, mediatype="movie")
    assert played.item["file"].startswith("plugin://" if left_out == "true" else "https://")


def test_a_slug_alone_is_better_than_nothing(box: fakekodi.Box) -> None:
    box.properties["script.trakt.ids"] = '{"slug": "heat-1995"}'
    assert stream(box, title="Heat").item["ids"] == {"slug": "heat-1995"}


def test_ids_that_say_they_are_the_shows_make_the_others_the_episodes(box: fakekodi.Box) -> None:
    box.labels.update({"VideoPlayer.UniqueID(tmdb)": "1234", "VideoPlayer.UniqueID(tvshow.tmdb)": "70523"})
    played = stream(box, mediatype="episode", tvshowtitle="Dark", season=1, episode=2, imdbnumber="tt5753856")
    assert played.item["ids"] == {"tmdb": "1234"}
    assert played.item["show"]["ids"] == {"tmdb": "70523"}


def test_ids_that_may_be_the_shows_or_the_episodes_are_not_taken(box: fakekodi.Box) -> None:
    box.labels["VideoPlayer.UniqueID(tmdb)"] = "70523"
    played = stream(box, mediatype="episode", tvshowtitle="Dark", season=1, episode=2, imdbnumber="tt5753856")
    assert "ids" not in played.item
    assert played.item["show"] == {"title": "Dark"}
    assert not played.settled, "an add-on may say more in a moment"


def test_list_item_properties_can_have_ids(box: fakekodi.Box) -> None:
    film = stream(box, item={"customproperties": {"IMDB_ID": "tt0113277", "IsPlayable": True}}, title="Heat")
    assert film.item["ids"] == {"imdb": "tt0113277"}
    shows = {"customproperties": {"tvshow.tmdb": "70523"}}
    of_show = stream(box, item=shows, mediatype="episode", tvshowtitle="Dark", season=1, episode=2)
    assert of_show.item["show"]["ids"] == {"tmdb": "70523"}


def test_an_addons_film_without_ids_has_title_and_year(box: fakekodi.Box) -> None:
    box.labels["VideoPlayer.Genre"] = "Crime / Drama"
    played = stream(box, mediatype="movie", title="Heat", year=1995)
    assert played.item == {
        "type": "movie",
        "title": "Heat",
        "year": 1995,
        "genres": ["Crime", "Drama"],
        "file": "https://host/x.mkv",
    }
    assert stream(box, mediatype="movie", title="Heat").item["type"] == "file"
    assert stream(box, mediatype="video", title="A talk", year=2020).item["type"] == "file"


def test_the_address_that_was_opened_tells_where_it_comes_from(box: fakekodi.Box) -> None:
    box.properties["script.trakt.ids"] = '{"tmdb": 949}'
    played = stream(box, "/tmp/buffer.mkv", {"mediapath": "plugin://plugin.video.x/play", "file": ""}, title="Heat")
    assert played.item["ids"] == {"tmdb": 949}


@pytest.mark.parametrize("given", ["nonsense", "[1]", "null", '{"tmdb": {"a": 1}}', "{}"])
def test_broken_ids_are_none(box: fakekodi.Box, given: str) -> None:
    box.properties["script.trakt.ids"] = given
    assert stream(box, title="Heat").item["type"] == "file"


def test_music_videos_are_music_videos(box: fakekodi.Box) -> None:
    for video in (
        Video("/music/x.mkv", 200, {"type": "musicvideo", "id": 1}),
        Video("https://host/x", 200, mediatype="musicvideo", title="Song"),
    ):
        assert playing(box, video).item["type"] == "music_video"


def test_an_older_kodi_knows_fewer_properties(box: fakekodi.Box) -> None:
    asked: List[Any] = []

    def answer(params: Dict[str, Any]) -> Dict[str, Any]:
        asked.append(params["properties"])
        return {} if "mediapath" in params["properties"] else {"item": {"type": "unknown", "label": "Heat"}}

    box.rpc_answers["Player.GetItem"] = answer
    assert stream(box, "/loose/Heat.mkv").item == {"type": "file", "title": "Heat", "file": "/loose/Heat.mkv"}
    assert len(asked) == 2


# exclusions


@pytest.mark.parametrize(
    ("value", "excluded"), [("true", True), ("1", True), ("True", True), ("", False), ("no", False)]
)
def test_what_another_addon_excludes_is_excluded(box: fakekodi.Box, value: str, excluded: bool) -> None:
    played = stream(box, item={"customproperties": {"script.trakt.exclude": value}}, title="x")
    assert played.item.get("excluded", False) is excluded
    box.properties["script.trakt.paused"] = value
    assert stream(box, title="x").item.get("excluded", False) is excluded


# live television


def channel(box: fakekodi.Box, programme: Any, labels: Any = None) -> Played:
    box.rpc_answers["PVR.GetChannelDetails"] = {"channeldetails": {"channel": "BBC One", "broadcastnow": programme}}
    box.labels.update(labels or {})
    return playing(box, Video("pvr://channels/tv/x/1.pvr", 0, {"type": "channel", "id": 3, "label": "BBC One"}))


TIMES = {"starttime": "2026-11-22 20:00:00", "endtime": "2026-11-22 21:00:00"}
LIVE = {"channel": "BBC One", "starts_at": "2026-11-22T20:00:00Z", "ends_at": "2026-11-22T21:00:00Z"}


def test_an_episode_on_television(box: fakekodi.Box) -> None:
    labels = {"VideoPlayer.Season": "1", "VideoPlayer.Episode": "2"}
    played = channel(box, {"title": "Dark", "episodename": "Lies", "genre": ["Drama"], **TIMES}, labels)
    assert played.live
    assert played.item == {
        "type": "episode",
        "show": {"title": "Dark"},
        "season": 1,
        "number": 2,
        "title": "Lies",
        "genres": ["Drama"],
        "live": LIVE,
        "file": "pvr://channels/tv/x/1.pvr",
    }


def test_a_film_on_television(box: fakekodi.Box) -> None:
    played = channel(box, {"title": "Heat", "year": 1995, "imdbnumber": "tt0113277", "episodename": "", **TIMES})
    assert played.item["type"] == "movie"
    assert played.item["ids"] == {"imdb": "tt0113277"}
    assert played.item["live"] == LIVE


def test_a_programme_without_numbers_goes_by_its_title(box: fakekodi.Box) -> None:
    assert channel(box, {"title": "News", **TIMES}).item["type"] == "file"
    assert channel(box, {"title": "News", "year": 2020, "episodename": "Monday", **TIMES}).item["type"] == "file"


def test_without_a_guide_it_is_unknown(box: fakekodi.Box) -> None:
    assert channel(box, None).item == {
        "type": "unknown",
        "live": {"channel": "BBC One"},
        "file": "pvr://channels/tv/x/1.pvr",
    }


def test_a_recording_has_its_programme_as_title(box: fakekodi.Box) -> None:
    file = "pvr://recordings/tv/active/x.pvr"
    played = stream(box, file, title="Dark", tvshowtitle="Lies", season=1, episode=2)
    assert played.item["show"] == {"title": "Dark"}
    assert played.item["title"] == "Lies"
    assert stream(box, file, title="Heat", year=1995).item["type"] == "movie"
    assert stream(box, file, title="News").item["type"] == "file"
