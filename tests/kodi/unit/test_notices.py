"""Trouble is told once when it starts and once when it ends, never over a video, and the network gets its time."""

from __future__ import annotations

import random
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

import fakekodi
import libtrakt
import pytest
from faketrakt import FakeTrakt, error
from traktkodi import machine, texts
from traktkodi.kodi import Kodi
from traktkodi.notices import Notices, wrong_now
from traktkodi.questions import Questions
from traktkodi.settings import Settings
from traktkodi.state import State

MINUTE, HOUR, DAY, YEAR = 60.0, 3600.0, 24 * 3600.0, 365 * 24 * 3600.0
LINKED: Dict[str, Any] = {
    "state": "linked",
    "linked": True,
    "reason": None,
    "since": "2026-09-01T00:00:00Z",
    "user": {"username": "sean", "name": "Sean", "vip": False},
    "last_error": None,
    "clock_skew_ms": 0,
    "store": "ok",
    "pending_login": False,
}
ENDED = {**LINKED, "state": "relink_needed", "linked": False, "reason": "invalid_grant"}
NOBODY = {**LINKED, "state": "none", "linked": False, "since": None, "user": None}
LINK_AGAIN, LATER = 101, 102

SERVER = "Trakt itself has trouble right now. Please try again later."
NETWORK = "Trakt can't be reached. Please check the internet connection."
CLOCK = "The clock of this device is wrong. Please set the date and the time."
AGAIN = "Trakt answers again."
LOCKED = "Trakt has locked your account. Please write to Trakt's support."
WORKS = "Your Trakt account works again."
FULL = "The storage of this device is full. Please make some room, so that your link to Trakt isn't lost."
QUESTION = "Trakt has signed this device out"


class Told(NamedTuple):
    at: float
    words: str


class Bench:
    """The add-on's part of it over restarts, and a Trakt that works or doesn't."""

    def __init__(self, box: fakekodi.Box, trakt: FakeTrakt) -> None:
        self.box = box
        self.clock = box.clock
        self.trakt = trakt
        self.trakt.answers["settings.get"] = self._ask_trakt
        self.trakt.account_now = LINKED
        #: What a call ends with; None: well.
        self.fault: Optional[str] = None
        self.notify_trouble = True
        self.machine: Optional[str] = "here"
        self.links = 0
        self.told: List[Told] = []
        self.start()

    def start(self) -> None:
        self.kodi = Kodi()
        self.questions = Questions(self.kodi, self.clock)
        state = State(str(self.box.profile_path / "state.json"))
        self.notices = Notices(
            self.kodi,
            self.trakt,  # type: ignore[arg-type]
            self.clock,
            state,
            self.questions,
            random.Random(1),
            lambda: self.machine,
        )
        self.notices.on_link = self._link

    def restart(self, off: float = 60.0) -> None:
        """Kodi quits, and starts again after a while."""
        self.trakt.close()
        self.questions.close()
        self.clock._monotonic = random.uniform(0, 1000)
        self.clock._slept = 0.0
        self.clock.jump(off)
        self.start()

    def run(self, seconds: float = 20.0) -> List[str]:
        """The service runs; what it told meanwhile."""
        before = len(self.told)
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            asked = self.questions.showing
            self.trakt.step()
            account = self.trakt.account()
            settings = Settings(True, self.notify_trouble, True, {})
            self.notices.step(account, settings)
            self.questions.step()
            self.box.deliver()
            for toast in self.box.notifications:
                self.told.append(Told(self.clock.wall(), toast.message))
            self.box.notifications.clear()
            if self.questions.showing and not asked:
                self.told.append(Told(self.clock.wall(), self.box.window.properties["heading"]))
            self.clock.advance(1)
        return [told.words for told in self.told[before:]]

    def account(self, **changes: Any) -> None:
        self.trakt.account_now = {**self.trakt.account_now, **changes}

    def watch(self, watching: bool) -> None:
        self.box.conditions["Player.HasVideo"] = watching

    def _ask_trakt(self, params: Mapping[str, Any]) -> Any:
        if self.fault == "wrong clock":
            self.account(last_error=None, clock_skew_ms=-31_536_000_000)
        elif self.fault:
            self.account(last_error={"code": self.fault, "message": "", "retryable": True})
            return error(self.fault, retryable=True)
        else:
            self.account(last_error=None, clock_skew_ms=0)
            if self.trakt.account_now["state"] in ("locked", "blocked", "app_refused"):
                self.account(state="linked", linked=True, reason=None)
        return {"source": "network", "stale": False, "error": None}

    def _link(self) -> None:
        self.links += 1


