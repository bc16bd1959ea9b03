"""The support report: what helps is in it, and nothing that is secret or personal."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Dict, List
from urllib.parse import quote

import fakekodi
import pytest
from faketrakt import FakeTrakt
from traktkodi import texts
from traktkodi.kodi import Kodi
from traktkodi.report import Report

CLIENT_ID = "c0ffee5ca1ab1e00d15ea5ec0ffee5ca1ab1e00d15ea5ec0ffee5ca1ab1e00d1"
PRIVATE = {
    "username": "zoe.müller",
    "name": 'Zoë "Z" Müller',
    "slug": "zoe-mueller",
    "uuid": "b6589fc6ab0dc82cf12099d1c2d40ab994e8410c",
    "former user": "otto_before",
    "e-mail": "zoe@example.net",
    "client id": CLIENT_ID,
    "client secret": "sekrit-of-the-client-0123456789",
    "proxy user": "proxyzoe",
    "proxy password": "hunter2@:/",
    "proxy host": "proxy.example.net",
    "own host": "trakt.example.net",
    "own address": "203.0.113.77",
    "IPv6 address": "2001:db8:85a3::8a2e:370:7334",
    "token": "dbaf9757982a9e738f05d249b7b5b4a266b3a139049317c4909f2f263572c781",
    "other token": "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-AbCdEf",
    "home": "/home/zoelinux",
    "Windows home": "C:\\Users\\zoewin",
}


def user() -> Dict[str, Any]:
    return {**{key: PRIVATE[key] for key in ("username", "name", "slug", "uuid")}, "vip": True}


@pytest.fixture
def report(kodi: Kodi, trakt: FakeTrakt, data_dir: str) -> Report:
    return Report(kodi, trakt, data_dir)  # type: ignore[arg-type]


@pytest.fixture
def everything(report: Report, trakt: FakeTrakt, box: fakekodi.Box, monkeypatch: pytest.MonkeyPatch) -> Report:
    """A report of a box where each private thing occurs everywhere it might."""
    monkeypatch.setenv("HOME", PRIVATE["home"])
    trakt.config = {
        "client_id": CLIENT_ID,
        "client_secret": PRIVATE["client secret"],
        "auth_url": "https://trakt.example.net:8443",
        "api_url": "https://203.0.113.77",
        "proxy": "http://proxyzoe:hunter2%40%3A%2F@proxy.example.net:3128",
        "data_dir": "/home/zoelinux/.kodi/userdata/addon_data/service.libtrakt",
    }
    box.settings.update(
        client_id=CLIENT_ID,
        auth_url="trakt.example.net:8443",
        api_url="https://203.0.113.77",
        proxy="2",
        proxy_url="proxy.example.net:3128",
        proxy_user="proxyzoe",
        proxy_password_kept="true",
    )
    trakt.account_now = {"state": "linked", "linked": True, "user": {"username": PRIVATE["former user"]}}
    report.collect([{"at": "2026-01-01T00:00:00Z", "level": "info", "target": "t", "message": "linked otto_before"}])
    said = " / ".join(PRIVATE.values())
    error = {"code": "network", "message": f"no way to {said}", "http_status": 503}
    trakt.account_now = {
        "state": "linked",
        "linked": True,
        "user": user(),
        "store": "ok",
        "token": {"expires_at": "2026-01-08T00:00:00Z", "refreshable": True},
        "last_error": error,
    }
    trakt.trouble = OSError(f"{said}")
    for message in (
        said,
        said.upper(),
        json.dumps(PRIVATE),
        quote(said),
        "/users/" + quote(PRIVATE["username"]) + "/watching",
        " ".join(f"{value}" for value in PRIVATE.values()),
        "https://zoe:pass@trakt.example.net:8443/oauth/token",
        "connecting to 10.1.2.3:443 and [2001:db8:85a3::8a2e:370:7334]:443",
    ):
        report.collect([{"at": "2026-01-01T00:00:01Z", "level": "debug", "target": "http", "message": message}])
    report.note(f"failed: link\nTraceback: {PRIVATE['home']}/.kodi/addons/x.py {PRIVATE['username']}")
    return report


def test_nothing_secret_or_personal_is_in_it(everything: Report) -> None:
    text = everything.text()
    flat = text.lower()
    for what, value in PRIVATE.items():
        for spelled in (value, quote(value), json.dumps(value)[1:-1]):
            assert spelled.lower() not in flat, what
    for piece in ("zoe", "müller", "mueller", "otto", "hunter2", "10.1.2.3", "8443", "example.net"):
        assert piece not in flat, piece
    # Of the client id the first four characters, and no more.
    assert f"client id in use: {CLIENT_ID[:4]}…" in text
    assert CLIENT_ID[:5] not in text


def test_what_helps_is_in_it(everything: Report, box: fakekodi.Box) -> None:
    text = everything.text()
    for line in (
        "add-on: 0.1.0",
        "library: 0.1.0",
        "Kodi: 20.1 (20.1.0)",
        "state: linked",
        "vip: true",
        "store: ok",
        "client_id: set",
        "auth_url: set",
        "proxy: 2",
        "proxy in use: http",
        "proxy_password_kept: set",
        "client_secret_kept: not set",
        "log_level: 2",
    ):
        assert f"\n{line}\n" in text, line
    assert '"code": "network"' in text
    assert '"http_status": 503' in text
    assert "library for: " in text
    assert "x86_64-unknown-linux-gnu" in text
    assert re.search(r"^Python: \d+\.\d+", text, re.MULTILINE)


def test_short_names_leave_the_rest_readable(report: Report, trakt: FakeTrakt) -> None:
    trakt.account_now = {"state": "linked", "linked": True, "user": {"username": "me", "name": "Al"}}
    record = {"at": "-", "level": "info", "target": "http", "message": "some time, also almost; user me and Al"}
    report.collect([record])
    assert "some time, also almost; user <user> and <user>" in report.text()


def test_versions_and_loopback_stay(report: Report) -> None:
    message = "libtrakt/0.1.0, SQLite 3.50.4, rustls 0.23.46 at 127.0.0.1:8080, 2026-01-01T00:00:00.123Z"
    report.collect([{"at": "-", "level": "info", "target": "t", "message": message}])
    assert message in report.text()


def test_the_last_records_are_kept_and_all_go_to_kodis_log(report: Report, box: fakekodi.Box, trakt: FakeTrakt) -> None:
    levels = ["error", "warn", "info", "debug", "trace"]
    records: List[Dict[str, Any]] = [
        {"at": f"2026-01-01T00:00:00.{n:03}Z", "level": levels[n % 5], "target": "t", "message": f"number {n}."}
        for n in range(400)
    ]
    report.collect(records)
    text = report.text()
    assert "number 99." not in text
    assert "number 100." in text
    assert "number 399." in text
    assert text.count("\n2026-01-01T") == 300
    assert box.log_lines[:5] == [
        "3 [service.libtrakt] t: number 0.",
        "2 [service.libtrakt] t: number 1.",
        "1 [service.libtrakt] t: number 2.",
        "0 [service.libtrakt] t: number 3.",
        "0 [service.libtrakt] t: number 4.",
    ]
    assert len(box.log_lines) == 400


def files(box: fakekodi.Box) -> List[Path]:
    return sorted(box.profile_path.glob("report-*.txt"))


def test_it_is_shown_and_written(everything: Report, box: fakekodi.Box, kodi: Kodi) -> None:
    assert not everything.showing
    everything.open()
    assert everything.showing
    (file,) = files(box)
    assert box.window.properties["text"] == file.read_text(encoding="utf-8")
    assert box.window.properties["line"] == kodi.text(texts.REPORT_SAVED, path=str(file))
    assert box.window.properties["heading"] == kodi.text(texts.REPORT_HEADING)
    box.deliver()
    assert box.window.focus == 61
    box.back()
    assert not everything.showing
    assert box.window is None
    everything.open()
    box.click(50)
    assert not everything.showing
    everything.open()
    everything.close()
    everything.close()
    assert box.window is None


def test_three_reports_are_kept_and_other_files_left_alone(report: Report, box: fakekodi.Box) -> None:
    box.profile_path.mkdir(parents=True)
    old = [f"report-2020010{n}-000000.txt" for n in range(1, 6)]
    for name in [*old, "report-mine.txt", "settings.xml"]:
        (box.profile_path / name).write_text("")
    report.open()
    left = [entry.name for entry in files(box)]
    assert left[:2] == old[3:]
    assert len(left) == 4
    assert "report-mine.txt" in left
    assert (box.profile_path / "settings.xml").exists()


def test_a_report_that_cannot_be_written_is_shown_all_the_same(report: Report, box: fakekodi.Box, kodi: Kodi) -> None:
    box.profile_path.parent.mkdir(parents=True)
    box.profile_path.write_text("a file in the folder's place")
    report.open()
    assert box.window.properties["line"] == kodi.text(texts.REPORT_NOT_SAVED)
    assert "== Versions" in box.window.properties["text"]


def test_without_a_library_the_report_says_so(report: Report, trakt: FakeTrakt, kodi: Kodi) -> None:
    trakt.available = False
    trakt.library_version = None
    trakt.trouble = OSError("no library for this device")
    text = report.text()
    assert "library: -" in text
    assert "state: unavailable" in text
    assert "no library for this device" in text


def test_files_are_listed_with_their_size_and_not_their_contents(
    report: Report, data_dir: str, trakt: FakeTrakt
) -> None:
    os.makedirs(f"{data_dir}/libtrakt")
    Path(data_dir, "private.json").write_text("hunter2")
    Path(data_dir, "libtrakt", "trakt.db").write_bytes(b"x" * 4096)
    text = report.text()
    assert "\nprivate.json: 7 bytes, 100644\n" in text
    assert "\nlibtrakt/trakt.db: 4096 bytes" in text
    assert "hunter2" not in text


def test_what_is_left_out_is_nobodys_business(report: Report, box: fakekodi.Box) -> None:
    box.settings.update(exclude_folder_1="/home/anna/private/", exclude_tags="secret-tag", rate_after="90")
    text = report.text()
    assert "exclude_folder_1: set" in text
    assert "exclude_genres: not set" in text
    assert "rate_after: 90" in text
    assert "secret-tag" not in text
    assert "private/" not in text
