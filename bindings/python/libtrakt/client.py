"""A client of the native library: one method for each C function, waits cut into slices, replies as plain dicts.

Knows nothing of Trakt's protocol.
"""

from __future__ import annotations

import json
import os
import threading
import time
import weakref
from types import TracebackType
from typing import Any, Dict, List, Mapping, Optional, Type, Union, cast

from ._library import Library, Path
from ._reply import data_of
from ._waiting import SLICE_MS, ShouldStop, slices, whole_number
from .errors import Cancelled, InvalidArgument, Timeout, local
from .request import Request
from .types import (
    Account,
    AuthorizeUrl,
    Event,
    LimitCheck,
    LoginSnapshot,
    LogRecord,
    PermissionCheck,
    PlayerState,
    Settings,
    Unlinked,
)

#: How long leaving a client waits for work that must not be torn off: a token's renewal takes at most this long.
CLOSE_WAIT_MS = 15_000

# Names in the library's method registry, for calls that wait for Trakt.
_SETTINGS_GET = "settings.get"
_AUTHORIZE_FINISH = "authorize.finish"
_ACCOUNT_UNLINK = "account.unlink"
_LOG_NEXT = "log.next"

_COUNTDOWNS = ("expires_in_ms", "next_poll_in_ms")
_LIVE_STATES = ("starting", "pending")


