"""Asks the user, one question at a time, without ever waiting for the answer. Knows nothing of what is asked.

A question that the add-on asks of its own accord waits until nobody watches a video and no other dialog is open, and
steps aside when a video starts. Two questions with the same heading are the same question: it is asked once.
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional, Sequence

from .calm import NO_QUESTION, WATCHING, Calm
from .clock import Clock
from .kodi import Kodi
from .screens.question import QuestionScreen
from .texts import Text

#: Told which answer was given: its index, or None for Back.
Then = Callable[[Optional[int]], None]


class _Question(NamedTuple):
    heading: Text
    text: Text
    answers: Sequence[Text]
    then: Then
    now: bool
    on_show: Optional[Callable[[], None]]


class Questions:
    """The questions that wait, and the one on the screen."""

    def __init__(self, kodi: Kodi, clock: Clock) -> None:
        """Nothing is asked yet."""
        self._kodi = kodi
        self._calm = Calm(kodi, clock, NO_QUESTION)
        self._waiting: List[_Question] = []
        self._asked: Optional[_Question] = None
        self._screen: Optional[QuestionScreen] = None
        self._has_been_seen = False

    @property
    def showing(self) -> bool:
        """Whether a question is on the screen."""
        return self._screen is not None

    def ask(
        self,
        heading: Text,
        text: Text,
        answers: Sequence[Text],
        then: Then,
        now: bool = False,
        on_show: Optional[Callable[[], None]] = None,
    ) -> None:
        """Asks with up to three answers, the first one having the focus; `then` is told the index of the answer, or
        None for Back. `on_show` is told when the question comes onto the screen.

        With `now`, because the user has just wished for it, the question comes at once and over anything. A question
        that already waits or is on the screen isn't asked twice: without `now` this one is dropped, with it the other.
        """
        if self._knows(heading):
            if not now:
                return
            self.withdraw(heading)
        question = _Question(heading, text, answers, then, now, on_show)
        if now:
            self._step_aside()
            self._show(question)
        else:
            self._waiting.append(question)

    def withdraw(self, heading: Text) -> None:
        """Forgets a question, on the screen or not; nobody is told."""
        self._waiting = [question for question in self._waiting if question.heading.id != heading.id]
        if self._asked and self._asked.heading.id == heading.id:
            self._take()

    def step(self) -> None:
        """Shows the next question if this is the moment, and steps aside for a video."""
        if self._screen and self._asked:
            if self._has_been_seen and not self._screen.visible:
                # Kodi closed it, as it does with all dialogs when it loads a skin: that is no answer.
                self._end(None)
            elif not self._asked.now and any(self._kodi.condition(condition) for condition in WATCHING):
                self._step_aside()
            else:
                self._has_been_seen = self._screen.visible
        elif self._waiting and self._calm.lasts():
            self._show(self._waiting.pop(0))

    def close(self) -> None:
        """Closes the window and forgets what waits."""
        self._waiting = []
        self._take()

    def _knows(self, heading: Text) -> bool:
        asked = [self._asked] if self._asked else []
        return any(question.heading.id == heading.id for question in asked + self._waiting)

    def _show(self, question: _Question) -> None:
        self._asked = question
        self._has_been_seen = False
        self._screen = QuestionScreen(self._kodi.addon_path, self._answered, self._left)
        self._screen.ask(
            self._kodi.say(question.heading),
            self._kodi.say(question.text),
            [self._kodi.say(answer) for answer in question.answers],
        )
        self._screen.show()
        if question.on_show:
            question.on_show()

    def _step_aside(self) -> None:
        question = self._take()
        if question:
            self._waiting.insert(0, question)

    def _take(self) -> Optional[_Question]:
        """Takes the question off the screen."""
        question, self._asked = self._asked, None
        screen, self._screen = self._screen, None
        if screen:
            screen.close()
        return question

    def _answered(self, control: int) -> None:
        index = control - QuestionScreen.FIRST_ANSWER
        if self._asked and 0 <= index < len(self._asked.answers):
            self._end(index)

    def _left(self) -> None:
        self._end(None)

    def _end(self, answer: Optional[int]) -> None:
        question = self._take()
        if question:
            question.then(answer)
