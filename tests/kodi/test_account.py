"""The account screen in a real Kodi: what it shows of free and paying accounts, and what its buttons do."""

from __future__ import annotations

import json
import re
import shutil
from typing import Any, Callable, Dict, List, NamedTuple

from conftest import Kodis
from driver import Kodi
from package import ADDON
from paths import ROOT
from simtrakt import REVOKE, SETTINGS, Sim
from states import fail, open_screen, press_button, wait_code, wait_service

PICTURES = ROOT / "target" / "kodi-screens"
SHAPES = ROOT / "tests" / "sim" / "src" / "shapes"
LIST = 50
WELL = re.compile(r"^All is well\. Last checked: just now\.$")

Link = Callable[..., None]


class Row(NamedTuple):
    """A line of the list, as Kodi has it."""

    value: str
    note: str
    heading: bool


def rows(kodi: Kodi) -> Dict[str, Row]:
    """The lines of the list by their labels."""
    found = {}
    for place in range(int(kodi.label(f"Container({LIST}).NumItems") or 0)):
        item = f"Container({LIST}).ListItemAbsolute({place})"
        names = (f"{item}.Label", f"{item}.Label2", f"{item}.Property(note)", f"{item}.Property(heading)")
        label, value, note, heading = kodi.labels(*names)
        found[label] = Row(value, note, heading == "true")
    return found


def wait_row(kodi: Kodi, label: str, value: str) -> None:
    """Waits until a line has this value."""
    kodi.wait(f"{label}: {value}", lambda: label in (seen := rows(kodi)) and seen[label].value == value)


def headings(kodi: Kodi) -> List[str]:
    return [label for label, row in rows(kodi).items() if row.heading]


