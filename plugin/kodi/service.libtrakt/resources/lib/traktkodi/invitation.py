"""When to ask "link now?" a person who has no account linked yet. Knows nothing of how linking works."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional

from . import texts
from .clock import Clock
from .daily import Daily
from .kodi import Kodi
from .questions import Questions
from .settings import Settings
from .state import State
from .texts import Text

_QUESTION = Text(texts.INVITE_HEADING)
_ANSWERS = (Text(texts.INVITE_LINK_NOW), Text(texts.LATER), Text(texts.NEVER))
_NOW, _LATER, _NEVER = range(3)
#: The setting that Never switches off.
_SETTING = "invite"

_ASKED = "asked"
#: Who has unlinked knows where linking is found; kept until an account is linked.
_UNLINKED = "unlinked"


class Invitation:
    """The question; asked when there is nothing else on the screen, and not again for a day."""

    def __init__(self, kodi: Kodi, clock: Clock, state: State, questions: Questions) -> None:
        """Nothing is asked yet."""
        self._kodi = kodi
        self._state = state
        self._questions = questions
        self._days = Daily(clock, state, "invitation")
        self._was: Optional[str] = None
        self.on_link: Callable[[], Any] = lambda: None

    def step(self, account: Mapping[str, Any], settings: Settings) -> None:
        """Asks if it is time; takes the question back when it makes no sense any more."""
        self._days.step()
        self._look_at(str(account.get("state")))
        if account.get("pending_login") and not self._days.lately(_ASKED):
            # Whoever links, and then thinks better of it, has not waited for this question.
            self._note()
        if not self._wanted(account, settings):
            self._questions.withdraw(_QUESTION)
        elif not self._days.lately(_ASKED):
            self._questions.ask(_QUESTION, Text(texts.INVITE_TEXT), _ANSWERS, self._answered, on_show=self._note)

    def _look_at(self, state: str) -> None:
        if state == "none" and self._was not in (None, "none", "unavailable"):
            self._state.set(_UNLINKED, True)
        elif state not in ("none", "unavailable"):
            self._state.set(_UNLINKED, None)
        self._was = state

    def _wanted(self, account: Mapping[str, Any], settings: Settings) -> bool:
        return (
            settings.invite
            and account.get("state") == "none"
            and not account.get("pending_login")
            and not self._state.get(_UNLINKED)
        )

    def _note(self) -> None:
        self._days.note(_ASKED)

    def _answered(self, answer: Optional[int]) -> None:
        self._note()
        if answer == _NOW:
            self.on_link()
        elif answer == _NEVER:
            self._kodi.set_setting(_SETTING, "false")
