"""How long a waiting call goes on after it is ended: by trakt_cancel, trakt_client_cancel, close or shutdown.

Runs in the test's own process or in a child's. Knows nothing of what is waited for.
"""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from paths import PATIENCE_S
from wire import LONG_MS, RUNNING, Envelope, Wire, as_json, code

#: What the contract allows is 100 ms; a test machine may be busy with others.
BOUND_MS = 500.0

#: What ends a call, and the code that the call then has.
ENDERS: Dict[str, str] = {"request": "cancelled", "client": "cancelled", "close": "closed", "shutdown": "closed"}

#: Every time that was measured in this process: what, by what, milliseconds of the waiter and of the ender itself.
MEASURED: List[Tuple[str, str, float, float]] = []


class Waiting:
    """A call that waits on a thread of its own."""

    def __init__(self, wire: Wire, function: str, *arguments: Any, request: int = 0) -> None:
        """Begins it; `request` is the number if the call waits for a submitted one."""
        self._wire = wire
        self.request = request
        self.envelope: Optional[Envelope] = None
        self._ended_at = 0.0
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(function, arguments), daemon=True)
        self._thread.start()
        assert self._begun.wait(PATIENCE_S)
        self._until_asleep()

    @classmethod
    def submitted(cls, wire: Wire, method: str, params: Optional[Mapping[str, Any]] = None) -> Waiting:
        """A submitted request, and a thread in trakt_result for it."""
        request = wire.submit(method, params)
        return cls(wire, "trakt_result", request, LONG_MS, request=request)

    @classmethod
    def called(cls, wire: Wire, method: str, params: Optional[Mapping[str, Any]] = None) -> Waiting:
        """A thread in trakt_call."""
        return cls(wire, "trakt_call", method, as_json(params))

    def end(self, ender: str, what: str) -> Envelope:
        """Ends it in that way and checks that it took no longer than it may."""
        assert self.waits, (what, self.envelope)
        began = time.monotonic()
        ways: Dict[str, Callable[[], Any]] = {
            "request": lambda: self._wire.text("trakt_cancel", self.request),
            "client": self._wire.cancel,
            "close": lambda: self._wire.close(0),
            "shutdown": lambda: self._wire.library.number("trakt_shutdown", 0),
        }
        ways[ender]()
        own_ms = (time.monotonic() - began) * 1000
        if ender == "client" and not self._ends_within(BOUND_MS):
            # It ends the calls that run: on a busy machine this one may just have been on its way into the library.
            began = time.monotonic()
            self._wire.cancel()
        envelope = self.join()
        waiter_ms = (self._ended_at - began) * 1000
        MEASURED.append((what, ender, waiter_ms, own_ms))
        assert waiter_ms < BOUND_MS, f"{what}: the waiter came back {waiter_ms:.0f} ms after {ender}."
        assert own_ms < BOUND_MS, f"{what}: {ender} itself took {own_ms:.0f} ms."
        assert code(envelope) == ENDERS[ender], (what, ender, envelope)
        return envelope

    def join(self) -> Envelope:
        """Waits for the call's own end."""
        self._thread.join(PATIENCE_S)
        assert self.envelope is not None, "The call never came back."
        return self.envelope

    def _until_asleep(self) -> None:
        """Until it waits inside the call (or has ended): each look leaves Python to it, and then it still sleeps."""
        stat = Path(f"/proc/self/task/{self._thread.native_id}/stat")
        asleep = 0
        while self.waits and asleep < 20:
            with contextlib.suppress(OSError):
                state = stat.read_text().rpartition(")")[2].split()[0]
                asleep = asleep + 1 if state == "S" else 0

    def _ends_within(self, ms: float) -> bool:
        self._thread.join(ms / 1000)
        return not self.waits

    @property
    def waits(self) -> bool:
        """Whether the call still waits."""
        return self._thread.is_alive()

    def _run(self, function: str, arguments: Tuple[Any, ...]) -> None:
        self._begun.set()
        self.envelope = self._wire.text(function, *arguments)
        self._ended_at = time.monotonic()


def still_running(wire: Wire, request: int, wait_ms: int = 200) -> bool:
    """Whether a submitted request is still under way after that time."""
    return wire.result(request, wait_ms).get("data") == RUNNING


def longest() -> str:
    """The measured times in one line."""
    by_ender = {ender: [ms for _, by, ms, _ in MEASURED if by == ender] for ender in ENDERS}
    return ", ".join(
        f"{ender}: {len(found)} x, longest {max(found):.1f} ms" for ender, found in by_ender.items() if found
    )
