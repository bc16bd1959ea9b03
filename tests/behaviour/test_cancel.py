"""Every wait ends at once by trakt_cancel, trakt_client_cancel, close and shutdown, and the client then works on."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, Optional

import endings
import pytest
from child import Child
from endings import ENDERS, Waiting, still_running
from libtrakt import Library
from machine import Gate, held, threads, until
from moved_clock import MovedClock
from paths import BINDING
from prelinked import Hub, link
from simtrakt import SETTINGS, Sim
from wire import LONG_MS, Envelope, Wire, code

HERE = Path(__file__).resolve().parent

FRESH = {"max_age_ms": 0}
HISTORY = {"method": "POST", "path": "/sync/history", "body": {"movies": []}}


class Hang:
    """A client one of whose calls waits for something that doesn't come."""

    def __init__(
        self,
        wire: Wire,
        method: str = "settings.get",
        params: Optional[Dict[str, Any]] = None,
        *,
        reached: Callable[[], Any],
        free: Callable[[], Any] = lambda: None,
        works: Callable[[Wire], Envelope] = lambda wire: wire.call("settings.get", FRESH),
        function: Optional[Callable[[Wire], Waiting]] = None,
        config: Optional[Dict[str, Any]] = None,
    ) -> None:
        """`reached` returns when it waits, `free` ends the trouble, `works` must succeed then."""
        self.wire, self.method, self.params = wire, method, FRESH if params is None else params
        self.reached, self.free, self.works, self.function = reached, free, works, function
        self.config = config or {}

    def begin(self, ender: str) -> Waiting:
        """Begins the call so that it can be ended in that way."""
        if ender == "request":
            return Waiting.submitted(self.wire, self.method, self.params)
        if self.function is not None:
            return self.function(self.wire)
        return Waiting.called(self.wire, self.method, self.params)


class Bench:
    """What a hang is made from."""

    def __init__(self, hub: Hub, folder: Path, open_wire: Callable[..., Wire], library: Library) -> None:
        self.sim, self.folder, self.open, self.library = hub.sim, folder, open_wire, library

    def store_file(self, name: str) -> Path:
        """A file in the library's own folder."""
        return self.folder / "libtrakt" / name


@pytest.fixture
def bench(hub: Hub, linked_dir: Path, open_wire: Callable[..., Wire], library: Library) -> Bench:
    return Bench(hub, linked_dir, open_wire, library)


@contextmanager
def connect(bench: Bench) -> Iterator[Hang]:
    with Gate(bench.sim.api_url) as gate:
        config = {"api_url": gate.url}
        yield Hang(bench.open(**config), reached=gate.wait_hanging, free=gate.open, config=config)


@contextmanager
def handshake(bench: Bench) -> Iterator[Hang]:
    own = bench.folder.parent / "own"
    with Sim.start("--https") as sim, Gate(sim.api_url, silent=True) as gate:
        link(sim, own, bench.library)
        sim.expect_violations()  # the gate's port
        config = sim.client_config(data_dir=own, api_url=gate.url)
        yield Hang(bench.open(**config), reached=gate.wait_hanging, free=gate.open, config=config)


def faulty(kind: str, **details: Any) -> Callable[[Bench], ContextManager[Hang]]:
    """A fault of the simulated Trakt that keeps the answer back."""

    @contextmanager
    def hang(bench: Bench) -> Iterator[Hang]:
        since = bench.sim.mark()
        bench.sim.fault(kind, host="api", times=0, **details)

        def free() -> None:
            bench.sim.clear_faults()

        yield Hang(bench.open(), reached=lambda: bench.sim.wait_log(path=SETTINGS, since=since), free=free)

    return hang


@contextmanager
def write_limiter(bench: Bench) -> Iterator[Hang]:
    wire, since = bench.open(), bench.sim.mark()
    # One that is through, and two more before it: it would have to wait for a second at least.
    wire.submit("http.request", HISTORY)
    bench.sim.wait_log(path="/sync/history", since=since)
    for _ in range(2):
        wire.submit("http.request", HISTORY)

    def free() -> None:
        """None of those that waited has gone to Trakt."""
        assert len(bench.sim.log(path="/sync/history", since=since)) <= 2
        bench.sim.advance_clock(1_000)

    yield Hang(
        wire,
        "http.request",
        HISTORY,
        reached=lambda: None,
        free=free,
        works=lambda wire: wire.post(),
    )


