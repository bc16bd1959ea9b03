"""A video to play, made of nothing. Knows nothing of Kodi."""

from __future__ import annotations

from pathlib import Path

_WIDTH, _HEIGHT, _FRAMES_PER_S = 64, 36, 10


def make_clip(path: Path, seconds: int) -> Path:
    """A silent, grey video (YUV4MPEG2, which needs no encoder), such as `folder / "clip.y4m"`."""
    frame = b"FRAME\n" + bytes([90]) * (_WIDTH * _HEIGHT) + bytes([128]) * (_WIDTH * _HEIGHT // 2)
    head = f"YUV4MPEG2 W{_WIDTH} H{_HEIGHT} F{_FRAMES_PER_S}:1 Ip A1:1 C420jpeg\n".encode()
    path.write_bytes(head + frame * (seconds * _FRAMES_PER_S))
    return path
