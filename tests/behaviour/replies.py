"""Holds every reply of the library against its documentation, docs/methods: `watch()` once, then each call is checked.

It stands in `Library.text`, so replies in this process are checked to the envelope, and in `Child`, for those of other
processes. Knows nothing of what a test is about.
"""

from __future__ import annotations

import copy
import functools
import json
from typing import Any, Dict, Mapping, Optional, Tuple

import jsonschema
import pytest
from child import Child
from libtrakt import Library, errors
from paths import ROOT

#: The method behind each function that has one.
_METHODS = {
    "trakt_device_start": "device.start",
    "trakt_device_poll": "device.poll",
    "trakt_device_cancel": "device.cancel",
    "trakt_authorize_url": "authorize.url",
    "trakt_authorize_finish": "authorize.finish",
    "trakt_account": "account.get",
    "trakt_get_settings": "settings.get",
    "trakt_check_limit": "limit.check",
    "trakt_check_permission": "permission.check",
    "trakt_unlink": "account.unlink",
    "trakt_player_event": "player.event",
    "trakt_next_events": "events.next",
}

#: The same for the methods of the Python class; `call` names its own, and those that are not here have no reply.
_OF_CLASS = {function[len("trakt_") :]: method for function, method in _METHODS.items()}

#: What an error has, always and sometimes.
_ERROR = {
    "type": "object",
    "required": ["code", "message", "retryable"],
    "properties": {
        "code": {"type": "string", "pattern": "^[a-z_]+$"},
        "message": {"type": "string", "minLength": 10},
        "retryable": {"type": "boolean"},
        "retry_after_ms": {"type": "integer", "minimum": 0},
        "http_status": {"type": "integer", "minimum": 100, "maximum": 599},
        "upgrade_url": {"type": "string", "pattern": "^https://"},
        "limit": {"type": "integer"},
        "reason": {"type": "string", "pattern": "^[a-z0-9_]+$"},
        "expires_at": {"type": "string", "pattern": "Z$"},
    },
    "additionalProperties": False,
}

_RETRYABLE = {
    "network", "timeout", "dns", "tls_clock", "proxy", "rate_limited", "server_error", "bad_reply", "blocked", "busy",
}  # fmt: skip

_submitted: Dict[Tuple[Any, ...], str] = {}


def check(method: str, data: Any) -> None:
    """Fails when `data` isn't what the documentation says that the method replies."""
    _validator(method).validate(data)
    _check_errors(data)


def check_error(status: int, error: Mapping[str, Any]) -> None:
    """Fails when an error isn't as the documentation has it."""
    jsonschema.Draft202012Validator(_ERROR).validate(error)
    assert error["code"] == errors.BY_STATUS[status].CODE
    assert error["retryable"] == (error["code"] in _RETRYABLE), error


@functools.lru_cache(maxsize=None)
def _validator(method: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs" / "methods" / f"{method}.json").read_text("utf-8"))["reply"]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(_closed(schema))


def _closed(schema: Any) -> Any:
    """The schema with no keys allowed that aren't documented: hosts may ignore them, these tests don't."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in copy.copy(schema).items()}
    if "properties" in closed and not {"oneOf", "anyOf", "allOf", "$ref"} & closed.keys():
        closed.setdefault("additionalProperties", False)
    return closed


def _check_errors(data: Any) -> None:
    """The errors inside a reply: of a login, of settings that are stale, of an account's last trouble."""
    if isinstance(data, dict):
        for key in ("error", "last_error"):
            if isinstance(data.get(key), dict):
                error = data[key]
                assert error["code"] in errors.BY_CODE, error
                jsonschema.Draft202012Validator(_ERROR).validate(error)


def _method(function: str, arguments: Tuple[Any, ...], where: str) -> Optional[str]:
    if function == "trakt_call":
        return str(arguments[1])
    if function == "trakt_result":
        return _submitted.get((where, *arguments[:2]))
    return _METHODS.get(function)


def _check_envelope(function: str, arguments: Tuple[Any, ...], text: Optional[bytes], where: str) -> None:
    assert text is not None and text.startswith(b'{"status":') and b"\n" not in text, text
    envelope = json.loads(text)
    if envelope["status"]:
        assert envelope.keys() == {"status", "error"}
        check_error(envelope["status"], envelope["error"])
        return
    assert envelope.keys() == {"status", "data"}
    data = envelope["data"]
    if function == "trakt_submit":
        _submitted[(where, arguments[0], data["request"])] = str(arguments[1])
    method = _method(function, arguments, where)
    if method is not None and data != {"state": "running"}:
        check(method, data)


def watch(patch: pytest.MonkeyPatch) -> None:
    """Checks every reply from now on."""
    text, send, wait = Library.text, Child.send, Child.wait_answer
    sent: Dict[Tuple[Child, int], str] = {}

    def checked_text(self: Library, function: str, *arguments: Any) -> Optional[bytes]:
        reply = text(self, function, *arguments)
        _check_envelope(function, arguments, reply, self.path)
        return reply

    def noted_send(self: Child, method: str, *arguments: Any, **keywords: Any) -> Any:
        pending = send(self, method, *arguments, **keywords)
        named = arguments[0] if method == "call" else _OF_CLASS.get(method)
        if named is not None:
            sent[(self, self._numbers)] = named
        return pending

    def checked_wait(self: Child, number: int, timeout_s: float) -> Any:
        data = wait(self, number, timeout_s)
        method = sent.get((self, number))
        if method is not None:
            check(method, {"events": data} if method == "events.next" else data)
        return data

    patch.setattr(Library, "text", checked_text)
    patch.setattr(Child, "send", noted_send)
    patch.setattr(Child, "wait_answer", checked_wait)
