"""The store from outside: many writers, bad disks, damaged and planted files, several clients, kill -9."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Set

import pytest
from child import Child, ChildGone
from libtrakt import Library
from machine import until
from paths import BINDING, real_library
from paths import HERE as PYTHON_TESTS
from prelinked import Hub, link
from simtrakt import SETTINGS, TOKEN, Sim
from wire import Wire, code

FRESH = {"max_age_ms": 0}
OFFLINE = {"offline": True}
#: Disks are mounted and files given away.
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
#: Nobody listens there.
NOWHERE = {"auth_url": "http://127.0.0.1:9", "api_url": "http://127.0.0.1:9"}


def database(folder: Path) -> Path:
    return folder / "libtrakt" / "store.db"


def commits(folder: Path) -> int:
    """How often anybody has committed: SQLite counts it in the file."""
    with contextlib.suppress(OSError):
        return int.from_bytes(database(folder).read_bytes()[24:28], "big")
    return 0


def assert_sound(folder: Path) -> None:
    """What SQLite itself says of the file."""
    copy = folder / "looked-at.db"
    shutil.copy(database(folder), copy)
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for (value,) in connection.execute("SELECT value FROM document"):
            json.loads(value)
    copy.unlink()


def marked(number: int) -> str:
    """Settings that can be told from all others."""
    return json.dumps({"user": {"username": "simulated", "ids": {"slug": "simulated"}}, "mark": number})


def mark_of(envelope: Dict[str, Any]) -> int:
    assert envelope["status"] == 0, envelope
    number: int = envelope["data"]["settings"]["mark"]
    return number


@contextlib.contextmanager
def disk(at: Path, size_kib: int) -> Iterator[Path]:
    """A small disk of its own."""
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kib}k,mode=755", "tmpfs", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def fill(at: Path) -> Path:
    """Takes all the space that is left."""
    filler = at / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 512)
    return filler


_WRITER = """
import threading
from wire import Wire
import json

def write(library, config, codes):
    with Wire(library, config) as wire:
        while not stop.is_set():
            for envelope in (wire.call("device.start", '{"wait_ms":0,"replace":true}'), wire.call("device.cancel")):
                codes.add(envelope["error"]["code"] if envelope["status"] else "ok")

stop = threading.Event()
libtrakt.stop, libtrakt.codes = stop, set()
libraries = [libtrakt.Library.load(path) for path in json.loads(%r)]
libtrakt.writers = [
    threading.Thread(target=write, args=(library, json.loads(%r), libtrakt.codes))
    for library in libraries
    for _ in range(2)
]
for writer in libtrakt.writers:
    writer.start()
"""

_END_WRITERS = """
libtrakt.stop.set()
for writer in libtrakt.writers:
    writer.join()