@contextmanager
def retry_after(bench: Bench) -> Iterator[Hang]:
    since = bench.sim.mark()
    bench.sim.fault("status", path=SETTINGS, status=429, headers={"Retry-After": "2"}, body="")
    yield Hang(bench.open(), reached=lambda: bench.sim.wait_log(path=SETTINGS, since=since, done=True))


@contextmanager
def pause_of_another_call(bench: Bench) -> Iterator[Hang]:
    wire = bench.open()
    bench.sim.fault("status", path="/sync/history", status=429, headers={"Retry-After": "3"}, body="")
    assert code(wire.post()) == "rate_limited"
    until_waiting = wire.submit("settings.get", FRESH)
    yield Hang(wire, reached=lambda: still_running(wire, until_waiting) or pytest.fail("It didn't wait."))


@contextmanager
def store_lock(bench: Bench) -> Iterator[Hang]:
    wire = bench.open()
    with held(bench.store_file("store.lock")) as release:
        probe = wire.submit("http.request", HISTORY)
        yield Hang(
            wire,
            "http.request",
            HISTORY,
            reached=lambda: still_running(wire, probe) or pytest.fail("It didn't wait."),
            free=release,
            works=lambda wire: wire.post(),
        )


@contextmanager
def store_lock_on_the_caller_s_thread(bench: Bench) -> Iterator[Hang]:
    bench.sim.config(device_interval_s=60)
    wire = bench.open()
    assert wire.data("device.start")["state"] == "pending"
    with held(bench.store_file("store.lock")) as release:
        probe = wire.submit("device.cancel", {})
        yield Hang(
            wire,
            "device.cancel",
            {},
            reached=lambda: still_running(wire, probe) or pytest.fail("It didn't wait."),
            free=release,
            works=lambda wire: wire.call("device.cancel"),
        )


@contextmanager
def refresh_lock(bench: Bench) -> Iterator[Hang]:
    # The shared refresh token isn't spent: this account is linked for itself.
    own = bench.folder.parent / "own"
    with Sim.start() as sim:
        link(sim, own, bench.library)
        config = sim.client_config(data_dir=own)
        wire = bench.open(**config)
        with held(own / "libtrakt" / "refresh.lock") as release:
            sim.expire_access()
            since = sim.mark()

            def reached() -> None:
                (refused,) = sim.wait_log(path=SETTINGS, since=since, done=True)
                assert refused["status"] == 401

            yield Hang(wire, reached=reached, free=release, config=config)
            assert len(sim.log(path="/oauth/token", since=since)) <= 1


def pending(bench: Bench) -> Wire:
    """A client with a login that the user doesn't hurry with."""
    bench.sim.config(device_interval_s=60)
    wire = bench.open()
    assert wire.data("device.start")["state"] == "pending"
    return wire


@contextmanager
def device_poll(bench: Bench) -> Iterator[Hang]:
    wire = pending(bench)
    code_shown = wire.data("device.poll")["user_code"]

    def works(wire: Wire) -> Envelope:
        envelope = wire.text("trakt_device_poll", 0)
        assert (envelope["data"]["state"], envelope["data"]["user_code"]) == ("pending", code_shown)
        return envelope

    yield Hang(
        wire,
        "device.poll",
        {"wait_ms": LONG_MS},
        reached=lambda: still_running(wire, wire.submit("device.poll", {"wait_ms": 1000})),
        works=works,
        function=lambda wire: Waiting(wire, "trakt_device_poll", LONG_MS),
    )


