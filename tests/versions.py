"""Cargo.toml is the one source of the version: everything else that names it must say the same."""

from __future__ import annotations

import re
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
ADDON_VERSION = r'<addon id="[^>]* version="([^"]+)"'


def found(path: str, pattern: str) -> list[str]:
    """All versions that a file names."""
    return re.findall(pattern, (TOP / path).read_text(encoding="utf-8"), re.MULTILINE)


def main() -> int:
    """Compare, and say what differs."""
    (version,) = found("Cargo.toml", r'^version = "([^"]+)"$')
    major, minor, patch = version.split(".")
    places = {
        "include/trakt.h (string)": found("include/trakt.h", r'#define TRAKT_VERSION_STRING "([^"]+)"'),
        "include/trakt.h (numbers)": [
            ".".join(found("include/trakt.h", r"#define TRAKT_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)")),
        ],
        "bindings/python/pyproject.toml": found("bindings/python/pyproject.toml", r'^version = "([^"]+)"'),
        "bindings/python/libtrakt/_version.py": found("bindings/python/libtrakt/_version.py", r'"(\d+\.\d+\.\d+)"'),
        "service.libtrakt/addon.xml": found("plugin/kodi/service.libtrakt/addon.xml", ADDON_VERSION),
        "repository.libtrakt/addon.xml": found("plugin/kodi/repository.libtrakt/addon.xml", ADDON_VERSION),
        "CHANGELOG.md (newest entry)": found("CHANGELOG.md", r"^## (\d+\.\d+\.\d+)")[:1],
    }
    wrong = {place: says for place, says in places.items() if says != [version]}
    for place, says in wrong.items():
        print(f"{place} says {says}, Cargo.toml says {version}", file=sys.stderr)
    if not wrong:
        print(f"all {len(places)} places say {major}.{minor}.{patch}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
