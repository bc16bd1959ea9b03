"""The device login as one host sees it: its start, its snapshot, its QR code, and what Trakt's answers make of it."""

from __future__ import annotations

import json
import os
import stat
import struct
import subprocess
import time
import zlib
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from child import Child
from libtrakt import Client, Library, errors
from logins import (
    AT_ONCE_S,
    Network,
    Running,
    assert_apart,
    cancel,
    eventually,
    link,
    poll,
    poll_until,
    polls_of,
    start,
    until_authorized,
    until_state,
)
from simtrakt import DEVICE_CODE, DEVICE_TOKEN, REVOKE, SETTINGS, Sim

PAGE = "<!DOCTYPE html><html><head><title>Welcome to HotelNet</title></head><body>Sign in</body></html>"


@pytest.fixture(autouse=True)
def exact(sim: Sim) -> None:
    """Not a millisecond too early."""
    sim.config(slack_ms=0)


# start


def test_a_client_without_a_login_is_idle(client: Client, sim: Sim) -> None:
    login = poll(client, 60_000)
    assert login["state"] == "idle"
    assert login["polls"] == 0 and login["driver"] == "none"
    absent = set(login) - {"state", "polls", "driver"}
    assert all(login[key] is None for key in absent)
    assert sim.log() == []


def test_start_waits_for_the_code_by_default(client: Client, sim: Sim) -> None:
    slow = sim.fault("delay", path=DEVICE_CODE, delay_ms=600_000)
    starting = Running(lambda: start(client))
    sim.wait_log(path=DEVICE_CODE)
    assert not starting.done
    sim.clear_faults(slow)
    login = starting.outcome()
    assert login["state"] == "pending"
    assert login["user_code"] == sim.state()["codes"][-1]["user_code"]


def test_start_with_wait_0_returns_at_once_also_when_trakt_is_silent(client: Client, sim: Sim) -> None:
    silence = sim.fault("silence", path=DEVICE_CODE)
    began = time.monotonic()
    login = start(client, wait_ms=0)
    assert time.monotonic() - began < AT_ONCE_S
    assert login["state"] == "starting" and login["driver"] == "self"
    sim.wait_log(path=DEVICE_CODE)
    began = time.monotonic()
    login = poll(client)
    assert time.monotonic() - began < AT_ONCE_S
    assert login["state"] == "starting" and login["next_poll_in_ms"] <= 1000
    sim.clear_faults(silence)
    assert until_state(client, "pending")["last_error"] is None


def test_start_waits_no_longer_than_wait_ms(client: Client, sim: Sim) -> None:
    sim.fault("silence", path=DEVICE_CODE, times=0)
    began = time.monotonic()
    assert start(client, wait_ms=300)["state"] == "starting"
    assert 0.3 <= time.monotonic() - began < 0.3 + AT_ONCE_S
    sim.clear_faults()


def test_without_network_a_login_starts_all_the_same_and_goes_on_when_it_is_back(
    library: Library, sim: Sim, data_dir: Path
) -> None:
    network = Network(sim.auth_url)
    config = sim.client_config(data_dir=data_dir, auth_url=network.url)
    with Client(config, library=library) as client:
        began = time.monotonic()
        login = start(client)
        assert time.monotonic() - began < 15, "it waits for the trouble, not for the whole time"
        assert login["state"] == "starting"
        assert login["last_error"]["code"] == "network" and login["last_error"]["retryable"]
        assert login["error"] is None and login["user_code"] is None
        network.open()
        login = until_state(client, "pending")
        assert login["last_error"] is None
        sim.approve(login["user_code"])
        assert until_authorized(client)["state"] == "authorized"


def test_an_answer_that_refuses_the_code_ends_the_login(client: Client, sim: Sim) -> None:
    sim.account(app_refused=True)
    login = start(client)
    assert login["state"] == "failed"
    assert login["error"]["code"] == "forbidden" and login["error"]["http_status"] in (400, 401, 403)
    assert login["last_error"] is None
    sim.expect_violations()


