"""A Kodi with a small library and a linked account, and a person who watches: plays, jumps, stops, marks.

Films and shows are those that the simulated Trakt knows. Knows nothing of pytest nor of what should come of it.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from driver import Kodi
from library import VideoLibrary
from simtrakt import Sim

HEAT = ("Heat", 1995, {"imdb": "tt0113277", "tmdb": "949"})
THING = ("The Thing", 1982, {"imdb": "tt0084787"})
DARK = ("Dark", 2017, {"tvdb": "334824"})

#: For how long nothing more comes when nothing is to come: longer than the library's and the add-on's own delays.
_QUIET_S = 4.0
#: How long the films and episodes are, in seconds: one per cent is more than a second.
SECONDS = 200


class Watching:
    """What a person does in front of a Kodi."""

    def __init__(self, kodi: Kodi) -> None:
        """Fills the library's folders; `start` comes next."""
        self.kodi = kodi
        self.videos = VideoLibrary(kodi)
        for title, year, ids in (HEAT, THING):
            self.videos.add_film(title, year, ids=ids, seconds=SECONDS)
        title, year, ids = DARK
        self.videos.add_show(title, year, ids=ids)
        for number in (1, 2, 3):
            self.videos.add_episode(title, 1, number, seconds=SECONDS)
        self.videos.add_episode(title, 1, 4, 5, seconds=SECONDS)

    def start(self) -> None:
        """Starts Kodi and has it take in the library; the account is linked."""
        self.kodi.start()
        self.videos.scan()
        self.kodi.wait_home_property("libtrakt.linked", "true")

    # playing

    def film(self, title: str = "Heat") -> None:
        """Plays a film."""
        self.open({"movieid": self.videos.film_id(title)})

    def episode(self, number: int) -> None:
        """Plays an episode of Dark."""
        self.open({"episodeid": self.videos.episode_id("Dark", 1, number)})

    def playlist(self, *numbers: int) -> None:
        """Plays episodes of Dark one after the other."""
        self.kodi.rpc("Playlist.Clear", playlistid=1)
        for number in numbers:
            item = {"episodeid": self.videos.episode_id("Dark", 1, number)}
            self.kodi.rpc("Playlist.Add", playlistid=1, item=item)
        self.open({"playlistid": 1})

    def open(self, item: Dict[str, Any]) -> None:
        """Plays something and waits until the add-on follows it."""
        before, since = self.kodi.home_property("libtrakt.title"), len(self.kodi.notifications)
        self.kodi.rpc("Player.Open", item=item)
        self.kodi.wait_notification("Player.OnAVStart", since=since)
        self.follows(other_than=before if before and self.kodi.home_property("libtrakt.scrobbling") else "")

    def follows(self, other_than: str = "") -> None:
        """Waits until the add-on follows what plays."""

        def follows() -> bool:
            state, title = self.kodi.labels(
                "Window(home).Property(libtrakt.scrobbling)", "Window(home).Property(libtrakt.title)"
            )
            return state == "playing" and title != other_than

        self.kodi.wait("the add-on to follow what plays", follows)

    def seek(self, percent: float) -> None:
        """Jumps, and waits until it plays on from there."""
        since = len(self.kodi.notifications)
        self.kodi.rpc("Player.Seek", playerid=1, value={"percentage": percent})
        self.kodi.wait_notification("Player.OnSeek", since=since)
        self.kodi.wait(f"{percent} %", lambda: percent - 1 < self.percentage() < percent + 5)

    def percentage(self) -> float:
        """Where it is."""
        found: float = self.kodi.rpc("Player.GetProperties", playerid=1, properties=["percentage"])["percentage"]
        return found

    def stop(self) -> None:
        """Presses stop, and waits until the add-on has seen it."""
        self.kodi.rpc("Player.Stop", playerid=1)
        self.wait_over()

    def wait_over(self) -> None:
        """Waits until nothing plays any more, for the add-on too."""
        self.kodi.wait_home_property("libtrakt.scrobbling", "")

    def pause(self) -> None:
        """Pauses, and waits until the add-on has seen it."""
        self.kodi.rpc("Player.PlayPause", playerid=1, play=False)
        self.kodi.wait_home_property("libtrakt.scrobbling", "paused")

    def resume(self) -> None:
        """Goes on."""
        self.kodi.rpc("Player.PlayPause", playerid=1, play=True)
        self.kodi.wait_home_property("libtrakt.scrobbling", "playing")

    def to_the_end(self) -> None:
        """Lets the last seconds run."""
        self.seek(98)
        self.wait_over()


def names(plays: List[Dict[str, Any]]) -> List[str]:
    """What was played, as "Heat" or "1x02"."""
    return [_name(play) for play in plays]


def _name(play: Dict[str, Any]) -> str:
    if play["type"] == "episode":
        place: Tuple[int, int] = play["episode"]["season"], play["episode"]["number"]
        return f"{place[0]}x{place[1]:02}"
    title: str = play["movie"]["title"]
    return title


def wait_plays(kodi: Kodi, sim: Sim, count: int = 1) -> List[Dict[str, Any]]:
    """Waits until Trakt has so many plays, and then a while longer: it must be no more of them."""
    kodi.wait(f"{count} plays", lambda: len(sim.history()) >= count)
    settle(kodi)
    plays = sim.history()
    assert len(plays) == count, plays
    return plays


def settle(kodi: Kodi) -> None:
    """Lets pass what might still come: a mark of Kodi's own, a second report of the same play."""
    kodi.python("import xbmc; xbmc.sleep(ms)", ms=int(_QUIET_S * 1000))
