"""The window of a rating: a row of ten numbers, and Trakt's words for the one with the focus. Knows nothing of when it
is shown.
"""

from __future__ import annotations

from typing import Callable, Sequence

import xbmcgui

from .base import BACK_ACTIONS, Screen

#: The control of the number 1; the others follow.
_FIRST = 101
REMOVE, CLOSE = 121, 122
MOST = 10
#: The number keys, of a remote control and of a keyboard; Kodi's names for 0 and 9.
_ZERO, _NINE = xbmcgui.REMOTE_0, xbmcgui.REMOTE_9


class RatingScreen(Screen):
    """Shows the properties heading, title, words, present (a line about the rating there is) and remove (a button's
    label; without one it isn't shown). A number key moves the focus to its number, 0 to ten.
    """

    XML = "libtrakt-rating.xml"

    def __init__(
        self,
        addon_path: str,
        words: Sequence[str],
        on_rating: Callable[[int], None],
        on_button: Callable[[int], None],
        on_back: Callable[[], None],
        on_key: Callable[[], None],
    ) -> None:
        """`words`: what is said of 1, 2 and so on; `on_rating` is told the number, `on_button` REMOVE or CLOSE, and
        `on_key` that somebody is there.
        """
        super().__init__(addon_path, self._pressed, on_back)
        self._said = list(words)
        self._on_rating = on_rating
        self._on_button = on_button
        self._on_key = on_key

    def ask(self, heading: str, title: str, present: str, remove: str, number: int) -> None:
        """Shows these, the focus on `number`."""
        self.fill({"heading": heading, "title": title, "present": present, "remove": remove})
        self._focus_on(number)

    def onFocus(self, control: int) -> None:
        """The focus is on another control: its number's words are said."""
        if not self.closed:
            number = control - _FIRST + 1
            self.fill({"words": self._said[number - 1] if 1 <= number <= MOST else ""})

    def onAction(self, action: xbmcgui.Action) -> None:
        """A key was pressed."""
        if self.closed:
            return
        self._on_key()
        key = action.getId()
        if _ZERO <= key <= _NINE:
            self._focus_on(key - _ZERO or MOST)
        elif key in BACK_ACTIONS:
            self._on_back()

    def _focus_on(self, number: int) -> None:
        self.fill({"words": self._said[number - 1]}, focus=_FIRST + number - 1)

    def _pressed(self, control: int) -> None:
        number = control - _FIRST + 1
        if 1 <= number <= MOST:
            self._on_rating(number)
        else:
            self._on_button(control)
