"""Finding, loading and checking the native library."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import sys
from pathlib import Path

import fake as fakes
import libtrakt
import pytest
from child import run_snippet
from fake import Fake
from libtrakt import Library, LibraryMismatch, LibraryNotFound
from libtrakt._library import ABI_VERSION, PROTOTYPES
from paths import HEADER, PACKAGE


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIBTRAKT_LIBRARY", raising=False)


def packaged(folder: Path) -> Path:
    """A copy of the package, whose native folder a test may fill."""
    copy = folder / "libtrakt"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("native", "__pycache__"))
    (copy / "native").mkdir()
    return copy


def where_loaded(folder: Path) -> str:
    """Which file a package in `folder` loads, or what it says."""
    code = "import libtrakt\ntry: print(libtrakt.Library.load().path)\nexcept libtrakt.LibraryError as e: print(e)"
    done = run_snippet(code, env={"PYTHONPATH": str(folder), "LIBTRAKT_LIBRARY": ""})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_explicit_path_is_loaded(fake: Fake) -> None:
    library = Library.load(fake.path)
    assert library.path == str(fake.path)
    assert library.version == "0.1.0"


def test_an_explicit_path_that_fails_is_final(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBTRAKT_LIBRARY", str(fake.path))
    with pytest.raises(LibraryNotFound) as caught:
        Library.load("/nowhere/libtrakt.so")
    assert "the path given, /nowhere/libtrakt.so: " in str(caught.value)
    assert str(fake.path) not in str(caught.value)


def test_the_environment_comes_before_the_package(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBTRAKT_LIBRARY", str(fake.path))
    assert Library.load().path == str(fake.path)


def test_an_environment_that_fails_is_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "libtrakt.so"
    broken.write_bytes(b"not a library")
    monkeypatch.setenv("LIBTRAKT_LIBRARY", str(broken))
    with pytest.raises(LibraryNotFound) as caught:
        Library.load()
    assert f"LIBTRAKT_LIBRARY={broken}: " in str(caught.value)
    assert "the system" not in str(caught.value)


def test_the_package_comes_before_the_system(fake: Fake, tmp_path: Path) -> None:
    native = packaged(tmp_path) / "native"
    inside = native / "libtrakt.so.1"
    shutil.copy(fake.path, inside)
    assert where_loaded(tmp_path) == str(inside)
    with_version = native / f"libtrakt-{libtrakt.__version__}.so"
    shutil.copy(fake.path, with_version)
    assert where_loaded(tmp_path) == str(with_version)


def test_the_system_is_looked_at_last(fake: Fake, tmp_path: Path) -> None:
    packaged(tmp_path)
    system = tmp_path / "system"
    system.mkdir()
    shutil.copy(fake.path, system / "libtrakt.so.1")
    code = "import libtrakt; print(libtrakt.Library.load().path)"
    done = run_snippet(code, env={"PYTHONPATH": str(tmp_path), "LIBTRAKT_LIBRARY": "", "LD_LIBRARY_PATH": str(system)})
    assert done.stdout.strip() == "libtrakt.so.1", done.stderr


def test_each_place_is_named_when_nothing_is_found(tmp_path: Path) -> None:
    native = packaged(tmp_path) / "native"
    (native / "libtrakt.so.1").write_bytes(b"not a library")
    said = where_loaded(tmp_path)
    for part in (
        f"inside the package, {native / 'libtrakt.so.1'}: ",
        "the system, libtrakt.so.1: ",
        "the system, libtrakt.so: ",
        "the system's list of libraries",
        "LIBTRAKT_LIBRARY",
    ):
        assert part in said


@pytest.mark.parametrize("version, advice", [(2, "Update the Python package"), (0, "Update the native library")])
def test_another_abi_is_refused_in_plain_words(fake_folder: Path, version: int, advice: str) -> None:
    path = fakes.build(fake_folder, f"ABI_VERSION={version}")
    with pytest.raises(LibraryMismatch) as caught:
        Library.load(path)
    said = str(caught.value)
    assert str(path) in said and f"version {version} of its interface" in said and advice in said


def test_a_library_that_lacks_a_function_is_refused(fake_folder: Path) -> None:
    with pytest.raises(LibraryMismatch, match="lacks the function trakt_unlink"):
        Library.load(fakes.build(fake_folder, "NO_UNLINK"))


def test_something_else_is_refused() -> None:
    libc = "libc.so.6" if sys.platform.startswith("linux") else "libc.dylib"
    with pytest.raises(LibraryMismatch, match="is not libtrakt"):
        Library.load(libc)


def test_the_caller_does_not_hold_the_interpreter_during_a_call(fake: Fake) -> None:
    library = Library.load(fake.path)
    for function in library._functions.values():
        assert not function._flags_ & ctypes._FUNCFLAG_PYTHONAPI  # type: ignore[attr-defined]


def test_texts_are_given_back(fake: Fake) -> None:
    library = Library.load(fake.path)
    for _ in range(100):
        assert library.build_info() == b'{"status":0,"data":{}}'
    assert fake.live_texts == 0


def test_a_text_is_given_back_even_when_python_stops_right_behind_the_call(fake: Fake) -> None:
    library = Library.load(fake.path)
    text = library._functions["trakt_build_info"]()  # the interrupt comes here: nobody takes the text
    assert fake.live_texts == 1
    del text
    assert fake.live_texts == 0


def test_libraries_are_independent(fake: Fake, fake_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.so"
    shutil.copy(fake.path, copy)
    first, second = Library.load(fake.path), Library.load(copy)
    first.build_info()
    second.build_info()
    assert fake.live_texts == 0
    assert Fake(copy).live_texts == 0


C_TYPES = {
    "const char *": ctypes.c_char_p,
    "char *": ctypes.c_void_p,
    "char **": ctypes.POINTER(ctypes.c_void_p),
    "trakt_client": ctypes.c_uint64,
    "uint64_t": ctypes.c_uint64,
    "uint32_t": ctypes.c_uint32,
    "int32_t": ctypes.c_int32,
    "void": None,
}


def header_text() -> str:
    """The header without comments and directives, but for definitions."""
    assert HEADER.is_file(), f"{HEADER} is missing"
    without_comments = re.sub(r"/\*.*?\*/|//[^\n]*", " ", HEADER.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"^#(?!define TRAKT_ABI).*$", "", without_comments, flags=re.MULTILINE)


def c_type(declared: str) -> object:
    """The ctypes type of a C declaration such as `const char *name`."""
    match = re.match(r"((?:const )?\w+)((?: ?\*)*)", " ".join(declared.split()))
    assert match is not None, declared
    stars = match.group(2).count("*")
    return C_TYPES[match.group(1) + (" " + "*" * stars if stars else "")]


def test_the_prototypes_are_those_of_the_header() -> None:
    declared = {}
    pattern = r"([\w \t\n]+?[\s*]+)(trakt_\w+)\s*\(([^()]*)\)\s*[A-Z_\w ]*;"
    for result, name, arguments in re.findall(pattern, header_text()):
        words = [word for word in result.split() if word != "TRAKT_MUST_USE"]
        listed = [] if arguments.strip() in ("void", "") else arguments.split(",")
        declared[name] = (c_type(" ".join(words)), [c_type(argument) for argument in listed])
    assert declared == PROTOTYPES


def test_the_abi_is_that_of_the_header() -> None:
    found = re.search(r"#define TRAKT_ABI_VERSION (\d+)", header_text())
    assert found and int(found.group(1)) == ABI_VERSION


def test_the_real_library_fits(library: Library) -> None:
    assert library.version == libtrakt.__version__
    assert os.path.isabs(library.path)
    build_info = library.build_info()
    assert build_info is not None and b'"status":0' in build_info