@pytest.fixture
def bench(box: fakekodi.Box, trakt: FakeTrakt) -> Bench:
    return Bench(box, trakt)


# what is wrong


def test_nothing_is_wrong_with_a_linked_account_nor_without_any() -> None:
    assert wrong_now(LINKED, None, None) == {}
    assert wrong_now(NOBODY, None, None) == {}


def test_all_that_is_wrong_at_once_is_said() -> None:
    account = {**LINKED, "state": "locked", "store": "full"}
    assert set(wrong_now(account, "dns", None)) == {"locked", "store", "network"}


def test_a_network_that_fails_is_nothing_to_who_has_no_account() -> None:
    assert wrong_now(NOBODY, "network", None) == {}
    assert wrong_now(ENDED, "network", None) == {}


# Trakt, network, clock


@pytest.mark.parametrize(
    ("fault", "words", "end"),
    [
        ("server_error", SERVER, AGAIN),
        ("network", NETWORK, AGAIN),
        ("tls_clock", CLOCK, "The clock of this device is right again."),
        ("wrong clock", CLOCK, "The clock of this device is right again."),
    ],
)
def test_trouble_of_more_than_ten_minutes_is_told_when_it_starts_and_when_it_ends(
    bench: Bench, fault: str, words: str, end: str
) -> None:
    bench.run(5 * MINUTE)
    bench.fault = fault
    # Somebody's call meets it.
    bench.account(last_error={"code": "network", "message": "", "retryable": True})
    assert bench.run(9.5 * MINUTE) == []
    assert bench.run(3 * MINUTE) == [words]
    assert bench.run(3 * HOUR) == []
    bench.fault = None
    assert bench.run(40 * MINUTE) == [end]
    assert bench.run(3 * HOUR) == []


def test_trouble_is_noticed_without_anybody_else_s_call(bench: Bench) -> None:
    bench.fault = "server_error"
    assert bench.run(11 * MINUTE) == [SERVER]


def test_trouble_that_ends_within_ten_minutes_is_never_told(bench: Bench) -> None:
    bench.fault = "network"
    assert bench.run(9 * MINUTE) == []
    bench.fault = None
    assert bench.run(DAY) == []


def test_trouble_that_comes_back_is_not_told_twice_a_day(bench: Bench) -> None:
    bench.fault = "server_error"
    assert bench.run(20 * MINUTE) == [SERVER]
    bench.fault = None
    assert bench.run(HOUR) == [AGAIN]
    bench.fault = "server_error"
    assert bench.run(6 * HOUR) == []
    bench.fault = None
    assert bench.run(2 * HOUR) == []


def test_the_next_day_it_may_be_told_again(bench: Bench) -> None:
    bench.fault = "server_error"
    bench.run(20 * MINUTE)
    bench.fault = None
    assert bench.run(25 * HOUR) == [AGAIN]
    bench.fault = "server_error"
    assert bench.run(8 * HOUR) == [SERVER]


def test_trouble_that_changes_its_name_is_told_once_and_ends_once(bench: Bench) -> None:
    bench.fault = "network"
    assert bench.run(20 * MINUTE) == [NETWORK]
    bench.fault = "server_error"
    assert bench.run(3 * HOUR) == []
    bench.fault = None
    assert bench.run(HOUR) == [AGAIN]


