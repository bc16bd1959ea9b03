"""Fixtures for tests with a real Kodi: `sim`, `addon`, `start_kodi`, `kodi`, `link`, `moved_clock`,
`start_watching`, `watching`; see README.md.

What must hold at every end is looked at after each test: nothing failed unnoticed, no secret was written, Kodi quits
with exit code 0, Trakt's rules were kept. What Kodi showed and wrote in a failed test lies in target/kodi-failures.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, Generator, Iterator, List, Mapping, Optional

import checks
import package
import pytest
from driver import Kodi
from libtrakt import Client, Library
from moved_clock import MovedClock
from paths import ROOT
from simtrakt import Sim
from watching import Watching

_SHARED = Path(__file__).resolve().parent.parent / "python" / "conftest.py"
_spec = importlib.util.spec_from_file_location("shared_fixtures", _SHARED)
assert _spec is not None and _spec.loader is not None
_shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_shared)

library = _shared.library
start_sim = _shared.start_sim
sim = _shared.sim

_FAILURES = ROOT / "target" / "kodi-failures"
_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets fixtures know whether their test has failed."""
    report = yield
    if report.failed:
        item.stash[_failed] = True
    return report


@pytest.fixture(scope="session")
def addon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The add-on's folder, out of the packaged zip."""
    return package.unpack(package.packaged_zip(), tmp_path_factory.mktemp("addon"))


@pytest.fixture
def moved_clock(tmp_path: Path) -> Iterator[MovedClock]:
    """Clocks that a test moves, for `start_kodi(env=moved_clock.env())`."""
    with MovedClock(tmp_path) as clock:
        yield clock


class Kodis:
    """The Kodis of a test; calling it makes another. `secrets` are looked for besides those that Trakt knows."""

    def __init__(self, folder: Path, sim: Sim, addon: Callable[[], Path]) -> None:
        self._folder = folder
        self._sim = sim
        self._addon = addon
        self.all: List[Kodi] = []
        self.secrets: Dict[str, str] = {}

    def __call__(
        self,
        *,
        start: bool = True,
        install: bool = True,
        addon: Optional[Path] = None,
        addon_settings: Optional[Mapping[str, str]] = None,
        **options: Any,
    ) -> Kodi:
        """A Kodi with the add-on set to use the simulated Trakt.

        `start=False`: not started yet. `install=False`: the add-on isn't there yet, but its settings are. `addon`:
        another folder than the packaged one. `addon_settings`: its settings besides, "" for Kodi's default. The other
        options are those of `driver.Kodi`.
        """
        kodi = Kodi(self._folder / f"kodi-{len(self.all) + 1}", **options)
        self.all.append(kodi)
        settings = {
            "client_id": self._sim.client_id,
            "auth_url": self._sim.auth_url,
            "api_url": self._sim.api_url,
            "invite": "false",
            "log_level": "4",
            **(addon_settings or {}),
        }
        for profile in kodi.home.profiles:
            kodi.home.configure(package.ADDON, settings, profile)
        if install:
            kodi.home.install(addon or self._addon())
        if start:
            kodi.start()
        return kodi


@pytest.fixture
def start_kodi(request: pytest.FixtureRequest, tmp_path: Path, sim: Sim) -> Iterator[Kodis]:
    """Makes Kodis with the add-on installed and set to the simulated Trakt; see `Kodis.__call__`."""
    kodis = Kodis(tmp_path, sim, lambda: request.getfixturevalue("addon"))
    good = False
    try:
        yield kodis
        if not request.node.stash.get(_failed, False):
            _check(kodis, sim)
            good = True
    finally:
        if not good:
            _keep(kodis, request.node.name)
        for kodi in kodis.all:
            kodi.close()


@pytest.fixture
def kodi(start_kodi: Kodis) -> Kodi:
    """One, started, with nothing special about it."""
    return start_kodi()


@pytest.fixture
def link(sim: Sim, library: Library) -> Callable[..., None]:
    """Links an account in the add-on's data folder before Kodi starts: `link(kodi)`, or `link(kodi, profile="Kids")`.

    More arguments change the account at Trakt first: `link(kodi, username="sean", vip=True)`.
    """

    def link_one(kodi: Kodi, profile: Optional[str] = None, **who: Any) -> None:
        assert not kodi.alive, "The library of a running Kodi would not expect it."
        if who:
            sim.account(**who)
        folder = kodi.home.data_of(package.ADDON, profile)
        config = sim.client_config(data_dir=folder, redirect_uri=sim.redirect_uri, client_secret=None)
        with Client(config, library=library) as client:
            client.authorize_finish(sim.authorize(client.authorize_url()["url"]))

    return link_one


@pytest.fixture
def start_watching(start_kodi: Any, sim: Sim, link: Callable[..., None]) -> Callable[..., Watching]:
    """Makes a Kodi with a library and a linked account, whose history at Trakt is empty."""
    sim.config(history_items=0)

    def start(**options: Any) -> Watching:
        kodi = start_kodi(start=False, **options)
        link(kodi)
        watching = Watching(kodi)
        watching.start()
        return watching

    return start


@pytest.fixture
def watching(start_watching: Callable[..., Watching]) -> Watching:
    """One, with nothing special about it."""
    return start_watching()


def _check(kodis: Kodis, sim: Sim) -> None:
    for kodi in kodis.all:
        if kodi.alive:
            kodi.quit()
        assert set(kodi.exit_codes) <= {0}, f"Kodi ended with {kodi.exit_codes}."
        assert checks.trouble(kodi) == []
        assert checks.leaked(kodi, sim, also=kodis.secrets) == []


def _keep(kodis: Kodis, test: str) -> None:
    """What Kodi shows and has written, for whoever looks into a failure."""
    folder = _FAILURES / re.sub(r"[^\w.-]+", "-", test)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, kodi in enumerate(kodis.all, 1):
        if kodi.alive:
            kodi.patience_s = 10  # it may be frozen
            with suppress(AssertionError, OSError):
                shutil.copy(kodi.screenshot(), folder / f"screen-{number}.png")
        (folder / f"kodi-{number}.log").write_text(kodi.whole_log())
        if kodi.output.exists():
            shutil.copy(kodi.output, folder / f"output-{number}.txt")
