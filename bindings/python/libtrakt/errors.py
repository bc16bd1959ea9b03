"""The exceptions, one for each status number of the native library.

Knows nothing of ctypes or JSON text; `BY_STATUS` and `BY_CODE` are the one table of numbers and names.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Type


class LibraryError(Exception):
    """The native library can't be used; the text says why and what to do."""


class LibraryNotFound(LibraryError):
    """No native library could be loaded; the text lists each place looked at and what went wrong there."""


class LibraryMismatch(LibraryError):
    """A library was loaded, but it is not one this package was written for."""


class TraktError(Exception):
    """A call failed. Each status has a subclass; a status newer than this package arrives as this class itself.

    `code` is stable and made for programs and translations, `message` is English and made for logs.
    """

    STATUS: int = -1
    CODE: str = ""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        retryable: bool = False,
        retry_after_ms: Optional[int] = None,
        http_status: Optional[int] = None,
        upgrade_url: Optional[str] = None,
        limit: Optional[int] = None,
        reason: Optional[str] = None,
        raw: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """All of it comes from the library's reply; `raw` is the reply's `error` object with every key."""
        # All arguments are handed on, so that the exception can be pickled and copied.
        super().__init__(status, code, message, retryable, retry_after_ms, http_status, upgrade_url, limit, reason, raw)
        self.status = status
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms
        self.http_status = http_status
        self.upgrade_url = upgrade_url
        self.limit = limit
        self.reason = reason
        self.raw: Mapping[str, Any] = {} if raw is None else raw
        # Of a `conflict`: until when what is in the way lasts (RFC 3339).
        self.expires_at: Optional[str] = self.raw.get("expires_at")

    def __str__(self) -> str:
        """The sentence, with the code behind it."""
        return f"{self.message} ({self.code})" if self.message else self.code


class InvalidArgument(TraktError):
    """An argument is missing, of the wrong type or out of range; the message names it."""

    STATUS, CODE = 1, "invalid_argument"


class InvalidHandle(TraktError):
    """The client is closed, or never was."""

    STATUS, CODE = 2, "invalid_handle"


class InvalidJson(TraktError):
    """The text handed to the library is not JSON."""

    STATUS, CODE = 3, "invalid_json"


class UnknownMethod(TraktError):
    """The library has no method of this name; `call("methods")` lists them."""

    STATUS, CODE = 4, "unknown_method"


class UnknownOption(TraktError):
    """The library knows no option of this name; the message names it."""

    STATUS, CODE = 5, "unknown_option"


class WrongState(TraktError):
    """The call doesn't fit what happened before, for example a client used after a fork."""

    STATUS, CODE = 6, "wrong_state"


class Busy(TraktError):
    """Too much is running at once, or somebody else is at it; try again."""

    STATUS, CODE = 7, "busy"


class Closed(TraktError):
    """The client was closed while the call was running."""

    STATUS, CODE = 8, "closed"


class ConfigError(TraktError):
    """The configuration can't be used; the message says which part."""

    STATUS, CODE = 9, "config"


class NetworkError(TraktError):
    """The connection failed or broke."""

    STATUS, CODE = 20, "network"


class Timeout(TraktError):
    """No answer in time."""

    STATUS, CODE = 21, "timeout"


class DnsError(TraktError):
    """The host's name could not be looked up."""

    STATUS, CODE = 22, "dns"


class TlsError(TraktError):
    """The connection could not be secured."""

    STATUS, CODE = 23, "tls"


class TlsClockError(TraktError):
    """The connection could not be secured because this device's clock is wrong."""

    STATUS, CODE = 24, "tls_clock"


class ProxyError(TraktError):
    """The proxy could not be reached or refused."""

    STATUS, CODE = 25, "proxy"


class NotLinked(TraktError):
    """No account is linked, or it has to be linked again."""

    STATUS, CODE = 40, "not_linked"


class Forbidden(TraktError):
    """Trakt refuses this app or its key."""

    STATUS, CODE = 41, "forbidden"


