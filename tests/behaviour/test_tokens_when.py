"""When a pair of tokens is refreshed: at half of its life beside a call, at its end before a call, once after a 401."""

from __future__ import annotations

import json

import pytest
from box import (
    DAY,
    HOUR,
    MINUTE,
    NEVER_MS,
    SECOND,
    Box,
    ask,
    events,
    refreshes,
    token_used,
)
from libtrakt import errors
from simtrakt import SETTINGS, TOKEN, Sim

LIVES = pytest.mark.parametrize("life", [2 * HOUR, DAY, 7 * DAY, 90 * DAY], ids=["2h", "24h", "7d", "90d"])


def live(sim: Sim, life_ms: int) -> None:
    """Access tokens live so long from now on."""
    sim.config(access_lifetime_s=life_ms // SECOND)


@LIVES
def test_no_refresh_before_half_of_the_life(box: Box, sim: Sim, life: int) -> None:
    live(sim, life)
    child = box.linked()
    box.pass_time(life // 2 - MINUTE)
    ask(child)
    # A refresh that had begun beside the call would keep its client from closing at once.
    assert child.finish() == 0
    assert not refreshes(sim)


@LIVES
def test_half_of_the_life_refreshes_beside_the_next_call_and_not_before_it(box: Box, sim: Sim, life: int) -> None:
    live(sim, life)
    child = box.linked()
    expires = child.call("account")["token"]["expires_at"]
    box.pass_time(life // 2 + MINUTE)
    assert not refreshes(sim), "lazily: only with a call"
    since = sim.mark()
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    first = ask(child)
    sim.wait_log(path=TOKEN, since=since)
    assert ask(child)["source"] == first["source"] == "network", "answered while the refresh hangs"
    assert len(set(token_used(sim, since))) == 1
    old = token_used(sim, since)[0]
    sim.clear_faults(held)
    events(child, "token.refreshed")
    assert child.call("account")["token"]["expires_at"] > expires
    since = sim.mark()
    ask(child)
    assert token_used(sim, since) != [old]
    assert len(refreshes(sim)) == 1


@LIVES
def test_run_out_refreshes_before_the_call(box: Box, sim: Sim, life: int) -> None:
    live(sim, life)
    child = box.linked()
    box.pass_time(life + MINUTE)
    since = sim.mark()
    ask(child)
    assert [request["path"] for request in sim.log(since=since)] == [TOKEN, SETTINGS]
    assert [request["status"] for request in sim.log(since=since)] == [200, 200]


@LIVES
def test_a_year_of_calls_refreshes_twice_in_each_life(box: Box, sim: Sim, life: int) -> None:
    live(sim, life)
    child = box.linked()
    for _ in range(20):
        box.pass_time(life // 4 + MINUTE)
        before = len(refreshes(sim))
        since = sim.mark()
        ask(child)
        if token_used(sim, since) and before == len(refreshes(sim)):
            # The refresh begins beside the call: it is there as soon as a second call could need it.
            child.call("account")
    assert child.finish() == 0
    assert 8 <= len(refreshes(sim)) <= 10
    assert all(request["status"] == 200 for request in sim.log(path=SETTINGS))


def test_a_401_refreshes_once_and_the_caller_does_not_see_it(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.expire_access()
    since = sim.mark()
    assert ask(child)["source"] == "network"
    assert [(request["path"], request["status"]) for request in sim.log(since=since)] == [
        (SETTINGS, 401),
        (TOKEN, 200),
        (SETTINGS, 200),
    ]
    assert child.call("account")["last_error"] is None


def test_a_401_to_a_post_repeats_the_post(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.expire_access()
    post = {"method": "POST", "path": "/sync/watchlist", "body": {"movies": [{"ids": {"trakt": 1}}]}}
    assert child.call("call", "http.request", post)["status"] == 201
    # Trakt takes one write a second, and the one that it refused counts.
    statuses = [request["status"] for request in sim.log(path="/sync/watchlist")]
    assert statuses == [401, 201]


def test_a_401_after_a_fresh_token_does_not_loop(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.fault("status", status=401, path=SETTINGS, times=0)
    for _ in range(3):
        with pytest.raises(errors.NotLinked) as caught:
            ask(child)
        assert (caught.value.http_status, caught.value.reason) == (401, "unauthorized")
    assert len(refreshes(sim)) == 1
    assert len(sim.log(path=SETTINGS)) <= 1 + 2 + 1 + 1, "one for the link, two for the first call, one for each other"
    sim.clear_faults()
    assert ask(child)["source"] == "network"
    account = child.call("account")
    assert (account["state"], account["linked"], account["last_error"]) == ("linked", True, None)


def test_a_401_after_a_fresh_token_does_not_loop_in_another_process_either(box: Box, sim: Sim) -> None:
    child = box.linked()
    sim.fault("status", status=401, path=SETTINGS, times=0)
    for _ in range(3):
        with pytest.raises(errors.NotLinked):
            ask(child)
        child.finish()
        child = box.start()
    assert len(refreshes(sim)) == 1


def test_never_again_for_age_within_a_tenth_of_the_life(box: Box, sim: Sim) -> None:
    life = 10 * HOUR
    live(sim, life)
    child = box.linked()
    box.pass_time(life // 2 + MINUTE)
    ask(child)
    events(child, "token.refreshed")
    for _ in range(5):
        box.pass_time(life // 50)
        ask(child)
    assert child.finish() == 0
    assert len(refreshes(sim)) == 1


def test_an_early_refresh_that_fails_says_so_and_is_tried_again_after_five_minutes(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(4 * DAY)
    sim.fault("status", status=503, path=TOKEN, times=0)
    ask(child)
    sim.wait_log(path=TOKEN, count=2, done=True)
    events(child, "account.changed")
    assert len(refreshes(sim)) == 1
    for _ in range(4):
        box.pass_time(MINUTE)
        ask(child)
        error = child.call("account")["last_error"]
        assert (error["code"], error["http_status"]) == ("server_error", 503), "no success of another call hides it"
    assert len(refreshes(sim)) == 1, "not before"
    sim.clear_faults()
    box.pass_time(61 * SECOND)
    ask(child)
    events(child, "token.refreshed")
    assert child.call("account")["last_error"] is None
    assert len(refreshes(sim)) == 2


@pytest.mark.parametrize("created_at", ["absent", "past", "future"])
def test_created_at_is_a_cross_check_only(box: Box, sim: Sim, created_at: str) -> None:
    sim.config(created_at=created_at)
    live(sim, DAY)
    child = box.linked()
    box.pass_time(11 * HOUR)
    ask(child)
    assert not refreshes(sim)
    box.pass_time(2 * HOUR)
    ask(child)
    events(child, "token.refreshed")
    box.pass_time(25 * HOUR)
    since = sim.mark()
    ask(child)
    assert [request["path"] for request in sim.log(since=since)] == [TOKEN, SETTINGS]
    assert len(refreshes(sim)) == 2


def test_a_pair_without_a_lifetime_is_refreshed_after_half_a_day_and_used_until_its_401(box: Box, sim: Sim) -> None:
    child = box.start()
    issued = sim.issue_tokens(sim.redirect_uri)
    answer = {"access_token": issued["access_token"], "refresh_token": issued["refresh_token"]}
    url = sim.authorize(child.call("authorize_url")["url"])
    sim.fault("status", status=200, path=TOKEN, headers={"Content-Type": "application/json"}, body=json.dumps(answer))
    assert child.call("authorize_finish", url)["token"] == {"expires_at": None, "refreshable": True}
    box.pass_time(11 * HOUR)
    ask(child)
    assert not refreshes(sim)
    sim.expire_access()
    since = sim.mark()
    ask(child)
    assert [request["status"] for request in sim.log(since=since)] == [401, 200, 200]
    assert child.call("account")["token"]["expires_at"]


def test_a_failed_early_refresh_waits_as_long_as_trakt_asks(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(4 * DAY)
    sim.fault("status", status=429, path=TOKEN, times=1, headers={"Retry-After": "1200"})
    ask(child)
    sim.wait_log(path=TOKEN, count=2, done=True)
    for _ in range(4):
        box.pass_time(4 * MINUTE)
        ask(child)
    assert len(refreshes(sim)) == 1
    box.pass_time(5 * MINUTE)
    ask(child)
    events(child, "token.refreshed")


def test_a_refresh_before_a_call_waits_as_long_as_trakt_asks(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(8 * DAY)
    sim.fault("status", status=429, path=TOKEN, times=1, headers={"Retry-After": "1200"})
    for _ in range(4):
        with pytest.raises(errors.RateLimited) as caught:
            ask(child)
        assert caught.value.http_status == 429
        assert caught.value.retry_after_ms is not None and caught.value.retry_after_ms <= 20 * MINUTE
        box.pass_time(4 * MINUTE)
    assert len(refreshes(sim)) == 1
    box.pass_time(5 * MINUTE)
    assert ask(child)["source"] == "network"
