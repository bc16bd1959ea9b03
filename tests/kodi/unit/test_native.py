"""Which library a device gets, how it is loaded where that is not allowed, and what is said where it can't be."""

from __future__ import annotations

import os
import platform
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List

import libtrakt
import pytest
from traktkodi import native, texts

VERSION = libtrakt.__version__
TOP = Path(__file__).resolve().parents[3]
LIBRARY = Path(os.environ.get("LIBTRAKT_LIBRARY", TOP / "target" / "release" / "libtrakt.so"))

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's loader")
needs_library = pytest.mark.skipif(not LIBRARY.exists(), reason="target/release/libtrakt.so isn't built")


@pytest.mark.parametrize(
    ("system", "machine", "bits", "tag"),
    [
        ("linux", "x86_64", 64, "linux-x86_64"),
        ("linux", "x86_64", 32, "linux-i686"),
        ("linux", "i586", 32, "linux-i686"),
        ("linux", "aarch64", 64, "linux-aarch64"),
        ("linux", "aarch64", 32, "linux-armv7"),
        ("linux", "armv8l", 32, "linux-armv7"),
        ("linux", "armv7l", 32, "linux-armv7"),
        ("linux", "armv6l", 32, "linux-armv6"),
        ("linux", "riscv64", 64, "linux-riscv64"),
        ("linux", "ppc64le", 64, "linux-ppc64le"),
        ("linux", "", 64, "linux-unknown"),
        ("win32", "AMD64", 64, "windows-x86_64"),
        ("win32", "AMD64", 32, "windows-i686"),
        ("win32", "ARM64", 64, "windows-aarch64"),
        ("darwin", "arm64", 64, "macos-aarch64"),
        ("darwin", "x86_64", 64, "macos-x86_64"),
        ("freebsd14", "amd64", 64, "freebsd-x86_64"),
        ("android", "aarch64", 64, "android-aarch64"),
        ("android", "aarch64", 32, "android-armv7"),
        ("android", "armv7l", 32, "android-armv7"),
    ],
)
def test_the_tag_is_that_of_the_process(
    system: str, machine: str, bits: int, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if system == "android":  # as Kodi's Python there says
        monkeypatch.setattr(sys, "getandroidapilevel", lambda: 24, raising=False)
        system = "linux"
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(struct, "calcsize", lambda format: bits // 8)
    assert native.platform_tag() == tag


class Addon:
    """An add-on's folder with what is in resources/lib/native of it, and a folder for data."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "addon"
        self.data_dir = folder / "data"
        self.native = self.path / "resources" / "lib" / "native" / native.platform_tag()
        self.file = self.native / f"libtrakt-{VERSION}.so"
        self.copies = self.data_dir / "native"

    def install(self, contents: bytes) -> None:
        self.native.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(contents)

    def load(self) -> libtrakt.Library:
        return native.load(str(self.path), str(self.data_dir))

    def trouble(self) -> native.NativeError:
        with pytest.raises(native.NativeError) as raised:
            self.load()
        return raised.value

    @property
    def copy_names(self) -> List[str]:
        return sorted(entry.name for entry in self.copies.iterdir()) if self.copies.exists() else []


@pytest.fixture
def addon(tmp_path: Path) -> Addon:
    return Addon(tmp_path)


def compiled(folder: Path, source: str) -> bytes:
    """A library made of C."""
    if not shutil.which("gcc"):
        pytest.skip("needs gcc")
    (folder / "library.c").write_text(source)
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", folder / "library.so", folder / "library.c"], check=True)
    return (folder / "library.so").read_bytes()


def whole(abi: int, version: str) -> str:
    """C of a library with every function of trakt.h, of which two do something."""
    rest = [name for name in libtrakt._library.PROTOTYPES if name not in ("trakt_version", "trakt_abi_version")]
    lines = [f"void *{name}(void) {{ return 0; }}" for name in rest]
    lines.append(f'const char *trakt_version(void) {{ return "{version}"; }}')
    lines.append(f"unsigned trakt_abi_version(void) {{ return {abi}; }}")
    return "\n".join(lines)


@on_linux
@needs_library
def test_the_library_is_loaded_from_the_addon_and_no_copy_is_made(addon: Addon) -> None:
    addon.install(LIBRARY.read_bytes())
    assert addon.load().path == str(addon.file)
    assert not addon.data_dir.exists()


def test_a_device_without_a_library_is_named(addon: Addon) -> None:
    trouble = addon.trouble()
    assert trouble.text.id == texts.LIBRARY_NO_DEVICE
    assert trouble.text.values == {"platform": native.platform_tag()}


def test_a_missing_file_is_no_matter_of_the_device(addon: Addon) -> None:
    addon.install(b"")
    addon.file.rename(addon.native / "libtrakt-0.0.1.so")
    assert addon.trouble().text.id == texts.LIBRARY_INCOMPLETE


@on_linux
@pytest.mark.parametrize("contents", [b"", b"no library", b"\x7fELF" + b"\0" * 60])
def test_a_damaged_file_is_said_to_be_and_not_copied(addon: Addon, contents: bytes) -> None:
    addon.install(contents)
    assert addon.trouble().text.id == texts.LIBRARY_DAMAGED
    assert addon.copy_names == []


@on_linux
def test_a_library_of_something_else_is_told_apart(addon: Addon, tmp_path: Path) -> None:
    addon.install(compiled(tmp_path, "int something_else(void) { return 1; }"))
    assert addon.trouble().text.id == texts.LIBRARY_MISMATCH


@on_linux
@pytest.mark.parametrize(("abi", "version"), [(libtrakt.ABI_VERSION + 1, VERSION), (libtrakt.ABI_VERSION, "0.0.1")])
def test_a_library_of_another_version_asks_for_a_restart(addon: Addon, tmp_path: Path, abi: int, version: str) -> None:
    addon.install(compiled(tmp_path, whole(abi, version)))
    trouble = addon.trouble()
    assert trouble.text.id == texts.LIBRARY_MISMATCH
    assert str(abi if abi != libtrakt.ABI_VERSION else version) in str(trouble)


@on_linux
def test_a_system_older_than_the_library_is_told_apart(addon: Addon, tmp_path: Path) -> None:
    source = 'extern int newer(void);\n__asm__(".symver newer, newer@GLIBC_9.99");\n' + whole(1, VERSION)
    (tmp_path / "newer.map").write_text("GLIBC_9.99 { global: newer; };")
    (tmp_path / "libc_newer.c").write_text("int newer(void) { return 1; }")
    if not shutil.which("gcc"):
        pytest.skip("needs gcc")
    newer = tmp_path / "libnewer.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-Wl,-soname,libc.so.6", f"-Wl,--version-script={tmp_path / 'newer.map'}"]
        + ["-o", newer, tmp_path / "libc_newer.c"],
        check=True,
    )
    (tmp_path / "library.c").write_text(source + "\nint use(void) { return newer(); }")
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", tmp_path / "library.so", tmp_path / "library.c", newer],
        check=True,
    )
    addon.install((tmp_path / "library.so").read_bytes())
    trouble = addon.trouble()
    assert "GLIBC_9.99" in str(trouble)
    assert trouble.text.id == texts.LIBRARY_SYSTEM_OLD


# folders that may not be executed


@pytest.fixture
def noexec(tmp_path: Path) -> Iterator[Addon]:
    """An add-on's folder on a disk that is mounted noexec; the data folder is not."""
    if sys.platform != "linux" or os.getuid() != 0:
        pytest.skip("needs root")
    addon = Addon(tmp_path)
    addon.path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "noexec,size=64m", "none", addon.path], check=False).returncode:
        pytest.skip("mount is not allowed here")
    yield addon
    subprocess.run(["umount", "-l", addon.path], check=True)


