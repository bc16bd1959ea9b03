"""A name server that never answers: holds UDP and TCP port 53 of 127.0.0.53 until its parent ends. See netns.sh."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

ADDRESS = ("127.0.0.53", 53)

parent = os.getppid()
with socket.socket(type=socket.SOCK_DGRAM) as datagrams, socket.socket() as connections:
    datagrams.bind(ADDRESS)
    connections.bind(ADDRESS)
    connections.listen()
    Path(sys.argv[1]).touch()
    while os.getppid() == parent:
        signal.sigtimedwait([], 1)
