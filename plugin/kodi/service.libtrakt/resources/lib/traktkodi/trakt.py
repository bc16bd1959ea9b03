"""Owns the one client of the library: opens it, opens it again when its settings change, and brings back what calls
ended with. Knows nothing of screens or of what the calls are for. Nothing here waits.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import libtrakt

from .failures import Failures

#: What is told of a call that is over: its data, or the error it ended with.
Then = Callable[[Any, Optional[libtrakt.TraktError]], None]

#: How long closing may hold up Kodi, in milliseconds; work that must not be torn off goes on without us.
CLOSE_WAIT_MS = 250

#: The account while no client can be opened.
UNAVAILABLE: Mapping[str, Any] = {"state": "unavailable", "linked": False}
_IDLE: Mapping[str, Any] = {"state": "idle"}


class Trakt:
    """The library as the add-on uses it. While no client can be opened, `trouble` says why."""

    def __init__(self, load: Callable[[], libtrakt.Library], failures: Failures) -> None:
        """`load` loads the native library; `failures` gets what those raise who are told how a call ended."""
        self._load = load
        self._failures = failures
        self._library: Optional[libtrakt.Library] = None
        self._client: Optional[libtrakt.Client] = None
        self._requests: List[Tuple[libtrakt.Request, Then]] = []
        self._refused: List[Tuple[libtrakt.TraktError, Then]] = []
        self.config: Dict[str, Any] = {}
        self.trouble: Optional[Exception] = None

    def open(self, config: Mapping[str, Any], trouble: Optional[Exception] = None) -> None:
        """Opens a client with this config; one that was open is closed. Waits at most 250 ms for the stored data.

        Without a client id there is none, and no `trouble` either. None is opened if there is `trouble` beforehand.
        """
        self.close()
        self.config = dict(config)
        self.trouble = trouble
        if trouble or not self.config.get("client_id"):
            return
        try:
            self._library = self._library or self._load()
            self._client = libtrakt.Client(self.config, library=self._library)
        except (libtrakt.LibraryError, libtrakt.TraktError) as error:
            self.trouble = error

    def close(self) -> None:
        """Closes the client. What was submitted and isn't over gets `Closed`."""
        client, self._client = self._client, None
        requests, self._requests = self._requests, []
        refused, self._refused = self._refused, []
        if client:
            client.close(CLOSE_WAIT_MS)
        for _, then in [*requests, *refused]:
            with self._failures.caught("telling that a call was closed"):
                then(None, libtrakt.errors.Closed(libtrakt.errors.Closed.STATUS, libtrakt.errors.Closed.CODE, "closed"))

    @property
    def available(self) -> bool:
        """Whether there is a client."""
        return self._client is not None

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return bool(self._requests or self._refused)

    @property
    def library_version(self) -> Optional[str]:
        """The version of the library itself, once it is loaded."""
        return self._library.version if self._library else None

    def build_info(self) -> Dict[str, Any]:
        """Target, TLS backend and SQLite version of the library; empty while none is loaded."""
        return libtrakt._reply.data_of(self._library.build_info()) if self._library else {}

    # the account and the login

    def account(self) -> Mapping[str, Any]:
        """As `Client.account`; state `unavailable` without a client."""
        return self._client.account() if self._client else UNAVAILABLE

    def start_login(self, **options: Any) -> Mapping[str, Any]:
        """Starts a login, or takes the place of the running one; state `starting`, at once."""
        return self._client.device_start(wait_ms=0, **options) if self._client else _IDLE

    def login(self) -> Mapping[str, Any]:
        """Advances the login and says how it stands. Trakt is asked no more often than it allows."""
        return self._client.device_poll() if self._client else _IDLE

    def cancel_login(self) -> Mapping[str, Any]:
        """Ends the login."""
        return self._client.device_cancel() if self._client else _IDLE

    # what plays

    def player_event(self, fact: Mapping[str, Any]) -> Mapping[str, Any]:
        """Reports a fact of the player, as the method player.event takes it; empty without a client. Never waits."""
        return self._client.player_event(fact) if self._client else {}

    # calls

    def submit(self, method: str, params: Optional[Mapping[str, Any]], then: Then) -> None:
        """Starts a call; `then` is told by a later `step` how it ended. Without a client nothing happens."""
        if not self._client:
            return
        try:
            self._requests.append((self._client.submit(method, params), then))
        except libtrakt.TraktError as error:  # refused as it stands, or too much is under way
            self._refused.append((error, then))

    def ask(self, method: str, params: Optional[Mapping[str, Any]] = None) -> Any:
        """A method that asks nobody, such as limit.check or qr.write; None without a client."""
        return self._client.call(method, params) if self._client else None

    def qr_code(self, text: str, folder: str) -> str:
        """The file with a text as QR code, drawn now; empty if that can't be done. Works without a client, too."""
        client = self._client
        try:
            if not client:
                # Nobody is asked, so any id will do; without a data folder nothing is stored.
                self._library = self._library or self._load()
                client = libtrakt.Client(client_id="none", library=self._library)
            drawn = client.call("qr.write", {"text": text, "dir": folder})
        except (libtrakt.LibraryError, libtrakt.TraktError):
            return ""
        finally:
            if client and client is not self._client:
                client.close(CLOSE_WAIT_MS)
        return str(drawn.get("png_path") or "")

    def step(self) -> None:
        """Tells of the calls that are over."""
        refused, self._refused = self._refused, []
        for refusal, then in refused:
            with self._failures.caught("telling how a call ended"):
                then(None, refusal)
        over = [entry for entry in self._requests if entry[0].done]
        self._requests = [entry for entry in self._requests if entry not in over]
        for request, then in over:
            try:
                data, error = request.result(), None
            except libtrakt.TraktError as caught:
                data, error = None, caught
            with self._failures.caught("telling how a call ended"):
                then(data, error)

    def events(self) -> List[Mapping[str, Any]]:
        """What has happened in the library since the last time, such as play.counted with its `data`."""
        return list(self._client.next_events(0)) if self._client else []

    def log_records(self) -> List[Mapping[str, Any]]:
        """The library's log records since the last time."""
        return list(self._client.log_records()) if self._client else []
