"""What skins and other add-ons may know of the account: properties of the home window. Knows nothing of screens."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from .kodi import Kodi
from .outbox_counts import Counts

LINKED = "libtrakt.linked"
USER = "libtrakt.user"
VIP = "libtrakt.vip"
STATE = "libtrakt.state"
WAITING = "libtrakt.outbox.waiting"
REFUSED = "libtrakt.outbox.refused"


def name_of(account: Mapping[str, Any]) -> str:
    """The name of the linked user, as people call it; empty while it isn't known."""
    user = account.get("user") or {}
    return user.get("name") or user.get("username") or user.get("slug") or ""


class Properties:
    """Sets what has changed: each setting makes Kodi look at its windows again."""

    def __init__(self, kodi: Kodi) -> None:
        """Nothing is set yet."""
        self._kodi = kodi
        self._set: Dict[str, str] = {}

    def step(self, account: Mapping[str, Any], outbox: Optional[Counts] = None) -> None:
        """Shows the account, and what waits for Trakt, as it is now."""
        has_account = account.get("state") not in ("none", "unavailable")
        user = account.get("user") or {}
        self._show(LINKED, "true" if account.get("linked") else "")
        self._show(USER, name_of(account) if has_account else "")
        self._show(VIP, "true" if has_account and user.get("vip") else "")
        self._show(STATE, str(account.get("state") or ""))
        self._show(WAITING, str(outbox.waiting) if outbox and outbox.waiting else "")
        self._show(REFUSED, str(outbox.refused) if outbox and outbox.refused else "")

    def clear(self) -> None:
        """Removes what was set."""
        for name in list(self._set):
            self._show(name, "")

    def _show(self, name: str, value: str) -> None:
        if self._set.get(name, "") != value:
            self._set[name] = value
            self._kodi.set_property(name, value)
