"""What an item is at Trakt: found by title or file name, checked, remembered, corrected by a person."""

from __future__ import annotations

import json
import unicodedata
import urllib.parse
from typing import Any, Dict

import pytest
from libtrakt import Library
from machine import until
from prelinked import Hub
from wire import Wire, code

HEAT = {"type": "file", "file": "/films/Heat (1995).mkv"}
DOUBLE = {"type": "file", "file": "/tv/No Such Show At All S01E03E04.mkv"}
SEARCHES = "/search/movie"


def data(reply: Dict[str, Any]) -> Any:
    """What a call that worked says."""
    assert reply["status"] == 0, reply
    return reply["data"]


def test_a_file_name_is_read_without_network(wire: Wire) -> None:
    said = data(wire.call("match.get", {"item": {"type": "file", "file": "/tv/Dark/Season 1/Dark S01E02-E03.mkv"}}))
    assert said["match"] is None and said["source"] is None
    parsed = said["parsed"]
    assert (parsed["type"], parsed["title"], parsed["season"], parsed["number"]) == ("episode", "Dark", 1, 2)
    assert parsed["episodes"] == 2
    assert data(wire.call("match.get", {"item": {"type": "file", "file": "movie.mkv"}}))["parsed"] is None


def test_search_offers_the_very_title_first(wire: Wire) -> None:
    found = data(wire.call("match.search", {"item": HEAT}))["candidates"]
    assert found[0]["title"] == "Heat" and found[0]["type"] == "movie"
    assert {one["year"] for one in found if one["title"] == "Heat"} >= {1995}
    shows = data(wire.call("match.search", {"query": "Dark", "type": "show"}))["candidates"]
    assert shows[0]["title"] == "Dark" and all(one["type"] == "show" for one in shows)


def test_signs_that_a_search_would_take_for_orders_are_escaped(hub: Hub, wire: Wire) -> None:
    for query in ("Face/Off", "M*A*S*H (1970)", "tom && jerry", 'what? "this" [is] {it}: ~^!'):
        data(wire.call("match.search", {"query": query}))
    assert code(wire.call("match.search", {"query": "  "})) == "invalid_argument"


