"""Small proxies for tests: HTTP (CONNECT) and SOCKS5, with user and password, which alone know the hosts behind them.

Knows nothing of libtrakt nor pytest.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import threading
from types import TracebackType
from typing import Dict, List, Optional, Type

from machine import Address, join, port_of, read_exactly


class Proxy:
    """A listening proxy. `asked` has the targets in order, as `name:port`; `refused` counts wrong passwords."""

    def __init__(self, hosts: Dict[str, Address], user: str = "", password: str = "") -> None:
        """Leads each host of the map to its address; wants a password if there is a user."""
        self._hosts, self._user, self._password = hosts, user, password
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.asked: List[str] = []
        self.refused = 0
        self.heard = b""
        self._sockets: List[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        """The proxy itself."""
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Closes everything."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self._listener.accept()
                self._sockets.append(taken)
                threading.Thread(target=self._serve_one, args=(taken,), daemon=True).start()

    def _serve_one(self, taken: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError):
            server = self._open(taken)
            if server is not None:
                self._sockets.append(server)
                join(taken, server)
        taken.close()

    def _open(self, taken: socket.socket) -> Optional[socket.socket]:
        raise NotImplementedError

    def _connect(self, target: str) -> Optional[socket.socket]:
        self.asked.append(target)
        address = self._hosts.get(target)
        return socket.create_connection(address) if address else None


class HttpProxy(Proxy):
    """CONNECT, with `Proxy-Authorization: Basic`."""

    def _open(self, taken: socket.socket) -> Optional[socket.socket]:
        head = b""
        while b"\r\n\r\n" not in head:
            head += read_exactly(taken, 1)
        self.heard += head
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        wanted = "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        if self._user and headers.get("proxy-authorization") != wanted:
            self.refused += 1
            taken.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return None
        server = self._connect(target) if method == "CONNECT" else None
        if server is None:
            taken.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        else:
            taken.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return server


class SocksProxy(Proxy):
    """SOCKS5 (RFC 1928) with user and password (RFC 1929)."""

    def _open(self, taken: socket.socket) -> Optional[socket.socket]:
        _, count = read_exactly(taken, 2)
        methods = read_exactly(taken, count)
        if self._user:
            taken.sendall(b"\x05\x02" if 2 in methods else b"\x05\xff")
            _, length = read_exactly(taken, 2)
            user = read_exactly(taken, length)
            password = read_exactly(taken, read_exactly(taken, 1)[0])
            good = (user.decode(), password.decode()) == (self._user, self._password)
            taken.sendall(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                self.refused += 1
                return None
        else:
            taken.sendall(b"\x05\x00")
        _, _, _, kind = read_exactly(taken, 4)
        if kind == 3:
            host = read_exactly(taken, read_exactly(taken, 1)[0]).decode()
        else:
            host = socket.inet_ntoa(read_exactly(taken, 4))
        server = self._connect(f"{host}:{port_of(read_exactly(taken, 2))}")
        taken.sendall(bytes([5, 0 if server else 4, 0, 1, 0, 0, 0, 0, 0, 0]))
        return server
