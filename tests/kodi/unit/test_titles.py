"""What films, episodes, seasons and series are called."""

from __future__ import annotations

from typing import Any, Dict

import fakekodi
import pytest
from traktkodi.kodi import Kodi
from traktkodi.texts import Text
from traktkodi.titles import title_of

DARK: Dict[str, Any] = {"title": "Dark", "year": 2017}


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"type": "movie", "title": "Heat", "year": 1995}, "Heat (1995)"),
        ({"type": "movie", "title": "Heat"}, "Heat"),
        ({"type": "movie", "title": None, "file": "smb://nas/films/Heat (1995).mkv"}, "Heat (1995).mkv"),
        ({"type": "show", **DARK}, "Dark (2017)"),
        ({"type": "episode", "show": DARK, "season": 1, "number": 2, "title": "Lies"}, "Dark 1x02: Lies"),
        ({"type": "episode", "show": DARK, "season": 0, "number": 12, "title": None}, "Dark 0x12"),
        ({"type": "episode", "show": DARK, "season": None, "number": None, "number_abs": 7}, "Dark, episode 7"),
        ({"type": "episode", "show": DARK, "title": "Lies"}, "Dark Lies"),
        ({"type": "episode", "show": DARK}, "Dark"),
        ({"type": "episode", "show": {"title": None}, "title": "Lies", "season": 1, "number": 2}, "Lies"),
        ({"type": "episode", "ids": {"tvdb": 1}, "file": r"\\nas\tv\dark.mkv"}, "dark.mkv"),
        ({"type": "episode", "ids": {"tvdb": 1}}, "Without a name"),
        ({"type": "season", "show": DARK, "number": 3}, "Dark, season 3"),
        ({"type": "season", "show": DARK, "number": 0}, "Dark, specials"),
        ({"type": "season", "number": 0}, "Without a name"),
        (
            {"type": "episodes", "episodes": [{"show": DARK, "season": 1, "number": 2}, {"show": DARK, "number": 3}]},
            "Dark 1x02",
        ),
        ({"type": "file", "file": "/films/dir/heat.mkv", "title": "heat"}, "heat"),
        ({"type": "file", "file": "https://cdn.example/a/heat.mkv?key=k|User-Agent=x/y"}, "heat.mkv"),
        ({"type": "file", "file": "/films/heat/"}, "heat"),
        ({"type": "episodes", "episodes": []}, "Without a name"),
        ({}, "Without a name"),
    ],
)
def test_it_is_called_as_people_do(kodi: Kodi, item: Dict[str, Any], says: str) -> None:
    title = title_of(item)
    assert (kodi.say(title) if isinstance(title, Text) else title) == says


def test_braces_in_a_name_do_no_harm(kodi: Kodi, box: fakekodi.Box) -> None:
    title = title_of({"type": "movie", "title": "{year} {}", "year": 1999})
    assert isinstance(title, Text)
    assert kodi.say(title).endswith("(1999)")