@needs_library
def test_from_a_noexec_folder_a_copy_is_loaded(noexec: Addon) -> None:
    noexec.install(LIBRARY.read_bytes())
    noexec.copies.mkdir(parents=True)
    (noexec.copies / "libtrakt-0.0.1-0123456789abcdef.so").write_bytes(b"an old copy")
    (noexec.copies / "libtrakt-0.0.2-0123456789abcdef.so.new").write_bytes(b"half a copy")
    (noexec.copies / "somebody-elses.txt").write_bytes(b"not ours")
    library = noexec.load()
    assert library.version == VERSION
    copy = Path(library.path)
    assert copy.parent == noexec.copies
    assert copy.name.startswith(f"libtrakt-{VERSION}-")
    assert copy.stat().st_mode & 0o777 == 0o700
    assert noexec.copy_names == sorted([copy.name, "somebody-elses.txt"])
    # The same copy again, and a damaged one is made anew.
    made = copy.stat().st_ino
    assert noexec.load().path == str(copy)
    assert copy.stat().st_ino == made
    damaged = copy.read_bytes()[:1000]
    copy.unlink()
    copy.write_bytes(damaged)
    assert noexec.load().version == VERSION
    assert copy.read_bytes() == LIBRARY.read_bytes()


@needs_library
def test_copies_go_when_they_are_not_needed_any_more(addon: Addon) -> None:
    addon.install(LIBRARY.read_bytes())
    addon.copies.mkdir(parents=True)
    (addon.copies / f"libtrakt-{VERSION}-0123456789abcdef.so").write_bytes(b"a copy")
    addon.load()
    assert addon.copy_names == []