@pytest.mark.parametrize(
    "fault, code",
    [
        ({"kind": "html", "status": 403}, "blocked"),
        ({"kind": "text1010"}, "blocked"),
        ({"kind": "status", "status": 503, "body": PAGE, "headers": {"Content-Type": "text/html"}}, "server_error"),
        ({"kind": "empty", "status": 200}, "bad_reply"),
        ({"kind": "cut", "keep": 20}, "bad_reply"),
        ({"kind": "reset"}, "network"),
        ({"kind": "status", "status": 200, "body": PAGE, "headers": {"Content-Type": "text/html"}}, "bad_reply"),
        ({"kind": "redirect", "status": 302, "location": "http://127.0.0.1:1/"}, "bad_reply"),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "1"}}, "rate_limited"),
    ],
    ids=lambda value: f"{value['kind']}-{value.get('status', '')}" if isinstance(value, dict) else value,
)
def test_passing_trouble_with_the_code_is_said_and_the_code_comes_later(
    client: Client, sim: Sim, fault: Dict[str, Any], code: str
) -> None:
    sim.fault(**fault, path=DEVICE_CODE)
    login = start(client)
    assert login["state"] == "starting" and login["last_error"]["code"] == code, login["last_error"]
    assert login["last_error"]["retryable"]
    assert until_state(client, "pending")["last_error"] is None


def test_starting_again_and_again_while_trakt_is_silent_ends_with_a_code(client: Client, sim: Sim) -> None:
    silence = sim.fault("silence", path=DEVICE_CODE, times=0)
    ids = {start(client, wait_ms=0)["login_id"] for _ in range(6)}
    assert len(ids) == 6
    sim.wait_log(path=DEVICE_CODE)
    sim.clear_faults(silence)
    login = until_state(client, "pending", patience_s=20)
    sim.approve(login["user_code"])
    until_authorized(client)


# the snapshot


def test_the_snapshot_of_a_pending_login(client: Client, sim: Sim) -> None:
    sim.config(device_interval_s=5)
    login = start(client)
    device = sim.state()["codes"][-1]
    assert login["state"] == "pending" and login["driver"] == "self"
    assert login["user_code"] == device["user_code"]
    assert login["verification_url"] == f"{sim.auth_url}/activate"
    assert login["verification_url_complete"] == f"{sim.auth_url}/activate/{login['user_code']}"
    assert login["interval_ms"] == 5000
    assert 590_000 < login["expires_in_ms"] <= 600_000
    assert 0 < login["next_poll_in_ms"] <= 5000
    assert login["polls"] == 0 and login["qr_png_path"] is None
    assert login["last_error"] is None and login["error"] is None and login["account"] is None


@pytest.mark.parametrize(
    "sent, complete",
    [
        ("https://trakt.tv/activate", "https://trakt.tv/activate/{code}"),
        ("https://trakt.tv/activate/", "https://trakt.tv/activate/{code}"),
        ("https://trakt.tv/activate//", "https://trakt.tv/activate/{code}"),
        ("https://auth.trakt.tv/de/activate", "https://auth.trakt.tv/de/activate/{code}"),
    ],
)
def test_the_url_is_shown_as_sent_and_completed_with_the_code(
    client: Client, sim: Sim, sent: str, complete: str
) -> None:
    sim.config(verification_url=sent)
    login = start(client)
    assert login["verification_url"] == sent
    assert login["verification_url_complete"] == complete.format(code=login["user_code"])


def test_polling_with_wait_0_never_blocks_and_polls_only_when_due(client: Client, sim: Sim) -> None:
    start(client)
    sim.fault("silence", path=DEVICE_TOKEN)
    longest, end = 0.0, time.monotonic() + 30
    while not polls_of(sim):
        began = time.monotonic()
        assert began < end
        poll(client)
        longest = max(longest, time.monotonic() - began)
    for _ in range(200):
        began = time.monotonic()
        assert poll(client)["next_poll_in_ms"] <= 1000, "small while a request is under way"
        longest = max(longest, time.monotonic() - began)
    assert longest < AT_ONCE_S
    assert len(polls_of(sim)) == 1
    sim.clear_faults()


def test_a_waiting_poll_returns_as_soon_as_the_snapshot_changes(client: Client, sim: Sim) -> None:
    login = start(client)
    waiting = Running(lambda: poll(client, 600_000))
    sim.deny(login["user_code"])
    assert waiting.outcome()["state"] == "denied"


