"""What the context menu does: through the outbox, and not without asking where it takes away or touches a lot."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import fakekodi
import pytest
from faketrakt import FakeTrakt, error
from traktkodi import actions
from traktkodi.item_actions import ItemActions
from traktkodi.kodi import Kodi
from traktkodi.questions import Questions

MOVIE = {"kind": "movie", "title": "Heat", "year": "1995", "ids": {"imdb": "tt0113277"}}
SHOW = {"kind": "tvshow", "title": "Dark", "year": "2017", "ids": {"tvdb": "334824"}}
HEAT = {"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}}
DARK = {"type": "show", "title": "Dark", "year": 2017, "ids": {"tvdb": "334824"}}


class Menu:
    """The actions, with what they ask and say."""

    def __init__(self, box: fakekodi.Box, kodi: Kodi, trakt: FakeTrakt) -> None:
        self.box, self.trakt = box, trakt
        self.rated: List[Mapping[str, Any]] = []
        trakt.account_now = {"state": "linked", "linked": True}
        self.questions = Questions(kodi, box.clock)  # type: ignore[arg-type]
        self._actions = ItemActions(kodi, trakt, self.questions, self)  # type: ignore[arg-type]

    def rate(self, item: Mapping[str, Any]) -> None:
        self.rated.append(item)

    def choose(self, action: str, facts: Mapping[str, Any]) -> None:
        self._actions.act(action, facts)
        self.box.deliver()

    def step(self) -> None:
        self.trakt.step()
        self.box.deliver()

    @property
    def told(self) -> List[str]:
        return [note.message for note in self.box.notifications]


@pytest.fixture
def menu(box: fakekodi.Box, kodi: Kodi, trakt: FakeTrakt) -> Menu:
    return Menu(box, kodi, trakt)


@pytest.mark.parametrize(
    ("action", "method", "says"),
    [
        (actions.WATCHED, "history.add", "Watched: Heat (1995). Trakt is told."),
        (actions.WATCHLIST_ADD, "watchlist.add", "On the watchlist: Heat (1995). Trakt is told."),
        (actions.WATCHLIST_REMOVE, "watchlist.remove", "Off the watchlist: Heat (1995). Trakt is told."),
    ],
)
def test_it_is_told_to_trakt_and_the_user_hears_so(menu: Menu, action: str, method: str, says: str) -> None:
    menu.trakt.answers[method] = {"queued": 1, "ids": [1]}
    menu.choose(action, MOVIE)
    assert menu.trakt.submitted == [(method, {"items": [HEAT]})]
    assert menu.told == []
    menu.step()
    assert menu.told == [says]


def test_rating_is_asked_by_the_rating_screen(menu: Menu) -> None:
    menu.choose(actions.RATE, SHOW)
    assert menu.rated == [DARK]
    assert menu.trakt.submitted == []


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        (101, [("history.add", {"items": [DARK]})]),
        (102, [("history.add", {"items": [DARK], "watched_at": "released"})]),
        (103, []),
        (None, []),
    ],
)
def test_a_whole_series_is_watched_when_the_user_has_said_when(menu: Menu, answer: Optional[int], sent: Any) -> None:
    menu.choose(actions.WATCHED, SHOW)
    assert menu.trakt.submitted == []
    assert "Dark (2017)" in menu.box.window.properties["text"]
    if answer:
        menu.box.click(answer)
    else:
        menu.box.back()
    assert menu.trakt.submitted == sent


@pytest.mark.parametrize(("answer", "sent"), [(101, []), (102, [("history.remove", {"items": [HEAT]})]), (None, [])])
def test_history_is_removed_only_when_the_user_has_said_so(menu: Menu, answer: Optional[int], sent: Any) -> None:
    menu.choose(actions.UNWATCHED, MOVIE)
    assert menu.trakt.submitted == []
    if answer:
        menu.box.click(answer)
    else:
        menu.box.back()
    assert menu.trakt.submitted == sent


def test_trouble_is_said(menu: Menu) -> None:
    menu.trakt.answers["watchlist.add"] = error("storage_full")
    menu.choose(actions.WATCHLIST_ADD, MOVIE)
    menu.step()
    assert menu.told != [] and "watchlist" not in menu.told[0]


def test_what_is_no_film_or_episode_is_said(menu: Menu) -> None:
    for facts in ({"kind": "song", "title": "Help!"}, {}, {"kind": "movie"}):
        menu.choose(actions.WATCHED, facts)
    assert menu.told == ["Nothing here says which film or episode this is."] * 3
    assert menu.trakt.submitted == []


def test_without_an_account_or_a_library_nothing_is_asked(menu: Menu) -> None:
    menu.trakt.account_now = {"state": "none", "linked": False}
    menu.choose(actions.UNWATCHED, MOVIE)
    menu.trakt.available = False
    menu.choose(actions.RATE, MOVIE)
    assert len(menu.told) == 2
    assert menu.box.window is None
    assert menu.rated == []


# the script


@pytest.fixture
def running(box: fakekodi.Box) -> fakekodi.Box:
    box.properties[actions.RUNNING] = "0.1.0"
    return box


def handed(box: fakekodi.Box) -> List[Dict[str, Any]]:
    return [call["data"] for call in box.rpc_calls if call["method"] == "JSONRPC.NotifyAll"]


@pytest.mark.parametrize(
    ("arguments", "data"),
    [
        ([], {"action": "open"}),
        ([""], {"action": "open"}),
        (["outbox"], {"action": "outbox"}),
        (["action=Outbox"], {"action": "outbox"}),
        (["?action=outbox"], {"action": "outbox"}),
        (["action=outbox", "more=1"], {"action": "outbox"}),
        (
            ["action=rate", "dbtype=Movie", "dbid=12"],
            {"action": "rate", "facts": {"kind": "movie", "dbid": "12"}},
        ),
    ],
)
def test_what_a_skin_asks_for_is_handed_to_the_service(
    running: fakekodi.Box, arguments: List[str], data: Dict[str, Any]
) -> None:
    actions.main(arguments)
    assert handed(running) == [data]


def test_without_a_number_it_is_the_item_with_the_focus(running: fakekodi.Box) -> None:
    running.labels.update(
        {"ListItem.DBTYPE": "movie", "ListItem.Title": "Heat", "ListItem.UniqueID(imdb)": "tt0113277"}
    )
    actions.main(["action=watched"])
    (data,) = handed(running)
    assert data["action"] == "watched"
    assert data["facts"]["kind"] == "movie"
    assert data["facts"]["ids"]["imdb"] == "tt0113277"
    wish = actions.wanted("service.libtrakt", "Other.action", __import__("json").dumps(data))
    assert wish == actions.Wish("watched", data["facts"])


def test_the_entries_of_the_menu_are_actions() -> None:
    import xml.etree.ElementTree as ElementTree

    items = list(ElementTree.parse(fakekodi.ADDON / "addon.xml").iter("item"))
    assert [item.get("args") for item in items] == list(actions.OF_ITEMS)
    assert {item.get("library") for item in items} == {"context.py"}
    assert (fakekodi.ADDON / "context.py").is_file()
