"""Where the data go: one folder a profile, not shared on the network, and nothing left behind."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Dict

import pytest
from traktkodi import paths

MASTER = "/storage/.kodi/userdata/"
ID = "service.libtrakt"


def profile(name: str) -> str:
    return f"{MASTER}{name}/addon_data/{ID}/" if name else f"{MASTER}addon_data/{ID}/"


def os_release(folder: Path, text: str) -> str:
    path = folder / "os-release"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "text",
    ['ID=debian\nNAME="LibreELEC lookalike"\n', "", "# nothing\n=\n", "ID_LIKE=libreelec\nID=other\n"],
)
def test_elsewhere_the_data_stay_in_the_profile(tmp_path: Path, text: str) -> None:
    assert paths.data_dir(profile("profiles/Kids"), MASTER, os_release(tmp_path, text)) == profile("profiles/Kids")[:-1]


def test_without_a_readable_os_release_the_data_stay_in_the_profile(tmp_path: Path) -> None:
    assert paths.data_dir(profile(""), MASTER, str(tmp_path / "none")) == profile("")[:-1]
    (tmp_path / "binary").write_bytes(b"ID=\xff\xfe")
    assert paths.data_dir(profile(""), MASTER, str(tmp_path / "binary")) == profile("")[:-1]


@pytest.mark.parametrize("id", ["libreelec", '"libreelec"', "coreelec", "'CoreELEC'"])
def test_on_systems_that_share_userdata_they_go_to_the_cache(tmp_path: Path, id: str) -> None:
    release = os_release(tmp_path, f"NAME=x\nID={id}\nVERSION=12\n")
    assert paths.data_dir(profile(""), MASTER, release) == "/storage/.cache/libtrakt/master"
    assert paths.data_dir(profile("profiles/Kids"), MASTER, release) == "/storage/.cache/libtrakt/Kids"


def test_each_profile_has_a_folder_of_its_own_inside_the_cache(tmp_path: Path) -> None:
    release = os_release(tmp_path, "ID=libreelec")
    names = [
        "",
        "profiles/master",
        "profiles/%6Daster",
        "profiles/Anna und Jörg",
        "profiles/日本語",
        "profiles/..x",
        "profiles/.hidden",
        "profiles/%2Ehidden",
        "profiles/a/b",
        "profiles/a%2Fb",
        "profiles/a\\b",
        "profiles",
        "Kids",
        "profiles/Kids",
        "elsewhere/Kids",
        "profiles/" + "ж" * 120,
        "profiles/" + "ж" * 121,
        "profiles/a\nb",
    ]
    folders: Dict[str, str] = {}
    for name in names:
        folder = paths.data_dir(profile(name), MASTER, release, str(tmp_path))
        assert os.path.dirname(folder) == str(tmp_path), name
        base = os.path.basename(folder)
        assert base not in ("", ".", ".."), name
        assert len(os.fsencode(base)) <= 255, name
        os.makedirs(folder)  # a second profile in the same folder fails here
        folders[name] = folder
    assert folders["profiles/Anna und Jörg"].endswith("/Anna und Jörg")


def test_the_folder_is_for_this_user_alone(tmp_path: Path) -> None:
    os.umask(0o022)
    data_dir = tmp_path / "userdata" / "addon_data" / ID
    paths.prepare(str(data_dir), str(data_dir) + "/")
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE(data_dir.parent.stat().st_mode) == 0o755
    cached = tmp_path / "cache" / "libtrakt" / "master"
    paths.prepare(str(cached), str(data_dir) + "/")
    assert stat.S_IMODE(cached.stat().st_mode) == 0o700
    assert stat.S_IMODE(cached.parent.stat().st_mode) == 0o700


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / ID).mkdir(mode=0o755)
    paths.prepare(str(tmp_path / ID), str(tmp_path / ID) + "/")
    assert stat.S_IMODE((tmp_path / ID).stat().st_mode) == 0o755


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Data in a profile that everybody can read."""
    folder = tmp_path / "userdata" / "addon_data" / ID
    (folder / "libtrakt").mkdir(parents=True)
    (folder / "libtrakt" / "trakt.db").write_text("tokens")
    (folder / "private.json").write_text("{}")
    (folder / "settings.xml").write_text("<settings/>")
    (folder / "report-20260101-000000.txt").write_text("report")
    return folder


def test_what_lies_open_is_taken_along(tmp_path: Path, old: Path) -> None:
    new = tmp_path / "cache" / "master"
    paths.prepare(str(new), f"{old}/")
    assert (new / "libtrakt" / "trakt.db").read_text() == "tokens"
    assert (new / "private.json").exists()
    assert sorted(entry.name for entry in old.iterdir()) == ["report-20260101-000000.txt", "settings.xml"]
    paths.prepare(str(new), f"{old}/")
    assert (new / "libtrakt" / "trakt.db").read_text() == "tokens"


def test_what_lies_open_beside_newer_data_is_removed(tmp_path: Path, old: Path) -> None:
    new = tmp_path / "cache" / "master"
    (new / "libtrakt").mkdir(parents=True)
    (new / "libtrakt" / "trakt.db").write_text("newer")
    paths.prepare(str(new), f"{old}/")
    assert (new / "libtrakt" / "trakt.db").read_text() == "newer"
    assert not (old / "libtrakt").exists()


def test_another_file_system_and_a_kill_in_the_middle_lose_nothing(
    tmp_path: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "cache" / "master"
    rename = os.rename

    def refuse(source: str, target: str) -> None:
        if str(source).startswith(str(old)):
            raise OSError(18, "Invalid cross-device link")
        rename(source, target)

    def killed(source: str, target: str, **more: object) -> None:
        os.makedirs(target)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", refuse)
    with monkeypatch.context() as dying:
        dying.setattr("shutil.copytree", killed)
        with pytest.raises(KeyboardInterrupt):
            paths.prepare(str(new), f"{old}/")
    assert (old / "libtrakt" / "trakt.db").read_text() == "tokens"
    paths.prepare(str(new), f"{old}/")
    assert (new / "libtrakt" / "trakt.db").read_text() == "tokens"
    assert not (old / "libtrakt").exists()
    assert not list(new.glob("*.part"))


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        paths.prepare(str(tmp_path / "file"), str(tmp_path / "file"))
