"""Runs in a tested Kodi the builtin functions that `driver.Kodi.builtin` sends to its UDP port.

Kodi's event server would do the same, with a notification on the screen for each new client.
"""

import os
import socket
import threading

import xbmc

FOLDER = os.path.dirname(os.path.abspath(__file__))
STOP = b""


def run_builtins(asked: socket.socket) -> None:
    """One after the other: each is handed over before the next is taken."""
    while (text := asked.recv(65536)) != STOP:
        xbmc.executebuiltin(text.decode())


def main() -> None:
    """Until Kodi ends, or changes the profile."""
    with open(os.path.join(FOLDER, "port"), encoding="ascii") as file:
        address = ("127.0.0.1", int(file.read()))
    with socket.socket(type=socket.SOCK_DGRAM) as asked:
        asked.bind(address)
        worker = threading.Thread(target=run_builtins, args=(asked,))
        worker.start()
        xbmc.log("service.tests listens", xbmc.LOGINFO)
        xbmc.Monitor().waitForAbort()
        asked.sendto(STOP, address)
        worker.join()


main()
