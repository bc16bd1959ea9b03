"""Takes a window off the screen while Kodi ends the service. Knows nothing of what the window shows.

The usual close() waits for Kodi's main thread. When the add-on is disabled or updated, that one waits for us in turn:
all of Kodi would stand still until it kills us after five seconds. So Kodi is only asked to close the window, and when
it can't before we have ended, the window outlives us until it has: one that is still shown when the interpreter ends
is closed with it, and that waits as well.
"""

from __future__ import annotations

import ctypes
import time
import uuid
from typing import Optional

import xbmc
import xbmcgui

#: The numbers that Kodi gives to windows of scripts.
_NUMBERS = range(13000, 13100)
#: Seconds that Kodi is given to close a window: a few of its frames, for slow boxes.
_PATIENCE_S = 0.2
_LOOK_EVERY_S = 0.01
_HOME = 10000
_MARK = "libtrakt.ending"

_under_way = False


def begin() -> None:
    """The service ends: from now on windows are closed this way."""
    global _under_way
    _under_way = True


def under_way() -> bool:
    """Whether the service ends."""
    return _under_way


def close(window: xbmcgui.WindowXMLDialog) -> bool:
    """Has the window closed, now or as soon as we have ended; False: Kodi doesn't know it."""
    mark = str(uuid.uuid4())
    window.setProperty(_MARK, mark)
    number = _number(mark)
    if number is None:
        return False
    home = xbmcgui.Window(_HOME)
    # Kodi does these in their order. A condition such as Window.IsVisible would have to wait for it as well.
    xbmc.executebuiltin(f"Dialog.Close({number},true)")
    xbmc.executebuiltin(f"SetProperty({_MARK},{mark},{_HOME})")
    end = time.monotonic() + _PATIENCE_S
    while home.getProperty(_MARK) != mark:
        if time.monotonic() > end:
            # Never taken back: nobody is left then who could.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(window))
            return True
        time.sleep(_LOOK_EVERY_S)
    home.clearProperty(_MARK)
    return True


def _number(mark: str) -> Optional[int]:
    """The number by which Kodi knows the window with this mark, and which it doesn't tell."""
    for number in _NUMBERS:
        try:
            if xbmcgui.Window(number).getProperty(_MARK) == mark:
                return number
        except RuntimeError:  # there is none
            continue
    return None
