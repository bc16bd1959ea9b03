"""Which film or episode a list item is: of Kodi's library, or of an add-on that says so."""

from __future__ import annotations

from typing import Any, Dict, Optional

import fakekodi
import pytest
from traktkodi import list_items
from traktkodi.items import Items
from traktkodi.kodi import Kodi

MOVIE = {"title": "Heat", "year": 1995, "uniqueid": {"imdb": "tt0113277", "tmdb": "949", "own": "1"}, "file": "/h.mkv"}
EPISODE = {
    "title": "Lies",
    "season": 1,
    "episode": 2,
    "showtitle": "Dark",
    "tvshowid": 5,
    "uniqueid": {"tvdb": "6307361"},
    "file": "/d.mkv",
}
SHOW = {"title": "Dark", "year": 2017, "uniqueid": {"tvdb": "334824", "unknown": "tt5753856"}}
THE_SHOW = {"title": "Dark", "year": 2017, "ids": {"tvdb": "334824", "imdb": "tt5753856"}}


@pytest.fixture(autouse=True)
def library(box: fakekodi.Box) -> None:
    """Kodi's library."""

    def details(name: str, id: str, number: int, found: Dict[str, Any]) -> Any:
        def answer(params: Dict[str, Any]) -> Dict[str, Any]:
            if params[id] != number:
                return {}
            return {name: {key: value for key, value in found.items() if key in params["properties"]}}

        return answer

    box.rpc_answers = {
        "VideoLibrary.GetMovieDetails": details("moviedetails", "movieid", 1, MOVIE),
        "VideoLibrary.GetEpisodeDetails": details("episodedetails", "episodeid", 2, EPISODE),
        "VideoLibrary.GetSeasonDetails": details(
            "seasondetails", "seasonid", 3, {"season": 1, "showtitle": "Dark", "tvshowid": 5}
        ),
        "VideoLibrary.GetTVShowDetails": details("tvshowdetails", "tvshowid", 5, SHOW),
    }


def facts(labels: Dict[str, str], ids: Optional[Dict[str, str]] = None) -> Dict[str, Any]:
    return list_items.facts_of(lambda name: labels.get(name, ""), lambda site: (ids or {}).get(site, ""))


@pytest.mark.parametrize(
    ("kind", "dbid", "item"),
    [
        (
            "movie",
            "1",
            {
                "type": "movie",
                "title": "Heat",
                "year": 1995,
                "ids": {"imdb": "tt0113277", "tmdb": "949"},
                "file": "/h.mkv",
            },
        ),
        (
            "episode",
            "2",
            {
                "type": "episode",
                "show": THE_SHOW,
                "season": 1,
                "number": 2,
                "title": "Lies",
                "ids": {"tvdb": "6307361"},
                "file": "/d.mkv",
            },
        ),
        ("season", "3", {"type": "season", "show": THE_SHOW, "number": 1}),
        ("tvshow", "5", {"type": "show", **THE_SHOW}),
    ],
)
def test_what_is_in_the_library_is_looked_up_there(kodi: Kodi, kind: str, dbid: str, item: Dict[str, Any]) -> None:
    assert list_items.item_of(facts({"DBTYPE": kind, "DBID": dbid, "Title": "something else"}), Items(kodi)) == item


def test_what_the_library_does_not_know_any_more_is_what_the_item_says(kodi: Kodi) -> None:
    said = facts({"DBTYPE": "movie", "DBID": "77", "Title": "Heat", "Year": "1995", "IMDBNumber": "tt0113277"})
    assert list_items.item_of(said, Items(kodi)) == {
        "type": "movie",
        "title": "Heat",
        "year": 1995,
        "ids": {"imdb": "tt0113277"},
    }


def test_a_number_of_another_addon_is_none_of_the_library(kodi: Kodi, box: fakekodi.Box) -> None:
    labels = {"DBTYPE": "movie", "DBID": "1", "FileNameAndPath": "plugin://plugin.video.films/?id=1", "Title": "Ronin"}
    assert list_items.item_of(facts(labels), Items(kodi)) == {
        "type": "movie",
        "title": "Ronin",
        "year": None,
        "ids": {},
    }
    assert box.rpc_calls == []