class Client:
    """One configuration and one account. Usable from any thread; a context manager that closes itself.

    Nothing here waits longer than asked for, and no single call into the library longer than 250 ms.
    """

    def __init__(
        self,
        config: Optional[Mapping[str, Any]] = None,
        *,
        library: Union[Library, Path, None] = None,
        **options: Any,
    ) -> None:
        """Opens a client with the keys of `types.Config`, given as a mapping, as keywords (None: not given), or both.

        Waits for no network, and at most 250 ms for the stored data. `library` is a loaded library or its path.
        Raises `LibraryError` or `TraktError`.
        """
        self.library = library if isinstance(library, Library) else Library.load(library)
        self.handle, reply = self.library.open_client(_json({**(config or {}), **_given(options)}))
        if not self.handle:
            data_of(reply)
        # A client that is merely dropped is closed too, and gives back the locks that keep others waiting.
        self._on_drop = weakref.finalize(self, self.library.number, "trakt_client_close", self.handle, 0)

    # life

    def __enter__(self) -> Client:
        """The client itself."""
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Closes the client."""
        self.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._on_drop.alive

    def close(self, wait_ms: int = CLOSE_WAIT_MS, *, should_stop: Optional[ShouldStop] = None) -> int:
        """Frees whoever waits at once, then waits up to `wait_ms` for work that must not be torn off.

        A token's renewal is such work: a process that ends in the middle of it may lose the link, so a script waits
        (it rarely has to), and a UI host that goes on running passes 0. Ctrl-C leaves the wait; Python's own end then
        still waits for that work, unless Ctrl-C comes again. Closing again does nothing. Returns how much still runs.
        """
        whole_number("wait_ms", wait_ms, bits=32)
        if not self._on_drop.alive:
            return 0
        if wait_ms <= SLICE_MS:
            running = self._close(wait_ms)
            self._on_drop.detach()
            return running
        return self._close_aside(wait_ms, should_stop)

    def _close(self, wait_ms: int) -> int:
        return self.library.number("trakt_client_close", self.handle, wait_ms)

    def _close_aside(self, wait_ms: int, should_stop: Optional[ShouldStop]) -> int:
        """Closes on a thread. A closed client can't be waited for a second time, so this wait can't be sliced."""
        outcome: List[int] = []
        thread = threading.Thread(target=lambda: outcome.append(self._close(wait_ms)), name="libtrakt close")
        try:
            thread.start()
        except RuntimeError:  # no threads any more: Python is ending
            outcome.append(self._close(wait_ms))
        self._on_drop.detach()
        for wait in slices(None, should_stop):
            if not thread.is_alive():
                break
            thread.join(wait / 1000)
        return outcome[0] if outcome else 1

    def cancel(self) -> None:
        """Ends the calls now running, whoever waits for them, with `Cancelled`; the client stays usable."""
        self.library.number("trakt_client_cancel", self.handle)

    # link an account: device code

    def device_start(
        self, *, wait_ms: int = 20_000, should_stop: Optional[ShouldStop] = None, **options: Any
    ) -> LoginSnapshot:
        """Starts a login and waits up to `wait_ms` for its code; 0 returns at once, in state `starting`.

        Options: `qr_dir`, `background`, `renew`, `replace`. Without network the state stays `starting`, with the
        trouble in `last_error`, and the login goes on trying.
        """
        whole_number("wait_ms", wait_ms)
        snapshot: LoginSnapshot = self._data("trakt_device_start", _json(_given({**options, "wait_ms": 0})))
        if wait_ms:
            for wait in slices(wait_ms, should_stop):
                if snapshot.get("state") != "starting":
                    break
                snapshot = self._data("trakt_device_poll", wait)
        return snapshot

    def device_poll(self, wait_ms: int = 0, *, should_stop: Optional[ShouldStop] = None) -> LoginSnapshot:
        """Advances the login, waits up to `wait_ms` for it to change (its countdowns aside), and returns it.

        May be called as often as one likes: Trakt is asked no more often than it allows. 0 never waits.
        """
        snapshot: LoginSnapshot = self._data("trakt_device_poll", 0)
        if wait_ms:
            before = _without_countdowns(snapshot)
            for wait in slices(wait_ms, should_stop):
                if not _may_change(snapshot):
                    break
                began = time.monotonic()
                snapshot = self._data("trakt_device_poll", wait)
                came_early = time.monotonic() - began < 0.9 * wait / 1000
                if came_early or _without_countdowns(snapshot) != before:
                    break
        return snapshot

    def device_cancel(self) -> LoginSnapshot:
        """Ends the login. A token that Trakt grants all the same is revoked, not stored."""
        return cast(LoginSnapshot, self._data("trakt_device_cancel"))

    # link an account: authorization code, for hosts with a browser

    def authorize_url(self, **options: Any) -> AuthorizeUrl:
        """The URL to open in a browser. Options: `signup`, `prompt`. Good for 15 minutes; a later one replaces it."""
        return cast(AuthorizeUrl, self._data("trakt_authorize_url", _json(_given(options))))

    def authorize_finish(
        self, url: str, *, timeout_ms: Optional[int] = None, should_stop: Optional[ShouldStop] = None
    ) -> Account:
        """Ends that login with the URL the browser was sent to, or the bare code. Waits for Trakt; see `call`."""
        parameters = {"url": url}
        return cast(Account, self._call(_AUTHORIZE_FINISH, parameters, timeout_ms, should_stop))

    # the account

    def account(self) -> Account:
        """The account as it is known here. No network."""
        return cast(Account, self._data("trakt_account"))

    def get_settings(
        self, *, timeout_ms: Optional[int] = None, should_stop: Optional[ShouldStop] = None, **options: Any
    ) -> Settings:
        """The user's settings, limits and permissions. Options: `extended`, `max_age_ms`, `offline`.

        Asks Trakt when what is stored is older than `max_age_ms`, and then waits; see `call`.
        """
        return cast(Settings, self._call(_SETTINGS_GET, _given(options), timeout_ms, should_stop))

    def check_limit(self, limit: str, have: int) -> LimitCheck:
        """Whether one more fits into a limit such as `"list.count"` for who has `have`. No network."""
        return cast(LimitCheck, self._data("trakt_check_limit", limit, whole_number("have", have)))

    def check_permission(self, permission: str) -> PermissionCheck:
        """Whether the account may, for example, `"commenting"`. No network."""
        return cast(PermissionCheck, self._data("trakt_check_permission", permission))

    def unlink(self, *, timeout_ms: Optional[int] = None, should_stop: Optional[ShouldStop] = None) -> Unlinked:
        """Takes the link back at Trakt and forgets everything personal here. Waits for Trakt, at most 10 s."""
        return cast(Unlinked, self._call(_ACCOUNT_UNLINK, None, timeout_ms, should_stop))

    # what plays

    def player_event(
        self,
        event: Union[str, Mapping[str, Any]],
        session: Optional[str] = None,
        *,
        position_ms: Optional[int] = None,
        duration_ms: Optional[int] = None,
        at: Optional[str] = None,
        item: Optional[Mapping[str, Any]] = None,
    ) -> PlayerState:
        """Tells what a player does; the library decides what Trakt is told. Returns at once: no network, no disk.

        `event` is `started` (with its `item`), `progress` (every 5 to 15 s), `paused`, `resumed`, `seeked`, `stopped`
        or `ended`; `session` your name for the playback. None: unknown, and for `at` (RFC 3339) now. A mapping as
        `event` is a whole event with these keys. What items look like is said at `trakt_player_event` in trakt.h.
        """
        given = {
            "session": session,
            "position_ms": position_ms,
            "duration_ms": duration_ms,
            "at": at,
            "item": item,
        }
        whole: Dict[str, Any] = {"event": event} if isinstance(event, str) else dict(event)
        whole.update(_given(given))
        return cast(PlayerState, self._data("trakt_player_event", _json(whole)))

    # every method by name

    def call(
        self,
        method: str,
        params: Optional[Mapping[str, Any]] = None,
        *,
        timeout_ms: Optional[int] = None,
        should_stop: Optional[ShouldStop] = None,
    ) -> Any:
        """Calls a method by its name, waits for its reply and returns the data. `call("methods")` lists them.

        The call is sent once. It ends by itself after the config's `timeouts_ms.total`; sooner with `Timeout` after
        `timeout_ms`, with `Cancelled` when `should_stop()` is true, or with Ctrl-C: it is cancelled then.
        """
        return self._call(method, params, timeout_ms, should_stop)

    def submit(self, method: str, params: Optional[Mapping[str, Any]] = None) -> Request:
        """Sends a call and returns at once; the `Request` has the reply later. For hosts that must not wait."""
        text = None if params is None else _json(params)
        data = self._data("trakt_submit", method, text)
        return Request(self.library, self.handle, data["request"])

    # pull

    def next_events(self, wait_ms: Optional[int] = 0, *, should_stop: Optional[ShouldStop] = None) -> List[Event]:
        """What happened since the last time; waits up to `wait_ms` (None: no end) for something to happen.

        Each event goes to exactly one caller.
        """
        events: List[Event] = []
        for wait in slices(wait_ms, should_stop):
            events = self._data("trakt_next_events", wait).get("events", [])
            if events:
                break
        return events

    def log_records(self) -> List[LogRecord]:
        """The library's log records since the last time. No network."""
        return cast(List[LogRecord], self.call(_LOG_NEXT).get("records", []))

    def _data(self, function: str, *arguments: Union[str, int, None]) -> Any:
        """Calls a C function of this client and returns the data of its reply."""
        return data_of(self.library.text(function, self.handle, *arguments))

    def _call(
        self,
        method: str,
        params: Optional[Mapping[str, Any]],
        timeout_ms: Optional[int],
        should_stop: Optional[ShouldStop],
    ) -> Any:
        """Sends a call once and waits for it in slices; leaves nothing behind however the wait ends."""
        if timeout_ms is not None:
            whole_number("timeout_ms", timeout_ms)
        stopped = False

        def stop() -> bool:
            nonlocal stopped
            stopped = should_stop is not None and should_stop()
            return stopped

        request = self.submit(method, params)
        try:
            request.result(timeout_ms, should_stop=stop)
            if request.done:
                return request.result()
        finally:
            # Does nothing when the reply is here. Otherwise the wait was ended by time, should_stop or Ctrl-C.
            request.abandon()
        try:
            data = request.result()
            if request.done:
                return data  # the reply came just before the cancel
        except Cancelled:
            pass
        if stopped:
            raise local(Cancelled, f"{method} was cancelled.")
        raise local(Timeout, f"{method} took longer than {timeout_ms} ms.", retryable=True)


