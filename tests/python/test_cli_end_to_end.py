"""The command line and the examples as processes, with the real library and the simulated Trakt."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterator, List

import pytest
from child import child_environment
from libtrakt import Library, cli, texts
from paths import BINDING, PATIENCE_S
from simtrakt import DEVICE_CODE, DEVICE_TOKEN, Sim

EXAMPLES = BINDING / "examples"


@pytest.fixture
def environment(sim: Sim, library: Library, data_dir: Path) -> Dict[str, str]:
    """What a user of the simulated Trakt would have set."""
    return child_environment(
        {
            "LIBTRAKT_LIBRARY": library.path,
            "TRAKT_CLIENT_ID": sim.client_id,
            "TRAKT_CLIENT_SECRET": sim.client_secret,
            "TRAKT_AUTH_URL": sim.auth_url,
            "TRAKT_API_URL": sim.api_url,
            "TRAKT_DATA_DIR": str(data_dir),
            "PYTHONIOENCODING": "utf-8",
        }
    )


class CommandLine:
    """Starts `python -m libtrakt` with a simulated Trakt."""

    def __init__(self, environment: Dict[str, str]) -> None:
        self.environment = environment
        self.options = ["--auth-url", environment["TRAKT_AUTH_URL"], "--api-url", environment["TRAKT_API_URL"]]
        self.options += ["--data-dir", environment["TRAKT_DATA_DIR"]]

    def start(self, command: str, *more: str) -> subprocess.Popen[str]:
        arguments = [sys.executable, "-m", "libtrakt", command, *self.options, *more]
        return subprocess.Popen(
            arguments, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def run(self, command: str, *more: str, expected: int = cli.OK) -> str:
        with self.start(command, *more) as process:
            out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == expected and not err, out + err
        return out

    def link(self, sim: Sim) -> List[Dict[str, Any]]:
        with self.start("link", "--json") as process:
            assert process.stdout is not None
            lines: List[Dict[str, Any]] = []
            for line in process.stdout:
                lines.append(json.loads(line))
                if lines[-1].get("login", {}).get("state") == "pending" and not any("done" in each for each in lines):
                    sim.approve(lines[-1]["login"]["user_code"])
                    lines.append({"done": True})
        assert process.returncode == cli.OK, lines
        return lines


@pytest.fixture
def commands(environment: Dict[str, str]) -> CommandLine:
    return CommandLine(environment)


def until(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """Reads lines of a process up to one that matches."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        match = re.search(pattern, line)
        if match:
            return match
    raise AssertionError(f"no {pattern} in {seen}")


def test_a_whole_life(commands: CommandLine, sim: Sim) -> None:
    assert texts.NOT_LINKED in commands.run("account", expected=cli.NOT_LINKED)
    assert commands.run("settings", expected=cli.NOT_LINKED)
    lines = commands.link(sim)
    username = lines[-1]["settings"]["user"]["username"]
    assert username in commands.run("account")
    assert "Limits:" in commands.run("settings")
    assert texts.LINK_AGAIN in commands.run("link")
    assert json.loads(commands.run("settings", "--json"))["settings"]["user"]["username"] == username
    assert commands.run("unlink") == texts.UNLINKED + "\n"
    assert commands.run("unlink", expected=cli.NOT_LINKED) == texts.NOT_LINKED + "\n"
    assert len(sim.log(path=DEVICE_CODE)) == 1


def test_ctrl_c_and_the_same_code_again(commands: CommandLine, sim: Sim) -> None:
    with commands.start("link") as process:
        code = until(process, r"Enter (\w{4} \w{4})").group(1)
        sim.wait_log(path=DEVICE_TOKEN, done=True)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == cli.INTERRUPTED and not err
    assert out.splitlines()[-1] == texts.INTERRUPTED
    with commands.start("link") as process:
        until(process, re.escape(texts.RESUMED))
        assert until(process, r"Enter (\w{4} \w{4})").group(1) == code
        sim.approve(code.replace(" ", ""))
        out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == cli.OK, out + err
    assert len(sim.log(path=DEVICE_CODE)) == 1


def test_a_denied_login(commands: CommandLine, sim: Sim) -> None:
    with commands.start("link") as process:
        until(process, "Enter")
        sim.deny()
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == cli.LOGIN_ENDED
    assert out.splitlines()[-1] == texts.OUTCOMES["denied"]


def test_the_example(environment: Dict[str, str], sim: Sim) -> None:
    command = [sys.executable, str(EXAMPLES / "link.py")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        code = until(process, r"Open \S+ and enter (\w+)").group(1)
        sim.approve(code)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    username = sim.log(path="/users/settings") and re.search(r"Linked (\S+)", out)
    assert username and "Limits: {" in out and "Permissions: {" in out


@pytest.fixture
def link_short(monkeypatch: pytest.MonkeyPatch, library: Library) -> Iterator[ModuleType]:
    monkeypatch.setenv("LIBTRAKT_LIBRARY", library.path)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    import link_short

    yield link_short


def test_the_lines_of_the_readme(
    link_short: ModuleType, sim: Sim, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Its code is approved beforehand, as far as Trakt can: by the first answer to a poll.
    import threading

    approver = threading.Thread(target=lambda: (sim.wait_log(path=DEVICE_TOKEN, done=True), sim.approve()))
    approver.start()
    link_short.link(sim.client_config(data_dir=data_dir))
    approver.join(PATIENCE_S)
    out = capsys.readouterr().out
    assert re.match(r"Open http\S+ and enter \w{8}\nLinked \S+\n$", out)


def test_the_example_plays_a_film_and_shows_what_trakt_got(sim: Sim, commands: CommandLine, data_dir: Path) -> None:
    sim.config(history_items=0)
    example = [sys.executable, str(EXAMPLES / "play.py"), json.dumps(sim.client_config(data_dir=str(data_dir)))]

    def run(expected: int) -> str:
        done = subprocess.run(
            example, env=commands.environment, capture_output=True, text=True, encoding="utf-8", timeout=PATIENCE_S
        )
        assert done.returncode == expected and not done.stderr, done.stdout + done.stderr
        return done.stdout

    assert "No account is linked yet" in run(1)
    commands.link(sim)
    said = run(0)
    for text in ("0 s  started   playing", "it counts", "Trakt has it (scrobble)", "Heat (scrobble)"):
        assert text in said, said
    assert [(play["title"], play["action"]) for play in sim.history()] == [("Heat (1995)", "scrobble")]
