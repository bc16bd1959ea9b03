"""Every method by its name, called and submitted, and what wrong parameters get: generated from docs/methods/*.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple

import pytest
from libtrakt import Library
from paths import ROOT
from wire import LONG_MS, Wire, code

SCHEMAS: Dict[str, Dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "docs" / "methods").glob("*.json"))
}

#: A film.
HEAT = {"type": "movie", "title": "Heat", "year": 1995}

#: Parameters with which a method does something on a client without an account, and the code that it then has.
PLAIN: Dict[str, Tuple[Optional[Dict[str, Any]], str]] = {
    "account.get": (None, "ok"),
    "account.unlink": (None, "ok"),
    "authorize.finish": ({"url": "abc"}, "wrong_state"),
    "authorize.url": ({}, "ok"),
    "checkin": ({"item": HEAT}, "not_linked"),
    "checkin.cancel": (None, "not_linked"),
    "collection.add": ({"items": [HEAT]}, "not_linked"),
    "collection.remove": ({"items": [HEAT]}, "not_linked"),
    "device.cancel": (None, "ok"),
    "device.poll": ({"wait_ms": 0}, "ok"),
    "device.start": ({"wait_ms": 0}, "ok"),
    "events.next": ({"wait_ms": 0}, "ok"),
    "history.add": ({"items": [HEAT], "watched_at": "released"}, "not_linked"),
    "history.remove": ({"items": [HEAT]}, "not_linked"),
    "http.request": ({"method": "GET", "path": "/users/settings"}, "not_linked"),
    "limit.check": ({"limit": "list.count", "have": 2}, "ok"),
    "log.next": (None, "ok"),
    "match.forget": ({"item": HEAT}, "ok"),
    "match.get": ({"item": HEAT}, "ok"),
    "match.search": ({"query": "Heat"}, "not_linked"),
    "match.set": ({"item": HEAT, "match": {"movie": {"ids": {"imdb": "tt0113277"}}}}, "ok"),
    "methods": (None, "ok"),
    "outbox.discard": ({"all": True}, "ok"),
    "outbox.list": ({}, "ok"),
    "outbox.retry": ({"ids": [1]}, "ok"),
    "permission.check": ({"permission": "commenting"}, "ok"),
    "playback.list": ({}, "not_linked"),
    "playback.remove": ({"id": 1}, "not_linked"),
    "player.event": ({"event": "started", "session": "a", "item": HEAT}, "ok"),
    "player.get": (None, "ok"),
    "player.check": ({"items": [HEAT]}, "ok"),
    "player.options": ({}, "ok"),
    "qr.write": ({"text": "https://app.trakt.tv/vip"}, "ok"),
    "rating.remove": ({"item": HEAT}, "not_linked"),
    "rating.set": ({"item": HEAT, "rating": 9}, "not_linked"),
    "settings.get": ({}, "not_linked"),
    "watchlist.add": ({"items": [HEAT]}, "not_linked"),
    "watchlist.remove": ({"items": [HEAT]}, "not_linked"),
}

#: One value of each JSON type.
VALUES: List[Any] = ["text", 5, -5, 1.5, True, [], [1], {}, {"a": 1}]


@pytest.fixture(scope="module")
def offline(library: Library) -> Iterator[Wire]:
    """A client whose hosts refuse connections; everything is in memory."""
    hosts = {"auth_url": "http://127.0.0.1:9", "api_url": "http://127.0.0.1:9"}
    with Wire(library, {"client_id": "x", "redirect_uri": "http://localhost/back", **hosts}) as wire:
        yield wire


def resolved(schema: Dict[str, Any], within: Dict[str, Any]) -> Dict[str, Any]:
    """A schema without its references."""
    while "$ref" in schema:
        schema = within["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema and len(schema["anyOf"]) == 1:
        return resolved(schema["anyOf"][0], within)
    return schema


def fits(value: Any, schema: Dict[str, Any]) -> bool:
    """Whether a value is of a schema's type and within its range."""
    if "enum" in schema or "oneOf" in schema:
        return False
    kind = schema.get("type")
    if value is None:
        return isinstance(kind, list) and "null" in kind
    if kind is None:
        return True
    if isinstance(kind, list):
        return any(fits(value, {**schema, "type": one}) for one in kind)
    if kind == "integer":
        low = schema.get("minimum", float("-inf"))
        return isinstance(value, int) and not isinstance(value, bool) and value >= low
    types = {"string": str, "boolean": bool, "object": dict, "array": list, "number": (int, float)}
    return kind in types and isinstance(value, types[kind])