def test_a_correction_beats_ids_and_is_remembered(hub: Hub, wire: Wire, open_wire: Any) -> None:
    item = {"type": "movie", "title": "Heat", "year": 1995, "ids": {"tmdb": 1}}
    right = {"movie": {"title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}}}
    assert data(wire.call("match.set", {"item": item, "match": right}))["retried"] == 0
    assert data(open_wire().call("match.get", {"item": item}))["match"]["ids"] == {"imdb": "tt0113277"}
    data(wire.call("history.add", {"items": [item]}))
    sent = hub.sim.wait_log(path="/sync/history", method="POST", count=1)[-1]
    assert json.loads(sent["body"])["movies"][0]["ids"] == {"imdb": "tt0113277"}
    assert data(wire.call("match.forget", {"item": item}))["forgotten"]
    assert data(wire.call("match.get", {"item": item}))["source"] == "search"
    assert not data(wire.call("match.forget", {"item": item}))["forgotten"]


def test_a_show_s_correction_holds_for_all_its_episodes(wire: Wire) -> None:
    show = {"title": "Drak", "year": 2017}
    first, second = ({"type": "episode", "show": show, "season": 1, "number": number} for number in (1, 2))
    is_dark = {"show": {"title": "Dark", "ids": {"tvdb": 334824}}}
    data(wire.call("match.set", {"item": first, "match": is_dark}))
    match = data(wire.call("match.get", {"item": second}))["match"]
    assert (match["ids"], match["season"], match["number"]) == ({"tvdb": 334824}, 1, 2)
    # One episode alone is another one.
    other = {"show": {"ids": {"tvdb": 334824}}, "season": 2, "number": 5}
    data(wire.call("match.set", {"item": second, "match": other}))
    assert data(wire.call("match.get", {"item": second}))["match"]["season"] == 2
    assert data(wire.call("match.get", {"item": first}))["match"]["season"] == 1


def test_corrections_that_make_no_sense_are_refused(wire: Wire) -> None:
    ids = {"ids": {"trakt": 5}}
    for item, match in (
        (HEAT, {}),
        (HEAT, {"movie": {"ids": {}}}),
        (HEAT, {"movie": ids, "show": ids}),
        (HEAT, {"show": ids}),
        (HEAT, {"show": ids, "season": 1}),
        (DOUBLE, {"movie": ids}),
        (DOUBLE, {"episode": ids}),
        ({"type": "show", "title": "Drak"}, {"movie": ids}),
        ({"type": "show", "title": "Drak"}, {"show": ids, "season": 1, "number": 1}),
        ({"type": "show", "title": "Drak"}, {"episode": ids}),
        ({"type": "season", "show": {"title": "Drak"}, "number": 1}, {"movie": ids}),
        ({"type": "season", "show": {"title": "Drak"}, "number": 1}, {"episode": ids}),
        ({"type": "music_video"}, {"movie": ids}),
    ):
        assert code(wire.call("match.set", {"item": item, "match": match})) == "invalid_argument", (item, match)


def test_a_refusal_says_what_would_do(wire: Wire) -> None:
    for item, words in (
        (DOUBLE, "several episodes"),
        ({"type": "show", "title": "Drak"}, "a show's `match` must be a show"),
        ({"type": "season", "show": {"title": "Drak"}, "number": 1}, "a season's `match` must be a show"),
    ):
        told = wire.call("match.set", {"item": item, "match": {"movie": {"ids": {"trakt": 5}}}})
        assert code(told) == "invalid_argument" and words in json.dumps(told, ensure_ascii=False), told


def test_a_file_of_several_episodes_is_corrected_as_a_whole(hub: Hub, wire: Wire) -> None:
    data(wire.call("history.add", {"items": [DOUBLE]}))
    until(lambda: len(data(wire.call("outbox.list", {"state": "refused"}))["entries"]) == 2, "both are refused")
    since = hub.sim.mark()
    place = {"show": {"ids": {"tvdb": 334824}}, "season": 1, "number": 5}
    assert data(wire.call("match.set", {"item": DOUBLE, "match": place}))["retried"] == 2
    until(lambda: not data(wire.call("outbox.list"))["entries"], "the outbox is empty")
    told = [json.loads(one["body"]) for one in hub.sim.log(path="/sync/history", method="POST", since=since)]
    sent = [
        (show["ids"], season["number"], episode["number"])
        for body in told
        for show in body["shows"]
        for season in show["seasons"]
        for episode in season["episodes"]
    ]
    assert sorted(sent, key=str) == [({"tvdb": 334824}, 1, 5), ({"tvdb": 334824}, 1, 6)]
    second = {"type": "episode", "show": {"title": "No Such Show At All"}, "season": 1, "number": 4}
    assert data(wire.call("match.get", {"item": second}))["match"]["number"] == 6
    assert data(wire.call("match.forget", {"item": DOUBLE}))["forgotten"]
    assert data(wire.call("match.get", {"item": second}))["match"] is None
    # The show is enough where only it was wrong.
    data(wire.call("match.set", {"item": DOUBLE, "match": {"show": {"ids": {"tvdb": 334824}}}}))
    assert data(wire.call("match.get", {"item": second}))["match"]["number"] == 4
    assert data(wire.call("match.forget", {"item": DOUBLE}))["forgotten"]
    assert data(wire.call("match.get", {"item": second}))["match"] is None


def test_what_nothing_fits_is_set_apart_until_somebody_says_what_it_is(hub: Hub, wire: Wire) -> None:
    item = {"type": "file", "file": "/films/No Such Film At All (1987).mkv"}
    data(wire.call("history.add", {"items": [item]}))
    refused = until(lambda: data(wire.call("outbox.list", {"state": "refused"}))["entries"], "something is refused")
    assert refused[0]["reason"] == "unmatched"
    events: Dict[str, Any] = {}

    def told() -> bool:
        events.update({one["type"]: one for one in data(wire.call("events.next"))["events"]})
        return "outbox.refused" in events and events.get("outbox.changed", {}).get("data", {}).get("refused") == 1

    until(told, "the events of a refusal")
    assert events["outbox.refused"]["data"] == {
        "id": refused[0]["id"],
        "kind": "history.add",
        "item": refused[0]["item"],
        "reason": "unmatched",
        "title": refused[0]["title"],
    }
    assert events["outbox.changed"]["data"] == {"waiting": 0, "refused": 1}
    since = hub.sim.mark()
    right = {"movie": {"ids": {"imdb": "tt0113277"}}}
    assert data(wire.call("match.set", {"item": item, "match": right}))["retried"] == 1
    hub.sim.wait_log(path="/sync/history", method="POST", count=1, since=since)
    until(lambda: not data(wire.call("outbox.list"))["entries"], "the outbox is empty")


def test_a_correction_during_the_search_counts_more_than_what_it_finds(hub: Hub, wire: Wire) -> None:
    since = hub.sim.mark()
    slow = hub.sim.fault("delay", path=SEARCHES, delay_ms=600_000)
    data(wire.call("history.add", {"items": [HEAT]}))
    hub.sim.wait_log(path=SEARCHES, since=since)
    data(wire.call("match.set", {"item": HEAT, "match": {"movie": {"ids": {"imdb": "tt0093164"}}}}))
    hub.sim.clear_faults(slow)
    sent = hub.sim.wait_log(path="/sync/history", method="POST", count=1, since=since)[-1]
    assert json.loads(sent["body"])["movies"][0]["ids"]["imdb"] == "tt0093164"
    known = data(wire.call("match.get", {"item": HEAT}))
    assert (known["source"], known["match"]["ids"]["imdb"]) == ("set", "tt0093164")


def test_a_found_title_is_asked_for_once(hub: Hub, wire: Wire) -> None:
    since = hub.sim.mark()
    for watched_at in ("2026-01-01T20:00:00Z", "2026-02-01T20:00:00Z"):
        data(wire.call("history.add", {"items": [HEAT], "watched_at": watched_at}))
        until(lambda: not data(wire.call("outbox.list"))["entries"], "the outbox is empty")
    assert len(hub.sim.log(path=SEARCHES, since=since)) == 1
    sent = hub.sim.log(path="/sync/history", method="POST", since=since)
    assert all(json.loads(one["body"])["movies"][0]["ids"]["imdb"] == "tt0113277" for one in sent)


def sent_for(hub: Hub, wire: Wire, item: Dict[str, Any]) -> Dict[str, Any]:
    """The body that Trakt gets when that was watched."""
    since = hub.sim.mark()
    data(wire.call("history.add", {"items": [item]}))
    return json.loads(hub.sim.wait_log(path="/sync/history", method="POST", count=1, since=since)[-1]["body"])


@pytest.mark.parametrize(
    ("file", "imdb"),
    [
        ("/films/The Thing (1982).mkv", "tt0084787"),
        ("/films/The.Thing.2011.1080p.mkv", "tt0905372"),
        # A year beside the right one, and only one film there.
        ("/films/Oceans Eleven (2002).mkv", "tt0240772"),
        # Another of its titles.
        ("/films/Im Körper des Feindes (1997).mkv", "tt0119094"),
        ("/films/The Thing (Das Ding) (1982).mkv", "tt0084787"),
    ],
)
def test_the_year_decides_between_remakes(hub: Hub, wire: Wire, file: str, imdb: str) -> None:
    assert sent_for(hub, wire, {"type": "file", "file": file})["movies"][0]["ids"]["imdb"] == imdb


def test_letters_as_macos_writes_them_are_trakt_s(hub: Hub, wire: Wire) -> None:
    since = hub.sim.mark()
    name = "ワンピース S01E01.mkv"
    apart = unicodedata.normalize("NFD", name)
    assert apart != name
    sent = sent_for(hub, wire, {"type": "file", "file": f"/tv/{apart}"})
    assert sent["shows"][0]["ids"]["slug"] == "one-piece"
    query = hub.sim.log(path="/search/show", since=since)[0]["query"]
    assert "ワンピース" in urllib.parse.unquote(str(query)), query


def test_of_two_films_of_one_name_none_is_guessed(hub: Hub, wire: Wire) -> None:
    item = {"type": "movie", "title": "The Thing"}
    since = hub.sim.mark()
    data(wire.call("history.add", {"items": [item]}))
    refused = until(lambda: data(wire.call("outbox.list", {"state": "refused"}))["entries"], "something is refused")
    assert refused[0]["reason"] == "unmatched"
    assert not hub.sim.log(path="/sync/history", method="POST", since=since)
    offered = data(wire.call("match.search", {"item": item}))["candidates"]
    assert [one["title"] for one in offered[:2]] == ["The Thing", "The Thing"]
    right = {"movie": {"ids": offered[0]["ids"]}}
    assert data(wire.call("match.set", {"item": item, "match": right}))["retried"] == 1
    sent = json.loads(hub.sim.wait_log(path="/sync/history", method="POST", count=1, since=since)[-1]["body"])
    assert sent["movies"][0]["ids"]["trakt"] == offered[0]["ids"]["trakt"]


def test_ids_in_a_name_need_no_search(hub: Hub, wire: Wire) -> None:
    since = hub.sim.mark()
    sent = sent_for(hub, wire, {"type": "file", "file": "/films/Whatever (1995) {imdb-tt0113277}/Whatever.mkv"})
    assert sent["movies"][0]["ids"] == {"imdb": "tt0113277"}
    assert not hub.sim.log(path=SEARCHES, since=since)


def test_while_trakt_can_t_be_asked_nothing_is_refused_and_later_it_is_found(hub: Hub, wire: Wire) -> None:
    since = hub.sim.mark()
    fault = hub.sim.fault("status", path=SEARCHES, status=503, body="", times=0)
    data(wire.call("history.add", {"items": [HEAT]}))
    hub.sim.wait_fault(fault, fired=2)
    told = data(wire.call("outbox.list"))
    assert (told["waiting"], told["refused"]) == (1, 0)
    assert data(wire.call("match.get", {"item": HEAT}))["match"] is None
    hub.sim.clear_faults(fault)
    sent = hub.sim.wait_log(path="/sync/history", method="POST", count=1, since=since)[-1]
    assert json.loads(sent["body"])["movies"][0]["ids"]["imdb"] == "tt0113277"


def test_what_was_found_and_what_was_set_outlives_the_client(hub: Hub, open_wire: Any) -> None:
    wrong = {"type": "movie", "title": "Heat", "year": 1986, "ids": {"tmdb": 1}}
    wire = open_wire()
    data(wire.call("match.set", {"item": wrong, "match": {"movie": {"ids": {"imdb": "tt0113277"}}}}))
    sent_for(hub, wire, HEAT)
    until(lambda: not data(wire.call("outbox.list"))["entries"], "the outbox is empty")
    wire.close(5_000)
    since = hub.sim.mark()
    again = open_wire()
    assert data(again.call("match.get", {"item": wrong}))["source"] == "set"
    found = data(again.call("match.get", {"item": HEAT}))
    assert (found["source"], found["match"]["ids"]["imdb"]) == ("search", "tt0113277")
    assert not hub.sim.log(path=SEARCHES, since=since)


def test_unlinking_forgets_matches(library: Library, hub: Hub, wire: Wire) -> None:
    hub.sim.fault("status", path="/oauth/revoke", status=200, body="{}", times=0)
    item = {"type": "movie", "title": "Heat", "year": 1995}
    data(wire.call("match.set", {"item": item, "match": {"movie": {"ids": {"trakt": 7}}}}))
    data(wire.call("account.unlink"))
    assert data(wire.call("match.get", {"item": item}))["match"] is None
