"""An X display without a screen, and what can be read from a picture of it. Knows nothing of Kodi."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import List, Optional, Tuple


class Display:
    """An Xvfb of its own."""

    name: str

    def __init__(self, size: Tuple[int, int], log: Path) -> None:
        """Starts it with a screen of width x height pixels."""
        reader, writer = os.pipe()
        with log.open("wb") as output:
            self._process: Optional[subprocess.Popen[bytes]] = subprocess.Popen(
                ["Xvfb", "-displayfd", str(writer), "-screen", "0", f"{size[0]}x{size[1]}x24", "-nolisten", "tcp"]
                + ["-noreset"],
                pass_fds=(writer,),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        os.close(writer)
        # The number and the end of its line come in two pieces; the server dies if nobody takes the second.
        with os.fdopen(reader) as pipe:
            number = pipe.readline().strip()
        if not number:
            self.close()
            raise AssertionError(f"Xvfb did not start: {log.read_text(errors='replace')}")
        self.name = f":{number}"

    def close(self) -> None:
        """Ends it; whoever still shows something there dies."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def qr_texts(picture: Path) -> List[str]:
    """What the QR codes in a picture say."""
    found = subprocess.run(
        ["zbarimg", "--quiet", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable", str(picture)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return found.stdout.decode().splitlines()


def rows(picture: Path) -> List[bytes]:
    """The rows of pixels of a PNG, top down."""
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(picture), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    # Width and height stand at a fixed place in a PNG.
    with picture.open("rb") as file:
        header = file.read(24)
    width = int.from_bytes(header[16:20], "big")
    return [raw[at : at + 3 * width] for at in range(0, len(raw), 3 * width)]


def share_of_rows_that_differ(one: Path, other: Path) -> float:
    """From 0, the same picture, to 1."""
    if one.read_bytes() == other.read_bytes():
        return 0.0
    before, after = rows(one), rows(other)
    if len(before) != len(after):
        return 1.0
    return sum(a != b for a, b in zip(before, after)) / len(after)
