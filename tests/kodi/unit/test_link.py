"""Linking: what is shown of each state and trouble, and what the buttons, Back and time do."""

from __future__ import annotations

import random
import re
from itertools import product
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional

import fakekodi
import faketrakt
import libtrakt
import pytest
from traktkodi import texts
from traktkodi.kodi import Kodi
from traktkodi.link import HANDS_OFF_S, NAME_PATIENCE_S, NEW_CODE_EVERY_S, NOTE_S, LinkControl
from traktkodi.link_view import APPS_URL, Button, Known, Note, Sign, View, grouped, minutes, name_of, told, view
from traktkodi.settings import Settings
from traktkodi.texts import Text

CODES = sorted(libtrakt.errors.BY_CODE)
CONNECTION = ["network", "timeout", "dns", "tls", "tls_clock", "proxy"]
PASSING = [*CONNECTION, "rate_limited", "server_error", "bad_reply", "blocked"]
FINAL = ["authorized", "denied", "expired", "already_used", "invalid", "cancelled", "failed"]
SEAN = {"username": "sean", "name": "Sean Rudford", "vip": True}
JUSTIN = {"state": "linked", "linked": True, "user": {"username": "justin", "vip": False}}
NOBODY: Mapping[str, Any] = {"state": "none", "linked": False, "store": "ok"}
DATE = "Thursday, January 1, 1970, 12:03 AM"


def error(code: str, **more: Any) -> Dict[str, Any]:
    retryable = code in {"network", "timeout", "dns", "tls_clock", "proxy", "rate_limited", "server_error", "bad_reply"}
    return {"code": code, "message": f"this is {code}", "retryable": retryable or code in {"blocked", "busy"}, **more}


def pending(code: str = "5055CC52", left_ms: int = 600_000, id: str = "a", **more: Any) -> Dict[str, Any]:
    url = "https://auth.trakt.tv/activate"
    return {
        "login_id": id,
        "state": "pending",
        "user_code": code,
        "verification_url": url,
        "verification_url_complete": f"{url}/{code}",
        "expires_in_ms": left_ms,
        "driver": "self",
        **more,
    }


def known(login: Mapping[str, Any], account: Mapping[str, Any] = NOBODY, **more: Any) -> Known:
    return Known(login=login, account=account, date=DATE, **more)


def every() -> Iterator[Known]:
    """Each state with each trouble, account, store and driver that can come together, and more."""
    accounts = [NOBODY, JUSTIN, {**NOBODY, "state": "relink_needed"}, {**NOBODY, "store": "readonly"}, {}]
    for account, code in product(accounts, [None, *CODES, "brand_new"]):
        last_error = error(code) if code else None
        for driver in ("self", "other", "none"):
            yield known(pending(last_error=last_error, driver=driver), account)
        yield known(pending(left_ms=0, last_error=last_error), account)
        for renewing in (False, True):
            yield known({"state": "starting", "last_error": last_error}, account, renewing=renewing)
        yield known({"state": "failed", "error": last_error}, account)
        yield known({"state": "failed", "error": error("vip_only", upgrade_url="https://app.trakt.tv/vip")}, account)
        if code:
            refused = faketrakt.error(code) if code in CODES else libtrakt.TraktError(123, code, "new")
            yield known({"state": "idle"}, account, refused=refused)
            yield known({"state": "idle"}, account, available=False, trouble=refused)
    for account, state in product(accounts, [*FINAL, "idle", "brand_new", None]):
        yield known({"state": state}, account)
        yield known({"state": state}, account, wanted=True)
        yield known({"state": state, "account": SEAN}, account)
    for account, note in product(accounts, Note):
        yield known(pending(), account, note=note)
    for state in ("locked", "blocked", "app_refused", "relink_needed"):
        yield known({"state": "authorized"}, {"state": state, "linked": state != "locked", "user": SEAN})
    yield known({"state": "idle"}, available=False)
    yield known({"state": "idle"}, available=False, trouble=libtrakt.LibraryNotFound("none for this device"))


def test_whatever_comes_there_is_a_sentence_and_a_way_on(kodi: Kodi) -> None:
    seen = 0
    for one in every():
        shown = view(one)
        seen += 1
        for text in (shown.heading, shown.text, *(Text(button.value) for button in shown.buttons)):
            words = kodi.say(text)
            assert words and "{" not in words and "None" not in words, (one, words)
        assert kodi.say(shown.text).endswith((".", "…")), kodi.say(shown.text)
        assert shown.buttons[0] not in (Button.NEW_CODE, Button.CANCEL), one
        assert {Button.HIDE, Button.CLOSE} & set(shown.buttons), one
        assert len(shown.buttons) <= 3
        # Where something goes on it can be ended, and only there.
        assert (Button.CANCEL in shown.buttons) == (Button.HIDE in shown.buttons)
        assert bool(shown.code) == (Button.NEW_CODE in shown.buttons) == bool(shown.left)
        assert (shown.sign is Sign.ERROR) <= (Button.CLOSE in shown.buttons)
        assert 0 <= shown.percent <= 100
    assert seen > 900


