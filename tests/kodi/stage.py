"""Shows the add-on's own screens in the states of scenes.py, with a library behind them that says what the scene wants.

Runs in Kodi (`gallery.py`) and against the stubs (`unit/test_windows.py`).
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, Mapping, Optional

import libtrakt
from faketrakt import FakeTrakt
from scenes import SCENES, UPGRADE, Scene
from traktkodi import native, texts
from traktkodi.account import AccountControl
from traktkodi.clock import Clock
from traktkodi.kodi import Kodi
from traktkodi.link import LinkControl
from traktkodi.outbox import OutboxControl
from traktkodi.questions import Questions
from traktkodi.ratings import Ratings
from traktkodi.report import Report
from traktkodi.settings import Settings
from traktkodi.state import State
from traktkodi.texts import Text

_SETTINGS = Settings(notify_link=True, notify_trouble=True, invite=True, config={})
_TROUBLES: Dict[str, Callable[[], Optional[Exception]]] = {
    "no client id": lambda: None,
    "NativeError": lambda: native.NativeError(
        Text(texts.LIBRARY_NO_DEVICE, {"platform": "linux-riscv64"}), "for a picture"
    ),
}


class _Library(FakeTrakt):
    """A login that is asked for has begun, and no more."""

    def start_login(self, **options: Any) -> Mapping[str, Any]:
        self.login_now = {"login_id": "a", "state": "starting"}
        return self.login()


class Stage:
    """One scene on the screen at a time."""

    def __init__(self, kodi: Kodi, clock: Clock, folder: str, write_qr: Callable[[Mapping[str, Any]], Any]) -> None:
        """`folder`: where screens may leave files; `write_qr`: does what the method qr.write does."""
        self._kodi = kodi
        self._clock = clock
        self._folder = folder
        self._write_qr = write_qr
        self._step: Callable[[], None] = lambda: None
        self._close: Callable[[], None] = lambda: None

    def show(self, name: str) -> None:
        """Opens the scene's screen; what was there before is closed."""
        self.close()
        scene = SCENES[name]
        trakt = self._trakt(scene)
        show = {
            "link": self._link,
            "account": self._account,
            "question": self._question,
            "text": self._text,
            "outbox": self._outbox,
            "rating": self._rating,
        }
        show[scene.screen](scene, trakt)

    def step(self) -> None:
        """What the service does ten times a second."""
        self._step()

    def close(self) -> None:
        """Takes everything off the screen."""
        self._close()
        self._step = self._close = lambda: None

    def _trakt(self, scene: Scene) -> FakeTrakt:
        trakt = _Library()
        trakt.account_now = _moments(scene.account)
        trakt.available = not scene.unavailable
        trakt.trouble = _TROUBLES[scene.unavailable]() if scene.unavailable else None
        settings = _moments(scene.settings or {})

        def counts(params: Mapping[str, Any]) -> Mapping[str, Any]:
            if params["path"] == "/users/me/lists":
                sizes = [scene.used.get("list.item_count", 0), *[1] * (scene.used.get("list.count", 1) - 1)]
                return {"headers": {}, "body": [{"item_count": size} for size in sizes]}
            name = params["path"].rpartition("/")[2] + ".item_count"
            return {"headers": {"x-pagination-item-count": scene.used.get(name, 0)}, "body": []}

        def limit(params: Mapping[str, Any]) -> Mapping[str, Any]:
            group, _, kind = params["limit"].partition(".")
            room = settings["limits"][group][kind] - params["have"]
            return {"allowed": room > 0, "known": True, "remaining": max(0, room), "upgrade_url": UPGRADE}

        trakt.answers = {
            "settings.get": settings or libtrakt.errors.from_error({"code": "not_linked", "message": "none"}),
            "http.request": counts,
            "limit.check": limit,
            "qr.write": self._write_qr,
        }
        if scene.outbox is not None:
            trakt.answers["outbox.list"] = lambda params: _of_state(_moments(scene.outbox), params.get("state"))
        if scene.candidates is not None:
            # Whatever is typed is found, and what it is called is what was typed.
            typed = lambda query: [{"type": "movie", "title": query, "year": 1999, "ids": {"trakt": 9}}]  # noqa: E731
            trakt.answers["match.search"] = lambda params: {
                "candidates": typed(params["query"]) if params.get("query") else scene.candidates
            }
            trakt.answers["match.set"] = {"retried": 1}
        return trakt

    def _link(self, scene: Scene, trakt: FakeTrakt) -> None:
        control = LinkControl(self._kodi, trakt, self._clock, self._folder)
        trakt.login_now = scene.logins[0] if scene.logins else {"state": "idle"}
        control.open()
        for login in scene.logins[1:]:
            control.step(trakt.account(), _SETTINGS)
            trakt.login_now = login
        self._step = lambda: control.step(trakt.account(), _SETTINGS)
        self._close = control.close

    def _account(self, scene: Scene, trakt: FakeTrakt) -> None:
        questions = Questions(self._kodi, self._clock)
        control = AccountControl(self._kodi, trakt, self._clock, self._folder, questions)
        control.open()

        def step() -> None:
            trakt.step()
            control.step(trakt.account())

        self._step, self._close = step, control.close

    def _question(self, scene: Scene, trakt: FakeTrakt) -> None:
        questions = Questions(self._kodi, self._clock)
        heading, text, *answers = (Text(getattr(texts, name)) for name in scene.question)
        questions.ask(heading, text, answers, lambda answer: None, now=True)
        self._step, self._close = questions.step, questions.close

    def _outbox(self, scene: Scene, trakt: FakeTrakt) -> None:
        questions = Questions(self._kodi, self._clock)
        control = OutboxControl(self._kodi, trakt, self._clock, questions)
        control.open()
        if scene.candidates is not None and scene.outbox is not None:
            control.correct(scene.outbox["entries"][0])

        def step() -> None:
            trakt.step()
            control.step()
            questions.step()

        def close() -> None:
            questions.close()
            control.close()

        self._step, self._close = step, close

    def _rating(self, scene: Scene, trakt: FakeTrakt) -> None:
        state = State(os.path.join(self._folder, "state.json"))
        ratings = Ratings(self._kodi, trakt, self._clock, state)
        item = scene.rated or {}
        if scene.rating is not None:
            ratings.remember(item, scene.rating)
        ratings.rate(item)
        self._step = lambda: ratings.step(trakt.account(), _SETTINGS)
        self._close = ratings.close

    def _text(self, scene: Scene, trakt: FakeTrakt) -> None:
        report = Report(self._kodi, trakt, self._folder)
        for number in range(60):
            message = f"GET /users/settings answered 200 after {number * 7 % 90 + 40} ms; the next look is in six hours"
            record = {"at": "2026-01-01T00:00:00Z", "level": "info", "target": "trakt::http", "message": message}
            report.collect([record])
        report.open()
        self._close = report.close


def _of_state(outbox: Mapping[str, Any], state: Optional[str]) -> Mapping[str, Any]:
    entries = [entry for entry in outbox["entries"] if state in (None, "all", entry["state"])]
    return {**outbox, "entries": entries, "next": outbox["next"] if state == "waiting" else None}


def _moments(value: Any) -> Any:
    """The same with moments in place of "@" and seconds from now."""
    if isinstance(value, Mapping):
        return {key: _moments(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_moments(inner) for inner in value]
    if isinstance(value, str) and value.startswith("@"):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + int(value[1:])))
    return value
