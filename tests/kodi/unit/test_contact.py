"""When Trakt is asked, and when trouble in reaching it is worth telling."""

from __future__ import annotations

import random
from typing import List

import pytest
from traktkodi.contact import LASTING_S, QUIET_S, Contact


def calls(contact: Contact, start: float, end: float, code: str = "", every: float = 1.0) -> List[float]:
    """The moments of the calls, each of which ends at once: well, or with `code`."""
    moments, now = [], start
    while now < end:
        if contact.due(now):
            moments.append(now)
            if code:
                contact.failed(now, code)
            else:
                contact.succeeded(now)
        now += every
    return moments


def test_the_first_call_comes_soon_and_the_others_once_an_hour() -> None:
    moments = calls(Contact(100.0), 100.0, 100.0 + 24 * 3600)
    assert 10 <= moments[0] - 100 <= 30
    assert 20 <= len(moments) <= 31
    assert all(2800 <= b - a <= 4400 for a, b in zip(moments, moments[1:]))


def test_failing_calls_get_rarer() -> None:
    moments = calls(Contact(0.0), 0.0, 24 * 3600, "network")
    gaps = [b - a for a, b in zip(moments, moments[1:])]
    assert 45 <= gaps[0] <= 75
    assert all(1400 <= gap <= 2200 for gap in gaps[8:])
    assert min(gaps) >= 1
    assert len(moments) < 80


@pytest.mark.parametrize("seed", range(30))
def test_trouble_is_told_soon_after_ten_minutes_and_not_before(seed: int) -> None:
    contact, now = Contact(0.0, random.Random(seed)), 0.0
    first = None
    while contact.trouble(now) is None:
        assert now < 700
        if contact.due(now):
            first = first or now
            contact.failed(now, "dns")
        now += 1
    assert first is not None
    assert LASTING_S <= now - first <= LASTING_S + 10
    assert contact.trouble(now) == "dns"


def test_trouble_that_changes_its_name_is_the_same_trouble() -> None:
    contact = Contact(0.0)
    contact.failed(100, "dns")
    contact.failed(400, "timeout")
    contact.failed(700, "server_error")
    assert contact.trouble(700) == "server_error"


def test_an_answer_with_a_wrong_clock_is_trouble_of_its_own_and_gets_its_own_ten_minutes() -> None:
    contact = Contact(0.0)
    for now in (100, 400, 800):
        contact.failed(now, "server_error")
    contact.failed(900, "tls_clock", answered=True)
    assert contact.answers
    assert contact.trouble(900) is None
    contact.failed(1500, "tls_clock", answered=True)
    assert contact.trouble(1500) == "tls_clock"


def test_one_answer_ends_it() -> None:
    contact = Contact(0.0)
    for now in (100, 400, 800):
        contact.failed(now, "network")
    assert contact.trouble(800) == "network"
    contact.succeeded(900)
    assert contact.answers
    assert contact.trouble(900) is None
    contact.failed(1000, "network")
    assert contact.trouble(1599) is None


def test_after_waking_up_it_is_quiet_and_counts_anew() -> None:
    contact = Contact(0.0)
    for now in (100, 400, 800):
        contact.failed(now, "network")
    contact.woke(5000)
    assert contact.trouble(5000) is None
    assert not contact.answers
    assert contact.quiet(5000 + QUIET_S - 1)
    assert not contact.quiet(5000 + QUIET_S)
    assert calls(contact, 5000, 5040)


def test_a_prompt_brings_the_next_call_near_but_never_two_in_a_minute() -> None:
    contact = Contact(0.0)
    first = calls(contact, 0, 200)[0]
    contact.prompt(first + 1)
    assert not contact.due(first + 59)
    assert contact.due(first + 60)


def test_a_call_whose_end_is_never_told_is_followed_by_another() -> None:
    contact = Contact(0.0)
    assert contact.due(50)
    assert not contact.due(1000)
    assert contact.due(2000)


def test_a_call_that_taught_nothing_changes_nothing() -> None:
    contact = Contact(0.0)
    contact.failed(100, "dns")
    contact.learned_nothing(200)
    assert contact.failing == "dns"
    assert not contact.answers
