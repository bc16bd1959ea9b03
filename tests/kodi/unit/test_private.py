"""Secrets: in a file for this user alone, for what they were typed for, and forgotten when that goes."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from traktkodi.private import Private


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "private.json"


def test_a_secret_is_kept_over_a_restart_for_what_it_was_typed_for(path: Path) -> None:
    assert Private(str(path)).keep("client_secret", "app", "s3cret")
    again = Private(str(path))
    assert again.get("client_secret", "app") == "s3cret"
    assert again.get("client_secret", "other app") is None
    assert again.get("proxy_password", "app") is None


def test_its_file_is_for_this_user_alone_from_the_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.umask(0)
    seen = []
    replace = os.replace

    def look(source: str, target: str) -> None:
        seen.append(stat.S_IMODE(os.stat(source).st_mode))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    Private(str(path)).keep("client_secret", "app", "s3cret")
    os.umask(0o022)
    assert seen == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_forgotten_is_gone_from_the_disk(path: Path) -> None:
    private = Private(str(path))
    private.keep("client_secret", "app", "s3cret")
    private.keep("proxy_password", "proxy", "hunter2")
    assert private.forget("client_secret")
    assert "s3cret" not in path.read_text()
    assert Private(str(path)).get("proxy_password", "proxy") == "hunter2"
    assert private.forget_others("proxy_password", "proxy")
    assert private.get("proxy_password", "proxy")
    assert private.forget_others("proxy_password", "another proxy")
    assert "hunter2" not in path.read_text()


@pytest.mark.parametrize(
    "contents",
    [
        "",
        "{",
        "[]",
        "null",
        '{"client_secret": "s"}',
        '{"client_secret": {"secret": 5, "belongs_to": "app"}}',
        "\udcff",
    ],
)
def test_a_broken_file_counts_as_empty_and_is_mended(path: Path, contents: str) -> None:
    path.parent.mkdir()
    path.write_bytes(contents.encode("utf-8", "surrogateescape"))
    private = Private(str(path))
    assert private.get("client_secret", "app") is None
    assert private.keep("client_secret", "app", "new")
    assert json.loads(path.read_text())


def test_where_nothing_can_be_written_a_secret_holds_until_the_end(path: Path) -> None:
    path.parent.write_text("a file in the folder's place")
    private = Private(str(path))
    assert not private.keep("client_secret", "app", "s3cret")
    assert private.get("client_secret", "app") == "s3cret"


def test_a_link_in_the_files_place_is_replaced_and_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    path.symlink_to(elsewhere)
    path.with_name("private.json.new").symlink_to(elsewhere)
    assert Private(str(path)).keep("client_secret", "app", "s3cret")
    assert elsewhere.read_text() == "untouched"
    assert not path.is_symlink()