@needs_library
def test_where_the_copy_may_not_be_executed_either_the_folder_is_named(noexec: Addon) -> None:
    noexec.install(LIBRARY.read_bytes())
    noexec.data_dir = noexec.path / "data"
    trouble = noexec.trouble()
    assert trouble.text.id == texts.LIBRARY_NOEXEC
    assert str(noexec.native) in str(trouble)
    # A damaged file stays a damaged file.
    noexec.install(b"no library")
    noexec.data_dir = noexec.path.parent / "data"
    assert noexec.trouble().text.id == texts.LIBRARY_DAMAGED


@needs_library
def test_without_room_for_the_copy_that_is_said(noexec: Addon, tmp_path: Path) -> None:
    noexec.install(LIBRARY.read_bytes())
    noexec.data_dir.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", noexec.data_dir], check=True)
    try:
        assert noexec.trouble().text.id == texts.LIBRARY_NO_SPACE
        assert noexec.copy_names == []
    finally:
        subprocess.run(["umount", "-l", noexec.data_dir], check=True)


@on_linux
@needs_library
def test_on_android_the_apps_own_folder_comes_first(
    addon: Addon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "getandroidapilevel", lambda: 24, raising=False)
    android = Addon(tmp_path)
    android.install(LIBRARY.read_bytes())
    load = libtrakt.Library.load

    def refuse_the_storage(path: str) -> libtrakt.Library:
        if path == str(android.file):
            raise libtrakt.LibraryNotFound(f'dlopen failed: library "{path}" is not accessible for the namespace')
        return load(path)

    monkeypatch.setattr(libtrakt.Library, "load", refuse_the_storage)
    library = native.load(str(android.path), str(android.data_dir), str(tmp_path / "app"))
    assert Path(library.path).parent == tmp_path / "app" / "native"


@on_linux
@needs_library
def test_on_windows_a_copy_is_loaded_so_that_an_update_can_replace_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    windows = Addon(tmp_path)
    windows.file = windows.native / f"trakt-{VERSION}.dll"
    windows.install(LIBRARY.read_bytes())
    loaded = Path(windows.load().path)
    assert loaded.parent == windows.copies
    assert loaded.suffix == ".dll"
