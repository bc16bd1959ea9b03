"""The fast tests of the add-on's modules: without Kodi, against stubs with behaviour."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Iterator

import pytest

TOP = Path(__file__).resolve().parents[3]
for folder in (
    "bindings/python",
    "plugin/kodi/service.libtrakt/resources/lib",
    "tests/kodi",
    "tests/kodi/stubs",
):
    sys.path.insert(0, str(TOP / folder))

import fakekodi  # noqa: E402  (on the path only now)
from faketrakt import FakeTrakt  # noqa: E402
from traktkodi.kodi import Kodi  # noqa: E402


@pytest.fixture
def box(tmp_path: Path) -> Iterator[fakekodi.Box]:
    """Kodi itself, as its user and the test see it."""
    fakekodi.box = fakekodi.Box(tmp_path / "kodi")
    yield fakekodi.box
    fakekodi.box = None


@pytest.fixture
def kodi(box: fakekodi.Box) -> Kodi:
    """Kodi as the add-on sees it."""
    return Kodi()


@pytest.fixture
def clock(box: fakekodi.Box) -> fakekodi.FakeClock:
    """The clock that waitForAbort moves, and the test."""
    return box.clock


@pytest.fixture
def trakt() -> FakeTrakt:
    """The library as the test wants it."""
    return FakeTrakt()


@pytest.fixture
def data_dir(box: fakekodi.Box) -> str:
    """The add-on's data folder; it isn't there yet."""
    return str(box.profile_path)
