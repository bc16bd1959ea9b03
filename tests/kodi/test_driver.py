"""The driver itself, with an add-on that does nothing: what the scenarios stand on."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator

import checks
import package
import pytest
from display import rows, share_of_rows_that_differ
from driver import HOME_WINDOW, Kodi, KodiDied
from moved_clock import MovedClock
from simtrakt import Sim

EMPTY = "service.empty"
HOUR_MS = 3_600_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kodi"


@pytest.fixture
def running(folder: Path) -> Iterator[Kodi]:
    """A Kodi with the empty add-on, and no secret nor failure in its log at the end."""
    with Kodi(folder) as kodi:
        kodi.home.install(package.EMPTY)
        kodi.start()
        yield kodi
        kodi.quit()
        assert kodi.exit_codes == [0]
        assert checks.trouble(kodi) == []


def test_keys_labels_pictures_and_python(running: Kodi) -> None:
    kodi = running
    assert kodi.window() == (HOME_WINDOW, "Home")
    kodi.wait_focus("Movies")
    before = kodi.picture()
    kodi.press("down")
    assert kodi.focus()[1] == "TV shows"
    after = kodi.picture()
    assert share_of_rows_that_differ(before, after) > 0
    assert share_of_rows_that_differ(after, kodi.picture()) == 0
    kodi.builtin("SetProperty(greeting,hello,home)")
    assert kodi.home_property("greeting") == "hello"
    assert kodi.python("import xbmc; result = [xbmc.getSkinDir(), text]", text="ü,)\"'") == ["skin.estuary", "ü,)\"'"]
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        kodi.python("1 / 0")
    kodi.builtin("Skin.SetString(tests)")
    kodi.type("five keys")
    kodi.wait_label("Skin.String(tests)", "five keys")
    assert kodi.rss_bytes() > 50_000_000
    assert kodi.cpu_s() > 0


def test_a_service_stops_and_starts_and_sleeps(running: Kodi) -> None:
    assert running.disable(EMPTY) < 5_000
    running.enable(EMPTY)
    running.suspend()
    running.wake()
    assert running.wait_notification("System.OnWake")["params"]["sender"] == "xbmc"


def test_a_dead_kodi_is_reported_with_its_log(folder: Path) -> None:
    with Kodi(folder) as kodi:
        kodi.start()
        kodi.kill()
        with pytest.raises(KodiDied, match="Its log ends so"):
            kodi.window()
        kodi.start()
        assert kodi.quit() < 60
        assert kodi.exit_codes == [0]
        assert kodi.whole_log().count("Starting Kodi") == 2


def test_a_zip_is_installed_and_updated_by_keys(folder: Path, tmp_path: Path) -> None:
    zips = tmp_path / "zips"
    zips.mkdir()
    package.zipped(package.EMPTY, zips / "old.zip")
    package.zipped(package.with_version(package.EMPTY, "1.0.1", tmp_path), zips / "new.zip")
    with Kodi(folder, settings={"addons.unknownsources": "false"}) as kodi:
        kodi.home.source("Zips", zips)
        kodi.start()
        assert kodi.addon_version(EMPTY) is None
        kodi.allow_unknown_sources()
        kodi.install_zip("Zips", "old.zip")
        kodi.wait_started(EMPTY)
        assert kodi.addon_version(EMPTY) == "1.0.0"
        mark = kodi.mark()
        kodi.install_zip("Zips", "new.zip")
        kodi.wait_started(EMPTY, mark)
        assert kodi.addon_version(EMPTY) == "1.0.1"
        kodi.quit()


def test_languages_and_profiles(folder: Path, tmp_path: Path) -> None:
    addon = tmp_path / EMPTY
    package.with_version(package.EMPTY, "1.0.0", tmp_path)
    for language, text in (("en_gb", "Good morning"), ("de_de", "Guten Morgen"), ("he_il", "בוקר טוב")):
        strings = addon / "resources" / "language" / f"resource.language.{language}" / "strings.po"
        strings.parent.mkdir(parents=True)
        translated = text if language != "en_gb" else ""
        strings.write_text(
            'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
            f'msgctxt "#32001"\nmsgid "Good morning"\nmsgstr "{translated}"\n'
        )
    with Kodi(folder, profiles=["Kids"]) as kodi:
        kodi.home.install(addon)
        kodi.start()
        assert kodi.addon_text(EMPTY, 32001) == "Good morning"
        kodi.set_language("de_de")
        assert kodi.addon_text(EMPTY, 32001) == "Guten Morgen"
        kodi.set_language("he_il")
        assert kodi.addon_text(EMPTY, 32001) == "בוקר טוב"
        mark = kodi.mark()
        kodi.load_profile("Kids")
        kodi.wait_started(EMPTY, mark)
        assert kodi.addon_text(EMPTY, 32001) == "Good morning"
        kodi.quit()


def test_a_script_that_fails_ends_the_waiting(folder: Path, tmp_path: Path) -> None:
    broken = package.with_version(package.EMPTY, "1.0.0", tmp_path)
    (broken / "service.py").write_text("import nothing_of_that_name\n")
    with Kodi(folder) as kodi:
        kodi.home.install(broken)
        with pytest.raises(AssertionError, match="nothing_of_that_name"):
            kodi.start()
            kodi.wait_home_property("never", "set")
        assert checks.trouble(kodi) != []


def test_names_hang_or_are_refused(folder: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["getent", "hosts", "api.trakt.tv"], timeout=2, check=False)
    with Kodi(folder, names="refused") as kodi:
        kodi.start()
        with pytest.raises(AssertionError, match="gaierror"):
            kodi.python("import socket; socket.getaddrinfo('api.trakt.tv', 443)")
        kodi.quit()


def test_a_secret_in_the_log_is_found(running: Kodi, sim: Sim) -> None:
    assert checks.leaked(running, sim, also={}) == []
    running.python("import xbmc; xbmc.log('it is <' + text + '>')", text=sim.client_secret[3:15].encode().hex())
    assert checks.leaked(running, sim, also={}) == ["client secret"]
    assert checks.leaked(running, also={"own": running.folder.name + "-and-more"}) == []


@pytest.mark.parametrize("skin", ["skin.estuary", "skin.estouchy"])
def test_other_sizes_and_skins(folder: Path, skin: str) -> None:
    with Kodi(folder, size=(1920, 1080), settings={"lookandfeel.skin": skin}) as kodi:
        kodi.start()
        assert kodi.python("import xbmc; result = xbmc.getSkinDir()") == skin
        picture = kodi.picture()
        assert {len(row) for row in rows(picture)} == {3 * 1920}
        assert len(rows(picture)) == 1080
        assert kodi.quit() < 60
        assert kodi.exit_codes == [0]


def test_clocks_move_while_it_runs(folder: Path, moved_clock: MovedClock) -> None:
    clocks = "import time; result = [time.time(), time.clock_gettime(time.CLOCK_BOOTTIME), time.monotonic()]"
    with Kodi(folder, env=moved_clock.env()) as kodi:
        kodi.start()
        before = kodi.python(clocks)
        moved_clock.sleep(5 * HOUR_MS)
        after = kodi.python(clocks)
        assert [(b - a) // 3_600 for a, b in zip(before, after)] == [5, 5, 0]
        moved_clock.wall(-100 * HOUR_MS)
        moved_clock.run(2 * HOUR_MS)
        later = kodi.python(clocks + "\nimport threading\ntime.sleep(0.01)\nthreading.Event().wait(0.01)")
        assert [(b - a) // 3_600 for a, b in zip(after, later)] == [-98, 2, 2]
        kodi.press("down")
        assert kodi.focus()[1] == "TV shows"
        kodi.quit()
