"""The one door to Kodi's API (the screens aside), so that everything else can be tested without Kodi.

Knows nothing of Trakt. No call here waits for the user or the network.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Mapping, NamedTuple, Optional, Set

import xbmc
import xbmcaddon
import xbmcgui
import xbmcvfs

from .texts import TRAKT, Text

ADDON_ID = "service.libtrakt"
#: Texts from here on are the add-on's; those below are Kodi's own.
FIRST_TEXT = 30000

#: Levels of the core's log records, and Kodi's own.
_LOG_LEVELS = {
    "error": xbmc.LOGERROR,
    "warn": xbmc.LOGWARNING,
    "info": xbmc.LOGINFO,
    "debug": xbmc.LOGDEBUG,
    "trace": xbmc.LOGDEBUG,
}

#: No video is longer; beyond that it is a number that went wrong.
_LONGEST_S = 1_000_000
#: How far behind the end a position may be, in milliseconds: the end is measured in whole frames.
_SLACK_MS = 10_000

INFO, WARNING, ERROR = xbmcgui.NOTIFICATION_INFO, xbmcgui.NOTIFICATION_WARNING, xbmcgui.NOTIFICATION_ERROR


class Playing(NamedTuple):
    """The video that plays: its path or address, and where it is; None: the player doesn't know."""

    file: str
    position_ms: Optional[int]
    duration_ms: Optional[int]


class VideoTag(NamedTuple):
    """What the player knows of the video that plays; empty, 0 or -1: nothing."""

    kind: str = ""
    title: str = ""
    year: int = 0
    show: str = ""
    season: int = -1
    episode: int = -1
    imdb: str = ""
    genre: str = ""


class Kodi:
    """Kodi as this add-on sees it."""

    def __init__(self) -> None:
        """Finds the add-on by its id: outside of a script's own thread Kodi couldn't tell which one is meant."""
        self._addon = xbmcaddon.Addon(ADDON_ID)
        self._home = xbmcgui.Window(10000)
        self._player = xbmc.Player()
        #: Which of screen saver and energy saving are on.
        self._resting: Set[str] = set()
        self.addon_version: str = self._addon.getAddonInfo("version")
        self.addon_path: str = xbmcvfs.translatePath(self._addon.getAddonInfo("path"))
        self.profile_path: str = xbmcvfs.translatePath(self._addon.getAddonInfo("profile"))

    # texts

    def text(self, id: int, **values: Any) -> str:
        """The text in the user's language, its {placeholders} filled."""
        return self.say(Text(id, values))

    def say(self, text: Text) -> str:
        """The same for a `Text`."""
        own = text.id >= FIRST_TEXT
        words = self._addon.getLocalizedString(text.id) if own else xbmc.getLocalizedString(text.id)
        values = {key: self.say(value) if isinstance(value, Text) else value for key, value in text.values.items()}
        # Not str.format: a translator's slip must not raise, and a value may contain braces.
        for key, value in values.items():
            words = words.replace("{" + key + "}", str(value))
        return words

    def notify(self, text: Text, icon: str = INFO, seconds: float = 6) -> None:
        """A notification in the corner, for `seconds`."""
        # Not its words: they may name the user.
        self.log("debug", f"notification {text.id}")
        xbmcgui.Dialog().notification(self.text(TRAKT), self.say(text), icon, int(seconds * 1000), False)

    # settings

    def setting(self, id: str) -> str:
        """A setting of the add-on, as text."""
        return self._addon.getSetting(id)

    def set_setting(self, id: str, value: str) -> None:
        """Changes a setting, if it isn't so already: each change makes Kodi write its file."""
        if self.setting(id) != value:
            self._addon.setSetting(id, value)

    def core_setting(self, id: str) -> Any:
        """A setting of Kodi itself; None if there is none of this name."""
        return self.rpc("Settings.GetSettingValue", setting=id).get("value")

    # the player

    def playing(self) -> Optional[Playing]:
        """The video that plays or is paused; None if none is."""
        try:
            if not self._player.isPlayingVideo():
                return None
            position, duration = self._player.getTime(), self._player.getTotalTime()
            file = self._player.getPlayingFile()
        except RuntimeError:  # it has just ended
            return None
        duration_ms = round(duration * 1000) if 0 < duration < _LONGEST_S else None
        # Before the first picture it can be a little less than nothing, or what that is without its sign.
        past = position < _LONGEST_S and (duration_ms is None or position * 1000 <= duration_ms + _SLACK_MS)
        return Playing(file, max(0, round(position * 1000)) if past else None, duration_ms)

    def playing_file(self) -> str:
        """The path or address of what plays; empty if nothing does."""
        try:
            return self._player.getPlayingFile()
        except RuntimeError:
            return ""

    def video_tag(self) -> VideoTag:
        """What the player knows of the video that plays."""
        try:
            tag = self._player.getVideoInfoTag()
        except RuntimeError:
            return VideoTag()
        return VideoTag(
            kind=tag.getMediaType(),
            title=tag.getTitle(),
            year=max(0, tag.getYear()),
            show=tag.getTVShowTitle(),
            season=tag.getSeason(),
            episode=tag.getEpisode(),
            imdb=tag.getIMDBNumber(),
            genre=self.label("VideoPlayer.Genre"),
        )

    # asking and telling Kodi

    def condition(self, condition: str) -> bool:
        """Whether one of `CONDITIONS`, which skins know by these names, is true."""
        return CONDITIONS[condition](self)

    def noted(self, method: str) -> None:
        """Kodi reports something; some of it is what conditions depend on."""
        if method in _RESTS:
            self._resting.add(_RESTS[method])
        elif method in _WAKES:
            self._resting.discard(_WAKES[method])

    def label(self, name: str) -> str:
        """An info label of skins, such as System.BuildVersion."""
        return xbmc.getInfoLabel(name)

    def region(self, name: str) -> str:
        """How the user's region writes things: `dateshort` gives %d/%m/%Y or the like, `time` %H:%M:%S."""
        return xbmc.getRegion(name)

    def builtin(self, command: str) -> None:
        """A built-in function; returns before it is done."""
        xbmc.executebuiltin(command)

    def rpc(self, method: str, **params: Any) -> Mapping[str, Any]:
        """Kodi's JSON-RPC; an empty result for an error."""
        result = _result(method, params)
        return result if isinstance(result, dict) else {}

    def rpc_done(self, method: str, **params: Any) -> bool:
        """The same for what has nothing to tell: whether Kodi did it."""
        return bool(_result(method, params) == "OK")

    def set_property(self, name: str, value: str) -> None:
        """A property of the home window, where skins and other add-ons can see it; empty text removes it."""
        if value:
            self._home.setProperty(name, value)
        else:
            self._home.clearProperty(name)

    def property(self, name: str) -> str:
        """A property of the home window."""
        return self._home.getProperty(name)

    def forget_picture(self, url: str) -> None:
        """Removes a picture of the web from Kodi's own store of pictures, where it would stay for good."""
        wanted = {"field": "url", "operator": "is", "value": url}
        for texture in self.rpc("Textures.GetTextures", filter=wanted).get("textures") or []:
            self.rpc("Textures.RemoveTexture", textureid=texture["textureid"])

    def translate(self, path: str) -> str:
        """A special:// path as a path of the system."""
        return xbmcvfs.translatePath(path)

    def log(self, level: str, message: str) -> None:
        """A line in kodi.log; levels as the library names them."""
        xbmc.log(f"[{ADDON_ID}] {message}", _LOG_LEVELS.get(level, xbmc.LOGINFO))

    # what conditions stand for

    def _has_game(self) -> bool:
        player = self._player
        return player.isPlaying() and not player.isPlayingAudio() and not player.isPlayingVideo()


