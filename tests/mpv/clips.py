"""Small files to play, made by ffmpeg. Knows nothing of mpv."""

from __future__ import annotations

import contextlib
import functools
import http.server
import subprocess
import threading
from pathlib import Path
from typing import Iterator, Mapping, Optional, Sequence, Tuple

#: Where a chapter begins, in seconds, and its title.
Chapter = Tuple[float, str]


def video(
    path: Path,
    seconds: float,
    *,
    tags: Optional[Mapping[str, str]] = None,
    chapters: Sequence[Chapter] = (),
    format: Optional[str] = None,
) -> Path:
    """A silent, grey film with a key frame each second, in the format that is given or that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    described = path.with_suffix(".ffmeta")
    described.write_text(_description(seconds, tags or {}, chapters), encoding="utf-8")
    source = f"color=c=gray:s=64x36:r=5:d={seconds}"
    as_format = ["-f", format] if format else []
    inputs = ["-i", source, "-f", "ffmetadata", "-i", str(described), "-map", "0:v"]
    _ffmpeg(*inputs, "-map_metadata", "1", "-map_chapters", "1", "-c:v", "mpeg4", "-g", "5", *as_format, str(path))
    described.unlink()
    return path


def audio(path: Path, seconds: float) -> Path:
    """Silence."""
    _ffmpeg("-i", "anullsrc=r=8000:cl=mono", "-t", str(seconds), str(path))
    return path


def image(path: Path) -> Path:
    """A grey picture."""
    _ffmpeg("-i", "color=c=gray:s=64x36:d=1", "-frames:v", "1", str(path))
    return path


def _ffmpeg(*arguments: str) -> None:
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", *arguments]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def _description(seconds: float, tags: Mapping[str, str], chapters: Sequence[Chapter]) -> str:
    lines = [";FFMETADATA1", *(f"{key}={value}" for key, value in tags.items())]
    ends = [at for at, _ in chapters[1:]] + [seconds]
    for (start, title), end in zip(chapters, ends):
        times = [f"START={int(start * 1000)}", f"END={int(end * 1000)}"]
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", *times, f"title={title}"]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """A folder over HTTP: its address, host and port."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: object) -> None:
        """Nothing on the terminal."""


def picture_of(display: str, path: Path) -> None:
    """What an X display shows, as a PNG."""
    subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-y",
            "-f",
            "x11grab",
            "-draw_mouse",
            "0",
            "-i",
            display,
            "-frames:v",
            "1",
            str(path),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )
