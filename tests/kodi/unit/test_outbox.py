"""The outbox screen: what waits and why, in plain words, and what the user can do about it. Nothing in it waits."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, Optional

import fakekodi
import pytest
from faketrakt import FakeTrakt, error
from traktkodi.account_view import BUSY, ERROR, OK, WARNING
from traktkodi.dates import as_set
from traktkodi.kodi import Kodi
from traktkodi.outbox import OutboxControl
from traktkodi.outbox_counts import Counts, OutboxCounts
from traktkodi.outbox_view import CORRECT, DISCARD, RETRY, choices, match_of, view, why
from traktkodi.questions import Questions
from traktkodi.screens import outbox as screen
from traktkodi.screens.question import QuestionScreen

NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=timezone.utc)  # as the box's clock has it
DATES = as_set({"timezone": "UTC"}, "%d/%m/%Y", "%H:%M:%S")
HEAT: Dict[str, Any] = {"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}}
DARK: Dict[str, Any] = {"type": "episode", "show": {"title": "Dark"}, "season": 1, "number": 2, "ids": {}}
FILE: Dict[str, Any] = {"type": "file", "file": "/films/heat.cut.mkv"}
FIRST, SECOND, THIRD = 101, 102, 103


def failed(code: str, **more: Any) -> Dict[str, Any]:
    return {"code": code, "message": code, "retryable": True, **more}


def entry(id: int = 1, item: Mapping[str, Any] = HEAT, kind: str = "play", **more: Any) -> Dict[str, Any]:
    return {
        "id": id,
        "kind": kind,
        "state": "waiting",
        "reason": None,
        "error": None,
        "item": item,
        "title": "as the library calls it",
        "watched_at": "2026-09-21T14:00:00Z",
        "progress": None,
        "rating": None,
        "created_at": "2026-09-20T14:00:00Z",
        "attempts": 0,
        "last_try_at": None,
        **more,
    }


def refused(reason: str, id: int = 1, item: Mapping[str, Any] = HEAT, **more: Any) -> Dict[str, Any]:
    return entry(id, item, state="refused", reason=reason, **more)


def outbox(entries: List[Dict[str, Any]], **more: Any) -> Dict[str, Any]:
    count = sum(one["state"] == "refused" for one in entries)
    counts = {"waiting": len(entries) - count, "refused": count}
    return {"entries": entries, **counts, "paused": None, "error": None, "next_try_in_ms": None, "next": None, **more}


# the view


def said(kodi: Kodi, *arguments: Any, **more: Any) -> Dict[str, Any]:
    """The view in words."""
    shown = view(*arguments, DATES, NOW, **more)
    say = lambda words: kodi.say(words) if words and not isinstance(words, str) else words  # noqa: E731
    return {
        "message": kodi.say(shown.message.words),
        "mood": shown.message.mood,
        "rows": [(say(row.label), say(row.value), say(row.note)) for row in shown.rows],
        "retry_all": shown.retry_all,
    }


def test_refused_entries_come_first_each_with_its_kind_and_reason(kodi: Kodi) -> None:
    shown = said(kodi, outbox([entry(1, DARK), refused("unmatched", 2, FILE)]))
    assert shown == {
        "message": "Trakt didn't take some of this. Choose an entry to see what can be done.",
        "mood": WARNING,
        "rows": [
            ("Not taken by Trakt", "", ""),
            (
                "heat.cut.mkv",
                "Watched",
                "Watched: 13 min ago. It isn't clear which film or episode this is. Correct it, or throw it away.",
            ),
            ("Waiting", "", ""),
            ("Dark 1x02", "Watched", "Watched: 13 min ago. It is sent in its turn."),
        ],
        "retry_all": True,
    }


@pytest.mark.parametrize(
    ("reason", "problem", "says"),
    [
        ("not_found", failed("not_found"), "Trakt doesn't know this film or episode."),
        ("unmatched", None, "It isn't clear which film or episode this is."),
        ("account_limit", failed("account_limit", limit=250), "Your account is full: it holds up to 250 of these."),
        ("account_limit", failed("account_limit"), "Your account holds no more of these."),
        ("account_limit", None, "Your account holds no more of these."),
        ("rejected", failed("rejected"), "Trakt refused this."),
        ("account_locked", failed("account_locked"), "Trakt has locked your account."),
        ("vip_only", failed("vip_only"), "Trakt does this for VIP members only."),
        ("something_new", None, "Trakt refused this."),
        ("something_new", failed("not_found"), "Trakt"),
    ],
)
def test_each_reason_is_said_plainly(kodi: Kodi, reason: str, problem: Optional[Dict[str, Any]], says: str) -> None:
    words = kodi.say(why(refused(reason, error=problem), DATES, NOW))
    assert words.startswith(says)
    assert reason not in words


def test_what_was_tried_says_when_and_what_was_in_the_way(kodi: Kodi) -> None:
    tried = entry(error=failed("network"), last_try_at="2026-09-21T14:10:00Z")
    words = kodi.say(why(tried, DATES, NOW))
    assert words.startswith("Last try: 3 min ago. ")
    assert len(words) > 40


@pytest.mark.parametrize(
    ("paused", "mood"),
    [
        ("offline", WARNING),
        ("not_linked", ERROR),
        ("relink_needed", ERROR),
        ("locked", ERROR),
        ("blocked", WARNING),
        ("rate_limited", WARNING),
        ("app_refused", ERROR),
        ("server_error", WARNING),
        ("something_new", WARNING),
    ],
)
def test_each_pause_is_one_plain_sentence(kodi: Kodi, paused: str, mood: str) -> None:
    shown = said(kodi, outbox([entry()], paused=paused, next_try_in_ms=600_000))
    assert shown["mood"] == mood
    assert "_" not in shown["message"]
    assert ("Next try: in 10 min." in shown["message"]) is (mood == WARNING)
    assert shown["message"].count(".") == 2 + (mood == WARNING)


@pytest.mark.parametrize("next_try", [None, 0, 59_999, -5, "soon"])
def test_a_try_that_comes_soon_is_not_announced(kodi: Kodi, next_try: Any) -> None:
    assert "Next try" not in said(kodi, outbox([entry()], paused="offline", next_try_in_ms=next_try))["message"]


def test_a_try_in_a_far_future_does_no_harm(kodi: Kodi) -> None:
    assert "Next try" in said(kodi, outbox([entry()], paused="offline", next_try_in_ms=2**62))["message"]


def test_a_pause_without_anything_waiting_is_not_worth_a_word(kodi: Kodi) -> None:
    assert said(kodi, outbox([refused("not_found")], paused="offline"))["mood"] == WARNING
    assert "take" in said(kodi, outbox([refused("not_found")], paused="offline"))["message"]


def test_nothing_waits_or_nothing_is_known_yet(kodi: Kodi) -> None:
    assert said(kodi, outbox([])) == {
        "message": "Nothing waits. Trakt has everything.",
        "mood": OK,
        "rows": [],
        "retry_all": False,
    }
    assert said(kodi, outbox([], paused="not_linked"))["mood"] == WARNING
    assert said(kodi, None)["mood"] == BUSY
    assert said(kodi, outbox([entry()]))["message"] == "Everything is being sent."


@pytest.mark.parametrize(
    ("kind", "more", "says"),
    [
        ("play", {}, "Watched"),
        ("progress", {"progress": 42.9}, "Stopped at 42 %"),
        ("progress", {}, "Stopped"),
        ("history.add", {}, "Mark as watched"),
        ("history.remove", {}, "Mark as not watched"),
        ("rating.set", {"rating": 9}, "Rating: 9"),
        ("rating.remove", {}, "Remove the rating"),
        ("watchlist.add", {}, "To the watchlist"),
        ("watchlist.remove", {}, "Off the watchlist"),
        ("collection.add", {}, "To the collection"),
        ("collection.remove", {}, "Out of the collection"),
        ("something_new", {}, "Change"),
    ],
)
def test_each_kind_has_its_words(kodi: Kodi, kind: str, more: Dict[str, Any], says: str) -> None:
    assert said(kodi, outbox([entry(kind=kind, **more)]))["rows"][1][1] == says


def test_what_has_no_moment_of_its_own_says_since_when_it_waits(kodi: Kodi) -> None:
    (_, row) = said(kodi, outbox([entry(kind="rating.set", watched_at=None)]))["rows"]
    assert row[2].startswith("Here since: yesterday, 14:00. ")
    (_, row) = said(kodi, outbox([entry(watched_at="unknown", created_at=None)]))["rows"]
    assert row[2] == "It is sent in its turn."


def test_without_an_item_there_is_the_librarys_title(kodi: Kodi) -> None:
    assert said(kodi, outbox([entry(item={"type": "movie"})]))["rows"][1][0] == "as the library calls it"
    assert said(kodi, outbox([entry(item=None)]))["rows"][1][0] == "as the library calls it"  # type: ignore[arg-type]
    assert said(kodi, outbox([entry(item={}, title=None)]))["rows"][1][0] == "Without a name"


def test_more_than_can_be_shown_is_said(kodi: Kodi) -> None:
    assert said(kodi, outbox([entry()], next=500))["rows"][-1][0] == "And more"


@pytest.mark.parametrize("reason", ["not_found", "unmatched"])
def test_only_a_mistake_can_be_corrected(reason: str) -> None:
    assert choices(refused(reason)) == [CORRECT, RETRY, DISCARD]
    assert choices(refused("account_limit")) == choices(entry()) == [RETRY, DISCARD]


@pytest.mark.parametrize(
    ("candidate", "match"),
    [
        (
            {"type": "movie", "title": "Heat", "year": 1995, "ids": {"trakt": 1}, "score": 9},
            {"movie": {"title": "Heat", "year": 1995, "ids": {"trakt": 1}}},
        ),
        (
            {"type": "show", "title": "Dark", "year": None, "ids": {"trakt": 2}},
            {"show": {"title": "Dark", "ids": {"trakt": 2}}},
        ),
        ({"type": "episode", "title": "Lies", "ids": {"trakt": 3}}, {"episode": {"ids": {"trakt": 3}}}),
    ],
)
def test_what_the_library_is_told_of_a_choice(candidate: Dict[str, Any], match: Dict[str, Any]) -> None:
    assert match_of(FILE, candidate) == match


# the screen


class Screen:
    """The outbox screen with everything around it, as its user sees it."""

    def __init__(self, box: fakekodi.Box, kodi: Kodi, trakt: FakeTrakt) -> None:
        self.box, self.trakt = box, trakt
        self.entries: List[Dict[str, Any]] = []
        self.more: Dict[str, Any] = {}
        trakt.account_now = {"state": "linked", "linked": True}
        trakt.answers.update(
            {
                "outbox.list": self._list,
                "outbox.retry": {"retried": 1},
                "outbox.discard": {"discarded": 1},
                "match.set": {"retried": 1},
            }
        )
        self.questions = Questions(kodi, box.clock)  # type: ignore[arg-type]
        self.control = OutboxControl(kodi, trakt, box.clock, self.questions)  # type: ignore[arg-type]

    def _list(self, params: Mapping[str, Any]) -> Dict[str, Any]:
        found = [one for one in self.entries if params.get("state") in (None, one["state"])]
        return {**outbox(self.entries), "entries": found, **self.more}

    def steps(self, count: int = 4) -> None:
        for _ in range(count):
            self.box.clock.advance(0.1)
            self.trakt.step()
            self.control.step()
            self.box.deliver()

    def open(self, *entries: Dict[str, Any], **more: Any) -> None:
        self.entries, self.more = list(entries), more
        self.control.open()
        self.steps()

    def choose(self, place: int) -> None:
        """OK on a line of the list."""
        self.box.window.places[screen.LIST] = place
        self.box.click(screen.LIST)

    def type(self, text: str) -> None:
        """Kodi's keyboard, closed by Done."""
        self.box.window.fields[screen.SEARCH] = text
        self.box.click(screen.SEARCH)

    @property
    def lines(self) -> List[str]:
        return [item.label for item in self.box.window.lists.get(screen.LIST, [])]

    @property
    def shown(self) -> Dict[str, Any]:
        return dict(self.box.window.properties)

    def sent(self, *methods: str) -> List[Any]:
        return [call for call in self.trakt.submitted if call[0] in methods]

    @property
    def asks(self) -> bool:
        return isinstance(self.box.window, QuestionScreen)


@pytest.fixture
def shown(box: fakekodi.Box, kodi: Kodi, trakt: FakeTrakt) -> Screen:
    return Screen(box, kodi, trakt)


def test_it_is_there_at_once_and_filled_when_the_library_has_answered(shown: Screen) -> None:
    shown.entries = [refused("unmatched", 7, FILE), entry(8)]
    shown.control.open()
    assert shown.shown["message"] == "Looking…"
    assert shown.shown["mood"] == BUSY
    shown.steps()
    assert shown.lines == ["Not taken by Trakt", "heat.cut.mkv", "Waiting", "Heat (1995)"]
    assert shown.box.window.focus == screen.LIST
    assert shown.box.window.places[screen.LIST] == 1, "the first entry, not the heading"
    assert shown.shown["retry"] == "Try all again"
    assert shown.shown["close"] == "Close"


def test_with_nothing_in_it_the_focus_is_on_close(shown: Screen) -> None:
    shown.open()
    assert shown.lines == []
    assert shown.box.window.focus == screen.CLOSE
    assert shown.shown.get("retry", "") == ""
    shown.box.click(screen.CLOSE)
    assert shown.box.window is None
    assert not shown.control.showing


def test_an_event_brings_it_up_to_date(shown: Screen) -> None:
    shown.open(entry(1), entry(2, DARK))
    shown.entries = [entry(2, DARK)]
    shown.steps()
    assert len(shown.lines) == 3
    shown.control.event({"type": "outbox.changed", "data": {"waiting": 1, "refused": 0}})
    shown.steps()
    assert shown.lines == ["Waiting", "Dark 1x02"]
    shown.entries = []
    shown.steps(120)  # also without an event
    assert shown.lines == []
    assert shown.box.window.focus == screen.CLOSE


def test_closed_it_asks_for_nothing(shown: Screen) -> None:
    shown.open(entry())
    shown.box.back()
    before = len(shown.trakt.submitted)
    shown.control.event({"type": "outbox.changed", "data": {"waiting": 1, "refused": 0}})
    shown.steps(200)
    assert len(shown.trakt.submitted) == before


def test_retry_all(shown: Screen) -> None:
    shown.open(entry())
    shown.box.click(screen.RETRY_ALL)
    assert shown.sent("outbox.retry") == [("outbox.retry", {"all": True})]
    shown.steps()
    assert (shown.shown["message"], shown.shown["mood"]) == ("It is being tried again.", OK)
    shown.steps(80)
    assert shown.shown["message"] == "Everything is being sent."


@pytest.mark.parametrize(
    ("one", "answers"),
    [
        (refused("unmatched", 7, FILE), ["Correct", "Try again", "Throw away"]),
        (refused("account_limit", 7), ["Try again", "Throw away"]),
        (entry(7), ["Try again", "Throw away"]),
    ],
)
def test_ok_on_an_entry_asks_what_to_do_with_it(
    shown: Screen, kodi: Kodi, one: Dict[str, Any], answers: List[str]
) -> None:
    shown.open(one)
    shown.choose(1)
    assert shown.asks
    asked = shown.shown
    assert [asked[f"answer{number}"] for number in (1, 2, 3) if f"answer{number}" in asked] == answers
    assert asked["heading"].startswith("Watched: ")
    assert asked["text"] == kodi.say(why(one, DATES, NOW))
    place = answers.index("Try again")
    shown.box.click(FIRST + place)
    assert shown.sent("outbox.retry") == [("outbox.retry", {"ids": [7]})]


def test_a_heading_is_no_entry(shown: Screen) -> None:
    shown.open(entry(), next=5)
    shown.choose(0)
    shown.choose(2)
    assert not shown.asks


def test_what_is_thrown_away_is_asked_first(shown: Screen) -> None:
    shown.open(entry(7))
    shown.choose(1)
    shown.box.click(SECOND)
    assert shown.shown["heading"] == "Throw this away?"
    assert shown.shown["text"] == "Trakt will then never be told: Watched: Heat (1995)."
    assert shown.shown["answer1"] == "Cancel"
    shown.box.click(FIRST)
    assert shown.sent("outbox.discard") == []
    shown.choose(1)
    shown.box.click(SECOND)
    shown.box.click(SECOND)
    assert shown.sent("outbox.discard") == [("outbox.discard", {"ids": [7]})]
    shown.entries = []
    shown.steps()
    assert shown.shown["message"] == "Thrown away."
    assert shown.lines == []


def test_what_could_not_be_done_is_said(shown: Screen) -> None:
    shown.trakt.answers["outbox.discard"] = error("storage")
    shown.open(entry(7))
    shown.choose(1)
    shown.box.click(SECOND)
    shown.box.click(SECOND)
    shown.steps()
    assert shown.shown["message"].startswith("That couldn't be done. ")
    assert shown.shown["mood"] == WARNING


