"""Link a Trakt account and keep it linked: a thin wrapper of the native library libtrakt.

Everything begins with a `Client`:

    with libtrakt.Client(client_id="…", data_dir="…") as client:
        print(client.account()["state"])

Results are plain dicts (their keys are in `libtrakt.types`), errors are exceptions by status (`libtrakt.errors`).
"""

from . import errors, qr, types
from ._library import ABI_VERSION, Library
from ._version import __version__
from .client import Client, shutdown
from .errors import LibraryError, LibraryMismatch, LibraryNotFound, TraktError
from .request import Request

__all__ = [
    "ABI_VERSION",
    "Client",
    "Library",
    "LibraryError",
    "LibraryMismatch",
    "LibraryNotFound",
    "Request",
    "TraktError",
    "__version__",
    "errors",
    "qr",
    "shutdown",
    "types",
]