def test_an_addons_episode_has_its_own_ids_and_those_of_its_series(kodi: Kodi) -> None:
    labels = {
        "DBTYPE": "episode",
        "DBID": "-1",
        "Title": "Lies",
        "Season": "1",
        "Episode": "2",
        "TVShowTitle": "Dark",
        "Property(tvshow.imdb)": "tt5753856",
    }
    said = facts(labels, {"tmdb": "1328227", "tvshow.tmdb": "70523"})
    assert list_items.item_of(said, Items(kodi)) == {
        "type": "episode",
        "show": {"title": "Dark", "year": None, "ids": {"tmdb": "70523", "imdb": "tt5753856"}},
        "season": 1,
        "number": 2,
        "title": "Lies",
        "ids": {"tmdb": "1328227"},
    }


def test_the_ids_of_an_addons_season_are_not_those_of_its_series(kodi: Kodi) -> None:
    labels = {"DBTYPE": "season", "DBID": "", "Season": "1", "TVShowTitle": "Dark"}
    assert list_items.item_of(facts(labels, {"tmdb": "9"}), Items(kodi)) == {
        "type": "season",
        "show": {"title": "Dark", "year": None, "ids": {}},
        "number": 1,
    }


def test_a_series_of_an_addon(kodi: Kodi) -> None:
    labels = {"DBTYPE": "tvshow", "TVShowTitle": "Dark", "Year": "2017"}
    assert list_items.item_of(facts(labels, {"tvdb": "334824"}), Items(kodi)) == {
        "type": "show",
        "title": "Dark",
        "year": 2017,
        "ids": {"tvdb": "334824"},
    }


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"DBTYPE": "song", "DBID": "1", "Title": "Help!"},
        {"DBTYPE": "movie", "DBID": ""},
        {"DBTYPE": "episode", "Title": "Lies"},
        {"DBTYPE": "episode", "Title": "Lies", "TVShowTitle": "Dark", "Season": "1", "Episode": "-1"},
        {"DBTYPE": "season", "Season": "1"},
        {"DBTYPE": "season", "TVShowTitle": "Dark", "Season": "-1"},
    ],
)
def test_what_says_too_little_is_nothing(kodi: Kodi, labels: Dict[str, str]) -> None:
    assert list_items.item_of(facts(labels), Items(kodi)) is None


class Tag:
    """As Kodi 20 has it; Kodi 19 without getUniqueID."""

    def __init__(self, **values: Any) -> None:
        self.values = values

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("get") or (name == "getUniqueID" and "ids" not in self.values):
            raise AttributeError(name)
        return lambda *key: self.values["ids"].get(key[0], "") if key else self.values.get(name[3:], "")


class Item:
    """A list item as scripts of context menus get it."""

    def __init__(self, tag: Tag, ids: Dict[str, str]) -> None:
        self.tag, self.ids = tag, ids

    def getVideoInfoTag(self) -> Tag:
        return self.tag

    def getLabel(self) -> str:
        return "1. Heat"

    def getPath(self) -> str:
        return "plugin://x/"

    def getProperty(self, name: str) -> str:
        return {"slug": "heat-1995"}.get(name, "")

    def getUniqueID(self, site: str) -> str:
        return self.ids.get(site, "")


@pytest.mark.parametrize("has_own", [True, False])
def test_what_kodi_hands_to_the_script_of_a_context_menu(kodi: Kodi, has_own: bool) -> None:
    ids = {"imdb": "tt0113277"}
    values: Dict[str, Any] = {"MediaType": "movie", "DbId": -1, "Title": "Heat", "Year": 1995, "Season": -1}
    item = Item(Tag(**values, **({"ids": ids} if has_own else {})), {} if has_own else ids)
    said = list_items.facts_of_item(item)
    assert list_items.item_of(said, Items(kodi)) == {
        "type": "movie",
        "title": "Heat",
        "year": 1995,
        "ids": {"imdb": "tt0113277", "slug": "heat-1995"},
    }