def test_a_list_that_cannot_be_read_is_said_and_read_again(shown: Screen) -> None:
    answer = shown.trakt.answers["outbox.list"]
    shown.trakt.answers["outbox.list"] = error("storage")
    shown.open()
    assert shown.shown["mood"] == ERROR
    shown.trakt.answers["outbox.list"] = answer
    shown.entries = [entry()]
    shown.steps(120)
    assert shown.lines == ["Waiting", "Heat (1995)"]


def test_without_a_library_it_says_why(shown: Screen) -> None:
    shown.trakt.available = False
    shown.trakt.trouble = None
    shown.open()
    assert shown.shown["mood"] == ERROR
    shown.box.click(screen.RETRY_ALL)
    shown.steps(200)
    assert shown.trakt.submitted == []


def test_a_library_that_is_opened_anew_is_asked_again(shown: Screen) -> None:
    shown.trakt.answers.pop("outbox.list")
    shown.entries = [entry()]
    shown.control.open()
    shown.steps(1)
    shown.trakt.close()
    shown.trakt.answers["outbox.list"] = shown._list
    shown.steps(120)
    assert shown.lines == ["Waiting", "Heat (1995)"]


# correcting

FOUND: List[Dict[str, Any]] = [
    {"type": "movie", "title": "Heat", "year": 1995, "ids": {"trakt": 1}, "score": 90},
    {"type": "movie", "title": "The Heat", "year": 2013, "ids": {"trakt": 2}, "score": 40},
]


def correcting(shown: Screen, item: Mapping[str, Any] = FILE) -> None:
    """The user wants to correct the only entry."""
    shown.trakt.answers.setdefault("match.search", {"candidates": FOUND})
    shown.open(refused("unmatched", 7, item))
    shown.choose(1)
    shown.box.click(FIRST)


