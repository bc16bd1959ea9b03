"""What Kodi plays or has in its library, as the items that the library takes.

Ids are told apart by whose they are: of an episode in Kodi's library they are the episode's own, of an episode that
another add-on plays they are usually its show's. Knows nothing of what happens to an item.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from .kodi import Kodi

Item = Dict[str, Any]
#: What Kodi's library calls a thing: its type there and its number.
Entry = Tuple[str, int]

MOVIE, EPISODE, SEASON, TVSHOW = "movie", "episode", "season", "tvshow"

#: Window and list-item properties that add-ons have set for years, by the name of the add-on they were made for.
GIVEN_IDS = "script.trakt.ids"
LEFT_OUT = "script.trakt.paused"
EXCLUDED = "script.trakt.exclude"

_ID_NAMES = ("trakt", "imdb", "tmdb", "tvdb", "slug")
_OF_SHOW = "tvshow."
#: What older scrapers call their ids.
_OTHER_NAMES = {"themoviedb": "tmdb", "thetvdb": "tvdb"}

_PLAYED = ["title", "file"]
#: Not known to every Kodi.
_PLAYED_MORE = [*_PLAYED, "customproperties", "mediapath"]
_MOVIE = ["title", "year", "uniqueid", "imdbnumber", "genre", "tag", "file"]
_EPISODE = ["title", "showtitle", "season", "episode", "uniqueid", "tvshowid", "file"]
_SEASON = ["season", "showtitle", "tvshowid"]
_SHOW = ["title", "year", "uniqueid", "imdbnumber", "genre", "tag"]

_STACK = "stack://"
_RECORDING = "pvr://recordings"
_PLUGIN = "plugin://"
#: What another add-on plays comes from such places, and never from a disk or a share.
_FROM_ADDONS = re.compile(r"(?i)(plugin|https?|rtmp\w*|rtsp|mms\w*|udp|rtp|hls)://")
_IMDB = re.compile(r"tt\d+")


class Played(NamedTuple):
    """What plays: the item, and what of Kodi's library is in it. `settled`: asking again later would say the same."""

    item: Item
    entries: FrozenSet[Entry] = frozenset()
    live: bool = False
    settled: bool = True


