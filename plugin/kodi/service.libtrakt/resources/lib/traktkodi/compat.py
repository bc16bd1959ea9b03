"""Living beside other add-ons: what skins and key maps may know of the video that plays, and script.trakt, which tells
Trakt the same.

script.trakt is asked about once: its settings can be taken over, and it be switched off. Knows nothing of the player.
"""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from typing import Dict, List, Mapping, Optional

from . import texts
from .kodi import INFO, WARNING, Kodi
from .player import ENDED, STOPPED, Report
from .questions import Questions
from .state import State
from .texts import Text
from .titles import title_of

#: Properties of the home window: `playing` or `paused` while a video is followed, what it is, or why it isn't.
SCROBBLING, TITLE, REASON = "libtrakt.scrobbling", "libtrakt.title", "libtrakt.reason"

OTHER_ID = "script.trakt"
_ASKED = "script_trakt"
_TAKEN, _KEPT = "taken", "kept"
_ANSWERS = (Text(texts.OTHER_TAKE), Text(texts.OTHER_KEEP), Text(texts.LATER))
_TAKE, _KEEP, _LATER = range(3)
_QUESTION = Text(texts.OTHER_HEADING)

#: Switches of script.trakt that have a counterpart here.
_SWITCHES = {
    "scrobble_movie": "scrobble_movies",
    "scrobble_episode": "scrobble_episodes",
    "ExcludeLiveTV": "exclude_live",
    "ExcludeHTTP": "exclude_http",
    "ExcludePlugin": "exclude_plugin",
    "rate_movie": "rate_movies",
    "rate_episode": "rate_episodes",
}
_MOST_PATHS = 12
_OWN_FOLDERS = ("exclude_folder_1", "exclude_folder_2", "exclude_folder_3")
_OWN_PATHS, _BETWEEN_PATHS = "exclude_paths", "|"


class Publisher:
    """Shows others what plays; to be told each report."""

    def __init__(self, kodi: Kodi) -> None:
        """Nothing plays."""
        self._kodi = kodi
        self._shown: Dict[str, str] = {}

    def played(self, report: Report) -> None:
        """Something plays, or has."""
        if report.event in (STOPPED, ENDED):
            self.clear()
            return
        state = str(report.reply.get("state") or "")
        follows = state in ("playing", "paused")
        self._show(SCROBBLING, state if follows else "")
        title = title_of(report.item)
        self._show(TITLE, (self._kodi.say(title) if isinstance(title, Text) else title) if follows else "")
        self._show(REASON, "" if follows else str(report.reply.get("reason") or ""))

    def clear(self) -> None:
        """Removes what is shown."""
        for name in list(self._shown):
            self._show(name, "")

    def _show(self, name: str, value: str) -> None:
        if self._shown.get(name, "") != value:
            self._shown[name] = value
            self._kodi.set_property(name, value)


class OtherAddon:
    """script.trakt: offers once to take its settings over and to switch it off."""

    def __init__(self, kodi: Kodi, state: State, questions: Questions) -> None:
        """Nothing is asked yet."""
        self._kodi = kodi
        self._state = state
        self._questions = questions
        self.enabled = False
        self._later = False

    def see(self) -> None:
        """Sees whether it runs."""
        details = self._kodi.rpc("Addons.GetAddonDetails", addonid=OTHER_ID, properties=["enabled"])
        self.enabled = bool((details.get("addon") or {}).get("enabled"))

    def look(self, linked: bool) -> None:
        """Sees whether it runs, and asks if that is new; about once a minute. Without an account here it may stay."""
        self.see()
        if not self.enabled or not linked or self._later or self._state.get(_ASKED):
            self._questions.withdraw(_QUESTION)
            return
        self._questions.ask(_QUESTION, Text(texts.OTHER_TEXT), _ANSWERS, self._answered)

    def facts(self) -> str:
        """For the support report: what follows from both being there."""
        if not self.enabled:
            return "not enabled"
        return "enabled: both tell Trakt; Trakt refuses the second report of a play while it remembers the first (409)"

    def _answered(self, answer: Optional[int]) -> None:
        if answer == _TAKE:
            self._take_over()
            self._state.set(_ASKED, _TAKEN)
        elif answer == _KEEP:
            self._state.set(_ASKED, _KEPT)
        else:
            self._later = True  # until Kodi is started again

    def _take_over(self) -> None:
        for id, value in settings_from(self._settings_of_other()).items():
            self._kodi.set_setting(id, value)
        off = self._kodi.rpc_done("Addons.SetAddonEnabled", addonid=OTHER_ID, enabled=False)
        self.enabled = not off
        text, icon = (texts.OTHER_TAKEN, INFO) if off else (texts.OTHER_STAYS, WARNING)
        self._kodi.notify(Text(text), icon)

    def _settings_of_other(self) -> Dict[str, str]:
        path = os.path.join(self._kodi.translate("special://profile/addon_data/"), OTHER_ID, "settings.xml")
        try:
            root = ElementTree.parse(path).getroot()
        except (OSError, ElementTree.ParseError):
            return {}  # nobody has changed any
        found = {}
        for setting in root.iter("setting"):
            if setting.get("default") == "true":
                continue  # nobody has chosen it
            # Older Kodis wrote the value as an attribute.
            found[setting.get("id", "")] = (setting.get("value") or setting.text or "").strip()
        return found


def settings_from(other: Mapping[str, str]) -> Dict[str, str]:
    """Our settings, as those of script.trakt say; what it leaves at its default stays as it is here."""
    ours = {own: other[id].lower() for id, own in _SWITCHES.items() if other.get(id, "").lower() in ("true", "false")}
    if other.get("scrobble_notification", "").lower() in ("true", "false"):
        ours["notify_scrobbled"] = "1" if other["scrobble_notification"].lower() == "true" else "0"
    minutes = _number(other.get("scrobble_start_offset", ""))
    if minutes is not None:
        ours["watching_delay"] = str(min(300, minutes * 60))
    paths = _paths(other)
    if paths:
        ours.update(zip(_OWN_FOLDERS, paths))
        ours[_OWN_PATHS] = _BETWEEN_PATHS.join(paths[len(_OWN_FOLDERS) :])
    return ours


def _paths(other: Mapping[str, str]) -> List[str]:
    numbers = ["", *map(str, range(2, _MOST_PATHS + 1))]
    chosen = [n for n in numbers if other.get(f"ExcludePathOption{n}", "").lower() == "true"]
    return [path for path in (other.get(f"ExcludePath{n}", "") for n in chosen) if path]


def _number(text: str) -> Optional[int]:
    try:
        return max(0, int(float(text)))
    except ValueError:
        return None
