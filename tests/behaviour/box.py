"""A box: a machine with clocks that a test moves, on which processes use the library and one data folder.

    with Box(sim, folder, clock) as box:
        child = box.start()             # a process with an open client
        link(child, sim)
        box.pass_time(4 * DAY)          # for the box and for Trakt
        child.call("get_settings", max_age_ms=0)

`link` links an account in no time, by authorization code. Knows nothing of pytest.
"""

from __future__ import annotations

import fcntl
import threading
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, ContextManager, Dict, List, Optional, Type, Union

from child import Child, Pending
from libtrakt import Client
from moved_clock import MovedClock
from paths import PATIENCE_S, real_library
from simtrakt import SETTINGS, TOKEN, LoggedRequest, Sim

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

#: Longer than any test; whatever waits so long is let go by the test.
NEVER_MS = 3_600_000


def link(client: Union[Client, Child], sim: Sim, **who: Any) -> Any:
    """Links an account by authorization code; its client needs the simulated Trakt's `redirect_uri`."""
    if who:
        sim.account(**who)
    if isinstance(client, Child):
        return client.call("authorize_finish", sim.authorize(client.call("authorize_url")["url"]))
    return client.authorize_finish(sim.authorize(client.authorize_url()["url"]))


def refreshes(sim: Sim, since: int = 0) -> List[LoggedRequest]:
    """The refreshes that Trakt was asked for."""
    return [request for request in sim.log(path=TOKEN, since=since) if "refresh_token" in (request["body"] or "")]


def in_thread(call: Callable[[], Any]) -> Future[Any]:
    """Runs a call on a thread of its own."""
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome


def at_once(calls: List[Callable[[], Any]]) -> List[Any]:
    """Makes all calls at the same time; their results, or the first exception."""
    start = threading.Barrier(len(calls))

    def with_the_others(call: Callable[[], Any]) -> Any:
        start.wait(PATIENCE_S)
        return call()

    running = [in_thread(lambda call=call: with_the_others(call)) for call in calls]
    return [each.result(PATIENCE_S) for each in running]


def events(child: Child, wanted: str) -> List[str]:
    """The types of the events up to a wanted one."""
    seen: List[str] = []
    while wanted not in seen:
        new = [event["type"] for event in child.call("next_events", wait_ms=int(PATIENCE_S * 1000))]
        assert new, f"no event {wanted}, only {seen}"
        seen += new
    return seen


def locked(path: Path) -> ContextManager[object]:
    """Holds the lock on a file of the store as another process would; closing gives it back."""
    file = path.open("r+")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


class Box:
    """A machine with a data folder, its clocks in step with the simulated Trakt's unless a test moves them apart."""

    def __init__(self, sim: Sim, folder: Path, clock: MovedClock) -> None:
        """Nothing runs yet."""
        self.sim = sim
        self.clock = clock
        self.data_dir = folder / "box"
        self.data_dir.mkdir()
        self._children = ExitStack()
        self._started: List[Child] = []

    def __enter__(self) -> Box:
        """The box itself."""
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Ends every process."""
        self._children.__exit__(kind, error, traceback)

    def config(self, **more: Any) -> Dict[str, Any]:
        """The configuration of its clients."""
        given = {"data_dir": self.data_dir, "redirect_uri": self.sim.redirect_uri, **more}
        return self.sim.client_config(**given)

    def start(self, **more: Any) -> Child:
        """A process with an open client, `main`."""
        child = Child.start(self.config(**more), env=self.clock.env(), library=str(real_library()))
        self._started.append(child)
        return self._children.enter_context(child)

    def linked(self, **more: Any) -> Child:
        """The same with an account linked."""
        child = self.start(**more)
        link(child, self.sim)
        return child

    @property
    def store(self) -> Path:
        """The folder that the library keeps its files in."""
        return self.data_dir / "libtrakt"

    def pass_time(self, ms: int) -> None:
        """So much time goes by, here and at Trakt; nobody sees it pass at one before the other."""
        running = [child for child in self._started if child.process.poll() is None and not child.stopped]
        for child in running:
            child.stop()
        self.clock.sleep(ms)
        self.sim.advance_clock(ms)
        for child in running:
            child.go_on()

    def restart(self) -> None:
        """The machine was off and on again; its processes have ended before."""
        self.clock.restart()


def ask(child: Child, client: str = "main") -> Any:
    """A call that asks Trakt."""
    return child.call("get_settings", client=client, max_age_ms=0)


def ask_aside(child: Child, client: str = "main") -> Pending:
    """The same without waiting: its `result()` is the answer."""
    return child.send("get_settings", client=client, max_age_ms=0)


def token_used(sim: Sim, since: int) -> List[Optional[str]]:
    """The access tokens, by the simulated Trakt's own names, that the calls since then came with."""
    return [request["bearer"] for request in sim.log(path=SETTINGS, since=since)]