def keep(kodi: Kodi, state: str) -> None:
    """A picture of the screen for people, in target/kodi-screens."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    shutil.copy(kodi.picture(moving=0.3), PICTURES / f"account-{state}-{kodi.size[0]}x{kodi.size[1]}.png")


def check_now(kodi: Kodi, ends: str) -> None:
    """Presses Check now and waits for its end: the name of the picture beside the message."""
    press_button(kodi, "Check now")
    kodi.wait(f"the end of the check: {ends}", lambda: kodi.window_property("mood") == ends)


def link_by_code(kodi: Kodi, sim: Sim, username: str) -> None:
    """On the link screen with its code: the user agrees at Trakt."""
    wait_code(kodi)
    # A picture of their own: one that Kodi has shown before it may take from memory.
    picture = sim.state()["account"]["avatar"].partition("&user=")[0]
    sim.account(username=username, name=username.title(), avatar=f"{picture}&user={username}")
    sim.approve()
    kodi.wait_home_property("libtrakt.user", re.compile(username, re.IGNORECASE))


def test_a_free_account(start_kodi: Kodis, sim: Sim, link: Link) -> None:
    sim.config(favorites_items=97, lists=[12, 250])
    sim.settings(permissions={"commenting": False, "liking": True})
    kodi = start_kodi(start=False)
    link(kodi, username="sean", name="Sean Rudford")
    kodi.start()
    kodi.wait_home_property("libtrakt.linked", "true")
    reads = sim.mark()

    open_screen(kodi, "account")
    kodi.wait_property("message", WELL)
    wait_row(kodi, "Favourites", "97 of 100")
    wait_row(kodi, "Entries in one list", "250 of 250")
    assert headings(kodi) == ["Account", "What fits into your account", "What you may do", "This device"]
    seen = rows(kodi)
    assert (seen["Membership"].value, seen["Lists"].value, seen["Watchlist"].value) == ("Free", "2 of 5", "0 of 250")
    assert seen["Lists"].note == "Room for 3 more." and seen["Entries in one list"].note.startswith("Full.")
    assert seen["At Trakt since"].value == "4 Mar 2012" and seen["Last contact"].value == "just now"
    assert re.fullmatch(r"\d+ \w+ \d{4}, \d\d:\d\d", seen["Access until"].value)
    assert seen["Comment"].value == "Not at the moment" and "for a while" in seen["Comment"].note
    assert seen["Like"].value == "Yes"
    assert seen["Add-on version"].value == seen["Library version"].value == kodi.addon_version(ADDON)
    shown = {name: kodi.window_property(name) for name in ("name", "username", "vip", "address")}
    assert shown == {"name": "Sean Rudford", "username": "sean", "vip": "", "address": "app.trakt.tv/vip"}
    assert kodi.window_property("since").startswith("Linked since ")
    assert kodi.qr() == "https://app.trakt.tv/vip"
    sim.wait_log(path="/avatar.png", since=reads)
    asked = [one["path"] for one in sim.log(host="api", since=reads)]
    assert len(asked) <= 5 and SETTINGS in asked, f"a handful of requests: {asked}"
    keep(kodi, "free")

    kodi.press("up")
    kodi.press_until(
        "down",
        "the limit that is full",
        lambda: kodi.label(f"Container({LIST}).ListItem.Label") == "Entries in one list",
    )
    keep(kodi, "free-list")
    kodi.press("left", "back")
    kodi.wait_no_dialog()
    kodi.rpc("Addons.ExecuteAddon", addonid=ADDON, params=["action=account"])
    kodi.wait_python_window()
    kodi.wait_property("message", WELL)
    wait_row(kodi, "Favourites", "97 of 100")
    # Kodi takes the window away when it loads its skin anew.
    kodi.builtin("ReloadSkin()")
    kodi.wait_no_dialog()
    open_screen(kodi, "account")
    kodi.wait_property("message", WELL)
    assert headings(kodi) == ["Account", "What fits into your account", "What you may do", "This device"]

    _check_now_with_and_without_network(kodi, sim)
    _trouble_of_the_account(kodi, sim)


def _check_now_with_and_without_network(kodi: Kodi, sim: Sim) -> None:
    sim.config(favorites_items=98)
    silent = fail(sim, "silence", SETTINGS)
    press_button(kodi, "Check now")
    kodi.wait_property("message", "Checking…")
    keep(kodi, "checking")
    sim.clear_faults(silent)
    kodi.wait_property("message", WELL)
    wait_row(kodi, "Favourites", "98 of 100")
    gone = fail(sim, "cut_before")
    check_now(kodi, "warning")
    kodi.wait_property("message", re.compile("can't be reached.* What you see here is from: just now"))
    seen = rows(kodi)
    assert seen["Favourites"].value == "98 of 100" and "can't be reached" in seen["Last trouble"].note
    keep(kodi, "no-network")
    sim.clear_faults(gone)
    check_now(kodi, "ok")
    assert "Last trouble" not in rows(kodi)


def _trouble_of_the_account(kodi: Kodi, sim: Sim) -> None:
    sim.account(locked=True)
    check_now(kodi, "error")
    kodi.wait_property("message", re.compile("locked your account.*support"))
    kodi.wait_home_property("libtrakt.state", "locked")
    assert rows(kodi)["Membership"].value == "Free"
    keep(kodi, "locked")
    sim.account(locked=False)
    check_now(kodi, "ok")
    kodi.wait_home_property("libtrakt.state", "linked")
    sim.end_session()
    check_now(kodi, "error")
    kodi.wait_property("message", re.compile("signed this device out"))
    kodi.wait_home_property("libtrakt.state", "relink_needed")
    kodi.wait_focus("Link again")
    assert not kodi.visible(101) and kodi.window_property("name") == "Sean Rudford"
    keep(kodi, "session-ended")
    press_button(kodi, "Unlink")
    press_button(kodi, "Unlink")
    kodi.wait_property("message", re.compile("had already ended"))
    kodi.wait_focus("Link now")


def test_a_vip_with_dates_as_they_set_them(start_kodi: Kodis, sim: Sim, link: Link) -> None:
    settings: Dict[str, Any] = json.loads((SHAPES / "s6.json").read_text("utf-8"))
    long = "Maximiliane Wilhelmina Schwarzenegger-Großkopff"
    settings["user"]["images"]["avatar"]["full"] = sim.state()["account"]["avatar"]
    settings["user"].update(username="justin", name=long, vip=True, vip_ep=False, vip_years=5)
    settings["account"].update(timezone="America/Los_Angeles", date_format="mdy", time_24hr=False)
    settings["limits"] = {"watchlist": {"item_count": 123456}, "saved_filters": {"count": 3}}
    sim.settings(raw=json.dumps(settings))
    kodi = start_kodi(start=False, size=(1920, 1080))
    link(kodi, username="justin", vip=True)
    kodi.start()
    open_screen(kodi, "account")
    kodi.wait_property("message", WELL)
    wait_row(kodi, "Watchlist", "0 of 123\u00a0456")
    seen = rows(kodi)
    assert seen["Membership"] == Row("VIP", "Years as VIP: 5", False) and seen["Saved filters"].value == "up to 3"
    assert seen["At Trakt since"].value == "Mar 3, 2012", "in California it was still the day before"
    assert re.fullmatch(r"\w+ \d+, \d{4}, \d+:\d\d [AP]M", seen["Access until"].value)
    assert (kodi.window_property("name"), kodi.window_property("vip")) == (long, "true")
    assert kodi.window_property("address") == kodi.window_property("qr") == ""
    kodi.wait_home_property("libtrakt.vip", "true")
    keep(kodi, "vip")

    sim.account(username="justin", name="Justin Nemeth", vip=False)
    for shape in ("s1", "s3", "s7"):
        sim.settings(shape=shape)
        check_now(kodi, "ok")
        kodi.wait_property("name", "Justin Nemeth")
        kodi.wait_property("vip", "")
        assert ("What fits into your account" in headings(kodi)) == (shape != "s1")
    wait_row(kodi, "Lists", "0 of 5")
    keep(kodi, "free")


def test_link_another_account_and_unlink(start_kodi: Kodis, sim: Sim, link: Link) -> None:
    sim.config(device_interval_s=1)
    kodi = start_kodi(start=False)
    link(kodi, username="sean", name="Sean Rudford")
    kodi.start()
    open_screen(kodi, "account")
    kodi.wait_property("message", WELL)
    press_button(kodi, "Link another account")
    link_by_code(kodi, sim, "ada")
    kodi.press("back")
    kodi.wait_no_dialog()
    open_screen(kodi, "account")
    kodi.wait_property("name", "Ada")

    # asked for from outside, and declined in both ways
    kodi.press("back")
    kodi.wait_no_dialog()
    for no in ("select", "back"):
        open_screen(kodi, "unlink")
        kodi.wait_focus("Cancel")
        keep(kodi, "unlink-question")
        kodi.wait_property("armed", re.compile("true|^$"))
        kodi.press(no)
        kodi.wait_property("name", "Ada")
        kodi.press("back")
        kodi.wait_no_dialog()
    assert sim.log(path=REVOKE)[1:] == [], "nothing was revoked but what sean had"

    # not confirmed by Trakt
    open_screen(kodi, "unlink")
    fault = fail(sim, "silence", REVOKE)
    press_button(kodi, "Unlink")
    kodi.wait_property("message", "Unlinking…")
    keep(kodi, "unlinking")
    sim.wait_fault(fault)
    sim.clear_faults(fault)
    kodi.wait_property("message", re.compile("Trakt hasn't confirmed it.*remove the app at Trakt"))
    kodi.wait_home_property("libtrakt.state", "none")
    assert kodi.home_property("libtrakt.user") == "" and kodi.window_property("name") == "Not linked"
    assert headings(kodi) == ["This device"] and kodi.focus()[1] == "Link now"
    assert kodi.qr() == "https://" + kodi.window_property("address")
    keep(kodi, "unlink-not-confirmed")

    # linked again from here, and confirmed
    press_button(kodi, "Link now")
    link_by_code(kodi, sim, "grace")
    kodi.press("back")
    kodi.wait_no_dialog()
    open_screen(kodi, "account")
    kodi.wait_property("message", WELL)
    kodi.wait("the picture in Kodi's store", lambda: pictures(kodi, sim))
    press_button(kodi, "Unlink")
    press_button(kodi, "Unlink")
    kodi.wait_property("message", "The account is unlinked. Trakt has confirmed it.")
    kodi.wait_home_property("libtrakt.linked", "")
    kodi.wait("Kodi to have forgotten the picture", lambda: not pictures(kodi, sim))
    keep(kodi, "unlinked")


def pictures(kodi: Kodi, sim: Sim) -> List[int]:
    """The user's picture in Kodi's store of pictures."""
    wanted = {"field": "url", "operator": "is", "value": sim.state()["account"]["avatar"]}
    return [one["textureid"] for one in kodi.rpc("Textures.GetTextures", filter=wanted).get("textures") or []]


def test_nothing_linked_and_no_key(start_kodi: Kodis) -> None:
    kodi = start_kodi()
    open_screen(kodi, "account")
    kodi.wait_property("message", re.compile("No Trakt account is linked"))
    kodi.wait_focus("Link now")
    keep(kodi, "none")
    kodi.press("back")
    kodi.wait_no_dialog()
    kodi.set_addon_setting(ADDON, "client_id", "")
    kodi.wait_home_property("libtrakt.state", "unavailable")
    wait_service(kodi)
    open_screen(kodi, "account")
    kodi.wait_focus("Close")
    assert kodi.window_property("mood") == "error" and not kodi.visible(102)
    keep(kodi, "unavailable")
    kodi.press("select")
    kodi.wait_no_dialog()