def shutdown(
    wait_ms: int = CLOSE_WAIT_MS,
    *,
    library: Union[Library, Path, None] = None,
    should_stop: Optional[ShouldStop] = None,
) -> int:
    """Closes every client of the process, other people's too: only for the owner of the process, before it ends.

    Waits up to `wait_ms` for work that must not be torn off and returns how much still runs.
    """
    loaded = library if isinstance(library, Library) else Library.load(library)
    running = 0
    for wait in slices(wait_ms, should_stop):
        running = loaded.number("trakt_shutdown", wait)
        if not running:
            break
    return running


def _given(options: Mapping[str, Any]) -> Dict[str, Any]:
    """The options without those that are None, which the library would refuse."""
    return {key: value for key, value in options.items() if value is not None}


def _json(value: Mapping[str, Any]) -> str:
    """JSON text for the library; a path may be a `pathlib.Path`."""
    try:
        text = json.dumps(value, default=os.fspath, allow_nan=False, ensure_ascii=False)
        # A file name that isn't UTF-8 is half a character here and there, for Python as for the library.
        return text.encode("utf-8", "replace").decode("utf-8")
    except (TypeError, ValueError) as error:
        raise local(InvalidArgument, f"This can't be written as JSON: {error}.") from error


def _may_change(snapshot: LoginSnapshot) -> bool:
    """Whether waiting can bring news: a final state stays until the next start."""
    return snapshot.get("state") in _LIVE_STATES


def _without_countdowns(snapshot: LoginSnapshot) -> Dict[str, Any]:
    """What counts as the snapshot's contents when two are compared."""
    return {key: value for key, value in snapshot.items() if key not in _COUNTDOWNS}
