"""Fixtures: the real library with the simulated Trakt (`sim`, `library`, `client`), and the dictated one (`fake`)."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Iterator

import pytest
from fake import Fake, build
from libtrakt import Client, Library
from paths import real_library
from simtrakt import Sim


@pytest.fixture(scope="session")
def library() -> Library:
    """The real library, which LIBTRAKT_LIBRARY names."""
    return Library.load(real_library())


@pytest.fixture
def start_sim() -> Iterator[Callable[..., Sim]]:
    """Starts simulated Trakts with flags; each is ended with the test, which fails if one has seen a rule broken."""
    with ExitStack() as running:
        yield lambda *flags: running.enter_context(Sim.start(*flags))


@pytest.fixture
def sim(start_sim: Callable[..., Sim]) -> Sim:
    """A simulated Trakt that lets a login poll every second."""
    sim = start_sim()
    sim.config(device_interval_s=1)
    return sim


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A fresh folder for a client's data."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def client(library: Library, sim: Sim, data_dir: Path) -> Iterator[Client]:
    """A client of the real library with the simulated Trakt; nothing is linked."""
    with Client(sim.client_config(data_dir=data_dir), library=library) as client:
        yield client


@pytest.fixture
def linked(client: Client, sim: Sim) -> Client:
    """The same client with an account linked by a device login."""
    login = client.device_start()
    sim.approve(login["user_code"])
    while login["state"] == "pending":
        login = client.device_poll(wait_ms=5000)
    assert login["state"] == "authorized", login
    # The login ends with reading who it was: nothing is under way any more when a test begins.
    while client.device_poll()["account"] is None:
        client.next_events(1000)
    return client


@pytest.fixture(scope="session")
def fake_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the dictated libraries are built."""
    return tmp_path_factory.mktemp("fake")


@pytest.fixture(scope="session")
def fake_path(fake_folder: Path) -> Path:
    """The dictated library's file."""
    return build(fake_folder)


@pytest.fixture
def fake(fake_path: Path) -> Fake:
    """The dictated library with nothing dictated."""
    return Fake(fake_path)


@pytest.fixture
def fake_client(fake: Fake) -> Iterator[Client]:
    """A client of the dictated library."""
    with Client(client_id="x", library=fake.path) as client:
        yield client
