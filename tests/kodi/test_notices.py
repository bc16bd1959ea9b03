"""In a real Kodi: the invitation to link, trouble as it starts and ends, and what skins can see."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from clip import make_clip
from driver import Kodi
from libtrakt import Client, Library, TraktError
from moved_clock import MovedClock
from package import ADDON
from paths import ROOT
from simtrakt import SETTINGS, Sim

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
PICTURES = ROOT / "target" / "kodi-screens"

FULLSCREEN_VIDEO = 12005

_TEXTS = ROOT / "plugin/kodi/service.libtrakt/resources/lib/traktkodi/texts.py"
_ENGLISH = ROOT / "plugin/kodi/service.libtrakt/resources/language/resource.language.en_gb/strings.po"


def number_of(name: str) -> int:
    """The id of a text by its name."""
    found = re.search(rf"^{name} = (\d+)$", _TEXTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"texts.py has no {name}"
    return int(found[1])


def words(name: str) -> str:
    """A text in English by its name."""
    found = re.search(rf'msgctxt "#{number_of(name)}"\nmsgid "(.*)"', _ENGLISH.read_text(encoding="utf-8"))
    assert found, f"strings.po has no {name}"
    return found[1]


def wait_question(kodi: Kodi, heading: str) -> None:
    kodi.wait_python_window()
    kodi.wait_property("heading", heading)


def answer(kodi: Kodi, label: str) -> None:
    kodi.focus_on(label, "right")
    kodi.press("select")
    kodi.wait_no_dialog()


def wait_told(kodi: Kodi, name: str, since: int = 0) -> None:
    """Waits for a notification."""
    kodi.wait_log(rf"\[service\.libtrakt\] notification {number_of(name)}\b", since)


def told(kodi: Kodi) -> List[int]:
    """The notifications so far."""
    return [int(number) for number in re.findall(r"\[service\.libtrakt\] notification (\d+)", kodi.whole_log())]


def keep_picture(kodi: Kodi, name: str, moving: float = 0.0) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    width, height = kodi.size
    shutil.copy(kodi.picture(moving), PICTURES / f"{name}-{width}x{height}.png")


def wait_no_notification(kodi: Kodi) -> None:
    """Waits until the last one has gone, Kodi's own included."""
    kodi.wait("no notification", lambda: not kodi.condition("Window.IsVisible(notification)"))


def keep_picture_of_notice(kodi: Kodi, name: str) -> None:
    kodi.wait("a notification", lambda: kodi.condition("Window.IsVisible(notification)"))
    # Its text may be moving.
    keep_picture(kodi, name, moving=0.2)


def state_file(kodi: Kodi) -> Path:
    return kodi.home.data_of(ADDON) / "state.json"


def play(kodi: Kodi, clip: Path) -> None:
    kodi.builtin(f'PlayMedia("{clip}")')
    kodi.wait("the video to play", lambda: kodi.condition("Player.HasVideo"))


class OtherAddon:
    """Another program on the same account, whose calls show up in the store."""

    def __init__(self, kodi: Kodi, sim: Sim, library: Library) -> None:
        folder = kodi.home.data_of(ADDON)
        self._config = sim.client_config(data_dir=folder, redirect_uri=sim.redirect_uri, client_secret=None)
        self._library = library

    def call(self, method: str = "settings.get", /, **params: Any) -> None:
        """Makes a call that may fail."""
        if method == "settings.get":
            params.setdefault("max_age_ms", 0)
        with Client(self._config, library=self._library) as client, suppress(TraktError):
            client.call(method, params)

    def add_to_watchlist(self, **item: Any) -> None:
        body = {"movies": [{"ids": {"trakt": 1}, **item}]}
        self.call("http.request", method="POST", path="/sync/watchlist", body=body)


@pytest.fixture
def other(library: Library, sim: Sim) -> Callable[[Kodi], OtherAddon]:
    return lambda kodi: OtherAddon(kodi, sim, library)


def test_who_has_no_account_is_asked_once_and_each_answer_does_what_it_says(
    start_kodi: Any, sim: Sim, moved_clock: MovedClock, tmp_path: Path
) -> None:
    kodi = start_kodi(addon_settings={"invite": "true"}, env=moved_clock.env())
    wait_question(kodi, words("INVITE_HEADING"))
    kodi.wait_focus("Link now")
    keep_picture(kodi, "question-invitation")
    answer(kodi, "Later")

    # A day later; a video has begun by then, and the question waits for its end.
    play(kodi, make_clip(tmp_path / "first.y4m", 12))
    moved_clock.run(25 * HOUR_MS)
    wait_question(kodi, words("INVITE_HEADING"))
    assert not kodi.condition("Player.HasVideo")
    kodi.wait_log("OnPlayBackEnded")

    # It steps aside for the next video, and comes back.
    play(kodi, make_clip(tmp_path / "second.y4m", 8))
    kodi.wait_window(FULLSCREEN_VIDEO)
    assert kodi.condition("Player.HasVideo")
    wait_question(kodi, words("INVITE_HEADING"))
    assert not kodi.condition("Player.HasVideo")
    kodi.press("back")
    kodi.wait_no_dialog()

    # Back is Later, also over a restart.
    kodi.quit()
    state = json.loads(state_file(kodi).read_text())
    state["invitation"]["asked"] -= 25 * 3600
    state_file(kodi).write_text(json.dumps(state))
    kodi.start()
    wait_question(kodi, words("INVITE_HEADING"))
    answer(kodi, "Never")
    kodi.wait("the setting", lambda: kodi.addon_setting(ADDON, "invite") == "false")

    # Who changes the setting back is asked again; Link now is the answer that has the focus.
    kodi.set_addon_setting(ADDON, "invite", "true")
    moved_clock.run(25 * HOUR_MS)
    wait_question(kodi, words("INVITE_HEADING"))
    kodi.press("select")
    sim.wait_log(path="/oauth/device/code")
    kodi.wait_python_window()
    kodi.wait("the link screen", lambda: kodi.window_property("heading") != words("INVITE_HEADING"))


