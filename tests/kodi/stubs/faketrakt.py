"""A stand-in for traktkodi.trakt.Trakt: the same interface, answers and accounts as the test says."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

import libtrakt

Then = Callable[[Any, Optional[libtrakt.TraktError]], None]
#: How a call ends: with data or with an error.
Answer = Union[Any, libtrakt.TraktError]

NO_ACCOUNT: Mapping[str, Any] = {"state": "none", "linked": False}


def error(code: str, **more: Any) -> libtrakt.TraktError:
    """An error of the library by its code, such as `error("network", retryable=True)`."""
    return libtrakt.errors.from_error({"code": code, "message": f"this is {code}", **more})


class FakeTrakt:
    """The library as a test wants it."""

    def __init__(self) -> None:
        self.config: Dict[str, Any] = {}
        self.trouble: Optional[Exception] = None
        self.available = True
        self.library_version: Optional[str] = libtrakt.__version__
        #: What `account()` and `login()` give.
        self.account_now: Mapping[str, Any] = NO_ACCOUNT
        self.login_now: Mapping[str, Any] = {"state": "idle"}
        #: Answers of methods for `submit` (given by the next `step`) and `ask`; a function is called with the params.
        self.answers: Dict[str, Any] = {}
        #: What was asked for, in order.
        self.submitted: List[Tuple[str, Mapping[str, Any]]] = []
        self.asked: List[Tuple[str, Mapping[str, Any]]] = []
        self.logins_started: List[Dict[str, Any]] = []
        self.logins_cancelled = 0
        self.opened: List[Dict[str, Any]] = []
        self.closed = False
        #: Handed out once each, then gone.
        self.records_now: List[Mapping[str, Any]] = []
        #: Handed out once each, then gone.
        self.events_now: List[Mapping[str, Any]] = []
        #: What the player was reported to do, and what is said to it: a mapping, an error, or a function of the fact.
        self.facts: List[Dict[str, Any]] = []
        self.player_answer: Any = {"state": "playing", "reason": None, "counts": False, "progress": None}
        self._running: List[Tuple[str, Mapping[str, Any], Then]] = []

    # what tests do

    def finish(self, method: str, answer: Answer) -> None:
        """The oldest running call of this method ends, and whoever made it is told."""
        entry = next(entry for entry in self._running if entry[0] == method)
        self._running.remove(entry)
        self._tell(entry[2], answer)

    @property
    def running(self) -> List[str]:
        """The methods of the calls under way."""
        return [method for method, _, _ in self._running]

    # what the add-on does

    def open(self, config: Mapping[str, Any], trouble: Optional[Exception] = None) -> None:
        self.config = dict(config)
        self.trouble = trouble
        self.opened.append(self.config)
        self.closed = False

    def close(self) -> None:
        self.closed = True
        running, self._running = self._running, []
        for _, _, then in running:
            then(None, error("closed"))

    @property
    def busy(self) -> bool:
        return bool(self._running)

    def build_info(self) -> Dict[str, Any]:
        return {"target": "x86_64-unknown-linux-gnu", "version": libtrakt.__version__}

    def account(self) -> Mapping[str, Any]:
        return self.account_now if self.available else {"state": "unavailable", "linked": False}

    def start_login(self, **options: Any) -> Mapping[str, Any]:
        self.logins_started.append(options)
        self.login_now = {"state": "starting"}
        return self.login()

    def login(self) -> Mapping[str, Any]:
        return self.login_now if self.available else {"state": "idle"}

    def cancel_login(self) -> Mapping[str, Any]:
        self.logins_cancelled += 1
        self.login_now = {"state": "cancelled"}
        return self.login()

    def player_event(self, fact: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self.available:
            return {}
        self.facts.append(dict(fact))
        answer = self.player_answer(fact) if callable(self.player_answer) else self.player_answer
        if isinstance(answer, libtrakt.TraktError):
            raise answer
        return answer

    def submit(self, method: str, params: Optional[Mapping[str, Any]], then: Then) -> None:
        if self.available:
            self.submitted.append((method, params or {}))
            self._running.append((method, params or {}, then))

    def ask(self, method: str, params: Optional[Mapping[str, Any]] = None) -> Any:
        if not self.available:
            return None
        self.asked.append((method, params or {}))
        answer = self._answer(method, params or {})
        if isinstance(answer, libtrakt.TraktError):
            raise answer
        return answer

    def qr_code(self, text: str, folder: str) -> str:
        params = {"text": text, "dir": folder}
        self.asked.append(("qr.write", params))
        answer = self._answer("qr.write", params)
        return "" if isinstance(answer, (libtrakt.TraktError, type(None))) else str(answer["png_path"])

    def step(self) -> None:
        for method, params, then in [entry for entry in self._running if entry[0] in self.answers]:
            self._running.remove((method, params, then))
            self._tell(then, self._answer(method, params))

    def log_records(self) -> List[Mapping[str, Any]]:
        records, self.records_now = self.records_now, []
        return records

    def events(self) -> List[Mapping[str, Any]]:
        events, self.events_now = self.events_now, []
        return events

    def _answer(self, method: str, params: Mapping[str, Any]) -> Answer:
        answer = self.answers.get(method)
        return answer(params) if callable(answer) else answer

    @staticmethod
    def _tell(then: Then, answer: Answer) -> None:
        if isinstance(answer, libtrakt.TraktError):
            then(None, answer)
        else:
            then(answer, None)