def test_each_outcome_has_its_own_sentence(kodi: Kodi) -> None:
    shown = [view(known({"state": state})) for state in FINAL if state != "failed"]
    shown += [
        view(known({"state": "failed", "error": error(code)})) for code in (*PASSING, "forbidden", "account_locked")
    ]
    shown += [view(known({"state": "authorized", "account": {**SEAN, "vip": vip}})) for vip in (True, False, None)]
    shown += [view(known(pending())), view(known({"state": "starting"})), view(known({"state": "idle"}))]
    shown += [view(known(pending(last_error=error(code)))) for code in (*PASSING, "storage_full", "storage")]
    shown += [view(known({"state": "starting", "last_error": error(code)})) for code in PASSING]
    shown += [view(known(pending(driver="other"))), view(known(pending(left_ms=0)))]
    shown += [view(known({"state": "starting"}, renewing=True))]
    shown += [view(known(pending(), {**NOBODY, "store": store})) for store in ("memory", "readonly", "full", "newer")]
    shown += [view(known(pending(), note=note)) for note in Note]
    shown += [view(known({}, available=False)), view(known({}, available=False, trouble=libtrakt.LibraryNotFound("")))]
    sentences = [kodi.say(one.text) for one in shown]
    assert len(set(sentences)) == len(sentences), sorted(sentences)


def said(kodi: Kodi, one: Known) -> str:
    return kodi.say(view(one).text)


def test_authorized_says_who_and_whether_vip(kodi: Kodi) -> None:
    assert said(kodi, known({"state": "authorized", "account": SEAN})).startswith(
        "Linked as Sean Rudford (sean), a VIP member of Trakt."
    )
    assert "without VIP" in said(kodi, known({"state": "authorized", "account": {**SEAN, "vip": False}}))
    unknown = said(kodi, known({"state": "authorized", "account": {"username": "sean"}}))
    assert unknown.startswith("Linked as sean.") and "VIP" not in unknown
    shown = view(known({"state": "authorized", "account": SEAN}))
    assert (shown.sign, shown.buttons) == (Sign.OK, (Button.CLOSE, Button.ACCOUNT))


def test_authorized_before_the_name_is_known(kodi: Kodi) -> None:
    assert "Asking Trakt for your name" in said(kodi, known({"state": "authorized"}))
    offline = said(kodi, known({"state": "authorized"}, {**NOBODY, "last_error": error("network")}))
    assert "linked" in offline and "Asking" not in offline


def test_authorized_but_locked_or_not_kept_is_said_at_once(kodi: Kodi) -> None:
    locked = view(known({"state": "authorized"}, {"state": "locked", "linked": False, "user": SEAN}))
    assert "locked" in kodi.say(locked.text) and locked.sign is Sign.WARNING
    memory = view(known({"state": "authorized", "account": SEAN}, {**NOBODY, "store": "memory"}))
    assert "after a restart" in kodi.say(memory.text) and memory.sign is Sign.WARNING


def test_trouble_with_a_code_keeps_the_code(kodi: Kodi) -> None:
    for code in [*PASSING, "storage_full"]:
        shown = view(known(pending(last_error=error(code))))
        assert shown.code == ["5055", "CC52"]
        if code != "rate_limited":
            assert kodi.say(shown.text).endswith("Still trying; the code stays good."), code
            assert shown.sign is Sign.WARNING


def test_trouble_without_a_code_goes_on(kodi: Kodi) -> None:
    for code in PASSING:
        shown = view(known({"state": "starting", "last_error": error(code)}))
        words = kodi.say(shown.text)
        assert words.endswith("Still trying.") or "by itself" in words, code
        assert shown.buttons == (Button.HIDE, Button.CANCEL)


def test_ten_minutes_without_a_code(kodi: Kodi) -> None:
    for code in PASSING:
        shown = view(known({"state": "failed", "error": error(code)}))
        assert "ten minutes" in kodi.say(shown.text), code
        assert Button.TRY_AGAIN in shown.buttons


def test_a_wrong_clock_is_shown(kodi: Kodi) -> None:
    for login in (pending(last_error=error("tls_clock")), {"state": "starting", "last_error": error("tls_clock")}):
        assert DATE in said(kodi, known(login))