def test_trouble_is_told_when_it_starts_and_when_it_ends(
    start_kodi: Any,
    link: Callable[..., None],
    other: Callable[[Kodi], OtherAddon],
    sim: Sim,
    moved_clock: MovedClock,
) -> None:
    kodi = start_kodi(start=False, env=moved_clock.env())
    link(kodi, username="sean", vip=False)
    addon = other(kodi)
    addon.call()
    kodi.start()
    kodi.wait_home_property("libtrakt.state", "linked")
    assert kodi.home_property("libtrakt.linked") == "true"
    kodi.wait_home_property("libtrakt.user", re.compile("."))

    wait_no_notification(kodi)
    kodi.builtin("RunScript(service.libtrakt,action=status)")
    wait_told(kodi, "TELL_LINKED")
    keep_picture_of_notice(kodi, "notice-status")

    def pass_time(ms: int) -> None:
        sim.advance_clock(ms)
        moved_clock.run(ms)

    # Trakt is down: Kodi's own calls notice it. (The library doesn't try again by itself what has to wait so long.)
    sim.fault("status", status=503, headers={"Retry-After": "100"}, host="api", times=0)
    pass_time(7 * HOUR_MS)
    kodi.wait_log("own call: server_error")
    pass_time(11 * MINUTE_MS)
    wait_told(kodi, "TROUBLE_SERVER")
    kodi.builtin("RunScript(service.libtrakt,action=status)")
    kodi.wait("it to be told again on demand", lambda: told(kodi).count(number_of("TROUBLE_SERVER")) == 2)
    sim.clear_faults()
    pass_time(HOUR_MS)
    wait_told(kodi, "ANSWERS_AGAIN")
    wait_no_notification(kodi)
    # The account is locked, and works again: other add-ons' calls notice it.
    sim.account(locked=True)
    addon.call()
    wait_told(kodi, "TROUBLE_LOCKED")
    kodi.wait_home_property("libtrakt.state", "locked")
    keep_picture_of_notice(kodi, "notice-locked")
    sim.account(locked=False)
    addon.call()
    wait_told(kodi, "WORKS_AGAIN")

    # A limit of somebody's call.
    sim.settings(limits={"watchlist": {"item_count": 0}})
    addon.add_to_watchlist()
    wait_told(kodi, "TROUBLE_LIMIT_OF")
    addon.call()
    sim.advance_clock(2000)
    addon.add_to_watchlist(notes="mine")
    wait_told(kodi, "TROUBLE_VIP_ONLY")

    # The key is refused.
    sim.account(app_refused=True)
    addon.call()
    wait_told(kodi, "TROUBLE_APP_REFUSED")
    sim.account(app_refused=False)
    addon.call()
    kodi.wait("its end", lambda: told(kodi).count(number_of("WORKS_AGAIN")) == 2)

    # Trakt ends the session: a question, and linking again.
    sim.end_session()
    addon.call()
    wait_question(kodi, words("SESSION_HEADING"))
    keep_picture(kodi, "question-session")
    kodi.wait_focus("Link again")
    kodi.press("select")
    sim.wait_log(path="/oauth/device/code", done=True)
    sim.approve()
    kodi.wait_home_property("libtrakt.state", "linked")
    kodi.press("back")
    kodi.wait_no_dialog()
    once = [number for number in told(kodi) if number != number_of("TROUBLE_SERVER")]
    assert len(once) - len(set(once)) <= 1, f"only one text serves for two ends: {once}"
    kodi.quit()
    assert kodi.home.log.exists()


def test_a_store_from_another_box_is_explained_as_that(
    start_kodi: Any,
    link: Callable[..., None],
    other: Callable[[Kodi], OtherAddon],
    sim: Sim,
    library: Library,
) -> None:
    kodi = start_kodi(start=False, size=(1920, 1080), addon_settings={"invite": "true"})
    kodi.start()
    wait_question(kodi, words("INVITE_HEADING"))
    keep_picture(kodi, "question-invitation")
    kodi.press("back")
    kodi.quit()

    link(kodi)
    config = sim.client_config(data_dir=kodi.home.data_of(ADDON), client_secret=None)
    with Client(config, library=library) as client:
        since = client.account()["since"]
    state: Dict[str, Any] = json.loads(state_file(kodi).read_text())
    state["machine"] = {"since": since, "id": "0123456789abcdef"}
    state_file(kodi).write_text(json.dumps(state))
    kodi.start()
    kodi.wait_home_property("libtrakt.state", "linked")
    sim.end_session()
    other(kodi).call()
    wait_question(kodi, words("SESSION_HEADING"))
    assert kodi.window_property("text") == words("COPIED_TEXT")
    keep_picture(kodi, "question-copied")
    answer(kodi, "Later")
    wait_no_notification(kodi)
    kodi.builtin("RunScript(service.libtrakt,action=status)")
    wait_told(kodi, "COPIED_TEXT")
    keep_picture_of_notice(kodi, "notice-copied")
    assert SETTINGS in {request["path"] for request in sim.log()}
