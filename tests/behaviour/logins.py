"""What the tests of the two logins share: calls as a host makes them, and what must hold of every snapshot.

A host is a `Client` of this process or a `Child`. The calls go to the C functions themselves: the wrapper's own slices
of waiting are proved elsewhere. Every snapshot that passes through here has exactly the contract's keys and types.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from child import Child
from libtrakt import Client, errors
from paths import PATIENCE_S
from simtrakt import DEVICE_TOKEN, LoggedRequest, Sim

Host = Union[Client, Child]
Snapshot = Dict[str, Any]

STATES = (
    "idle",
    "starting",
    "pending",
    "authorized",
    "denied",
    "expired",
    "already_used",
    "invalid",
    "cancelled",
    "failed",
)
RUNNING = ("starting", "pending")
DAY = 24 * 3600 * 1000
#: How long a freed waiter may take here: the contract says 100 ms, a busy machine some more.
AT_ONCE_S = 2.0

_TEXT = (str, type(None))
_NUMBER = (int, type(None))
_KEYS: Mapping[str, Tuple[type, ...]] = {
    "login_id": _TEXT,
    "state": (str,),
    "user_code": _TEXT,
    "verification_url": _TEXT,
    "verification_url_complete": _TEXT,
    "qr_rows": (list, type(None)),
    "qr_png_path": _TEXT,
    "next_poll_in_ms": _NUMBER,
    "expires_in_ms": _NUMBER,
    "interval_ms": _NUMBER,
    "polls": (int,),
    "driver": (str,),
    "last_error": (dict, type(None)),
    "error": (dict, type(None)),
    "account": (dict, type(None)),
}


def checked(snapshot: Snapshot) -> Snapshot:
    """The snapshot, which has the contract's keys and types and says nothing that its state forbids."""
    assert list(snapshot) == list(_KEYS)
    for key, types in _KEYS.items():
        assert type(snapshot[key]) in types, f"{key} is {snapshot[key]!r}"
    assert snapshot["state"] in STATES
    assert snapshot["driver"] in ("self", "other", "none")
    for key in ("last_error", "error"):
        error = snapshot[key]
        if error is not None:
            assert {"code", "message", "retryable"} <= set(error), error
            assert error["code"] in errors.BY_CODE and error["message"]
    running = snapshot["state"] in RUNNING
    assert (snapshot["next_poll_in_ms"] is not None) == running
    assert (snapshot["driver"] == "none") == (not running)
    assert (snapshot["expires_in_ms"] is not None) == (snapshot["state"] == "pending")
    assert running <= (snapshot["error"] is None)
    assert (snapshot["account"] is None) or snapshot["state"] == "authorized"
    if snapshot["state"] == "pending":
        assert snapshot["user_code"] and snapshot["qr_rows"] and snapshot["interval_ms"] > 0
    return snapshot


def native(host: Host, function: str, *arguments: Any) -> Any:
    """Calls a C function of the host's client, once; the reply's data, or its exception."""
    if isinstance(host, Child):
        return host.call("_data", function, *arguments)
    return host._data(function, *arguments)


def start(host: Host, **options: Any) -> Snapshot:
    """`trakt_device_start`."""
    return checked(native(host, "trakt_device_start", json.dumps(options, default=str)))


def poll(host: Host, wait_ms: int = 0) -> Snapshot:
    """`trakt_device_poll`."""
    return checked(native(host, "trakt_device_poll", wait_ms))


def cancel(host: Host) -> Snapshot:
    """`trakt_device_cancel`."""
    return checked(native(host, "trakt_device_cancel"))


def poll_until(host: Host, wanted: Callable[[Snapshot], Any], patience_s: float = PATIENCE_S) -> Snapshot:
    """Polls as a host that waits does, until the snapshot is as wanted."""
    end = time.monotonic() + patience_s
    snapshot = poll(host)
    while not wanted(snapshot):
        assert time.monotonic() < end, f"still {snapshot}"
        snapshot = poll(host, 250)
    return snapshot


def until_state(host: Host, state: str, patience_s: float = PATIENCE_S) -> Snapshot:
    """Polls until the login is in a state; fails at once when it has ended in another."""
    snapshot = poll_until(host, lambda now: now["state"] not in RUNNING or now["state"] == state, patience_s)
    assert snapshot["state"] == state, snapshot
    return snapshot


def until_authorized(host: Host) -> Snapshot:
    """Polls until the login is authorized and the account was read."""
    return poll_until(host, lambda now: until_authorized_or_fail(now) and now["account"])


def until_authorized_or_fail(snapshot: Snapshot) -> bool:
    """Whether it is authorized; another end is a failure."""
    assert snapshot["state"] in (*RUNNING, "authorized"), snapshot
    return snapshot["state"] == "authorized"


def link(host: Host, sim: Sim) -> Snapshot:
    """Links an account from start to end."""
    login = start(host)
    sim.approve(login["user_code"])
    return until_authorized(host)


def eventually(call: Callable[[], Any]) -> Any:
    """The data of a call whose trouble passes: within a second of the last try the library repeats its error."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call()
        except errors.TraktError as error:
            if not error.retryable or time.monotonic() > end:
                raise


def polls_of(sim: Sim, since: int = 0) -> List[LoggedRequest]:
    """The polls that Trakt has seen."""
    return sim.log(path=DEVICE_TOKEN, since=since)


def assert_apart(requests: Iterable[LoggedRequest], least_ms: int) -> None:
    """No two of the requests came closer than that."""
    times = [request["at_ms"] for request in requests]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert all(gap >= least_ms for gap in gaps), f"{gaps} ms apart, at least {least_ms} allowed"


class Running:
    """A call on a thread of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        """Starts it."""
        self._outcome: List[Any] = []
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self.began = time.monotonic()
        self.ended = 0.0
        self._thread.start()

    def _run(self, call: Callable[[], Any]) -> None:
        try:
            self._outcome.append(call())
        except BaseException as error:
            self._outcome.append(error)
        self.ended = time.monotonic()

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self._outcome)

    def outcome(self) -> Any:
        """What it returned or raised."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the call did not end"
        return self._outcome[0]


class Network:
    """A way to a server that can be cut: a port that refuses connections until it is opened, and again when shut."""

    def __init__(self, url: str) -> None:
        """For the server at a URL; shut at first."""
        self._to = ("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/")))
        self._reserved: Optional[socket.socket] = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self._host = f"127.0.0.1:{self._reserved.getsockname()[1]}"
        self.url = f"http://{self._host}"

    def open(self) -> None:
        """Connections are passed on from now on."""
        assert self._reserved is not None
        self._reserved.listen()
        threading.Thread(target=self._serve, args=(self._reserved,), daemon=True).start()

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                near, _ = listening.accept()
                far = socket.create_connection(self._to)
            except OSError:
                return
            hosts = (self._host.encode(), f"{self._to[0]}:{self._to[1]}".encode())
            threading.Thread(target=_pass_on, args=(near, far, *hosts), daemon=True).start()
            threading.Thread(target=_pass_on, args=(far, near, b"", b""), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket, host: bytes, instead: bytes) -> None:
    """Copies what one end says to the other, under the name that the other goes by."""
    try:
        while True:
            data = one.recv(65536)
            if not data:
                break
            other.sendall(data.replace(host, instead) if host else data)
    except OSError:
        pass
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