result = sorted(libtrakt.codes)
"""


def wire_environment() -> Dict[str, str]:
    """For a child that uses `wire`."""
    return {"PYTHONPATH": os.pathsep.join(map(str, (BINDING, PYTHON_TESTS, Path(__file__).resolve().parent)))}


def test_two_processes_with_two_images_each_commit_ten_thousand_times_and_the_file_is_sound(tmp_path: Path) -> None:
    # A second file is a second image, with its own SQLite and its own locks within the process.
    image = tmp_path / "second-image.so"
    shutil.copy(real_library(), image)
    images = json.dumps([str(real_library()), str(image)])
    # In memory the disk's own speed doesn't count; locks are the same.
    folder = Path("/dev/shm") / f"libtrakt-test-{os.getpid()}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        config = json.dumps({"client_id": "x", "data_dir": str(folder), **NOWHERE})
        with Child.start(env=wire_environment()) as one, Child.start(env=wire_environment()) as other:
            for child in (one, other):
                child.run(_WRITER % (images, config))
            until(lambda: commits(folder) >= 10_000, "ten thousand commits", patience_s=120)
            for child in (one, other):
                codes: Set[str] = set(child.run(_END_WRITERS))
                # Four clients give each other's login up; nothing of it is the store's.
                assert codes <= {"ok", "wrong_state", "busy"}, codes
        assert_sound(folder)
        assert sorted(path.name for path in (folder / "libtrakt").iterdir() if "corrupt" in path.name) == []
    finally:
        shutil.rmtree(folder)


@as_root
def test_a_full_disk_is_said_and_what_could_not_be_written_is_written_later(
    hub: Hub, open_wire: Callable[..., Wire], tmp_path: Path
) -> None:
    with disk(tmp_path / "disk", 1024) as at:
        folder = hub.copy(at / "data")
        wire = open_wire(data_dir=str(folder))
        hub.sim.settings(raw=marked(1))
        assert mark_of(wire.call("settings.get", FRESH)) == 1
        filler = fill(at)
        hub.sim.settings(raw=marked(2)[:-1] + ',"long":"' + "x" * 40_000 + '"}')
        assert mark_of(wire.call("settings.get", FRESH)) == 2
        account = wire.data("account.get")
        assert (account["store"], account["state"]) == ("full", "linked"), account
        assert "store.trouble" in {event["type"] for event in wire.data("events.next")["events"]}
        # Still there for who reads in this client; another one sees what was stored last.
        assert mark_of(wire.call("settings.get", OFFLINE)) == 2
        other = open_wire(data_dir=str(folder))
        assert mark_of(other.call("settings.get", OFFLINE)) == 1
        filler.unlink()
        assert wire.data("account.get")["store"] == "ok"
        assert mark_of(other.call("settings.get", OFFLINE)) == 2
        other.close(1_000)
        wire.close(1_000)
        assert_sound(folder)
    hub.sim.settings(shape="s6")


@as_root
def test_an_account_is_unlinked_from_a_full_disk(library: Library, tmp_path: Path) -> None:
    with Sim.start() as sim, disk(tmp_path / "disk", 1024) as at:
        link(sim, at / "data", library)
        with Wire(library, sim.client_config(data_dir=at / "data")) as wire:
            wire.data("settings.get", FRESH)
            fill(at)
            assert wire.data("account.unlink") == {"revoked": True}
            assert wire.data("account.get")["state"] == "none"
        token = sim.log(path=SETTINGS)[0]["headers"]["authorization"].split()[1].encode()
        for path in (at / "data" / "libtrakt").iterdir():
            assert token not in path.read_bytes(), path.name
        with Wire(library, sim.client_config(data_dir=at / "data")) as wire:
            assert wire.data("account.get")["state"] == "none"


@as_root
def test_a_read_only_disk_still_reads_and_asks_and_is_written_when_it_can_be(
    hub: Hub, open_wire: Callable[..., Wire], tmp_path: Path
) -> None:
    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(tmp_path / "disk")], check=True)

    with disk(tmp_path / "disk", 2048) as at:
        folder = hub.copy(at / "data")
        remount("ro")
        wire = open_wire(data_dir=str(folder))
        account = wire.data("account.get")
        assert (account["store"], account["state"]) == ("readonly", "linked"), account
        hub.sim.settings(raw=marked(3))
        assert mark_of(wire.call("settings.get", FRESH)) == 3
        assert code(wire.post()) == "ok"
        assert wire.data("account.get")["store"] == "readonly"
        remount("rw")
        assert wire.data("account.get")["store"] == "ok"
        other = open_wire(data_dir=str(folder))
        assert mark_of(other.call("settings.get", OFFLINE)) == 3
        other.close(1_000)
        wire.close(1_000)
    hub.sim.settings(shape="s6")


def test_a_data_dir_that_can_t_be_made_is_memory(hub: Hub, open_wire: Callable[..., Wire], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for data_dir in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/no/such/place")):
        account = open_wire(data_dir=str(data_dir)).data("account.get")
        assert account["store"] in ("memory", "readonly") and account["state"] == "none", (data_dir, account)
    assert (tmp_path / "file").read_text() == "not a folder"


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:100],
        lambda whole: b"nonsense" * 2_000,
        lambda whole: whole[:4096] + b"\xaa" * (len(whole) - 4096),
        lambda whole: b"\0" * len(whole),
    ],
    ids=["half", "head", "nonsense", "torn", "zeros"],
)
def test_a_damaged_file_is_kept_aside_until_unlinking_and_a_new_one_begins(
    library: Library, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    folder = tmp_path / "data"
    with Sim.start() as sim:
        link(sim, folder, library)
        bad = damage(database(folder).read_bytes())
        database(folder).write_bytes(bad)
        with Wire(library, sim.client_config(data_dir=folder)) as wire:
            account = wire.data("account.get")
            assert (account["store"], account["state"]) == ("corrupt_moved", "none"), account
            aside = [path for path in (folder / "libtrakt").iterdir() if path.read_bytes() == bad]
            assert len(aside) == 1 and stat.S_IMODE(aside[0].stat().st_mode) == 0o600, aside
        link(sim, folder, library)
        assert_sound(folder)
        with Wire(library, sim.client_config(data_dir=folder)) as wire:
            assert wire.data("account.get")["state"] == "linked"
            assert wire.data("account.unlink")["revoked"]
        assert not aside[0].exists()


def test_a_file_of_a_newer_version_is_left_alone_byte_for_byte(
    hub: Hub, open_wire: Callable[..., Wire], linked_dir: Path
) -> None:
    with contextlib.closing(sqlite3.connect(database(linked_dir))) as connection:
        connection.execute("PRAGMA user_version = 9999")
    before = {path.name: path.read_bytes() for path in (linked_dir / "libtrakt").iterdir()}
    hub.sim.config(device_interval_s=1)
    wire = open_wire()
    account = wire.data("account.get")
    assert (account["store"], account["state"]) == ("newer", "none"), account
    login = wire.data("device.start")
    hub.sim.approve(login["user_code"])
    while login["state"] == "pending":
        login = wire.data("device.poll", {"wait_ms": 5_000})
    assert wire.data("settings.get", FRESH)["source"] == "network"
    assert wire.data("account.unlink")["revoked"]
    wire.close(5_000)
    after = {path.name: path.read_bytes() for path in (linked_dir / "libtrakt").iterdir()}
    assert after["store.db"] == before["store.db"] and after.keys() - {"store.lock"} == before.keys() - {"store.lock"}


def planted(folder: Path, target: Path, name: str, how: str) -> None:
    """Puts something else where a file of the store should be."""
    own = folder / "libtrakt"
    place = own if name == "libtrakt" else own / name
    if name == "libtrakt":
        folder.mkdir()
    else:
        own.mkdir(parents=True, mode=0o700)
    if how == "symlink":
        place.symlink_to(target)
    elif how == "dangling":
        place.symlink_to(target.parent / "made-by-the-library")
    elif how == "hard link":
        place.hardlink_to(target)
    elif how == "pipe":
        os.mkfifo(place)
    elif how == "folder":
        place.mkdir()
    else:
        place.write_bytes(target.read_bytes())
        os.chown(place, 65534, 65534)


PLANTED = [
    *itertools.product(
        ["store.db", "store.lock", "store.db-journal"],
        ["symlink", "dangling", "hard link", "pipe", "folder", "another's"],
    ),
    # A folder has no second name, and a folder is what should be there.
    *itertools.product(["libtrakt"], ["symlink", "dangling", "pipe", "another's"]),
]


@as_root
@pytest.mark.parametrize(("name", "how"), PLANTED)
def test_what_was_planted_is_neither_followed_nor_changed(
    hub: Hub, open_wire: Callable[..., Wire], tmp_path: Path, name: str, how: str
) -> None:
    target = tmp_path / "target"
    if name == "libtrakt" and how == "symlink":
        target.mkdir()
    else:
        target.write_bytes(b"somebody's file")
    folder = tmp_path / "data"
    planted(folder, target, name, how)
    place = folder / "libtrakt" if name == "libtrakt" else folder / "libtrakt" / name
    before = place.lstat()
    began = time.monotonic()
    wire = open_wire(data_dir=str(folder))
    account = wire.data("account.get")
    assert account["store"] in ("memory", "readonly"), account
    wire.data("device.start", {"wait_ms": 2_000})
    wire.data("device.cancel")
    assert time.monotonic() - began < 10
    wire.close(5_000)
    after = place.lstat()
    assert (before.st_ino, before.st_mode, before.st_uid, before.st_size) == (
        after.st_ino,
        after.st_mode,
        after.st_uid,
        after.st_size,
    )
    if target.is_dir():
        assert list(target.iterdir()) == []
    else:
        assert target.read_bytes() == b"somebody's file"
    assert not (tmp_path / "made-by-the-library").exists()


def test_files_are_private_whatever_the_umask_and_what_was_there_keeps_its_mode(
    hub: Hub, library: Library, tmp_path: Path
) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    old = os.umask(0)
    try:
        ours, theirs, wide = tmp_path / "made" / "by us", tmp_path / "theirs", tmp_path / "wide"
        theirs.mkdir(mode=0o755)
        (wide / "libtrakt").mkdir(parents=True, mode=0o775)
        (wide / "libtrakt").chmod(0o775)
        for folder in (ours, theirs, wide):
            link(hub.sim, folder, library)
    finally:
        os.umask(old)
    assert [mode(folder) for folder in (ours, ours.parent, theirs, wide)] == [0o700, 0o700, 0o755, 0o777]
    assert [mode(folder / "libtrakt") for folder in (ours, theirs, wide)] == [0o700, 0o700, 0o775]
    for folder in (ours, theirs, wide):
        files = list((folder / "libtrakt").iterdir())
        assert files and {mode(path) for path in files} == {0o600}, [(path.name, oct(mode(path))) for path in files]
        assert [path.name for path in folder.iterdir()] == ["libtrakt"]


def test_what_one_client_changes_another_sees_as_an_other_s_doing(
    hub: Hub, open_wire: Callable[..., Wire], linked_dir: Path, tmp_path: Path
) -> None:
    image = tmp_path / "second-image.so"
    shutil.copy(real_library(), image)
    config = hub.sim.client_config(data_dir=linked_dir)
    first, second = open_wire(), open_wire()
    with Child.start(config) as child, Wire(Library.load(image), config) as elsewhere:
        seers = [second, elsewhere]
        for wire in [first, *seers]:
            wire.data("events.next")
        child.call("next_events")
        hub.sim.settings(raw=marked(4))
        assert mark_of(first.call("settings.get", FRESH)) == 4
        own = {event["type"]: event["by"] for event in first.data("events.next")["events"]}
        assert own.get("settings.changed") == "self", own
        for wire in seers:
            seen = {event["type"]: event["by"] for event in wire.data("events.next", {"wait_ms": 5_000})["events"]}
            assert seen.get("settings.changed") == "other", seen
            assert mark_of(wire.call("settings.get", OFFLINE)) == 4
        events = child.call("next_events", wait_ms=5_000)
        assert {"settings.changed": "other"}.items() <= {event["type"]: event["by"] for event in events}.items()
        assert child.call("get_settings", offline=True)["settings"]["mark"] == 4
    hub.sim.settings(shape="s6")


def test_a_folder_that_is_deleted_meanwhile_is_made_again(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with Sim.start() as sim:
        link(sim, folder, library)
        with Wire(library, sim.client_config(data_dir=folder)) as wire:
            assert wire.data("account.get")["state"] == "linked"
            shutil.rmtree(folder)
            # Who deletes the data deletes the account; nothing else breaks.
            assert wire.data("account.get")["state"] == "none"
            assert code(wire.call("settings.get", FRESH)) == "not_linked"
            assert wire.data("account.get")["store"] == "ok"
            link(sim, folder, library)
            assert wire.data("account.get")["state"] == "linked"
            assert wire.data("settings.get", FRESH)["source"] == "network"
        assert_sound(folder)


def test_kill_9_at_any_moment_loses_nothing_that_was_answered(library: Library, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    chance = random.Random(7)
    with Sim.start() as sim:
        link(sim, folder, library)
        # The same refresh token each time: what a kill hits is then never an answer that nobody can have kept.
        # Tokens live so shortly that many rounds refresh them.
        sim.config(rotate_refresh=False, get_limit=1_000_000, access_lifetime_s=2)
        sim.expire_access()
        config = sim.client_config(data_dir=folder)
        answered = 0
        for _ in range(50):
            with Child.start(config) as child:
                killer = threading.Timer(chance.random() * 0.15, child.process.kill)
                killer.start()
                with contextlib.suppress(ChildGone):
                    while True:
                        sim.settings(raw=marked(answered + 1))
                        data = child.call("get_settings", max_age_ms=0)
                        assert data["source"] == "network"
                        answered = data["settings"]["mark"]
                killer.join()
                child.wait_exit()
            assert_sound_or_rolled_back(folder)
            with Wire(library, config) as wire:
                assert wire.data("account.get")["state"] == "linked"
                if answered:
                    assert mark_of(wire.call("settings.get", OFFLINE)) >= answered
        with Wire(library, config) as wire:
            assert wire.data("settings.get", FRESH)["source"] == "network"
        assert answered > 50, answered
        assert len(sim.log(path=TOKEN)) > 5
        assert sorted(path.name for path in (folder / "libtrakt").iterdir() if "corrupt" in path.name) == []
        assert_sound(folder)


def assert_sound_or_rolled_back(folder: Path) -> None:
    """A journal that a killed writer left belongs to the file: looked at together they are sound."""
    both: List[Path] = [database(folder), database(folder).with_name("store.db-journal")]
    aside = folder / "aside"
    aside.mkdir()
    for path in both:
        if path.exists():
            shutil.copy(path, aside / path.name)
    with contextlib.closing(sqlite3.connect(aside / "store.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    shutil.rmtree(aside)
