"""Fixtures for tests with a real mpv: `home` (the plug-in with the library), `start`, and `faked` with `fake`."""

from __future__ import annotations

import importlib.util
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import made
import prelinked
import pytest
from driver import Home, Mpv
from moved_clock import MovedClock
from paths import real_library
from simtrakt import Sim
from standin import Fake

_SHARED = Path(__file__).resolve().parent.parent / "python" / "conftest.py"
_spec = importlib.util.spec_from_file_location("shared_fixtures", _SHARED)
assert _spec is not None and _spec.loader is not None
_shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_shared)

library = _shared.library
start_sim = _shared.start_sim
sim = _shared.sim

hub_of_file = prelinked.hub_of_file
hub = prelinked.hub
linked_dir = prelinked.linked_dir

#: Starts an mpv with options of the plug-in; positional arguments and `env` are mpv's.
Start = Callable[..., Mpv]


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plug-in, built as a release is."""
    return made.plugin(tmp_path_factory.mktemp("plugin"))


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that is dictated to."""
    return made.fake_library(tmp_path_factory.mktemp("fake"))


@pytest.fixture
def home(tmp_path: Path, plugin: Path) -> Home:
    """A home with the plug-in and the real library."""
    home = Home(tmp_path / "home")
    home.install(plugin, real_library())
    return home


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts mpv in a home; what still runs when the test ends is quit."""
    with ExitStack() as running:
        yield lambda home, *arguments, **more: running.enter_context(Mpv(home, *arguments, **more))


@pytest.fixture
def moved_clock(tmp_path: Path) -> Iterator[MovedClock]:
    """Clocks that a test moves, for `start(home, env=moved_clock.env())`."""
    with MovedClock(tmp_path) as clock:
        yield clock


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """What the plug-in asks of the library that is dictated to, and is answered."""
    folder = tmp_path / "fake"
    folder.mkdir()
    return Fake(folder)


@pytest.fixture
def faked(tmp_path: Path, plugin: Path, fake_library: Path, fake: Fake, start: Start) -> Callable[..., Mpv]:
    """Starts mpv with that library."""
    home = Home(tmp_path / "home")
    home.install(plugin, fake_library)

    def start_faked(*arguments: str, **options: Any) -> Mpv:
        env = {**fake.env, **options.pop("env", {})}
        home.conf(**{"client_id": "abc", **options})
        return start(home, *arguments, env=env)

    return start_faked


@pytest.fixture
def at_sim(sim: Sim) -> Dict[str, str]:
    """Options for the simulated Trakt."""
    return options_for(sim)


def options_for(sim: Sim) -> Dict[str, str]:
    """The plug-in's options for a simulated Trakt; clips count however short they are."""
    config = {key: sim.client_config()[key] for key in ("client_id", "client_secret", "auth_url", "api_url")}
    return {**config, "min_duration": "0"}