class Items:
    """Asks Kodi; each question goes to its database and takes some milliseconds."""

    def __init__(self, kodi: Kodi) -> None:
        """Nothing is asked yet."""
        self._kodi = kodi

    # what plays

    def playing(self) -> Played:
        """What the video player plays now."""
        item = self._played()
        kind, number = str(item.get("type")), item.get("id")
        path = str(item.get("mediapath") or "")
        file = str(item.get("file") or "") or self._kodi.playing_file()
        if path.lower().startswith(_PLUGIN) and self._kodi.setting("exclude_plugin") == "true":
            file = path  # where it comes from, not the address that was made of it
        excluded = self._is_excluded(item)
        if kind == "musicvideo" or self._kodi.video_tag().kind == "musicvideo":
            return Played(_put({"type": "music_video"}, file=file, excluded=excluded))
        if kind == "channel" and isinstance(number, int):
            return Played(_put(self._programme(item, number), file=file, excluded=excluded), live=True, settled=False)
        if kind in (MOVIE, EPISODE) and isinstance(number, int) and number > 0:
            found = self._of_library_whole(kind, number)
            if found:
                return found._replace(item=_put(found.item, file=file, excluded=excluded), settled=not excluded)
        found = self._elsewhere(item, path or file)
        whole = _put(found.item, file=file or path, excluded=excluded)
        return found._replace(item=whole, settled=found.settled and not excluded)

    def _played(self) -> Mapping[str, Any]:
        for properties in (_PLAYED_MORE, _PLAYED):
            item = self._kodi.rpc("Player.GetItem", playerid=1, properties=properties).get("item")
            if isinstance(item, dict):
                return item
        return {}

    def _is_excluded(self, item: Mapping[str, Any]) -> bool:
        own = _lower_keys(item.get("customproperties")).get(EXCLUDED)
        return _is_on(own) or _is_on(self._kodi.property(LEFT_OUT))

    # the library

    def of_library(self, entry: Entry, shows: Dict[int, Mapping[str, Any]]) -> Optional[Item]:
        """What the library has by this number; None if there is nothing. `shows` keeps what was read of shows."""
        kind, number = entry
        if kind == MOVIE:
            found = self._details("VideoLibrary.GetMovieDetails", "moviedetails", _MOVIE, movieid=number)
            return _movie(found) if found else None
        if kind == EPISODE:
            found = self._details("VideoLibrary.GetEpisodeDetails", "episodedetails", _EPISODE, episodeid=number)
            return _episode(found, self._show(found, shows)) if found else None
        if kind == SEASON:
            found = self._details("VideoLibrary.GetSeasonDetails", "seasondetails", _SEASON, seasonid=number)
            return _season(found, self._show(found, shows)) if found else None
        if kind == TVSHOW:
            found = self._show({"tvshowid": number}, shows)
            return _named("show", found) if found else None
        return None

    def _of_library_whole(self, kind: str, number: int) -> Optional[Played]:
        """The same with all episodes that are in the same file."""
        if kind == MOVIE:
            item = self.of_library((kind, number), {})
            return Played(item, frozenset({(kind, number)})) if item else None
        details = self._details("VideoLibrary.GetEpisodeDetails", "episodedetails", _EPISODE, episodeid=number)
        if not details:
            return None
        shows: Dict[int, Mapping[str, Any]] = {}
        show = self._show(details, shows)
        together = self._same_file(details)
        if len(together) < 2:
            return Played(_episode(details, show), frozenset({(EPISODE, number)}))
        parts = [_without(_episode(one, show), "genres", "tags", "file") for one in together]
        item = {"type": "episodes", "episodes": parts, **_excludables(show)}
        return Played(item, frozenset((EPISODE, int(one["episodeid"])) for one in together))

    def _same_file(self, episode: Mapping[str, Any]) -> List[Mapping[str, Any]]:
        """The episodes in this one's file, in their order."""
        file, show = str(episode.get("file") or ""), episode.get("tvshowid")
        if not file or file.startswith(_STACK) or not isinstance(show, int) or show < 1:
            return []
        name = re.split(r"[/\\]", file)[-1]
        wanted = {"field": "filename", "operator": "is", "value": name}
        found = self._kodi.rpc("VideoLibrary.GetEpisodes", tvshowid=show, properties=_EPISODE, filter=wanted)
        same = [one for one in found.get("episodes") or [] if one.get("file") == file]
        return sorted(same, key=lambda one: (one.get("season", 0), one.get("episode", 0)))

    def _show(self, episode: Mapping[str, Any], shows: Dict[int, Mapping[str, Any]]) -> Mapping[str, Any]:
        number = episode.get("tvshowid")
        if not isinstance(number, int) or number < 1:
            return {}
        if number not in shows:
            shows[number] = self._details("VideoLibrary.GetTVShowDetails", "tvshowdetails", _SHOW, tvshowid=number)
        return shows[number]

    def _details(self, method: str, key: str, properties: List[str], **number: int) -> Mapping[str, Any]:
        found = self._kodi.rpc(method, properties=properties, **number).get(key)
        return found if isinstance(found, dict) else {}

    # outside the library

    def _elsewhere(self, item: Mapping[str, Any], path: str) -> Played:
        tag = self._kodi.video_tag()
        name = _put({"type": "file"}, title=tag.title or str(item.get("label") or ""))
        if path.lower().startswith(_RECORDING):
            return Played(_recording(tag, name))
        foreign = _FROM_ADDONS.match(path) is not None
        given = self._given_ids() if foreign else {}
        more = _lower_keys(item.get("customproperties"))
        genres = [genre.strip() for genre in tag.genre.split(" / ") if genre.strip()]
        if tag.kind == EPISODE or tag.show or (tag.season >= 0 and tag.episode >= 0):
            show_ids = _with_given({**self._ids(_OF_SHOW), **_prefixed(more, _OF_SHOW)}, given)
            show = _put({}, title=tag.show, ids=show_ids)
            # Unless the show's own stands beside it, an id of an add-on's episode may be its show's: worse than none.
            shows = self._ids(_OF_SHOW)
            own = {name: id for name, id in self._ids("").items() if shows.get(name, id) != id}
            if not show or tag.season < 0 or tag.episode < 0:
                return Played(name, settled=not foreign)
            place = {"type": EPISODE, "show": show, "season": tag.season, "number": tag.episode}
            return Played(_put(place, title=tag.title, ids=own, genres=genres), settled=bool(show_ids) or not foreign)
        named = {key.replace("_id", ""): value for key, value in more.items()}
        ids = _with_given({**_ids(named), **self._ids("")}, given)
        if ids or (tag.kind == MOVIE and tag.title and tag.year):
            movie = _put({"type": MOVIE}, title=tag.title, year=tag.year, ids=ids, genres=genres)
            return Played(movie, settled=bool(ids) or not foreign)
        return Played(name, settled=not foreign)

    def _given_ids(self) -> Dict[str, Any]:
        """The ids that the add-on which plays has left for us: of a film, or of an episode's show."""
        try:
            given = json.loads(self._kodi.property(GIVEN_IDS) or "{}")
        except ValueError:
            return {}
        ids = _ids(given if isinstance(given, dict) else {})
        # Made of the title by most add-ons, without asking: with another id beside it a risk only.
        return _without(ids, "slug") if len(ids) > 1 else ids

    def _ids(self, prefix: str) -> Dict[str, Any]:
        """The ids that the item which plays has in the player."""
        found = {name: self._kodi.label(f"VideoPlayer.UniqueID({prefix}{name})") for name in _ID_NAMES}
        if not prefix and not found["imdb"]:
            found["imdb"] = self._kodi.video_tag().imdb
        return _ids(found)

    # live television

    def _programme(self, item: Mapping[str, Any], channel: int) -> Item:
        label = str(item.get("label") or "")
        now: Mapping[str, Any] = {}
        properties = ["channel", "broadcastnow"]
        details = self._kodi.rpc("PVR.GetChannelDetails", channelid=channel, properties=properties)
        if isinstance(details.get("channeldetails"), dict):
            label = str(details["channeldetails"].get("channel") or label)
            now = details["channeldetails"].get("broadcastnow") or {}
        live = _put({}, channel=label, starts_at=_moment(now.get("starttime")), ends_at=_moment(now.get("endtime")))
        title = str(now.get("title") or "")
        season, number = self._number("VideoPlayer.Season"), self._number("VideoPlayer.Episode")
        if number is None and isinstance(now.get("episodenum"), int) and now["episodenum"] > 0:
            number = now["episodenum"]
        genres = [genre for genre in _texts(now.get("genre")) if genre]
        found: Item
        if not title:
            found = {"type": "unknown"}
        elif season is not None and number is not None:
            found = {"type": EPISODE, "show": {"title": title}, "season": season, "number": number}
            found = _put(found, title=str(now.get("episodename") or ""))
        elif isinstance(now.get("year"), int) and now["year"] > 0 and not now.get("episodename"):
            imdb = str(now.get("imdbnumber") or "")
            found = {"type": MOVIE, "title": title, "year": now["year"], **({"ids": {"imdb": imdb}} if imdb else {})}
        else:
            found = {"type": "file", "title": title}
        return _put(found, genres=genres, live=live)

    def _number(self, label: str) -> Optional[int]:
        text = self._kodi.label(label)
        return int(text) if text.isascii() and text.isdigit() else None


