"""The time, in one place, so that tests can move it. Knows nothing of dates as people write them."""

from __future__ import annotations

import time


class Clock:
    """Three clocks, all in seconds."""

    def monotonic(self) -> float:
        """For durations within a run: never jumps; stands still while the box sleeps."""
        return time.monotonic()

    def elapsed(self) -> float:
        """Like `monotonic`, but goes on while the box sleeps, where the system can tell."""
        try:
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        except (AttributeError, OSError):
            return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970, for what must outlast a restart. May be wrong: boxes wake up in the wrong year."""
        return time.time()
