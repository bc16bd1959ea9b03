"""A window with a long text to scroll through."""

from __future__ import annotations

from typing import Callable

from .base import Screen

_SCROLLBAR, _CLOSE = 61, 50


class TextScreen(Screen):
    """Heading, a line below it, and the text; closed by its button or Back."""

    XML = "libtrakt-text.xml"

    def __init__(self, addon_path: str, on_close: Callable[[], None]) -> None:
        """`on_close` when the user has read enough."""
        super().__init__(addon_path, lambda control: on_close() if control == _CLOSE else None, on_close)

    def fill_text(self, heading: str, line: str, text: str) -> None:
        """Shows these; the focus is where Up and Down scroll."""
        self.fill({"heading": heading, "line": line, "text": text}, focus=_SCROLLBAR)