# items of what Kodi says


def _movie(details: Mapping[str, Any]) -> Item:
    return {**_named(MOVIE, details), **_excludables(details), **_put({}, file=str(details.get("file") or ""))}


def _named(kind: str, details: Mapping[str, Any]) -> Item:
    ids = _library_ids(details)
    return _put({"type": kind}, title=str(details.get("title") or ""), year=_year(details), ids=ids)


def _episode(details: Mapping[str, Any], show: Mapping[str, Any]) -> Item:
    item: Item = _put({"type": EPISODE}, show=_show_of(details, show))
    season, number = details.get("season"), details.get("episode")
    if isinstance(season, int) and isinstance(number, int) and season >= 0 and number >= 0:
        item.update(season=season, number=number)
    item = _put(item, title=str(details.get("title") or ""), ids=_library_ids(details))
    return {**item, **_excludables(show), **_put({}, file=str(details.get("file") or ""))}


def _season(details: Mapping[str, Any], show: Mapping[str, Any]) -> Item:
    return {"type": SEASON, "show": _show_of(details, show), "number": details.get("season")}


def _show_of(details: Mapping[str, Any], show: Mapping[str, Any]) -> Item:
    """The show as part of what is in it."""
    return _without(_named("show", {"title": details.get("showtitle"), **show}), "type")


