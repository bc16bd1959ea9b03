"""The Kodi that the stubs xbmc, xbmcgui, xbmcaddon and xbmcvfs pretend to be, and what tests may do to it.

`box` is the one there is; the fixture of the same name makes it new for each test. As in Kodi, callbacks (onInit,
onClick, onAction, onNotification, onSettingsChanged) are queued and run inside waitForAbort only, or by `deliver`.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import po

TOP = Path(__file__).resolve().parents[3]
ADDON = TOP / "plugin" / "kodi" / "service.libtrakt"
ADDON_ID = "service.libtrakt"


class FakeClock:
    """Three clocks, in seconds, that stand still until a test moves them."""

    def __init__(self) -> None:
        self._monotonic = 1000.0
        self._slept = 0.0
        self._wall = 1_790_000_000.0  # 2026-09-21

    def monotonic(self) -> float:
        return self._monotonic

    def elapsed(self) -> float:
        return self._monotonic + self._slept

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        """Time passes."""
        self._monotonic += seconds
        self._wall += seconds

    def sleep(self, seconds: float) -> None:
        """The box sleeps."""
        self._slept += seconds
        self._wall += seconds

    def jump(self, seconds: float) -> None:
        """The wall clock is set."""
        self._wall += seconds


class Notification(NamedTuple):
    """A toast in the corner."""

    heading: str
    message: str
    icon: str
    milliseconds: int


class Video:
    """What the player plays: `item` as Player.GetItem has it, `tag` as the player knows it."""

    def __init__(self, file: str, duration_s: float, item: Optional[Dict[str, Any]] = None, **tag: Any) -> None:
        self.file = file
        self.position_s = 0.0
        self.duration_s = duration_s
        self.item = {"type": "unknown", "file": file, "label": file.rpartition("/")[2], **(item or {})}
        self.tag = tag


class Box:
    """One Kodi: what it was told, what it knows, and what its user does."""

    def __init__(self, home: Path) -> None:
        self.userdata = self.master = home / "userdata"
        self.addon_path = ADDON
        self.profile_path = self.userdata / "addon_data" / ADDON_ID  # not made: it isn't there on a first run
        self.clock = FakeClock()
        self.language = "en_gb"
        self.version = "0.1.0"
        #: The add-on's settings, as text; those not set have the default of settings.xml.
        self.settings: Dict[str, str] = {}
        self.core_settings: Dict[str, Any] = {}
        #: Conditions that are true, and info labels.
        self.conditions: Dict[str, bool] = {}
        self.labels: Dict[str, str] = {"System.BuildVersion": "20.1 (20.1.0)"}
        #: Texts of Kodi itself, and how the user's region writes things, such as `dateshort`.
        self.core_texts: Dict[int, str] = {}
        self.region: Dict[str, str] = {"dateshort": "%d/%m/%Y", "datelong": "%A, %d %B %Y", "time": "%H:%M:%S"}
        #: Answers to JSON-RPC by method: the result, or a function of the params.
        self.rpc_answers: Dict[str, Any] = {}
        self.rpc_calls: List[Dict[str, Any]] = []
        self.properties: Dict[str, str] = {}
        self.notifications: List[Notification] = []
        self.builtins: List[str] = []
        self.log_lines: List[str] = []
        #: The script windows on the screen, the topmost last.
        self.windows: List[Any] = []
        self.monitors: List[Any] = []
        self.players: List[Any] = []
        self.video: Optional[Video] = None
        self.aborting = False
        self._queue: List[Callable[[], Any]] = []

    # what the user and Kodi do

    @property
    def window(self) -> Any:
        """The topmost script window; None while there is none."""
        return self.windows[-1] if self.windows else None

    def click(self, control: int) -> None:
        """OK on a control of the topmost window."""
        window = self.window
        window.check_control(control)
        window.focus = control
        self._queue.append(lambda: window.onClick(control))
        self.deliver()

    def press(self, action: int) -> None:
        """A key, as an action's number, in the topmost window."""
        import xbmcgui

        window = self.window
        self._queue.append(lambda: window.onAction(xbmcgui.Action(action)))
        self.deliver()

    def back(self) -> None:
        """The Back key."""
        import xbmcgui

        self.press(xbmcgui.ACTION_NAV_BACK)

    def user_sets(self, **values: str) -> None:
        """The user changes settings on the settings page and leaves it."""
        self.settings.update(values)
        self.later(self._settings_changed)
        self.deliver()

    def notify_all(self, sender: str, method: str, data: Any = None) -> None:
        """A notification to all monitors."""
        text = json.dumps(data)
        self.later(lambda: [monitor.onNotification(sender, method, text) for monitor in list(self.monitors)])

    def play(self, video: Video) -> None:
        """The player starts a video. What it played before it drops, without a word."""
        self.video = video
        self.later_of_players("onPlayBackStarted")
        self.later_of_players("onAVStarted")

    def stop_video(self, ended: bool = False) -> None:
        """The video is stopped, or at its end."""
        self.video = None
        self.later_of_players("onPlayBackEnded" if ended else "onPlayBackStopped")

    def later_of_players(self, callback: str, *arguments: Any) -> None:
        """Queues a callback of all players."""
        self.later(lambda: [getattr(player, callback)(*arguments) for player in list(self.players)])

    def abort(self) -> None:
        """Kodi ends, or the add-on is disabled."""
        self.aborting = True

    def later(self, callback: Callable[[], Any]) -> None:
        """Queues a callback."""
        self._queue.append(callback)

    def deliver(self) -> None:
        """Runs the callbacks that are queued, and those that they queue."""
        while self._queue:
            self._queue.pop(0)()

    # what the stubs ask

    def setting(self, id: str) -> str:
        """A setting's value or default; an id that settings.xml doesn't have is a fault."""
        defaults = self.setting_defaults()
        if defaults and id not in defaults:
            raise KeyError(f"settings.xml has no setting {id}")
        return self.settings.get(id, defaults.get(id, ""))

    def setting_defaults(self) -> Dict[str, str]:
        """The ids of resources/settings.xml and their defaults."""
        return _setting_defaults(self.addon_path / "resources" / "settings.xml")

    def set_setting(self, id: str, value: str) -> None:
        """As Addon.setSetting: tells every monitor of the add-on, also the one who did it."""
        self.setting(id)
        self.settings[id] = value
        self.later(self._settings_changed)

    def _settings_changed(self) -> None:
        for monitor in list(self.monitors):
            monitor.onSettingsChanged()

    def localized(self, id: int) -> str:
        """A text of the add-on in `language`, else in English, else nothing."""
        if not 30000 <= id < 34000:
            return ""
        for language in (self.language, "en_gb"):
            path = self.addon_path / "resources" / "language" / f"resource.language.{language}" / "strings.po"
            words = _texts(path).get(id)
            if words:
                return words
        return ""

    def translate(self, path: str) -> str:
        """special:// paths."""
        for prefix, real in (
            (f"special://profile/addon_data/{ADDON_ID}", self.profile_path),
            ("special://masterprofile", self.master),
            ("special://profile", self.userdata),
            ("special://xbmc", self.userdata.parent / "xbmc"),
            ("special://home", self.userdata.parent),
        ):
            if path.startswith(prefix):
                return str(real) + path[len(prefix) :]
        return "" if path.startswith("special://") else path

    def json_rpc(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Answers a request; what nobody gave an answer for is an unknown method."""
        method, params = request["method"], request.get("params", {})
        self.rpc_calls.append({"method": method, **params})
        if method in self.rpc_answers:
            answer = self.rpc_answers[method]
            return {"result": answer(params) if callable(answer) else answer}
        if method == "Player.GetItem" and self.video:
            return {"result": {"item": self.video.item}}
        if method == "JSONRPC.NotifyAll":
            self.notify_all(params["sender"], "Other." + params["message"], params.get("data"))
            return {"result": "OK"}
        if method == "Settings.GetSettingValue" and params["setting"] in self.core_settings:
            return {"result": {"value": self.core_settings[params["setting"]]}}
        return {"error": {"code": -32602, "message": "Invalid params."}}


@lru_cache(maxsize=None)
def _setting_defaults(path: Path) -> Dict[str, str]:
    if not path.exists():
        return {}
    settings = ElementTree.parse(path).iter("setting")
    return {setting.attrib["id"]: setting.findtext("default") or "" for setting in settings}


@lru_cache(maxsize=None)
def _texts(path: Path) -> Dict[int, str]:
    return po.texts(path) if path.exists() else {}


#: The Kodi of the running test.
box: Optional[Box] = None


def current() -> Box:
    """The Kodi of the running test; a fault outside of one."""
    assert box is not None, "use the fixture `box` or `kodi`"
    return box
