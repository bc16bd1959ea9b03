"""Events: every kind, by oneself and by others, one entry for each kind, each to one taker."""

from __future__ import annotations

from datetime import datetime
from typing import Dict, List

from box import DAY, HOUR, SECOND, Box, ask, at_once, link
from child import Child
from simtrakt import SETTINGS, Sim


def told(child: Child, wait_ms: int = 0) -> Dict[str, str]:
    """The events that wait: by type, who did it."""
    taken = child.call("next_events", wait_ms=wait_ms)
    kinds = [event["type"] for event in taken]
    assert len(kinds) == len(set(kinds)), "one entry for each kind"
    for event in taken:
        datetime.fromisoformat(event["at"].replace("Z", "+00:00"))
    return {event["type"]: event["by"] for event in taken}


def told_until(child: Child, wanted: str) -> Dict[str, str]:
    """The same, up to a wanted one."""
    seen: Dict[str, str] = {}
    while wanted not in seen:
        new = told(child, 30_000)
        assert new, f"no {wanted}, only {seen}"
        seen.update(new)
    return seen


def test_each_kind_is_told_to_who_did_it_and_to_the_other(box: Box, sim: Sim) -> None:
    doer, other = box.start(), box.start()
    assert told(doer) == {} and told(other) == {}

    def both(kind: str) -> None:
        assert told_until(doer, kind)[kind] == "self", kind
        assert told_until(other, kind)[kind] == "other", kind

    login = doer.call("device_start")
    both("login.changed")
    sim.approve(login["user_code"])
    while login["state"] == "pending":
        login = doer.call("device_poll", wait_ms=5000)
    both("account.linked")
    ask(doer)
    told(doer), told(other)
    sim.settings(limits={"list": {"count": 77}})
    ask(doer)
    both("settings.changed")
    sim.account(name="Another Name")
    ask(doer)
    both("account.changed")
    box.pass_time(8 * DAY)
    ask(doer)
    both("token.refreshed")
    fault = sim.fault("text1010", path=SETTINGS)
    box.pass_time(2 * SECOND)
    try:
        doer.call("get_settings", max_age_ms=0, timeout_ms=500)
    except Exception as error:
        assert getattr(error, "code", "") in ("blocked", "timeout")
    both("service.blocked")
    sim.clear_faults(fault)
    box.pass_time(HOUR)
    ask(doer)
    both("service.restored")
    date = sim.fault("date", offset_ms=HOUR, times=0)
    ask(doer)
    sim.clear_faults(date)
    both("clock.wrong")
    doer.call("unlink")
    both("account.unlinked")
    link(doer, sim)
    sim.end_session()
    try:
        ask(doer)
    except Exception as error:
        assert getattr(error, "code", "") == "not_linked"
    both("account.relink_needed")


def test_nothing_is_told_when_nothing_changed(box: Box, sim: Sim) -> None:
    child, other = box.linked(), box.start()
    told(child), told(other)
    for _ in range(3):
        ask(child)
        child.call("account")
    assert told(child) == {} and told(other) == {}


def test_events_of_one_kind_are_one_and_the_newest(box: Box, sim: Sim) -> None:
    child = box.linked()
    told(child)
    for count in (7, 8, 9):
        sim.settings(limits={"list": {"count": count}})
        ask(child)
    taken = child.call("next_events")
    assert [event["type"] for event in taken] == ["settings.changed"]
    assert child.call("next_events") == []


def test_each_event_goes_to_exactly_one_taker(box: Box, sim: Sim) -> None:
    child = box.linked()
    told(child)
    takers = [child.send("next_events", wait_ms=2_000) for _ in range(6)]
    sim.settings(limits={"list": {"count": 7}})
    ask(child)
    seen: List[str] = [event["type"] for taker in takers for event in taker.result()]
    assert seen == ["settings.changed"]


def test_who_waits_for_events_is_freed_by_cancel_and_by_what_another_process_does(box: Box, sim: Sim) -> None:
    child, other = box.linked(), box.start()
    told(child), told(other)
    waiting = other.send("next_events", wait_ms=60_000)
    child.call("unlink")
    assert "account.unlinked" in [event["type"] for event in waiting.result()]


def test_many_takers_lose_nothing(box: Box, sim: Sim) -> None:
    child = box.linked()
    told(child)

    def change() -> List[str]:
        for count in range(5):
            sim.settings(limits={"list": {"count": count}})
            ask(child)
        return []

    def take() -> List[str]:
        return [event["type"] for _ in range(5) for event in child.call("next_events", wait_ms=100)]

    seen = [kind for kinds in at_once([change, take, take, take]) for kind in kinds]
    seen += list(told(child))
    assert set(seen) == {"settings.changed"} and 1 <= len(seen) <= 5
