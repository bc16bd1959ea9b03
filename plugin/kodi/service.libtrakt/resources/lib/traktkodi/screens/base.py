"""What all windows of the add-on have in common: shown without waiting, filled by window properties, closed once."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional

import xbmcgui

from ..kodi import NO_WINDOW
from . import ending

#: Back, Escape, and the like on every kind of remote control.
BACK_ACTIONS = (xbmcgui.ACTION_NAV_BACK, xbmcgui.ACTION_PREVIOUS_MENU, xbmcgui.ACTION_STOP)


def _to_nobody(*arguments: Any) -> None:
    """Nobody is told any more."""


class Screen(xbmcgui.WindowXMLDialog):
    """A window over whatever the skin shows.

    `show()` returns at once; what the user does is reported from within Kodi's waitForAbort, to `on_click(control)`
    and `on_back()`.

    Whatever is shown goes by properties. A control of the window (`getControl`) is gone when Kodi loads its skin anew,
    and touching it then ends Kodi.
    """

    #: The window's file in resources/skins/default/1080i.
    XML = ""

    def __new__(cls, addon_path: str, *arguments: Any, **more: Any) -> Screen:
        """Kodi makes the window here, and would stumble over arguments that it doesn't know."""
        return super().__new__(cls, cls.XML, addon_path, "default", "1080i")  # type: ignore[call-arg]

    def __init__(
        self,
        addon_path: str,
        on_click: Callable[[int], None],
        on_back: Callable[[], None],
    ) -> None:
        """Not shown yet."""
        super().__init__()  # type: ignore[call-arg]  # Kodi takes its arguments in __new__ alone
        self._on_click = on_click
        self._on_back = on_back
        self._shown: Dict[str, str] = {}
        self._focus: Optional[int] = None
        self._ready = False
        self.closed = False

    def fill(self, values: Mapping[str, str], focus: Optional[int] = None) -> None:
        """Shows the values as window properties of these names; `focus` moves the focus to a control.

        May be called before `show`.
        """
        for name, value in values.items():
            if self._shown.get(name, "") != value:
                self._shown[name] = value
                self.setProperty(name, value)
        if focus is not None:
            self._focus = focus
            self._move_focus()

    @property
    def visible(self) -> bool:
        """Whether it may be on the screen, perhaps under another dialog: Kodi closes windows of its own accord, too."""
        return xbmcgui.getCurrentWindowDialogId() != NO_WINDOW

    def close(self) -> None:
        """Closes the window; closing again does nothing."""
        if not self.closed:
            self.closed = True
            # A window may outlive the service, which must not live on through what it reports to.
            vars(self).update({name: _to_nobody for name, value in vars(self).items() if callable(value)})
            if not (ending.under_way() and ending.close(self)):
                super().close()

    def onInit(self) -> None:
        """Kodi has loaded the window."""
        self._ready = True
        self._move_focus()

    def onClick(self, control: int) -> None:
        """A button was pressed."""
        if not self.closed:
            self._on_click(control)

    def onAction(self, action: xbmcgui.Action) -> None:
        """A key was pressed."""
        if action.getId() in BACK_ACTIONS and not self.closed:
            self._on_back()

    def _move_focus(self) -> None:
        if self._ready and self._focus is not None and not self.closed:
            # A control becomes visible with the next frame only; Kodi itself keeps a focus that isn't possible.
            self.setFocusId(self._focus)
            self._focus = None
