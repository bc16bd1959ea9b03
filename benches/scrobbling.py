#!/usr/bin/env python3
"""Prints the figures of scrobbling: how long a player's report takes, how large and how quick the outbox is.

Needs what `tests/run` needs, and some minutes. Everything goes through the release library's C interface, as a host
does it; each time stands beside one of a call that was there before, measured in the same run.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Dict, Iterator, List

TOP = Path(__file__).resolve().parent.parent
LIBRARY = TOP / "target/release/libtrakt.so"
ENTRIES = 100_000
PLAYS = 10_000
REPORTS = 20_000
DAY = 24
MINUTE_MS = 60_000


def show(name: str, text: str) -> None:
    """One line."""
    print(f"{name:<52} {text}", flush=True)


class Sim:
    """The simulated Trakt in a process of its own."""

    def __init__(self) -> None:
        """Starts it; its history is empty."""
        self.process = subprocess.Popen(
            [TOP / "target/debug/trakt-sim"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.where: Dict[str, Any] = json.loads(self.process.stdout.readline())
        self.control("/config", device_interval_s=1, history_items=0)

    def control(self, path: str, **body: Any) -> Any:
        """A call of the control API."""
        url = self.where["control_url"] + path
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(urllib.request.Request(url, json.dumps(body).encode())) as answer:
            return json.load(answer)

    def down(self) -> None:
        """Trakt gives no answer to writes any more."""
        self.control("/fault", match={"host": "api", "path": "*"}, times=0, kind="status", status=503)

    def close(self) -> None:
        """Ends it."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


class Host:
    """A client as C hosts have it."""

    def __init__(self, sim: Sim, folder: str) -> None:
        """Opens and links it."""
        self.library = ctypes.CDLL(str(LIBRARY))
        self.library.trakt_client_open.restype = ctypes.c_uint64
        self.library.trakt_string_free.argtypes = [ctypes.c_void_p]
        for name in ("trakt_player_event", "trakt_call", "trakt_device_poll"):
            getattr(self.library, name).restype = ctypes.c_void_p
        keys = ("client_id", "client_secret", "auth_url", "api_url")
        config = {**{key: sim.where[key] for key in keys}, "data_dir": folder, "proxy": ""}
        self.client = ctypes.c_uint64(self.library.trakt_client_open(json.dumps(config).encode(), None))
        if not self.call("account.get")["linked"]:
            self.call("device.start")
            sim.control("/approve")
            while self.call("device.poll", wait_ms=2_000)["state"] != "authorized":
                pass
            self.call("settings.get", max_age_ms=0)

    def text(self, name: str, *arguments: Any) -> bytes:
        """What a function returns."""
        reply = getattr(self.library, name)(self.client, *arguments)
        said = ctypes.string_at(reply)
        self.library.trakt_string_free(reply)
        return said

    def call(self, method: str, **params: Any) -> Any:
        """A method by name; anything but success ends the script."""
        reply = json.loads(self.text("trakt_call", method.encode(), json.dumps(params).encode()))
        if reply["status"]:
            raise SystemExit(f"{method}: {reply['error']['message']}")
        return reply["data"]

    def report(self, event: Dict[str, Any]) -> Any:
        """A player's report."""
        return json.loads(self.text("trakt_player_event", json.dumps(event).encode()))

    def timed(self, name: str, *arguments: Any) -> float:
        """Microseconds of one call, its reply freed."""
        function, free = getattr(self.library, name), self.library.trakt_string_free
        begun = time.perf_counter_ns()
        reply = function(self.client, *arguments)
        spent = (time.perf_counter_ns() - begun) / 1_000
        free(reply)
        return spent

    def close(self) -> None:
        """Closes the client."""
        self.library.trakt_client_close(self.client, 15_000)


@contextlib.contextmanager
def a_host() -> Iterator[tuple[Sim, Host, Path]]:
    """A linked client with a store of its own, and its Trakt."""
    sim = Sim()
    with tempfile.TemporaryDirectory() as folder:
        host = Host(sim, folder)
        try:
            yield sim, host, Path(folder) / "libtrakt"
        finally:
            host.close()
            sim.close()


