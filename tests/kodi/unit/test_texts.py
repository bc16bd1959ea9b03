"""The texts: each one is there, used, complete in every language, and none stands in the Python code instead."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple

import po
import pytest
from fakekodi import ADDON
from traktkodi import texts

LANGUAGES = ADDON / "resources" / "language"
ENGLISH = LANGUAGES / "resource.language.en_gb" / "strings.po"
CODE = ADDON / "resources" / "lib" / "traktkodi"
XML = [
    ADDON / "addon.xml",
    ADDON / "resources" / "settings.xml",
    *sorted((ADDON / "resources" / "skins").rglob("*.xml")),
]

#: What the add-on is to be complete in, besides English.
WANTED = {"de_de", "fr_fr", "es_es", "it_it", "nl_nl", "pl_pl", "pt_br", "sv_se"}

#: Texts that may well be the same in another language, since they are names or words that it has taken over.
_NAMES = re.compile(r"[\W\d_]*((Trakt|Kodi|VIP|QR|Client ID|Client Secret|Proxy|Status|OK|\{\w+\})[\W\d_]*)*")

_PLACEHOLDER = re.compile(r"\{(\w*)\}")


def languages() -> List[Path]:
    """Every strings.po but the English one."""
    return [path for path in sorted(LANGUAGES.glob("*/strings.po")) if path != ENGLISH]


def language_id(path: Path) -> str:
    return path.parent.name.rpartition(".")[2]


def constants() -> Dict[str, int]:
    """The names in texts.py and their ids."""
    return {name: value for name, value in vars(texts).items() if name.isupper() and isinstance(value, int)}


def modules() -> Iterator[Tuple[Path, ast.Module]]:
    for path in sorted(CODE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def ids_in_xml() -> Dict[int, str]:
    """The ids that the settings page, the windows and addon.xml name, and where."""
    found = {}
    for path in XML:
        text = re.sub(r"<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for pattern in (
            r"\$ADDON\[service\.libtrakt (\d+)\]",
            r"\$LOCALIZE\[(3\d{4})\]",
            r'(?:label|help|heading)="(3\d{4})"',
            r"<(?:heading|label|help)>(3\d{4})<",
        ):
            for match in re.finditer(pattern, text):
                found[int(match[1])] = path.name
    return found


def names_in_code() -> Dict[str, str]:
    """The names of texts.py that other modules use, and where."""
    found = {}
    for path, tree in modules():
        if path.name == "texts.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "texts":
                found[node.attr] = path.name
            elif isinstance(node, ast.ImportFrom) and node.module == "texts":
                found.update({alias.name: path.name for alias in node.names})
    return found


@pytest.mark.parametrize("path", [ENGLISH, *languages()], ids=language_id)
def test_a_file_is_well_formed(path: Path) -> None:
    entries = po.entries(path)
    header, rest = entries[0], entries[1:]
    assert header.id is None
    assert "charset=UTF-8" in header.translated
    ids = [entry.id for entry in rest]
    assert None not in ids
    assert len(ids) == len(set(ids)), f"twice: {sorted({id for id in ids if ids.count(id) > 1})}"  # type: ignore[type-var]
    assert ids == sorted(ids), "the ids are not in order"  # type: ignore[type-var]
    for entry in rest:
        # Kodi keeps these ids for add-ons.
        assert 30000 <= (entry.id or 0) < 34000, entry
        assert entry.english.strip() == entry.english, entry
        assert entry.english, entry


def test_the_names_are_unique() -> None:
    by_id: Dict[int, str] = {}
    for name, id in constants().items():
        assert id not in by_id, f"{name} and {by_id[id]} are both {id}"
        by_id[id] = name


def test_no_name_is_given_twice() -> None:
    """The second would silently take the place of the first."""
    names = re.findall(r"^([A-Z]\w*) = \d+$", (CODE / "texts.py").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(set(names)) == sorted(names)


def test_no_text_is_missing() -> None:
    there = po.texts(ENGLISH)
    assert {name: id for name, id in constants().items() if id not in there} == {}
    assert {id: where for id, where in ids_in_xml().items() if id not in there} == {}
    assert {name: where for name, where in names_in_code().items() if not hasattr(texts, name)} == {}


def test_no_text_is_unused() -> None:
    used = {constants()[name] for name in names_in_code() if name in constants()} | set(ids_in_xml())
    assert {id: words for id, words in po.texts(ENGLISH).items() if id not in used} == {}
    assert {name for name, id in constants().items() if id not in used} == set()


def test_english_is_the_source() -> None:
    assert [entry for entry in po.entries(ENGLISH)[1:] if entry.translated] == []


@pytest.mark.parametrize("path", languages(), ids=language_id)
class TestTranslation:
    def test_it_has_the_same_texts(self, path: Path) -> None:
        english = {entry.id: entry.english for entry in po.entries(ENGLISH) if entry.id}
        translated = {entry.id: entry.english for entry in po.entries(path) if entry.id}
        assert sorted(english.keys() - translated.keys()) == [], "missing"
        assert sorted(translated.keys() - english.keys()) == [], "not used any more"
        assert {id: words for id, words in translated.items() if english[id] != words} == {}, "the English has changed"

    def test_it_is_complete(self, path: Path) -> None:
        same = {}
        for entry in po.entries(path):
            if entry.id is None:
                continue
            assert entry.translated.strip() == entry.translated, entry
            assert entry.translated, entry
            if entry.translated == entry.english and not _NAMES.fullmatch(entry.english) and " " in entry.english:
                same[entry.id] = entry.english
        assert same == {}, "still English"

    def test_its_placeholders_are_those_of_the_english(self, path: Path) -> None:
        broken = {}
        for entry in po.entries(path):
            if entry.id is not None and sorted(_placeholders(entry.english)) != sorted(_placeholders(entry.translated)):
                broken[entry.id] = entry.translated
        assert broken == {}


def test_the_wanted_languages_are_there() -> None:
    there = {language_id(path) for path in languages()}
    if not there:
        pytest.skip("no translations yet")
    assert WANTED - there == set()


@pytest.mark.parametrize("part", ["summary", "description", "disclaimer"])
def test_the_description_of_the_addon_is_there_in_each_language(part: str) -> None:
    texts_of_part = ElementTree.parse(ADDON / "addon.xml").iter(part)
    found = {element.get("lang", "").lower(): (element.text or "").strip() for element in texts_of_part}
    assert sorted(found) == sorted(language_id(path) for path in [ENGLISH, *languages()])
    assert all(found.values())


@pytest.mark.parametrize("path", [ENGLISH, *languages()], ids=language_id)
def test_braces_and_markup_are_whole(path: Path) -> None:
    for id, words in po.texts(path).items():
        rest = _PLACEHOLDER.sub("", words)
        assert "{" not in rest, (id, words)
        assert "}" not in rest, (id, words)
        assert all(_placeholders(words)), (id, words)
        # Kodi's own marks come in pairs.
        for mark in ("B", "I", "COLOR", "LIGHT", "UPPERCASE"):
            assert len(re.findall(rf"\[{mark}[\] ]", words)) == words.count(f"[/{mark}]"), (id, words)


def _placeholders(words: str) -> List[str]:
    return _PLACEHOLDER.findall(words)


# what the code fills in


def filled() -> Iterator[Tuple[str, str, Set[str]]]:
    """Each `Text(texts.NAME, {"key": …})` and `kodi.text(texts.NAME, key=…)`: where, the name and the keys."""
    for path, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            name = node.args[0]
            if not (isinstance(name, ast.Attribute) and getattr(name.value, "id", "") == "texts"):
                continue
            place = f"{path.name}:{node.lineno}"
            if function == "text" and all(keyword.arg for keyword in node.keywords):
                yield place, name.attr, {keyword.arg or "" for keyword in node.keywords}
            elif function == "Text" and len(node.args) == 1 and not node.keywords:
                yield place, name.attr, set()
            elif function == "Text" and len(node.args) == 2 and isinstance(node.args[1], ast.Dict):
                keys = node.args[1].keys
                if all(isinstance(key, ast.Constant) for key in keys):
                    yield place, name.attr, {str(getattr(key, "value", "")) for key in keys}


def test_every_placeholder_is_filled_and_nothing_else() -> None:
    words = po.texts(ENGLISH)
    wrong = []
    for place, name, keys in filled():
        id = constants().get(name)
        if id is not None and set(_placeholders(words.get(id, ""))) != keys:
            wrong.append(f"{place}: {name} has {_placeholders(words.get(id, ''))}, filled are {sorted(keys)}")
    assert wrong == []


# text in Python

#: Functions whose texts the user sees, and their arguments that are no names.
_SHOWS = {"notify", "fill", "fill_text", "setLabel", "setText", "addItem", "addItems", "notification", "ask", "Text"}
_WORDS = re.compile(r"[^\W\d_]{2,}.*\s+[^\W\d_]{2,}|[A-Z][a-z]{2,}")


def test_no_words_for_the_user_stand_in_the_code() -> None:
    found = []
    for path, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if function not in _SHOWS:
                continue
            for value in _shown(node):
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and _WORDS.search(value.value):
                    found.append(f"{path.name}:{node.lineno}: {value.value!r}")
    assert found == []


def _shown(call: ast.Call) -> Iterator[ast.AST]:
    """The parts of a call's arguments that may be shown: not the keys of dicts, not what calls inside are given."""
    todo: List[ast.AST] = [*call.args, *(keyword.value for keyword in call.keywords)]
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.Call, ast.Lambda, ast.Compare, ast.Subscript)):
            continue
        if isinstance(node, ast.Dict):
            todo += node.values
            continue
        yield node
        todo += ast.iter_child_nodes(node)


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ('kodi.notify("Something went wrong")', True),
        ('screen.fill({"heading": "Linked"})', True),
        ('screen.fill({"heading": f"Linked as {name} now"})', True),
        ('screen.fill({"state": "pending", "Some Key": value})', False),
        ('kodi.notify(Text(texts.LINKED, {"name": name}), "info")', False),
        ('log("info", "this is for the log")', False),
    ],
)
def test_the_search_for_words_finds_them(code: str, seen: bool) -> None:
    call = ast.parse(code, mode="eval").body
    assert isinstance(call, ast.Call)
    words = [
        node.value
        for node in (_shown(call) if getattr(call.func, "attr", "") in _SHOWS else ())
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _WORDS.search(node.value)
    ]
    assert bool(words) == seen