def properties(method: str) -> Dict[str, Dict[str, Any]]:
    params = SCHEMAS[method]["params"]
    return {name: resolved(schema, params) for name, schema in params.get("properties", {}).items()}


def refused(wire: Wire, method: str, params: Any) -> str:
    """The refusal, which trakt_call and trakt_submit have in common; the latter at once."""
    text = params if isinstance(params, str) else json.dumps(params)
    called, submitted = wire.call(method, text), wire.text("trakt_submit", method, text)
    assert called == submitted, (called, submitted)
    assert called["status"] != 0, (method, params)
    return f"{called['error']['code']}: {called['error']['message']}"


def test_methods_lists_what_the_documents_describe(offline: Wire) -> None:
    listed = offline.data("methods")["methods"]
    assert [one["name"] for one in listed] == sorted(SCHEMAS) == sorted(PLAIN)
    assert {one["name"]: one["about"] for one in listed} == {name: one["about"] for name, one in SCHEMAS.items()}
    assert {name: one["method"] for name, one in SCHEMAS.items()} == {name: name for name in SCHEMAS}


@pytest.mark.parametrize("method", SCHEMAS)
def test_a_method_is_called_and_submitted_alike(offline: Wire, method: str) -> None:
    params, expected = PLAIN[method]
    called = offline.call(method, params)
    submitted = offline.result(offline.submit(method, params))
    assert (code(called), code(submitted)) == (expected, expected), (called, submitted)
    if expected == "ok" and method != "device.start":
        assert called["data"].keys() == submitted["data"].keys()


@pytest.mark.parametrize("method", SCHEMAS)
def test_each_parameter_of_a_wrong_type_is_named(offline: Wire, method: str) -> None:
    for name, schema in properties(method).items():
        good = PLAIN[method][0] or {}
        for value in [*VALUES, None]:
            if not fits(value, schema):
                said = refused(offline, method, {**good, name: value})
                assert said.startswith("invalid_argument: ") and f"`{name}" in said, (method, name, value, said)


@pytest.mark.parametrize("method", SCHEMAS)
def test_an_unknown_parameter_is_named(offline: Wire, method: str) -> None:
    said = refused(offline, method, {**(PLAIN[method][0] or {}), "no_such_key": 1})
    assert said.startswith("unknown_option: ") and "`no_such_key`" in said, said
    said = refused(offline, method, {**(PLAIN[method][0] or {}), "no_such_key": None})
    assert said.startswith(("unknown_option: ", "invalid_argument: ")) and "`no_such_key`" in said, said


@pytest.mark.parametrize("method", SCHEMAS)
def test_a_missing_parameter_is_named(offline: Wire, method: str) -> None:
    for name in SCHEMAS[method]["params"].get("required", []):
        params = {key: value for key, value in (PLAIN[method][0] or {}).items() if key != name}
        said = refused(offline, method, params)
        assert said.startswith("invalid_argument: ") and f"`{name}`" in said, said


@pytest.mark.parametrize("method", SCHEMAS)
def test_a_parameter_given_twice_is_refused(offline: Wire, method: str) -> None:
    for name, value in (PLAIN[method][0] or {}).items():
        said = refused(offline, method, f'{{"{name}":{json.dumps(value)},"{name}":{json.dumps(value)}}}')
        assert said.startswith("invalid_argument: ") and f"`{name}`" in said, said


@pytest.mark.parametrize("method", SCHEMAS)
def test_text_that_is_no_object_is_refused(offline: Wire, method: str) -> None:
    for text, expected in [
        ("", "invalid_json"),
        ("{", "invalid_json"),
        ("{} {}", "invalid_json"),
        ("nonsense", "invalid_json"),
        ('{"a":NaN}', "invalid_json"),
        ("[]", "invalid_argument"),
        ("null", "invalid_argument"),
        ("7", "invalid_argument"),
        ('"text"', "invalid_argument"),
    ]:
        assert refused(offline, method, text).startswith(f"{expected}: "), text


