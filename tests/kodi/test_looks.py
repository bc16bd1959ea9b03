"""How the screens look and work, in each state, size, skin and direction of writing: pictures for human eyes in
target/kodi-screens, and what can be told without eyes: keys reach everything, Back closes, QR codes can be read.

`KODI_LOOKS=all` takes every picture there is; without it a few that matter most.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

import pytest
from conftest import Kodis
from display import qr_texts, share_of_rows_that_differ
from driver import Kodi
from package import ADDON
from paths import ROOT
from scenes import CODE, MAIN, SCENES, URL
from showing import Gallery
from simtrakt import DEVICE_CODE, DEVICE_TOKEN, Sim

PICTURES = ROOT / "target" / "kodi-screens"
EVERYTHING = os.environ.get("KODI_LOOKS") == "all"
#: The window of notifications.
NOTIFICATION = 10107
WINDOWS = "resources/skins/default/1080i/libtrakt-{}.xml"

HD, FULL_HD, ULTRA_HD = (1280, 720), (1920, 1080), (3840, 2160)


class Look(NamedTuple):
    """What Kodi is set to."""

    name: str
    size: Tuple[int, int] = HD
    scenes: Sequence[str] = MAIN
    settings: Mapping[str, str] = {}
    #: A language that the add-on gets for the test: its name, and how it says an English text.
    language: Optional[Tuple[str, Callable[[str], str]]] = None
    #: How much larger than usual letters are.
    letters: float = 1.0
    usual: bool = False


def longer(english: str) -> str:
    """Forty per cent longer, and of letters that are wide and high."""
    words = english.split(" ")
    for place, word in enumerate(words):
        if "{" not in word and re.search(r"[a-z]{2}", word):
            middle = len(word) // 2
            words[place] = word[:middle] + "üöäß"[: max(1, round(len(word) * 0.4))] + word[middle:]
    return " ".join(words)


def right_to_left(english: str) -> str:
    """Hebrew letters in place of Latin ones; placeholders stay."""
    hebrew = "אבגדהוזחטיכלמנסעפצקרשתאבגד"
    parts = re.split(r"(\{\w+\})", english)
    return "".join(
        part if part.startswith("{") else re.sub("[a-z]", lambda letter: hebrew[ord(letter[0]) - 97], part.lower())
        for part in parts
    )


ESTOUCHY = {"lookandfeel.skin": "skin.estouchy"}
ARIAL = {"lookandfeel.font": "Arial"}

LOOKS = [
    Look("estuary-en", HD, list(SCENES) if EVERYTHING else MAIN, usual=True),
    Look("estuary-en", FULL_HD, list(SCENES)),
    Look("estuary-en", ULTRA_HD),
    Look("estuary-longer", HD, list(SCENES), language=("fi_fi", longer)),
    Look("estuary-large", HD, letters=1.2),
    Look("estuary-hebrew", HD, settings=ARIAL, language=("he_il", right_to_left), usual=True),
    Look("estuary-de", HD, list(SCENES), settings={"locale.language": "resource.language.de_de"}),
    Look("estouchy-en", HD, settings=ESTOUCHY, usual=True),
    Look("estouchy-longer", FULL_HD, settings=ESTOUCHY, language=("fi_fi", longer)),
]


@pytest.mark.parametrize(
    "look",
    [pytest.param(one, id=f"{one.name}-{one.size[0]}x{one.size[1]}") for one in LOOKS if one.usual or EVERYTHING],
)
def test_every_screen(look: Look, start_kodi: Kodis, addon: Path, tmp_path: Path) -> None:
    kodi = start_kodi(start=False, addon=_with_language(addon, look, tmp_path), size=look.size, settings=_kodis(look))
    if look.letters != 1.0:
        kodi.home.install(_with_large_letters(look.letters, tmp_path))
    kodi.start()
    gallery = Gallery(kodi)
    # Kodi says that the test has connected.
    kodi.wait("Kodi's own notification to go", lambda: not kodi.condition(f"Window.IsVisible({NOTIFICATION})"))
    walked: Set[Tuple[str, ...]] = set()
    for name in look.scenes:
        scene = SCENES[name]
        gallery.show(name)
        picture = kodi.picture(moving=0.15)
        _keep(picture, f"{name}-{look.name}", look.size)
        if scene.qr:
            assert scene.qr in qr_texts(picture), f"The QR code of {name} can't be read."
        buttons = _buttons(kodi, addon, scene.screen)
        assert all(label.strip() for label in buttons.values()), f"A button of {name} says nothing: {buttons}"
        state = (scene.screen, *map(str, buttons))
        if state not in walked:
            walked.add(state)
            _walk(kodi, name, set(buttons))
        for _ in range(scene.backs):
            kodi.press("back")
        kodi.wait_no_dialog()
    gallery.end()


def test_from_the_first_question_to_the_account(start_kodi: Kodis, sim: Sim) -> None:
    """The pictures that the README and Kodi's add-on browser show: what a user sees, one after the other."""
    # The address and code that Trakt's documentation has; the simulated ones would only confuse.
    shown = {"device_code": "d" * 64, "user_code": CODE, "verification_url": URL, "expires_in": 600, "interval": 5}
    canned = sim.fault("status", path=DEVICE_CODE, status=200, body=json.dumps(shown))
    sim.fault("status", path=DEVICE_TOKEN, times=0, status=400)
    sim.expect_violations()  # that code is none of its own
    sim.settings(shape="s4")
    sim.account(username="movienight", name="Movie Night", vip=False)
    sim.config(lists=[64], favorites_items=37)
    kodi = start_kodi(addon_settings={"invite": "true"})
    kodi.wait_python_window()
    _keep_what_is_shown(kodi, "1-invitation")
    kodi.press("select")
    kodi.wait_property("qr", re.compile("."))
    sim.wait_fault(canned)
    assert kodi.qr() == f"{URL}/{CODE}"
    _keep_what_is_shown(kodi, "2-link")
    sim.clear_faults()
    kodi.wait_property("armed", "true")
    kodi.focus_on("New code", "right")
    kodi.press("select")
    sim.wait_log(path=DEVICE_CODE, count=2, done=True)
    sim.approve()
    kodi.wait_property("sign", "ok.png")
    kodi.wait_property("text", re.compile("Movie Night"))
    _keep_what_is_shown(kodi, "3-linked")
    kodi.wait_property("armed", "true")
    kodi.focus_on("Account", "right")
    kodi.press("select")
    kodi.wait_label("Container(50).ListItem(7).Property(percent)", re.compile("."))
    _keep_what_is_shown(kodi, "4-account")
    kodi.press("back")
    kodi.wait_no_dialog()
    home = kodi.picture()
    kodi.open_addon_settings(ADDON)
    # This page of Kodi's own appears a moment after it is there.
    kodi.wait("the page to be drawn", lambda: share_of_rows_that_differ(home, kodi.screenshot()) > 0.5)
    _keep_what_is_shown(kodi, "5-settings", moving=0.0)


