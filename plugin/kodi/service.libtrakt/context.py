"""Kodi runs this for the entries of context menus that addon.xml names, with what is to be done as its argument."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "resources", "lib"))

from traktkodi.actions import of_context_menu

if __name__ == "__main__":
    of_context_menu(sys.argv[1], sys.listitem)  # type: ignore[attr-defined]  # Kodi puts it there
