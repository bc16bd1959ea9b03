#!/usr/bin/env python3
"""Prints the library's figures: size, loading, polls, round trips, idleness. Takes about three minutes.

Needs what `tests/run` needs. Builds the release library, the simulated Trakt and the bench `calls`; installs `requests`
into target/venv to compare with. Medians, with the middle half of all runs in brackets.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
LIBRARY = TOP / "target/release/libtrakt.so"
VENV = TOP / "target/venv"
PYTHON = VENV / "bin/python"
ROUNDS = 40
IDLE_SECONDS = 60

# Each runs in a fresh process and prints microseconds and bytes of resident memory for each step.
PROBE = """
import ctypes, json, os, sys, time
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
steps = []
def step(work):
    before, begun = resident(), time.perf_counter_ns()
    result = work()
    steps.append([(time.perf_counter_ns() - begun) / 1000, resident() - before])
    return result
"""
LOAD = (
    PROBE
    + """
library, config = sys.argv[1], json.dumps({"client_id": "figures", "data_dir": sys.argv[2]}).encode()
loaded = step(lambda: ctypes.CDLL(library))
loaded.trakt_client_open.restype = ctypes.c_uint64
assert step(lambda: loaded.trakt_client_open(config, None))
print(json.dumps(steps))
"""
)
REQUESTS = (
    PROBE
    + """
def load():
    import requests
step(load)
print(json.dumps(steps))
"""
)
# Asks once, so that threads and a connection have been there, and then does nothing until its input ends.
IDLE = """
import ctypes, json, sys
library, config = ctypes.CDLL(sys.argv[1]), sys.argv[2].encode()
library.trakt_client_open.restype = ctypes.c_uint64
library.trakt_call.restype = ctypes.c_void_p
client = ctypes.c_uint64(library.trakt_client_open(config, None))
library.trakt_call(client, b"device.start", b"{}")
library.trakt_call(client, b"device.cancel", b"{}")
print(library.trakt_reply_status(ctypes.c_void_p(library.trakt_call(client, b"account.get", None))), flush=True)
sys.stdin.read()
"""


def run(*command: str | Path, quiet: bool = False) -> str:
    """What a command prints; its failure ends the script."""
    # Warnings of the compiler aren't figures.
    errors = subprocess.DEVNULL if quiet else None
    return subprocess.run(
        [str(part) for part in command], cwd=TOP, check=True, stdout=subprocess.PIPE, stderr=errors, text=True
    ).stdout


def spread(values: list[float], unit: str, scale: float = 1.0, digits: int = 2) -> str:
    """The median and the middle half."""
    low, middle, high = statistics.quantiles([value / scale for value in values], n=4)
    return f"{middle:.{digits}f} {unit} [{low:.{digits}f} to {high:.{digits}f}]"


def show(name: str, text: str) -> None:
    """One line."""
    print(f"{name:<44} {text}", flush=True)


def size() -> None:
    """What has to be shipped."""
    show("size of the release library", f"{LIBRARY.stat().st_size / 1e6:.2f} MB, stripped")


def loading() -> None:
    """Alternates fresh processes, so that both see the same machine."""
    ours: list[list[list[float]]] = []
    theirs: list[list[list[float]]] = []
    fresh: list[list[list[float]]] = []
    with tempfile.TemporaryDirectory() as known:
        run(PYTHON, "-c", LOAD, LIBRARY, known)
        for _ in range(ROUNDS):
            ours.append(json.loads(run(PYTHON, "-c", LOAD, LIBRARY, known)))
            theirs.append(json.loads(run(PYTHON, "-c", REQUESTS)))
            with tempfile.TemporaryDirectory() as empty:
                fresh.append(json.loads(run(PYTHON, "-c", LOAD, LIBRARY, empty)))

    def times(runs: list[list[list[float]]], *steps: int) -> str:
        return spread([sum(run[step][0] for step in steps) for run in runs], "ms", 1e3)

    def memory(runs: list[list[list[float]]], *steps: int) -> str:
        return spread([sum(run[step][1] for step in steps) for run in runs], "MB", 1e6)

    show("dlopen", f"{times(ours, 0)}, {memory(ours, 0)} of memory")
    show("first client, its store being there", f"{times(ours, 1)}, {memory(ours, 1)}")
    show("first client, making its store", f"{times(fresh, 1)}, {memory(fresh, 1)}")
    show("dlopen and first client together", f"{times(ours, 0, 1)}, {memory(ours, 0, 1)}")
    show("import requests, in the same run", f"{times(theirs, 0)}, {memory(theirs, 0)}")


def calls() -> None:
    """Polls and round trips, measured by the bench `calls`."""
    figures = json.loads(run("cargo", "bench", "--quiet", "--bench", "calls", quiet=True).splitlines()[-1])

    def time_of(call: dict[str, float]) -> str:
        return f"{call['median_us']:.1f} µs [{call['quarter_us']:.1f} to {call['three_quarters_us']:.1f}]"

    for state in ("idle", "pending"):
        poll = figures[f"poll_{state}"]
        show(
            f"trakt_device_poll(client, 0), {state}",
            f"{time_of(poll)}, {poll['allocations']:.1f} allocations of {poll['bytes'] / 1e3:.1f} KB in all",
        )
    for key, server in (
        ("settings_fast_server", "a server that answers at once"),
        ("settings_trakt_sim", "trakt-sim"),
        ("settings_far_server", "a server 20 ms away"),
    ):
        trip = figures[key]
        show(
            f"trakt_get_settings, {server}",
            f"{time_of(trip['libtrakt'])}; libcurl {time_of(trip['libcurl'])}, ratio {trip['ratio']:.2f}; "
            f"libcurl on a thread {time_of(trip['threaded'])}, ratio {trip['threaded_ratio']:.2f}",
        )


def cpu_ns(process: int) -> int:
    """What all threads have used so far."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{process}/task").iterdir())


