"""Life and death of the service in a real Kodi: it ends within a second whatever is under way, and nothing is lost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import checks
import pytest
import states
from driver import FIRST_PYTHON_WINDOW, Kodi
from moved_clock import MovedClock
from package import ADDON
from simtrakt import SETTINGS, TOKEN, Sim
from states import STATES

#: What Kodi says of a script that keeps its objects; their classes.
_LEFT = re.compile(r"service\.libtrakt/service\.py\" has left several classes .* The classes include: (\S+)")

#: How long the service may take to end, for Kodi in milliseconds.
LONGEST_STOP_MS = 1_000
ROUNDS = 20
#: What 20 rounds may leave behind in Kodi's memory; each leaves a Python interpreter's odds and ends.
MOST_GROWTH_MB = 30


def keep_figures(name: str, figures: Dict[str, Any]) -> None:
    """For people to look at."""
    states.FIGURES.mkdir(parents=True, exist_ok=True)
    (states.FIGURES / (re.sub(r"\W+", "-", name) + ".json")).write_text(json.dumps({name: figures}, indent=1) + "\n")


@pytest.mark.parametrize("name", STATES)
def test_ends_within_a_second(
    name: str, sim: Sim, start_sim: Callable[..., Sim], start_kodi: Any, link: Callable[..., None]
) -> None:
    state = STATES[name]
    trakt = start_sim(*state.flags) if state.flags else sim
    hosts = {"auth_url": trakt.auth_url, "api_url": trakt.api_url}
    kodi = start_kodi(start=False, profiles=["Kids"], addon_settings={**hosts, **state.settings})
    figures = {}

    def start_afresh() -> None:
        trakt.clear_faults()
        for profile in kodi.home.profiles:
            for file in ("libtrakt", "state.json"):
                subprocess.run(["rm", "-rf", str(kodi.home.data_of(ADDON, profile) / file)], check=True)
            if state.linked:
                link(kodi, profile)
        kodi.start()

    start_afresh()
    state.enter(kodi, trakt)
    mark = kodi.mark()
    kodi.load_profile("Kids")
    figures["profile change"] = states.stop_ms(kodi, mark)

    state.enter(kodi, trakt)
    mark = kodi.mark()
    figures["Kodi ends, all of it"] = round(kodi.quit() * 1000)
    figures["Kodi ends"] = states.stop_ms(kodi, mark)

    # Not before a change of the profile: soon after a service was disabled and enabled, whichever, that can crash Kodi.
    start_afresh()
    state.enter(kodi, trakt)
    mark = kodi.mark()
    kodi.disable(ADDON)
    figures["disabled"] = states.stop_ms(kodi, mark)
    for left in ("service", "state", "linked", "user", "vip"):
        assert kodi.home_property(f"libtrakt.{left}") == ""
    kodi.wait("no window of the add-on to be left", lambda: kodi.window()[0] < FIRST_PYTHON_WINDOW)
    kodi.press("back")
    kodi.enable(ADDON)
    states.wait_service(kodi)

    keep_figures(f"stop: {name}", figures)
    # Nothing but a window that Kodi was asked to close and hadn't yet: what else is left it touches when it is gone.
    for left in _LEFT.findall(kodi.whole_log()):
        assert {one for one in left.split(",") if "WindowXMLDialog" not in one} == set()
    assert max(value for what, value in figures.items() if "all" not in what) < LONGEST_STOP_MS, figures


def test_twenty_rounds_of_disable_and_enable(start_kodi: Any, link: Callable[..., None]) -> None:
    kodi = start_kodi(start=False)
    link(kodi)
    kodi.start()
    rss_mb, stops_ms = [], []
    for number in range(ROUNDS):
        states.wait_service(kodi)
        rss_mb.append(round(kodi.rss_bytes() / 1e6))
        stops_ms.append(kodi.disable(ADDON))
        kodi.enable(ADDON)
        if number % 4 == 3:
            # Also while it starts.
            stops_ms.append(kodi.disable(ADDON))
            kodi.enable(ADDON)
    kodi.wait_home_property("libtrakt.linked", "true")
    rss_mb.append(round(kodi.rss_bytes() / 1e6))
    keep_figures("20 rounds of disable and enable", {"memory of Kodi, MB": rss_mb, "stops, ms": stops_ms})
    assert max(stops_ms) < LONGEST_STOP_MS
    assert rss_mb[-1] - rss_mb[1] < MOST_GROWTH_MB


def test_profiles_have_their_own_accounts(start_kodi: Any, sim: Sim, link: Callable[..., None]) -> None:
    kodi = start_kodi(start=False, profiles=["Kids"])
    link(kodi, name="Sean")
    kodi.start()
    kodi.wait_home_property("libtrakt.user", "Sean")
    assert kodi.home_property("libtrakt.linked") == "true"

    kodi.load_profile("Kids")
    kodi.wait_home_property("libtrakt.state", "none")
    assert kodi.home_property("libtrakt.user") == kodi.home_property("libtrakt.linked") == ""
    sim.account(username="justin", name="Justin")
    states.hide_login(kodi)
    sim.approve()
    kodi.wait_home_property("libtrakt.user", "Justin")

    kodi.load_profile()
    kodi.wait_home_property("libtrakt.user", "Sean")
    kodi.load_profile("Kids")
    kodi.wait_home_property("libtrakt.user", "Justin")
    stores = [kodi.home.data_of(ADDON, profile) / "libtrakt" / "store.db" for profile in kodi.home.profiles]
    assert all(store.is_file() for store in stores)


def test_where_the_userdata_folder_is_shared_data_lie_elsewhere(
    start_kodi: Any, sim: Sim, link: Callable[..., None], tmp_path: Path
) -> None:
    system, storage = tmp_path / "os-release", tmp_path / "storage"
    system.write_text('NAME="LibreELEC"\nID="libreelec"\nVERSION_ID="11.0"\n')
    storage.mkdir()
    places = {"/etc/os-release": system, "/storage": storage}
    kodi = start_kodi(start=False, profiles=["Kids"], places=places)
    link(kodi)  # as a backup of another system would bring it
    kodi.start()
    kodi.wait_home_property("libtrakt.linked", "true")
    kodi.load_profile("Kids")
    states.hide_login(kodi)
    sim.approve()
    kodi.wait_home_property("libtrakt.linked", "true")
    kodi.quit()
    cache = storage / ".cache" / "libtrakt"
    for name in ("master", "Kids"):
        assert (cache / name / "libtrakt" / "store.db").is_file()
        assert (cache / name).stat().st_mode & 0o777 == 0o700
    for profile in kodi.home.profiles:
        assert [path.name for path in kodi.home.data_of(ADDON, profile).iterdir()] == ["settings.xml"]
    kodi.start()
    kodi.wait_home_property("libtrakt.linked", "true")


def test_a_login_survives_kill(start_kodi: Any, sim: Sim) -> None:
    kodi = start_kodi()
    states.open_screen(kodi, "link")
    states.wait_code(kodi)
    code = kodi.window_property("code")
    kodi.kill()
    kodi.start()
    states.open_screen(kodi, "link")
    kodi.wait_property("code", code)
    kodi.press("back")
    sim.approve()
    kodi.wait_home_property("libtrakt.linked", "true")


def test_a_link_survives_kill_in_the_middle_of_a_refresh(start_kodi: Any, sim: Sim, link: Callable[..., None]) -> None:
    kodi = start_kodi(start=False)
    link(kodi)
    kodi.start()
    STATES["refresh under way, Trakt is silent"].enter(kodi, sim)
    kodi.kill()
    sim.clear_faults()
    mark = sim.mark()
    kodi.start()
    kodi.wait_home_property("libtrakt.linked", "true")
    states.open_screen(kodi, "account")
    sim.wait_log(path=TOKEN, since=mark, done=True)
    sim.wait_log(path=SETTINGS, since=mark, done=True)
    kodi.wait_property("message", re.compile("^All is well"))


def test_a_login_survives_suspend(start_kodi: Any, sim: Sim, moved_clock: MovedClock) -> None:
    kodi = start_kodi(env=moved_clock.env())
    states.open_screen(kodi, "link")
    states.wait_code(kodi)
    code = kodi.window_property("code")

    def sleep(ms: int) -> None:
        kodi.suspend()
        moved_clock.sleep(ms)
        sim.advance_clock(ms)
        kodi.wake()

    sleep(5 * 60_000)
    kodi.wait_property("left", re.compile("^[34]:"))
    assert kodi.window_property("code") == code
    # Longer than the code is good for: there is a new one without a key being pressed.
    sleep(20 * 60_000)
    kodi.wait("another code", lambda: states.CODE.match(seen := kodi.window_property("code")) and seen != code)
    sim.approve()
    kodi.wait_home_property("libtrakt.linked", "true")


def test_a_part_that_fails_doesn_t_end_the_others(tmp_path: Path, addon: Path, sim: Sim) -> None:
    broken = tmp_path / ADDON
    shutil.copytree(addon, broken)
    with (broken / "resources" / "lib" / "traktkodi" / "notices.py").open("a") as module:
        module.write(
            "\n\ndef _fails(*_: object) -> None:\n    raise ValueError('on purpose')\n\n\nNotices.step = _fails\n"
        )
    # Not by the fixture: this failure is in the log on purpose.
    with Kodi(tmp_path / "kodi") as kodi:
        hosts = {"client_id": sim.client_id, "auth_url": sim.auth_url, "api_url": sim.api_url, "invite": "false"}
        kodi.home.configure(ADDON, hosts)
        kodi.home.install(broken)
        kodi.start()
        states.hide_login(kodi)
        sim.approve()
        kodi.wait_home_property("libtrakt.linked", "true")
        kodi.quit()
        assert kodi.exit_codes == [0]
        log = kodi.whole_log()
        assert log.count("failed: notices") == 1
        assert "ValueError: on purpose" in log
        assert [line.strip() for line in checks.trouble(kodi)] == ["Traceback (most recent call last):"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Mounts a disk of 1 MB at a folder."""
    mounted: List[Path] = []

    def mount(folder: Path) -> Path:
        kept = {path.name: path.read_bytes() for path in folder.iterdir()}
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", str(folder)], check=True)
        mounted.append(folder)
        for name, content in kept.items():
            (folder / name).write_bytes(content)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Leaves no byte free."""
    with (disk / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 12))


def test_a_full_disk_is_told(start_kodi: Any, sim: Sim, small_disk: Callable[[Path], Path]) -> None:
    kodi = start_kodi(start=False)
    disk = small_disk(kodi.home.data_of(ADDON))
    kodi.start()
    states.wait_service(kodi)
    fill(disk)
    states.open_screen(kodi, "link")
    kodi.wait_property("text", re.compile("^The storage of this device is full"))
    (disk / "filler").unlink()
    states.wait_code(kodi)
    sim.approve()
    kodi.wait_home_property("libtrakt.linked", "true")


def test_a_read_only_folder_is_told(
    start_kodi: Any, sim: Sim, link: Callable[..., None], small_disk: Callable[[Path], Path]
) -> None:
    kodi = start_kodi(start=False)
    disk = small_disk(kodi.home.data_of(ADDON))
    link(kodi)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    kodi.start()
    kodi.wait_home_property("libtrakt.linked", "true")
    states.open_screen(kodi, "account")
    kodi.wait_property("message", re.compile("^The add-on's data can't be changed: the storage is read-only"))
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


def test_the_checks_of_every_test_would_find_something(start_kodi: Any, sim: Sim, link: Callable[..., None]) -> None:
    kodi = start_kodi(start=False)
    link(kodi)
    kodi.start()
    kodi.wait_home_property("libtrakt.linked", "true")
    states.open_screen(kodi, "account")
    sim.wait_log(path=SETTINGS, done=True)
    kodi.quit()
    assert checks.trouble(kodi) == [] == checks.leaked(kodi, sim, also={})
    clean = kodi.home.log.read_text("utf-8")

    def plant(text: str) -> None:
        kodi.home.log.write_text(f"{clean}2026-01-02 03:04:05.678 T:1    debug <general>: {text}\n", "utf-8")

    (token,) = {request["bearer"] and request["headers"]["authorization"][7:] for request in sim.log(path=SETTINGS)}
    for disguise in (token, token[:10], token[5:17].encode().hex(), b64encode(b"x" + token.encode()).decode()):
        plant(f"asked with {disguise}")
        assert checks.leaked(kodi, sim, also={}), disguise
    plant("proxy password: correct horse")
    assert checks.leaked(kodi, sim, also={}) == []
    assert checks.leaked(kodi, sim, also={"proxy password": "correct horse"}) != []
    for sign in ("EXCEPTION Thrown (PythonToCppException)", "script didn't stop in 5 seconds - let's kill it"):
        plant(sign)
        assert len(checks.trouble(kodi)) == 1, sign
    kodi.home.log.write_text(clean, "utf-8")