def _keep_what_is_shown(kodi: Kodi, name: str, moving: float = 0.2) -> None:
    _keep(kodi.picture(moving), f"flow-{name}", kodi.size)


def _kodis(look: Look) -> Dict[str, str]:
    settings = dict(look.settings)
    if look.language:
        settings["locale.language"] = f"resource.language.{look.language[0]}"
    if look.letters != 1.0:
        settings["lookandfeel.skin"] = "skin.large"
    return settings


def _keep(picture: Path, name: str, size: Tuple[int, int]) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    shutil.copy(picture, PICTURES / f"{name}-{size[0]}x{size[1]}.png")


# what the keys do


def _controls(addon: Path, screen: str, *kinds: str) -> Iterator[int]:
    for control in ElementTree.parse(addon / WINDOWS.format(screen)).iter("control"):
        if control.get("type") in kinds and control.get("id"):
            yield int(control.get("id", ""))


def _buttons(kodi: Kodi, addon: Path, screen: str) -> Dict[int, str]:
    """The visible buttons of the screen on top, and their labels."""
    return {number: kodi.control(number) for number in _controls(addon, screen, "button") if kodi.visible(number)}


def _walk(kodi: Kodi, scene: str, buttons: Set[int]) -> None:
    """From where the focus is, arrows alone lead to each button, and never to nothing."""
    first, _ = kodi.focus()
    seen, todo = {first}, [first]
    while todo:
        start = todo.pop()
        for key in ("left", "right", "up", "down"):
            kodi.builtin(f"SetFocus({start})")
            kodi.press(key)
            reached, _ = kodi.focus()
            assert reached and kodi.visible(reached), f"{scene}: {key} on {start} leads to nothing: {reached}."
            if reached not in seen:
                seen.add(reached)
                todo.append(reached)
    assert buttons <= seen, f"{scene}: no arrow leads to {buttons - seen}."


# what Kodi is set to


def _with_language(addon: Path, look: Look, folder: Path) -> Path:
    """The add-on, with the look's language if it has one of its own."""
    if not look.language:
        return addon
    name, say = look.language
    copy = folder / addon.name
    shutil.copytree(addon, copy)
    english = (copy / "resources/language/resource.language.en_gb/strings.po").read_text("utf-8")
    path = copy / f"resources/language/resource.language.{name}/strings.po"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        re.sub(r'msgid "(.+)"\nmsgstr ""', lambda m: f'msgid "{m[1]}"\nmsgstr "{say(m[1])}"', english), "utf-8"
    )
    return copy


def _with_large_letters(factor: float, folder: Path) -> Path:
    """Kodi's usual skin with larger letters, as some skins have them."""
    copy = folder / "skin.large"
    shutil.copytree("/usr/share/kodi/addons/skin.estuary", copy, symlinks=False)
    manifest = copy / "addon.xml"
    manifest.write_text(manifest.read_text("utf-8").replace('id="skin.estuary"', 'id="skin.large"', 1), "utf-8")
    fonts = copy / "xml" / "Font.xml"
    fonts.write_text(
        re.sub(r"<size>(\d+)</size>", lambda m: f"<size>{round(int(m[1]) * factor)}</size>", fonts.read_text("utf-8")),
        "utf-8",
    )
    return copy
