"""Drawing a QR code as text."""

from __future__ import annotations

import re
from typing import List

import pytest
from libtrakt import qr

ROWS = ["101", "010", "110"]


def light_modules(lines: List[str]) -> List[str]:
    """The modules that a camera sees in drawn lines, two rows a line."""
    upper = {" ": "0", "▀": "1", "▄": "0", "█": "1"}
    lower = {" ": "0", "▀": "0", "▄": "1", "█": "1"}
    rows = []
    for line in lines:
        rows += ["".join(upper[char] for char in line), "".join(lower[char] for char in line)]
    return rows


def test_a_code_with_its_quiet_zone() -> None:
    seen = light_modules(qr.draw(ROWS))
    blank = "1" * 11
    inside = ["1111" + row.translate({48: "1", 49: "0"}) + "1111" for row in ROWS]
    # Eleven rows: the lower half of the last line is no module any more.
    assert seen == [blank] * 4 + inside + [blank] * 4 + ["0" * 11]


def test_an_even_code() -> None:
    assert len(light_modules(qr.draw(["10", "01"]))) == 10


def test_colours_are_set_and_put_back_on_each_line() -> None:
    plain, coloured = qr.draw(ROWS), qr.draw(ROWS, colour=True)
    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == plain
    assert all(line.startswith("\x1b[") and line.endswith("\x1b[0m") for line in coloured)


def test_ascii_is_one_row_a_line() -> None:
    lines = qr.draw(ROWS, ascii_only=True)
    assert len(lines) == 11 and all(len(line) == 22 and not line.strip("# ") for line in lines)
    assert lines[4] == "########" + "  ##  " + "########"


@pytest.mark.parametrize("rows", [[], ["1"] * 2, ["12", "00"], ["1 ", "00"], ["111", "000"]])
def test_what_is_no_code_is_refused(rows: List[str]) -> None:
    with pytest.raises(ValueError, match="square"):
        qr.draw(rows)
