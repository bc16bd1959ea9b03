"""Kodi's door for other programs: JSON-RPC over TCP.

Knows nothing of processes and files. Kodi's web server isn't needed (and doesn't start where lo is the only interface).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import socket
import threading
from typing import Any, Callable, Dict, List


class Refused(AssertionError):
    """Kodi answered with an error."""


class Gone(ConnectionError):
    """The connection ended; whether Kodi has seen the request is not known."""


#: What Kodi announces: `method`, and in `params` the `sender` and `data`.
Notification = Dict[str, Any]


class JsonRpc:
    """One connection: requests with their replies, and the notifications in between."""

    def __init__(self, port: int) -> None:
        """Connects; an OSError says that Kodi isn't ready for it."""
        self._socket = socket.create_connection(("127.0.0.1", port), 10)
        self._socket.settimeout(None)
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._replies: Dict[int, Dict[str, Any]] = {}
        self._open = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self.notifications: List[Notification] = []
        self._reader.start()

    def close(self) -> None:
        """Ends the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()

    @property
    def open(self) -> bool:
        """Whether Kodi still holds the connection."""
        return self._open

    def call(self, method: str, params: Dict[str, Any], timeout_s: float) -> Any:
        """A request and its result."""
        number = next(self._numbers)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        try:
            self._socket.sendall(json.dumps(request).encode())
        except OSError as error:
            raise Gone(method) from error
        with self._changed:
            arrived = self._changed.wait_for(lambda: number in self._replies or not self._open, timeout_s)
            reply = self._replies.pop(number, None)
        if reply is None:
            if arrived:
                raise Gone(method)
            raise TimeoutError(f"No reply to {method} within {timeout_s} s.")
        if "error" in reply:
            raise Refused(f"{method} {params}: {reply['error']}")
        return reply["result"]

    def wait_notification(self, wanted: Callable[[Notification], bool], since: int, timeout_s: float) -> bool:
        """Waits for a notification behind the first `since` of them; False when the time is up or the connection is."""
        with self._changed:
            self._changed.wait_for(lambda: any(map(wanted, self.notifications[since:])) or not self._open, timeout_s)
            return any(map(wanted, self.notifications[since:]))

    def _read(self) -> None:
        decoder = json.JSONDecoder()
        unread = ""
        waiting = b""
        while True:
            try:
                new = self._socket.recv(1 << 16)
            except OSError:
                new = b""
            if not new:
                with self._changed:
                    self._open = False
                    self._changed.notify_all()
                return
            waiting += new
            try:
                text = waiting.decode()
            except UnicodeDecodeError:
                continue  # cut inside a character
            waiting = b""
            unread += text
            while unread := unread.lstrip():
                try:
                    message, end = decoder.raw_decode(unread)
                except ValueError:
                    break
                unread = unread[end:]
                with self._changed:
                    if "id" in message:
                        self._replies[message["id"]] = message
                    else:
                        self.notifications.append(message)
                    self._changed.notify_all()


def free_port() -> int:
    """A port that neither a TCP nor a UDP server holds, below those that the system gives to callers."""
    for port in random.sample(range(10_000, 32_000), 1_000):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("Every port is taken.")
