"""The list that some of the add-on's windows have: lines in words, changed where they are. Decides nothing."""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional, Sequence, cast

import xbmcgui

from .base import Screen

LIST = 50


class Line(NamedTuple):
    """A line of the list, in words. `percent`: a bar so full, none if empty."""

    label: str
    value: str = ""
    note: str = ""
    heading: bool = False
    percent: str = ""


class ListScreen(Screen):
    """A window with a list, whose control is LIST."""

    def __init__(self, *arguments: Any) -> None:
        """As every screen."""
        super().__init__(*arguments)
        self._lines: List[Line] = []
        self._items: List[xbmcgui.ListItem] = []
        self._list: Optional[xbmcgui.ControlList] = None
        self._place = 0

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Shows these lines in the list, which stays where it is unless they are fewer. May be called before `show`."""
        if list(lines) != self._lines:
            self._lines = list(lines)
            self._fill_list()

    def onInit(self) -> None:
        """Kodi has loaded the window, for the first time or with another skin: now there is a list, and it is empty."""
        # Of its methods only those are used that send a message to the window: they do no harm when it is gone.
        self._list = cast("xbmcgui.ControlList", self.getControl(LIST))
        self._start_anew()
        if self._place:
            self._list.selectItem(self._place)
        super().onInit()

    def selected(self) -> int:
        """Which line has the focus, from 0; -1: none."""
        return self._list.getSelectedPosition() if self._list is not None and self._lines else -1

    def select(self, place: int) -> None:
        """Moves the list to this line, now or when there is a list."""
        self._place = place
        if self._list is not None:
            self._list.selectItem(place)

    def close(self) -> None:
        """Closes the window; closing again does nothing."""
        self._list = None
        self._items = []
        super().close()

    def _fill_list(self) -> None:
        if self._list is None or self.closed:
            return
        if len(self._lines) < len(self._items):
            self._start_anew()
            return
        # Items are changed where they are, so that the list neither flickers nor loses its place.
        for item, line in zip(self._items, self._lines):
            _write(item, line)
        self._append()

    def _start_anew(self) -> None:
        if self._list is not None:
            self._list.reset()
        self._items = []
        self._append()

    def _append(self) -> None:
        new = [_write(xbmcgui.ListItem(offscreen=True), line) for line in self._lines[len(self._items) :]]
        if new and self._list is not None:
            self._items += new
            self._list.addItems([*new])


def _write(item: xbmcgui.ListItem, line: Line) -> xbmcgui.ListItem:
    item.setLabel(line.label)
    item.setLabel2(line.value)
    item.setProperty("note", line.note)
    item.setProperty("heading", "true" if line.heading else "")
    item.setProperty("percent", line.percent)
    return item