@contextmanager
def device_start(bench: Bench) -> Iterator[Hang]:
    wire, since = bench.open(), bench.sim.mark()
    bench.sim.fault("silence", path="/oauth/device/code", times=0)

    def works(wire: Wire) -> Envelope:
        bench.sim.config(device_interval_s=1)
        envelope = wire.text("trakt_device_start", '{"replace":true}')
        assert envelope["data"]["state"] == "pending", envelope
        return envelope

    yield Hang(
        wire,
        "device.start",
        {"wait_ms": LONG_MS},
        reached=lambda: bench.sim.wait_log(path="/oauth/device/code", since=since),
        free=lambda: bench.sim.clear_faults(),
        works=works,
        function=lambda wire: Waiting(wire, "trakt_device_start", json.dumps({"wait_ms": LONG_MS})),
    )


@contextmanager
def next_events(bench: Bench) -> Iterator[Hang]:
    wire = bench.open()
    wire.text("trakt_next_events", 0)
    yield Hang(
        wire,
        "events.next",
        {"wait_ms": LONG_MS},
        reached=lambda: still_running(wire, wire.submit("events.next", {"wait_ms": 1000})),
        function=lambda wire: Waiting(wire, "trakt_next_events", LONG_MS),
    )


STARTED = json.dumps({"event": "started", "session": "a", "item": {"type": "movie", "title": "Heat"}})

HANGS: Dict[str, Callable[[Bench], ContextManager[Hang]]] = {
    "connect": connect,
    "handshake": handshake,
    "headers": faulty("silence"),
    "dripping head": faulty("drip", bytes_per_tick=1, tick_ms=300, head=True),
    "dripping body": faulty("drip", bytes_per_tick=1, tick_ms=300),
    "write limiter": write_limiter,
    "Retry-After": retry_after,
    "another call's Retry-After": pause_of_another_call,
    "store.lock": store_lock,
    "store.lock, caller's thread": store_lock_on_the_caller_s_thread,
    "refresh.lock": refresh_lock,
    "device_poll": device_poll,
    "device_start": device_start,
    "next_events": next_events,
}


@pytest.mark.parametrize("ender", ENDERS)
@pytest.mark.parametrize("what", HANGS)
def test_a_wait_ends_at_once_and_the_client_works_on(bench: Bench, what: str, ender: str) -> None:
    with HANGS[what](bench) as hang:
        waiting = hang.begin(ender)
        hang.reached()
        waiting.end(ender, what)
        wire = hang.wire if ender in ("request", "client") else None
        if wire is None:
            gone = hang.wire.text("trakt_account")
            assert code(gone) == "invalid_handle"
        hang.free()
        envelope = hang.works(wire or bench.open(**hang.config))
        assert code(envelope) == "ok", envelope


def test_a_name_lookup_ends_at_once_and_the_client_works_on(tmp_path: Path, library: Library) -> None:
    folder = tmp_path / "data"
    with Sim.start("--https") as sim, MovedClock(tmp_path) as clock:
        link(sim, folder, library)
        sim.expect_violations()  # the host's name
        # `localhost` is looked up for https; plain http to it is taken as 127.0.0.1.
        config = json.dumps(sim.client_config(data_dir=folder, api_url=sim.api_url.replace("127.0.0.1", "localhost")))
        env = {**clock.env(), "PYTHONPATH": os.pathsep.join(map(str, (BINDING, HERE, HERE.parent / "python")))}
        with Child.start(env=env) as child:
            wire = ChildWire(child, config)
            for ender in ENDERS:
                wire.hang_in_lookup(clock)
                wire.end(ender)
                clock.hold_lookups(False)
                if ender in ("close", "shutdown"):
                    wire.open()
                assert code(wire.get_settings()) == "ok"
                wire.open()  # a client remembers addresses for a while
            for _ in range(20):
                wire.hang_in_lookup(clock)
                wire.end("request")
            clock.hold_lookups(False)
            assert code(wire.get_settings()) == "ok"
            wire.run("clients['wire'].close(15_000)")
            until(lambda: threads("trakt-", child.process.pid) == 0, "the threads that were left behind end")
            measured = wire.run("result = endings.MEASURED")
    assert len(measured) == 24
    endings.MEASURED.extend(tuple(one) for one in measured)


