"""The README's code is code that runs: blocks are regions of tested files, commands are run, names exist."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent.parent
README = (TOP / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"(?:<!-- from (?P<source>\S+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)
BLOCKS = [match.groupdict() for match in BLOCK.finditer(README)]

#: Commands that another part of the tests runs; that file must still do so.
RUN_ELSEWHERE = {
    "cargo run --example link": ("tests/demo.sh", "cargo run --quiet --example link"),
    'cargo run -p xtask -- install --prefix "$HOME/.local"': ("tests/cpp/install_test.sh", "xtask -- install --prefix"),
    "tests/run": (".ci/run", "tests/run"),
}


def region(path: str) -> str:
    """What stands between the README's markers in a file, without common indentation."""
    text = (TOP / path).read_text(encoding="utf-8")
    found = re.search(r"^[^\n]*\[readme:(\w+)\][^\n]*\n(.*?)\n[^\n]*\[/readme:\1\]", text, re.DOTALL | re.MULTILINE)
    assert found, f"{path} has no region for the README"
    return textwrap.dedent(found.group(2)).strip("\n")


@pytest.mark.parametrize("block", [block for block in BLOCKS if block["source"]], ids=lambda block: block["source"])
def test_a_quoted_block_is_what_the_file_says(block: dict[str, str]) -> None:
    """And is short enough for a newcomer."""
    expected = region(block["source"])
    assert block["text"].strip("\n") == expected
    assert len([line for line in expected.splitlines() if line.strip()]) <= 12


@pytest.mark.parametrize("language", ["python", "c", "cpp"])
def test_each_language_has_a_quoted_block(language: str) -> None:
    """A newcomer in C, C++ and Python finds the lines to link an account."""
    assert [block for block in BLOCKS if block["language"] == language and block["source"]]


def commands() -> list[str]:
    """Every line of the shell blocks."""
    blocks = [block["text"] for block in BLOCKS if block["language"] == "sh"]
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("command", commands())
def test_each_command_is_run_by_the_tests(command: str) -> None:
    """A command in the README that nobody runs may be wrong."""
    path, how = RUN_ELSEWHERE[command]
    assert how in (TOP / path).read_text(encoding="utf-8")


def test_the_other_c_lines_compile(tmp_path: Path) -> None:
    """Calls are shown without what surrounds them: so they are put into a function and linked."""
    calls = "".join(block["text"] for block in BLOCKS if block["language"] == "c" and not block["source"])
    statements = re.sub(r"^(trakt_\w+\()", r"reply = \1", calls, flags=re.MULTILINE)
    statements = re.sub(r"\);(\s*(?:/\*.*\*/)?)$", r"); trakt_string_free(reply);\1", statements, flags=re.MULTILINE)
    source = tmp_path / "calls.c"
    head = "#include <stddef.h>\n#include <trakt.h>\nint main(void)\n{\n"
    head += "    trakt_client client = 0;\n    char *reply;\n"
    source.write_text(f"{head}{statements}    return 0;\n}}\n", encoding="utf-8")
    library = Path(os.environ["LIBTRAKT_LIBRARY"]).resolve()
    program = tmp_path / "calls"
    flags = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{TOP / 'include'}"]
    subprocess.run(["cc", *flags, str(source), "-o", str(program), str(library)], check=True)
    (tmp_path / "libtrakt.so.1").symlink_to(library)
    subprocess.run([str(program)], check=True, env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)})


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:\w[\w.-]*/)+[\w.-]*)`", README))))
def test_each_named_file_exists(name: str) -> None:
    """Files that the text sends the reader to."""
    assert (TOP / name).exists()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\b(trakt_[a-z_]+)\b", README))))
def test_each_named_function_exists(name: str) -> None:
    """Functions that the text names are in the header."""
    assert re.search(rf"\b{name}\(", (TOP / "include" / "trakt.h").read_text(encoding="utf-8"))


ADDON = TOP / "plugin" / "kodi" / "service.libtrakt"
MODULES = ADDON / "resources" / "lib" / "traktkodi"


@pytest.mark.parametrize("path", re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README))
def test_each_picture_exists(path: str) -> None:
    """Pictures that the text shows; a page that loads megabytes isn't read."""
    assert 0 < (TOP / path).stat().st_size < 200_000


def test_the_addons_actions_are_those_of_the_addon() -> None:
    """Each is named, and no other."""
    source = (MODULES / "actions.py").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^ACTIONS = \((.*)\)$", source, re.MULTILINE)
    of_items = re.findall(r"^(?:WATCH|RATE|UNWATCH).* = (.*)$", source, re.MULTILINE)
    assert set(re.findall(r"action=(\w+)\)", README)) == set(re.findall(r'"(\w+)"', f"{listed} {of_items}"))


def test_the_addons_properties_are_those_of_the_addon() -> None:
    """Each is named, and no other."""
    sources = "".join(
        (MODULES / name).read_text(encoding="utf-8")
        for name in ("actions.py", "compat.py", "properties.py", "settings.py")
    )
    assert set(re.findall(r"`(libtrakt\.(?!so`)[\w.]+)`", README)) == set(re.findall(r'"(libtrakt\.[\w.]+)"', sources))


def test_the_readme_names_the_languages_that_there_are() -> None:
    """As many as there are folders of texts."""
    (sentence,) = re.findall(r"^(English, German.*? and \w+)\.", README, re.MULTILINE | re.DOTALL)
    assert len(re.split(r", | and ", sentence)) == len(list((ADDON / "resources" / "language").iterdir()))