def test_a_waiting_poll_goes_back_to_the_host_after_its_time(client: Client) -> None:
    start(client)
    began = time.monotonic()
    assert poll(client, 300)["state"] == "pending"
    assert 0.3 <= time.monotonic() - began < 0.3 + AT_ONCE_S


def test_final_states_stay_until_the_next_start(client: Client, sim: Sim, library: Library, data_dir: Path) -> None:
    login = start(client)
    sim.deny()
    denied = until_state(client, "denied")
    assert denied["login_id"] == login["login_id"] and denied["driver"] == "none"
    assert denied["error"]["code"] == "code_denied"
    assert denied["user_code"] == login["user_code"], "what was shown can still be shown"
    for wait_ms in (0, 60_000):
        assert poll(client, wait_ms) == denied
    seen = len(sim.log())
    with Client(sim.client_config(data_dir=data_dir), library=library) as later:
        assert poll(later) == denied
    assert len(sim.log()) == seen
    again = start(client)
    assert again["state"] == "pending" and again["login_id"] != login["login_id"] and again["error"] is None


# QR


def pixels(path: Path) -> List[List[bool]]:
    """The dark pixels of a PNG with one bit or one byte of grey a pixel."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, header, packed = 8, b"", b""
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, chunk = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        header = chunk if kind == b"IHDR" else header
        packed += chunk if kind == b"IDAT" else b""
        at += 12 + length
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    assert (depth, colour) == (1, 0)
    raw, stride = zlib.decompress(packed), (width + 7) // 8
    rows, before = [], bytes(stride)
    for y in range(height):
        line = bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for x in range(stride):
            left = line[x - 1] if x else 0
            up, corner = before[x], before[x - 1] if x else 0
            guess = left + up - corner
            nearest = min((left, up, corner), key=lambda value: abs(guess - value))
            line[x] = (line[x] + (0, left, up, (left + up) // 2, nearest)[raw[y * (stride + 1)]]) & 255
        before = bytes(line)
        rows.append([not before[x // 8] & (128 >> x % 8) for x in range(width)])
    return rows


def decoded(path: Path) -> str:
    """What a QR scanner that isn't ours reads off a picture."""
    scanned = subprocess.run(
        ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(path)], capture_output=True, text=True
    )
    assert scanned.returncode == 0, f"{path} can't be scanned: {scanned.stderr}"
    return scanned.stdout.strip()


def test_rows_and_png_are_the_qr_code_of_the_complete_url(client: Client, tmp_path: Path) -> None:
    login = start(client, qr_dir=tmp_path / "qr")
    png = Path(login["qr_png_path"])
    assert decoded(png) == login["verification_url_complete"]
    rows = login["qr_rows"]
    assert all(set(row) <= {"0", "1"} and len(row) == len(rows) for row in rows)
    shown = pixels(png)
    side = len(shown)
    assert side >= 400 and side % (len(rows) + 8) == 0
    scale = side // (len(rows) + 8)
    for y, line in enumerate(shown):
        for x, dark in enumerate(line):
            row, column = y // scale - 4, x // scale - 4
            inside = 0 <= row < len(rows) and 0 <= column < len(rows)
            assert dark == (inside and rows[row][column] == "1"), (x, y)


def test_the_rows_alone_can_be_scanned(client: Client, tmp_path: Path) -> None:
    login = start(client)
    assert login["qr_png_path"] is None
    rows = ["0" * len(login["qr_rows"])] * 4 + login["qr_rows"] + ["0" * len(login["qr_rows"])] * 4
    drawn = tmp_path / "rows.pbm"
    wide = ["0000" + row + "0000" for row in rows]
    big = [[bit for bit in row for _ in range(8)] for row in wide for _ in range(8)]
    lines = "\n".join(" ".join(line) for line in big)
    drawn.write_text(f"P1\n{len(big[0])} {len(big)}\n{lines}\n")
    assert decoded(drawn) == login["verification_url_complete"]


