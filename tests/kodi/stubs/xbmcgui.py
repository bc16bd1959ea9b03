"""Kodi's module xbmcgui, as far as the add-on uses it."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Optional

import fakekodi

NOTIFICATION_INFO, NOTIFICATION_WARNING, NOTIFICATION_ERROR = "info", "warning", "error"
ACTION_MOVE_LEFT, ACTION_MOVE_RIGHT, ACTION_MOVE_UP, ACTION_MOVE_DOWN = 1, 2, 3, 4
ACTION_PAGE_UP, ACTION_PAGE_DOWN = 5, 6
ACTION_SELECT_ITEM, ACTION_PREVIOUS_MENU, ACTION_STOP = 7, 10, 13
REMOTE_0, REMOTE_9 = 58, 67
ACTION_NAV_BACK, ACTION_BACKSPACE, ACTION_PARENT_DIR = 92, 110, 9


def _text(value: str) -> str:
    """As Kodi, which takes nothing else for a text."""
    if not isinstance(value, str):
        raise TypeError("this must be text")
    return value


def getCurrentWindowId() -> int:
    """Home, unless `conditions` say otherwise."""
    conditions = fakekodi.current().conditions
    return next((number for name, number in _WINDOWS.items() if conditions.get(name, False)), 10000)


def getCurrentWindowDialogId() -> int:
    """The topmost dialog: a window of the add-on, or what `conditions` say."""
    box = fakekodi.current()
    return 13000 if box.windows else 10100 if box.conditions.get("System.HasActiveModalDialog", False) else 9999


_WINDOWS = {
    "Slideshow.IsActive": 12007,
    "VideoPlayer.IsFullscreen": 12005,
    "Window.IsActive(startup)": 12999,
    "Window.IsActive(splash)": 12997,
    "Window.IsActive(loginscreen)": 10029,
}


class Action:
    """A key that was pressed."""

    def __init__(self, id: int) -> None:
        self._id = id

    def getId(self) -> int:
        return self._id


class Window:
    """A window by its number; only the home window has properties that last."""

    def __init__(self, id: int = -1) -> None:
        self._properties = fakekodi.current().properties if id == 10000 else {}

    def setProperty(self, key: str, value: str) -> None:
        self._properties[key.lower()] = _text(value)

    def getProperty(self, key: str) -> str:
        return self._properties.get(key.lower(), "")

    def clearProperty(self, key: str) -> None:
        self._properties.pop(key.lower(), None)

    def clearProperties(self) -> None:
        self._properties.clear()


class WindowXMLDialog(Window):
    """A window of the add-on. Tests click it by `box.click` and look at `properties`, `focus` and `is_open`."""

    def __new__(cls, xml: str, script_path: str, skin: str = "default", resolution: str = "720p", *more: Any) -> Any:
        window = super().__new__(cls)
        window.xml = Path(script_path) / "resources" / "skins" / skin / resolution / xml
        window.properties = {}
        window.lists = {}
        window.places = {}
        window.fields = {}
        window.is_open = False
        window.focus = 0
        return window

    xml: Path
    #: What was shown, by the names that the window's XML uses.
    properties: Dict[str, Any]
    #: The entries of lists, by the list's number.
    lists: Dict[int, List[ListItem]]
    #: Which entry of a list has the focus, and what was typed into fields, by their numbers.
    places: Dict[int, int]
    fields: Dict[int, str]
    is_open: bool
    focus: int

    def __init__(self, *arguments: Any, **more: Any) -> None:
        pass

    def setProperty(self, key: str, value: str) -> None:
        self.properties[key] = _text(value)

    def getProperty(self, key: str) -> str:
        return self.properties.get(key, "")

    def clearProperty(self, key: str) -> None:
        self.properties.pop(key, None)

    def show(self) -> None:
        """At once on the screen; onInit comes later."""
        box = fakekodi.current()
        if self.is_open:
            return
        self.is_open = True
        box.windows.append(self)
        box.later(lambda: self.onInit() if self.is_open else None)

    def doModal(self) -> None:
        raise AssertionError("doModal would hold up the service")

    def close(self) -> None:
        self.is_open = False
        if self in fakekodi.current().windows:
            fakekodi.current().windows.remove(self)

    def setFocusId(self, control: int) -> None:
        self.check_control(control)
        self.focus = control
        fakekodi.current().later(lambda: self.onFocus(control) if self.is_open else None)

    def getFocusId(self) -> int:
        return self.focus

    def getControl(self, control: int) -> Any:
        self.check_control(control)
        return Control(self, control)

    def onInit(self) -> None:
        pass

    def onClick(self, control: int) -> None:
        pass

    def onAction(self, action: Action) -> None:
        pass

    def onFocus(self, control: int) -> None:
        pass

    def check_control(self, control: int) -> None:
        """A control that the window's XML doesn't have is a fault."""
        assert str(control) in _controls(self.xml), f"{self.xml.name} has no control {control}"


@lru_cache(maxsize=None)
def _controls(xml: Path) -> FrozenSet[Optional[str]]:
    return frozenset(element.get("id") for element in ElementTree.parse(xml).iter("control"))


class ListItem:
    """An entry of a list; may be changed while the list shows it."""

    def __init__(self, label: str = "", label2: str = "", path: str = "", offscreen: bool = False) -> None:
        self.label, self.label2 = label, label2
        self.properties: Dict[str, str] = {}

    def setLabel(self, label: str) -> None:
        self.label = _text(label)

    def setLabel2(self, label: str) -> None:
        self.label2 = _text(label)

    def setProperty(self, key: str, value: str) -> None:
        self.properties[key] = _text(value)


class Control:
    """A control of a window; remembers what it was told."""

    def __init__(self, window: WindowXMLDialog, id: int) -> None:
        self._window = window
        self._id = id

    def _tell(self, value: Any) -> None:
        self._window.properties[f"control.{self._id}"] = value

    setLabel = setImage = setPercent = setVisible = setEnabled = _tell

    def setText(self, value: str) -> None:
        self._window.fields[self._id] = _text(value)
        self._tell(value)

    def getId(self) -> int:
        return self._id

    # a list; its entries are in the window's `lists`

    @property
    def _entries(self) -> List[ListItem]:
        return self._window.lists.setdefault(self._id, [])

    def addItems(self, items: List[ListItem]) -> None:
        assert all(isinstance(item, ListItem) for item in items)
        self._entries.extend(items)

    def reset(self) -> None:
        self._entries.clear()

    def getSelectedPosition(self) -> int:
        """The entry with the focus: the one that a test has gone to."""
        return self._window.places.get(self._id, 0) if self._entries else -1

    def selectItem(self, position: int) -> None:
        self._window.places[self._id] = position

    # a field; the test types into `fields` of the window

    def getText(self) -> str:
        return self._window.fields.get(self._id, "")

    def scroll(self, position: int) -> None:
        """A text box is scrolled."""
        self._tell(position)


class Dialog:
    """Only what doesn't wait for the user."""

    def notification(
        self, heading: str, message: str, icon: Optional[str] = "", time: int = 5000, sound: bool = True
    ) -> None:
        fakekodi.current().notifications.append(fakekodi.Notification(heading, message, icon or "", time))

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"Dialog().{name} would hold up the service")
