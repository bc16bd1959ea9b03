"""Fixtures for tests that need a linked account and not its login: one simulated Trakt and login per file, copies.

Each test gets a copy of the data folder, so none sees what another has stored. All copies hold the same refresh token:
a test that spends it takes `sim` and `linked` instead.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from libtrakt import Client, Library
from simtrakt import Sim
from wire import Wire


class Hub:
    """A simulated Trakt that is used by all tests of a file."""

    def __init__(self, sim: Sim, folder: Path) -> None:
        """With the data folder of a client that was linked there and closed."""
        self.sim = sim
        self._folder = folder

    def copy(self, to: Path) -> Path:
        """A data folder of a linked client."""
        shutil.copytree(self._folder, to)
        return to


def link(sim: Sim, folder: Path, library: Library) -> None:
    """Links an account with that data folder, by device code."""
    sim.config(device_interval_s=1)
    with Client(sim.client_config(data_dir=folder), library=library) as client:
        login = client.device_start()
        sim.approve(login["user_code"])
        while login["state"] == "pending" or not login["account"]:
            login = client.device_poll(wait_ms=5000)
            assert login["state"] in ("pending", "authorized"), login


@pytest.fixture(scope="module")
def hub_of_file(tmp_path_factory: pytest.TempPathFactory, library: Library) -> Iterator[Hub]:
    """One for the whole file."""
    folder = tmp_path_factory.mktemp("linked") / "data"
    with Sim.start() as sim:
        link(sim, folder, library)
        sim.expect_violations()  # `hub` looks at them, test by test
        yield Hub(sim, folder)


@pytest.fixture
def hub(hub_of_file: Hub) -> Iterator[Hub]:
    """The same, without what a test before has left behind: faults, and the second between two writes."""
    hub_of_file.sim.clear_faults()
    hub_of_file.sim.advance_clock(1_000)
    yield hub_of_file
    hub_of_file.sim.clear_faults()
    # Through a gate the port is another one.
    violations = [one for one in hub_of_file.sim.violations() if not one["text"].startswith("Host is ")]
    assert not violations, violations


@pytest.fixture
def linked_dir(hub: Hub, tmp_path: Path) -> Path:
    """This test's own copy of a linked client's data folder."""
    return hub.copy(tmp_path / "linked")


@pytest.fixture
def open_wire(hub: Hub, linked_dir: Path, library: Library) -> Iterator[Callable[..., Wire]]:
    """Opens clients on that copy, with more in their configurations; they are closed with the test."""
    with ExitStack() as opened:

        def open_one(**config: Any) -> Wire:
            return opened.enter_context(Wire(library, hub.sim.client_config(**{"data_dir": linked_dir, **config})))

        yield open_one


@pytest.fixture
def wire(open_wire: Callable[..., Wire]) -> Wire:
    """A linked client on that copy."""
    return open_wire()