def _excludables(details: Mapping[str, Any]) -> Item:
    return _put({}, genres=_texts(details.get("genre")), tags=_texts(details.get("tag")))


def _recording(tag: Any, name: Item) -> Item:
    """A recording's title is the programme's, its "show title" the episode's."""
    if tag.title and tag.season >= 0 and tag.episode >= 0:
        item = {"type": EPISODE, "show": {"title": tag.title}, "season": tag.season, "number": tag.episode}
        return _put(item, title=tag.show)
    if tag.title and tag.year and not tag.show:
        return {"type": MOVIE, "title": tag.title, "year": tag.year}
    return name


def _library_ids(details: Mapping[str, Any]) -> Dict[str, Any]:
    ids = _ids(_lower_keys(details.get("uniqueid")))
    number = str(details.get("imdbnumber") or "")
    # The scraper's favourite id, whatever kind that is; only imdb's can be told from others.
    if "imdb" not in ids and _IMDB.fullmatch(number):
        ids["imdb"] = number
    return ids


def _ids(found: Mapping[str, Any]) -> Dict[str, Any]:
    """Those of the names that Trakt knows; whether a value can be an id, the library judges."""
    named = {_OTHER_NAMES.get(name, name): value for name, value in found.items()}
    ids = {name: named[name] for name in _ID_NAMES if named.get(name) and isinstance(named[name], (str, int))}
    unknown = str(named.get("unknown") or "")
    if "imdb" not in ids and _IMDB.fullmatch(unknown):
        ids["imdb"] = unknown
    return ids


def _with_given(own: Dict[str, Any], given: Mapping[str, Any]) -> Dict[str, Any]:
    """What was given may be left from another video: beside own ids it needs one that is the same."""
    if own and not any(str(own.get(name)) == str(id) for name, id in given.items()):
        return own
    return {**given, **own}


def _prefixed(found: Mapping[str, Any], prefix: str) -> Dict[str, Any]:
    return _ids({key[len(prefix) :]: value for key, value in found.items() if key.startswith(prefix)})


def _year(details: Mapping[str, Any]) -> int:
    year = details.get("year")
    # What Kodi says when it doesn't know.
    return year if isinstance(year, int) and year not in (1601, 1970) else 0


def _moment(text: Any) -> str:
    """Kodi's "2026-11-22 20:00:00", which is UTC, as the library writes it."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)Z?", str(text or ""))
    return f"{match[1]}T{match[2]}Z" if match else ""


def _texts(value: Any) -> List[str]:
    values: Iterable[Any] = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and text]


def _lower_keys(value: Any) -> Dict[str, Any]:
    return {str(key).lower(): one for key, one in value.items()} if isinstance(value, dict) else {}


def _is_on(value: Any) -> bool:
    return str(value or "").strip().lower() in ("true", "1")


def _put(item: Mapping[str, Any], **values: Any) -> Item:
    """The item with those values that say something."""
    return {**item, **{key: value for key, value in values.items() if value}}


def _without(item: Mapping[str, Any], *keys: str) -> Item:
    return {key: value for key, value in item.items() if key not in keys}
