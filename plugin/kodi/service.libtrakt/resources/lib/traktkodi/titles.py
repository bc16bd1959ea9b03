"""What a film, episode, season or series is called, from the item that the library has of it. Pure."""

from __future__ import annotations

import re
from typing import Any, Mapping, Union

from . import texts
from .texts import Text

#: What is shown: a text of ours, or a name as it is.
Words = Union[Text, str]


def title_of(item: Mapping[str, Any]) -> Words:
    """As people call it: "Heat (1995)", "Dark 1x02: Lies", "Dark, season 1"; of a file its name."""
    kind = item.get("type")
    if kind == "episodes":
        parts = item.get("episodes") or [{}]
        return title_of({**parts[0], "type": "episode"})
    if kind == "episode":
        return _episode(item)
    if kind == "season":
        return _season(item)
    return _titled(item) or _file(item) or Text(texts.NAME_NONE)


def _titled(item: Mapping[str, Any]) -> Words:
    title, year = item.get("title") or "", item.get("year")
    return Text(texts.NAME_WITH_YEAR, {"title": title, "year": year}) if title and year else str(title)


def _episode(item: Mapping[str, Any]) -> Words:
    show, title = _show(item), item.get("title") or ""
    season, number, counted = item.get("season"), item.get("number"), item.get("number_abs")
    if not show:
        return title or _file(item) or Text(texts.NAME_NONE)
    if season is not None and number is not None:
        values = {"show": show, "number": f"{season}x{number:02}" if isinstance(number, int) else f"{season}x{number}"}
        return (
            Text(texts.NAME_EPISODE_TITLED, {**values, "title": title}) if title else Text(texts.NAME_EPISODE, values)
        )
    if counted is not None:
        return Text(texts.NAME_EPISODE_COUNTED, {"show": show, "number": counted})
    return Text(texts.NAME_EPISODE, {"show": show, "number": title}) if title else show


def _season(item: Mapping[str, Any]) -> Words:
    show, number = _show(item), item.get("number")
    if not show:
        return Text(texts.NAME_NONE)
    if number == 0:
        return Text(texts.NAME_SPECIALS, {"show": show})
    return Text(texts.NAME_SEASON, {"show": show, "season": number}) if number is not None else show


def _show(item: Mapping[str, Any]) -> str:
    return str((item.get("show") or {}).get("title") or "")


def _file(item: Mapping[str, Any]) -> str:
    """The last part of its path, without what an address has behind it."""
    path = re.split(r"[?|]", str(item.get("file") or ""))[0]
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]
