"""Beside other add-ons: what is shown to them, and script.trakt, which is asked about once."""

from __future__ import annotations

from typing import Any, Dict, Optional

import fakekodi
import pytest
from traktkodi import texts
from traktkodi.compat import OtherAddon, Publisher, settings_from
from traktkodi.kodi import Kodi
from traktkodi.player import Report
from traktkodi.questions import Questions
from traktkodi.screens.question import QuestionScreen
from traktkodi.state import State

FILM = {"type": "movie", "title": "Heat", "year": 1995}


def report(event: str, **reply: Any) -> Report:
    return Report(event, "s", FILM, frozenset(), False, reply)


def test_what_plays_is_shown_while_it_is_followed(box: fakekodi.Box, kodi: Kodi) -> None:
    publisher = Publisher(kodi)
    publisher.played(report("started", state="playing", reason=None))
    assert box.properties["libtrakt.scrobbling"] == "playing"
    assert box.properties["libtrakt.title"] == "Heat (1995)"
    publisher.played(report("paused", state="paused"))
    assert box.properties["libtrakt.scrobbling"] == "paused"
    publisher.played(report("stopped", state="ended"))
    assert box.properties == {}


def test_why_something_is_not_followed_is_shown(box: fakekodi.Box, kodi: Kodi) -> None:
    publisher = Publisher(kodi)
    publisher.played(report("started", state="ignored", reason="excluded_live"))
    assert box.properties == {"libtrakt.reason": "excluded_live"}
    publisher.clear()
    assert box.properties == {}
    publisher.played(report("started"))
    assert box.properties == {}


class Beside:
    """script.trakt beside it."""

    def __init__(self, box: fakekodi.Box, data_dir: str, enabled: Optional[bool] = True) -> None:
        self.box = box
        self.enabled = enabled
        self.off_works = True
        box.rpc_answers["Addons.GetAddonDetails"] = lambda params: (
            {} if self.enabled is None else {"addon": {"addonid": params["addonid"], "enabled": self.enabled}}
        )
        box.rpc_answers["Addons.SetAddonEnabled"] = self._set
        self._data_dir = data_dir
        self.start()

    def start(self) -> None:
        kodi = Kodi()
        self.questions = Questions(kodi, self.box.clock)
        self.other = OtherAddon(kodi, State(self._data_dir + "/state.json"), self.questions)

    def look(self, linked: bool = True) -> None:
        self.other.look(linked)
        for _ in range(10):
            self.box.clock.advance(1)
            self.questions.step()

    def answer(self, index: int) -> None:
        self.box.click(QuestionScreen.FIRST_ANSWER + index)

    def write(self, values: Dict[str, str]) -> None:
        folder = self.box.userdata / "addon_data" / "script.trakt"
        folder.mkdir(parents=True)
        lines = [f'<setting id="{id}">{value}</setting>' for id, value in values.items()]
        (folder / "settings.xml").write_text(f'<settings version="2">{"".join(lines)}</settings>')

    def _set(self, params: Dict[str, Any]) -> Any:
        if not self.off_works:
            return "no"
        assert params["addonid"] == "script.trakt"
        self.enabled = params["enabled"]
        return "OK"


@pytest.fixture
def beside(box: fakekodi.Box, data_dir: str) -> Beside:
    return Beside(box, data_dir)


def test_what_nobody_has_chosen_there_is_not_taken_over(beside: Beside, box: fakekodi.Box) -> None:
    folder = box.userdata / "addon_data" / "script.trakt"
    folder.mkdir(parents=True)
    (folder / "settings.xml").write_text(
        '<settings version="2"><setting id="ExcludeHTTP" default="true">true</setting>'
        '<setting id="scrobble_episode">false</setting></settings>'
    )
    beside.look()
    beside.answer(0)
    assert box.settings.get("exclude_http") != "true"
    assert box.settings["scrobble_episodes"] == "false"


