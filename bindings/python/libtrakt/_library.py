"""Finds, loads and checks the native library, and moves text across its boundary.

Knows nothing of JSON, clients or waiting.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
from ctypes import POINTER, c_char_p, c_int32, c_uint32, c_uint64, c_void_p
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Type, Union

from ._version import __version__
from .errors import InvalidArgument, LibraryMismatch, LibraryNotFound, local

#: The C ABI this package was written for.
ABI_VERSION = 1

#: Names the library to load; a path that fails is an error, nothing else is tried then.
ENVIRONMENT_VARIABLE = "LIBTRAKT_LIBRARY"

_TEXT = c_void_p  # a `char *` that the caller owns: never c_char_p, which would drop the pointer
_CLIENT = c_uint64

#: Every function of trakt.h: its result and its arguments.
PROTOTYPES: Dict[str, Tuple[Any, List[Any]]] = {
    "trakt_version": (c_char_p, []),
    "trakt_abi_version": (c_uint32, []),
    "trakt_build_info": (_TEXT, []),
    "trakt_status_name": (c_char_p, [c_int32]),
    "trakt_client_open": (_CLIENT, [c_char_p, POINTER(c_void_p)]),
    "trakt_client_close": (c_uint32, [_CLIENT, c_uint32]),
    "trakt_client_cancel": (None, [_CLIENT]),
    "trakt_shutdown": (c_uint32, [c_uint32]),
    "trakt_device_start": (_TEXT, [_CLIENT, c_char_p]),
    "trakt_device_poll": (_TEXT, [_CLIENT, c_uint32]),
    "trakt_device_cancel": (_TEXT, [_CLIENT]),
    "trakt_authorize_url": (_TEXT, [_CLIENT, c_char_p]),
    "trakt_authorize_finish": (_TEXT, [_CLIENT, c_char_p]),
    "trakt_account": (_TEXT, [_CLIENT]),
    "trakt_get_settings": (_TEXT, [_CLIENT, c_char_p]),
    "trakt_check_limit": (_TEXT, [_CLIENT, c_char_p, c_uint64]),
    "trakt_check_permission": (_TEXT, [_CLIENT, c_char_p]),
    "trakt_unlink": (_TEXT, [_CLIENT]),
    "trakt_player_event": (_TEXT, [_CLIENT, c_char_p]),
    "trakt_call": (_TEXT, [_CLIENT, c_char_p, c_char_p]),
    "trakt_submit": (_TEXT, [_CLIENT, c_char_p, c_char_p]),
    "trakt_result": (_TEXT, [_CLIENT, c_uint64, c_uint32]),
    "trakt_cancel": (_TEXT, [_CLIENT, c_uint64]),
    "trakt_next_events": (_TEXT, [_CLIENT, c_uint32]),
    "trakt_reply_status": (c_int32, [c_char_p]),
    "trakt_string_free": (None, [c_void_p]),
}

Path = Union[str, "os.PathLike[str]"]
Argument = Union[str, int, None]


class Library:
    """A loaded native library whose ABI has been checked. May be shared by any number of clients and threads."""

    def __init__(self, dll: ctypes.CDLL, path: str) -> None:
        """Checks and declares what `dll` exports; `LibraryMismatch` when it isn't a fitting libtrakt."""
        _check_abi(dll, path)
        self.path = path
        self._functions = _declare(dll, path)
        self._owned_text = _owned_text(self._functions["trakt_string_free"])
        for function in self._functions.values():
            if function.restype is _TEXT:
                function.restype = self._owned_text
        self.version: str = self._functions["trakt_version"]().decode()

    @classmethod
    def load(cls, path: Optional[Path] = None) -> Library:
        """Loads the library: from `path`, else LIBTRAKT_LIBRARY, else this package, else the system.

        `LibraryNotFound` says where it looked and why each place failed. A path given here or by the environment
        is final: when it fails, nothing else is tried.
        """
        failures = []
        for place, name in _places(path):
            if name is None:
                failures.append(f"  {place}")
                continue
            try:
                # CDLL lets other Python threads run during a call; PyDLL would freeze them all.
                dll = ctypes.CDLL(name)
            except OSError as error:
                failures.append(f"  {place}: {error}")
            else:
                return cls(dll, name)
        raise LibraryNotFound(
            "The native library libtrakt could not be loaded. Looked at:\n"
            + "\n".join(failures)
            + f"\nInstall libtrakt, or name its file in the environment variable {ENVIRONMENT_VARIABLE}."
        )

    def build_info(self) -> Optional[bytes]:
        """The reply with target, TLS backend and SQLite version, as JSON text."""
        return self.text("trakt_build_info")

    def status_name(self, status: int) -> str:
        """The library's own name of a status number."""
        name: bytes = self._functions["trakt_status_name"](status)
        return name.decode()

    def number(self, function: str, *arguments: Argument) -> int:
        """Calls a function that returns a number or nothing."""
        return self._functions[function](*map(_native, arguments)) or 0

    def text(self, function: str, *arguments: Argument) -> Optional[bytes]:
        """Calls a function that returns text; the text is copied and given back. None when memory ran out."""
        text: _OwnedText = self._functions[function](*map(_native, arguments))
        return text.take()

    def open_client(self, config: str) -> Tuple[int, Optional[bytes]]:
        """Opens a client: its handle, or 0 and the reply that says why not."""
        reply = self._owned_text()
        handle: int = self._functions["trakt_client_open"](_native(config), ctypes.byref(reply))
        return handle, reply.take()