def test_each_code_gets_a_new_file_for_its_owner_only_and_the_old_one_goes(
    client: Client, sim: Sim, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "holiday.png").write_bytes(b"mine")
    first = Path(start(client, qr_dir=folder)["qr_png_path"])
    assert first.parent == folder and stat.S_IMODE(first.stat().st_mode) == 0o600
    second = Path(start(client, qr_dir=folder)["qr_png_path"])
    assert second != first and second.exists() and not first.exists()
    assert cancel(client)["state"] == "cancelled"
    assert sorted(os.listdir(folder)) == ["holiday.png"]


def test_the_file_of_a_renewed_code_is_new_as_well(client: Client, sim: Sim, tmp_path: Path) -> None:
    login = start(client, qr_dir=tmp_path / "qr", renew=True)
    sim.expire()
    renewed = poll_until(client, lambda now: now["user_code"] not in (None, login["user_code"]))
    assert renewed["qr_png_path"] != login["qr_png_path"]
    assert os.listdir(tmp_path / "qr") == [Path(renewed["qr_png_path"]).name]
    assert decoded(Path(renewed["qr_png_path"])) == renewed["verification_url_complete"]


def test_a_folder_that_takes_no_files_costs_the_picture_and_not_the_login(
    client: Client, sim: Sim, tmp_path: Path
) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    login = start(client, qr_dir=occupied / "qr")
    assert login["state"] == "pending" and login["qr_png_path"] is None and login["qr_rows"]
    sim.approve()
    until_authorized(client)


# going on by itself


def test_a_background_login_needs_no_polls(client: Client, sim: Sim) -> None:
    start(client, background=True)
    sim.wait_log(path=DEVICE_TOKEN, count=2)
    sim.approve()
    sim.wait_log(path=SETTINGS, done=True)
    assert poll(client)["state"] == "authorized"
    assert_apart(polls_of(sim), 1000)


def test_waits_that_a_host_has_submitted_dont_keep_a_background_login_from_its_account(
    client: Client, sim: Sim
) -> None:
    login = start(client, background=True)
    waiting = [client.submit(method, {"wait_ms": 20_000}) for method in ("device.poll", "events.next")]
    sim.approve(login["user_code"])
    assert until_authorized(client)["account"]["username"]
    for request in waiting:
        request.abandon()


def test_without_background_nothing_is_sent_between_polls(client: Client, sim: Sim) -> None:
    start(client)
    poll_until(client, lambda now: now["polls"] == 1 and now["next_poll_in_ms"] > 500)
    sent = len(polls_of(sim))
    with pytest.raises(AssertionError):
        sim.wait_log(path=DEVICE_TOKEN, count=sent + 1, timeout_s=2.5)


def test_an_expired_code_ends_the_login(client: Client, sim: Sim) -> None:
    start(client)
    sim.expire()
    login = until_state(client, "expired")
    assert login["error"]["code"] == "code_expired"


def test_renew_brings_a_new_code_by_itself_at_most_five_times(client: Client, sim: Sim) -> None:
    login = start(client, renew=True, background=True)
    codes = [login["user_code"]]
    for _ in range(5):
        sim.expire()
        now = poll_until(client, lambda now: now["user_code"] not in (None, codes[-1]))
        assert now["state"] == "pending" and now["login_id"] == login["login_id"]
        assert now["error"] is None and now["expires_in_ms"] > 590_000
        codes.append(now["user_code"])
    assert len(set(codes)) == 6
    sim.expire()
    assert until_state(client, "expired")["error"]["code"] == "code_expired"
    assert len(sim.log(path=DEVICE_CODE)) == 6


def test_a_renewed_code_links_the_account(client: Client, sim: Sim) -> None:
    first = start(client, renew=True)
    sim.expire()
    second = poll_until(client, lambda now: now["user_code"] not in (None, first["user_code"]))
    sim.approve(second["user_code"])
    until_authorized(client)


# answers while polling


def answer_polls(sim: Sim, fault: Dict[str, Any], times: int = 1) -> int:
    """Has the next polls answered that way; the number of the last request so far."""
    sim.fault(**fault, path=DEVICE_TOKEN, times=times)
    return sim.mark()