def test_no_parameters_are_the_same_as_an_empty_object(offline: Wire) -> None:
    for method, (_, expected) in PLAIN.items():
        one_of_two = method in ("outbox.discard", "outbox.retry")
        if expected == "ok" and not one_of_two and not SCHEMAS[method]["params"].get("required"):
            assert code(offline.call(method, None)) == code(offline.call(method, "{}")) == "ok", method


def test_text_over_4_mib_is_refused_and_just_below_is_read(offline: Wire) -> None:
    frame = '{"method":"POST","path":"/a","body":"%s"}'
    room = 4 * 1024 * 1024 - len(frame % "")
    assert code(offline.call("http.request", frame % ("x" * room))) == "not_linked"
    assert refused(offline, "http.request", frame % ("x" * (room + 1))).startswith("invalid_argument: ")
    assert refused(offline, "http.request", "[" * 200_000).startswith(("invalid_argument: ", "invalid_json: "))
    deep = '{"method":"POST","path":"/a","body":' + "[" * 100_000 + "]" * 100_000 + "}"
    assert code(offline.call("http.request", deep)) in ("not_linked", "invalid_json", "invalid_argument")


def test_text_that_is_no_utf_8_is_refused(offline: Wire) -> None:
    for bad in (b'{"limit":"\xff"}', b"\xc3", b"\xed\xa0\x80"):
        for function in ("trakt_call", "trakt_submit"):
            envelope = offline.text(function, "limit.check", bad)  # type: ignore[arg-type]
            assert code(envelope) == "invalid_argument", envelope
            envelope = offline.text(function, bad, None)  # type: ignore[arg-type]
            assert code(envelope) == "invalid_argument", envelope


def test_a_method_that_is_none_is_refused(offline: Wire) -> None:
    for function in ("trakt_call", "trakt_submit"):
        for name in ("", "no.such", "Methods", "methods ", "x" * 100_000):
            assert code(offline.text(function, name, None)) == "unknown_method", name[:20]
        assert code(offline.text(function, None, None)) == "invalid_argument"


def test_required_text_that_is_null_is_refused(offline: Wire) -> None:
    for envelope in (
        offline.text("trakt_check_limit", None, 1),
        offline.text("trakt_check_permission", None),
        offline.text("trakt_authorize_finish", None),
    ):
        assert code(envelope) == "invalid_argument", envelope


def test_64_replies_are_kept_and_the_next_request_is_busy(offline: Wire) -> None:
    requests: List[int] = []
    # Four run at once: each is over before the next is sent, and none is taken.
    while len(requests) < 64:
        envelope = offline.text("trakt_submit", "methods", None)
        if envelope["status"] == 0:
            requests.append(envelope["data"]["request"])
        else:
            assert code(envelope) == "busy", envelope
    full = offline.text("trakt_submit", "methods", None)
    assert code(full) == "busy" and full["error"]["retryable"], full
    # What waits by itself needs no room.
    assert code(offline.call("methods")) == "ok"
    assert code(offline.result(requests.pop(0))) == "ok"
    requests.append(offline.submit("methods"))
    assert len(set(requests)) == 64
    for request in requests:
        assert code(offline.result(request, LONG_MS)) == "ok"
        assert code(offline.result(request, 0)) == "invalid_argument"


def test_log_level_decides_what_log_next_hands_out(library: Library, tmp_path: Path) -> None:
    hosts = {"auth_url": "http://127.0.0.1:9", "api_url": "http://127.0.0.1:9", "data_dir": str(tmp_path)}
    for level, expected in [("off", set()), ("info", {"info"}), ("trace", {"info", "debug"})]:
        with Wire(library, {"client_id": "x", **hosts, "log_level": level}) as wire:
            wire.data("device.start", {"wait_ms": 2_000})
            found = {record["level"] for record in wire.data("log.next")["records"]}
            assert found >= expected and (level != "off" or not found), (level, found)
            wire.data("device.cancel")