def idle() -> None:
    """CPU and threads of a client that has worked and now has nothing to do."""
    simulator = subprocess.Popen(
        [TOP / "target/debug/trakt-sim"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert simulator.stdout and simulator.stdin
    where = json.loads(simulator.stdout.readline())
    with tempfile.TemporaryDirectory() as folder:
        config = {key: where[key] for key in ("client_id", "client_secret", "auth_url", "api_url")}
        config["data_dir"] = folder
        host = subprocess.Popen(
            [PYTHON, "-c", IDLE, LIBRARY, json.dumps(config)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert host.stdout and host.stdin
        assert host.stdout.readline() == "0\n"
        tasks = Path(f"/proc/{host.pid}/task")
        during = len(list(tasks.iterdir())) - 1
        # Threads stay for two seconds in case there is more to do.
        time.sleep(5)
        before = cpu_ns(host.pid)
        time.sleep(IDLE_SECONDS)
        used, threads = cpu_ns(host.pid) - before, len(list(tasks.iterdir())) - 1
        host.stdin.close()
        host.wait()
    simulator.stdin.close()
    simulator.wait()
    show(
        "an idle client",
        f"{used / 1e6:.3f} ms of CPU in {IDLE_SECONDS} s, {threads} threads ({during} right after a request)",
    )


def main() -> None:
    """Everything."""
    run("cargo", "rustc", "--quiet", "--release", "--lib", "--crate-type", "cdylib", quiet=True)
    run("cargo", "build", "--quiet", "-p", "trakt-sim", quiet=True)
    if not PYTHON.exists():
        run(sys.executable, "-m", "venv", VENV)
    run(PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "requests")
    # Compiled once, as an installed package is.
    run(PYTHON, "-c", REQUESTS)
    show("machine", f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    size()
    loading()
    calls()
    idle()


if __name__ == "__main__":
    main()
