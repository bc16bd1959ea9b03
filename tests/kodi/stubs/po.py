"""Reads strings.po files the way Kodi does. Knows nothing of which texts there should be."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional

_LINE = re.compile(r'^(msgctxt|msgid|msgstr)?\s*(".*")$')


class Entry(NamedTuple):
    """One text: its number, English, and the translation (empty in the English file)."""

    id: Optional[int]
    english: str
    translated: str
    line: int


def entries(path: Path) -> List[Entry]:
    """All texts of a file in order, the header without its number first; ValueError for what is no such file."""
    found: List[Entry] = []
    parts: Dict[str, str] = {}
    keyword, began = "", 0

    def finish() -> None:
        if "msgid" in parts:
            number = parts.get("msgctxt", "").lstrip("#")
            found.append(Entry(int(number) if number else None, parts["msgid"], parts.get("msgstr", ""), began))
        parts.clear()

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.match(line)
        if not match:
            raise ValueError(f"{path.name}:{number}: {line}")
        if match[1]:
            if match[1] == "msgctxt" or (match[1] == "msgid" and "msgid" in parts):
                finish()
                began = number
            keyword = match[1]
            if keyword in parts:
                raise ValueError(f"{path.name}:{number}: {keyword} twice")
            parts[keyword] = ""
        parts[keyword] += ast.literal_eval(match[2])
    finish()
    return found


def texts(path: Path) -> Dict[int, str]:
    """The words of each text in the file's language; a text that isn't translated stays English, as in Kodi."""
    return _texts(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=32)
def _texts(path: Path, changed: int) -> Dict[int, str]:
    return {entry.id: entry.translated or entry.english for entry in entries(path) if entry.id is not None}