def status(code: int, body: str = "", **headers: str) -> Dict[str, Any]:
    """An answer with a JSON content type."""
    return {
        "kind": "status",
        "status": code,
        "body": body,
        "headers": {"Content-Type": "application/json", **{key.replace("_", "-"): headers[key] for key in headers}},
    }


@pytest.mark.parametrize("style", ["empty", "text", "json"])
def test_every_form_of_not_yet_keeps_the_login_pending_without_an_error(client: Client, sim: Sim, style: str) -> None:
    sim.config(pending_style=style)
    start(client)
    login = poll_until(client, lambda now: now["polls"] == 2 and now["next_poll_in_ms"] > 500)
    assert login["state"] == "pending" and login["last_error"] is None and login["interval_ms"] == 1000
    sim.approve()
    until_authorized(client)


@pytest.mark.parametrize(
    "fault, code, http_status",
    [
        ({"kind": "html", "status": 403}, "blocked", 403),
        ({"kind": "text1010"}, "blocked", 403),
        ({"kind": "html", "status": 404}, None, 404),
        ({"kind": "html", "status": 410}, None, 410),
        ({"kind": "html", "status": 418}, None, 418),
        ({"kind": "html", "status": 400}, None, 400),
        ({"kind": "status", "status": 200, "body": PAGE, "headers": {"Content-Type": "text/html"}}, "bad_reply", 200),
        ({"kind": "status", "status": 401, "body": PAGE, "headers": {"Content-Type": "text/html"}}, "bad_reply", 401),
        (status(200, ""), "bad_reply", 200),
        (status(200, "{}"), "bad_reply", 200),
        (status(200, '{"access_token":"abc'), "bad_reply", 200),
        (status(500, '{"error":"access_denied"}'), "server_error", 500),
        (status(503, ""), "server_error", 503),
        ({"kind": "html", "status": 522}, "server_error", 522),
        ({"kind": "redirect", "status": 302, "location": "http://127.0.0.1:1/"}, "bad_reply", 302),
        ({"kind": "cut_before"}, "network", None),
        ({"kind": "reset"}, "network", None),
        ({"kind": "raw", "text": "SSH-2.0-OpenSSH_9.2\r\n"}, None, None),
        ({"kind": "raw", "text": "HTTP/1.1 404 Not Found\r\nContent-Length: 50\r\n\r\n{"}, "bad_reply", None),
        ({"kind": "raw", "text": "HTTP/1.1 410 Gone\r\nContent-Length: 50\r\n\r\n"}, "bad_reply", None),
    ],
    ids=lambda value: f"{value['kind']}-{value.get('status', '')}" if isinstance(value, dict) else str(value),
)
def test_a_page_or_trouble_says_nothing_of_the_code(
    client: Client, sim: Sim, fault: Dict[str, Any], code: Optional[str], http_status: Optional[int]
) -> None:
    start(client)
    since = answer_polls(sim, fault)
    login = poll_until(client, lambda now: now["state"] != "pending" or now["last_error"])
    error = login["last_error"]
    assert login["state"] == "pending" and error["retryable"], login
    assert code is None or error["code"] == code, error
    assert http_status is None or error["http_status"] == http_status, error
    assert login["next_poll_in_ms"] >= 500
    sim.approve()
    linked = until_authorized(client)
    assert linked["last_error"] is None and linked["polls"] == 2
    assert_apart(polls_of(sim, since), 1000)


@pytest.mark.parametrize("kind", ["gzip", "bom"])
def test_a_token_is_read_however_its_answer_is_packed(client: Client, sim: Sim, kind: str) -> None:
    start(client)
    sim.approve()
    answer_polls(sim, {"kind": kind})
    assert until_authorized(client)["polls"] == 1


