"""Skins and other add-ons see the account as properties of the home window."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import fakekodi
import pytest
from traktkodi.kodi import Kodi
from traktkodi.outbox_counts import Counts
from traktkodi.properties import Properties, name_of

LINKED: Dict[str, Any] = {
    "state": "linked",
    "linked": True,
    "user": {"username": "sean", "name": "Sean R.", "slug": "sean", "uuid": "1", "vip": True},
}


@pytest.fixture
def properties(kodi: Kodi) -> Properties:
    return Properties(kodi)


def test_a_linked_account(properties: Properties, box: fakekodi.Box) -> None:
    properties.step(LINKED)
    assert box.properties == {
        "libtrakt.linked": "true",
        "libtrakt.user": "Sean R.",
        "libtrakt.vip": "true",
        "libtrakt.state": "linked",
    }


@pytest.mark.parametrize("state", ["none", "unavailable"])
def test_no_account(properties: Properties, box: fakekodi.Box, state: str) -> None:
    properties.step(LINKED)
    properties.step({"state": state, "linked": False, "user": None})
    assert box.properties == {"libtrakt.state": state}


@pytest.mark.parametrize("state", ["relink_needed", "locked", "blocked", "app_refused"])
def test_an_account_in_trouble_is_still_somebodys(properties: Properties, box: fakekodi.Box, state: str) -> None:
    properties.step({**LINKED, "state": state, "linked": False})
    assert box.properties["libtrakt.user"] == "Sean R."
    assert box.properties["libtrakt.state"] == state
    assert "libtrakt.linked" not in box.properties


def test_a_user_that_isn_t_known_yet(properties: Properties, box: fakekodi.Box) -> None:
    properties.step({"state": "linked", "linked": True, "user": None})
    assert box.properties == {"libtrakt.linked": "true", "libtrakt.state": "linked"}


def test_the_name_is_the_best_there_is() -> None:
    assert name_of(LINKED) == "Sean R."
    assert name_of({"user": {"username": "sean", "name": None}}) == "sean"
    assert name_of({"user": {"username": None, "name": "", "slug": "s"}}) == "s"
    assert name_of({"user": None}) == name_of({}) == ""


def test_only_what_changed_is_set(properties: Properties, kodi: Kodi, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: List[Tuple[str, str]] = []
    monkeypatch.setattr(kodi, "set_property", lambda name, value: calls.append((name, value)))
    properties.step(LINKED)
    assert len(calls) == 4
    properties.step(LINKED)
    assert len(calls) == 4
    properties.step({**LINKED, "user": {**LINKED["user"], "vip": False}})
    assert calls[4:] == [("libtrakt.vip", "")]


@pytest.mark.parametrize(
    ("counts", "shows"),
    [
        (None, {}),
        (Counts(0, 0), {}),
        (Counts(3, 0), {"libtrakt.outbox.waiting": "3"}),
        (Counts(0, 1), {"libtrakt.outbox.refused": "1"}),
        (Counts(3, 1), {"libtrakt.outbox.waiting": "3", "libtrakt.outbox.refused": "1"}),
    ],
)
def test_what_waits_for_trakt(
    properties: Properties, box: fakekodi.Box, counts: Optional[Counts], shows: Dict[str, str]
) -> None:
    for before in (Counts(7, 7), counts):
        properties.step(LINKED, before)
    assert {name: value for name, value in box.properties.items() if "outbox" in name} == shows


def test_nothing_is_left_behind(properties: Properties, box: fakekodi.Box) -> None:
    box.properties["another.addon"] = "stays"
    properties.step(LINKED)
    properties.clear()
    assert box.properties == {"another.addon": "stays"}
    properties.clear()