class _OwnedText(c_void_p):
    """A text of the library that is ours to give back."""

    def take(self) -> Optional[bytes]:
        """Copies the text and gives it back."""
        try:
            return ctypes.string_at(self.value) if self.value else None
        finally:
            self.release()

    def release(self) -> None:
        """Gives the text back, once."""
        raise NotImplementedError


def _owned_text(free: Callable[[int], None]) -> Type[_OwnedText]:
    """The text type of one library. As a result type it owns the text before any line of Python runs, so that an
    interrupt right behind the call (Ctrl-C, Kodi ending a script) can't lose it."""

    class OwnedText(_OwnedText):
        def release(self) -> None:
            pointer, self.value = self.value, None
            if pointer:
                free(pointer)

        def __del__(self) -> None:
            self.release()

    return OwnedText


def _native(argument: Argument) -> Union[bytes, int, None]:
    """Text as NUL-terminated UTF-8; numbers and None as they are."""
    if not isinstance(argument, str):
        return argument
    # ctypes would silently cut the text at the first NUL.
    if "\0" in argument:
        raise local(InvalidArgument, "The text contains a NUL character.")
    try:
        return argument.encode("utf-8")
    except UnicodeEncodeError as error:
        raise local(InvalidArgument, f"The text can't be written as UTF-8: {error.reason}.") from error


def _places(path: Optional[Path]) -> Iterator[Tuple[str, Optional[str]]]:
    """Each place to look at, in order: what to call it in an error, and what to load (None: nothing is there)."""
    if path is not None:
        yield f"the path given, {os.fspath(path)}", os.fspath(path)
        return
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        yield f"{ENVIRONMENT_VARIABLE}={named}", named
        return
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "native")
    packaged = [os.path.join(folder, name) for name in _packaged_names()]
    found = [file for file in packaged if os.path.exists(file)]
    if not found:
        yield f"inside the package, {folder}: none of {', '.join(_packaged_names())} is there", None
    for file in found:
        yield f"inside the package, {file}", file
    for name in _system_names():
        yield f"the system, {name}", name
    name_found = ctypes.util.find_library("trakt")
    if name_found is None:
        yield "the system's list of libraries: it has no libtrakt", None
    else:
        yield f"the system's list of libraries, {name_found}", name_found


def _system_names() -> List[str]:
    """The names that the system's loader knows the library by, best first."""
    if sys.platform == "win32":
        return ["trakt.dll"]
    if sys.platform == "darwin":
        return ["libtrakt.1.dylib", "libtrakt.dylib"]
    return ["libtrakt.so.1", "libtrakt.so"]


def _packaged_names() -> List[str]:
    """Names inside the package. With the version in the name first: a process that has the file of an older
    package mapped would be given that one again for the same path."""
    stem, suffix = {"win32": ("trakt", "dll"), "darwin": ("libtrakt", "dylib")}.get(sys.platform, ("libtrakt", "so"))
    return [f"{stem}-{__version__}.{suffix}", *_system_names()]


def _check_abi(dll: ctypes.CDLL, path: str) -> None:
    """Refuses a library of another ABI, before anything else of it is used."""
    try:
        abi_version = dll.trakt_abi_version
    except AttributeError:
        raise LibraryMismatch(f"{path} is not libtrakt: it has no function trakt_abi_version.") from None
    abi_version.restype, abi_version.argtypes = PROTOTYPES["trakt_abi_version"]
    found = abi_version()
    if found != ABI_VERSION:
        advice = "Update the Python package libtrakt" if found > ABI_VERSION else "Update the native library libtrakt"
        raise LibraryMismatch(
            f"{path} speaks version {found} of its interface, this package (libtrakt {__version__}) version"
            f" {ABI_VERSION}. {advice}, so that both are of the same release; if this program updated itself while"
            " running, start it again."
        )


def _declare(dll: ctypes.CDLL, path: str) -> Dict[str, Any]:
    """The library's functions with their types set."""
    functions = {}
    for name, (result, arguments) in PROTOTYPES.items():
        try:
            function = getattr(dll, name)
        except AttributeError:
            raise LibraryMismatch(
                f"{path} lacks the function {name}, which this package (libtrakt {__version__}) needs."
                " Update the native library libtrakt."
            ) from None
        function.restype = result
        function.argtypes = arguments
        functions[name] = function
    return functions