@pytest.mark.parametrize(
    "fault, least_ms",
    [
        (status(429), 6000),
        (status(400, '{"error":"slow_down"}'), 6000),
        (status(429, "", Retry_After="7"), 7000),
        ({"kind": "status", "status": 429, "body": PAGE, "headers": {"Content-Type": "text/html"}}, 6000),
    ],
    ids=["429", "slow_down", "retry-after", "page"],
)
def test_slow_down_makes_the_interval_five_seconds_longer_for_good(
    client: Client, sim: Sim, fault: Dict[str, Any], least_ms: int
) -> None:
    start(client, background=True)
    since = answer_polls(sim, fault)
    slowed = poll_until(client, lambda now: now["state"] != "pending" or now["interval_ms"] != 1000)
    assert slowed["state"] == "pending" and slowed["interval_ms"] == 6000
    assert slowed["last_error"]["code"] == "rate_limited" and slowed["last_error"]["http_status"] in (400, 429)
    assert least_ms - 1000 < slowed["next_poll_in_ms"] <= least_ms
    assert 580_000 < slowed["expires_in_ms"] <= 600_000, "the deadline stays"
    two = sim.wait_log(path=DEVICE_TOKEN, since=since, count=2, done=True)
    assert_apart(two, least_ms)
    later = poll_until(client, lambda now: now["polls"] == 2 and now["last_error"] is None)
    assert later["interval_ms"] == 6000 and 5000 < later["next_poll_in_ms"] <= 6000


def test_retry_after_is_waited_for_in_other_trouble_too(client: Client, sim: Sim) -> None:
    start(client)
    answer_polls(sim, {"kind": "html", "status": 503, "headers": {"Retry-After": "40"}})
    login = poll_until(client, lambda now: now["last_error"])
    assert login["last_error"]["code"] == "server_error"
    assert 35_000 < login["next_poll_in_ms"] <= 40_000 and login["interval_ms"] == 1000


def test_each_trouble_in_a_row_waits_longer(client: Client, sim: Sim) -> None:
    start(client)
    answer_polls(sim, {"kind": "reset"}, times=3)
    waits = []
    for polls in (1, 2, 3):
        login = poll_until(client, lambda now: now["polls"] == polls and now["next_poll_in_ms"] > 300)  # noqa: B023
        waits.append(login["next_poll_in_ms"])
    assert waits[0] <= 1200 and waits[1] <= 2400 and 1500 < waits[2] <= 4800, waits
    sim.approve()
    until_authorized(client)


@pytest.mark.parametrize(
    "fault, state, code, http_status",
    [
        (status(404), "invalid", "code_invalid", 404),
        (status(404, '{"error":"not_found"}'), "invalid", "code_invalid", 404),
        (status(409), "already_used", "code_already_used", 409),
        (status(410), "expired", "code_expired", 410),
        (status(400, '{"error":"expired_token"}'), "expired", "code_expired", 400),
        (status(418), "denied", "code_denied", 418),
        (status(400, '{"error":"access_denied","error_description":"no"}'), "denied", "code_denied", 400),
        (status(401, '{"error":"unauthorized"}'), "failed", "forbidden", 401),
        (status(403, '{"error":"forbidden"}'), "failed", "forbidden", 403),
        (status(400, '{"error":"invalid_client"}'), "failed", "forbidden", 400),
        (status(401, '{"error":"invalid_client"}'), "failed", "forbidden", 401),
        (status(400, '{"error":"invalid_request"}'), "failed", "rejected", 400),
        (status(412), "failed", "rejected", 412),
        (status(422, '{"error":"what"}'), "failed", "rejected", 422),
        (status(420, "{}"), "failed", "account_limit", 420),
        (status(423, "{}"), "failed", "account_locked", 423),
        (status(426, "{}"), "failed", "vip_only", 426),
    ],
    ids=lambda value: f"{value['status']}{value['body'][10:28]}" if isinstance(value, dict) else str(value),
)
def test_an_answer_of_trakt_that_ends_the_login(
    client: Client, sim: Sim, fault: Dict[str, Any], state: str, code: str, http_status: int
) -> None:
    start(client)
    since = answer_polls(sim, fault)
    login = poll_until(client, lambda now: now["state"] != "pending")
    assert login["state"] == state
    assert login["error"]["code"] == code and login["error"]["http_status"] == http_status
    assert login["last_error"] is None and login["polls"] == 1
    poll(client, 100)
    assert len(polls_of(sim, since)) == 1
    assert client.account()["state"] == "none"


# authorized, and the account that was linked before


