"""What skins, key maps, the settings page, the context menu and other add-ons can ask for:
RunScript(service.libtrakt,action=NAME).

The script only hands the wish to the service, which has the client and the screens. Knows nothing of either. What is
asked for an item is done with the one that has the focus, or with one of Kodi's library:
RunScript(service.libtrakt,action=rate,dbtype=movie,dbid=12).
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

import xbmc

from . import list_items, texts
from .kodi import ADDON_ID, WARNING, Kodi
from .texts import Text

#: Asked for without a name, as by the add-on's entry among the programs.
DEFAULT = "open"
#: `open`: the account if one is linked, else linking; `status`: a notification of how things are.
ACTIONS = (DEFAULT, "link", "account", "unlink", "status", "report", "outbox")
#: What can be done with a film, episode, season or series.
WATCHED, UNWATCHED, RATE = "watched", "unwatched", "rate"
WATCHLIST_ADD, WATCHLIST_REMOVE = "watchlist_add", "watchlist_remove"
OF_ITEMS = (WATCHED, UNWATCHED, RATE, WATCHLIST_ADD, WATCHLIST_REMOVE)

#: A property of the home window: the add-on's version while the service runs.
RUNNING = "libtrakt.service"
_MESSAGE = "action"
#: How long the script waits for a service that is still starting.
_PATIENCE_S = 10.0
_LOOK_EVERY_S = 0.2


class Wish(NamedTuple):
    """What was asked for. `facts`: of the item that it is for, as `list_items` has them; None: it is for none."""

    action: str
    facts: Optional[Mapping[str, Any]] = None


def main(arguments: List[str]) -> None:
    """Hands over the wish, waiting for the service if it is still starting."""
    kodi = Kodi()
    values = _values(arguments)
    action = values["action"]
    if action in OF_ITEMS:
        _hand_over(kodi, action, _facts(kodi, values))
    elif action in ACTIONS:
        _hand_over(kodi, action)
    else:
        kodi.notify(Text(texts.ACTION_UNKNOWN, {"action": " ".join(arguments)}), WARNING)


def of_context_menu(action: str, item: Any) -> None:
    """The same for a list item (xbmcgui.ListItem) whose context menu the user has opened."""
    _hand_over(Kodi(), action, list_items.facts_of_item(item))


def _hand_over(kodi: Kodi, action: str, facts: Optional[Mapping[str, Any]] = None) -> None:
    monitor = xbmc.Monitor()
    waited = 0.0
    while not kodi.property(RUNNING):
        if waited >= _PATIENCE_S:
            kodi.notify(Text(texts.SERVICE_NOT_RUNNING), WARNING)
            return
        if monitor.waitForAbort(_LOOK_EVERY_S):
            return
        waited += _LOOK_EVERY_S
    data: Dict[str, Any] = {"action": action, "facts": facts} if facts is not None else {"action": action}
    kodi.rpc("JSONRPC.NotifyAll", sender=ADDON_ID, message=_MESSAGE, data=data)


def wanted(sender: str, method: str, data: str) -> Optional[Wish]:
    """What a notification of Kodi asks for; None for all other notifications."""
    if sender != ADDON_ID or method != f"Other.{_MESSAGE}":
        return None
    try:
        wish = json.loads(data)
        action, facts = wish.get("action"), wish.get("facts")
    except (ValueError, AttributeError):
        return None
    if action in OF_ITEMS and isinstance(facts, dict):
        return Wish(action, facts)
    return Wish(action) if action in ACTIONS else None


def _values(arguments: List[str]) -> Dict[str, str]:
    """`action=link`, or `link` alone; further ones as `dbid=12`."""
    values = {"action": DEFAULT}
    for argument in arguments:
        name, given, value = argument.rpartition("=")
        if value.strip() or given:
            values[name.strip().lower().lstrip("?&") or "action"] = value.strip()
    values["action"] = values["action"].lower()
    return values


def _facts(kodi: Kodi, values: Mapping[str, str]) -> Mapping[str, Any]:
    """Of the item that was named, else of the one with the focus."""
    if values.get("dbtype") and values.get("dbid"):
        return {"kind": values["dbtype"].lower(), "dbid": values["dbid"]}
    return list_items.facts_of(
        lambda name: kodi.label(f"ListItem.{name}"), lambda site: kodi.label(f"ListItem.UniqueID({site})")
    )