def _result(method: str, params: Mapping[str, Any]) -> Any:
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return json.loads(xbmc.executeJSONRPC(json.dumps(request))).get("result")


_SCREEN_SAVER, _ENERGY_SAVING = "screen saver", "energy saving"
_RESTS = {"GUI.OnScreensaverActivated": _SCREEN_SAVER, "GUI.OnDPMSActivated": _ENERGY_SAVING}
_WAKES = {"GUI.OnScreensaverDeactivated": _SCREEN_SAVER, "GUI.OnDPMSDeactivated": _ENERGY_SAVING}

#: Kodi's own numbers of windows.
_SLIDESHOW, _STARTUP, _SPLASH, _LOGIN, NO_WINDOW = 12007, 12999, 12997, 10029, 9999
_FULLSCREEN_VIDEO = 12005

#: Not by Kodi's getCondVisibility: that waits for the next picture on the screen while it keeps all Python scripts from
#: running; and when Kodi wants to end the service just then, to change the profile, both wait for each other.
CONDITIONS: Mapping[str, Callable[[Kodi], bool]] = {
    "Player.HasVideo": lambda kodi: kodi._player.isPlayingVideo(),
    "Player.HasGame": lambda kodi: kodi._has_game(),
    "VideoPlayer.IsFullscreen": lambda kodi: xbmcgui.getCurrentWindowId() == _FULLSCREEN_VIDEO,
    "Slideshow.IsActive": lambda kodi: xbmcgui.getCurrentWindowId() == _SLIDESHOW,
    "System.ScreenSaverActive": lambda kodi: _SCREEN_SAVER in kodi._resting,
    "System.DPMSActive": lambda kodi: _ENERGY_SAVING in kodi._resting,
    "Window.IsActive(startup)": lambda kodi: xbmcgui.getCurrentWindowId() == _STARTUP,
    "Window.IsActive(splash)": lambda kodi: xbmcgui.getCurrentWindowId() == _SPLASH,
    "Window.IsActive(loginscreen)": lambda kodi: xbmcgui.getCurrentWindowId() == _LOGIN,
    "System.HasActiveModalDialog": lambda kodi: xbmcgui.getCurrentWindowDialogId() != NO_WINDOW,
}