def test_authorized_brings_the_account_and_the_event(client: Client, sim: Sim) -> None:
    sim.account(username="sean", name="Sean")
    login = link(client, sim)
    assert login["account"]["username"] == "sean" and login["driver"] == "none"
    account = client.account()
    assert account["state"] == "linked" and account["user"]["username"] == "sean"
    assert account["pending_login"] is False
    assert "account.linked" in {event["type"] for event in client.next_events()}


def test_authorized_shows_while_the_account_cannot_be_read(client: Client, sim: Sim) -> None:
    sim.fault("html", path=SETTINGS, status=503, times=0)
    login = start(client)
    sim.approve()
    login = until_state(client, "authorized")
    assert login["account"] is None and login["error"] is None
    assert client.account()["linked"]
    sim.clear_faults()
    assert eventually(client.get_settings)["source"] == "network"
    assert poll(client)["account"]["username"]


def test_the_tokens_are_in_the_store_when_authorized_shows(
    client: Client, sim: Sim, library: Library, data_dir: Path
) -> None:
    sim.fault("silence", path=SETTINGS, times=0)
    with Child.start(sim.client_config(data_dir=data_dir)) as other:
        login = start(client)
        sim.approve(login["user_code"])
        while poll(client, 250)["state"] == "pending":
            pass
        assert other.call("account")["linked"]
        sim.clear_faults()
        assert other.call("get_settings")["user"]["username"]


def test_while_a_login_runs_the_linked_account_works_and_is_then_revoked(client: Client, sim: Sim) -> None:
    link(client, sim)
    login = start(client)
    assert client.account()["linked"] and client.account()["pending_login"]
    assert client.get_settings(max_age_ms=0)["source"] == "network"
    assert sim.log(path=SETTINGS)[-1]["bearer"] == "access_1"
    assert sim.log(path=REVOKE) == []
    sim.approve(login["user_code"])
    until_authorized(client)
    (revoked,) = sim.wait_log(path=REVOKE, done=True)
    assert revoked["status"] == 200
    client.get_settings(max_age_ms=0)
    assert sim.log(path=SETTINGS)[-1]["bearer"] == "access_2"
    assert sim.log(path=SETTINGS)[-1]["status"] == 200


@pytest.mark.parametrize("act, state", [(Sim.deny, "denied"), (Sim.expire, "expired"), (Sim.use_up, "already_used")])
def test_a_login_that_fails_leaves_the_linked_account_as_it_was(client: Client, sim: Sim, act: Any, state: str) -> None:
    link(client, sim)
    login = start(client)
    act(sim, login["user_code"])
    until_state(client, state)
    assert client.account()["linked"]
    assert client.get_settings(max_age_ms=0)["source"] == "network"
    assert sim.log(path=REVOKE) == []


def test_another_users_stored_data_are_dropped(client: Client, sim: Sim) -> None:
    sim.account(username="anna")
    link(client, sim)
    client.get_settings(extended="browsing")
    sim.account(username="bert")
    sim.fault("silence", path=SETTINGS, times=0)
    login = start(client)
    sim.approve(login["user_code"])
    poll_until(client, lambda now: now["state"] == "authorized")
    login = poll(client)
    assert login["state"] == "authorized" and login["account"] is None
    assert client.account()["user"] is None
    with pytest.raises(errors.TraktError):
        client.get_settings(offline=True)
    assert client.check_limit("list.count", 10**6)["known"] is False
    sim.clear_faults()
    assert eventually(client.get_settings)["user"]["username"] == "bert"


def test_the_session_that_was_replaced_is_revoked_also_when_the_host_closes_at_once(
    library: Library, sim: Sim, data_dir: Path
) -> None:
    config = sim.client_config(data_dir=data_dir)
    with Client(config, library=library) as client:
        link(client, sim)
        sim.fault("silence", path=SETTINGS, times=0)
        sim.fault("delay", path=REVOKE, delay_ms=300)
        login = start(client)
        sim.approve(login["user_code"])
        until_state(client, "authorized")
    (revoked,) = sim.wait_log(path=REVOKE, done=True, timeout_s=10)
    assert revoked["status"] == 200


# cancel