def test_a_wrong_clock_that_shows_when_trakt_answers_again_gets_its_own_ten_minutes(bench: Bench) -> None:
    bench.fault = "server_error"
    assert bench.run(20 * MINUTE) == [SERVER]
    bench.fault = "wrong clock"
    assert bench.run(HOUR) == [AGAIN, CLOCK]
    bench.restart()
    assert bench.run(HOUR) == []
    bench.fault = None
    assert bench.run(HOUR) == ["The clock of this device is right again."]


def test_trouble_that_lasts_for_more_than_a_day_is_told_once(bench: Bench) -> None:
    bench.fault = "network"
    assert bench.run(30 * HOUR) == [NETWORK]


def test_the_network_gets_its_time_after_a_restart_and_is_not_told_again(bench: Bench) -> None:
    bench.fault = "network"
    assert bench.run(20 * MINUTE) == [NETWORK]
    for _ in range(3):
        bench.restart()
        assert bench.run(20 * MINUTE) == []
    bench.fault = None
    assert bench.run(HOUR) == [AGAIN]


def test_the_end_of_trouble_is_told_after_a_restart_but_not_in_its_first_three_minutes(bench: Bench) -> None:
    bench.fault = "network"
    bench.run(20 * MINUTE)
    bench.fault = None
    bench.restart()
    assert bench.run(179) == []
    assert bench.run(2 * MINUTE) == [AGAIN]


@pytest.mark.parametrize("how", ["told by Kodi", "seen by its clocks"])
def test_after_waking_up_the_network_gets_its_time(bench: Bench, how: str) -> None:
    bench.run(5 * MINUTE)
    bench.fault = "network"
    bench.account(last_error={"code": "network", "message": "", "retryable": True})
    assert bench.run(9 * MINUTE) == []
    bench.clock.sleep(8 * HOUR if how != "told by Kodi" else 1)
    if how == "told by Kodi":
        bench.notices.woke()
    assert bench.run(10 * MINUTE) == []
    assert bench.run(2 * MINUTE) == [NETWORK]


def test_when_somebody_else_s_call_works_again_that_is_noticed_soon(bench: Bench) -> None:
    bench.fault = "network"
    bench.run(3 * HOUR)
    bench.fault = None
    bench.run(MINUTE)
    bench.account(last_error=None)
    assert bench.run(2 * MINUTE) == [AGAIN]


def test_a_failed_renewal_beside_calls_that_work_makes_no_storm_of_calls(bench: Bench) -> None:
    failing = {"code": "server_error", "message": "", "retryable": True}

    def works(params: Mapping[str, Any]) -> Any:
        bench.account(last_error=failing)
        return {"source": "network", "stale": False, "error": None}

    bench.trakt.answers["settings.get"] = works
    assert bench.run(10 * HOUR) == []
    assert len(bench.trakt.submitted) < 15


def test_a_stored_answer_says_nothing_about_trakt(bench: Bench) -> None:
    bench.fault = "server_error"
    bench.run(20 * MINUTE)
    bench.trakt.answers["settings.get"] = {"source": "stored", "stale": False, "error": None}
    assert bench.run(5 * HOUR) == []


def test_a_stale_answer_is_a_failure(bench: Bench) -> None:
    stale = {"source": "stored", "stale": True, "error": {"code": "server_error", "message": "", "retryable": True}}
    bench.trakt.answers["settings.get"] = stale
    assert bench.run(15 * MINUTE) == [SERVER]


# calls


def test_while_all_is_well_the_store_may_answer_and_in_doubt_trakt_has_to(bench: Bench) -> None:
    bench.run(5 * MINUTE)
    assert bench.trakt.submitted == [("settings.get", {"extended": "browsing", "max_age_ms": 6 * 3600 * 1000})]
    bench.account(last_error={"code": "timeout", "message": "", "retryable": True})
    bench.run(5 * MINUTE)
    assert [params["max_age_ms"] for _, params in bench.trakt.submitted[1:]] == [0]


