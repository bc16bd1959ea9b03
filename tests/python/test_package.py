"""The package as files: its version, what goes into a wheel, what the README shows, lint and types."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import List

import libtrakt
import pytest
from paths import BINDING, HERE, PACKAGE, ROOT


def run(*command: str, cwd: Path = ROOT, **variables: str) -> None:
    environment = {**os.environ, **variables}
    done = subprocess.run(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"


def shipped() -> List[Path]:
    return sorted(PACKAGE.glob("*.py"))


def test_the_version_is_that_of_cargo() -> None:
    version = r'^version = "([^"]+)"$'
    cargo = re.search(version, (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.MULTILINE)
    project = re.search(version, (BINDING / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert cargo and project
    assert libtrakt.__version__ == project.group(1) == cargo.group(1)


def test_a_wheel_holds_the_package_and_its_type_marker(tmp_path: Path) -> None:
    # With the source tree as working directory the build would leave its files there.
    code = "import sys, flit_core.buildapi as b; print(b.build_wheel(sys.argv[1]))"
    run(sys.executable, "-c", code, str(tmp_path), cwd=BINDING)
    (wheel,) = tmp_path.glob("libtrakt-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"libtrakt-{libtrakt.__version__}.dist-info/METADATA").decode()
    assert {f"libtrakt/{path.name}" for path in shipped()} | {"libtrakt/py.typed"} <= names
    assert "Requires-Dist" not in metadata
    assert "Requires-Python: >=3.8" in metadata and "MIT OR Apache-2.0" in metadata


def test_only_the_standard_library_is_imported() -> None:
    imported = set()
    for path in shipped():
        found = re.findall(r"^\s*(?:import|from) +([a-z_]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        imported |= set(found)
    assert imported <= {
        *("__future__", "argparse", "ctypes", "json", "math", "operator", "os"),
        *("sys", "threading", "time", "types", "typing", "weakref"),
    }


@pytest.mark.parametrize(("region", "file"), [("link", "link_short.py"), ("report", "play.py")])
def test_the_readme_shows_tested_lines(region: str, file: str) -> None:
    marked = rf"# \[readme:{region}\]\n(.*?)\n*# \[/readme:{region}\]"
    source = (BINDING / "examples" / file).read_text(encoding="utf-8")
    lines = re.search(marked, source, re.DOTALL)
    assert lines is not None
    assert f"```python\n{lines.group(1)}\n```" in (BINDING / "README.md").read_text(encoding="utf-8")
    assert len([line for line in lines.group(1).splitlines() if line.strip()]) <= 10


def test_ruff_is_content() -> None:
    folders = [str(BINDING), str(HERE)]
    run(sys.executable, "-m", "ruff", "check", "--no-cache", *folders)
    run(sys.executable, "-m", "ruff", "format", "--check", "--no-cache", *folders)


def test_mypy_is_content(tmp_path: Path) -> None:
    cache = ["--cache-dir", str(tmp_path)]
    run(sys.executable, "-m", "mypy", "--strict", *cache, "libtrakt", "examples", cwd=BINDING)
    helpers = ["simtrakt.py", "child.py", "child_main.py", "fake.py", "paths.py"]
    run(sys.executable, "-m", "mypy", "--strict", *cache, *helpers, cwd=HERE, MYPYPATH=str(BINDING))
