"""The command line over a library whose answers are dictated: what is shown, and the exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from child import child_environment
from fake import Fake
from libtrakt import cli, texts
from paths import PATIENCE_S

ROWS = ["10", "01"]
PENDING = {
    "state": "pending",
    "user_code": "5055CC52",
    "verification_url": "https://trakt.tv/activate",
    "qr_rows": ROWS,
    "expires_in_ms": 599_999,
}
LINKED = {"state": "linked", "linked": True, "user": {"username": "justin", "name": "Justin Nemeth", "vip": True}}
SETTINGS = {
    "user": {"username": "justin", "name": "Justin Nemeth", "vip": True},
    "limits": {"list": {"count": 2, "item_count": 100}, "search": {"recent_count": None}},
    "permissions": {"commenting": True, "liking": False},
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, fake: Fake, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TRAKT_CLIENT")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LIBTRAKT_LIBRARY", str(fake.path))
    monkeypatch.setenv("TRAKT_CLIENT_ID", "an id")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))


def account(fake: Fake, *accounts: Dict[str, Any]) -> None:
    fake.replies("account", *(accounts or ({"state": "none", "linked": False},)))


def login(fake: Fake, *snapshots: Dict[str, Any]) -> None:
    fake.replies("device.start", {"state": "starting"})
    fake.replies("device.poll", {"state": "idle"}, {"state": "starting"}, *snapshots)


# what is passed on


def test_config_from_options_and_environment(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account(fake, LINKED)
    monkeypatch.setenv("TRAKT_CLIENT_SECRET", "a secret")
    urls = ["--auth-url", "http://127.0.0.1:1", "--api-url", "http://127.0.0.1:2", "--ca-file", "ca.pem"]
    folder = str(tmp_path / "made")
    assert cli.main(["account", *urls, "--client-id", "another id", "--data-dir", folder]) == cli.OK
    config = fake.config
    assert config.pop("app_version")
    assert config == {
        "client_id": "another id",
        "client_secret": "a secret",
        "auth_url": "http://127.0.0.1:1",
        "api_url": "http://127.0.0.1:2",
        "ca_file": "ca.pem",
        "data_dir": str(tmp_path / "made"),
        "app_name": "libtrakt-python",
    }
    assert (tmp_path / "made").is_dir()
    assert "a secret" not in capsys.readouterr().out


def test_data_goes_where_programs_keep_theirs(fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    account(fake, LINKED)
    cli.main(["account"])
    assert fake.config["data_dir"] == str(tmp_path / "xdg")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    cli.main(["account"])
    assert fake.config["data_dir"] == str(tmp_path / ".local" / "share")


@pytest.mark.parametrize("arguments", [[], ["sync"], ["link", "--client-secret", "x"], ["settings", "--offline=x"]])
def test_wrong_usage(arguments: List[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2 and "usage:" in capsys.readouterr().err


def test_a_client_id_is_needed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("TRAKT_CLIENT_ID")
    with pytest.raises(SystemExit):
        cli.main(["account"])
    assert "--client-id" in capsys.readouterr().err


def test_the_help_has_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    documented = {int(code) for code in re.findall(r"^  (\d+) ", capsys.readouterr().out, re.MULTILINE)}
    used = {cli.OK, cli.FAILED, cli.NOT_LINKED, cli.LOGIN_ENDED, cli.NO_LIBRARY, cli.TRY_AGAIN, cli.INTERRUPTED}
    assert documented == used | {2}


# account, settings, unlink


def test_account(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    account(fake, {**LINKED, "since": "2026-11-22T10:00:00Z"})
    assert cli.main(["account"]) == cli.OK
    assert capsys.readouterr().out == "Linked: Justin Nemeth (justin), a VIP.\nSince 2026-11-22T10:00:00Z.\n"


def test_account_of_nobody(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    account(fake)
    assert cli.main(["account"]) == cli.NOT_LINKED
    assert capsys.readouterr().out == "No account is linked.\n"


def test_account_that_has_to_be_linked_again(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    account(fake, {**LINKED, "state": "relink_needed", "linked": False, "reason": "the session has ended"})
    assert cli.main(["account"]) == cli.NOT_LINKED
    assert "The account has to be linked again. (the session has ended)" in capsys.readouterr().out


def test_settings(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.replies("settings.get", {**SETTINGS, "stale": True})
    assert cli.main(["settings", "--max-age-ms", "0", "--offline"]) == cli.OK
    assert json.loads(fake.last_text) == {"max_age_ms": 0, "offline": True}
    assert capsys.readouterr().out == (
        "Trakt could not be asked; this is what was stored.\n"
        "Linked: Justin Nemeth (justin), a VIP.\n"
        "Limits:\n  list.count           2\n  list.item_count      100\n  search.recent_count  unknown\n"
        "Permissions:\n  commenting  yes\n  liking      no\n"
    )


@pytest.mark.parametrize(
    "status, code, retryable, expected",
    [(40, "not_linked", False, cli.NOT_LINKED), (20, "network", True, cli.TRY_AGAIN), (9, "config", False, cli.FAILED)],
)
def test_errors(
    fake: Fake, capsys: pytest.CaptureFixture[str], status: int, code: str, retryable: bool, expected: int
) -> None:
    fake.fails("settings.get", status, code, retryable=retryable)
    assert cli.main(["settings"]) == expected
    assert capsys.readouterr().out == f"This is {code}.\n"
    assert cli.main(["settings", "--json"]) == expected
    assert json.loads(capsys.readouterr().out) == {"error": {"code": code, "message": f"This is {code}."}}


def test_no_library(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["account", "--library", "/nowhere/libtrakt.so"]) == cli.NO_LIBRARY
    assert "/nowhere/libtrakt.so" in capsys.readouterr().out


def test_a_data_dir_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["account", "--data-dir", str(tmp_path / "file" / "below")]) == cli.FAILED
    assert "can't be made" in capsys.readouterr().out


@pytest.mark.parametrize(
    "done, said",
    [
        ({"revoked": True}, texts.UNLINKED),
        ({"revoked": False, "reason": "timeout"}, texts.UNLINKED_HERE_ONLY.format(reason="timeout")),
    ],
)
def test_unlink(fake: Fake, capsys: pytest.CaptureFixture[str], done: Dict[str, Any], said: str) -> None:
    account(fake, LINKED)
    fake.replies("account.unlink", done)
    assert cli.main(["unlink"]) == cli.OK
    assert capsys.readouterr().out == f"{said}\n"


def test_unlink_of_nobody(fake: Fake) -> None:
    account(fake)
    assert cli.main(["unlink"]) == cli.NOT_LINKED
    assert fake.count("submit") == 0


# link


def test_link_in_plain_lines(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    account(fake)
    trouble = {"code": "network", "message": "No network."}
    login(
        fake,
        {"state": "starting", "last_error": trouble},
        PENDING,
        {**PENDING, "expires_in_ms": 1},
        {**PENDING, "last_error": trouble},
        {"state": "authorized", "account": LINKED["user"]},
    )
    fake.replies("settings.get", SETTINGS)
    assert cli.main(["link"]) == cli.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[:6] == [
        "Asking Trakt for a code …",
        "Asking Trakt for a code … (No network.)",
        "Open  https://trakt.tv/activate",
        "Enter 5055 CC52",
        "Or scan this:",
        "█" * 10,
    ]
    assert "Waiting for you to enter the code" in lines
    assert "Waiting for you to enter the code (No network.)" in lines
    linked = lines.index("Linked: Justin Nemeth (justin), a VIP.")
    assert lines[linked + 1 : linked + 3] == ["Limits:", "  list.count           2"]
    assert sum("Waiting" in line for line in lines) == 2
    assert json.loads(fake.last_text) == {"max_age_ms": 0}


def test_a_new_code_is_shown(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    account(fake)
    login(fake, PENDING, {**PENDING, "user_code": "AAAABBBB"}, {"state": "expired"})
    assert cli.main(["link", "--renew"]) == cli.LOGIN_ENDED
    out = capsys.readouterr().out
    assert "Enter 5055 CC52" in out and "Enter AAAA BBBB" in out
    assert json.loads(fake.last_text) == {"renew": True, "wait_ms": 0}


@pytest.mark.parametrize("state", [*texts.OUTCOMES, "eaten_by_a_bear"])
def test_each_outcome_has_its_sentence(fake: Fake, capsys: pytest.CaptureFixture[str], state: str) -> None:
    account(fake)
    login(fake, PENDING, {"state": state, "error": {"code": "some_code", "message": "Because."}})
    assert cli.main(["link"]) == cli.LOGIN_ENDED
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == texts.outcome(state, "Because.")
    assert state in said if state == "eaten_by_a_bear" else "Because." in said or state != "failed"


def test_outcomes_differ() -> None:
    assert len(set(texts.OUTCOMES.values())) == len(texts.OUTCOMES)


def test_a_login_of_before_is_taken_up(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    account(fake)
    fake.replies("device.poll", {**PENDING, "driver": "other"}, {"state": "denied"})
    assert cli.main(["link"]) == cli.LOGIN_ENDED
    out = capsys.readouterr().out
    assert out.startswith(texts.RESUMED) and texts.OTHER_DRIVER in out
    assert fake.count("device.start") == 0


def test_who_is_linked_stays_linked_unless_told(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    account(fake, LINKED)
    assert cli.main(["link"]) == cli.OK
    assert capsys.readouterr().out.splitlines() == ["Linked: Justin Nemeth (justin), a VIP.", texts.LINK_AGAIN]
    assert fake.count("device.start") == 0
    login(fake, {"state": "denied"})
    assert cli.main(["link", "--again"]) == cli.LOGIN_ENDED
    assert fake.count("device.start") == 1


def test_a_link_counts_though_the_settings_cannot_be_read(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    account(fake)
    login(fake, {"state": "authorized", "account": {"slug": "justin"}})
    fake.fails("settings.get", 44, "server_error")
    assert cli.main(["link"]) == cli.OK
    out = capsys.readouterr().out
    assert "Linked: justin." in out and "This is server_error." in out


def test_link_in_json(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    account(fake, {"state": "none"}, LINKED)
    login(fake, PENDING, {**PENDING, "expires_in_ms": 1}, {"state": "authorized", "account": LINKED["user"]})
    fake.replies("settings.get", SETTINGS)
    assert cli.main(["link", "--json"]) == cli.OK
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [next(iter(line)) for line in lines] == ["login", "login", "login", "account", "settings"]
    assert [line["login"]["state"] for line in lines[:3]] == ["starting", "pending", "authorized"]
    assert lines[1]["login"] == PENDING and lines[4]["settings"] == SETTINGS


@pytest.mark.parametrize(
    "option, said, cancelled",
    [(None, texts.INTERRUPTED, 0), ("--cancel-on-interrupt", texts.INTERRUPTED_AND_CANCELLED, 1)],
)
def test_ctrl_c(
    fake: Fake,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    option: Optional[str],
    said: str,
    cancelled: int,
) -> None:
    account(fake)
    login(fake, PENDING)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("libtrakt.screen.PlainScreen.login", interrupt)
    assert cli.main(["link", *([option] if option else [])]) == cli.INTERRUPTED
    assert capsys.readouterr().out.splitlines()[-1] == said
    assert fake.count("device.cancel") == cancelled and fake.count("close") == 1


def test_a_name_that_the_terminal_cannot_show_is_no_error(fake: Fake) -> None:
    shown = in_process(fake, ["account"], {"account": [{**LINKED, "user": {"username": "Zoë"}}]}, "ascii")
    assert shown == "Linked: Zo?.\n"


def test_a_terminal_without_blocks_gets_ascii(fake: Fake) -> None:
    replies = {"account": [{"state": "none"}], "device.poll": [PENDING, {"state": "denied"}]}
    shown = in_process(fake, ["link"], replies, "ascii")
    assert "#" * 20 in shown and "?" not in shown


def test_a_terminal_counts_down_in_one_line(fake: Fake) -> None:
    polls = [{**PENDING, "expires_in_ms": left} for left in (600_000, 599_900, 59_999, -5)]
    replies = {
        "account": [{"state": "none"}],
        "device.start": [{"state": "starting"}],
        "device.poll": [{"state": "idle"}, {"state": "starting"}, *polls, {"state": "denied"}],
    }
    shown = in_terminal(fake, ["link"], replies)
    wipe = "\r\x1b[K"
    steps = [text for text in shown.replace("\r\n", "\n").split(wipe) if "left" in text]
    assert steps == [f"Waiting for you to enter the code, {left} left" for left in ("10:00", "9:59", "0:59", "0:00")]
    assert "\x1b[97;40m" + "█" * 10 + "\x1b[0m" in shown
    assert shown.rstrip().endswith(wipe + texts.OUTCOMES["denied"])


DICTATED = """
import ctypes, json, sys
from libtrakt import cli
path, arguments, replies = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
fake = ctypes.CDLL(path)
for name, all_data in replies.items():
    for data in all_data:
        fake.fake_reply(name.encode(), json.dumps({"status": 0, "data": data}).encode())
sys.exit(cli.main(arguments))
"""


def command(fake: Fake, arguments: List[str], replies: Dict[str, List[Any]]) -> List[str]:
    return [sys.executable, "-c", DICTATED, str(fake.path), json.dumps(arguments), json.dumps(replies)]


def in_process(fake: Fake, arguments: List[str], replies: Dict[str, List[Any]], encoding: str) -> str:
    done = subprocess.run(
        command(fake, arguments, replies),
        env=child_environment({"PYTHONIOENCODING": encoding}),
        stdout=subprocess.PIPE,
        timeout=PATIENCE_S,
    )
    return done.stdout.decode("ascii")


def in_terminal(fake: Fake, arguments: List[str], replies: Dict[str, List[Any]]) -> str:
    ours, theirs = pty.openpty()
    environment = child_environment({"PYTHONIOENCODING": "utf-8"})
    with subprocess.Popen(command(fake, arguments, replies), env=environment, stdout=theirs, stdin=theirs):
        os.close(theirs)
        shown = b""
        try:
            while True:
                piece = os.read(ours, 4096)
                if not piece:
                    break
                shown += piece
        except OSError:
            pass  # Linux's way to say that the other side is closed
    os.close(ours)
    return shown.decode("utf-8")