def test_never_two_calls_at_once(bench: Bench) -> None:
    del bench.trakt.answers["settings.get"]
    bench.run(5 * HOUR)
    assert bench.trakt.running == ["settings.get"]
    bench.trakt.finish("settings.get", error("timeout"))
    bench.run(5 * MINUTE)
    assert len(bench.trakt.submitted) == 2
    assert bench.trakt.running == ["settings.get"]


def test_a_client_that_was_closed_meanwhile_holds_nothing_up(bench: Bench) -> None:
    del bench.trakt.answers["settings.get"]
    bench.run(5 * MINUTE)
    bench.trakt.close()
    bench.trakt.open({})
    assert bench.run(2 * HOUR) == []
    assert len(bench.trakt.submitted) == 2


def test_a_library_that_takes_no_call_does_no_harm(bench: Bench) -> None:
    bench.trakt.answers["settings.get"] = error("busy")
    assert bench.run(3 * HOUR) == []
    assert 1 < len(bench.trakt.submitted) < 8


@pytest.mark.parametrize("account", [NOBODY, ENDED])
def test_without_an_account_trakt_is_left_alone(bench: Bench, account: Dict[str, Any]) -> None:
    bench.trakt.account_now = account
    bench.run(5 * HOUR)
    assert bench.trakt.submitted == []


# the account


@pytest.mark.parametrize(
    ("state", "reason", "words"),
    [
        ("locked", "account_locked", LOCKED),
        ("locked", "account_deactivated", "Your Trakt account is deactivated. Please write to Trakt's support."),
        (
            "app_refused",
            "invalid_client",
            "Trakt refuses this add-on or its key. A free account can have one connected app only: please check yours"
            " at Trakt.",
        ),
    ],
)
def test_an_account_that_trakt_refuses_is_told_at_once_and_when_it_works_again(
    bench: Bench, state: str, reason: str, words: str
) -> None:
    bench.trakt.answers["settings.get"] = error("account_locked")
    bench.run()
    bench.account(state=state, linked=False, reason=reason)
    assert bench.run() == [words]
    bench.restart()
    assert bench.run(5 * HOUR) == []
    bench.account(state="linked", linked=True, reason=None)
    assert bench.run() == [WORKS]


def test_unlinking_ends_the_trouble_without_a_word(bench: Bench) -> None:
    bench.trakt.answers["settings.get"] = error("account_locked")
    bench.account(state="locked", linked=False)
    bench.run()
    bench.trakt.account_now = NOBODY
    assert bench.run(HOUR) == []
    bench.trakt.account_now = LINKED
    assert bench.run(10) == []


# limits


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            {"code": "account_limit", "limit": 250, "reason": "free_user"},
            "Your Trakt account has reached its limit of 250. Remove something at Trakt, or become VIP for more room.",
        ),
        ({"code": "vip_only"}, "Only VIP members of Trakt can do this."),
    ],
)
def test_a_call_of_anybody_that_meets_a_limit_is_told_once_a_day(
    bench: Bench, problem: Dict[str, Any], words: str
) -> None:
    bench.run()
    bench.account(last_error=problem)
    assert bench.run() == [words]
    for _ in range(3):
        bench.account(last_error=None)
        assert bench.run(HOUR) == []
        bench.account(last_error=problem)
        assert bench.run(HOUR) == []
    bench.account(last_error=None)
    bench.run(25 * HOUR)
    bench.account(last_error=problem)
    assert bench.run() == [words]


def test_a_limit_of_before_the_start_is_no_news(bench: Bench) -> None:
    bench.account(last_error={"code": "account_limit"})
    assert bench.run() == []


def test_a_limit_that_was_met_during_a_video_is_told_after_it(bench: Bench) -> None:
    bench.run()
    bench.watch(True)
    bench.account(last_error={"code": "vip_only"})
    bench.run(2)
    bench.account(last_error=None)
    assert bench.run(HOUR) == []
    bench.watch(False)
    assert bench.run() == ["Only VIP members of Trakt can do this."]


# the session


def test_a_session_that_ended_is_asked_about_and_link_again_opens_the_link_screen(bench: Bench) -> None:
    bench.run()
    bench.trakt.account_now = ENDED
    assert bench.run() == [QUESTION]
    assert bench.box.window.properties["answer1"] == "Link again"
    assert bench.box.window.properties["answer2"] == "Later"
    assert bench.box.window.properties["text"] == bench.box.localized(texts.SESSION_TEXT)
    bench.box.click(LINK_AGAIN)
    assert bench.links == 1
    assert bench.run(HOUR) == []


def test_later_asks_again_after_a_day(bench: Bench) -> None:
    bench.trakt.account_now = ENDED
    bench.run()
    bench.box.click(LATER)
    bench.restart()
    assert bench.run(23 * HOUR) == []
    assert bench.run(2 * HOUR) == [QUESTION]
    assert bench.links == 0


def test_linked_again_by_somebody_else_is_told_with_the_name_once_it_is_known(bench: Bench) -> None:
    bench.trakt.account_now = ENDED
    bench.run()
    bench.trakt.account_now = {**LINKED, "since": "2026-09-02T00:00:00Z", "user": None}
    assert bench.run() == []
    assert not bench.questions.showing
    bench.account(user={"username": "sean", "name": None})
    assert bench.run() == ["You're linked again as sean."]


def test_linked_again_here_is_the_link_screen_s_to_tell(bench: Bench) -> None:
    bench.trakt.account_now = ENDED
    bench.run()
    bench.account(pending_login=True)
    bench.run()
    assert not bench.questions.showing
    bench.trakt.account_now = {**LINKED, "user": None}
    assert bench.run(MINUTE) == []
    bench.trakt.account_now = LINKED
    assert bench.run(HOUR) == []


def test_unlinking_takes_the_question_back(bench: Bench) -> None:
    bench.trakt.account_now = ENDED
    bench.run()
    bench.trakt.account_now = NOBODY
    assert bench.run(HOUR) == []
    assert not bench.questions.showing


# a copied store


def text_of_question(bench: Bench) -> str:
    assert bench.run() == [QUESTION]
    return str(bench.box.window.properties["text"])


def test_a_store_from_another_box_is_explained_as_that(bench: Bench) -> None:
    bench.run()
    bench.machine = "another box"
    bench.restart()
    bench.run()
    bench.trakt.account_now = ENDED
    assert text_of_question(bench) == bench.box.localized(texts.COPIED_TEXT)
    bench.notices.tell_status()
    assert bench.box.notifications[-1].message == bench.box.localized(texts.COPIED_TEXT)


def test_linking_on_the_other_box_makes_it_its_own(bench: Bench) -> None:
    bench.run()
    bench.machine = "another box"
    bench.trakt.account_now = {**LINKED, "since": "2026-09-05T00:00:00Z"}
    bench.restart()
    bench.run()
    bench.trakt.account_now = {**ENDED, "since": "2026-09-05T00:00:00Z"}
    assert text_of_question(bench) == bench.box.localized(texts.SESSION_TEXT)


@pytest.mark.parametrize(("then", "now"), [(None, None), ("here", None), (None, "here"), ("here", "here")])
def test_without_a_machine_id_nothing_is_made_up(bench: Bench, then: Optional[str], now: Optional[str]) -> None:
    bench.machine = then
    bench.restart()
    bench.run()
    bench.machine = now
    bench.restart()
    bench.trakt.account_now = ENDED
    assert text_of_question(bench) == bench.box.localized(texts.SESSION_TEXT)


def test_the_machine_s_own_id_is_kept_nowhere(tmp_path: Any) -> None:
    file = tmp_path / "machine-id"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    first = machine.fingerprint([str(tmp_path / "absent"), str(file)])
    assert first is not None
    assert first == machine.fingerprint([str(file)])
    assert first not in file.read_text()
    file.write_text("fedcba9876543210fedcba9876543210\n")
    assert machine.fingerprint([str(file)]) != first
    for nothing in ("", "uninitialized\n"):
        file.write_text(nothing)
        assert machine.fingerprint([str(file)]) is None
    assert machine.fingerprint([]) is None


