"""Shows the scenes of scenes.py in a running Kodi, by the script gallery.py. Knows nothing of what is in them."""

from __future__ import annotations

import json
from typing import Optional

from driver import HERE, Kodi
from scenes import SCENES


class Gallery:
    """Shows scenes in a Kodi."""

    def __init__(self, kodi: Kodi) -> None:
        self._kodi = kodi
        self._folder = kodi.folder / "gallery"
        self._folder.mkdir()
        self._number = 0
        kodi.builtin(f'RunScript("{HERE / "gallery.py"}","{self._folder}")')

    def show(self, scene: str) -> None:
        """Returns when its screen is there."""
        self._want(scene)
        shown = self._folder / "shown.json"
        self._kodi.wait(f"the scene {scene}", lambda: shown.exists() and json.loads(shown.read_text()) == self._number)
        self._kodi.wait_python_window()
        for key in SCENES[scene].keys:
            self._kodi.press(key)

    def end(self) -> None:
        """Ends the script."""
        self._want(None)
        self._kodi.wait_no_dialog()

    def _want(self, scene: Optional[str]) -> None:
        self._number += 1
        unfinished = self._folder / "wanted.tmp"
        unfinished.write_text(json.dumps({"number": self._number, "scene": scene}))
        unfinished.rename(self._folder / "wanted.json")
