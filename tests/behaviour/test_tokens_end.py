"""Close, cancel, shutdown and kill -9 in the middle of a refresh: the callers are free at once, the tokens are kept."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict

import pytest
from box import DAY, MINUTE, NEVER_MS, Box, ask, ask_aside, events, locked, refreshes
from child import Child, Pending
from libtrakt import errors
from simtrakt import TOKEN, Sim

#: The library promises 100 ms; a machine that does other things besides may take this long.
AT_ONCE_S = 5.0


def hold_refresh(box: Box, sim: Sim, child: Child) -> Any:
    """Has a call wait for a refresh that Trakt has carried out and doesn't answer: the fault, the call."""
    box.pass_time(8 * DAY)
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    since = sim.mark()
    pending = ask_aside(child)
    sim.wait_log(path=TOKEN, since=since)
    return held, pending


def cancel(child: Child) -> None:
    child.call("cancel")


def close(child: Child) -> None:
    assert child.call("close", 0) >= 1, "the refresh still runs"


def shutdown(child: Child) -> None:
    assert child.run("result = libtrakt.shutdown(0, library=client.library)") >= 1


@pytest.mark.parametrize("end", [cancel, close, shutdown])
def test_the_callers_are_free_at_once_and_the_answer_is_committed(
    box: Box, sim: Sim, end: Callable[[Child], None]
) -> None:
    child = box.linked()
    witness = box.start()
    witness.call("next_events")
    held, pending = hold_refresh(box, sim, child)
    began = time.monotonic()
    end(child)
    with pytest.raises(errors.Cancelled if end is cancel else errors.Closed):
        pending.result()
    assert time.monotonic() - began < AT_ONCE_S
    sim.clear_faults(held)
    events(witness, "token.refreshed")
    if end is not cancel:
        child.call("open", box.config())
    assert ask(child)["source"] == "network"
    assert ask(witness)["source"] == "network"
    assert len(refreshes(sim)) == 1
    assert child.call("account")["state"] == "linked"


def test_close_waits_for_the_refresh_if_it_is_told_to(box: Box, sim: Sim) -> None:
    child = box.linked()
    held, pending = hold_refresh(box, sim, child)
    closing = child.send("close", 15_000)
    with pytest.raises(errors.Closed):
        pending.result()
    assert not closing.done
    sim.clear_faults(held)
    assert closing.result() == 0
    child.call("open", box.config())
    assert ask(child)["source"] == "network"
    assert len(refreshes(sim)) == 1


def test_a_host_that_ends_in_the_middle_of_a_refresh_keeps_the_link(box: Box, sim: Sim) -> None:
    child = box.linked()
    box.pass_time(4 * DAY)
    since = sim.mark()
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    ask(child)
    sim.wait_log(path=TOKEN, since=since)
    assert child.process.stdin is not None
    child.process.stdin.close()
    sim.clear_faults(held)
    assert child.wait_exit() == 0
    child = box.start()
    ask(child)
    box.pass_time(4 * DAY)
    assert ask(child)["source"] == "network"
    assert all(request["status"] == 200 for request in refreshes(sim))


def works(child: Child) -> None:
    """The account works, also when its token runs out."""
    assert ask(child)["source"] == "network"
    assert child.call("account")["state"] == "linked"


def works_or_says(child: Child) -> None:
    """The account works, or it is said that and why it has to be linked again; nothing in between."""
    try:
        ask(child)
        works(child)
    except errors.NotLinked as error:
        assert error.reason == "relink_needed"
        account = child.call("account")
        assert (account["state"], account["reason"]) == ("relink_needed", "invalid_grant")


def before_it_is_sent(box: Box, sim: Sim, child: Child) -> Pending:
    (box.store / "refresh.lock").touch(mode=0o600)
    with locked(box.store / "refresh.lock"):
        pending = ask_aside(child)
        child.call("account")
        child.kill9()
    assert not refreshes(sim)
    return pending


def while_it_connects(box: Box, sim: Sim, child: Child) -> Pending:
    fault = sim.fault("handshake_silence", host="auth", times=0)
    pending = ask_aside(child)
    sim.wait_fault(fault)
    child.kill9()
    sim.clear_faults(fault)
    return pending


def before_trakt_sees_it(box: Box, sim: Sim, child: Child) -> Pending:
    since = sim.mark()
    sim.fault("silence", path=TOKEN)
    pending = ask_aside(child)
    sim.wait_log(path=TOKEN, since=since)
    child.kill9()
    return pending


def before_trakt_answers(box: Box, sim: Sim, child: Child) -> Pending:
    since = sim.mark()
    sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    pending = ask_aside(child)
    sim.wait_log(path=TOKEN, since=since)
    child.kill9()
    sim.clear_faults()
    return pending


def before_the_commit(box: Box, sim: Sim, child: Child) -> Pending:
    since = sim.mark()
    held = sim.fault("late", path=TOKEN, delay_ms=NEVER_MS)
    pending = ask_aside(child)
    sim.wait_log(path=TOKEN, since=since)
    with locked(box.store / "store.lock"):
        sim.clear_faults(held)
        sim.wait_log(path=TOKEN, since=since, done=True)
        child.kill9()
    return pending


def after_the_commit(box: Box, sim: Sim, child: Child) -> Pending:
    pending = ask_aside(child)
    events(child, "token.refreshed")
    child.kill9()
    return pending


#: When the process is killed, and what may be afterwards.
KILLS: Dict[Callable[[Box, Sim, Child], Pending], Callable[[Child], None]] = {
    before_it_is_sent: works,
    while_it_connects: works,
    before_trakt_sees_it: works,
    before_trakt_answers: works_or_says,
    before_the_commit: works_or_says,
    after_the_commit: works,
}


@pytest.mark.parametrize("passed", [4 * DAY, 8 * DAY], ids=["half", "run-out"])
@pytest.mark.parametrize("kill, then", KILLS.items(), ids=[kill.__name__ for kill in KILLS])
def test_kill_9_in_the_middle_of_a_refresh(
    box: Box,
    sim: Sim,
    passed: int,
    kill: Callable[[Box, Sim, Child], Pending],
    then: Callable[[Child], None],
) -> None:
    child = box.linked()
    child.call("next_events")
    box.pass_time(passed)
    kill(box, sim, child)
    child = box.start()
    account = child.call("account")
    assert account["linked"] and account["token"]["refreshable"] and account["store"] == "ok"
    box.pass_time(MINUTE)
    then(child)
    box.pass_time(8 * DAY)
    then(child)


def test_kill_9_at_any_moment_of_a_refresh(box: Box, sim: Sim) -> None:
    box.linked().finish()
    for number in range(12):
        child = box.start()
        box.pass_time(8 * DAY)
        sim.fault("drip", path=TOKEN, bytes_per_tick=20, tick_ms=2, head=True)
        since = sim.mark()
        pending = ask_aside(child)
        if number % 3:
            sim.wait_log(path=TOKEN, since=since, done=number % 3 == 2)
        # Wherever the process is when this many calls have been made beside.
        for _ in range(number):
            if not pending.done:
                child.call("account")
        child.kill9()
        sim.clear_faults()
        processed = any(request["processed"] == 200 for request in refreshes(sim, since))
        child = box.start()
        if processed:
            works_or_says(child)
        else:
            works(child)
        if child.call("account")["state"] == "relink_needed":
            child.call("authorize_finish", sim.authorize(child.call("authorize_url")["url"]))
        works(child)
        child.finish()
