"""The outbox screen: what waits for Trakt, since when and why, and what the user can do about it.

Entries are tried again, thrown away, or corrected: the user says which film or series it is. What the screen says is
made by `outbox_view`; knows nothing of how it looks, nor of how anything is sent. Nothing here waits.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import libtrakt

from . import texts, trouble
from .account_view import BUSY, ERROR, OK, WARNING, Message
from .clock import Clock
from .dates import Dates, as_set, of_timestamp
from .kodi import Kodi
from .outbox_view import (
    CORRECT,
    DISCARD,
    RETRY,
    Row,
    candidate_rows,
    choices,
    entry_name,
    entry_title,
    match_of,
    view,
    why,
)
from .questions import Questions
from .screens import outbox as screen
from .screens.outbox import Line, OutboxScreen
from .texts import Text
from .titles import Words
from .trakt import Trakt

#: The most entries that are shown of those that were refused, and of those that wait.
_MOST = 200
#: While the screen is open it is read again so often, in seconds, besides each time that something changes.
_READ_EVERY_S = 10.0
#: For how long the screen says how what the user did went, in seconds.
_OUTCOME_S = 6.0
#: Who types has finished when nothing has changed for so many seconds.
_TYPED_S = 1.0
_CHOICES: Dict[str, int] = {CORRECT: texts.CORRECT, RETRY: texts.RETRY, DISCARD: texts.DISCARD}
#: What match.search looks for, by the type of what is to be corrected.
_SEARCHED = {"movie": ("movie",), "episode": ("show",), "episodes": ("show",), "show": ("show",), "season": ("show",)}
_ANYTHING = ("movie", "show")


class _Correction:
    """An entry that the user is about to correct."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.entry = entry
        self.item: Mapping[str, Any] = entry.get("item") or {}
        self.candidates: List[Mapping[str, Any]] = []
        self.error: Optional[libtrakt.TraktError] = None
        #: Searches under way, and which turn they are of: answers of an earlier one are dropped.
        self.searching = 0
        self.turn = 0
        self.query = ""
        self.typed_at: Optional[float] = None


