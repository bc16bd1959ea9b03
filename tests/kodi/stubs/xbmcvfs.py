"""Kodi's module xbmcvfs, as far as the add-on uses it."""

from __future__ import annotations

import os

import fakekodi


def translatePath(path: str) -> str:
    return fakekodi.current().translate(path)


def exists(path: str) -> bool:
    return os.path.exists(translatePath(path))


def mkdirs(path: str) -> bool:
    os.makedirs(translatePath(path), exist_ok=True)
    return True
