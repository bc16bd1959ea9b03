"""The add-on comes, is updated and goes in a real Kodi, as its user does it: by keys, from zips, from a repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Iterator, List, Union

import package
import pytest
import states
from driver import HOME_WINDOW, Kodi
from package import ADDON
from paths import ROOT
from simtrakt import SETTINGS, Sim

ADDON_BROWSER_WINDOW, ADDON_INFO_DIALOG = 10040, 10146
SOURCE = "Zips"


def version_of(archive: Path) -> str:
    """The version in a zip's name."""
    return archive.stem.rpartition("-")[2]


NEW, OLD = version_of(package.packaged_zip()), version_of(package.older_zip())


@pytest.fixture
def zips(tmp_path: Path) -> Path:
    """A folder with the zips, for `home.source`."""
    folder = tmp_path / "zips"
    folder.mkdir()
    for archive in (package.packaged_zip(), package.older_zip()):
        shutil.copy(archive, folder)
    return folder


@pytest.fixture
def mounted() -> Iterator[Callable[..., None]]:
    """Mounts; taken back at the end."""
    places: List[str] = []

    def mount(*arguments: object) -> None:
        subprocess.run(["mount", *map(str, arguments)], check=True)
        places.append(str(arguments[-1]))

    yield mount
    for place in set(places):
        subprocess.run(["umount", "--lazy", place], check=True)


def mapped_libraries(kodi: Kodi) -> List[str]:
    """The files of the library that Kodi has loaded, by name; " (deleted)" behind those that are gone."""
    lines = Path(f"/proc/{kodi.process_id}/maps").read_text().splitlines()
    paths = {line.split(maxsplit=5)[5] for line in lines if "/libtrakt-" in line}
    return sorted(path.rpartition("/")[2] for path in paths)


def wait_version(kodi: Kodi, version: str) -> None:
    kodi.wait_home_property("libtrakt.service", version)
    assert kodi.addon_version(ADDON) == version


def ask(kodi: Kodi, sim: Sim, version: str) -> None:
    """Has Trakt asked from the account screen: by the add-on and the library of this version."""
    mark = sim.mark()
    states.open_screen(kodi, "account")
    states.press_button(kodi, "Check now")
    request = sim.wait_log(path=SETTINGS, since=mark, done=True)[-1]
    assert request["headers"]["user-agent"] == f"Kodi-libtrakt/{version} libtrakt/{version}"
    kodi.press("back")
    kodi.wait_no_dialog()


def test_it_is_installed_from_a_zip_and_linked(start_kodi: Any, sim: Sim, zips: Path) -> None:
    kodi = start_kodi(
        start=False, install=False, settings={"addons.unknownsources": "false"}, addon_settings={"invite": "true"}
    )
    kodi.home.source(SOURCE, zips)
    kodi.start()
    assert kodi.addon_version(ADDON) is None
    kodi.allow_unknown_sources()
    kodi.install_zip(SOURCE, package.packaged_zip().name)
    wait_version(kodi, NEW)
    kodi.wait_python_window()
    kodi.wait_focus("Link now")
    kodi.press("select")
    states.wait_code(kodi)
    kodi.press("back")
    sim.approve()
    kodi.wait_home_property("libtrakt.linked", "true")

    kodi.builtin("ActivateWindow(Programs,addons://sources/executable/,return)")
    kodi.wait("the programs", lambda: kodi.window()[0] not in (HOME_WINDOW,))
    kodi.focus_on("libtrakt")
    kodi.press("select")
    kodi.wait_python_window()
    kodi.wait_property("name", sim.state()["account"]["name"])


@pytest.mark.parametrize("how", ["exec", "noexec"])
def test_an_update_brings_new_python_and_a_new_library(
    how: str, start_kodi: Any, sim: Sim, zips: Path, link: Callable[..., None], mounted: Callable[..., None]
) -> None:
    kodi = start_kodi(start=False, install=False)
    kodi.home.source(SOURCE, zips)
    kodi.home.install(package.unpack(package.older_zip(), zips.parent / "older"))
    if how == "noexec":
        mounted("--bind", kodi.home.addons, kodi.home.addons)
        mounted("-o", "remount,bind,noexec", kodi.home.addons)
    link(kodi)
    kodi.start()
    wait_version(kodi, OLD)
    kodi.wait_home_property("libtrakt.linked", "true")
    ask(kodi, sim, OLD)
    assert all(name.startswith(f"libtrakt-{OLD}") for name in mapped_libraries(kodi))

    kodi.install_zip(SOURCE, package.packaged_zip().name)
    wait_version(kodi, NEW)
    kodi.wait_home_property("libtrakt.linked", "true")
    ask(kodi, sim, NEW)
    assert any(name.startswith(f"libtrakt-{NEW}") and "(deleted)" not in name for name in mapped_libraries(kodi))
    # Nothing of the old one is left, and the copy that a noexec folder makes necessary only there.
    left = [path.name for path in kodi.home.kodi.rglob("libtrakt-*.so")]
    assert all(name.startswith(f"libtrakt-{NEW}") for name in left)
    assert len(left) == (2 if how == "noexec" else 1)
    states.open_screen(kodi, "report")
    assert f"library: {NEW}\n" in kodi.window_property("text")
    assert f"wrapper: {NEW}\n" in kodi.window_property("text")