def test_the_candidates_are_shown_and_the_chosen_one_is_told(shown: Screen) -> None:
    correcting(shown)
    assert shown.shown["heading"] == "Which one is it?"
    assert shown.shown["message"] == "Searching at Trakt…"
    assert shown.sent("match.search") == [("match.search", {"item": FILE})]
    shown.steps()
    assert shown.lines == ["Heat (1995)", "The Heat (2013)"]
    assert shown.box.window.focus == screen.LIST
    assert shown.shown["message"] == "Choose what this is: heat.cut.mkv. It is remembered."
    shown.choose(1)
    assert shown.sent("match.set") == [
        ("match.set", {"item": FILE, "match": {"movie": {"ids": {"trakt": 2}, "title": "The Heat", "year": 2013}}})
    ]
    shown.entries = [entry(7)]
    shown.steps()
    assert shown.shown["heading"] == "What waits for Trakt"
    assert shown.shown["message"] == "Thank you. It is being sent, and remembered."
    assert shown.lines == ["Waiting", "Heat (1995)"]
    assert shown.sent("outbox.retry") == []


def test_an_entry_that_the_choice_did_not_set_going_is_tried_again(shown: Screen) -> None:
    shown.trakt.answers["match.set"] = {"retried": 0}
    correcting(shown)
    shown.steps()
    shown.choose(0)
    shown.steps()
    assert shown.sent("outbox.retry") == [("outbox.retry", {"ids": [7]})]


def test_a_choice_that_could_not_be_kept_is_said(shown: Screen) -> None:
    shown.trakt.answers["match.set"] = error("storage")
    correcting(shown)
    shown.steps()
    shown.choose(0)
    shown.steps()
    assert shown.shown["message"].startswith("That couldn't be done. ")


@pytest.mark.parametrize(
    ("item", "kinds"),
    [
        (HEAT, ["movie"]),
        (DARK, ["show"]),
        ({"type": "season", "show": {"title": "Dark"}, "number": 1}, ["show"]),
        ({"type": "show", "title": "Dark"}, ["show"]),
        (FILE, ["movie", "show"]),
    ],
)
def test_another_title_is_searched_when_it_is_typed(shown: Screen, item: Dict[str, Any], kinds: List[str]) -> None:
    correcting(shown, item)
    shown.steps()
    for typed in ("R", "Ro", "Ronin"):  # on a keyboard, key by key
        shown.type(typed)
        shown.steps(3)
    shown.steps(12)
    searches = [params for _, params in shown.sent("match.search")]
    assert searches == [{"item": item}, *({"query": "Ronin", "type": kind} for kind in kinds)]
    shown.type("Ronin")
    shown.steps(20)
    assert len(shown.sent("match.search")) == len(searches)
    shown.type("")
    shown.steps(20)
    assert shown.sent("match.search")[-1][1] == {"item": item}


def test_films_and_series_come_together_the_likely_ones_first(shown: Screen) -> None:
    def search(params: Mapping[str, Any]) -> Dict[str, Any]:
        score = {"movie": (80, 20), "show": (50, 10)}[params.get("type", "movie")]
        kind = params.get("type", "movie")
        return {"candidates": [{"type": kind, "title": f"{kind} {n}", "ids": {"trakt": n}, "score": n} for n in score]}

    shown.trakt.answers["match.search"] = search
    correcting(shown)
    shown.steps()
    shown.type("x")
    shown.steps(20)
    assert shown.lines == ["movie 80", "show 50", "movie 20", "show 10"]


def test_nothing_found_and_trouble_are_said(shown: Screen) -> None:
    shown.trakt.answers["match.search"] = {"candidates": [{"type": "movie", "title": "without ids", "ids": {}}, 5]}
    correcting(shown)
    shown.steps()
    assert shown.shown["message"] == "Trakt found nothing. Search by another title."
    assert shown.box.window.focus == screen.SEARCH
    shown.trakt.answers["match.search"] = error("network")
    shown.type("Heat")
    shown.steps(20)
    assert shown.shown["mood"] == WARNING
    assert shown.shown["message"] != "Trakt found nothing. Search by another title."