def test_cancel_ends_the_login_at_once_and_nothing_more_is_sent(client: Client, sim: Sim) -> None:
    start(client, background=True)
    silence = sim.fault("silence", path=DEVICE_TOKEN)
    sim.wait_log(path=DEVICE_TOKEN)
    began = time.monotonic()
    login = cancel(client)
    assert time.monotonic() - began < AT_ONCE_S
    assert login["state"] == "cancelled" and login["error"] is None
    sim.clear_faults(silence)
    with pytest.raises(AssertionError):
        sim.wait_log(path=DEVICE_TOKEN, count=2, timeout_s=2.5)
    assert poll(client)["state"] == "cancelled"


def test_cancel_frees_who_waits(client: Client) -> None:
    start(client)
    waiting = Running(lambda: poll(client, 600_000))
    cancel(client)
    cancelled = time.monotonic()
    assert waiting.outcome()["state"] == "cancelled"
    assert waiting.ended - cancelled < AT_ONCE_S


def test_cancel_without_a_login_is_no_error(client: Client, sim: Sim) -> None:
    assert cancel(client)["state"] == "idle"
    login = start(client)
    sim.deny(login["user_code"])
    until_state(client, "denied")
    assert cancel(client)["state"] == "denied"


@pytest.mark.parametrize("kind", ["late", "delay"])
def test_a_token_that_arrives_after_cancel_is_revoked_and_not_stored(client: Client, sim: Sim, kind: str) -> None:
    login = start(client, background=True)
    sim.approve(login["user_code"])
    fault = sim.fault(kind, path=DEVICE_TOKEN, delay_ms=600_000)
    sim.wait_log(path=DEVICE_TOKEN)
    assert cancel(client)["state"] == "cancelled"
    sim.clear_faults(fault)
    (revoked,) = sim.wait_log(path=REVOKE, done=True)
    assert revoked["status"] == 200
    assert poll(client)["state"] == "cancelled"
    assert client.account()["state"] == "none" and not client.account()["linked"]
    assert all(session["ended"] for session in sim.state()["sessions"])


def test_a_token_that_arrives_after_cancel_leaves_the_linked_account_alone(client: Client, sim: Sim) -> None:
    link(client, sim)
    login = start(client, background=True)
    sim.approve(login["user_code"])
    fault = sim.fault("late", path=DEVICE_TOKEN, delay_ms=600_000)
    sim.wait_log(path=DEVICE_TOKEN, count=2)
    cancel(client)
    sim.clear_faults(fault)
    sim.wait_log(path=REVOKE, done=True)
    assert client.get_settings(max_age_ms=0)["source"] == "network"
    assert sim.log(path=SETTINGS)[-1]["bearer"] == "access_1"


# replace, within one client


def test_a_start_replaces_this_clients_own_login_by_default(client: Client, sim: Sim) -> None:
    first = start(client, background=True)
    second = start(client, background=True)
    assert second["state"] == "pending" and second["login_id"] != first["login_id"]
    assert second["user_code"] != first["user_code"]
    since = sim.mark()
    sim.wait_log(path=DEVICE_TOKEN, since=since, count=3)
    asked = {json.loads(request["body"])["code"] for request in polls_of(sim, since)}
    assert len(asked) == 1, "the replaced login is no longer asked about"


def test_replace_false_leaves_a_running_login_alone(client: Client, sim: Sim) -> None:
    first = start(client)
    with pytest.raises(errors.TraktError) as refused:
        start(client, replace=False)
    assert refused.value.code == "wrong_state"
    now = poll(client)
    assert (now["login_id"], now["user_code"]) == (first["login_id"], first["user_code"])
    cancel(client)
    assert start(client, replace=False)["state"] == "pending"


def test_a_token_for_a_login_that_was_replaced_is_revoked(client: Client, sim: Sim) -> None:
    first = start(client, background=True)
    fault = sim.fault("late", path=DEVICE_TOKEN, delay_ms=600_000)
    sim.approve(first["user_code"])
    sim.wait_log(path=DEVICE_TOKEN)
    second = start(client)
    sim.clear_faults(fault)
    sim.wait_log(path=REVOKE, done=True)
    now = poll(client)
    assert now["state"] == "pending" and now["login_id"] == second["login_id"]
    assert not client.account()["linked"]
    sim.approve(second["user_code"])
    until_authorized(client)
