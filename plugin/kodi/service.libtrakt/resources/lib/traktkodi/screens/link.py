"""The link screen: shows code, address, QR code and sentences as it is given them. Knows nothing of logins."""

from __future__ import annotations

import string
from typing import Callable, Dict, NamedTuple, Sequence

from .base import Screen

#: The buttons' controls are numbered from here on; the first always shows and has the focus.
FIRST_BUTTON = 21
BUTTONS = 3
#: The bar's full width, and the pieces that make up every width: a control of the window would be gone when the skin is
#: loaded anew, and Kodi with it if it were touched then.
_BAR = 860
_PIECES = tuple(1 << bit for bit in range(10))

#: The most characters that the code can be drawn with; one longer, or with others, is shown as text.
GLYPHS = 12
_DRAWN = string.ascii_uppercase + string.digits + "-"
_FILES = {"-": "dash"}


class LinkScreen(Screen):
    """Two layouts: with a code (`code` is set), or a message with or without an address."""

    XML = "libtrakt-link.xml"

    class Words(NamedTuple):
        """What it shows; empty text hides its place."""

        heading: str
        text: str
        #: The picture beside the text: busy, ok, warning or error.
        sign: str
        buttons: Sequence[str]
        #: Whether it may be closed while what it shows goes on.
        hides: bool
        #: The code in its groups.
        code: Sequence[str]
        url: str
        #: The file with the QR code.
        qr: str
        #: Time left, and its share of the whole, 0 to 100.
        left: str
        percent: int

    def __init__(self, addon_path: str, on_button: Callable[[int], None], on_back: Callable[[], None]) -> None:
        """Not shown yet. `on_button` is told which button was pressed, from 0."""
        super().__init__(addon_path, self._control_clicked, on_back)
        self._on_button = on_button
        self._buttons: Sequence[str] = ()
        #: Whether keys count yet, see `show_view`.
        self.armed = False

    def show_view(self, words: Words, armed: bool) -> None:
        """Shows these words. New buttons: the focus goes to the first. `armed` says that presses count."""
        self.armed = armed
        code = " ".join(words.code)
        values = {
            "heading": words.heading,
            "text": words.text,
            "sign": f"{words.sign}.png",
            "busy": "true" if words.sign == "busy" else "",
            "code": code,
            "url": words.url,
            "qr": words.qr,
            "left": words.left,
            "percent": str(words.percent),
            "hides": "true" if words.hides else "",
            "armed": "true" if armed else "",
        }
        values.update(_glyphs(words.code))
        width = _BAR * words.percent // 100
        values.update({f"bar.{piece}": "true" if width & piece else "" for piece in _PIECES})
        for index in range(BUTTONS):
            values[f"button.{index + 1}"] = words.buttons[index] if index < len(words.buttons) else ""
        changed = list(words.buttons) != list(self._buttons)
        self._buttons = words.buttons
        self.fill(values, focus=FIRST_BUTTON if changed else None)

    def _control_clicked(self, control: int) -> None:
        self._on_button(control - FIRST_BUTTON)


def _glyphs(code: Sequence[str]) -> Dict[str, str]:
    """A picture for each character, and a gap behind each group but the last; none if the code can't be drawn."""
    values = {f"{name}.{place}": "" for place in range(1, GLYPHS + 1) for name in ("glyph", "gap")}
    letters = "".join(code)
    drawn = bool(letters) and len(letters) <= GLYPHS and all(letter in _DRAWN for letter in letters)
    values["drawn"] = ("small" if len(letters) > 8 else "large") if drawn else ""
    if drawn:
        for place, letter in enumerate(letters, 1):
            values[f"glyph.{place}"] = f"glyph-{_FILES.get(letter, letter)}.png"
        place = 0
        for group in code[:-1]:
            place += len(group)
            values[f"gap.{place}"] = "true"
    return values
