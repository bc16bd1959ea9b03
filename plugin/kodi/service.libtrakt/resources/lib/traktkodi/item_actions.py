"""What the context menu does with a film, episode, season or series: watched or not, rate, watchlist.

All of it goes through the library's outbox, so it is kept when Trakt can't be reached. What touches many episodes, or
takes something away, is asked first. Knows nothing of menus.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

import libtrakt

from . import list_items, texts, trouble
from .actions import RATE, UNWATCHED, WATCHED, WATCHLIST_ADD, WATCHLIST_REMOVE
from .items import Items
from .kodi import INFO, WARNING, Kodi
from .questions import Questions
from .ratings import Ratings
from .texts import Text
from .titles import Words, title_of
from .trakt import Trakt

_MANY = ("season", "show")


class ItemActions:
    """Does what was asked for with an item."""

    def __init__(self, kodi: Kodi, trakt: Trakt, questions: Questions, ratings: Ratings) -> None:
        """Nothing is under way."""
        self._kodi = kodi
        self._items = Items(kodi)
        self._trakt = trakt
        self._questions = questions
        self._ratings = ratings

    def act(self, action: str, facts: Mapping[str, Any]) -> None:
        """`action` is one of `actions.OF_ITEMS`, `facts` what the list item says of itself."""
        item = list_items.item_of(facts, self._items)
        if item is None:
            self._kodi.notify(Text(texts.ITEM_UNKNOWN), WARNING)
        elif not self._trakt.available:
            self._kodi.notify(trouble.of_unavailable(self._trakt.trouble), WARNING)
        elif self._trakt.account().get("state") == "none":
            self._kodi.notify(Text(texts.TROUBLE_NOT_LINKED), WARNING)
        elif action == RATE:
            self._ratings.rate(item)
        elif action == WATCHED:
            self._watched(item)
        elif action == UNWATCHED:
            self._unwatched(item)
        elif action == WATCHLIST_ADD:
            self._send("watchlist.add", item, texts.TOLD_WATCHLIST_ADD)
        elif action == WATCHLIST_REMOVE:
            self._send("watchlist.remove", item, texts.TOLD_WATCHLIST_REMOVE)

    def _watched(self, item: Mapping[str, Any]) -> None:
        if item["type"] not in _MANY:
            self._send("history.add", item, texts.TOLD_WATCHED)
            return

        def answered(answer: Optional[int]) -> None:
            if answer in (0, 1):
                released = {"watched_at": "released"} if answer == 1 else {}
                self._send("history.add", item, texts.TOLD_WATCHED, **released)

        self._questions.ask(
            Text(texts.WATCHED_HEADING),
            Text(texts.WATCHED_QUESTION, {"title": title_of(item)}),
            [Text(texts.WATCHED_NOW), Text(texts.WATCHED_RELEASED), Text(texts.CANCEL)],
            answered,
            now=True,
        )

    def _unwatched(self, item: Mapping[str, Any]) -> None:
        def answered(answer: Optional[int]) -> None:
            if answer == 1:
                self._send("history.remove", item, texts.TOLD_UNWATCHED)

        self._questions.ask(
            Text(texts.UNWATCH_HEADING),
            Text(texts.UNWATCH_QUESTION, {"title": title_of(item)}),
            [Text(texts.CANCEL), Text(texts.UNWATCH)],
            answered,
            now=True,
        )

    def _send(self, method: str, item: Mapping[str, Any], told: int, **more: str) -> None:
        title: Words = title_of(item)
        params: Dict[str, Any] = {"items": [item], **more}

        def then(data: Any, error: Optional[libtrakt.TraktError]) -> None:
            if error is not None:
                self._kodi.notify(trouble.of_error(error), WARNING)
            else:
                self._kodi.notify(Text(told, {"title": title}), INFO)

        self._trakt.submit(method, params, then)