def test_an_app_that_is_refused_shows_where_to_disconnect_another(kodi: Kodi) -> None:
    shown = view(known({"state": "failed", "error": error("forbidden", reason="invalid_client")}))
    assert "only one app" in kodi.say(shown.text)
    assert shown.url == shown.qr_text == APPS_URL
    assert shown.buttons == (Button.TRY_AGAIN, Button.SETTINGS, Button.CLOSE)


def test_without_a_client_id_it_is_said_how_to_get_one(kodi: Kodi) -> None:
    shown = view(known({"state": "idle"}, available=False))
    assert "client id" in kodi.say(shown.text)
    assert shown.url == shown.qr_text == APPS_URL
    assert shown.buttons == (Button.SETTINGS, Button.CLOSE)


def test_an_upgrade_is_shown_as_address_and_qr_code() -> None:
    shown = view(known({"state": "failed", "error": error("vip_only", upgrade_url="https://app.trakt.tv/vip")}))
    assert shown.url == shown.qr_text == "https://app.trakt.tv/vip"


def test_whose_place_is_taken(kodi: Kodi) -> None:
    assert kodi.say(view(known(pending(), JUSTIN)).heading) == "Link another account in place of justin"
    assert said(kodi, known({"state": "denied"}, JUSTIN)).endswith("justin stays linked.")
    assert "stays" not in said(kodi, known({"state": "denied"}))
    # Who has to link again takes nobody's place.
    assert "place" not in kodi.say(view(known(pending(), {**JUSTIN, "linked": False})).heading)


def test_the_address_is_as_trakt_sent_it_and_the_qr_code_holds_the_code() -> None:
    shown = view(known(pending("AB-CD", url="x")))
    assert shown.url == "https://auth.trakt.tv/activate"
    assert shown.qr_text == "https://auth.trakt.tv/activate/AB-CD"


def test_codes_of_any_length_are_grouped() -> None:
    assert [len(group) for group in grouped("5055CC52")] == [4, 4]
    assert grouped("123456") == ["123", "456"]
    assert grouped("1234567") == ["1234", "567"]
    assert grouped("ABCD-EFGH") == ["ABCD-EFGH"]
    assert grouped("AB CD") == ["AB", "CD"]
    assert grouped("") == []
    for length in range(1, 65):
        code = "X" * length
        groups = grouped(code)
        assert "".join(groups) == code
        assert max(map(len, groups)) <= 4 and max(map(len, groups)) - min(map(len, groups)) <= 1


def test_time_left_is_never_negative_and_zero_means_none() -> None:
    assert minutes(600_000) == "10:00"
    assert minutes(599_001) == "10:00"
    assert minutes(599_000) == "9:59"
    assert minutes(1) == "0:01"
    assert minutes(0) == minutes(-5) == "0:00"
    assert all(re.fullmatch(r"\d+:[0-5]\d", minutes(ms)) for ms in range(0, 4_000_000, 7_919))


def test_the_bar_shows_the_share_of_the_life() -> None:
    def percent(left_ms: int, life_ms: int) -> int:
        return view(known(pending(left_ms=left_ms), life_ms=life_ms)).percent

    assert percent(600_000, 600_000) == 100
    assert percent(150_000, 600_000) == 25
    assert percent(1, 600_000) == 1
    assert percent(0, 600_000) == percent(10, 0) == 0
    assert percent(900_000, 600_000) == 100


def test_names() -> None:
    assert name_of(SEAN) == "Sean Rudford (sean)"
    assert name_of({"username": "sean", "name": "sean"}) == "sean"
    assert name_of({"username": None, "slug": "sean"}) == "sean"
    assert name_of({"name": "Sean"}) == "Sean"
    assert name_of({"uuid": "b6589fc6"}) == name_of(None) == ""


def test_a_name_with_braces_is_shown_as_it_is(kodi: Kodi) -> None:
    assert "{second}" in said(kodi, known({"state": "authorized", "account": {"username": "{second}"}}))


def test_what_is_told_without_the_screen_is_short_and_differs(kodi: Kodi) -> None:
    logins: List[Dict[str, Any]] = [{"state": state} for state in FINAL if state != "failed"]
    logins += [{"state": "authorized", "account": SEAN}, {"state": "idle"}]
    logins += [
        {"state": "failed", "error": error(code)} for code in ("forbidden", "network", "account_locked", "rejected")
    ]
    sentences = [kodi.say(told(login, NOBODY)[0]) for login in logins]
    assert len(set(sentences)) == len(sentences)
    assert told({"state": "authorized"}, NOBODY)[1] is Sign.OK
    locked = told({"state": "authorized"}, {"state": "locked"})
    assert "locked" in kodi.say(locked[0]) and locked[1] is Sign.WARNING
    for code in CODES:
        assert kodi.say(told({"state": "failed", "error": error(code)}, NOBODY)[0])


