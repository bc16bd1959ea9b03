"""QR codes of texts that a host wants to show: files that scan, once for each text."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from libtrakt import Client, errors

UPGRADE = "https://app.trakt.tv/vip"


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(client_id="x", auth_url="http://127.0.0.1:9", api_url="http://127.0.0.1:9") as client:
        yield client


def scanned(path: str) -> str:
    seen = subprocess.run(["zbarimg", "-q", "--raw", "--nodbus", path], check=True, capture_output=True, text=True)
    return seen.stdout.strip()


def test_the_picture_holds_the_text_and_only_its_owner_reads_it(client: Client, tmp_path: Path) -> None:
    folder = tmp_path / "not yet" / "there"
    made = client.call("qr.write", {"text": UPGRADE, "dir": str(folder)})
    assert scanned(made["png_path"]) == UPGRADE
    assert os.stat(made["png_path"]).st_mode & 0o777 == 0o600
    assert os.listdir(folder) == [os.path.basename(made["png_path"])]
    assert {len(row) for row in made["rows"]} == {len(made["rows"])}


def test_a_text_has_one_file_and_another_text_another_one(client: Client, tmp_path: Path) -> None:
    paths = [
        client.call("qr.write", {"text": text, "dir": str(tmp_path)})["png_path"]
        for text in (UPGRADE, "other", UPGRADE)
    ]
    assert paths[0] == paths[2] != paths[1]
    assert len(os.listdir(tmp_path)) == 2
    os.remove(paths[0])
    assert client.call("qr.write", {"text": UPGRADE, "dir": str(tmp_path)})["png_path"] == paths[0]
    assert scanned(paths[0]) == UPGRADE


def test_without_a_folder_there_are_rows_only(client: Client) -> None:
    made = client.call("qr.write", {"text": UPGRADE})
    assert made["png_path"] is None
    assert made["rows"]


def test_what_cannot_be_drawn_or_written_is_said(client: Client, tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidArgument):
        client.call("qr.write", {"text": "x" * 3000, "dir": str(tmp_path)})
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(errors.TraktError) as caught:
        client.call("qr.write", {"text": UPGRADE, "dir": str(file)})
    assert caught.value.code == "storage"
    assert os.listdir(tmp_path) == ["file"]
