"""The service: what runs when, what a changed setting does, and that one part's fault doesn't end the others."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

import fakekodi
import pytest
import xbmc
from faketrakt import FakeTrakt
from traktkodi import actions, service, texts
from traktkodi.kodi import Kodi


class Part:
    """Stands in for a part of the add-on: remembers what it was told, and fails where a test wants it to."""

    made: Dict[str, Part] = {}

    def __init__(self, *arguments: Any) -> None:
        self.calls: List[str] = []
        self.fails: Dict[str, Exception] = {}
        self.showing = False
        Part.made[type(self).__name__] = self

    def __getattr__(self, name: str) -> Callable[..., None]:
        def call(*arguments: Any, **more: Any) -> None:
            self.calls.append(name)
            if name in self.fails:
                raise self.fails[name]

        return call


PARTS = (
    "LinkControl",
    "AccountControl",
    "Notices",
    "Invitation",
    "Properties",
    "Questions",
    "OutboxCounts",
    "OutboxControl",
    "Ratings",
    "PlayNotices",
)
#: They hear of what happens in the library.
HEARING = ("OutboxCounts", "OutboxControl", "Ratings", "PlayNotices")


@pytest.fixture
def trakt(monkeypatch: pytest.MonkeyPatch) -> FakeTrakt:
    fake = FakeTrakt()
    monkeypatch.setattr(service, "Trakt", lambda load, failures: fake)
    for name in (*PARTS, "ItemActions"):
        monkeypatch.setattr(service, name, type(name, (Part,), {}))
    return fake


class Run:
    """A service in a Kodi whose time the test moves."""

    def __init__(self, box: fakekodi.Box) -> None:
        self.box = box
        self.service = service.Service(Kodi(), box.clock)
        self.monitor = service.Monitor(self.service)
        self.service.start()
        self.box.deliver()
        for part in Part.made.values():
            part.calls.clear()

    def steps(self, seconds: float) -> int:
        """Runs as `main` does for so long; how many steps that were."""
        end = self.box.clock.monotonic() + seconds
        count = 0
        while self.box.clock.monotonic() < end:
            self.monitor.waitForAbort(self.service.tick)
            self.service.step()
            count += 1
        return count

    def calls(self, part: str, name: str) -> int:
        return Part.made[part].calls.count(name)


@pytest.fixture
def run(box: fakekodi.Box, trakt: FakeTrakt) -> Run:
    box.settings["client_id"] = "own"
    return Run(box)


def failures(box: fakekodi.Box) -> List[str]:
    return [line for line in box.log_lines if "[service.libtrakt] failed: " in line]


def test_idle_it_looks_once_a_second_and_costs_little(run: Run) -> None:
    assert run.steps(60) <= 60 * 4 + 1
    for part in PARTS:
        assert 58 <= run.calls(part, "step") <= 61, part
    assert failures(run.box) == []


def test_with_a_screen_open_the_screens_get_ten_steps_a_second(run: Run) -> None:
    Part.made["LinkControl"].showing = True
    run.steps(10)
    assert 95 <= run.calls("LinkControl", "step") <= 101
    assert 9 <= run.calls("Notices", "step") <= 11


def test_while_a_call_is_under_way_its_end_is_told_within_a_tenth_of_a_second(run: Run, trakt: FakeTrakt) -> None:
    trakt.submit("settings.get", {}, lambda data, error: None)
    assert run.service.tick <= 0.1
    trakt.finish("settings.get", {})
    assert run.service.tick > 0.1


def test_others_see_that_it_runs_and_for_how_long(run: Run) -> None:
    assert run.box.properties[actions.RUNNING] == "0.1.0"
    run.service.stop()
    assert actions.RUNNING not in run.box.properties


def test_a_property_that_a_skin_or_an_older_service_took_away_comes_back(run: Run) -> None:
    run.box.properties.clear()
    run.steps(1.5)
    assert run.box.properties[actions.RUNNING] == "0.1.0"


# faults


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_fails_keeps_no_other_from_its_step(run: Run, part: str) -> None:
    Part.made[part].fails["step"] = ZeroDivisionError("oops")
    run.steps(30)
    for other in PARTS:
        assert run.calls(other, "step") >= 29, other
    (line,) = failures(run.box)
    assert "Traceback" in line
    assert "ZeroDivisionError: oops" in line
    assert line.startswith("3 "), "not an error for Kodi"
    assert "ZeroDivisionError" in run.service.report.text()


def test_an_account_that_cannot_be_read_is_no_account(run: Run, trakt: FakeTrakt) -> None:
    def broken() -> Any:
        raise RuntimeError("no account")

    trakt.account = broken  # type: ignore[method-assign]
    run.steps(3)
    assert run.calls("LinkControl", "step") >= 2
    assert len(failures(run.box)) == 1


def test_a_failing_action_or_wake_up_is_told_and_the_next_one_works(run: Run) -> None:
    Part.made["LinkControl"].fails["open"] = ValueError("no screen")
    Part.made["Notices"].fails["woke"] = ValueError("no clock")
    run.box.notify_all("xbmc", "System.OnWake")
    run.box.notify_all("service.libtrakt", "Other.action", {"action": "link"})
    run.box.notify_all("service.libtrakt", "Other.action", {"action": "account"})
    run.steps(0.2)
    assert run.calls("AccountControl", "open") == 1
    assert len(failures(run.box)) == 2


def test_what_cannot_end_keeps_nothing_else_from_ending(run: Run, trakt: FakeTrakt) -> None:
    for part in PARTS:
        Part.made[part].fails.update(close=OSError(part), clear=OSError(part))
    run.service.stop()
    assert trakt.closed
    assert actions.RUNNING not in run.box.properties
    ended = len(run.box.log_lines)
    run.service.stop()
    assert len(run.box.log_lines) == ended


def test_main_runs_until_kodi_ends_and_stops_even_then(
    box: fakekodi.Box, trakt: FakeTrakt, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_exit: List[Callable[[], None]] = []
    monkeypatch.setattr("atexit.register", at_exit.append)
    box.abort()
    service.main(xbmc.Monitor())
    assert trakt.closed
    assert box.log_lines[-1].endswith("stopped")
    assert len(at_exit) == 1
    # A fault that nothing catches ends the service, not without stopping it.
    box.aborting = False

    def killed(self: service.Service) -> None:
        raise SystemExit

    monkeypatch.setattr(service.Service, "step", killed)
    trakt.closed = False
    with pytest.raises(SystemExit):
        service.main(xbmc.Monitor())
    assert trakt.closed


def test_a_service_that_is_disabled_while_it_starts_ends_quietly(
    box: fakekodi.Box, trakt: FakeTrakt, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        def __init__(self) -> None:
            raise RuntimeError("Unknown addon id")

    with monkeypatch.context() as patch:
        patch.setattr(service, "Kodi", Gone)
        with pytest.raises(RuntimeError):
            service.main(xbmc.Monitor())
        box.abort()
        service.main(xbmc.Monitor())
    service.main(xbmc.Monitor())
    assert not any("started" in line for line in box.log_lines)


# actions


@pytest.mark.parametrize(
    ("action", "linked", "part", "call"),
    [
        ("open", False, "LinkControl", "open"),
        ("open", True, "AccountControl", "open"),
        ("link", True, "LinkControl", "open"),
        ("account", False, "AccountControl", "open"),
        ("unlink", True, "AccountControl", "unlink"),
        ("status", True, "Notices", "tell_status"),
        ("outbox", False, "OutboxControl", "open"),
    ],
)
def test_an_action_goes_to_its_part(
    run: Run, trakt: FakeTrakt, action: str, linked: bool, part: str, call: str
) -> None:
    trakt.account_now = {"state": "linked" if linked else "none", "linked": linked}
    run.box.notify_all("service.libtrakt", "Other.action", {"action": action})
    run.box.deliver()
    assert run.calls(part, call) == 1


def test_what_is_asked_for_an_item_goes_with_what_the_item_says(run: Run) -> None:
    run.box.notify_all("service.libtrakt", "Other.action", {"action": "rate", "facts": {"kind": "movie", "dbid": "1"}})
    run.box.deliver()
    assert Part.made["ItemActions"].calls == ["act"]


def test_each_event_of_the_library_is_heard_once_by_everybody(run: Run, trakt: FakeTrakt) -> None:
    trakt.events_now = [{"type": "outbox.changed", "data": {}}, {"type": "play.counted", "data": {}}]
    Part.made["Ratings"].fails["event"] = ZeroDivisionError("oops")
    run.steps(3)
    assert {part: run.calls(part, "event") for part in HEARING} == dict.fromkeys(HEARING, 2)
    assert len(failures(run.box)) == 2


def test_the_report_opens_and_is_closed_at_the_end(run: Run) -> None:
    run.box.notify_all("service.libtrakt", "Other.action", {"action": "report"})
    run.box.deliver()
    assert run.box.window
    assert run.service.tick <= 0.1
    run.service.stop()
    assert run.box.window is None


@pytest.mark.parametrize(
    ("sender", "method", "data"),
    [
        ("xbmc", "Other.action", {"action": "unlink"}),
        ("service.libtrakt", "Other.else", {"action": "unlink"}),
        ("service.libtrakt", "Other.action", {"action": "format"}),
        ("service.libtrakt", "Other.action", {"action": "rate"}),
        ("service.libtrakt", "Other.action", {"action": "rate", "facts": "movie"}),
        ("service.libtrakt", "Other.action", ["unlink"]),
        ("service.libtrakt", "Other.action", None),
    ],
)
def test_other_notifications_are_none_of_its_business(run: Run, sender: str, method: str, data: Any) -> None:
    run.box.notify_all(sender, method, data)
    run.box.deliver()
    assert all(part.calls == [] for part in Part.made.values())
    assert failures(run.box) == []


# settings


def test_a_setting_that_the_library_doesnt_know_leaves_the_client_alone(run: Run, trakt: FakeTrakt) -> None:
    opened = len(trakt.opened)
    run.box.user_sets(notify_trouble="false")
    assert len(trakt.opened) == opened


@pytest.mark.parametrize(
    ("id", "value", "key", "is_now"),
    [
        ("client_id", "another", "client_id", "another"),
        ("auth_url", "auth.example.org", "auth_url", "https://auth.example.org"),
        ("api_url", "http://127.0.0.1:9", "api_url", "http://127.0.0.1:9"),
        ("log_level", "4", "log_level", "trace"),
        ("proxy", "1", "proxy", ""),
        ("client_secret", "sekrit", "client_secret", "sekrit"),
    ],
)
def test_a_changed_setting_opens_the_client_anew_at_once(
    run: Run, trakt: FakeTrakt, id: str, value: str, key: str, is_now: str
) -> None:
    opened = len(trakt.opened)
    run.box.user_sets(**{id: value})
    assert len(trakt.opened) == opened + 1, "opened again by what it changed itself"
    assert trakt.config[key] == is_now


def test_what_the_service_writes_itself_ends_in_no_circle(run: Run, trakt: FakeTrakt) -> None:
    trakt.account_now = {"state": "linked", "linked": True, "user": {"username": "anna"}}
    opened = len(trakt.opened)
    run.steps(10)
    assert run.box.properties["libtrakt.status"] == "Linked as anna"
    assert len(trakt.opened) == opened
    run.service.stop()
    assert "libtrakt.status" not in run.box.properties


def test_a_setting_that_cannot_be_used_is_said_once_and_nothing_is_sent_until_it_is_mended(
    run: Run, trakt: FakeTrakt, box: fakekodi.Box
) -> None:
    box.user_sets(api_url="http://example.org")
    assert trakt.trouble
    box.user_sets(notify_link="false")
    run.steps(130)
    assert run.calls("Notices", "tell_status") == 1
    box.user_sets(api_url="")
    assert trakt.trouble is None
    assert run.calls("Notices", "tell_status") == 1


# what plays and what is marked


def play(run: Run) -> None:
    run.box.play(fakekodi.Video("/films/Heat.mkv", 6000))
    run.steps(0.5)


def test_what_plays_is_told_and_over_before_the_client_is_closed(run: Run, trakt: FakeTrakt) -> None:
    play(run)
    assert [fact["event"] for fact in trakt.facts] == ["started"]
    assert run.box.properties["libtrakt.scrobbling"] == "playing"
    assert run.service.tick == 0.25
    closed: List[bool] = []
    trakt.player_answer = lambda fact: closed.append(trakt.closed) or {}
    run.service.stop()
    assert [fact["event"] for fact in trakt.facts] == ["started", "stopped"]
    assert closed == [False]
    assert "libtrakt.scrobbling" not in run.box.properties


def test_what_already_plays_is_taken_up(box: fakekodi.Box, trakt: FakeTrakt) -> None:
    box.settings["client_id"] = "own"
    box.video = fakekodi.Video("/films/Heat.mkv", 6000)
    Run(box)
    assert [fact["event"] for fact in trakt.facts] == ["started"]


def test_when_kodi_quits_what_plays_is_over(run: Run, trakt: FakeTrakt) -> None:
    play(run)
    run.box.video = None
    run.box.notify_all("xbmc", "Player.OnStop", {"end": False})
    run.box.notify_all("xbmc", "System.OnQuit", {"exitcode": 0})
    run.box.deliver()
    assert [fact["event"] for fact in trakt.facts] == ["started", "stopped"]


def test_a_mark_is_told_unless_the_user_does_not_want_that(run: Run, trakt: FakeTrakt, box: fakekodi.Box) -> None:
    box.rpc_answers["VideoLibrary.GetMovieDetails"] = {"moviedetails": {"title": "Heat", "year": 1995}}
    trakt.answers["history.add"] = {"queued": 1}
    watched = {"item": {"type": "movie", "id": 1}, "playcount": 1}
    box.user_sets(marks_send="false")
    box.notify_all("xbmc", "VideoLibrary.OnUpdate", watched)
    run.steps(3)
    assert [method for method, _ in trakt.submitted] == []
    box.user_sets(marks_send="true")
    box.rpc_answers["Addons.GetAddonDetails"] = {"addon": {"enabled": True}}
    run.steps(61)
    box.notify_all("xbmc", "VideoLibrary.OnUpdate", watched)
    run.steps(3)
    assert [method for method, _ in trakt.submitted] == [], "script.trakt makes marks of what it reads at Trakt"
    box.rpc_answers["Addons.GetAddonDetails"] = {"addon": {"enabled": False}}
    run.steps(61)
    box.notify_all("xbmc", "VideoLibrary.OnUpdate", watched)
    run.steps(3)
    assert [method for method, _ in trakt.submitted if method == "history.add"] == ["history.add"]
    assert failures(box) == []


def test_the_users_wishes_are_told_when_the_client_opens_and_at_each_change(run: Run, trakt: FakeTrakt) -> None:
    def options() -> List[Any]:
        return [params for method, params in trakt.asked if method == "player.options"]

    assert len(options()) == 1
    assert options()[0]["movies"] is True
    run.box.user_sets(scrobble_movies="false")
    assert len(options()) == 2
    assert options()[1]["movies"] is False
    run.box.user_sets(notify_link="false")
    assert len(options()) == 2
    run.box.user_sets(client_id="another")
    assert len(options()) == 3
    assert options()[2]["movies"] is False


def test_the_other_addon_is_looked_for_once_a_minute(run: Run, trakt: FakeTrakt, box: fakekodi.Box) -> None:
    trakt.account_now = {"state": "linked", "linked": True}
    box.rpc_answers["Addons.GetAddonDetails"] = {"addon": {"enabled": True}}
    run.steps(130)
    looks = [call for call in box.rpc_calls if call["method"] == "Addons.GetAddonDetails"]
    assert 3 <= len(looks) <= 4
    assert run.calls("Questions", "ask") == len(looks) - 1, "at the start it is only seen; the questions know it again"
    assert "409" in run.service.report.text()


# Kodi's own settings


def test_kodis_proxy_is_followed_within_a_minute(run: Run, trakt: FakeTrakt, box: fakekodi.Box) -> None:
    box.core_settings.update(
        {
            "network.usehttpproxy": True,
            "network.httpproxytype": 0,
            "network.httpproxyserver": "proxy",
            "network.httpproxyport": 3128,
        }
    )
    asked = len(box.rpc_calls)
    run.steps(61)
    assert trakt.config["proxy"] == "http://proxy:3128"
    assert len(box.rpc_calls) - asked <= 12
    del box.core_settings["network.usehttpproxy"]
    run.steps(61)
    assert "proxy" not in trakt.config


def test_a_folder_that_cannot_be_made_keeps_nothing_from_running(box: fakekodi.Box, trakt: FakeTrakt) -> None:
    box.profile_path.parent.mkdir(parents=True)
    box.profile_path.write_text("a file in the folder's place")
    run = Run(box)
    run.steps(3)
    assert failures(box) == []
    assert any("can't be prepared" in line for line in box.log_lines)


def test_without_a_client_id_it_runs_and_has_no_trouble(box: fakekodi.Box, trakt: FakeTrakt) -> None:
    run = Run(box)
    run.steps(3)
    assert "client_id" not in trakt.config
    assert trakt.trouble is None
    assert box.notifications == []
    assert failures(box) == []


def test_a_secret_left_in_kodis_settings_is_taken_at_the_start(box: fakekodi.Box, trakt: FakeTrakt) -> None:
    box.settings.update(client_id="own", client_secret="sekrit")
    Run(box)
    assert box.settings["client_secret"] == ""
    assert trakt.config["client_secret"] == "sekrit"
    assert len(trakt.opened) == 1


def test_the_script_waits_for_a_service_that_is_starting(box: fakekodi.Box) -> None:
    box.clock.advance(0)
    starts_at = box.clock.monotonic() + 3
    properties = box.properties

    class Later(dict):
        def get(self, key: str, default: Optional[str] = None) -> Any:
            return "0.1.0" if box.clock.monotonic() >= starts_at else default

    box.properties = Later(properties)
    actions.main(["action=link"])
    assert box.rpc_calls[-1]["data"] == {"action": "link"}
    assert box.notifications == []


def test_the_script_says_when_no_service_runs_or_the_action_is_unknown(box: fakekodi.Box) -> None:
    actions.main([])
    assert [note.message for note in box.notifications] == [Kodi().text(texts.SERVICE_NOT_RUNNING)]
    assert box.rpc_calls == []
    actions.main(["action=format"])
    assert box.notifications[-1].message == Kodi().text(texts.ACTION_UNKNOWN, action="action=format")
