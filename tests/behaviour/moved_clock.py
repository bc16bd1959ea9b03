"""Moves the clocks of a child process, and makes its name lookups hang: the Python side of moved_clock.c.

    with MovedClock(folder) as clock, Child.start(config, env=clock.env()) as child:
        clock.wall(7 * 24 * 3600 * 1000)    # the wall clock jumps
        clock.sleep(600_000)                # the machine was suspended for ten minutes
        clock.hold_lookups()
        clock.restart()                     # for processes started from now on, the machine was off

Knows nothing of libtrakt nor pytest.
"""

from __future__ import annotations

import functools
import mmap
import os
import struct
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Dict, Optional, Type

_SOURCE = Path(__file__).resolve().parent / "moved_clock.c"
_VALUES = struct.Struct("=qqqq")


@functools.lru_cache(maxsize=None)
def _built() -> Path:
    """The library for LD_PRELOAD, built once per run."""
    target = Path(tempfile.mkdtemp(prefix="moved-clock-")) / "moved_clock.so"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(target), str(_SOURCE), "-ldl"], check=True)
    return target


class MovedClock:
    """The clocks of the processes that were started with `env()`; all move together and at once."""

    def __init__(self, folder: Path) -> None:
        """Keeps its file in a folder; everything is as it is in truth."""
        self._path = folder / "moved-clock"
        self._path.write_bytes(_VALUES.pack(0, 0, 0, 0))
        self._boot_id: Optional[Path] = None
        with self._path.open("r+b") as file:
            self._values = mmap.mmap(file.fileno(), _VALUES.size)

    def __enter__(self) -> MovedClock:
        """The clocks themselves."""
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Lets lookups go on."""
        self.hold_lookups(False)
        self._values.close()

    def env(self) -> Dict[str, str]:
        """What a process has to have in its environment."""
        env = {"LD_PRELOAD": str(_built()), "MOVED_CLOCK": str(self._path)}
        return env if self._boot_id is None else {**env, "MOVED_BOOT_ID": str(self._boot_id)}

    def wall(self, ms: int) -> None:
        """The wall clock alone jumps by so much, also backwards."""
        self._add(0, ms)

    def sleep(self, ms: int) -> None:
        """The machine was suspended for so long: wall clock and time since boot go on, the monotonic clock doesn't."""
        self._add(0, ms)
        self._add(1, ms)

    def run(self, ms: int) -> None:
        """So much time goes by for scripts in an application with a libpython: all of their clocks go on."""
        self.sleep(ms)
        self._add(3, ms)

    def restart(self) -> None:
        """The machine starts anew: time since boot begins again, under another boot id. No process may be running."""
        self._boot_id = self._path.with_name(f"boot-id-{uuid.uuid4()}")
        self._boot_id.write_text(f"{uuid.uuid4()}\n")
        since_boot_ms = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)
        struct.pack_into("=q", self._values, 8, 5_000 - since_boot_ms)

    def hold_lookups(self, hold: bool = True) -> None:
        """Name lookups don't return until this is taken back."""
        struct.pack_into("=q", self._values, 16, int(hold))

    def _add(self, index: int, ms: int) -> None:
        (value,) = struct.unpack_from("=q", self._values, 8 * index)
        struct.pack_into("=q", self._values, 8 * index, value + ms)
