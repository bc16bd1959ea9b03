"""Ratings, lists, check-ins, and what Trakt refuses: shown with its reason, tried again, corrected or thrown away."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from machine import until
from paths import PATIENCE_S
from prelinked import Hub
from wire import Wire, code

HEAT = {"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}}
#: Films that the simulated Trakt makes up. It is the same for all tests, and remembers.
LIMITED, CORRECTED, UNKNOWN = 71_001, 71_002, 900_000_001
DARK = {"type": "episode", "show": {"title": "Dark", "ids": {"tvdb": 334824}}, "season": 1, "number": 1}


def data(reply: Dict[str, Any]) -> Any:
    """What a call that worked says."""
    assert reply["status"] == 0, reply
    return reply["data"]


def listed(wire: Wire) -> Any:
    """The outbox."""
    return data(wire.call("outbox.list"))


def emptied(wire: Wire) -> None:
    """Waits until nothing waits."""
    until(lambda: listed(wire)["waiting"] == 0, "an empty outbox", PATIENCE_S)


def refused(wire: Wire) -> Any:
    """The one entry that Trakt has refused."""
    until(lambda: listed(wire)["refused"] == 1, "a refusal", PATIENCE_S)
    return data(wire.call("outbox.list", {"state": "refused"}))["entries"][0]


def film(number: int) -> Dict[str, Any]:
    """A film by its number."""
    return {"type": "movie", "ids": {"trakt": number}}


def lines(wire: Wire, path: str, **ids: Any) -> List[Any]:
    """The lines of a list that are about a film."""
    page = data(wire.call("http.request", {"method": "GET", "path": path, "query": {"limit": 100}}))
    return [line for line in page["body"] if ids.items() <= line["movie"]["ids"].items()]


@pytest.mark.parametrize(
    ("path", "add", "remove"),
    [
        ("/sync/watchlist/movies", ("watchlist.add", {"items": [HEAT]}), ("watchlist.remove", {"items": [HEAT]})),
        ("/sync/collection/movies", ("collection.add", {"items": [HEAT]}), ("collection.remove", {"items": [HEAT]})),
        ("/sync/ratings/movies", ("rating.set", {"item": HEAT, "rating": 9}), ("rating.remove", {"item": HEAT})),
    ],
)
def test_what_is_set_is_at_trakt_and_what_is_removed_is_not(wire: Wire, path: str, add: Any, remove: Any) -> None:
    assert data(wire.call(*add))["queued"] == 1
    emptied(wire)
    found = lines(wire, path, **HEAT["ids"])
    assert len(found) == 1 and found[0].get("rating") in (9, None)
    assert data(wire.call(*remove))["queued"] == 1
    emptied(wire)
    assert lines(wire, path, **HEAT["ids"]) == []


def test_the_last_rating_holds(wire: Wire) -> None:
    for rating in (3, 8, 10):
        data(wire.call("rating.set", {"item": HEAT, "rating": rating}))
    emptied(wire)
    assert [line["rating"] for line in lines(wire, "/sync/ratings/movies", **HEAT["ids"])] == [10]
    assert code(wire.call("rating.set", {"item": HEAT, "rating": 11})) == "invalid_argument"


def test_beyond_the_limit_it_is_kept_and_goes_when_there_is_room(hub: Hub, wire: Wire) -> None:
    hub.sim.config(ratings_limit=0)
    queued = data(wire.call("rating.set", {"item": film(LIMITED), "rating": 9}))
    entry = refused(wire)
    assert (entry["id"], entry["reason"], entry["kind"]) == (queued["ids"][0], "account_limit", "rating.set")
    assert entry["error"]["http_status"] == 420
    assert data(wire.call("outbox.retry", {"ids": [entry["id"]]})) == {"retried": 1}
    assert refused(wire)["id"] == entry["id"]
    hub.sim.config(ratings_limit=100)
    assert data(wire.call("outbox.retry", {"all": True})) == {"retried": 1}
    emptied(wire)
    assert listed(wire)["refused"] == 0 and lines(wire, "/sync/ratings/movies", trakt=LIMITED) != []


def test_what_trakt_does_not_know_is_corrected_and_arrives(hub: Hub, wire: Wire) -> None:
    data(wire.call("history.add", {"items": [film(UNKNOWN)], "watched_at": "2026-01-02T03:04:05Z"}))
    entry = refused(wire)
    assert entry["reason"] == "not_found" and lines(wire, "/sync/history/movies", trakt=CORRECTED) == []
    right = {"movie": {"ids": {"trakt": CORRECTED}}}
    assert data(wire.call("match.set", {"item": entry["item"], "match": right}))["retried"] == 1
    emptied(wire)
    assert [line["watched_at"][:19] for line in lines(wire, "/sync/history/movies", trakt=CORRECTED)] == [
        "2026-01-02T03:04:05"
    ]
    assert listed(wire)["refused"] == 0


def test_what_is_thrown_away_is_gone(wire: Wire) -> None:
    data(wire.call("watchlist.add", {"items": [film(UNKNOWN)]}))
    entry = refused(wire)
    assert data(wire.call("outbox.discard", {"ids": [entry["id"]]})) == {"discarded": 1}
    assert data(wire.call("outbox.discard", {"ids": [entry["id"]]})) == {"discarded": 0}
    assert listed(wire)["entries"] == []


def test_a_check_in_says_what_is_in_its_way_and_until_when(wire: Wire) -> None:
    assert data(wire.call("checkin", {"item": HEAT}))["movie"]["title"] == "Heat"
    reply = wire.call("checkin", {"item": DARK})
    assert code(reply) == "conflict" and reply["error"]["expires_at"].endswith("Z")
    assert data(wire.call("checkin.cancel")) == {"cancelled": True}
    assert data(wire.call("checkin", {"item": DARK}))["episode"]["number"] == 1


def test_a_resume_position_is_listed_and_removed(hub: Hub, wire: Wire) -> None:
    before = len(hub.sim.log())
    event = {"event": "started", "session": "a", "item": HEAT, "position_ms": 0, "duration_ms": 10_200_000}
    data(wire.call("player.event", event))
    data(wire.call("player.event", {"event": "stopped", "session": "a", "position_ms": 4_080_000}))

    def heats() -> List[Any]:
        items = data(wire.call("playback.list", {"type": "movies"}))["items"]
        return [one for one in items if one["movie"]["ids"]["imdb"] == "tt0113277"]

    hub.sim.wait_log(path="/scrobble/stop", method="POST", since=before, done=True)
    assert heats()[0]["progress"] == pytest.approx(40, abs=0.01)
    data(wire.call("playback.remove", {"id": heats()[0]["id"]}))
    assert heats() == []


def test_corrections_that_follow_each_other_are_applied_once(hub: Hub, wire: Wire) -> None:
    """An order on the disc that isn't Trakt's: each episode is the next one there."""
    first, second = ({**DARK, "number": number} for number in (1, 2))
    for item, number in ((first, 2), (second, 3)):
        is_next = {"show": DARK["show"], "season": 1, "number": number}
        data(wire.call("match.set", {"item": item, "match": is_next}))
    before = len(hub.sim.log())
    event = {"event": "started", "session": "b", "item": first, "position_ms": 1_500_000, "duration_ms": 3_000_000}
    data(wire.call("player.event", event))
    hub.sim.wait_log(path="/scrobble/start", since=before, done=True)
    data(wire.call("player.event", {"event": "ended", "session": "b"}))
    (stop,) = hub.sim.wait_log(path="/scrobble/stop", since=before, done=True)
    assert json.loads(stop["body"])["episode"] == {"season": 1, "number": 2}
    # The first try fails; the second isn't one further.
    fault = hub.sim.fault("status", host="api", path="/sync/history", status=503)
    data(wire.call("history.add", {"items": [first], "watched_at": "2025-01-02T03:04:05Z"}))
    hub.sim.wait_fault(fault)
    data(wire.call("outbox.retry", {"all": True}))
    emptied(wire)
    for request in hub.sim.log(path="/sync/history", method="POST", since=before):
        (show,) = json.loads(request["body"])["shows"]
        assert show["seasons"] == [{"number": 1, "episodes": [{"number": 2, "watched_at": "2025-01-02T03:04:05.000Z"}]}]
