"""A disk of its own for a folder, small enough to be filled, that can be made read-only, as a whole or one file of it.

    with Disk(folder) as disk:
        disk.fill()
        disk.free()
        with disk.readonly_file(folder / "libtrakt" / "store.db"): ...

Mounting needs root; `can_mount()` says whether it works here. Knows nothing of libtrakt nor pytest.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Iterator, Optional, Type

_SIZE = 1024 * 1024


@functools.lru_cache(maxsize=None)
def can_mount() -> bool:
    """Whether this process may mount."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            with Disk(Path(folder)):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


class Disk:
    """A disk of 1 MiB mounted over a folder, which must be empty."""

    def __init__(self, folder: Path) -> None:
        """Nothing is mounted yet."""
        self._folder = folder
        self._ballast = folder / "ballast"

    def __enter__(self) -> Disk:
        """Mounts it."""
        _run("mount", "-t", "tmpfs", "-o", f"size={_SIZE},mode=755", "none", str(self._folder))
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Unmounts it, with everything on it; processes that still use it keep it until they end."""
        _run("umount", "--lazy", str(self._folder))

    def fill(self) -> None:
        """Takes all the space that is left."""
        with self._ballast.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self) -> None:
        """Gives the space back."""
        self._ballast.unlink()

    @contextlib.contextmanager
    def readonly(self) -> Iterator[None]:
        """The whole disk can't be written meanwhile. No file on it may be open for writing at the start."""
        _run("mount", "-o", "remount,ro", str(self._folder))
        try:
            yield
        finally:
            _run("mount", "-o", "remount,rw", str(self._folder))

    @contextlib.contextmanager
    def readonly_file(self, path: Path) -> Iterator[None]:
        """One file can't be written meanwhile."""
        _run("mount", "--bind", str(path), str(path))
        _run("mount", "-o", "remount,bind,ro", str(path))
        try:
            yield
        finally:
            _run("umount", "--lazy", str(path))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