# the store, the library


@pytest.mark.parametrize("store", ["full", "readonly", "memory", "newer"])
def test_trouble_with_the_store_is_told_when_it_starts_and_when_it_ends(bench: Bench, store: str) -> None:
    bench.account(store=store)
    assert len(bench.run()) == 1
    bench.restart()
    assert bench.run(HOUR) == []
    bench.account(store="ok")
    assert bench.run() == ["The add-on can keep its data again."]


def test_data_that_were_damaged_are_told_of_once_and_have_no_end(bench: Bench) -> None:
    bench.account(store="corrupt_moved")
    assert bench.run() == [bench.box.localized(texts.TROUBLE_STORAGE_CORRUPT)]
    bench.account(store="ok")
    bench.restart()
    assert bench.run(HOUR) == []


def test_without_a_client_id_the_add_on_says_so_once_and_for_good(bench: Bench) -> None:
    bench.trakt.available = False
    words = bench.box.localized(texts.TROUBLE_NO_CLIENT_ID)
    assert bench.run() == [words]
    for _ in range(3):
        bench.restart(2 * DAY)
        assert bench.run() == []
    bench.trakt.available = True
    assert bench.run() == []
    bench.trakt.available = False
    assert bench.run() == [words]


def test_without_a_library_the_add_on_says_so(bench: Bench) -> None:
    bench.trakt.available = False
    bench.trakt.trouble = libtrakt.errors.LibraryNotFound("…")
    assert bench.run() == [bench.box.localized(texts.TROUBLE_LIBRARY)]


def test_trouble_is_not_over_because_the_client_is_closed(bench: Bench) -> None:
    bench.account(store="full")
    bench.run()
    bench.trakt.available = False
    bench.run()
    bench.trakt.available = True
    assert FULL not in bench.run() + bench.run(HOUR)


# when


def test_over_a_video_nothing_is_told_and_what_ends_meanwhile_never(bench: Bench) -> None:
    bench.run()
    bench.watch(True)
    bench.account(store="full")
    bench.trakt.account_now = {**bench.trakt.account_now, "state": "locked", "linked": False}
    assert bench.run(2 * HOUR) == []
    bench.account(store="ok")
    bench.watch(False)
    assert [words for words in bench.run() if words not in (LOCKED, WORKS)] == []


def test_an_end_waits_for_the_end_of_the_video_and_is_dropped_if_trouble_is_back(bench: Bench) -> None:
    bench.account(store="full")
    assert bench.run() == [FULL]
    bench.watch(True)
    bench.account(store="ok")
    assert bench.run(HOUR) == []
    bench.account(store="full")
    assert bench.run() == []
    bench.watch(False)
    assert bench.run() == []
    bench.account(store="ok")
    assert bench.run() == ["The add-on can keep its data again."]


def test_nobody_sees_a_notification_under_a_screensaver(bench: Bench) -> None:
    bench.kodi.noted("GUI.OnScreensaverActivated")
    bench.account(store="full")
    assert bench.run(HOUR) == []
    bench.kodi.noted("GUI.OnScreensaverDeactivated")
    assert bench.run() == [FULL]


def test_who_wants_no_notices_gets_none(bench: Bench) -> None:
    bench.notify_trouble = False
    bench.fault = "server_error"
    bench.account(store="full")
    bench.run()
    bench.account(last_error={"code": "vip_only"})
    assert bench.run(HOUR) == []
    bench.trakt.account_now = ENDED
    assert bench.run(HOUR) == []
    assert not bench.questions.showing


def test_switching_notices_off_takes_the_question_back(bench: Bench) -> None:
    bench.trakt.account_now = ENDED
    bench.run()
    bench.notify_trouble = False
    bench.run(2)
    assert not bench.questions.showing


def test_long_sentences_stay_longer(bench: Bench) -> None:
    bench.account(store="full")
    bench.run(6)
    bench.notices.tell_status()
    toast = bench.box.notifications[-1]
    assert toast.milliseconds > 6000


# asked for by the user


