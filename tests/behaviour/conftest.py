"""Fixtures: those of the Python tests (`sim`, `start_sim`, `library`, `data_dir`, `client`, `linked`), moved clocks,
machines with several processes, and accounts that are linked already.

Every reply of the library in these tests is held against docs/methods.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Iterator

import prelinked
import pytest
import replies
from box import Box
from moved_clock import MovedClock
from simtrakt import Sim

_SHARED = Path(__file__).resolve().parent.parent / "python" / "conftest.py"
_spec = importlib.util.spec_from_file_location("shared_fixtures", _SHARED)
assert _spec is not None and _spec.loader is not None
_shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_shared)

library = _shared.library
start_sim = _shared.start_sim
sim = _shared.sim
data_dir = _shared.data_dir
client = _shared.client
linked = _shared.linked

hub_of_file = prelinked.hub_of_file
hub = prelinked.hub
linked_dir = prelinked.linked_dir
open_wire = prelinked.open_wire
wire = prelinked.wire


@pytest.fixture
def moved_clock(tmp_path: Path) -> Iterator[MovedClock]:
    """Clocks of child processes that a test moves; see moved_clock.py."""
    with MovedClock(tmp_path) as clock:
        yield clock


@pytest.fixture(scope="session", autouse=True)
def checked_replies() -> Iterator[None]:
    """Every reply is what its documentation says."""
    with pytest.MonkeyPatch.context() as patch:
        replies.watch(patch)
        yield


@pytest.fixture
def box(sim: Sim, tmp_path: Path, moved_clock: MovedClock) -> Iterator[Box]:
    """A machine with clocks that the test moves, on which processes use the library; see box.py."""
    with Box(sim, tmp_path, moved_clock) as box:
        yield box
