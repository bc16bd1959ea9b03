"""Which film, episode, season or series a list item of Kodi is: of its library, or of any add-on that says so.

The script that Kodi runs for a context menu collects what the item itself says (`facts_of`), and the service makes of
it what the library takes (`item_of`): what is in Kodi's library is looked up there, with the ids of the series.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional

from .items import EPISODE, MOVIE, SEASON, TVSHOW, Items

#: Kodi's names for kinds of items, and ours.
_KINDS = {MOVIE: "movie", EPISODE: "episode", SEASON: "season", TVSHOW: "show"}
_SITES = ("trakt", "imdb", "tmdb", "tvdb", "slug")
#: How add-ons call the ids of an episode's series.
_SHOW = "tvshow."
_FACTS = {"title": "Title", "year": "Year", "season": "Season", "number": "Episode", "show_title": "TVShowTitle"}


def facts_of(label: Callable[[str], str], unique_id: Callable[[str], str]) -> Dict[str, Any]:
    """What an item says of itself. `label`: its info label of this name, `unique_id`: its id at this site, both empty
    if it has none.
    """
    facts: Dict[str, Any] = {"kind": label("DBTYPE").lower(), "dbid": label("DBID"), "file": label("FileNameAndPath")}
    facts.update({key: label(name) for key, name in _FACTS.items()})
    for key, prefix in (("ids", ""), ("show_ids", _SHOW)):
        facts[key] = {site: unique_id(prefix + site) or label(f"Property({prefix}{site})") for site in _SITES}
    if not any(facts["ids"].values()):
        facts["ids"]["imdb"] = label("IMDBNumber")
    return facts


def facts_of_item(item: Any) -> Dict[str, Any]:
    """The same for an xbmcgui.ListItem."""
    tag = item.getVideoInfoTag()
    said = {
        "DBTYPE": tag.getMediaType(),
        "DBID": tag.getDbId(),
        "FileNameAndPath": item.getPath(),
        "Title": tag.getTitle() or item.getLabel(),
        "Year": tag.getYear(),
        "Season": tag.getSeason(),
        "Episode": tag.getEpisode(),
        "TVShowTitle": tag.getTVShowTitle(),
        "IMDBNumber": tag.getIMDBNumber(),
    }
    # Kodi 19 has them at the item only.
    unique_id = getattr(tag, "getUniqueID", None) or item.getUniqueID

    def label(name: str) -> str:
        if name.startswith("Property("):
            return str(item.getProperty(name[len("Property(") : -1]))
        return str(said[name])

    return facts_of(label, lambda site: str(unique_id(site)))


def item_of(facts: Mapping[str, Any], items: Items) -> Optional[Dict[str, Any]]:
    """The item as the library takes it; None if the facts don't say what it is."""
    of_kodi = str(facts.get("kind"))
    if of_kodi not in _KINDS:
        return None
    # Add-ons give their items numbers, too, which are none of Kodi's library.
    number = 0 if str(facts.get("file") or "").startswith("plugin://") else _number(facts.get("dbid"))
    return (items.of_library((of_kodi, number), {}) if number else None) or _of_facts(_KINDS[of_kodi], facts)


# by what the item says


def _of_facts(kind: str, facts: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
    ids, show_ids = _known(facts.get("ids")), _known(facts.get("show_ids"))
    title, year = facts.get("title") or None, _number(facts.get("year"))
    if kind in ("movie", "show"):
        title = title or (facts.get("show_title") if kind == "show" else None)
        return {"type": kind, "title": title, "year": year, "ids": ids} if title or ids else None
    show = {"title": facts.get("show_title") or None, "year": None, "ids": show_ids}
    season, number = _number(facts.get("season")), _number(facts.get("number"))
    if kind == "season":
        # The ids of a season say nothing of its series.
        known = season is not None and (show["title"] or show_ids)
        return {"type": "season", "show": show, "number": season} if known else None
    placed = season is not None and number is not None and bool(show["title"] or show_ids)
    if not placed and not ids:
        return None
    return {"type": "episode", "show": show, "season": season, "number": number, "title": title, "ids": ids}


def _known(ids: Any) -> Dict[str, str]:
    return {site: str(id) for site, id in ids.items() if site in _SITES and id} if isinstance(ids, dict) else {}


def _number(value: Any) -> Optional[int]:
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if number >= 0 else None
