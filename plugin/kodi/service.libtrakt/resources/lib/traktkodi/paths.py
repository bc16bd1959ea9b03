"""Where the add-on keeps its data. Knows nothing of what is in them.

Each profile of Kodi has its own folder: that of the add-on in the profile. LibreELEC and CoreELEC share the userdata
folder on the network with everybody; there it is one in /storage/.cache/libtrakt, which isn't shared. What lies in the
profile on such a system (a backup of another box was restored, or the system was changed) is taken along if there is
nothing yet, and otherwise removed: nobody would read it any more but strangers.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from urllib.parse import quote

from . import files

#: Systems whose userdata folder is shared on the network with everybody.
_SHARING_SYSTEMS = ("libreelec", "coreelec")
_CACHE = "/storage/.cache/libtrakt"
_MASTER = "master"
#: What of the add-on's data is nobody else's business; reports are made to be fetched, and stay in the profile.
_PRIVATE = ("libtrakt", "private.json", "state.json")
#: What a file name may have, in bytes.
_LONGEST_NAME = 200


def data_dir(profile_path: str, master_path: str, os_release: str = "/etc/os-release", cache: str = _CACHE) -> str:
    """The folder for this profile's data.

    `profile_path` is the add-on's folder in the profile, `master_path` the userdata folder of the first profile, as
    Kodi names them.
    """
    if _system(os_release) not in _SHARING_SYSTEMS:
        return os.path.normpath(profile_path)
    return os.path.join(cache, _profile_name(profile_path, master_path))


def prepare(data_dir: str, profile_path: str) -> None:
    """Makes the folder, readable for us alone, and takes along what lies in the profile. OSError if that fails."""
    old_dir = os.path.normpath(profile_path)
    if old_dir == os.path.normpath(data_dir):
        files.make_private_folder(data_dir)
        return
    files.make_private_folder(os.path.dirname(data_dir))
    files.make_private_folder(data_dir)
    for name in _PRIVATE:
        old, new = os.path.join(old_dir, name), os.path.join(data_dir, name)
        if os.path.lexists(old):
            _move(old, new)


def _system(os_release: str) -> str:
    try:
        with open(os_release, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return values.get("ID", "").strip().strip("\"'").lower()


def _profile_name(profile_path: str, master_path: str) -> str:
    """One folder name for each profile, whatever its own folder is called; the first profile's is `master`.

    …/userdata/addon_data/ID/ is the first one's, …/userdata/profiles/NAME/addon_data/ID/ that of NAME.
    """
    profile = os.path.dirname(os.path.dirname(os.path.normpath(profile_path)))
    name = os.path.relpath(profile, os.path.normpath(master_path))
    if name == os.curdir:
        return _MASTER
    folder, below = os.path.split(name)
    name = below if folder == "profiles" else f"/{name}"
    # Each name stays another one: what can't stand in a file name becomes %XX, and so does what would be taken amiss.
    safe = "".join(quote(sign, safe="") if sign in '/\\:*?"<>|%' or ord(sign) < 32 else sign for sign in name)
    if safe.startswith(".") or safe == _MASTER:
        safe = f"%{ord(safe[0]):02X}{safe[1:]}"
    spelled = os.fsencode(safe)
    if len(spelled) > _LONGEST_NAME:
        safe = "%" + hashlib.sha256(spelled).hexdigest()
    return safe


def _move(old: str, new: str) -> None:
    """Moves `old` to `new`, if nothing is there; else removes it. Killed in the middle, the next start goes on."""
    part = new + ".part"
    _remove(part)
    if not os.path.lexists(new):
        try:
            os.rename(old, new)
            return
        except OSError:  # another file system
            if os.path.isdir(old):
                shutil.copytree(old, part, symlinks=True)
            else:
                shutil.copy2(old, part, follow_symlinks=False)
            os.rename(part, new)
    _remove(old)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            os.remove(path)
