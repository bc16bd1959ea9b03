"""http.request: any endpoint of the API, and nothing but the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable
from urllib.parse import parse_qsl

import pytest
from prelinked import Hub
from wire import Wire, code

BAD_PATHS = [
    "",
    "users/me",
    "//127.0.0.1/users/me",
    "//evil.example/x",
    "/\\evil",
    "/a\\b",
    "/a?b=c",
    "/a#b",
    "/..",
    "/../oauth/token",
    "/users/../oauth/token",
    "/users/%2e%2e/oauth/token",
    "/users/%252e%252e/x",
    "/oauth",
    "/oauth/",
    "/oauth/token",
    "/OAuth/token",
    "/%6Fauth/token",
    "/%256fauth/token",
    "/./oauth/token",
    "/%2e/oauth/token",
    "/%2foauth/token",
    "/oauth;x=1/token",
    "/a b",
    "/a\tb",
    "/a\r\nHost: evil.example",
    "/a%0d%0aHost:%20evil.example",
    "/a%00",
    "/a%",
    "/a%2",
    "/a%zz",
    "/é",
    "/a\u200b",
    "/" + "a" * 10_000,
    "http://evil.example/",
    "https://api.trakt.tv/users/me",
    "@evil.example/",
    ":80/",
]


@pytest.mark.parametrize("path", BAD_PATHS, ids=lambda path: repr(path)[:40])
def test_a_path_that_leads_elsewhere_is_refused_and_nothing_is_sent(hub: Hub, wire: Wire, path: str) -> None:
    since = hub.sim.mark()
    for method in ("GET", "POST", "PUT", "DELETE"):
        envelope = wire.call("http.request", {"method": method, "path": path})
        assert code(envelope) == "invalid_argument" and "`path`" in envelope["error"]["message"], envelope
    assert hub.sim.log(since=since) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("query", {"a": [1]}),
        ("query", {"a": {"b": 1}}),
        ("query", {"a": None}),
        ("query", {"": "x"}),
        ("query", {"a": "x" * 10_000}),
        ("query", [["a", 1]]),
        ("query", "a=1"),
        ("method", "PATCH"),
        ("method", "get"),
        ("method", "GET\r\nX: y"),
        ("method", "CONNECT"),
        ("body", {"a": 1}),
        ("idempotent", "yes"),
    ],
)
def test_a_bad_parameter_is_refused_by_name_and_nothing_is_sent(hub: Hub, wire: Wire, key: str, value: Any) -> None:
    since = hub.sim.mark()
    envelope = wire.call("http.request", {"method": "GET", "path": "/users/me", key: value})
    assert code(envelope) == "invalid_argument" and f"`{key}" in envelope["error"]["message"], envelope
    assert hub.sim.log(since=since) == []


def test_headers_can_t_be_set(hub: Hub, wire: Wire) -> None:
    since = hub.sim.mark()
    for key in ("headers", "header", "authorization", "host", "url"):
        envelope = wire.call("http.request", {"method": "GET", "path": "/users/me", key: {"Authorization": "x"}})
        assert code(envelope) == "unknown_option", envelope
    assert hub.sim.log(since=since) == []


def test_a_query_is_encoded_and_arrives_as_it_was_given(hub: Hub, wire: Wire) -> None:
    since = hub.sim.mark()
    odd = 'a b&c=d/ü+%?#"\\\r\n\t😀'
    envelope = wire.get("/movies/trending", page=2, limit=10, extended="full", query=odd, truth=True, part=0.5)
    assert code(envelope) == "ok", envelope
    (request,) = hub.sim.log(since=since)
    expected = {"page": "2", "limit": "10", "extended": "full", "query": odd, "truth": "true", "part": "0.5"}
    assert dict(parse_qsl(request["query"], strict_parsing=True)) == expected, request
    assert request["path"] == "/movies/trending"


def test_pagination_and_limits_are_passed_on_and_no_other_headers(wire: Wire) -> None:
    data = wire.get("/sync/history", page=2, limit=10)["data"]
    assert data["status"] == 200 and len(data["body"]) == 10
    assert data["headers"]["x-pagination-page"] == "2" and data["headers"]["x-pagination-limit"] == "10"
    assert all(name == name.lower() for name in data["headers"])
    assert not {"set-cookie", "server", "date", "content-type", "authorization"} & data["headers"].keys()


def test_numbers_are_passed_on_digit_by_digit(hub: Hub, wire: Wire) -> None:
    text = '{"id":9223372036854775807,"rating":7.50,"big":1e400,"minus":-0.0,"text":"\\u00fc\\/"}'
    hub.sim.fault("status", host="api", status=200, headers={"Content-Type": "application/json"}, body=text)
    raw = wire.library.text("trakt_call", wire.handle, "http.request", '{"method":"GET","path":"/users/me"}')
    assert raw is not None and raw.decode().endswith(f'"body":{text}}}}}'), raw


def test_an_answer_without_a_body_has_none(wire: Wire) -> None:
    data = wire.get("/users/me/watching")["data"]
    assert (data["status"], data["body"]) == (204, None)


def test_a_body_is_sent_as_it_is(hub: Hub, wire: Wire) -> None:
    since = hub.sim.mark()
    body = {"movies": [{"ids": {"trakt": 1}, "watched_at": "2024-01-01T00:00:00.000Z"}]}
    envelope = wire.post(body=body)
    assert envelope["data"]["status"] == 201, envelope
    (request,) = hub.sim.log(since=since)
    assert (request["method"], json.loads(request["body"])) == ("POST", body)
    assert request["bearer"].startswith("access_") and request["violations"] == []


def test_put_and_delete_work(hub: Hub, wire: Wire) -> None:
    envelope = wire.call("http.request", {"method": "PUT", "path": "/users/settings", "body": {"user": {}}})
    assert code(envelope) == "ok", envelope
    playback = wire.get("/sync/playback")["data"]["body"]
    assert playback, "the simulated Trakt has something that was paused"
    envelope = wire.call("http.request", {"method": "DELETE", "path": f"/sync/playback/{playback[0]['id']}"})
    assert envelope["data"]["status"] == 204 and envelope["data"]["body"] is None, envelope


@pytest.mark.parametrize("kind", ["lost", "reset", "cut_before"])
def test_a_read_is_repeated_and_a_post_only_when_it_is_idempotent(hub: Hub, wire: Wire, kind: str) -> None:
    def sent(times: int, call: Callable[[], Any]) -> str:
        hub.sim.clear_faults()
        hub.sim.advance_clock(1_000)
        since = hub.sim.mark()
        hub.sim.fault(kind, host="api", times=1)
        answer = code(call())
        assert len(hub.sim.log(host="api", since=since)) == times
        return answer

    assert sent(2, wire.get) == "ok"
    assert sent(2, lambda: wire.post(idempotent=True)) == "ok"
    assert sent(2, lambda: wire.call("http.request", {"method": "DELETE", "path": "/sync/playback/1"})) == "not_found"
    assert sent(1, wire.post) == "network"


def test_an_unlinked_client_sends_nothing(hub: Hub, open_wire: Callable[..., Wire], tmp_path: Path) -> None:
    since = hub.sim.mark()
    wire = open_wire(data_dir=str(tmp_path / "empty"))
    assert code(wire.get()) == "not_linked"
    assert hub.sim.log(since=since) == []