# The control


class Trakt(faketrakt.FakeTrakt):
    """Logins with names, and a count of how often Trakt would be asked for a code."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: Optional[libtrakt.TraktError] = None
        self.answers["qr.write"] = lambda params: {"png_path": f"{params['dir']}/drawn.png", "rows": []}

    def start_login(self, **options: Any) -> Mapping[str, Any]:
        if self.refuses:
            raise self.refuses
        self.logins_started.append(options)
        self.login_now = {"state": "starting", "login_id": f"login {len(self.logins_started)}", "driver": "self"}
        return self.login()

    def code_comes(self, code: str = "5055CC52", left_ms: int = 600_000, **more: Any) -> None:
        self.login_now = pending(code, left_ms, id=str(self.login_now.get("login_id")), **more)

    def login_becomes(self, state: str, **more: Any) -> None:
        self.login_now = {**self.login_now, "state": state, **more}


class Couch:
    """The control, and what a person in front of it does and sees."""

    def __init__(self, box: fakekodi.Box, kodi: Kodi, data_dir: str) -> None:
        self.box = box
        self.trakt = Trakt()
        self.settings = Settings(notify_link=True, notify_trouble=True, invite=True, config={})
        self.control = LinkControl(kodi, self.trakt, box.clock, data_dir)  # type: ignore[arg-type]
        self.data_dir = Path(data_dir)

    def passes(self, seconds: float = 0.1) -> None:
        """Time passes, and the service does its steps."""
        steps = max(1, round(seconds / 0.1))
        for _ in range(steps):
            self.box.clock.advance(seconds / steps)
            self.control.step(self.trakt.account(), self.settings)
        self.box.deliver()

    def open(self) -> None:
        """Long enough ago that keys count."""
        self.control.open()
        self.box.deliver()
        self.passes(HANDS_OFF_S)

    def open_with_code(self, **more: Any) -> None:
        self.open()
        self.trakt.code_comes(**more)
        self.passes(HANDS_OFF_S + 0.1)

    def shows(self, name: str) -> str:
        value: str = self.box.window.getProperty(name)
        return value

    @property
    def buttons(self) -> List[str]:
        return [label for label in map(self.shows, ("button.1", "button.2", "button.3")) if label]

    def press(self, label: str) -> None:
        self.box.click(21 + self.buttons.index(label))

    @property
    def told(self) -> List[str]:
        return [notification.message for notification in self.box.notifications]


@pytest.fixture
def couch(box: fakekodi.Box, kodi: Kodi, data_dir: str) -> Couch:
    return Couch(box, kodi, data_dir)


def test_it_opens_at_once_and_asks_for_a_code(couch: Couch) -> None:
    couch.control.open()
    assert couch.shows("text") == "Asking Trakt for a code…"
    assert couch.shows("sign") == "busy.png"
    assert couch.control.showing
    qr_dir = str(couch.data_dir / "qr")
    assert couch.trakt.logins_started == [{"renew": True, "qr_dir": qr_dir}]
    assert Path(qr_dir).is_dir()
    couch.passes(60)
    assert len(couch.trakt.logins_started) == 1


def test_the_code_is_drawn_character_by_character(couch: Couch) -> None:
    couch.open_with_code()
    assert couch.shows("code") == "5055 CC52"
    assert couch.shows("drawn") == "large"
    assert [couch.shows(f"glyph.{place}") for place in range(1, 10)] == [
        *(f"glyph-{letter}.png" for letter in "5055CC52"),
        "",
    ]
    assert [place for place in range(1, 13) if couch.shows(f"gap.{place}")] == [4]
    assert couch.shows("left") == "10:00"
    assert couch.buttons == ["Hide", "New code", "Cancel"]


@pytest.mark.parametrize(
    "code, drawn", [("ABC-123", "large"), ("ABCDEFGH1234", "small"), ("abcd", ""), ("ABCDEFGHIJKLM", ""), ("ÄÖÜ1", "")]
)
def test_codes_of_other_kinds_are_readable_all_the_same(couch: Couch, code: str, drawn: str) -> None:
    couch.open_with_code(code=code)
    assert couch.shows("drawn") == drawn
    assert couch.shows("code").replace(" ", "") == code
    glyphs = [couch.shows(f"glyph.{place}") for place in range(1, 13) if couch.shows(f"glyph.{place}")]
    assert len(glyphs) == (len(code) if drawn else 0)
    media = couch.box.addon_path / "resources" / "skins" / "default" / "media" / "libtrakt"
    assert all((media / glyph).is_file() for glyph in glyphs)


def test_every_picture_that_can_be_named_is_there(box: fakekodi.Box) -> None:
    media = box.addon_path / "resources" / "skins" / "default" / "media" / "libtrakt"
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    assert all((media / f"glyph-{letter}.png").is_file() for letter in [*letters, "dash"])
    assert all((media / f"{sign.value}.png").is_file() for sign in Sign)


def bar(couch: Couch) -> int:
    return sum(1 << bit for bit in range(10) if couch.shows(f"bar.{1 << bit}"))


def test_the_time_runs_down(couch: Couch) -> None:
    couch.open_with_code(left_ms=20_000)
    assert (couch.shows("left"), couch.shows("percent"), bar(couch)) == ("0:20", "100", 860)
    couch.trakt.login_now = {**couch.trakt.login_now, "expires_in_ms": 5_000}
    couch.passes()
    assert (couch.shows("left"), couch.shows("percent"), bar(couch)) == ("0:05", "25", 215)


def test_a_running_login_is_shown_and_no_other_begun(couch: Couch) -> None:
    couch.trakt.login_now = pending(left_ms=150_000)
    couch.open()
    assert couch.trakt.logins_started == []
    assert couch.shows("code") == "5055 CC52"
    assert "begun before" in couch.shows("text")
    # Its beginning wasn't seen: Trakt's codes live ten minutes.
    assert couch.shows("percent") == "25"
    couch.passes(NOTE_S)
    assert couch.shows("text") == "Waiting until you have entered the code."


def test_an_old_outcome_is_not_shown_again(couch: Couch) -> None:
    couch.trakt.login_now = {"state": "denied", "login_id": "old"}
    couch.open()
    assert len(couch.trakt.logins_started) == 1
    assert couch.shows("text") == "Asking Trakt for a code…"


def test_opening_twice_is_opening_once(couch: Couch) -> None:
    couch.open()
    couch.control.open()
    assert len(couch.box.windows) == len(couch.trakt.logins_started) == 1


def test_cancel_ends_the_login_at_once(couch: Couch) -> None:
    couch.open_with_code()
    couch.press("Cancel")
    assert couch.trakt.logins_cancelled == 1
    assert not couch.control.showing and couch.box.window is None
    couch.passes(30)
    assert couch.told == []


def test_cancel_works_before_there_is_a_code(couch: Couch) -> None:
    couch.open()
    couch.press("Cancel")
    assert couch.trakt.logins_cancelled == 1 and couch.box.window is None


@pytest.mark.parametrize("how", ["back", "hide"])
def test_back_and_hide_let_the_login_go_on(couch: Couch, how: str) -> None:
    couch.open_with_code()
    if how == "back":
        couch.box.back()
    else:
        couch.press("Hide")
    assert not couch.control.showing and couch.box.window is None
    assert couch.trakt.logins_cancelled == 0
    couch.trakt.login_becomes("authorized", account=SEAN)
    couch.passes(2)
    assert couch.told == ["Linked as Sean Rudford (sean)."]
    couch.passes(60)
    assert len(couch.told) == 1


def test_without_the_screen_a_login_is_looked_at_once_a_second(couch: Couch) -> None:
    couch.open_with_code()
    couch.box.back()
    looks: List[float] = []
    login = couch.trakt.login
    couch.trakt.login = lambda: looks.append(couch.box.clock.monotonic()) or login()  # type: ignore[method-assign, func-returns-value]
    couch.passes(10)
    assert 9 <= len(looks) <= 11


def test_an_idle_service_asks_nothing(couch: Couch) -> None:
    couch.trakt.login = lambda: pytest.fail("asked")  # type: ignore[method-assign]
    couch.passes(60)


@pytest.mark.parametrize(
    "state, words",
    [
        ("denied", "refused at Trakt"),
        ("expired", "ran out"),
        ("already_used", "used before"),
        ("invalid", "doesn't know the code"),
        ("cancelled", "another program"),
        ("idle", "interrupted"),
    ],
)
def test_each_failure_without_the_screen_is_told(couch: Couch, state: str, words: str) -> None:
    couch.open_with_code()
    couch.box.back()
    couch.trakt.login_becomes(state)
    couch.passes(2)
    assert len(couch.told) == 1 and words in couch.told[0]
    couch.passes(60)
    assert len(couch.told) == 1


def test_the_setting_keeps_it_quiet(couch: Couch) -> None:
    couch.settings = couch.settings._replace(notify_link=False)
    couch.open_with_code()
    couch.box.back()
    couch.trakt.login_becomes("authorized", account=SEAN)
    couch.passes(5)
    couch.settings = couch.settings._replace(notify_link=True)
    couch.passes(5)
    assert couch.told == []


def test_a_failure_is_told_after_the_film(couch: Couch) -> None:
    couch.open_with_code()
    couch.box.back()
    couch.box.conditions["Player.HasVideo"] = True
    couch.trakt.login_becomes("denied")
    couch.passes(600)
    assert couch.told == []
    couch.box.conditions["Player.HasVideo"] = False
    couch.passes(2)
    assert len(couch.told) == 1


def test_a_success_is_told_during_a_film(couch: Couch) -> None:
    couch.open_with_code()
    couch.box.back()
    couch.box.conditions["Player.HasVideo"] = True
    couch.trakt.login_becomes("authorized", account=SEAN)
    couch.passes(2)
    assert len(couch.told) == 1


def test_a_success_waits_a_little_for_the_name(couch: Couch) -> None:
    couch.open_with_code()
    couch.box.back()
    couch.trakt.login_becomes("authorized", account=None)
    couch.passes(3)
    assert couch.told == []
    couch.trakt.login_becomes("authorized", account=SEAN)
    couch.passes(2)
    assert couch.told == ["Linked as Sean Rudford (sean)."]


def test_a_success_doesnt_wait_for_ever(couch: Couch) -> None:
    couch.open_with_code()
    couch.box.back()
    couch.trakt.login_becomes("authorized", account=None)
    couch.passes(NAME_PATIENCE_S + 3)
    assert couch.told == ["Your Trakt account is linked."]


def test_what_the_screen_shows_is_not_told_as_well(couch: Couch) -> None:
    couch.open_with_code()
    couch.trakt.login_becomes("denied")
    couch.passes(1)
    couch.press("Close")
    couch.passes(10)
    assert couch.told == []


def test_what_was_not_told_yet_is_shown_when_the_screen_opens(couch: Couch) -> None:
    couch.open_with_code()
    couch.box.back()
    couch.box.conditions["Player.HasVideo"] = True
    couch.trakt.login_becomes("denied")
    couch.passes(5)
    couch.open()
    assert "refused" in couch.shows("text")
    assert len(couch.trakt.logins_started) == 1
    couch.press("Close")
    couch.box.conditions["Player.HasVideo"] = False
    couch.passes(5)
    assert couch.told == []


def test_a_login_from_before_a_restart_goes_on_and_is_told(couch: Couch) -> None:
    couch.trakt.login_now = pending()
    couch.trakt.account_now = {**NOBODY, "pending_login": True}
    couch.passes(2)
    couch.trakt.account_now = {**NOBODY, "pending_login": False}
    couch.trakt.login_becomes("authorized", account=SEAN)
    couch.passes(2)
    assert couch.told == ["Linked as Sean Rudford (sean)."]


def test_a_qr_code_that_is_gone_is_drawn_again(couch: Couch) -> None:
    couch.trakt.login_now = pending(qr_png_path=str(couch.data_dir / "gone.png"))
    couch.open()
    assert couch.shows("qr").endswith("/qr/drawn.png")
    assert couch.trakt.asked == [
        ("qr.write", {"text": "https://auth.trakt.tv/activate/5055CC52", "dir": str(couch.data_dir / "qr")})
    ]
    couch.passes(5)
    assert len(couch.trakt.asked) == 1


def test_the_librarys_own_qr_code_is_shown(couch: Couch) -> None:
    couch.open()
    file = couch.data_dir / "qr" / "of-this-code.png"
    file.write_bytes(b"PNG")
    couch.trakt.code_comes(qr_png_path=str(file))
    couch.passes()
    assert couch.shows("qr") == str(file) and couch.trakt.asked == []


def test_without_room_for_a_qr_code_the_rest_is_shown(couch: Couch) -> None:
    couch.trakt.answers["qr.write"] = faketrakt.error("storage")
    couch.open_with_code()
    assert couch.shows("qr") == "" and couch.shows("code") == "5055 CC52"


def test_a_new_code_takes_the_place_of_the_old(couch: Couch) -> None:
    couch.open_with_code()
    couch.passes(NEW_CODE_EVERY_S)
    couch.press("New code")
    assert couch.shows("code") == "" and couch.shows("text") == "Asking Trakt for a code…"
    assert couch.trakt.logins_started[1]["replace"] is True
    couch.trakt.code_comes("NEWCODE1")
    couch.passes()
    assert couch.shows("code") == "NEWC ODE1"
    assert couch.shows("text") == "This is a new code. The one before no longer counts."
    assert couch.box.window.focus == 21


def test_presses_in_a_row_dont_hammer_trakt(couch: Couch) -> None:
    couch.open_with_code()
    presses = 0
    for _ in range(600):
        if "New code" in couch.buttons:
            couch.press("New code")
            presses += 1
        if couch.trakt.login_now["state"] == "starting":
            couch.trakt.code_comes(f"CODE{len(couch.trakt.logins_started):04}")
        couch.passes()
    assert presses > 5
    assert 2 <= len(couch.trakt.logins_started) <= 60 / NEW_CODE_EVERY_S + 1


def test_opening_and_cancelling_in_a_row_doesnt_hammer_trakt(couch: Couch) -> None:
    for _ in range(30):
        couch.open()
        couch.press("Cancel")
        couch.passes()
    assert len(couch.trakt.logins_started) <= 30 * (HANDS_OFF_S + 0.1) / NEW_CODE_EVERY_S + 1


def test_a_press_that_comes_too_early_is_kept_and_shown(couch: Couch) -> None:
    couch.open_with_code()
    couch.press("New code")
    assert len(couch.trakt.logins_started) == 1
    assert couch.shows("text") == "Asking Trakt for a code…"
    couch.passes(NEW_CODE_EVERY_S)
    assert len(couch.trakt.logins_started) == 2


def test_the_old_code_still_counts_until_the_new_one_is_asked_for(couch: Couch) -> None:
    couch.open_with_code()
    couch.press("New code")
    couch.trakt.login_becomes("authorized", account=SEAN)
    couch.passes(2 * NEW_CODE_EVERY_S)
    assert couch.shows("text").startswith("Linked as")
    assert len(couch.trakt.logins_started) == 1


def test_back_takes_back_a_wish_for_a_new_code(couch: Couch) -> None:
    couch.open_with_code()
    couch.press("New code")
    couch.box.back()
    couch.passes(2 * NEW_CODE_EVERY_S)
    assert len(couch.trakt.logins_started) == 1


def test_try_again_starts_anew(couch: Couch) -> None:
    couch.open_with_code()
    couch.passes(NEW_CODE_EVERY_S)
    couch.trakt.login_becomes("denied")
    couch.passes(1)
    couch.press("Try again")
    assert len(couch.trakt.logins_started) == 2
    assert "replace" not in couch.trakt.logins_started[1]
    assert couch.shows("text") == "Asking Trakt for a code…"


def test_a_renewed_code_says_so_for_a_while(couch: Couch) -> None:
    couch.open_with_code()
    id = couch.trakt.login_now["login_id"]
    couch.trakt.login_now = {"state": "starting", "login_id": id}
    couch.passes()
    assert couch.shows("text") == "The code has run out. Asking Trakt for a new one…"
    couch.trakt.login_now = pending("SECOND22", 600_000, id=id)
    couch.passes()
    assert couch.shows("text") == "The last code has run out. Please enter this new one."
    couch.passes(NOTE_S)
    assert couch.shows("text") == "Waiting until you have entered the code."


def test_a_code_renewed_between_two_looks_says_so_as_well(couch: Couch) -> None:
    couch.open_with_code()
    couch.trakt.login_now = pending("SECOND22", 590_000, id=couch.trakt.login_now["login_id"])
    couch.passes()
    assert couch.shows("text") == "The last code has run out. Please enter this new one."
    assert couch.shows("percent") == "100"


def test_keys_from_before_are_not_meant_for_new_buttons(couch: Couch) -> None:
    couch.control.open()
    couch.box.deliver()
    assert couch.shows("armed") == ""
    couch.press("Hide")
    assert couch.control.showing
    couch.passes(HANDS_OFF_S)
    assert couch.shows("armed") == "true"
    couch.trakt.code_comes()
    couch.passes()
    couch.press("Cancel")
    assert couch.control.showing and couch.trakt.logins_cancelled == 0
    couch.passes(HANDS_OFF_S)
    couch.press("Cancel")
    assert not couch.control.showing


def test_back_always_works(couch: Couch) -> None:
    couch.control.open()
    couch.box.deliver()
    couch.box.back()
    assert not couch.control.showing


def test_the_focus_goes_to_the_harmless_button_when_buttons_change(couch: Couch) -> None:
    couch.open_with_code()
    couch.box.window.focus = 23
    couch.trakt.login_becomes("denied")
    couch.passes()
    assert couch.box.window.focus == 21


def test_the_account_button_leads_to_the_account(couch: Couch) -> None:
    opened: List[bool] = []
    couch.control.on_account = lambda: opened.append(couch.control.showing)
    couch.open_with_code()
    couch.trakt.login_becomes("authorized", account=SEAN)
    couch.passes(1)
    couch.press("Account")
    assert opened == [False]


def test_the_settings_button_leads_to_the_settings(couch: Couch) -> None:
    couch.trakt.available = False
    couch.open()
    assert couch.shows("url") == APPS_URL
    couch.press("Settings")
    assert couch.box.builtins == ["Addon.OpenSettings(service.libtrakt)"]
    assert not couch.control.showing


def test_a_client_that_comes_while_the_screen_is_open_is_used(couch: Couch) -> None:
    couch.trakt.available = False
    couch.open()
    assert couch.trakt.logins_started == []
    couch.trakt.available = True
    couch.passes(1)
    assert len(couch.trakt.logins_started) == 1


def test_a_login_that_cant_be_started_says_why(couch: Couch) -> None:
    couch.trakt.refuses = faketrakt.error("internal")
    couch.open()
    assert couch.buttons == ["Try again", "Close"]
    couch.trakt.refuses = None
    couch.passes(NEW_CODE_EVERY_S)
    couch.press("Try again")
    couch.passes()
    assert couch.shows("text") == "Asking Trakt for a code…"


def test_a_login_that_another_program_began_at_that_moment_is_shown(couch: Couch) -> None:
    couch.trakt.refuses = faketrakt.error("wrong_state", reason="login_elsewhere")
    couch.control.open()
    couch.trakt.login_now = pending(driver="other")
    couch.passes()
    assert couch.shows("code") == "5055 CC52" and "Another program" in couch.shows("text")


def test_a_screen_that_dies_leaves_the_login(couch: Couch) -> None:
    couch.open_with_code()
    couch.box.windows.clear()
    couch.passes(2)
    assert not couch.control.showing and couch.trakt.logins_cancelled == 0
    couch.trakt.login_becomes("authorized", account=SEAN)
    couch.passes(2)
    assert len(couch.told) == 1


def test_close_closes_and_may_be_repeated(couch: Couch) -> None:
    couch.open_with_code()
    couch.control.close()
    couch.control.close()
    assert couch.box.window is None and couch.trakt.logins_cancelled == 0


def test_a_client_that_is_being_closed_doesnt_harm(couch: Couch) -> None:
    couch.open_with_code()

    def closed() -> Mapping[str, Any]:
        raise faketrakt.error("closed")

    couch.trakt.login = couch.trakt.cancel_login = closed  # type: ignore[method-assign]
    couch.passes(2)
    assert couch.shows("code") == "5055 CC52"
    couch.press("Cancel")
    assert not couch.control.showing


def test_whatever_happens_in_whatever_order(box: fakekodi.Box, kodi: Kodi, data_dir: str) -> None:
    for seed in range(60):
        rng = random.Random(seed)
        box.windows.clear()
        box.notifications.clear()
        couch = Couch(box, kodi, data_dir)
        trakt = couch.trakt
        starts: List[float] = []
        start = trakt.start_login
        trakt.start_login = lambda s=start, t=starts, **o: t.append(box.clock.monotonic()) or s(**o)  # type: ignore
        for _ in range(150):
            happens = rng.randrange(12)
            if happens == 0:
                couch.control.open()
            elif happens == 1 and box.window:
                box.back()
            elif happens in (2, 3) and box.window and couch.buttons:
                couch.press(rng.choice(couch.buttons))
            elif happens == 4:
                trakt.code_comes("".join(rng.choices("AB12-z", k=rng.randint(1, 14))), rng.choice([0, 5_000, 600_000]))
            elif happens == 5:
                trakt.login_becomes(rng.choice(["starting", "pending"]), last_error=error(rng.choice(CODES)))
            elif happens == 6:
                trakt.login_becomes(rng.choice(FINAL), error=error(rng.choice(CODES)), account=rng.choice([None, SEAN]))
            elif happens == 7:
                trakt.account_now = rng.choice([NOBODY, JUSTIN, {"state": "locked"}, {**NOBODY, "pending_login": True}])
            elif happens == 8:
                trakt.available = rng.random() < 0.9
            elif happens == 9:
                trakt.login_now = {"state": "idle"}
            elif happens == 10:
                box.windows.clear()
            couch.passes(2 if happens == 10 else rng.choice([0.1, 0.1, 0.6, 3, 10]))
            assert couch.control.showing == bool(box.windows)
            if box.window:
                assert couch.shows("heading") and couch.shows("text") and couch.shows("button.1")
                assert box.window.focus in range(21, 24)
        assert all(later - earlier >= NEW_CODE_EVERY_S for earlier, later in zip(starts, starts[1:]))
        couch.control.close()


def test_the_notes_are_texts() -> None:
    assert {note.value for note in Note} == {texts.LINK_RENEWED, texts.LINK_REPLACED, texts.LINK_TAKEN_UP}
    assert isinstance(view(known(pending())), View)
