"""The states that the add-on can be in when Kodi wants it to end, and how a person brings it there.

    state = STATES["link screen, asking"]
    state.enter(kodi, sim)

Knows nothing of how it ends, nor of pytest.
"""

from __future__ import annotations

import re
from typing import Callable, Dict, List, Mapping, NamedTuple, Sequence

import clip
from driver import NOT_STOPPED, Kodi
from package import ADDON
from paths import ROOT
from simtrakt import DEVICE_CODE, DEVICE_TOKEN, REVOKE, SETTINGS, TOKEN, Sim

#: What was measured in each, a file for each; figures.py shows it.
FIGURES = ROOT / "target" / "kodi-figures"

CODE = re.compile(r"^\w{4} \w{4}$")


class State(NamedTuple):
    """A state; `enter` may be called again in another profile, and after a restart."""

    name: str
    #: Whether an account has to be linked before.
    linked: bool
    enter: Callable[[Kodi, Sim], None]
    #: Settings of the add-on besides those of the simulated Trakt.
    settings: Mapping[str, str] = {}
    #: How the simulated Trakt is started.
    flags: Sequence[str] = ()


def wait_service(kodi: Kodi) -> None:
    """Until the service has looked at the account."""
    kodi.wait_home_property("libtrakt.state", re.compile("."))


def open_screen(kodi: Kodi, action: str) -> None:
    """Opens a screen of the add-on, as skins do, and waits for it."""
    wait_service(kodi)
    kodi.builtin(f"RunScript({ADDON},action={action})")
    kodi.wait_python_window()


def wait_code(kodi: Kodi) -> None:
    """Until the link screen shows a code."""
    kodi.wait_property("code", CODE)


def press_button(kodi: Kodi, label: str) -> None:
    """Presses a button of the screen on top, by keys."""
    kodi.wait_property("armed", re.compile("true|^$"))
    kodi.focus_on(label, "right")
    kodi.press("select")


def hide_login(kodi: Kodi) -> None:
    """Leaves the link screen with a code on it; the login goes on."""
    open_screen(kodi, "link")
    wait_code(kodi)
    kodi.press("back")
    kodi.wait_no_dialog()


def fail(sim: Sim, kind: str, path: str = "/*", host: str = "any") -> int:
    """From now on such requests fail; those that a fault of before keeps waiting are let go."""
    sim.clear_faults()
    return sim.fault(kind, path=path, host=host, times=0)


def stop_ms(kodi: Kodi, mark: int) -> int:
    """How long Kodi waited for the service, which it has ended since the mark, or is about to end."""
    end = rf"/{re.escape(ADDON)}/service\.py\): script termination took (\d+)ms"
    if kodi.alive:
        kodi.wait_log(end, mark)
    log = kodi.log(mark)
    assert NOT_STOPPED not in log, log
    found = re.findall(end, log)
    assert len(found) == 1, f"The service was ended {len(found)} times:\n{log[-6_000:]}"
    return int(found[0])


def _idle(kodi: Kodi, sim: Sim) -> None:
    kodi.wait_home_property("libtrakt.state", "none")


def _idle_linked(kodi: Kodi, sim: Sim) -> None:
    kodi.wait_home_property("libtrakt.linked", "true")


def _invited(kodi: Kodi, sim: Sim) -> None:
    kodi.wait_python_window()
    kodi.wait_focus("Link now")


def _asking(kodi: Kodi, sim: Sim) -> None:
    fail(sim, "silence", DEVICE_CODE)
    mark = sim.mark()
    open_screen(kodi, "link")
    kodi.wait_property("text", "Asking Trakt for a code…")
    sim.wait_log(path=DEVICE_CODE, since=mark)


def _pending(kodi: Kodi, sim: Sim) -> None:
    open_screen(kodi, "link")
    wait_code(kodi)


def _outcome(kodi: Kodi, sim: Sim) -> None:
    _pending(kodi, sim)
    sim.deny()
    kodi.wait_property("text", re.compile("^You refused this at Trakt"))