class OutboxControl:
    """Opens and drives the outbox screen."""

    def __init__(self, kodi: Kodi, trakt: Trakt, clock: Clock, questions: Questions) -> None:
        """Shows nothing yet."""
        self._kodi = kodi
        self._trakt = trakt
        self._clock = clock
        self._questions = questions
        self._screen: Optional[OutboxScreen] = None
        self._outbox: Optional[Mapping[str, Any]] = None
        self._read_at = 0.0
        self._reading = False
        self._stale = False
        self._error: Optional[libtrakt.TraktError] = None
        self._doing = False
        self._outcome: Optional[Message] = None
        self._outcome_until = 0.0
        self._correction: Optional[_Correction] = None
        self._rows: Sequence[Row] = ()
        self._layout: Tuple[Any, ...] = ()

    @property
    def showing(self) -> bool:
        """Whether the screen is open."""
        return self._screen is not None

    def open(self) -> None:
        """Shows the screen. One that is open stays."""
        if self._screen:
            self._screen.show()  # Kodi takes windows off the screen when it loads its skin anew
            return
        self._outbox = self._error = self._outcome = self._correction = None
        self._doing = self._reading = False
        self._rows, self._layout = (), ()
        self._screen = OutboxScreen(self._kodi.addon_path, self._clicked, self._back)
        self._read()
        self._draw()
        self._screen.show()

    def correct(self, entry: Mapping[str, Any]) -> None:
        """Looks at Trakt for what an entry may be, and lets the user choose. The screen is open."""
        self._correction = correction = _Correction(entry)
        if self._screen:
            self._screen.empty_field()
        self._start(correction, [{"item": correction.item}])
        self._draw()

    def event(self, event: Mapping[str, Any]) -> None:
        """Something happened in the library."""
        if event.get("type") == "outbox.changed":
            self._stale = True

    def step(self) -> None:
        """Keeps the screen up to date."""
        if not self._screen:
            return
        now = self._clock.monotonic()
        if (self._stale or now - self._read_at >= _READ_EVERY_S) and not self._reading:
            self._read()
        correction = self._correction
        if correction and correction.typed_at is not None and now - correction.typed_at >= _TYPED_S:
            self._search(correction, self._screen.typed)
        self._draw()

    def close(self) -> None:
        """Closes the screen; what is under way goes on."""
        self._correction = None
        if self._screen:
            self._screen.close()
            self._screen = None

    # keys

    def _clicked(self, control: int) -> None:
        if control == screen.CLOSE:
            self._back()
        elif control == screen.RETRY_ALL:
            self._do("outbox.retry", {"all": True}, texts.OUTBOX_RETRYING)
        elif control == screen.SEARCH:
            self._typed()
        elif control == screen.LIST and self._screen:
            place = self._screen.selected()
            chosen = self._rows[place].entry if 0 <= place < len(self._rows) else None
            if chosen is None or self._doing:
                return
            if self._correction:
                self._match(self._correction, chosen)
            else:
                self._ask(chosen)
        if self._screen:
            self._draw()

    def _back(self) -> None:
        """From the candidates to the entries, and from those away."""
        if not self._correction:
            self.close()
            return
        self._correction = None
        self._draw()

    def _ask(self, entry: Mapping[str, Any]) -> None:
        """What is to be done with an entry."""
        can = choices(entry)

        def answered(answer: Optional[int]) -> None:
            if answer is None or not self._screen:
                return
            if can[answer] == DISCARD:
                self._ask_to_discard(entry)
            elif can[answer] == CORRECT:
                self.correct(entry)
            else:
                self._do("outbox.retry", {"ids": [entry["id"]]}, texts.OUTBOX_RETRYING)

        reason = why(entry, self._dates(), self._now())
        answers = [Text(_CHOICES[choice]) for choice in can]
        self._questions.ask(entry_name(entry), reason, answers, answered, now=True)

    def _ask_to_discard(self, entry: Mapping[str, Any]) -> None:
        def answered(answer: Optional[int]) -> None:
            if answer == 1:
                self._do("outbox.discard", {"ids": [entry["id"]]}, texts.OUTBOX_DISCARDED)

        question = Text(texts.DISCARD_QUESTION, {"entry": entry_name(entry)})
        answers = [Text(texts.CANCEL), Text(texts.DISCARD)]
        self._questions.ask(Text(texts.DISCARD_HEADING), question, answers, answered, now=True)

    def _do(self, method: str, params: Mapping[str, Any], done: int) -> None:
        if self._doing or not self._trakt.available:
            return
        self._doing = True

        def then(data: Any, error: Optional[libtrakt.TraktError]) -> None:
            self._doing = False
            self._stale = True
            if error is not None:
                self._say(Message(Text(texts.OUTBOX_FAILED, {"trouble": trouble.of_error(error)}), WARNING))
            else:
                self._say(Message(Text(done), OK))

        self._trakt.submit(method, params, then)

    def _say(self, outcome: Message) -> None:
        self._outcome = outcome
        self._outcome_until = self._clock.monotonic() + _OUTCOME_S

    # correcting

    def _typed(self) -> None:
        if self._correction and self._screen and self._screen.typed != self._correction.query:
            self._correction.typed_at = self._clock.monotonic()

    def _search(self, correction: _Correction, typed: str) -> None:
        """By another title, or by what is known of it when there is none."""
        correction.typed_at = None
        if typed == correction.query:
            return
        correction.query = typed
        kinds = _SEARCHED.get(str(correction.item.get("type")), _ANYTHING)
        by_title = [{"query": typed, "type": kind} for kind in kinds]
        self._start(correction, by_title if typed else [{"item": correction.item}])

    def _start(self, correction: _Correction, searches: Sequence[Mapping[str, Any]]) -> None:
        correction.turn += 1
        correction.candidates, correction.error = [], None
        correction.searching = len(searches) if self._trakt.available else 0
        turn = correction.turn

        def then(data: Any, error: Optional[libtrakt.TraktError]) -> None:
            if turn != correction.turn:
                return
            correction.searching -= 1
            if error is not None:
                correction.error = error
                return
            found = [one for one in data.get("candidates") or [] if isinstance(one, dict) and one.get("ids")]
            # Films and series together, the best of both first; neither loses its own order.
            together = correction.candidates + found
            correction.candidates = sorted(together, key=lambda one: -_score(one))

        for search in searches:
            self._trakt.submit("match.search", search, then)

    def _match(self, correction: _Correction, candidate: Mapping[str, Any]) -> None:
        """The user says that it is this one."""
        id = correction.entry["id"]
        params = {"item": correction.item, "match": match_of(correction.item, candidate)}
        self._correction = None
        self._doing = True

        def then(data: Any, error: Optional[libtrakt.TraktError]) -> None:
            self._doing = False
            self._stale = True
            if error is not None:
                self._say(Message(Text(texts.OUTBOX_FAILED, {"trouble": trouble.of_error(error)}), WARNING))
                return
            self._say(Message(Text(texts.OUTBOX_CORRECTED), OK))
            if not data.get("retried"):
                self._do("outbox.retry", {"ids": [id]}, texts.OUTBOX_CORRECTED)

        self._trakt.submit("match.set", params, then)

    # what is known

    def _read(self) -> None:
        """Those that were refused, then those that wait: so the former are seen however many the latter are."""
        self._stale = False
        self._read_at = self._clock.monotonic()
        if not self._trakt.available:
            self._outbox = None
            return
        self._reading = True

        def refused(data: Any, error: Optional[libtrakt.TraktError]) -> None:
            if error is not None or not self._trakt.available:
                over(None, error)
                return
            first = data

            def waiting(data: Any, error: Optional[libtrakt.TraktError]) -> None:
                if error is not None:
                    over(None, error)
                    return
                entries = [*(first.get("entries") or []), *(data.get("entries") or [])]
                more = data.get("next") if first.get("next") is None else first["next"]
                over({**data, "entries": entries, "next": more}, None)

            self._trakt.submit("outbox.list", {"state": "waiting", "limit": _MOST}, waiting)

        def over(outbox: Optional[Mapping[str, Any]], error: Optional[libtrakt.TraktError]) -> None:
            self._reading = False
            self._error = error
            if outbox is not None:
                self._outbox = outbox

        self._trakt.submit("outbox.list", {"state": "refused", "limit": _MOST}, refused)

    # drawing

    def _draw(self) -> None:
        window = self._screen
        if not window:
            return
        if self._outcome and self._clock.monotonic() >= self._outcome_until:
            self._outcome = None
        correction = self._correction
        if correction:
            message, self._rows = _of_candidates(correction), candidate_rows(correction.candidates)
            heading, retry, back = texts.CORRECT_HEADING, False, texts.CORRECT_BACK
        else:
            shown = view(self._outbox, self._dates(), self._now(), self._unavailable(), self._outcome)
            message, self._rows = shown.message, shown.rows
            heading, retry, back = texts.OUTBOX_HEADING, shown.retry_all, texts.CLOSE
        layout = (correction, bool(self._rows))
        focus = None
        if layout != self._layout:
            # Another list, or the first of its lines: the focus goes where the user goes on.
            self._layout = layout
            focus = screen.LIST if self._rows else screen.SEARCH if correction else screen.CLOSE
        # The list first: without lines it takes no focus.
        window.show_lines(
            [
                Line(self._words(row.label), self._words(row.value), self._words(row.note), row.heading)
                for row in self._rows
            ]
        )
        if focus is not None:
            window.select(next((place for place, row in enumerate(self._rows) if row.entry is not None), 0))
        window.fill(
            {
                "heading": self._kodi.text(heading),
                "message": self._kodi.say(message.words),
                "mood": message.mood,
                "retry": self._kodi.text(texts.RETRY_ALL) if retry else "",
                "search": self._kodi.text(texts.CORRECT_SEARCH) if correction else "",
                "close": self._kodi.text(back),
            },
            focus,
        )

    def _unavailable(self) -> Optional[Message]:
        """Why the library can't say what waits."""
        if not self._trakt.available:
            return Message(trouble.of_unavailable(self._trakt.trouble), ERROR)
        return Message(trouble.of_error(self._error), ERROR) if self._error else None

    def _dates(self) -> Dates:
        return as_set(None, self._kodi.region("dateshort"), self._kodi.region("time"))

    def _now(self) -> datetime:
        """By the box's clock, as the moments are that are shown here."""
        return of_timestamp(self._clock.wall())

    def _words(self, words: Words) -> str:
        return self._kodi.say(words) if isinstance(words, Text) else words


def _of_candidates(correction: _Correction) -> Message:
    if correction.searching:
        return Message(Text(texts.CORRECT_SEARCHING), BUSY)
    if correction.candidates:
        return Message(Text(texts.CORRECT_CHOOSE, {"title": entry_title(correction.entry)}), "")
    if correction.error:
        return Message(trouble.of_error(correction.error), WARNING)
    return Message(Text(texts.CORRECT_NOTHING), WARNING)


def _score(candidate: Mapping[str, Any]) -> float:
    score = candidate.get("score")
    return float(score) if isinstance(score, (int, float)) else 0.0
