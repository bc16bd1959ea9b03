"""Linking in a real Kodi, by the keys of a remote control: what is shown of each outcome, and what goes on without the
screen. Each state's picture is kept in target/kodi-screens."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, List, Tuple

import pytest
from disk import Disk
from display import qr_texts
from driver import ADDON_SETTINGS_DIALOG, Kodi
from libtrakt import Client, Library
from moved_clock import MovedClock
from package import ADDON
from paths import ROOT
from simtrakt import DEVICE_CODE, DEVICE_TOKEN, Sim

PICTURES = ROOT / "target" / "kodi-screens"
PRESS_APPROVE = ROOT / "tests" / "press_approve.py"
TEXTS = ROOT / "plugin/kodi/service.libtrakt/resources/lib/traktkodi/texts.py"
ENGLISH = ROOT / "plugin/kodi/service.libtrakt/resources/language/resource.language.en_gb/strings.po"

APPS_URL = "https://app.trakt.tv/settings/apps"
A_CODE = re.compile(r"^\w{4} \w{4}$")


def number_of(name: str) -> int:
    """The id of a text by its name."""
    found = re.search(rf"^{name} = (\d+)$", TEXTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"texts.py has no {name}"
    return int(found[1])


def words(name: str, /, **values: str) -> str:
    """A text in English by its name, its placeholders filled."""
    found = re.search(rf'msgctxt "#{number_of(name)}"\nmsgid "(.*)"', ENGLISH.read_text(encoding="utf-8"))
    assert found, f"strings.po has no {name}"
    text = found[1]
    for key, value in values.items():
        text = text.replace("{" + key + "}", value)
    return text


class LinkScreen:
    """The link screen as somebody sees it who has a remote control."""

    def __init__(self, kodi: Kodi) -> None:
        self.kodi = kodi

    def open(self) -> None:
        self.kodi.builtin("RunScript(service.libtrakt,action=link)")
        self.kodi.wait_python_window()

    def wait_text(self, *names: str, **values: str) -> None:
        """Waits until it says these texts, one behind the other."""
        wanted = " ".join(words(name, **values) for name in names)
        self.kodi.wait_property("text", wanted)

    def wait_code(self, other_than: str = "") -> str:
        """Waits for a code, and returns it as Trakt knows it."""

        def look() -> str:
            code = self.kodi.label("Window.Property(code)")
            return code if A_CODE.match(code) and code.replace(" ", "") != other_than else ""

        return self.kodi.wait("a code", look).replace(" ", "")

    def press(self, button: str) -> None:
        """Goes to a button and presses it, once keys count."""
        self.kodi.wait_property("armed", "true")
        self.kodi.focus_on(button, "right")
        self.kodi.press("select")

    def again(self, other_than: str = "") -> str:
        """Presses Try again, and waits for the code."""
        self.press("Try again")
        return self.wait_code(other_than)

    def buttons(self) -> List[str]:
        return [label for label in self.kodi.labels(*(f"Window.Property(button.{n})" for n in (1, 2, 3))) if label]

    def keep(self, state: str) -> Path:
        """Keeps the picture of a state. The wheel turns and the time runs meanwhile."""
        picture = self.kodi.picture(moving=0.2)
        width, height = self.kodi.size
        PICTURES.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, PICTURES / f"link-{state}-{width}x{height}.png")
        return picture


@pytest.fixture
def quick_sim(sim: Sim) -> Sim:
    """Trakt may be asked once a second."""
    sim.config(device_interval_s=1)
    return sim


def other_program(kodi: Kodi, sim: Sim, library: Library) -> Client:
    """Another program that uses the same data."""
    config = sim.client_config(data_dir=kodi.home.data_of(ADDON), client_secret=None)
    return Client(config, library=library)


def approve_at_trakts_page(url: str) -> None:
    subprocess.run([sys.executable, str(PRESS_APPROVE), url], check=True)


def wait_told(kodi: Kodi, name: str, since: int = 0) -> None:
    """Waits for a notification."""
    kodi.wait_log(rf"\[service\.libtrakt\] notification {number_of(name)}\b", since)
    kodi.wait("the notification", lambda: kodi.condition("Window.IsVisible(notification)"))


def test_an_account_is_linked_by_keys_alone(kodi: Kodi, quick_sim: Sim) -> None:
    quick_sim.account(username="sean", name="Sean Rudford", vip=True)
    screen = LinkScreen(kodi)
    screen.open()
    code = screen.wait_code()
    assert kodi.window_property("url") == f"{quick_sim.auth_url}/activate"
    kodi.wait_focus("Hide")
    kodi.press("right")
    kodi.wait_focus("New code")
    kodi.press("right")
    kodi.wait_focus("Cancel")
    # Round about, and nowhere else.
    kodi.press("up", "down", "right")
    kodi.wait_focus("Hide")
    address = kodi.qr()
    assert address == f"{quick_sim.auth_url}/activate/{code}"
    approve_at_trakts_page(address)
    screen.wait_text("LINK_LINKED_VIP", name="Sean Rudford (sean)")
    assert screen.buttons() == ["Close", "Account"]
    kodi.wait_home_property("libtrakt.linked", "true")
    kodi.wait_focus("Close")
    kodi.wait_property("armed", "true")
    kodi.press("select")
    kodi.wait_no_dialog()


SIZES = pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)], ids=["720p", "1080p"])


@SIZES
def test_a_code_is_asked_for_shown_and_kept_through_every_trouble(
    start_kodi: Any, quick_sim: Sim, library: Library, size: Tuple[int, int]
) -> None:
    sim = quick_sim
    kodi = start_kodi(size=size)
    screen = LinkScreen(kodi)

    # Trakt says nothing, then the connection breaks.
    sim.fault("silence", path=DEVICE_CODE)
    screen.open()
    screen.wait_text("LINK_ASKING")
    assert screen.buttons() == ["Hide", "Cancel"]
    screen.keep("asking")
    sim.fault("reset", path=DEVICE_CODE, times=0)
    sim.clear_faults(1)
    screen.wait_text("LINK_NO_NETWORK", "LINK_TRYING")
    screen.keep("no-network")
    sim.clear_faults()

    code = screen.wait_code()
    screen.wait_text("LINK_WAITING")
    kodi.wait_property("left", re.compile(r"^(10:00|9:5\d)$"))
    assert kodi.window_property("percent") in ("99", "100")
    assert qr_texts(screen.keep("code")) == [f"{sim.auth_url}/activate/{code}"]

    for state, cause, fault in (
        ("no-network", "LINK_NO_NETWORK", {"kind": "reset"}),
        ("blocked", "LINK_BLOCKED", {"kind": "html", "status": 403}),
        ("server", "LINK_SERVER", {"kind": "empty", "status": 503}),
        ("sign-in", "LINK_SIGN_IN", {"kind": "redirect", "status": 302, "location": "http://127.0.0.1:9/hotspot"}),
    ):
        sim.fault(path=DEVICE_TOKEN, times=0, **fault)
        screen.wait_text(cause, "LINK_TRYING_WITH_CODE")
        assert kodi.window_property("code").replace(" ", "") == code
        screen.keep(f"code-{state}")
        sim.clear_faults()
        screen.wait_text("LINK_WAITING")

    # The code runs out, and a new one comes by itself.
    sim.expire()
    assert screen.wait_code(other_than=code) != code
    screen.wait_text("LINK_RENEWED")
    screen.keep("renewed")

    # The user wants another one, again and again; Trakt is asked no more often than every five seconds.
    for _ in range(2):
        code = screen.wait_code()
        screen.press("New code")
        screen.wait_code(other_than=code)
    screen.wait_text("LINK_REPLACED")
    asked = [request["at_ms"] for request in sim.log(path=DEVICE_CODE)][-3:]
    assert all(later - earlier > 4_500 for earlier, later in zip(asked[1:], asked[2:]))
    screen.keep("new-code")

    sim.fault("empty", status=429, path=DEVICE_TOKEN)
    screen.wait_text("LINK_TOO_FAST")
    screen.keep("too-fast")
    screen.press("Cancel")
    kodi.wait_no_dialog()
    with other_program(kodi, sim, library) as client:
        assert client.device_poll()["state"] == "cancelled"


@SIZES
def test_each_outcome_says_what_it_is_and_what_to_do(
    start_kodi: Any, quick_sim: Sim, library: Library, size: Tuple[int, int]
) -> None:
    sim = quick_sim
    kodi = start_kodi(size=size)
    screen = LinkScreen(kodi)
    screen.open()
    code = screen.wait_code()

    sim.deny()
    screen.wait_text("LINK_DENIED")
    assert screen.buttons() == ["Try again", "Close"]
    screen.keep("denied")

    code = screen.again(other_than=code)
    sim.use_up()
    screen.wait_text("LINK_ALREADY_USED")
    screen.keep("already-used")

    code = screen.again(other_than=code)
    sim.fault("empty", status=404, path=DEVICE_TOKEN)
    screen.wait_text("LINK_UNKNOWN_CODE")
    screen.keep("unknown-code")

    code = screen.again(other_than=code)
    with other_program(kodi, sim, library) as client:
        client.device_cancel()
    screen.wait_text("LINK_CANCELLED")
    screen.keep("cancelled")

    code = screen.again(other_than=code)
    for _ in range(5):
        sim.expire()
        code = screen.wait_code(other_than=code)
    sim.expire()
    screen.wait_text("LINK_EXPIRED")
    screen.keep("expired")

    sim.account(app_refused=True)
    screen.press("Try again")
    screen.wait_text("LINK_REFUSED")
    assert screen.buttons() == ["Try again", "Settings", "Close"]
    assert kodi.window_property("url") == APPS_URL
    assert qr_texts(screen.keep("refused")) == [APPS_URL]
    sim.account(app_refused=False)
    screen.press("Close")
    kodi.wait_no_dialog()

    # Another program has begun a login, and waits for it.
    with other_program(kodi, sim, library) as client:
        code = str(client.device_start()["user_code"])
        screen.open()
        assert screen.wait_code() == code
        screen.wait_text("LINK_OTHER_PROGRAM")
        sim.account(username="sean", name="Sean Rudford", vip=True)
        # A QR code that nobody has drawn yet.
        assert kodi.qr() == f"{sim.auth_url}/activate/{code}"
        screen.keep("other-program")
    sim.approve()
    screen.wait_text("LINK_LINKED_VIP", name="Sean Rudford (sean)")
    screen.keep("linked-vip")
    screen.press("Account")
    kodi.wait("the account screen", lambda: kodi.condition("Window.IsVisible(libtrakt-account.xml)"))
    kodi.wait_focus("Check now")
    kodi.press("back")
    kodi.wait_no_dialog()

    # Another account in its place.
    screen.open()
    screen.wait_code()
    kodi.wait_property("heading", words("LINK_HEADING_INSTEAD", name="Sean Rudford (sean)"))
    screen.keep("in-place-of")
    sim.account(username="justin", name="justin", slug="justin", uuid="0" * 40, vip=False)
    sim.approve()
    screen.wait_text("LINK_LINKED_FREE", name="justin")
    screen.keep("linked")
    screen.press("Close")
    kodi.wait_no_dialog()

    kodi.set_addon_setting(ADDON, "client_id", "")
    screen.open()
    screen.wait_text("LINK_NO_CLIENT_ID")
    assert qr_texts(screen.keep("no-client-id")) == [APPS_URL]
    screen.press("Settings")
    kodi.wait_window(ADDON_SETTINGS_DIALOG)
    kodi.press("back")
    kodi.wait_no_dialog()


def test_a_login_goes_on_without_the_screen(start_kodi: Any, quick_sim: Sim, moved_clock: MovedClock) -> None:
    sim = quick_sim
    kodi = start_kodi(env=moved_clock.env())
    screen = LinkScreen(kodi)

    # Back, and the same login when the screen is opened again.
    screen.open()
    code = screen.wait_code()
    kodi.press("back")
    kodi.wait_no_dialog()
    screen.open()
    assert screen.wait_code() == code
    screen.wait_text("LINK_TAKEN_UP")

    # The box sleeps for eight minutes.
    kodi.suspend()
    sim.advance_clock(8 * 60_000)
    moved_clock.sleep(8 * 60_000)
    kodi.wake()
    kodi.wait_property("left", re.compile(r"^(2:00|1:[45]\d)$"))
    assert screen.wait_code() == code

    # Somebody closes all dialogs; a skin is loaded anew.
    kodi.builtin("Dialog.Close(all,true)")
    kodi.wait_no_dialog()
    kodi.wait("the service to notice", lambda: _opens(screen))
    assert screen.wait_code() == code
    kodi.builtin("ReloadSkin()")
    kodi.wait_no_dialog()
    kodi.wait("the service to notice", lambda: _opens(screen))
    assert screen.wait_code() == code

    # Hidden, then refused at Trakt.
    screen.press("Hide")
    kodi.wait_no_dialog()
    sim.deny()
    wait_told(kodi, "LINK_TOLD_DENIED")
    screen.keep("told-denied")

    # Kodi ends in the middle of a login and starts again.
    screen.open()
    code = screen.wait_code(other_than=code)
    kodi.quit()
    kodi.start()
    screen.open()
    assert screen.wait_code() == code
    screen.wait_text("LINK_TAKEN_UP")
    assert kodi.qr() == f"{sim.auth_url}/activate/{code}"
    assert len(sim.log(path=DEVICE_CODE)) == 2
    kodi.quit()
    kodi.start()

    # Approved while nobody looks.
    kodi.wait_home_property("libtrakt.service", re.compile("."))
    mark = sim.mark()
    sim.wait_log(path=DEVICE_TOKEN, since=mark)
    sim.account(username="sean", name="Sean Rudford")
    sim.approve()
    wait_told(kodi, "LINK_TOLD_LINKED_AS")
    screen.keep("told-linked")
    kodi.wait_home_property("libtrakt.linked", "true")


def _opens(screen: LinkScreen) -> bool:
    """Whether the screen shows after it was asked for; while the service takes it for open, nothing happens."""
    screen.kodi.builtin("RunScript(service.libtrakt,action=link)")
    return screen.kodi.condition("Window.IsVisible(libtrakt-link.xml)")


def test_a_full_disk_is_named_before_and_after(start_kodi: Any, quick_sim: Sim) -> None:
    kodi = start_kodi(start=False)
    folder = kodi.home.data_of(ADDON)
    settings = (folder / "settings.xml").read_text()
    (folder / "settings.xml").unlink()
    with Disk(folder) as disk:
        (folder / "settings.xml").write_text(settings)
        kodi.start()
        screen = LinkScreen(kodi)
        screen.open()
        screen.wait_code()
        disk.fill()
        screen.wait_text("TROUBLE_STORAGE_FULL")
        screen.keep("disk-full")
        quick_sim.account(username="sean", name="sean", vip=True)
        quick_sim.approve()
        screen.wait_text("LINK_TOLD_LINKED_AS", "TROUBLE_STORAGE_FULL", name="sean")
        screen.keep("linked-disk-full")
        disk.free()
        kodi.quit()


def test_with_the_setting_off_nothing_is_told(start_kodi: Any, quick_sim: Sim) -> None:
    kodi = start_kodi(addon_settings={"notify_link": "false"})
    screen = LinkScreen(kodi)
    screen.open()
    screen.wait_code()
    kodi.press("back")
    quick_sim.approve()
    kodi.wait_home_property("libtrakt.linked", "true")
    kodi.builtin("RunScript(service.libtrakt,action=status)")
    kodi.wait_log(r"\[service\.libtrakt\] notification")
    assert not re.search(r"notification 301\d\d", kodi.whole_log())


def test_trouble_on_the_way_to_trakt(start_kodi: Any, start_sim: Callable[..., Sim]) -> None:
    """Without a network, with a hanging or failing one, and with one that isn't safe."""
    secure = start_sim("--https")
    kodi = start_kodi(
        env={"SSL_CERT_FILE": secure.ca_file},
        addon_settings={"auth_url": "https://auth.trakt.test", "api_url": "https://api.trakt.test"},
    )
    screen = LinkScreen(kodi)

    # Names that are never looked up: the screen is there all the same.
    screen.open()
    screen.wait_text("LINK_ASKING")
    kodi.wait_property("text", re.compile("^(" + "|".join(map(re.escape, _no_names())) + ")$"))
    screen.keep("no-address")
    assert not kodi.window_property("code")

    def use(**settings: str) -> None:
        screen.press("Cancel")
        kodi.wait_no_dialog()
        for name, value in settings.items():
            kodi.set_addon_setting(ADDON, name, value)
        screen.open()

    use(proxy_url="http://127.0.0.1:9", proxy="2")
    screen.wait_text("LINK_PROXY", "LINK_TRYING")
    screen.keep("proxy")

    secure.config(certificate="wrong_name")
    use(proxy="1", auth_url=secure.auth_url, api_url=secure.api_url)
    screen.wait_text("LINK_NOT_SECURE", "LINK_TRYING")
    screen.keep("not-secure")

    secure.config(certificate="expired")
    kodi.wait_property("text", re.compile(r"It says: \w+, \w+ \d+, \d{4}, \d+:\d\d"))
    screen.keep("wrong-clock")

    secure.config(certificate="good", device_interval_s=1)
    use(client_id=secure.client_id)
    screen.wait_code()
    assert re.fullmatch(r"https://127\.0\.0\.1:\d+/activate", kodi.window_property("url"))

    # An account that is locked: linked, and of no use.
    secure.account(locked=True)
    secure.approve()
    screen.wait_text("LINK_TOLD_LINKED", "TROUBLE_LOCKED")
    screen.keep("linked-locked")
    screen.press("Close")
    kodi.wait_no_dialog()


def _no_names() -> List[str]:
    return [f"{words(cause)} {words('LINK_TRYING')}" for cause in ("LINK_NO_ADDRESS", "LINK_NO_ANSWER")]