def _account_screen(kodi: Kodi, sim: Sim) -> None:
    _idle_linked(kodi, sim)
    fault = fail(sim, "silence", SETTINGS)
    open_screen(kodi, "account")
    press_button(kodi, "Check now")
    kodi.wait_property("message", "Checking…")
    sim.wait_fault(fault)


def _unlinking(kodi: Kodi, sim: Sim) -> None:
    _idle_linked(kodi, sim)
    fault = fail(sim, "silence", REVOKE)
    open_screen(kodi, "unlink")
    kodi.wait_focus("Cancel")
    press_button(kodi, "Unlink")
    sim.wait_fault(fault)
    kodi.wait_property("message", "Unlinking…")


def _login_in_background(kodi: Kodi, sim: Sim) -> None:
    hide_login(kodi)


def _poll_is_silent(kodi: Kodi, sim: Sim) -> None:
    sim.clear_faults()
    hide_login(kodi)
    sim.wait_fault(fail(sim, "silence", DEVICE_TOKEN))


def _handshake_is_silent(kodi: Kodi, sim: Sim) -> None:
    fault = fail(sim, "handshake_silence", host="auth")
    open_screen(kodi, "link")
    kodi.wait_property("text", "Asking Trakt for a code…")
    sim.wait_fault(fault)


def _names_are_silent(kodi: Kodi, sim: Sim) -> None:
    open_screen(kodi, "link")
    kodi.wait_property("text", "Asking Trakt for a code…")


def _refreshing(kodi: Kodi, sim: Sim) -> None:
    _idle_linked(kodi, sim)
    fault = fail(sim, "silence", TOKEN)
    sim.expire_access()
    open_screen(kodi, "account")
    press_button(kodi, "Check now")
    sim.wait_fault(fault)


def _report(kodi: Kodi, sim: Sim) -> None:
    open_screen(kodi, "report")
    kodi.wait_property("text", re.compile("== Versions"))


def _outbox(kodi: Kodi, sim: Sim) -> None:
    _idle_linked(kodi, sim)
    open_screen(kodi, "outbox")
    kodi.wait_property("mood", "ok")


def _rating(kodi: Kodi, sim: Sim) -> None:
    _idle_linked(kodi, sim)
    film = {"kind": "movie", "title": "Heat", "year": "1995"}
    # As the script of the context menu does.
    kodi.rpc("JSONRPC.NotifyAll", sender=ADDON, message="action", data={"action": "rate", "facts": film})
    kodi.wait_python_window()
    kodi.wait_property("title", "Heat (1995)")


def _settings_page(kodi: Kodi, sim: Sim) -> None:
    wait_service(kodi)
    kodi.open_addon_settings(ADDON)


def _video(kodi: Kodi, sim: Sim) -> None:
    _idle_linked(kodi, sim)
    kodi.builtin(f'PlayMedia("{clip.make_clip(kodi.folder / "clip.y4m", 600)}")')
    kodi.wait("the video to play", lambda: kodi.condition("Player.HasVideo"))


_ALL: List[State] = [
    State("idle, nothing linked", False, _idle),
    State("idle, linked", True, _idle_linked),
    State("a question", False, _invited, {"invite": "true"}),
    State("link screen, asking", False, _asking),
    State("link screen, with a code", False, _pending),
    State("link screen, an outcome", False, _outcome),
    State("account screen, Trakt is silent", True, _account_screen),
    State("unlinking, Trakt is silent", True, _unlinking),
    State("login in the background", False, _login_in_background),
    State("login in the background, Trakt is silent", False, _poll_is_silent),
    State("link screen, a silent handshake", False, _handshake_is_silent, flags=["--https"]),
    State("link screen, silent name servers", False, _names_are_silent, {"auth_url": "", "api_url": ""}),
    State("refresh under way, Trakt is silent", True, _refreshing),
    State("support report", False, _report),
    State("outbox screen", True, _outbox),
    State("rating dialog", True, _rating),
    State("the add-on's settings page", False, _settings_page),
    State("a video plays", True, _video),
]

#: By name.
STATES: Dict[str, State] = {state.name: state for state in _ALL}
