"""Kodi starts this with the add-on: the service that keeps the account linked."""

import os
import sys

import xbmc

# Before all else, also before the imports, which take a while: Kodi tells those Monitors to end that are there then.
monitor = xbmc.Monitor()

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "resources", "lib"))

from traktkodi.service import main

if __name__ == "__main__":
    main(monitor)
    del monitor
