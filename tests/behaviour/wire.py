"""A client at the level of the C functions: replies as whole envelopes, waits in one piece.

    with Wire(library, config) as wire:
        envelope = wire.text("trakt_get_settings", '{"max_age_ms":0}')
        request = wire.submit("settings.get", {"max_age_ms": 0})

The Python client cuts waits into slices and turns errors into exceptions; a test of the waits themselves can't use it.
Knows nothing of pytest.
"""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Dict, Mapping, Optional, Type, Union

from libtrakt import Library

Envelope = Dict[str, Any]

RUNNING = {"state": "running"}
#: Longer than any wait in a test that is ended from outside.
LONG_MS = 60_000


def envelope_of(text: Optional[bytes]) -> Envelope:
    """A reply as the contract has it: one line, `status` first, then `data` or `error`."""
    assert text is not None
    assert text.startswith(b'{"status":') and b"\n" not in text, text[:200]
    envelope: Envelope = json.loads(text)
    assert set(envelope) == ({"status", "data"} if envelope["status"] == 0 else {"status", "error"}), envelope
    if envelope["status"]:
        assert isinstance(envelope["error"]["message"], str) and isinstance(envelope["error"]["retryable"], bool)
    return envelope


def code(envelope: Envelope) -> str:
    """`ok`, or the error's code."""
    if envelope["status"] == 0:
        return "ok"
    found: str = envelope["error"]["code"]
    return found


def as_json(params: Union[Mapping[str, Any], str, None]) -> Optional[str]:
    """JSON text of parameters; text goes as it is."""
    return params if params is None or isinstance(params, str) else json.dumps(params)


class Wire:
    """An open client."""

    def __init__(self, library: Library, config: Mapping[str, Any]) -> None:
        """Opens it."""
        self.library = library
        self.handle, reply = library.open_client(json.dumps(config))
        assert self.handle, reply

    def __enter__(self) -> Wire:
        """The client itself."""
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        """Closes it, if that has not been done."""
        self.close(15_000)

    def text(self, function: str, *arguments: Union[str, int, None]) -> Envelope:
        """Calls a function that returns a reply."""
        return envelope_of(self.library.text(function, self.handle, *arguments))

    def call(self, method: str, params: Union[Mapping[str, Any], str, None] = None) -> Envelope:
        """trakt_call."""
        return self.text("trakt_call", method, as_json(params))

    def data(self, method: str, params: Union[Mapping[str, Any], str, None] = None) -> Any:
        """trakt_call, which must succeed."""
        envelope = self.call(method, params)
        assert envelope["status"] == 0, envelope
        return envelope["data"]

    def submit(self, method: str, params: Union[Mapping[str, Any], str, None] = None) -> int:
        """trakt_submit, which must succeed; the request's number."""
        envelope = self.text("trakt_submit", method, as_json(params))
        assert envelope["status"] == 0, envelope
        request: int = envelope["data"]["request"]
        return request

    def result(self, request: int, wait_ms: int = LONG_MS) -> Envelope:
        """trakt_result."""
        return self.text("trakt_result", request, wait_ms)

    def get(self, path: str = "/users/settings", **query: Any) -> Envelope:
        """A GET as http.request."""
        return self.call("http.request", {"method": "GET", "path": path, "query": query})

    def post(self, path: str = "/sync/history", body: Any = None, **more: Any) -> Envelope:
        """A POST as http.request."""
        return self.call("http.request", {"method": "POST", "path": path, "body": body or {"movies": []}, **more})

    def cancel(self) -> None:
        """trakt_client_cancel."""
        self.library.number("trakt_client_cancel", self.handle)

    def close(self, wait_ms: int = 0) -> int:
        """trakt_client_close."""
        return self.library.number("trakt_client_close", self.handle, wait_ms)
