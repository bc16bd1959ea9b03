"""What skins, key maps, the settings page and other add-ons can ask for: RunScript(service.libtrakt,action=NAME).

The script only hands the wish to the service, which has the client and the screens. Knows nothing of either.
"""

from __future__ import annotations

import json
from typing import List, Optional

import xbmc

from . import texts
from .kodi import ADDON_ID, WARNING, Kodi
from .texts import Text

#: Asked for without a name, as by the add-on's entry among the programs.
DEFAULT = "open"
#: `open`: the account if one is linked, else linking; `status`: a notification of how things are.
ACTIONS = (DEFAULT, "link", "account", "unlink", "status", "report")

#: A property of the home window: the add-on's version while the service runs.
RUNNING = "libtrakt.service"
_MESSAGE = "action"
#: How long the script waits for a service that is still starting.
_PATIENCE_S = 10.0
_LOOK_EVERY_S = 0.2


def main(arguments: List[str]) -> None:
    """Hands over the wish, waiting for the service if it is still starting."""
    kodi = Kodi()
    action = _action(arguments)
    if action is None:
        kodi.notify(Text(texts.ACTION_UNKNOWN, {"action": " ".join(arguments)}), WARNING)
        return
    monitor = xbmc.Monitor()
    waited = 0.0
    while not kodi.property(RUNNING):
        if waited >= _PATIENCE_S:
            kodi.notify(Text(texts.SERVICE_NOT_RUNNING), WARNING)
            return
        if monitor.waitForAbort(_LOOK_EVERY_S):
            return
        waited += _LOOK_EVERY_S
    kodi.rpc("JSONRPC.NotifyAll", sender=ADDON_ID, message=_MESSAGE, data={"action": action})


def wanted(sender: str, method: str, data: str) -> Optional[str]:
    """The action that a notification of Kodi asks for; None for all other notifications."""
    if sender != ADDON_ID or method != f"Other.{_MESSAGE}":
        return None
    try:
        action = json.loads(data).get("action")
    except (ValueError, AttributeError):
        return None
    return action if action in ACTIONS else None


def _action(arguments: List[str]) -> Optional[str]:
    """`action=link`, or `link` alone."""
    if not arguments or not arguments[0]:
        return DEFAULT
    name = arguments[0].rpartition("action=")[2].strip().lower()
    return name if name in ACTIONS else None