@pytest.mark.parametrize(
    ("account", "words"),
    [
        (LINKED, "Linked as Sean."),
        ({**LINKED, "user": {"username": "sean", "vip": True}}, "Linked as sean (VIP)."),
        ({**LINKED, "user": None}, "A Trakt account is linked."),
        (NOBODY, "No Trakt account is linked. Please link one."),
        ({**NOBODY, "pending_login": True}, "Your Trakt account is being linked."),
        (ENDED, "Trakt has signed this device out. Please link your account again."),
        ({**LINKED, "state": "locked"}, LOCKED),
        ({**LINKED, "last_error": {"code": "network"}}, NETWORK),
        ({**LINKED, "last_error": {"code": "account_limit"}}, "Linked as Sean."),
        ({**LINKED, "store": "full"}, FULL),
    ],
)
def test_status_says_who_is_linked_or_what_is_wrong_even_over_a_video(
    bench: Bench, account: Dict[str, Any], words: str
) -> None:
    bench.watch(True)
    bench.trakt.account_now = account
    bench.notices.tell_status()
    assert [toast.message for toast in bench.box.notifications] == [words]


def test_what_status_has_just_said_is_not_told_once_more(bench: Bench) -> None:
    bench.trakt.available = False
    bench.notices.tell_status()
    bench.box.notifications.clear()
    assert bench.run(HOUR) == []


def test_status_without_a_client(bench: Bench) -> None:
    bench.trakt.available = False
    bench.notices.tell_status()
    bench.trakt.trouble = error("config")
    bench.notices.tell_status()
    assert [toast.message for toast in bench.box.notifications] == [
        bench.box.localized(texts.TROUBLE_NO_CLIENT_ID),
        bench.box.localized(texts.TROUBLE_CONFIG),
    ]


# whatever happens


@pytest.mark.parametrize("seed", range(5))
def test_over_days_nothing_is_told_twice_a_day_nor_over_a_video_nor_too_early(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    about_contact = {SERVER, NETWORK, CLOCK, AGAIN, "The clock of this device is right again."}
    watching, awake_since = False, bench.clock.wall()
    faults = (None, None, "server_error", "network", "tls_clock", "wrong clock", "dns", "account_locked", "busy")
    accounts = (LINKED, LINKED, ENDED, NOBODY, {**LINKED, "state": "locked"}, {**LINKED, "state": "app_refused"})
    for _ in range(120):
        what = chance.choice(("run", "run", "run", "video", "fault", "account", "store", "error", "sleep", "restart"))
        before = len(bench.told)
        if what == "video":
            watching = not watching
            bench.watch(watching)
        elif what == "fault":
            bench.fault = chance.choice(faults)
        elif what == "account":
            bench.trakt.account_now = {**chance.choice(accounts), "pending_login": chance.random() < 0.1}
        elif what == "store":
            bench.account(store=chance.choice(("ok", "ok", "full", "readonly", "corrupt_moved")))
        elif what == "error":
            bench.account(last_error=chance.choice((None, {"code": "account_limit"}, {"code": "vip_only"})))
        elif what == "sleep":
            bench.clock.sleep(chance.uniform(60, 12 * HOUR))
            awake_since = bench.clock.wall()
        elif what == "restart":
            bench.restart(chance.uniform(1, 6 * HOUR))
            awake_since = bench.clock.wall()
        bench.run(chance.choice((5, 60, 200, 1000)))
        if bench.questions.showing and chance.random() < 0.7:
            bench.box.click(LATER)
        assert not watching or not (bench.told[before:] or bench.questions.showing)
        for told in bench.told[before:]:
            assert told.words not in about_contact or told.at - awake_since >= 3 * MINUTE, told
    for words in {told.words for told in bench.told}:
        moments = [told.at for told in bench.told if told.words == words]
        # The end of two different troubles is told in the same words.
        apart = 2 if words in (WORKS, AGAIN) else 1
        assert all(b - a >= DAY - 10 for a, b in zip(moments, moments[apart:])), words
    assert bench.told
