"""Finds the native library that fits this device and loads it, by a copy where its own folder is of no use.

Knows nothing of what the library does. The file's name holds its version: a process that has another version mapped
would be given that one again for the same path.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import struct
import sys
from typing import List, Optional, Sequence, Tuple

import libtrakt

from . import files, texts
from .texts import Text

#: How the system's loader says that it may not execute what lies in this place, whatever it is.
_PLACE_REFUSED = re.compile(
    "failed to map segment|permission denied|operation not permitted|not accessible for the namespace"
    "|library load disallowed|code signature|file system sandbox",
    re.IGNORECASE,
)
#: How it says that the system is older than the library needs.
_SYSTEM_TOO_OLD = re.compile(
    "version `?[A-Z]+_[0-9.]+'? not found|cannot locate symbol|symbol not found", re.IGNORECASE
)

_X86 = ("x86_64", "amd64", "x64", "x86", "i386", "i486", "i586", "i686")


class NativeError(libtrakt.LibraryError):
    """The library can't be used here; `text` says it to the user, the message to the log."""

    def __init__(self, text: Text, detail: str) -> None:
        """`detail` is for the log."""
        super().__init__(detail)
        self.text = text


def platform_tag() -> str:
    """The folder under resources/lib/native for this process, such as linux-x86_64.

    By the process's pointer size, not by the kernel's: a 64-bit kernel often runs a 32-bit Kodi.
    """
    system = {"win32": "windows", "darwin": "macos"}.get(sys.platform) or sys.platform.rstrip("0123456789")
    if hasattr(sys, "getandroidapilevel"):
        system = "android"
    wide = struct.calcsize("P") == 8
    machine = platform.machine().lower()
    if machine.startswith(("arm", "aarch")):
        architecture = "aarch64" if wide else "armv6" if machine.startswith("armv6") else "armv7"
    elif machine in _X86:
        architecture = "x86_64" if wide else "i686"
    else:
        architecture = machine or "unknown"
    return f"{system}-{architecture}"


def load(addon_path: str, data_dir: str, private_dir: str = "") -> libtrakt.Library:
    """Loads the library of this device; `NativeError` when there is none or it can't be loaded.

    Where the add-on's folder is mounted noexec, a copy in `data_dir` is loaded; on Android, where that is no better,
    one in `private_dir`, the app's own folder. Copies that aren't needed any more are removed.
    """
    folder = os.path.join(addon_path, "resources", "lib", "native", platform_tag())
    path = os.path.join(folder, _file_name())
    if not os.path.isdir(folder):
        raise NativeError(Text(texts.LIBRARY_NO_DEVICE, {"platform": platform_tag()}), f"there is no folder {folder}")
    if not os.path.isfile(path):
        raise NativeError(Text(texts.LIBRARY_INCOMPLETE), f"{path} is missing")
    copies = [os.path.join(folder, "native") for folder in _copy_places(data_dir, private_dir)]
    used = ""
    try:
        # Windows keeps a loaded file open, and couldn't update the add-on then.
        if sys.platform != "win32":
            try:
                return _checked(_loaded(path))
            except libtrakt.LibraryNotFound as refusal:
                if not _place_refuses(path, refusal):
                    raise _unusable(path, refusal) from refusal
        used, library = _load_copy(path, copies)
        return library
    finally:
        for folder in copies:
            _clean(folder, keep=os.path.basename(used))


def _file_name() -> str:
    suffix = {"win32": "dll", "darwin": "dylib"}.get(sys.platform, "so")
    stem = "trakt" if sys.platform == "win32" else "libtrakt"
    return f"{stem}-{libtrakt.__version__}.{suffix}"


def _loaded(path: str) -> libtrakt.Library:
    try:
        return libtrakt.Library.load(path)
    except libtrakt.LibraryMismatch as mismatch:
        raise NativeError(Text(texts.LIBRARY_MISMATCH), str(mismatch)) from mismatch


def _checked(library: libtrakt.Library) -> libtrakt.Library:
    """The library, if it is of the very version that the add-on's Python was written for."""
    if library.version != libtrakt.__version__:
        detail = f"{library.path} is libtrakt {library.version}, the add-on's Python is of {libtrakt.__version__}"
        raise NativeError(Text(texts.LIBRARY_MISMATCH), detail)
    return library


def _place_refuses(path: str, refusal: Exception) -> bool:
    """Whether it is the place and not the file that keeps the library from being loaded."""
    return _is_noexec(os.path.dirname(path)) or bool(_PLACE_REFUSED.search(str(refusal)))


def _is_noexec(folder: str) -> bool:
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_NOEXEC)
    except (AttributeError, OSError):  # not on Windows; not outside Linux
        return False


def _unusable(path: str, refusal: Exception) -> NativeError:
    text = texts.LIBRARY_SYSTEM_OLD if _SYSTEM_TOO_OLD.search(str(refusal)) else texts.LIBRARY_DAMAGED
    return NativeError(Text(text), str(refusal))


# copies


def _copy_places(data_dir: str, private_dir: str) -> List[str]:
    """Folders that may be executable where the add-on's isn't, the best first."""
    return [private_dir, data_dir] if private_dir and platform_tag().startswith("android-") else [data_dir]


def _load_copy(path: str, folders: Sequence[str]) -> Tuple[str, libtrakt.Library]:
    """Loads a copy of `path` from the first of the folders that can be written and executed."""
    trouble: Optional[NativeError] = None
    for folder in folders:
        try:
            copy = _copy(path, folder)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            trouble = NativeError(
                Text(texts.LIBRARY_NO_SPACE if full else texts.LIBRARY_NOEXEC),
                f"{path} can't be loaded from its place, and not be copied to {folder}: {error}",
            )
            continue
        try:
            return copy, _checked(_loaded(copy))
        except libtrakt.LibraryNotFound as refusal:
            if not _place_refuses(copy, refusal):
                raise _unusable(copy, refusal) from refusal
            detail = f"neither {path} nor its copy {copy} may be executed: {refusal}"
            trouble = NativeError(Text(texts.LIBRARY_NOEXEC), detail)
    assert trouble is not None
    raise trouble


def _copy(path: str, folder: str) -> str:
    """A copy of the library in `folder`, for us alone; its name holds version and contents."""
    with open(path, "rb") as file:
        contents = file.read()
    stem, suffix = os.path.splitext(os.path.basename(path))
    copy = os.path.join(folder, f"{stem}-{hashlib.sha256(contents).hexdigest()[:16]}{suffix}")
    files.make_private_folder(folder)
    if not _holds(copy, contents):
        files.write(copy, contents, mode=0o700)
    return copy


def _holds(path: str, contents: bytes) -> bool:
    try:
        if os.path.islink(path):
            return False
        with open(path, "rb") as file:
            return file.read() == contents
    except OSError:
        return False


def _clean(folder: str, keep: str) -> None:
    """Removes copies of other versions. One that is in use stays as long as it is: on Windows as a file, too."""
    pattern = re.compile(r"(lib)?trakt-[^/\\]*\.(so|dll|dylib)(\.new)?$")
    try:
        names = [name for name in os.listdir(folder) if name != keep and pattern.match(name)]
    except OSError:
        return
    for name in names:
        files.remove(os.path.join(folder, name))
