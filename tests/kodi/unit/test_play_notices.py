"""Short notices about plays: when the user wants them, together, and trouble once."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

import fakekodi
import pytest
from traktkodi.kodi import Kodi
from traktkodi.play_notices import PlayNotices
from traktkodi.settings import NOTIFY_ALWAYS, NOTIFY_CALM, NOTIFY_NEVER, Scrobbling, Settings

HEAT: Dict[str, Any] = {"type": "movie", "title": "Heat", "year": 1995}
RONIN: Dict[str, Any] = {"type": "movie", "title": "Ronin", "year": 1998}
FILLED = "VideoPlayer.IsFullscreen"


class Told:
    """The notices, and what the user has seen of them."""

    def __init__(self, box: fakekodi.Box, kodi: Kodi) -> None:
        self.box = box
        self._notices = PlayNotices(kodi, box.clock)  # type: ignore[arg-type]
        self.watching, self.scrobbled, self.trouble = NOTIFY_CALM, NOTIFY_CALM, True

    @property
    def settings(self) -> Settings:
        scrobbling = Scrobbling(notify_watching=self.watching, notify_scrobbled=self.scrobbled)
        return Settings(True, self.trouble, True, {}, scrobbling=scrobbling)

    def hear(self, type: str, item: Any = HEAT, **data: Any) -> None:
        self._notices.event({"type": type, "data": {"session": "s", "item": item, **data}}, self.settings)

    def after(self, seconds: int = 10) -> List[str]:
        """What is told meanwhile."""
        before = len(self.box.notifications)
        for _ in range(seconds):
            self.box.clock.advance(1)
            self._notices.step(self.settings)
        return [note.message for note in self.box.notifications[before:]]


@pytest.fixture
def told(box: fakekodi.Box, kodi: Kodi) -> Told:
    return Told(box, kodi)


@pytest.mark.parametrize(
    ("when", "filled", "tells"),
    [
        (NOTIFY_NEVER, False, False),
        (NOTIFY_NEVER, True, False),
        (NOTIFY_ALWAYS, False, True),
        (NOTIFY_ALWAYS, True, True),
        (NOTIFY_CALM, False, True),
        (NOTIFY_CALM, True, False),
    ],
)
def test_the_user_has_said_when(told: Told, when: int, filled: bool, tells: bool) -> None:
    told.watching = told.scrobbled = when
    told.box.conditions[FILLED] = filled
    told.hear("player.changed", state="playing", watching=True)
    assert [note.message for note in told.box.notifications] == ["You are watching: Heat (1995)"] * tells
    told.hear("play.recorded", how="scrobble")
    assert told.after() == ["Recorded as watched: Heat (1995)"] * tells


def test_watching_is_told_once_for_each_thing(told: Told) -> None:
    for watching in (False, True, True, False, True):
        told.hear("player.changed", state="playing", watching=watching)
    assert len(told.box.notifications) == 1
    told.hear("player.changed", RONIN, state="playing", watching=True)
    assert len(told.box.notifications) == 2
    told.hear("player.changed", RONIN, state="ended", watching=False)
    told.hear("player.changed", RONIN, state="playing", watching=True)
    assert len(told.box.notifications) == 3


def test_what_was_recorded_meanwhile_is_told_together_when_the_screen_is_free(told: Told) -> None:
    told.box.conditions[FILLED] = True
    told.hear("play.recorded", HEAT)
    assert told.after(600) == []
    told.hear("play.recorded", RONIN)
    told.box.conditions[FILLED] = False
    assert told.after() == ["Recorded as watched: 2"]
    assert told.after() == []


def test_what_is_old_is_not_told_any_more(told: Told) -> None:
    told.box.conditions[FILLED] = True
    told.hear("play.recorded", HEAT)
    told.after(1900)
    told.box.conditions[FILLED] = False
    assert told.after() == []


def test_nobody_is_told_while_nobody_looks(told: Told, kodi: Kodi) -> None:
    told._notices._kodi.noted("GUI.OnScreensaverActivated")
    told.hear("play.recorded", HEAT)
    assert told.after() == []
    told._notices._kodi.noted("GUI.OnScreensaverDeactivated")
    assert told.after() == ["Recorded as watched: Heat (1995)"]


def test_many_at_once_are_one_notice(told: Told) -> None:
    for _ in range(40):
        told.hear("play.recorded", HEAT)
    assert told.after() == ["Recorded as watched: 40"]


# what Trakt didn't take

ONE = "Trakt didn't take this: Heat (1995). The add-on's \"What waits for Trakt\" says why."
SOME = "Trakt didn't take some of what you watched or changed. The add-on's \"What waits for Trakt\" says why."


@pytest.mark.parametrize(
    ("reason", "count", "says"),
    [("not_found", 1, [ONE]), ("unmatched", 3, [SOME]), ("account_locked", 1, [])],
)
def test_that_something_was_refused_is_told(told: Told, reason: str, count: int, says: List[str]) -> None:
    for id in range(count):
        told.hear("outbox.refused", id=id, kind="play", reason=reason)
    assert told.after() == says
    assert told.after(1000) == []


@pytest.mark.parametrize("condition", ["Player.HasVideo", "Player.HasGame", "Window.IsActive(startup)"])
def test_it_is_told_calmly_and_once_in_an_hour(told: Told, condition: str) -> None:
    told.box.conditions[condition] = True
    told.hear("outbox.refused", id=1, kind="play", reason="not_found")
    assert told.after(100) == []
    told.box.conditions[condition] = False
    assert told.after(8) == [ONE]
    told.hear("outbox.refused", id=2, kind="play", reason="not_found")
    told.hear("outbox.refused", id=3, kind="play", reason="not_found")
    assert told.after(3500) == []
    assert told.after(200) == [SOME]


def test_trouble_that_the_user_doesnt_want_to_hear_of_is_not_told_later_either(told: Told) -> None:
    told.trouble = False
    told.hear("outbox.refused", id=1, kind="play", reason="not_found")
    assert told.after() == []
    told.trouble = True
    assert told.after() == []


@pytest.mark.parametrize("item", [None, "Heat", []])
def test_an_event_without_an_item_does_nothing(told: Told, item: Optional[Any]) -> None:
    for type in ("player.changed", "play.recorded", "outbox.refused", "outbox.changed"):
        told.hear(type, item)
    told._notices.event({"type": "play.recorded"}, told.settings)
    assert told.after() == []
