"""What the user sees: the code and its picture, the panels, the notices; in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterator

import clips
import pytest
from display import Display, qr_texts
from driver import Mpv
from libtrakt import Client, Library
from machine import until
from simtrakt import Sim
from standin import Fake

Faked = Callable[..., Mpv]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.video(tmp_path_factory.mktemp("films") / "Heat (1995).mkv", 60)


@pytest.fixture(params=[(1280, 720), (720, 576)], ids=["720p", "576p"])
def display(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Display]:
    display = Display(request.param, tmp_path / "xvfb.log")
    yield display
    display.close()


@pytest.fixture
def snapshot(library: Library, sim: Sim) -> Dict[str, Any]:
    """A login that waits for its user, as the real library tells it."""
    with Client(sim.client_config(), library=library) as client:
        return dict(client.device_start())


def _seen(display: Display, picture: Path) -> Path:
    clips.picture_of(display.name, picture)
    return picture


def test_a_camera_reads_the_code(
    display: Display, faked: Faked, fake: Fake, film: Path, snapshot: Dict[str, Any], tmp_path: Path
) -> None:
    fake.answer("device.poll", **snapshot)
    mpv = faked("--fs", "--vo=x11", env={"DISPLAY": display.name})
    mpv.play(film)
    mpv.say("link")
    picture = tmp_path / "screen.png"
    wanted = snapshot["verification_url_complete"]
    until(lambda: qr_texts(_seen(display, picture)) == [wanted], "the code on the screen")
    mpv.wait_line(f"Open {snapshot['verification_url']} and enter the code {snapshot['user_code']}")
    mpv.say("link")
    until(lambda: qr_texts(_seen(display, picture)) == [], "the code is hidden")
    mpv.say("link")
    until(lambda: qr_texts(_seen(display, picture)) == [wanted], "the code on the screen again")
    fake.answer("device.poll", state="authorized", account={"username": "sean"})
    mpv.wait_line("Linked with Trakt as sean")
    until(lambda: qr_texts(_seen(display, picture)) == [], "the code is gone")


def test_a_new_code_replaces_the_old_one(faked: Faked, fake: Fake, snapshot: Dict[str, Any]) -> None:
    mpv = faked()
    fake.answer("device.start", **{**snapshot, "user_code": "AAAA1111"})
    mpv.say("link")
    fake.wait_calls("device.start", 1)
    mpv.wait_line("enter the code AAAA1111")
    fake.answer("device.poll", **{**snapshot, "user_code": "BBBB2222"})
    mpv.wait_line("enter the code BBBB2222")
    assert fake.calls("device.start") == [{"wait_ms": 0, "renew": True}]


@pytest.mark.parametrize(
    ("state", "error", "line"),
    [
        ("denied", None, "You said no"),
        ("expired", None, "The code ran out"),
        ("already_used", None, "was used already"),
        ("invalid", None, "doesn't know the code"),
        ("cancelled", None, "Linking was cancelled"),
        ("failed", {"code": "forbidden", "message": ""}, "Linking failed: Trakt refuses the client id"),
        ("authorized", None, "Linked with Trakt as sean"),
    ],
)
def test_each_end_of_a_login_is_said(
    faked: Faked, fake: Fake, snapshot: Dict[str, Any], state: str, error: object, line: str
) -> None:
    fake.answer("device.poll", **snapshot)
    mpv = faked()
    mpv.say("link")
    mpv.wait_line("and enter the code")
    fake.answer("device.poll", state=state, error=error, account={"username": "sean"})
    mpv.wait_line(line)


def test_a_login_survives_the_player(faked: Faked, fake: Fake, snapshot: Dict[str, Any]) -> None:
    fake.answer("device.poll", **snapshot)
    mpv = faked()
    mpv.wait_line(f"enter the code {snapshot['user_code']}")
    fake.answer("device.poll", state="authorized", account=None)
    fake.answer("device.poll", state="authorized", account={"username": "sean"})
    mpv.wait_line("Linked with Trakt as sean")
    assert fake.calls("device.start") == []


def test_a_login_can_be_given_up(faked: Faked, fake: Fake, snapshot: Dict[str, Any]) -> None:
    fake.answer("device.poll", **snapshot)
    mpv = faked()
    mpv.say("link")
    mpv.wait_line("and enter the code")
    mpv.say("link", "cancel")
    fake.wait_calls("device.cancel", 1)


def test_who_is_linked_isnt_asked_to_link(faked: Faked, fake: Fake, snapshot: Dict[str, Any]) -> None:
    fake.answer("account.get", state="linked", linked=True, user={"username": "sean"}, store="ok")
    fake.answer("device.start", **snapshot)
    mpv = faked()
    mpv.say("link")
    mpv.wait_line("Linked with Trakt as sean. “link again”")
    assert fake.calls("device.start") == []
    mpv.say("link", "again")
    mpv.wait_line("and enter the code")


def test_the_start_of_a_login_can_fail(faked: Faked, fake: Fake) -> None:
    fake.fail("device.start", 71, "storage_full")
    mpv = faked()
    mpv.say("link")
    mpv.wait_line("Linking failed: the disk is full")


@pytest.mark.parametrize(
    ("account", "line"),
    [
        ({"state": "none"}, "No account is linked"),
        ({"state": "linked", "user": {"username": "sean"}}, "Linked with Trakt as sean"),
        ({"state": "relink_needed", "user": {"username": "sean"}}, "Trakt has ended the session"),
        ({"state": "locked", "user": {"username": "sean"}}, "Trakt has locked the account"),
        ({"state": "blocked", "user": {"username": "sean"}}, "blocks this network"),
        ({"state": "app_refused"}, "refuses the client id"),
        ({"state": "none", "store": "readonly"}, "can't be written"),
        ({"state": "none", "store": "newer"}, "of a newer version: nothing is kept"),
    ],
)
def test_the_status(faked: Faked, fake: Fake, account: Dict[str, Any], line: str) -> None:
    fake.answer("account.get", **account)
    fake.answer("outbox.list", entries=[], waiting=2, refused=1, paused="offline")
    mpv = faked()
    mpv.say("status")
    mpv.wait_line(line)
    mpv.wait_line("Nothing is playing")
    mpv.wait_line("2 waiting, 1 refused")
    mpv.wait_line("Paused: Trakt can't be reached")


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ({"state": "playing", "progress": 12.34}, "This is recorded: 12 % played"),
        ({"state": "playing", "progress": 85.0, "counts": True}, "far enough to count"),
        ({"state": "ignored", "reason": "too_short"}, "This isn't recorded: it is too short"),
        ({"state": "ignored", "reason": "a_new_one"}, "This isn't recorded: a_new_one"),
    ],
)
def test_the_status_of_what_plays(faked: Faked, fake: Fake, film: Path, answer: Dict[str, Any], line: str) -> None:
    fake.answer("player.event", **answer)
    mpv = faked()
    mpv.play(film)
    fake.wait_facts("started")
    mpv.say("status")
    mpv.wait_line(line)


_FILM = {"type": "movie", "title": "Heat", "year": 1995, "ids": {"tmdb": 949}}
_EPISODE = {"type": "episode", "show": {"title": "Dark"}, "season": 1, "number": 2}


def test_the_outbox(faked: Faked, fake: Fake) -> None:
    entries = [
        {"id": 1, "kind": "play", "state": "waiting", "reason": None, "item": _FILM},
        {"id": 2, "kind": "play", "state": "refused", "reason": "not_found", "item": _EPISODE},
        {
            "id": 3,
            "kind": "play",
            "state": "refused",
            "reason": "unmatched",
            "item": {"type": "file"},
            "title": "Läufer {1}",
        },
    ]
    fake.answer("outbox.list", entries=entries, waiting=9, refused=4, paused="rate_limited")
    mpv = faked()
    mpv.say("outbox")
    mpv.wait_line("9 waiting, 4 refused")
    mpv.wait_line("Paused: Trakt asks to wait a while")
    assert mpv.wait_line("Heat") == "Heat (1995)"
    assert mpv.wait_line("Dark") == "Dark 1x02: Trakt doesn't know it"
    assert mpv.wait_line("Läufer") == "Läufer {1}: Trakt has nothing of that name"
    assert mpv.wait_line("more") == "… and 10 more"
    fake.answer("outbox.retry", retried=4)
    mpv.say("outbox", "retry")
    mpv.wait_line("Trying 4 again")
    assert fake.calls("outbox.retry") == [{"all": True}]


def test_an_empty_outbox(faked: Faked, fake: Fake) -> None:
    fake.answer("outbox.list", entries=[], waiting=0, refused=0, paused=None)
    mpv = faked()
    mpv.say("outbox")
    mpv.wait_line("Nothing waits for Trakt")


def test_rating_what_plays(faked: Faked, fake: Fake, film: Path) -> None:
    mpv = faked()
    mpv.play(film)
    session = fake.wait_facts("started")[0]["session"]
    other = {"session": "another", "item": _EPISODE}
    fake.answer("player.get", sessions=[other, {"session": session, "item": _FILM}])
    mpv.say("rate", "8")
    mpv.wait_line("Rated Heat (1995): 8")
    assert fake.calls("rating.set") == [{"item": _FILM, "rating": 8}]
    mpv.say("unrate")
    mpv.wait_line("Took back the rating of Heat (1995)")
    assert fake.calls("rating.remove") == [{"item": _FILM}]


def test_rating_what_counted_last(faked: Faked, fake: Fake) -> None:
    fake.answer("player.get", sessions=[])
    mpv = faked()
    mpv.say("rate", "8")
    mpv.wait_line("Nothing has been played that could be rated")
    fake.happen({"type": "play.counted", "data": {"item": _EPISODE}})
    mpv.wait_line("Watched: Dark 1x02")
    mpv.say("rate", "10")
    mpv.wait_line("Rated Dark 1x02: 10")
    for wrong in ("0", "11", "8x", ""):
        mpv.say("rate", wrong)
    mpv.wait_line("Rate from 1 to 10", count=4)
    assert len(fake.calls("rating.set")) == 1


def test_what_trakt_refuses_is_said(faked: Faked, fake: Fake) -> None:
    mpv = faked()
    fake.happen({"type": "outbox.refused", "data": {"id": 1, "kind": "play", "item": _FILM, "reason": "account_limit"}})
    mpv.wait_line("Trakt doesn't take “Heat (1995)”: the account is full")


def test_the_end_of_a_link_is_said(faked: Faked, fake: Fake) -> None:
    mpv = faked()
    fake.happen({"type": "account.relink_needed"})
    mpv.wait_line("Trakt has ended the session")


def test_that_no_account_is_linked_is_said_once(faked: Faked, fake: Fake, film: Path) -> None:
    fake.answer("player.event", state="ignored", reason="not_linked")
    mpv = faked()
    mpv.play(film)
    mpv.wait_line("no account is linked")
    mpv.stop()
    mpv.play(film)
    fake.wait_facts("started", "stopped", "started")
    mpv.quit()
    assert len([line for line in mpv.lines if "no account is linked" in line]) == 1
    again = faked()
    again.play(film)
    fake.wait_facts("started", "stopped", "started", "stopped", "started")
    again.say("status")
    again.wait_line("Nothing waits")
    assert not [line for line in again.lines if "README" in line], "who doesn't want to isn't asked at each start"


def test_that_it_has_to_be_linked_again_is_said_at_each_start(faked: Faked, fake: Fake, film: Path) -> None:
    fake.answer("account.get", state="relink_needed")
    for _ in range(2):
        mpv = faked()
        fake.wait_calls("account.get", 1)
        mpv.play(film)
        mpv.seek(30)
        mpv.stop()
        mpv.play(film)
        mpv.wait_line("Link your account again")
        mpv.quit()
        assert len([line for line in mpv.lines if "Link your account again" in line]) == 1


def test_without_notices_only_what_was_asked_is_shown(faked: Faked, fake: Fake, film: Path) -> None:
    fake.answer("player.event", state="ignored", reason="not_linked")
    fake.answer("account.get", state="none")
    mpv = faked(notify="no")
    mpv.play(film)
    fake.happen({"type": "play.counted", "data": {"item": _FILM}}, {"type": "account.relink_needed"})
    fake.wait_calls("account.get", 2)
    mpv.say("status")
    mpv.wait_line("No account is linked")
    mpv.quit()
    assert not [line for line in mpv.lines if "Watched" in line or "session" in line or "README" in line]


def test_unlinking(faked: Faked, fake: Fake) -> None:
    mpv = faked()
    mpv.say("unlink")
    mpv.wait_line("Trakt is unlinked")
    fake.fail("account.unlink", 70, "storage")
    mpv.say("unlink")
    mpv.wait_line("Trakt: the data folder can't be written")


def test_keys_by_script_binding(faked: Faked, fake: Fake) -> None:
    mpv = faked()
    mpv.command("script-binding", "libtrakt/unlink")
    mpv.wait_line("Trakt is unlinked")
    assert len(fake.calls("account.unlink")) == 1


def test_an_unknown_command(faked: Faked) -> None:
    mpv = faked()
    mpv.say("key-binding", "dance ${pid}", "d-")
    mpv.wait_line("there is no command “dance ${pid}”")


def test_what_other_scripts_say_to_all_is_none_of_its_business(faked: Faked) -> None:
    mpv = faked()
    mpv.command("script-message", "thumbfast-info", "{}")
    mpv.heard()
    assert not [line for line in mpv.lines if "thumbfast" in line]


def test_the_status_of_what_is_paused_is_that_of_now(faked: Faked, fake: Fake, film: Path) -> None:
    fake.answer("player.event", state="ignored", reason="not_linked")
    mpv = faked()
    mpv.play(film)
    session = fake.wait_facts("started")[0]["session"]
    fake.answer("player.get", sessions=[{"session": session, "reason": None, "state": "paused"}])
    fake.answer("account.get", state="linked", user={"username": "sean"})
    fake.answer("outbox.list", entries=[], waiting=0, refused=0, paused=None)
    mpv.say("status")
    mpv.wait_line("This is recorded")
