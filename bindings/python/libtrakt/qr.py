"""Draws a QR code (the `qr_rows` of a login) as text for a terminal.

Knows nothing of logins; the code itself comes from the library.
"""

from __future__ import annotations

from typing import List, Sequence

#: Light modules around the code that a camera needs to find it.
QUIET_ZONE = 4

# Light is drawn and dark is left out, for the usual bright text on a dark ground: (upper is light, lower is light).
_HALF_BLOCKS = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
_BRIGHT_ON_BLACK = "\x1b[97;40m"
_NORMAL = "\x1b[0m"


def draw(rows: Sequence[str], *, colour: bool = False, ascii_only: bool = False) -> List[str]:
    """The lines of text that show `rows` (strings of 0 and 1, 1 is dark), quiet zone included.

    With `colour` the lines set their own colours, and so are right on any ground; without, they are right on a dark
    one. A line holds two rows of modules; with `ascii_only` one, of `#`.
    """
    light = _light_modules(rows)
    if ascii_only:
        return ["".join("##" if module else "  " for module in row) for row in light]
    if len(light) % 2:
        light.append([False] * len(light[0]))
    lines = ["".join(_HALF_BLOCKS[pair] for pair in zip(upper, lower)) for upper, lower in zip(light[::2], light[1::2])]
    return [f"{_BRIGHT_ON_BLACK}{line}{_NORMAL}" for line in lines] if colour else lines


def _light_modules(rows: Sequence[str]) -> List[List[bool]]:
    """Which modules are light, with the quiet zone around the code."""
    if not rows or any(len(row) != len(rows) or row.strip("01") for row in rows):
        raise ValueError("A QR code is a square of 0 and 1.")
    side = [True] * QUIET_ZONE
    blank = [[True] * (len(rows) + 2 * QUIET_ZONE) for _ in range(QUIET_ZONE)]
    code = [[*side, *(module == "0" for module in row), *side] for row in rows]
    return [*blank, *code, *(list(row) for row in blank)]
