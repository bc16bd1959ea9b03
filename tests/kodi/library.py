"""A video library for a tested Kodi: films and shows with ids, as clips with nfo files, taken in by Kodi's own scan.

    videos = VideoLibrary(kodi)
    film = videos.add_film("Heat", 1995, ids={"imdb": "tt0113277", "tmdb": "949"}, seconds=100)
    videos.add_show("Dark", 2017, ids={"tvdb": "334824"})
    videos.add_episode("Dark", 1, 2, ids={"tvdb": "6307361"}, seconds=100)
    kodi.start()
    videos.scan()
    kodi.rpc("Player.Open", item={"movieid": videos.film_id("Heat")})

Knows nothing of Trakt nor pytest.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple
from xml.sax.saxutils import escape, quoteattr

from driver import Kodi

_PATH_ROW = (
    "INSERT INTO path (strPath, strContent, strScraper, strHash, scanRecursive, useFolderNames, strSettings, noUpdate,"
    " exclude, allAudio, dateAdded) VALUES (?, ?, 'metadata.local', '', ?, 0, '', 0, 0, 0, datetime('now'))"
)
#: Kodi's number for "all folders below, too".
_ALL_BELOW = 2147483647


def clip(path: Path, seconds: int) -> Path:
    """A grey video without sound, which a player can seek to each of its seconds; equal ones are encoded once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = Path(tempfile.gettempdir()) / f"libtrakt-clip-{os.getuid()}-{seconds}.mkv"
    if not kept.exists():
        made = path.with_name(f"{path.name}.making.mkv")
        source = f"color=gray:size=64x36:rate=10:duration={seconds}"
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast"]
        subprocess.run([*command, "-g", "10", "-pix_fmt", "yuv420p", str(made)], check=True)
        shutil.move(str(made), str(kept))  # perhaps to another disk
    path.write_bytes(kept.read_bytes())
    return path


def _nfo(kind: str, values: Sequence[Tuple[str, object]], ids: Mapping[str, str]) -> str:
    lines = [f"  <{tag}>{escape(str(value))}</{tag}>\n" for tag, value in values]
    lines += [
        f"  <uniqueid type={quoteattr(name)} default={quoteattr(str(number == 0).lower())}>{escape(id)}</uniqueid>\n"
        for number, (name, id) in enumerate(ids.items())
    ]
    return f"<{kind}>\n{''.join(lines)}</{kind}>\n"


class VideoLibrary:
    """The library of one Kodi, in its folder. Added before or after its start; there after `scan`."""

    def __init__(self, kodi: Kodi) -> None:
        """Empty."""
        self._kodi = kodi
        self.films = kodi.folder / "films"
        self.shows = kodi.folder / "shows"
        self.films.mkdir()
        self.shows.mkdir()

    # what is in it

    def add_film(
        self,
        title: str,
        year: int,
        *,
        ids: Mapping[str, str],
        seconds: int,
        genres: Sequence[str] = (),
        tags: Sequence[str] = (),
        parts: int = 1,
    ) -> Path:
        """A film; of several `parts` (files of `seconds` each) the first one's path."""
        folder = self.films / f"{title} ({year})"
        names = [folder.name] if parts == 1 else [f"{folder.name}-cd{part}" for part in range(1, parts + 1)]
        files = [clip(folder / f"{name}.mkv", seconds) for name in names]
        values = [("title", title), ("year", year), ("premiered", f"{year}-05-01")]
        values += [("genre", genre) for genre in genres] + [("tag", tag) for tag in tags]
        files[0].with_suffix(".nfo").write_text(_nfo("movie", values, ids))
        return files[0]

    def add_show(self, title: str, year: int, *, ids: Mapping[str, str], genres: Sequence[str] = ()) -> Path:
        """A show without episodes."""
        folder = self.shows / title
        folder.mkdir()
        values = [("title", title), ("year", year), ("premiered", f"{year}-12-01")]
        values += [("genre", genre) for genre in genres]
        (folder / "tvshow.nfo").write_text(_nfo("tvshow", values, ids))
        return folder

    def add_episode(
        self, show: str, season: int, *numbers: int, ids: Sequence[Mapping[str, str]] = (), seconds: int
    ) -> Path:
        """An episode, or several in one file; `ids` are those of each."""
        name = f"{show} S{season:02}" + "".join(f"E{number:02}" for number in numbers)
        file = clip(self.shows / show / f"Season {season}" / f"{name}.mkv", seconds)
        texts = [
            _nfo(
                "episodedetails",
                [("title", f"Episode {number}"), ("showtitle", show), ("season", season), ("episode", number)],
                ids[index] if index < len(ids) else {},
            )
            for index, number in enumerate(numbers)
        ]
        file.with_suffix(".nfo").write_text("".join(texts))
        return file

    # Kodi takes it in

    @property
    def database(self) -> Path:
        """Kodi's own database of videos."""
        (found,) = (self._kodi.home.userdata() / "Database").glob("MyVideos*.db")
        return found

    def scan(self) -> None:
        """Has the running Kodi take in what is there."""
        connection = sqlite3.connect(str(self.database), timeout=30)
        with connection:
            known = {row[0] for row in connection.execute("SELECT strPath FROM path WHERE strContent IS NOT NULL")}
            for folder, content, recursive in ((self.films, "movies", _ALL_BELOW), (self.shows, "tvshows", 0)):
                if f"{folder}/" not in known:
                    connection.execute(_PATH_ROW, (f"{folder}/", content, recursive))
        connection.close()
        since = len(self._kodi.notifications)
        self._kodi.rpc("VideoLibrary.Scan", showdialogs=False)
        self._kodi.wait_notification("VideoLibrary.OnScanFinished", since=since)

    # what Kodi calls it

    def film_id(self, title: str) -> int:
        """Kodi's number for a film."""
        return self._id("VideoLibrary.GetMovies", "movies", "movieid", lambda one: one["label"] == title)

    def show_id(self, title: str) -> int:
        """Kodi's number for a show."""
        return self._id("VideoLibrary.GetTVShows", "tvshows", "tvshowid", lambda one: one["label"] == title)

    def episode_id(self, show: str, season: int, number: int) -> int:
        """Kodi's number for an episode."""

        def is_it(one: Dict[str, Any]) -> bool:
            return (one["showtitle"], one["season"], one["episode"]) == (show, season, number)

        properties = ["showtitle", "season", "episode"]
        return self._id("VideoLibrary.GetEpisodes", "episodes", "episodeid", is_it, properties)

    def playcount(self, title: str) -> int:
        """How often Kodi thinks that a film was watched."""
        found = self._kodi.rpc("VideoLibrary.GetMovieDetails", movieid=self.film_id(title), properties=["playcount"])
        count: int = found["moviedetails"]["playcount"]
        return count

    def _id(self, method: str, kind: str, key: str, is_it: Any, properties: Optional[List[str]] = None) -> int:
        found = self._kodi.rpc(method, **({"properties": properties} if properties else {})).get(kind, [])
        (number,) = [one[key] for one in found if is_it(one)]
        assert isinstance(number, int)
        return number
