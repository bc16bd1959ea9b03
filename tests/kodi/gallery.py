"""Runs in Kodi: shows the scenes that `test_looks.py` names, one by one. The real library makes the QR codes."""

import json
import os
import sys

import xbmc
import xbmcaddon
import xbmcvfs

FOLDER = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))
_ADDON_PATH = xbmcvfs.translatePath(xbmcaddon.Addon("service.libtrakt").getAddonInfo("path"))
sys.path.insert(0, os.path.join(_ADDON_PATH, "resources", "lib"))
sys.path += [HERE, os.path.join(HERE, "stubs")]  # Kodi's own modules are built in and come before the stubs

import libtrakt  # noqa: E402
from stage import Stage  # noqa: E402
from traktkodi import native  # noqa: E402
from traktkodi.clock import Clock  # noqa: E402
from traktkodi.kodi import Kodi  # noqa: E402


def main() -> None:
    """Shows what wanted.json names, until it names nothing."""
    library = native.load(_ADDON_PATH, os.path.join(FOLDER, "data"))
    client = libtrakt.Client({"client_id": "0" * 64}, library=library)
    stage = Stage(Kodi(), Clock(), FOLDER, lambda params: client.call("qr.write", params))
    monitor, done = xbmc.Monitor(), 0
    while not monitor.waitForAbort(0.05):
        stage.step()
        try:
            with open(os.path.join(FOLDER, "wanted.json"), encoding="utf-8") as file:
                wanted = json.load(file)
        except FileNotFoundError:
            continue
        if wanted["number"] == done:
            continue
        if wanted["scene"] is None:
            break
        stage.show(wanted["scene"])
        # Windows are made and filled by Kodi's own thread, and buttons count half a second later.
        for _ in range(6):
            monitor.waitForAbort(0.1)
            stage.step()
        done = wanted["number"]
        with open(os.path.join(FOLDER, "shown.tmp"), "w", encoding="utf-8") as file:
            json.dump(done, file)
        os.replace(os.path.join(FOLDER, "shown.tmp"), os.path.join(FOLDER, "shown.json"))
    stage.close()
    client.close(250)


main()