def test_taken_over_and_switched_off(beside: Beside, box: fakekodi.Box) -> None:
    beside.write({"scrobble_movie": "true", "scrobble_episode": "false", "ExcludeHTTP": "true"})
    beside.look()
    beside.answer(0)
    assert beside.enabled is False
    assert box.settings["scrobble_episodes"] == "false"
    assert box.settings["exclude_http"] == "true"
    assert "scrobble_movies" not in box.settings, "it was so already"
    assert [note.message for note in box.notifications] == [Kodi().text(texts.OTHER_TAKEN)]
    assert beside.other.facts() == "not enabled"
    beside.enabled = True  # the user wants it back
    beside.start()
    beside.look()
    assert box.window is None


def test_a_settings_file_that_is_missing_or_broken_keeps_nothing_from_being_switched_off(
    beside: Beside, box: fakekodi.Box
) -> None:
    beside.look()
    beside.answer(0)
    assert beside.enabled is False
    assert box.settings == {}


def test_if_it_cannot_be_switched_off_that_is_said(beside: Beside, box: fakekodi.Box) -> None:
    beside.off_works = False
    beside.look()
    beside.answer(0)
    assert [note.message for note in box.notifications] == [Kodi().text(texts.OTHER_STAYS)]
    assert "409" in beside.other.facts()


def test_kept_it_is_not_asked_again_and_the_report_says_what_follows(beside: Beside, box: fakekodi.Box) -> None:
    beside.look()
    beside.answer(1)
    beside.start()
    beside.look()
    assert box.window is None
    assert beside.enabled is True
    assert "409" in beside.other.facts()


@pytest.mark.parametrize("how", ["later", "back"])
def test_later_is_after_the_next_start(beside: Beside, box: fakekodi.Box, how: str) -> None:
    beside.look()
    if how == "back":
        box.back()
    else:
        beside.answer(2)
    beside.look()
    assert box.window is None
    beside.start()
    beside.look()
    assert box.window is not None


@pytest.mark.parametrize(("enabled", "linked"), [(None, True), (False, True), (True, False)])
def test_nothing_is_asked_where_there_is_no_other_or_no_account(
    box: fakekodi.Box, data_dir: str, enabled: Optional[bool], linked: bool
) -> None:
    beside = Beside(box, data_dir, enabled)
    beside.look(linked)
    assert box.window is None


def test_the_question_goes_when_the_other_goes(beside: Beside, box: fakekodi.Box) -> None:
    beside.look()
    assert box.window is not None
    beside.enabled = False
    beside.look()
    assert box.window is None


def test_its_settings_become_ours(box: fakekodi.Box) -> None:
    ours = settings_from(
        {
            "scrobble_movie": "False",
            "scrobble_episode": "true",
            "ExcludeLiveTV": "true",
            "ExcludeHTTP": "",
            "rate_movie": "false",
            "rate_episode": "true",
            "scrobble_notification": "true",
            "scrobble_start_offset": "2.0",
            "ExcludePathOption": "true",
            "ExcludePath": "/a/",
            "ExcludePathOption2": "false",
            "ExcludePath2": "/not/",
            "ExcludePathOption3": "true",
            "ExcludePath3": "smb://nas/b/",
            "ExcludePathOption4": "true",
            "ExcludePath4": "",
            "ExcludePathOption5": "true",
            "ExcludePath5": "/c/",
            "ExcludePathOption12": "true",
            "ExcludePath12": "/d/",
            "authorization": "secret",
        }
    )
    assert ours == {
        "scrobble_movies": "false",
        "scrobble_episodes": "true",
        "exclude_live": "true",
        "rate_movies": "false",
        "rate_episodes": "true",
        "notify_scrobbled": "1",
        "watching_delay": "120",
        "exclude_folder_1": "/a/",
        "exclude_folder_2": "smb://nas/b/",
        "exclude_folder_3": "/c/",
        "exclude_paths": "/d/",
    }
    assert set(ours) <= set(box.setting_defaults())
    assert settings_from({}) == {}
    assert settings_from({"scrobble_start_offset": "soon"}) == {}


def test_the_older_form_of_its_settings_file_is_read(beside: Beside, box: fakekodi.Box) -> None:
    folder = box.userdata / "addon_data" / "script.trakt"
    folder.mkdir(parents=True)
    (folder / "settings.xml").write_text('<settings><setting id="rate_movie" value="false" /></settings>')
    beside.look()
    beside.answer(0)
    assert box.settings["rate_movies"] == "false"
