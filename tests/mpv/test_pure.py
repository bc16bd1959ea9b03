"""pure.c: plain, under the sanitizers, and under valgrind."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import List

import made
import pytest

_SANITIZED = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
_VALGRIND = ["valgrind", "-q", "--leak-check=full", "--error-exitcode=99"]


@pytest.mark.parametrize(
    ("flags", "under"),
    [(["-O2"], []), (_SANITIZED, []), (["-g", "-O1"], _VALGRIND)],
    ids=["plain", "sanitized", "valgrind"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_parts_without_mpv(flags: List[str], under: List[str], seed: int, tmp_path: Path) -> None:
    program = made.program(tmp_path, "pure", *flags)
    ran = subprocess.run([*under, str(program), str(seed)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (ran.returncode, ran.stdout) == (0, "")