def test_an_answer_to_an_earlier_search_is_not_shown(shown: Screen) -> None:
    shown.trakt.answers["match.search"] = {"candidates": FOUND}
    correcting(shown, HEAT)
    shown.trakt.answers.pop("match.search")
    shown.steps()
    shown.type("Ronin")
    shown.steps(20)
    assert shown.trakt.running.count("match.search") == 2
    shown.trakt.finish("match.search", {"candidates": FOUND})
    shown.steps()
    assert shown.lines == []
    assert shown.shown["message"] == "Searching at Trakt…"
    shown.trakt.finish("match.search", {"candidates": FOUND[:1]})
    shown.steps()
    assert shown.lines == ["Heat (1995)"]


def test_back_leads_to_the_entries_and_then_away(shown: Screen) -> None:
    correcting(shown)
    shown.steps()
    assert shown.shown["close"] == "Go back"
    shown.box.back()
    assert shown.shown["heading"] == "What waits for Trakt"
    assert shown.lines == ["Not taken by Trakt", "heat.cut.mkv"]
    assert shown.shown["search"] == ""
    shown.box.back()
    assert shown.box.window is None


def test_another_entry_starts_with_an_empty_field(shown: Screen) -> None:
    correcting(shown)
    shown.type("Ronin")
    shown.steps(20)
    shown.box.click(screen.CLOSE)
    shown.choose(1)
    shown.box.click(FIRST)
    shown.steps(20)
    assert shown.box.window.fields[screen.SEARCH] == ""
    assert shown.sent("match.search")[-1][1] == {"item": FILE}


# how many


def counted(trakt: FakeTrakt, counts: OutboxCounts, account: Dict[str, Any], times: int = 3) -> Optional[Counts]:
    for _ in range(times):
        counts.step(account)
        trakt.step()
    return counts.now


LINKED = {"state": "linked", "linked": True, "since": "2026-01-01T00:00:00Z", "user": {"uuid": "a"}}


def test_it_is_counted_once_and_then_told(trakt: FakeTrakt) -> None:
    counts = OutboxCounts(trakt)  # type: ignore[arg-type]
    trakt.answers["outbox.list"] = {"waiting": 3, "refused": 1, "entries": []}
    assert counted(trakt, counts, LINKED, 10) == Counts(3, 1)
    assert trakt.submitted == [("outbox.list", {"limit": 1})]
    counts.event({"type": "outbox.changed", "data": {"waiting": 0, "refused": 2}})
    assert counted(trakt, counts, LINKED, 10) == Counts(0, 2)
    assert len(trakt.submitted) == 1


def test_another_account_is_counted_anew(trakt: FakeTrakt) -> None:
    counts = OutboxCounts(trakt)  # type: ignore[arg-type]
    trakt.answers["outbox.list"] = {"waiting": 3, "refused": 1}
    counted(trakt, counts, LINKED)
    trakt.answers["outbox.list"] = {"waiting": 0, "refused": 0}
    assert counted(trakt, counts, {**LINKED, "user": {"uuid": "b"}}) == Counts(0, 0)
    trakt.available = False
    assert counted(trakt, counts, {"state": "unavailable", "linked": False}) is None
    trakt.available = True
    assert counted(trakt, counts, LINKED) == Counts(0, 0)


def test_an_event_is_newer_than_the_answer(trakt: FakeTrakt) -> None:
    counts = OutboxCounts(trakt)  # type: ignore[arg-type]
    counts.step(LINKED)
    counts.event({"type": "outbox.changed", "data": {"waiting": 5, "refused": 0}})
    trakt.finish("outbox.list", {"waiting": 4, "refused": 0})
    assert counts.now == Counts(5, 0)


@pytest.mark.parametrize("answer", [error("unknown_method"), {}, None, {"waiting": "3", "refused": 1}])
def test_a_library_that_cannot_say_is_not_asked_ten_times_a_second(trakt: FakeTrakt, answer: Any) -> None:
    counts = OutboxCounts(trakt)  # type: ignore[arg-type]
    trakt.answers["outbox.list"] = answer
    assert counted(trakt, counts, LINKED, 50) is None
    assert len(trakt.submitted) == 1
    counts.event({"type": "outbox.changed"})
    assert counts.now is None