class ChildWire:
    """A client in another process."""

    def __init__(self, child: Child, config: str) -> None:
        self._child, self._config = child, config
        self.open()

    def run(self, lines: str) -> Any:
        return self._child.run(f"import endings, json, wire\n{lines}")

    def open(self) -> None:
        self.run(f"clients['wire'] = wire.Wire(libtrakt.Library.load(), json.loads({self._config!r}))")

    def get_settings(self) -> Envelope:
        envelope: Envelope = self.run(f"result = clients['wire'].call('settings.get', {FRESH})")
        return envelope

    def hang_in_lookup(self, clock: MovedClock) -> None:
        """Begins a call, and returns when its lookup hangs."""
        clock.hold_lookups()
        before = threads("trakt-lookup", self._child.process.pid)
        self.run(f"endings.now = endings.Waiting.submitted(clients['wire'], 'settings.get', {FRESH})")
        until(lambda: threads("trakt-lookup", self._child.process.pid) > before, "a lookup that hangs")

    def end(self, ender: str) -> None:
        self.run(f"endings.now.end({ender!r}, 'name lookup')")


@pytest.mark.parametrize("what", ["connect", "handshake", "headers", "dripping body", "store.lock"])
def test_twenty_hanging_calls_are_ended_one_after_the_other_and_the_client_works_on(bench: Bench, what: str) -> None:
    with HANGS[what](bench) as hang:
        for number in range(20):
            waiting = hang.begin("request")
            if number == 0:
                hang.reached()
            else:
                assert still_running(hang.wire, waiting.request, 20)
            waiting.end("request", f"{what}, in a row")
        hang.free()
        envelope = hang.works(hang.wire)
        assert code(envelope) == "ok", envelope
        hang.wire.close(0)
        until(lambda: threads("trakt-") == 0, "the threads that were left behind end")


@pytest.mark.parametrize("ender", ENDERS)
def test_each_of_many_waiters_is_freed(bench: Bench, ender: str) -> None:
    since = bench.sim.mark()
    bench.sim.fault("silence", path=SETTINGS, times=0)
    wire = bench.open()
    request = wire.submit("settings.get", FRESH)
    waiting = [Waiting(wire, "trakt_result", request, LONG_MS, request=request) for _ in range(5)]
    bench.sim.wait_log(path=SETTINGS, since=since)
    waiting[0].request = request
    began_all = [one for one in waiting if one.waits]
    assert len(began_all) == 5
    ways = {"request": lambda: wire.text("trakt_cancel", request), "client": wire.cancel, "close": wire.close}
    ways.get(ender, lambda: wire.library.number("trakt_shutdown", 0))()
    codes = sorted(code(one.join()) for one in waiting)
    # The reply goes to one of them; the others learn that it was taken.
    assert codes == [ENDERS[ender], *["invalid_argument"] * 4]


def test_close_and_shutdown_say_what_still_runs(bench: Bench) -> None:
    with connect(bench) as hang:
        waiting = hang.begin("close")
        hang.reached()
        assert hang.wire.close(0) >= 1
        assert code(waiting.join()) == "closed"
        assert bench.library.number("trakt_shutdown", 0) >= 1
        hang.free()
        assert bench.library.number("trakt_shutdown", LONG_MS) == 0
        assert threads("trakt-") == 0
        assert code(hang.works(bench.open(**hang.config))) == "ok"


def test_close_after_finished_work_says_that_nothing_runs(bench: Bench) -> None:
    for _ in range(20):
        wire = bench.open()
        assert code(wire.call("settings.get", FRESH)) == "ok"
        assert wire.close(1_000) == 0


def test_close_waits_for_what_must_not_be_torn_off(tmp_path: Path, library: Library) -> None:
    folder = tmp_path / "data"
    with Sim.start() as sim:
        link(sim, folder, library)
        sim.expire_access()
        late = sim.fault("late", path="/oauth/token", delay_ms=600_000)
        wire = Wire(library, sim.client_config(data_dir=folder))
        waiting = Waiting.called(wire, "settings.get", FRESH)
        sim.wait_log(path="/oauth/token")
        waiting.end("client", "refresh")
        assert wire.close(0) >= 1
        sim.clear_faults(late)
        assert library.number("trakt_shutdown", LONG_MS) == 0
        with Wire(library, sim.client_config(data_dir=folder)) as again:
            assert code(again.call("settings.get", FRESH)) == "ok"
        assert len(sim.log(path="/oauth/token")) == 1


