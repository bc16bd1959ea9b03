"""Small files, written so that a crash leaves the old one or the new one. Knows nothing of what is in them."""

from __future__ import annotations

import os
from contextlib import suppress


def make_private_folder(path: str) -> None:
    """Makes a folder for this user alone; one that is there already is left as it is. OSError when it can't be made.

    Folders above it are made as anybody would: they are Kodi's.
    """
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise


def write(path: str, contents: bytes, mode: int = 0o600) -> None:
    """Puts a file in the place of the old one at once; OSError when that can't be done, and the old one stays."""
    new = path + ".new"
    remove(new)
    try:
        # Not open(): a link that somebody laid there must not be followed, and the mode must be right from the start.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError:
        remove(new)
        raise
    _sync_folder(os.path.dirname(path))


def remove(path: str) -> None:
    """Removes a file, if it is there and can be removed."""
    with suppress(OSError):
        os.remove(path)


def _sync_folder(path: str) -> None:
    """Without this, what was written may be gone after a power cut."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