@pytest.mark.parametrize("data", ["kept", "removed"])
def test_it_is_uninstalled_and_installed_again(
    data: str, start_kodi: Any, zips: Path, link: Callable[..., None]
) -> None:
    kodi = start_kodi(start=False)
    kodi.home.source(SOURCE, zips)
    link(kodi)
    kodi.start()
    kodi.wait_home_property("libtrakt.linked", "true")
    kodi.builtin("ActivateWindow(AddonBrowser,addons://user/xbmc.service/,return)")
    kodi.focus_on("libtrakt")
    kodi.press("select")
    kodi.wait_window(ADDON_INFO_DIALOG)
    mark = kodi.mark()
    press_in_info(kodi, "Uninstall")
    answer(kodi, "Are you sure?", "Yes")
    answer(kodi, re.compile("remove all related data"), "Yes" if data == "removed" else "No")
    kodi.wait("it to be gone", lambda: kodi.addon_version(ADDON) is None)
    assert states.stop_ms(kodi, mark) < 1_000
    assert kodi.home_property("libtrakt.service") == ""
    assert not (kodi.home.addons / ADDON).exists()
    assert kodi.home.data_of(ADDON).exists() == (data == "kept")
    if data == "removed":
        kodi.home.configure(ADDON, {"invite": "false", "client_id": "x" * 64})
    kodi.wait_window(ADDON_BROWSER_WINDOW)
    kodi.builtin("ActivateWindow(home)")
    kodi.wait_window(HOME_WINDOW)

    kodi.install_zip(SOURCE, package.packaged_zip().name)
    kodi.wait_home_property("libtrakt.state", "linked" if data == "kept" else "none")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """A web server with the repository, the older version in it."""
    with Repository(tmp_path / "repository") as repository:
        yield repository


class Repository:
    """The repository of each version, packaged for this server; `offers` tells which one it has."""

    def __init__(self, folder: Path) -> None:
        """Packages both."""
        self.folder = folder
        self.offers = OLD
        owner = self

        class Handler(SimpleHTTPRequestHandler):
            def translate_path(self, path: str) -> str:
                return str(owner.folder / owner.offers / "repository" / path.lstrip("/"))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        url = f"http://127.0.0.1:{self._server.server_port}"
        for version, archive in ((NEW, package.packaged_zip()), (OLD, package.older_zip())):
            unpacked = package.unpack(archive, folder / "unpacked" / version)
            (library,) = (unpacked / "resources" / "lib" / "native").rglob("libtrakt-*.so")
            options = ["--out", folder / version, "--repository-url", url, "--as-version", version]
            options += ["--library", f"{library.parent.name}={library}"]
            subprocess.run(["cargo", "run", "--quiet", "-p", "xtask", "--", "kodi", *options], cwd=ROOT, check=True)

    def __enter__(self) -> Repository:
        """Serves."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()


def test_it_is_installed_and_updated_from_its_repository(start_kodi: Any, sim: Sim, repository: Repository) -> None:
    kodi = start_kodi(start=False, install=False, settings={"general.addonupdates": "0"})  # by itself
    kodi.home.source(SOURCE, repository.folder / OLD)
    kodi.start()
    kodi.install_zip(SOURCE, f"repository.libtrakt-{OLD}.zip")
    kodi.wait("the repository", lambda: kodi.addon_version("repository.libtrakt") == OLD)
    kodi.builtin("ActivateWindow(AddonBrowser,addons://repository.libtrakt/xbmc.service/,return)")
    kodi.wait_window(ADDON_BROWSER_WINDOW)
    kodi.focus_on("libtrakt")
    kodi.press("select")
    kodi.wait_window(ADDON_INFO_DIALOG)
    press_in_info(kodi, "Install")
    wait_version(kodi, OLD)
    kodi.wait_window(ADDON_BROWSER_WINDOW)
    kodi.builtin("ActivateWindow(home)")
    kodi.wait_window(HOME_WINDOW)
    states.hide_login(kodi)
    sim.approve()
    kodi.wait_home_property("libtrakt.linked", "true")

    # Kodi updates by itself, also while a screen is open; it stops the service before.
    states.open_screen(kodi, "account")
    repository.offers = NEW
    mark = kodi.mark()
    kodi.builtin("UpdateAddonRepos")
    wait_version(kodi, NEW)
    assert states.stop_ms(kodi, mark) < 1_000
    kodi.wait_no_dialog()
    kodi.wait_home_property("libtrakt.linked", "true")
    ask(kodi, sim, NEW)


def press_in_info(kodi: Kodi, button: str) -> None:
    """Presses a button of the add-on's page; behind its label stands what kind it is."""
    kodi.press_until("right", button, lambda: kodi.focus()[1].partition(" (")[0] == button)
    kodi.press("select")


def answer(kodi: Kodi, text: Union[str, re.Pattern[str]], label: str) -> None:
    """Answers Kodi's own question."""
    kodi.wait_label("Control.GetLabel(9)", text)
    kodi.focus_on(label, "right")
    kodi.press("select")
