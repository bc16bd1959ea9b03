"""Two files in a folder, and what is said when one of them doesn't fit; options from the file and the command line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Callable, List

import clips
import made
import pytest
from conftest import Start
from driver import Home, Mpv
from paths import real_library
from standin import Fake

Faked = Callable[..., Mpv]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return clips.video(tmp_path / "Heat (1995).mkv", 10)


def _ours(mpv: Mpv) -> List[str]:
    return [line for line in mpv.lines if "trakt" in line.lower()]


def _plays_on(mpv: Mpv, film: Path) -> None:
    """It plays, and what is asked of the plug-in is answered."""
    mpv.play(film, heard=False)
    mpv.say("status")
    mpv.wait_line("Trakt isn't available: the terminal says why")
    mpv.quit()


def test_the_two_files_are_all_it_takes(tmp_path: Path, plugin: Path, start: Start) -> None:
    folder = tmp_path / "home"
    command = ["make", "-s", "-C", str(made.PLUGIN), "install", f"OUT={plugin.parent}"]
    subprocess.run([*command, f"MPV_HOME={folder}/.config/mpv", f"LIBRARY={real_library()}"], check=True)
    home = Home(folder)
    assert sorted(one.name for one in home.plugin.iterdir()) == ["libtrakt.so", "main.so"]
    home.conf(client_id="abc")
    mpv = start(home)
    mpv.say("status")
    mpv.wait_line("No account is linked")
    mpv.quit()
    assert not [line for line in mpv.lines if "libtrakt" in line], "there is nothing to complain of"
    assert (home.state / "libtrakt").stat().st_mode & 0o777 == 0o700


def test_it_needs_libc_alone(plugin: Path) -> None:
    shown = subprocess.run(["objdump", "-p", str(plugin)], check=True, stdout=subprocess.PIPE, text=True).stdout
    needed = [line.split()[1] for line in shown.splitlines() if "NEEDED" in line]
    assert needed == ["libc.so.6"]


def test_it_exports_one_function(plugin: Path) -> None:
    names = subprocess.run(["nm", "-D", "--defined-only", str(plugin)], check=True, stdout=subprocess.PIPE, text=True)
    assert [line.split()[-1] for line in names.stdout.splitlines()] == ["mpv_open_cplugin"]


def test_without_the_library(tmp_path: Path, plugin: Path, start: Start, film: Path) -> None:
    home = Home(tmp_path / "home")
    home.install(plugin, None)
    mpv = start(home)
    _plays_on(mpv, film)
    assert len([line for line in _ours(mpv) if "isn't in the plug-in's folder" in line]) == 1
    assert len(_ours(mpv)) == 2, "that, and the answer"


def test_with_a_library_that_is_too_old(tmp_path: Path, plugin: Path, start: Start, film: Path) -> None:
    home = Home(tmp_path / "home")
    home.install(plugin, made.fake_library(tmp_path, "-DFAKE_ABI=0"))
    mpv = start(home)
    _plays_on(mpv, film)
    assert len([line for line in _ours(mpv) if "doesn't fit this plug-in" in line]) == 1


def test_with_a_library_that_is_something_else(tmp_path: Path, plugin: Path, start: Start, film: Path) -> None:
    home = Home(tmp_path / "home")
    home.install(plugin, plugin)
    mpv = start(home)
    _plays_on(mpv, film)
    assert len([line for line in _ours(mpv) if "doesn't fit this plug-in" in line]) == 1


def test_with_half_a_library(tmp_path: Path, plugin: Path, start: Start, film: Path) -> None:
    home = Home(tmp_path / "home")
    home.install(plugin, plugin)
    (home.plugin / "libtrakt.so").write_bytes(b"\x7fELF")
    mpv = start(home)
    _plays_on(mpv, film)
    assert len([line for line in _ours(mpv) if "can't be loaded" in line]) == 1


def test_without_a_client_id(home: Home, start: Start, film: Path) -> None:
    mpv = start(home)
    _plays_on(mpv, film)
    assert len([line for line in _ours(mpv) if "there is no client id" in line]) == 1


def test_a_built_in_client_id(tmp_path: Path, fake_library: Path, fake: Fake, start: Start) -> None:
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["make", "-s", "-C", str(made.PLUGIN), f"OUT={out}", "CLIENT_ID=f00d"], check=True)
    home = Home(tmp_path / "home")
    home.install(out / "main.so", fake_library)
    start(home, env=fake.env)
    assert fake.wait_calls("open", 1)[0]["client_id"] == "f00d"


def test_what_the_client_gets(faked: Faked, fake: Fake, tmp_path: Path) -> None:
    faked(
        "--script-opts=libtrakt-api_url=http://127.0.0.1:1,other-client_id=no",
        client_id=" x ",
        client_secret="s",
        auth_url="https://a",
        proxy="http://p",
        ca_file="/c",
    )
    config = fake.wait_calls("open", 1)[0]
    assert config.pop("app_version")
    assert config == {
        "app_name": "libtrakt-mpv",
        "client_id": "x",
        "client_secret": "s",
        "data_dir": str(tmp_path / "home" / ".local" / "state" / "mpv"),
        "auth_url": "https://a",
        "api_url": "http://127.0.0.1:1",
        "proxy": "http://p",
        "ca_file": "/c",
    }


def test_where_the_data_are(faked: Faked, fake: Fake, tmp_path: Path) -> None:
    mpv = faked(env={"XDG_STATE_HOME": str(tmp_path / "state")})
    assert fake.wait_calls("open", 1)[0]["data_dir"] == str(tmp_path / "state" / "mpv")
    assert (tmp_path / "state" / "mpv").is_dir()
    mpv.quit()
    faked(data_dir="/elsewhere")
    assert fake.wait_calls("open", 2)[1]["data_dir"] == "/elsewhere"


def test_the_rules_are_handed_over_and_follow_the_options(faked: Faked, fake: Fake) -> None:
    mpv = faked(min_duration=60, exclude_paths="/a; /b c ;", exclude_http="yes", movies="no")
    expected = {
        "enabled": True,
        "movies": False,
        "episodes": True,
        "watching_delay_ms": 0,
        "min_duration_ms": 60_000,
        "exclude": {"http": True, "prefixes": ["/a", "/b c"], "globs": [], "genres": []},
    }
    assert fake.wait_calls("player.options", 1) == [expected]
    mpv.set("script-opts", {"libtrakt-enabled": "no", "libtrakt-watching_delay": "90"})
    assert fake.wait_calls("player.options", 2)[1] == {**expected, "enabled": False, "watching_delay_ms": 90_000}


def test_paths_are_those_of_mpv(faked: Faked, fake: Fake, tmp_path: Path) -> None:
    home = tmp_path / "home"
    mpv = faked(data_dir="~/keep", ca_file="~/ca.pem", exclude_paths="/a; ~/private ;", exclude_globs="~/b/**")
    config = fake.wait_calls("open", 1)[0]
    assert (config["data_dir"], config["ca_file"]) == (str(home / "keep"), str(home / "ca.pem"))
    exclude = fake.wait_calls("player.options", 1)[0]["exclude"]
    assert exclude["prefixes"] == ["/a", str(home / "private")] and exclude["globs"] == [str(home / "b" / "**")]
    mpv.quit()
    mpv = faked(data_dir="somewhere")
    mpv.wait_line("unknown or have an unfit value: data_dir")
    assert fake.wait_calls("open", 2)[1]["data_dir"] == str(home / ".local" / "state" / "mpv")


def test_when_the_rules_can_t_be_used_nothing_is_recorded(faked: Faked, fake: Fake) -> None:
    fake.fail("player.options", 1, "invalid_argument")
    mpv = faked(exclude_globs="[x")
    mpv.wait_line("nothing is recorded, an option that leaves things out is wrong: As dictated.")
    assert fake.wait_calls("player.options", 2)[1] == {"enabled": False}


def test_another_client_id_builds_anew_and_a_bare_install_keeps_it(tmp_path: Path) -> None:
    def make(*words: str) -> str:
        done = subprocess.run(
            ["make", "-s", "-C", str(made.PLUGIN), f"OUT={tmp_path}", *words],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    make("CLIENT_ID=first")
    assert make("-n") == "", "it is as it was"
    assert "second" in make("-n", "CLIENT_ID=second")
    assert "second" in make("-n")
    make()
    assert make("-n") == make("-n", "CLIENT_ID=second") == ""


def test_wrong_options_are_named(faked: Faked, fake: Fake) -> None:
    mpv = faked(bogus=1, notify="maybe", min_duration=-1, movies="no")
    mpv.wait_line("unknown or have an unfit value: bogus, notify, min_duration")
    rules = fake.wait_calls("player.options", 1)[0]
    assert rules["movies"] is False, "the others hold"
    assert rules["min_duration_ms"] == 300_000


def test_flat_in_the_scripts_folder_mpv_takes_the_library_for_a_script(
    tmp_path: Path, plugin: Path, fake_library: Path, fake: Fake, start: Start
) -> None:
    """Why there is a folder: README.md says so, and this is how mpv behaves."""
    home = Home(tmp_path / "home")
    home.plugin.rmdir()
    scripts = home.plugin.parent
    os.link(plugin, scripts / "libtrakt-mpv.so")
    os.link(fake_library, scripts / "libtrakt.so")
    mpv = start(home, env=fake.env)
    mpv.wait_line("undefined symbol: mpv_open_cplugin")