def test_a_request_is_cancelled_before_it_runs(bench: Bench) -> None:
    wire, since = bench.open(), bench.sim.mark()
    for _ in range(50):
        request = wire.submit("http.request", HISTORY)
        assert wire.text("trakt_cancel", request)["data"] == {"cancelled": True}
        assert wire.text("trakt_cancel", request)["data"] == {"cancelled": False}
        assert code(wire.result(request, 0)) == "cancelled"
        assert code(wire.result(request, 0)) == "invalid_argument"
        assert code(wire.text("trakt_cancel", request)) == "invalid_argument"
    # The pace is one write a second, so hardly one of them can have gone out.
    assert len(bench.sim.log(path="/sync/history", since=since)) <= 3
    bench.sim.advance_clock(1_000)
    assert code(wire.post()) == "ok"


def test_a_cancelled_request_s_late_answer_goes_to_nobody(bench: Bench) -> None:
    wire, since = bench.open(), bench.sim.mark()
    late = bench.sim.fault("delay", path=SETTINGS, delay_ms=600_000)
    waiting = Waiting.submitted(wire, "settings.get", FRESH)
    bench.sim.wait_log(path=SETTINGS, since=since)
    waiting.end("request", "late answer")
    bench.sim.clear_faults(late)
    envelope = wire.get("/sync/last_activities")
    assert code(envelope) == "ok"
    assert "all" in envelope["data"]["body"], envelope


def test_trakt_cancel_ends_one_request_alone(bench: Bench) -> None:
    wire, since = bench.open(), bench.sim.mark()
    held_back = bench.sim.fault("delay", path=SETTINGS, times=0, delay_ms=600_000)
    first, second = (Waiting.submitted(wire, "settings.get", FRESH) for _ in range(2))
    bench.sim.wait_log(path=SETTINGS, since=since, count=2)
    first.end("request", "one of two")
    assert still_running(wire, wire.submit("settings.get", FRESH)) and second.waits
    bench.sim.clear_faults(held_back)
    assert code(second.join()) == "ok"


def test_shutdown_ends_every_client_and_opening_works_again(bench: Bench) -> None:
    for _ in range(5):
        since = bench.sim.mark()
        bench.sim.fault("silence", path=SETTINGS, times=0)
        waiting = [Waiting.called(bench.open(), "settings.get", FRESH) for _ in range(4)]
        bench.sim.wait_log(path=SETTINGS, since=since, count=4)
        waiting[0].end("shutdown", "four clients")
        assert [code(one.join()) for one in waiting] == ["closed"] * 4
        bench.sim.clear_faults()
        assert code(bench.open().call("settings.get", FRESH)) == "ok"


def test_ends_of_nothing_do_nothing(wire: Wire) -> None:
    wire.cancel()
    assert code(wire.text("trakt_cancel", 999)) == "invalid_argument"
    assert wire.library.number("trakt_client_close", 0, 0) == 0
    wire.library.number("trakt_client_cancel", 12345)
    assert code(wire.call("account.get")) == "ok"


def test_a_locked_store_keeps_neither_open_nor_a_poll_nor_a_start_waiting(bench: Bench) -> None:
    wire = pending(bench)
    with held(bench.store_file("store.lock")):
        for longest_ms, what in [
            (250, lambda: bench.open()),
            (0, lambda: wire.text("trakt_device_poll", 0)),
            (0, lambda: wire.text("trakt_next_events", 0)),
            (250, lambda: wire.text("trakt_account")),
            (0, lambda: wire.text("trakt_player_event", STARTED)),
            (250, lambda: wire.text("trakt_device_start", '{"wait_ms":0}')),
            (0, lambda: wire.text("trakt_submit", "device.cancel", None)),
        ]:
            began = time.monotonic()
            what()
            took_ms = (time.monotonic() - began) * 1000
            assert took_ms < longest_ms + 150, (what, took_ms)


def test_the_longest_waits_that_were_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """Says how close to the contract's 100 ms the tests above came; each has asserted its own bound."""
    with capsys.disabled():
        print(f"\n    waits ended after: {endings.longest()}")