def movie(number: int) -> Dict[str, Any]:
    """One of many films."""
    return {"type": "movie", "title": f"A film with a usual title {number}", "year": 1995, "ids": {"trakt": number + 1}}


def spread(times: List[float]) -> str:
    """Median, 99 % and the longest."""
    cuts = statistics.quantiles(times, n=100)
    return f"median {cuts[49]:.1f} µs, 99 % {cuts[98]:.1f} µs, longest {max(times):.0f} µs"


def size(folder: Path) -> int:
    """Bytes of the store's files."""
    return sum(file.stat().st_size for file in folder.iterdir() if file.name.startswith("store.db"))


def reports() -> None:
    """What a report takes while 100,000 entries wait, beside a poll of the login."""
    with a_host() as (sim, host, folder):
        sim.down()
        for start in range(0, ENTRIES, 5_000):
            host.call("history.add", items=[movie(number) for number in range(start, start + 5_000)])
        waiting = host.call("outbox.list", limit=1)["waiting"]
        assert waiting == ENTRIES, waiting
        show("store with 100,000 waiting marks", f"{size(folder) / 1e6:.1f} MB")
        film = {"session": "s", "duration_ms": 120 * MINUTE_MS}
        host.report({**film, "event": "started", "position_ms": 0, "item": movie(1)})
        texts = [
            json.dumps({**film, "event": "progress", "position_ms": 10 * number}).encode() for number in range(REPORTS)
        ]
        ours, theirs = [], []
        for text in texts:
            ours.append(host.timed("trakt_player_event", text))
            theirs.append(host.timed("trakt_device_poll", ctypes.c_uint32(0)))
        show("trakt_player_event, progress", spread(ours))
        show("trakt_device_poll(client, 0), idle, same run", spread(theirs))
        begins = []
        for number in range(1_000):
            event = {**film, "session": f"n{number}", "event": "started", "position_ms": 0, "item": movie(number)}
            begins.append(host.timed("trakt_player_event", json.dumps(event).encode()))
            host.report({"session": f"n{number}", "event": "stopped", "position_ms": 0})
        show("trakt_player_event, started", spread(begins))


def store() -> None:
    """How large 10,000 plays are, waiting."""
    with a_host() as (sim, host, folder):
        sim.down()
        empty = size(folder)
        for number in range(PLAYS):
            film = {"session": f"s{number}", "duration_ms": 120 * MINUTE_MS}
            host.report({**film, "event": "started", "position_ms": 0, "item": movie(number)})
            host.report({**film, "event": "ended", "position_ms": 120 * MINUTE_MS})
        until = time.monotonic() + 600
        while host.call("outbox.list", limit=1)["waiting"] < PLAYS and time.monotonic() < until:
            time.sleep(0.1)
        full = size(folder)
        show("store with 10,000 waiting plays", f"{full / 1e6:.2f} MB, {(full - empty) / PLAYS:.0f} bytes for each")


def throughput() -> None:
    """How quickly what waited goes out, at Trakt's rate of one write a second."""
    with a_host() as (sim, host, _):
        sim.down()
        count = 1_000
        host.call("history.add", items=[movie(number) for number in range(count)])
        since = sim.control("/log")["requests"][-1]["n"]
        sim.control("/fault/clear")
        begun = time.monotonic()
        host.call("outbox.retry", all=True)
        while host.call("outbox.list", limit=1)["waiting"]:
            time.sleep(0.05)
        spent = time.monotonic() - begun
        writes = [
            request
            for request in sim.control("/log", since=since)["requests"]
            if request["method"] == "POST" and request["status"] == 201
        ]
        show("1,000 entries after an outage", f"{spent:.1f} s in {len(writes)} writes (the limit: one a second)")


def main() -> int:
    """Everything."""
    subprocess.run(["cargo", "rustc", "--quiet", "--release", "--lib", "--crate-type", "cdylib"], cwd=TOP, check=True)
    subprocess.run(["cargo", "build", "--quiet", "-p", "trakt-sim"], cwd=TOP, check=True)
    reports()
    store()
    throughput()
    return 0


if __name__ == "__main__":
    sys.exit(main())
