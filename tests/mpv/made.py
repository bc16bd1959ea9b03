"""Builds the plug-in, and what stands in for the library. Knows nothing of pytest."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from paths import ROOT

PLUGIN = ROOT / "plugin" / "mpv"
_HERE = Path(__file__).resolve().parent
_STRICT = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pedantic", "-Wstrict-prototypes", "-Wshadow", "-Werror"]


def compiler() -> str:
    """The C compiler."""
    return os.environ.get("CC", "cc")


def plugin(folder: Path, flags: str = "-O2 -g") -> Path:
    """main.so, as its Makefile builds it."""
    subprocess.run(["make", "-s", "-C", str(PLUGIN), f"OUT={folder}", f"CFLAGS={flags}"], check=True)
    return folder / "main.so"


def sanitizer() -> Path:
    """The run-time part of AddressSanitizer, for a program that wasn't built with it."""
    named = subprocess.run([compiler(), "-print-file-name=libasan.so"], check=True, stdout=subprocess.PIPE, text=True)
    return Path(named.stdout.strip()).resolve()


def fake_library(folder: Path, *flags: str) -> Path:
    """A library that writes down what it is asked, and answers what a test dictates; see fake_libtrakt.c."""
    target = folder / "libtrakt.so"
    source = _HERE / "fake_libtrakt.c"
    command = [
        compiler(),
        *_STRICT,
        *flags,
        "-fPIC",
        "-shared",
        f"-I{ROOT / 'include'}",
        "-o",
        str(target),
        str(source),
    ]
    subprocess.run(command, check=True)
    return target


def program(folder: Path, name: str, *flags: str) -> Path:
    """A test program of this folder with the parts of the plug-in that know nothing of mpv."""
    target = folder / name
    parts = [str(PLUGIN / f"{part}.c") for part in ("ass", "episodes", "json", "media", "options", "text", "texts")]
    source = _HERE / f"{name}.c"
    includes = [f"-I{PLUGIN}", f"-I{ROOT / 'include'}"]
    subprocess.run([compiler(), *_STRICT, *flags, *includes, "-o", str(target), str(source), *parts], check=True)
    return target