class NotFound(TraktError):
    """Trakt doesn't know what was asked for."""

    STATUS, CODE = 42, "not_found"


class RateLimited(TraktError):
    """Too many requests; `retry_after_ms` says when to try again."""

    STATUS, CODE = 43, "rate_limited"


class ServerError(TraktError):
    """Trakt has trouble of its own."""

    STATUS, CODE = 44, "server_error"


class BadReply(TraktError):
    """Trakt's answer is not the JSON expected."""

    STATUS, CODE = 45, "bad_reply"


class AccountLocked(TraktError):
    """Trakt locked or deactivated the account; its support has to be asked."""

    STATUS, CODE = 46, "account_locked"


class VipOnly(TraktError):
    """Only for VIP accounts; see `upgrade_url`."""

    STATUS, CODE = 47, "vip_only"


class AccountLimit(TraktError):
    """The account's limit is reached; see `limit` and `upgrade_url`."""

    STATUS, CODE = 48, "account_limit"


class Conflict(TraktError):
    """Trakt has it already, or something is in the way; see `expires_at`."""

    STATUS, CODE = 49, "conflict"


class Rejected(TraktError):
    """Trakt refuses the request as it was written."""

    STATUS, CODE = 50, "rejected"


class Blocked(TraktError):
    """A gate before Trakt answered instead of Trakt."""

    STATUS, CODE = 51, "blocked"


class CodeExpired(TraktError):
    """The code of the login ran out."""

    STATUS, CODE = 60, "code_expired"


class CodeDenied(TraktError):
    """The user refused the login."""

    STATUS, CODE = 61, "code_denied"


class CodeAlreadyUsed(TraktError):
    """The code of the login was used before."""

    STATUS, CODE = 62, "code_already_used"


class CodeInvalid(TraktError):
    """Trakt doesn't know the code of the login."""

    STATUS, CODE = 63, "code_invalid"


class StateMismatch(TraktError):
    """The redirected URL doesn't belong to the login that was begun here."""

    STATUS, CODE = 64, "state_mismatch"


class StorageError(TraktError):
    """The data directory can't be read or written."""

    STATUS, CODE = 70, "storage"


class StorageFull(TraktError):
    """No space is left in the data directory."""

    STATUS, CODE = 71, "storage_full"


class StorageCorrupt(TraktError):
    """The stored file is damaged."""

    STATUS, CODE = 72, "storage_corrupt"


class StorageNewer(TraktError):
    """The stored file was written by a newer version."""

    STATUS, CODE = 73, "storage_newer"


class Cancelled(TraktError):
    """The call was cancelled."""

    STATUS, CODE = 90, "cancelled"


class OutOfMemory(TraktError):
    """The library could not get the memory for its reply."""

    STATUS, CODE = 98, "out_of_memory"


class Internal(TraktError):
    """A fault inside the library or this package."""

    STATUS, CODE = 99, "internal"


BY_STATUS: Dict[int, Type[TraktError]] = {kind.STATUS: kind for kind in TraktError.__subclasses__()}
BY_CODE: Dict[str, Type[TraktError]] = {kind.CODE: kind for kind in BY_STATUS.values()}


def from_error(error: Mapping[str, Any], status: Optional[int] = None) -> TraktError:
    """The exception for an `error` object: that of a reply (with its status) or of a login snapshot (by its code)."""
    code = error.get("code")
    if status is None:
        status = BY_CODE[code].STATUS if code in BY_CODE else -1
    kind = BY_STATUS.get(status, TraktError)
    return kind(
        status,
        code if isinstance(code, str) else kind.CODE,
        str(error.get("message") or ""),
        error.get("retryable") is True,
        error.get("retry_after_ms"),
        error.get("http_status"),
        error.get("upgrade_url"),
        error.get("limit"),
        error.get("reason"),
        error,
    )


def local(kind: Type[TraktError], message: str, retryable: bool = False) -> TraktError:
    """An exception that this package raises itself, before or instead of a reply of the library."""
    return kind(kind.STATUS, kind.CODE, message, retryable)
