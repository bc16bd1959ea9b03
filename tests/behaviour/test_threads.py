"""Any function on any thread at any time: many threads call everything at once, and open, cancel and close meanwhile.

It runs in a process of its own, whose crash is then a result and not the end of the tests.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any, Dict, List

from child import child_environment
from libtrakt import Library
from machine import threads, until
from paths import BINDING
from paths import HERE as PYTHON_TESTS
from prelinked import link
from simtrakt import Sim
from wire import Wire, code, envelope_of

THREADS = 16
ROUNDS = 400

#: What a player reports, and what it should not.
EVENTS = [
    '{"event":"started","session":"a","position_ms":0,"duration_ms":1000,"item":{"type":"file","file":"/a.mkv"}}',
    '{"event":"progress","session":"a","position_ms":900}',
    '{"event":"paused","session":"a","position_ms":null}',
    '{"event":"ended","session":"a"}',
    "{",
]

#: What a call may come to here; anything else is a defect.
EXPECTED = {
    "ok",
    "busy",
    "cancelled",
    "closed",
    "invalid_handle",
    "invalid_argument",
    "invalid_json",
    "unknown_method",
    "unknown_option",
    "wrong_state",
    "state_mismatch",
    "not_linked",
    "not_found",
    "rate_limited",
    "server_error",
    "network",
    "timeout",
    "bad_reply",
}


class Hammer:
    """The clients that all threads share, and what came of it."""

    def __init__(self, config: Dict[str, Any]) -> None:
        self.library, self.config = Library.load(), config
        self.handles: List[int] = [self.open() for _ in range(3)]
        self.codes: Counter[str] = Counter()
        self.broken: List[str] = []
        self.lock = threading.Lock()

    def open(self) -> int:
        handle, reply = self.library.open_client(json.dumps(self.config))
        assert handle, reply
        return handle

    def text(self, chance: random.Random, function: str, handle: int, *arguments: Any) -> None:
        envelope = envelope_of(self.library.text(function, handle, *arguments))
        with self.lock:
            self.codes[code(envelope)] += 1
        if function == "trakt_submit" and envelope["status"] == 0 and chance.random() < 0.9:
            request = envelope["data"]["request"]
            if chance.random() < 0.5:
                self.text(chance, "trakt_cancel", handle, request)
            self.text(chance, "trakt_result", handle, request, chance.choice([0, 5, 50]))

    def step(self, chance: random.Random) -> None:
        """One call of a function that chance has picked."""
        handle = chance.choice([*self.handles, *self.handles, 0, 1, chance.getrandbits(53)])
        method = chance.choice(["account.get", "settings.get", "device.poll", "log.next", "http.request", "nonsense"])
        params = chance.choice(
            [None, "{}", '{"max_age_ms":0}', '{"wait_ms":5}', "{", '{"method":"GET","path":"/users/me"}']
        )
        calls: List[List[Any]] = [
            ["trakt_device_start", chance.choice(['{"wait_ms":0}', '{"wait_ms":20,"replace":true,"background":true}'])],
            ["trakt_device_poll", chance.choice([0, 20])],
            ["trakt_device_cancel"],
            ["trakt_authorize_url", None],
            ["trakt_authorize_finish", "https://x.test/?code=a&state=b"],
            ["trakt_account"],
            ["trakt_get_settings", chance.choice([None, '{"max_age_ms":0}', '{"offline":true}'])],
            ["trakt_check_limit", "list.count", chance.getrandbits(64)],
            ["trakt_check_permission", "commenting"],
            ["trakt_player_event", chance.choice(EVENTS)],
            ["trakt_call", method, params],
            ["trakt_submit", method, params],
            ["trakt_result", chance.getrandbits(4), chance.choice([0, 10])],
            ["trakt_cancel", chance.getrandbits(4)],
            ["trakt_next_events", chance.choice([0, 10])],
        ]
        dice = chance.random()
        if dice < 0.05:
            self.library.number("trakt_client_cancel", handle)
        elif dice < 0.10:
            slot, fresh = chance.randrange(len(self.handles)), self.open()
            old, self.handles[slot] = self.handles[slot], fresh
            self.library.number("trakt_client_close", old, chance.choice([0, 0, 20]))
        elif dice < 0.105:
            self.library.number("trakt_shutdown", 0)
        else:
            function, *arguments = chance.choice(calls)
            self.text(chance, function, handle, *arguments)

    def run(self, seed: int) -> None:
        """One thread's part."""
        chance = random.Random(seed)
        for _ in range(ROUNDS):
            try:
                self.step(chance)
            except Exception as error:
                with self.lock:
                    self.broken.append(repr(error))


def main(config: str) -> None:
    """The process of its own."""
    hammer = Hammer(json.loads(config))
    hammered = [threading.Thread(target=hammer.run, args=(seed,)) for seed in range(THREADS)]
    for one in hammered:
        one.start()
    for one in hammered:
        one.join()
    still_running = hammer.library.number("trakt_shutdown", 30_000)
    until(lambda: threads("trakt-") == 0, "the library's threads end")
    print(json.dumps({"codes": hammer.codes, "broken": hammer.broken[:5], "still_running": still_running}))


def hammered(config: Dict[str, Any]) -> Dict[str, Any]:
    paths = os.pathsep.join(map(str, (BINDING, PYTHON_TESTS, Path(__file__).resolve().parent)))
    process = subprocess.run(
        [
            sys.executable,
            "-X",
            "faulthandler",
            "-c",
            "import sys, test_threads; test_threads.main(sys.argv[1])",
            json.dumps(config),
        ],
        env=child_environment({"PYTHONPATH": paths}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert process.returncode == 0, (process.returncode, process.stderr[-4_000:])
    result: Dict[str, Any] = json.loads(process.stdout)
    return result


def test_sixteen_threads_call_everything_at_once_and_each_reply_is_an_envelope(
    library: Library, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    with Sim.start() as sim:
        link(sim, folder, library)
        sim.expect_violations()  # a request that is cancelled and one of the next client may come close together
        sim.config(get_limit=1_000_000)
        for kind, details in (
            ("delay", {"delay_ms": 100}),
            ("drip", {"bytes_per_tick": 20, "tick_ms": 10}),
            ("reset", {}),
            ("cut", {"keep": 10}),
            ("html", {"status": 502}),
        ):
            sim.fault(kind, host="api", times=10, **details)
        result = hammered(sim.client_config(data_dir=folder, timeouts_ms={"total": 2_000}))
        assert result["broken"] == [] and result["still_running"] == 0, result
        codes = result["codes"]
        assert codes.keys() <= EXPECTED, codes
        assert codes.keys() >= {"ok", "cancelled", "invalid_handle", "invalid_argument", "unknown_method"}, codes
        assert sum(codes.values()) > THREADS * ROUNDS * 0.8, codes
        sim.clear_faults()
        # Whatever was torn down, the account is still there and works.
        with Wire(library, sim.client_config(data_dir=folder)) as wire:
            assert wire.data("account.get")["state"] == "linked"
            assert wire.data("settings.get", {"max_age_ms": 0})["source"] == "network"


def test_sixteen_threads_in_memory_and_without_a_network(library: Library) -> None:
    result = hammered({"client_id": "x", "auth_url": "http://127.0.0.1:9", "api_url": "http://127.0.0.1:9"})
    assert result["broken"] == [] and result["still_running"] == 0, result
    assert result["codes"].keys() <= EXPECTED, result["codes"]
