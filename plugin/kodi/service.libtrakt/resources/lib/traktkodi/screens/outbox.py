"""The outbox screen's window: a sentence, a list, what can be done below, and a field to type into. Decides nothing."""

from __future__ import annotations

from typing import Any, Optional, cast

import xbmcgui

from .lines import LIST, Line, ListScreen

__all__ = ["CLOSE", "LIST", "RETRY_ALL", "SEARCH", "Line", "OutboxScreen"]

RETRY_ALL, SEARCH, CLOSE = 101, 102, 103


class OutboxScreen(ListScreen):
    """Shows the properties heading, message, mood, retry (a button's label; without one it isn't shown), search (the
    same for the field) and close, and the list.

    A click of SEARCH says that what is typed there has changed: Kodi itself shows its keyboard.
    """

    XML = "libtrakt-outbox.xml"

    def __init__(self, *arguments: Any) -> None:
        """As every screen."""
        super().__init__(*arguments)
        self._field: Optional[xbmcgui.ControlEdit] = None

    @property
    def typed(self) -> str:
        """What stands in the field."""
        return self._field.getText().strip() if self._field is not None else ""

    def empty_field(self) -> None:
        """Takes out what was typed."""
        if self._field is not None and self._field.getText():
            self._field.setText("")

    def onInit(self) -> None:
        """Kodi has loaded the window."""
        # As of the list, only those methods are used that send a message to the window.
        self._field = cast("xbmcgui.ControlEdit", self.getControl(SEARCH))
        super().onInit()

    def close(self) -> None:
        """Closes the window; closing again does nothing."""
        self._field = None
        super().close()
