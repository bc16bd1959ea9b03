"""The settings page worked by keys, settings that change while the service runs, secrets typed there, the support
report, and devices where the library can't just be loaded."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from itertools import takewhile
from pathlib import Path
from typing import Callable, Iterator, List, Tuple

import package
import pytest
from conftest import Kodis
from driver import ADDON_SETTINGS_DIALOG, HOME_WINDOW, Kodi
from paths import ROOT
from simtrakt import Sim

ADDON = package.ADDON
PICTURES = ROOT / "target" / "kodi-screens"
KEYBOARD_DIALOG = 10103
LEVEL_BUTTON, LEVELS = 20, ("Basic", "Standard", "Advanced", "Expert")
SECRET = "4d5ecre7-0f-the-app-4711"
PASSWORD = "pa55-w0rd@of:the/proxy"


def keep_picture(kodi: Kodi, name: str, *, without_toast: bool = True) -> None:
    """For the eye; without Kodi's own toast about the driver's event client."""
    if without_toast:
        kodi.wait("the toast to go", lambda: not kodi.condition("Window.IsActive(notification)"))
    PICTURES.mkdir(parents=True, exist_ok=True)
    shutil.copy(kodi.picture(), PICTURES / f"{name}.png")


def wait_service(kodi: Kodi) -> None:
    kodi.wait_home_property("libtrakt.service", re.compile(r"\d"))


def wait_state(kodi: Kodi, state: str) -> None:
    kodi.wait_home_property("libtrakt.state", state)


def change(kodi: Kodi, **values: str) -> None:
    """Changes settings as the settings page does when it is left."""
    for setting, value in values.items():
        kodi.set_addon_setting(ADDON, setting, value)


# the settings page


def open_page(kodi: Kodi) -> None:
    kodi.open_addon_settings(ADDON)
    kodi.wait("a focus on the page", lambda: kodi.focus()[1] != "")


def open_category(kodi: Kodi, name: str) -> None:
    """Moves to the first setting of a category."""
    kodi.press_until("left", "the categories", lambda: -100 <= kodi.focus()[0] < -80 or kodi.focus()[0] == LEVEL_BUTTON)
    kodi.focus_on(name)
    kodi.press("right")


def show_level(kodi: Kodi, level: str) -> None:
    kodi.press("left")
    kodi.press_until("down", "the level", lambda: kodi.focus()[0] == LEVEL_BUTTON)
    kodi.press_until("select", f"the level {level}", lambda: kodi.focus()[1].startswith(level))


def focus_on_setting(kodi: Kodi, label: str) -> None:
    """To a setting of the open category: a switch or list has its value behind its label."""
    kodi.press_until("down", f"the focus on {label!r}", lambda: re.sub(r" \(.\)$", "", kodi.focus()[1]) == label)


def type_into(kodi: Kodi, label: str, text: str) -> None:
    focus_on_setting(kodi, label)
    kodi.press("select")
    kodi.wait_window(KEYBOARD_DIALOG)
    kodi.type(text)
    kodi.wait_window(ADDON_SETTINGS_DIALOG)


def leave_page(kodi: Kodi) -> None:
    """By its OK button."""
    kodi.focus_on("OK", "right")
    kodi.press("select")
    kodi.wait_no_dialog()


def wait_taken(kodi: Kodi, setting: str, secret: str) -> None:
    """Waits until Kodi's own file says that a secret is kept, and doesn't hold it; Kodi writes it piece by piece."""

    def is_taken() -> bool:
        text = settings_file(kodi)
        return text.endswith("</settings>\n") and f'"{setting}_kept">true' in text and secret not in text

    kodi.wait(f"{setting} to be taken", is_taken)


def settings_file(kodi: Kodi) -> str:
    return (kodi.home.data_of(ADDON) / "settings.xml").read_text("utf-8")


def test_every_entry_of_the_page_by_keys(start_kodi: Kodis, link: Callable[..., None]) -> None:
    kodi = start_kodi(start=False)
    link(kodi, username="sean")
    kodi.start()
    wait_state(kodi, "linked")
    kodi.wait_home_property("libtrakt.status", "Linked as sean")
    for entry, shows in (
        ("Link with Trakt", "link"),
        ("Show the account", "account"),
        ("Unlink", "question"),
    ):
        open_page(kodi)
        if entry == "Unlink":
            keep_picture(kodi, "settings-account")
        focus_on_setting(kodi, entry)
        kodi.press("select")
        kodi.wait_property("xmlfile", re.compile(f"libtrakt-{shows}.xml$"))
        kodi.press_until("back", "the home screen", lambda: kodi.window()[0] == HOME_WINDOW)
    wait_state(kodi, "linked")

    open_page(kodi)
    open_category(kodi, "Notifications")
    focus_on_setting(kodi, "Say when there is trouble")
    kodi.press("select")
    keep_picture(kodi, "settings-notifications")
    leave_page(kodi)
    kodi.wait("the change", lambda: '<setting id="notify_trouble">false</setting>' in settings_file(kodi))

    open_page(kodi)
    open_category(kodi, "Help")
    keep_picture(kodi, "settings-help")
    focus_on_setting(kodi, "Support report")
    kodi.press("select")
    kodi.wait_python_window()
    assert "== Versions" in kodi.window_property("text")


def test_a_client_secret_typed_on_the_page(start_kodi: Kodis) -> None:
    start_kodi.secrets["typed client secret"] = SECRET
    kodi = start_kodi()
    wait_state(kodi, "none")
    open_page(kodi)
    show_level(kodi, "Expert")
    open_category(kodi, "Connection")
    type_into(kodi, "Client Secret", SECRET)
    keep_picture(kodi, "settings-connection")
    leave_page(kodi)
    private = kodi.home.data_of(ADDON) / "private.json"
    wait_taken(kodi, "client_secret", SECRET)
    assert SECRET in private.read_text()
    assert private.stat().st_mode & 0o777 == 0o600

    # It is used, also after a restart, and lies nowhere else.
    kodi.quit()
    kodi.start()
    wait_state(kodi, "none")
    holds_it = [path for path in kodi.home.path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert holds_it == [private]

    open_page(kodi)
    show_level(kodi, "Expert")
    open_category(kodi, "Connection")
    focus_on_setting(kodi, "A Client Secret is kept")
    assert kodi.focus()[1].endswith("(*)")
    kodi.press("select")
    keep_picture(kodi, "settings-connection-secret")
    leave_page(kodi)
    kodi.wait("the secret to be removed", lambda: SECRET not in private.read_text())


# changes while it runs


@pytest.fixture
def proxy() -> Iterator[Tuple[int, List[str]]]:
    """A proxy that lets nobody through: its port, and what it was asked."""
    asked: List[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, connection.makefile("rb") as lines:
                    # The head of a request may come in pieces.
                    asked.append(b"".join(takewhile(lambda line: line != b"\r\n", lines)).decode("latin-1"))
                    connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], asked
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_changes_work_at_once(start_kodi: Kodis, link: Callable[..., None], sim: Sim) -> None:
    kodi = start_kodi(start=False)
    link(kodi)
    kodi.start()
    wait_state(kodi, "linked")

    # Another client id, or another host, has an account of its own or none.
    change(kodi, client_id="another-app")
    wait_state(kodi, "none")
    change(kodi, client_id=sim.client_id)
    wait_state(kodi, "linked")
    with Sim.start() as elsewhere:
        change(kodi, auth_url=elsewhere.auth_url, api_url=elsewhere.api_url, client_id=elsewhere.client_id)
        wait_state(kodi, "none")
        kodi.builtin("RunScript(service.libtrakt,action=link)")
        elsewhere.wait_log(path="/oauth/device/code")
        kodi.wait_python_window()
        kodi.press("back")
        kodi.wait_no_dialog()
        change(kodi, auth_url=sim.auth_url, api_url=sim.api_url, client_id=sim.client_id)
        wait_state(kodi, "linked")

    # The log: "a client was opened" is of the usual level.
    mark = kodi.mark()
    change(kodi, log_level="0")
    change(kodi, log_level="2")
    kodi.wait_log("a client was opened", mark)
    assert kodi.log(mark).count("a client was opened") == 1

    # What can't be used is explained, and nothing is sent until it is mended.
    change(kodi, api_url="http://trakt.example.org")
    wait_state(kodi, "unavailable")
    keep_picture(kodi, "settings-wrong-address", without_toast=False)
    change(kodi, api_url=sim.api_url)
    wait_state(kodi, "linked")


def test_proxies_are_used_at_once_and_their_password_stays_private(
    start_kodi: Kodis, proxy: Tuple[int, List[str]]
) -> None:
    port, asked = proxy
    start_kodi.secrets["proxy password"] = PASSWORD
    # This machine itself is never asked by way of a proxy.
    hosts = {"auth_url": "auth.trakt.example", "api_url": "https://api.trakt.example"}
    kodi = start_kodi(addon_settings={**hosts, "client_id": "some-app"})
    wait_state(kodi, "none")
    change(kodi, proxy_url=f"127.0.0.1:{port}", proxy_user="anna", proxy="2", proxy_password=PASSWORD)
    wait_taken(kodi, "proxy_password", PASSWORD)
    kodi.builtin("RunScript(service.libtrakt,action=link)")
    kodi.wait("the proxy to be asked", lambda: asked)
    assert asked[0].startswith("CONNECT auth.trakt.example:443 ")
    assert "proxy-authorization: basic " in asked[0].lower()
    assert PASSWORD in (kodi.home.data_of(ADDON) / "private.json").read_text()

    # Kodi's own proxy is looked at whenever a setting changes, and once a minute.
    change(kodi, proxy="1")
    kodi.rpc("Settings.SetSettingValue", setting="network.httpproxyserver", value="127.0.0.1")
    kodi.rpc("Settings.SetSettingValue", setting="network.httpproxyport", value=port)
    kodi.rpc("Settings.SetSettingValue", setting="network.usehttpproxy", value=True)
    asked.clear()
    change(kodi, proxy="0")
    kodi.wait("Kodi's proxy to be asked", lambda: asked)
    assert "proxy-authorization" not in asked[0].lower()
    kodi.builtin("RunScript(service.libtrakt,action=report)")
    kodi.wait_property("text", re.compile("proxy in use: http\n"))
    report = kodi.window_property("text")
    for private in (PASSWORD, "anna", "trakt.example", str(port)):
        assert private not in report


# the report


def test_the_report_as_a_screen_and_as_a_file(start_kodi: Kodis, link: Callable[..., None], sim: Sim) -> None:
    kodi = start_kodi(start=False, size=(1920, 1080))
    link(kodi, username="sean", name="Sean O'Casey", vip=True)
    kodi.start()
    wait_state(kodi, "linked")
    kodi.builtin("RunScript(service.libtrakt,action=report)")
    kodi.wait_property("text", re.compile("== Versions"))
    kodi.wait("the focus on the scroll bar", lambda: kodi.focus()[0] == 61)
    keep_picture(kodi, "report-1080")
    text = kodi.window_property("text")
    assert "\nstate: linked\n" in text
    assert "\nvip: true\n" in text
    for private in ("sean", "Casey", sim.client_id[:5], str(kodi.home.path)):
        assert private not in text
    (file,) = kodi.home.data_of(ADDON).glob("report-*.txt")
    assert file.name in kodi.window_property("line")
    assert file.read_text("utf-8").startswith("== Versions")
    assert "Sean" not in file.read_text("utf-8")

    # Down scrolls to the end and then leads on to the button; Up leads back.
    kodi.press("down")
    kodi.press_until("down", "the button", lambda: kodi.focus() == (50, "Close"))
    keep_picture(kodi, "report-1080-end")
    kodi.press("up")
    assert kodi.focus()[0] == 61
    kodi.press("right")
    assert kodi.focus() == (50, "Close")
    kodi.press("select")
    kodi.wait_no_dialog()


# devices


@pytest.fixture
def noexec() -> Iterator[Callable[[Path], None]]:
    """Mounts a folder anew, with what was in it, so that nothing in it can be executed."""
    mounted: List[Path] = []

    def mount(folder: Path) -> None:
        before = folder.with_name(f"{folder.name}.before")
        folder.rename(before)
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec", "none", str(folder)], check=True)
        mounted.append(folder)
        shutil.copytree(before, folder, dirs_exist_ok=True)
        shutil.rmtree(before)

    yield mount
    for folder in reversed(mounted):
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_folder_that_nothing_can_be_executed_in(start_kodi: Kodis, noexec: Callable[[Path], None]) -> None:
    kodi = start_kodi(start=False)
    noexec(kodi.home.addons / ADDON)
    kodi.start()
    wait_state(kodi, "none")
    data = kodi.home.data_of(ADDON)
    (copy,) = (data / "native").iterdir()
    maps = Path(f"/proc/{kodi.process_id}/maps").read_text()
    assert str(copy) in maps
    kodi.quit()

    # Nowhere at all: said in plain words, and nothing else breaks.
    noexec(data)
    kodi.start()
    wait_state(kodi, "unavailable")
    assert kodi.home_property("libtrakt.status") == "Not working: link with Trakt to see why"
    kodi.builtin("RunScript(service.libtrakt,action=report)")
    kodi.wait_property("text", re.compile("failed to map segment"))
    assert "library: -" in kodi.window_property("text")
    kodi.press("back")
    kodi.wait_no_dialog()
    kodi.builtin("RunScript(service.libtrakt,action=link)")
    kodi.wait_python_window()
    keep_picture(kodi, "link-noexec")


def test_a_build_without_a_client_id_says_so(start_kodi: Kodis) -> None:
    kodi = start_kodi(addon_settings={"client_id": ""})
    wait_service(kodi)
    kodi.builtin("RunScript(service.libtrakt,action=link)")
    kodi.wait_python_window()
    keep_picture(kodi, "link-no-client-id")
    kodi.press("back")
    kodi.wait_no_dialog()
    kodi.builtin("RunScript(service.libtrakt,action=report)")
    kodi.wait_property("text", re.compile("client id in use: -"))


def test_a_system_that_shares_its_userdata(
    start_kodi: Kodis, addon: Path, link: Callable[..., None], tmp_path: Path
) -> None:
    # LibreELEC, as far as the add-on looks: what the system calls itself, and its folder that isn't shared.
    (tmp_path / "os-release").write_text('NAME="LibreELEC"\nID="libreelec"\n')
    cache = tmp_path / "cache" / "libtrakt"
    copy = tmp_path / ADDON
    shutil.copytree(addon, copy)
    module = copy / "resources" / "lib" / "traktkodi" / "paths.py"
    text = module.read_text("utf-8")
    for there, here in (("/etc/os-release", tmp_path / "os-release"), ("/storage/.cache/libtrakt", cache)):
        assert there in text
        text = text.replace(f'"{there}"', f'"{here}"')
    module.write_text(text, "utf-8")

    # An account that lies in the shared folder, as after restoring a backup, is taken along.
    kodi = start_kodi(addon=copy, start=False, profiles=["Kids"])
    link(kodi)
    kodi.start()
    wait_state(kodi, "linked")
    assert not (kodi.home.data_of(ADDON) / "libtrakt").exists()
    assert (cache / "master" / "libtrakt" / "store.db").exists()
    for folder in (cache, cache / "master"):
        assert folder.stat().st_mode & 0o777 == 0o700

    mark = kodi.mark()
    kodi.load_profile("Kids")
    kodi.wait_started(ADDON, mark)
    wait_state(kodi, "none")
    assert (cache / "Kids" / "libtrakt").exists()
    kodi.builtin("RunScript(service.libtrakt,action=link)")
    assert kodi.qr().startswith("http")
    shared = [path.name for path in kodi.home.userdata().rglob(f"{ADDON}/*") if path.name != "settings.xml"]
    assert shared == []
