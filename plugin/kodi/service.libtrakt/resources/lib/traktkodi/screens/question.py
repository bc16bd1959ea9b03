"""The window of a question: heading, text and up to three answers. Knows nothing of what is asked."""

from __future__ import annotations

from typing import Sequence

from .base import Screen


class QuestionScreen(Screen):
    """A question; `on_click` is told the control of the answer, the first one being FIRST_ANSWER."""

    XML = "libtrakt-question.xml"
    FIRST_ANSWER = 101

    def ask(self, heading: str, text: str, answers: Sequence[str]) -> None:
        """What to show. The window's default control is the first answer: to move the focus there once more would undo
        what a quick hand has pressed meanwhile."""
        values = {"heading": heading, "text": text}
        values.update({f"answer{number}": answer for number, answer in enumerate(answers, 1)})
        self.fill(values)
