"""Kodi runs this for RunScript(service.libtrakt,action=…) and for the add-on's entry among the programs."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "resources", "lib"))

from traktkodi.actions import main

if __name__ == "__main__":
    main(sys.argv[1:])
