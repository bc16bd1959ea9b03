"""What a test needs of the machine: sockets that hang or pass on, locks that another process holds, threads.

Knows nothing of libtrakt nor pytest.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Callable, Iterator, List, Optional, Tuple, Type, TypeVar
from urllib.parse import urlsplit

from paths import PATIENCE_S

_SYN_SENT = "02"

Told = TypeVar("Told")


def until(told: Callable[[], Told], what: str, patience_s: float = PATIENCE_S) -> Told:
    """What is told by something that gives no sign of its own, as soon as it is true or not empty."""
    end = time.monotonic() + patience_s
    while not (said := told()):
        assert time.monotonic() < end, f"Waited {patience_s} s in vain: {what}"
        time.sleep(0.002)
    return said


def threads(name: str, process: Optional[int] = None) -> int:
    """How many threads whose names begin so a process has."""
    found = 0
    for comm in Path(f"/proc/{process or os.getpid()}/task").glob("*/comm"):
        with contextlib.suppress(OSError):
            found += comm.read_text().startswith(name)
    return found


class Gate:
    """A port of this machine that leads to a server, as long as it is open.

    Shut, a connect hangs: its queue is full. Silent, a connection is accepted and nothing is ever said.
    """

    def __init__(self, url: str, *, silent: bool = False) -> None:
        """In front of a server; shut or silent at first."""
        target = urlsplit(url)
        self._target = (target.hostname or "127.0.0.1", target.port or 0)
        self._silent = silent
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{target.scheme}://127.0.0.1:{self.port}"
        self._open = threading.Event()
        self._ended = threading.Event()
        self._sockets: List[socket.socket] = []
        self._heard = 0
        self._news = threading.Condition()
        self._full: List[socket.socket] = []
        if silent:
            threading.Thread(target=self._accept, daemon=True).start()
        else:
            self._fill()

    def __enter__(self) -> Gate:
        """The gate itself."""
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Closes everything."""
        self._ended.set()
        for one in [*self._full, *self._sockets]:
            one.close()
        self._listener.close()

    def wait_hanging(self, count: int = 1) -> None:
        """Waits until so many connects hang, or so many connections have said something and got no answer."""
        if self._silent:
            with self._news:
                assert self._news.wait_for(lambda: self._heard >= count, PATIENCE_S)
        else:
            until(lambda: self._connecting() - self._own >= count, "a connect that hangs")

    def open(self) -> None:
        """From now on connections lead to the server, also those that hang."""
        self._open.set()
        if not self._silent:
            for one in self._full:
                one.close()
            self._full.clear()
            threading.Thread(target=self._accept, daemon=True).start()

    def _fill(self) -> None:
        """Connects until a connect hangs; the listener accepts none."""
        while True:
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", self.port))
            self._full.append(one)
            if not select.select([], [one], [], 0.2)[1]:
                break
        self._own = self._connecting()

    def _connecting(self) -> int:
        remote = f":{self.port:04X}"
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(line[2].endswith(remote) and line[3] == _SYN_SENT for line in lines)

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                taken, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(taken)
            threading.Thread(target=self._serve, args=(taken,), daemon=True).start()

    def _serve(self, taken: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if not self._open.is_set():
                if taken.recv(1, socket.MSG_PEEK):
                    with self._news:
                        self._heard += 1
                        self._news.notify_all()
                self._open.wait()
            server = socket.create_connection(self._target)
            self._sockets.append(server)
            join(taken, server)


def join(one: socket.socket, other: socket.socket) -> None:
    """Passes bytes on in both directions until both sides have ended."""

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(65_536)
                if not data:
                    break
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    there = threading.Thread(target=pump, args=(one, other), daemon=True)
    there.start()
    pump(other, one)
    there.join()
    one.close()
    other.close()


_HOLD = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def held(lock: Path) -> Iterator[Callable[[], None]]:
    """Another process holds the lock on a file, until the function given is called or the block is left."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "held\n"

        def release() -> None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(PATIENCE_S)

        try:
            yield release
        finally:
            release()


def read_exactly(taken: socket.socket, count: int) -> bytes:
    """So many bytes."""
    data = b""
    while len(data) < count:
        more = taken.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def port_of(two: bytes) -> int:
    """A port in network order."""
    (port,) = struct.unpack(">H", two)
    return int(port)


Address = Tuple[str, int]
