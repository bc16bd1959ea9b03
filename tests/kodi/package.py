"""The add-on as users get it: the packaged zip, and what lies in it unpacked. Knows nothing of Kodi."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from paths import from_environment

ADDON = "service.libtrakt"
HERE = Path(__file__).resolve().parent
EMPTY = HERE / "empty" / "service.empty"


def packaged_zip() -> Path:
    """The zip of the version under test."""
    return from_environment("KODI_ADDON_ZIP", "the add-on's zip, as `cargo run -p xtask -- kodi` makes it")


def older_zip() -> Path:
    """The zip of an older version, with a library that has that version too."""
    return from_environment("KODI_OLDER_ZIP", "an older zip of the add-on, made with --as-version")


def unpack(archive: Path, folder: Path) -> Path:
    """The add-on's folder, out of its zip; as in Kodi without file modes."""
    with zipfile.ZipFile(archive) as file:
        names = {name.split("/")[0] for name in file.namelist()}
        assert len(names) == 1, f"{archive} holds {names}, not one folder."
        file.extractall(folder)
    return folder / names.pop()


def zipped(source: Path, archive: Path) -> Path:
    """A zip of an add-on's folder."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                file.write(path, Path(source.name) / path.relative_to(source))
    return archive


def with_version(source: Path, version: str, folder: Path) -> Path:
    """A copy of an add-on's folder whose addon.xml says another version."""
    copy = folder / source.name
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
    manifest = copy / "addon.xml"
    text = manifest.read_text("utf-8")
    head, tag, rest = text.partition("<addon")
    before, attribute, behind = rest.partition(' version="')
    assert attribute, f"{source}/addon.xml names no version."
    manifest.write_text(head + tag + before + attribute + version + '"' + behind.partition('"')[2], "utf-8")
    return copy
