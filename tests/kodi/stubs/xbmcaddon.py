"""Kodi's module xbmcaddon, as far as the add-on uses it."""

from __future__ import annotations

import fakekodi


class Addon:
    """The add-on with its settings and texts."""

    def __init__(self, id: str = "") -> None:
        if id != fakekodi.ADDON_ID:
            raise RuntimeError("No valid addon id could be obtained")

    def getAddonInfo(self, id: str) -> str:
        box = fakekodi.current()
        return {
            "id": fakekodi.ADDON_ID,
            "name": "Trakt",
            "version": box.version,
            "path": str(box.addon_path) + "/",
            "profile": f"special://profile/addon_data/{fakekodi.ADDON_ID}/",
        }[id]

    def getSetting(self, id: str) -> str:
        return fakekodi.current().setting(id)

    def getSettingString(self, id: str) -> str:
        return self.getSetting(id)

    def getSettingBool(self, id: str) -> bool:
        return self.getSetting(id) == "true"

    def getSettingInt(self, id: str) -> int:
        return int(self.getSetting(id) or 0)

    def setSetting(self, id: str, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("a setting is text")
        fakekodi.current().set_setting(id, value)

    def getLocalizedString(self, id: int) -> str:
        return fakekodi.current().localized(id)

    def openSettings(self) -> None:
        fakekodi.current().builtins.append(f"Addon.OpenSettings({fakekodi.ADDON_ID})")
