"""The whole plug-in under AddressSanitizer, in a real mpv: an evening with everything in it."""

from __future__ import annotations

from pathlib import Path

import clips
import made
import pytest
from conftest import Start
from driver import Home
from standin import Fake


@pytest.fixture
def evening(tmp_path: Path) -> Path:
    chapters = [(0, "S01E01 " + "x" * 300), (30, "S01E02 ü")]
    tags = {"title": "t" * 2000, "TMDB": "tv/70523", "GENRE": "a,b;" * 300, "IMDB": "tt" + "1" * 500}
    return clips.video(tmp_path / ("Dark " + "y" * 200 + ".mkv"), 60, chapters=chapters, tags=tags)


def test_nothing_is_read_or_written_outside(
    tmp_path: Path, fake_library: Path, fake: Fake, start: Start, evening: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    home = Home(tmp_path / "home")
    home.install(made.plugin(out, "-g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all"), fake_library)
    home.conf(client_id="abc", nonsense="x" * 3000, exclude_paths="/a;" * 300)
    # What mpv and its libraries keep to their end is none of ours.
    env = {**fake.env, "LD_PRELOAD": str(made.sanitizer()), "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0"}
    mpv = start(home, env=env)
    name = {"type": "movie", "title": "n" * 2000, "year": 1995}
    entries = [{"state": "refused", "reason": "r" * 200, "item": name}] * 8
    rows = ["01" * 20] * 41
    fake.answer("outbox.list", entries=entries, waiting=2**53, refused=9, paused="p" * 99)
    fake.answer("player.event", state="s" * 99, reason="r" * 99, counts=True, progress=99.9)
    fake.answer("account.get", state="relink_needed", user={"username": "u" * 999}, store="readonly")
    pending = {"state": "pending", "expires_in_ms": 2**53, "last_error": {"code": "c" * 99}, "qr_rows": rows}
    fake.answer("device.poll", user_code="c" * 99, verification_url="v" * 999, **pending)
    mpv.play(evening, paused=True)
    for words in (["link"], ["link"], ["status"], ["outbox"], ["rate", "8"], ["unrate"], ["unlink"], ["x" * 999], []):
        mpv.say(*words)
    mpv.set("pause", False)
    mpv.seek(40)
    fake.happen(
        {"type": "play.counted", "data": {"item": name}},
        {"type": "outbox.refused", "data": {"item": name, "reason": "r" * 99}},
        {"type": "account.relink_needed"},
        {"type": "play.counted"},
    )
    mpv.wait_line("Watched: nnn")
    fake.answer("device.poll", state="authorized", account={"username": "u" * 999})
    mpv.say("link", "again")
    mpv.wait_line("Linked with Trakt as uuu")
    mpv.set("script-opts", {"libtrakt-client_id": "y" * 2000})
    mpv.stop()
    mpv.quit()
    assert not [line for line in mpv.lines if "Sanitizer" in line or "runtime error" in line]


def test_answers_that_are_none(tmp_path: Path, faked: object, fake: Fake, evening: Path) -> None:
    assert callable(faked)
    for method in ("player.event", "device.poll", "events", "account.get", "outbox.list", "device.start", "player.get"):
        fake.dictate(method, '{"status":0,"data":[{"state":')
    mpv = faked()
    mpv.play(evening)
    for words in (["link"], ["status"], ["outbox"], ["rate", "8"]):
        mpv.say(*words)
    mpv.seek(30)
    mpv.quit()
    assert [fact["event"] for fact in fake.facts()] == ["started", "seeked", "stopped"]
