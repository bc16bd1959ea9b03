"""The windows' XML files: nothing overlaps or is cut in any scene, everything can be read, and all look alike."""

from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

import fakekodi
import po
import pytest
from fakekodi import ADDON
from scenes import SCENES
from stage import Stage
from traktkodi.kodi import Kodi

WINDOWS = ADDON / "resources/skins/default/1080i"
MEDIA = ADDON / "resources/skins/default/media"
OWN = "libtrakt/"
SCREENS = ["link", "account", "question", "text", "outbox", "rating"]
ENGLISH = ADDON / "resources/language/resource.language.en_gb/strings.po"

Colour = Tuple[int, int, int]
#: WCAG's ratio for text that everybody can read.
CONTRAST = 7.0
#: Some televisions don't show what is closer to the edge: 5 %.
SAFE = (96, 54, 1824, 1026)
#: From the panel's edge to what is in it, left and right.
MARGIN = 70
#: Kodi's usual skin draws these so large, in the windows' own units.
FONTS = {"font12": 25, "font13": 30, "font14": 33}
LINE = 1.37
#: Translations are so much longer than the English.
LONGER = 1.4


class Box(NamedTuple):
    """A visible control: where it is and what it says."""

    kind: str
    left: int
    top: int
    right: int
    bottom: int
    text: str
    element: ElementTree.Element

    @property
    def backdrop(self) -> bool:
        """Whether other things stand on it."""
        texture = self.element.find("texture")
        return (
            self.kind == "image"
            and texture is not None
            and bool(texture.get("border") or texture.text == OWN + "white.png")
        )

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def inside(self, left: int, top: int, right: int, bottom: int) -> bool:
        return left <= self.left and top <= self.top and self.right <= right and self.bottom <= bottom

    def __str__(self) -> str:
        return f"{self.kind} {self.element.get('id') or ''} {self[1:5]} {self.text!r}"


@lru_cache(maxsize=None)
def window(screen: str) -> ElementTree.Element:
    return ElementTree.parse(WINDOWS / f"libtrakt-{screen}.xml").getroot()


def number(element: ElementTree.Element, tag: str) -> int:
    text = element.findtext(tag)
    return int(text) if text and text != "auto" else 0


def boxes(screen: str, properties: Mapping[str, str]) -> List[Box]:
    """What the window shows with these properties."""
    controls = window(screen).find("controls")
    assert controls is not None
    return list(_inside(controls, properties, 0, 0))


def _inside(parent: ElementTree.Element, properties: Mapping[str, str], left: int, top: int) -> Iterator[Box]:
    for control in parent.findall("control"):
        if not _shows(control, properties):
            continue
        kind = control.get("type", "")
        x, y = left + number(control, "left"), top + number(control, "top")
        if kind == "group":
            yield from _inside(control, properties, x, y)
            continue
        if kind == "grouplist" and control.findtext("orientation") == "vertical":
            for below in _inside(control, properties, x, y):
                height = below.element.find("height")
                most = int((height is not None and height.get("max")) or below.bottom - below.top)
                yield below._replace(top=y, bottom=y + most)
                y += most + number(control, "itemgap")
            y -= number(control, "itemgap")
            assert y <= top + number(control, "top") + number(control, "height"), "more than fits into the list"
            continue
        text = _say(control.findtext("label") or control.findtext("texture") or "", properties)
        if kind in ("label", "textbox", "image", "button") and not text:
            continue
        yield Box(kind, x, y, x + number(control, "width"), y + number(control, "height"), text, control)


def _shows(control: ElementTree.Element, properties: Mapping[str, str]) -> bool:
    return all(_holds(condition.text or "", properties) for condition in control.findall("visible"))


def _holds(condition: str, properties: Mapping[str, str]) -> bool:
    """A condition as these windows use them; what depends on the focus may be true at any time."""
    if " + " in condition:
        return all(_holds(part, properties) for part in condition.split(" + "))
    if condition.startswith("!"):
        return not _holds(condition[1:], properties)
    if condition.startswith("Control.HasFocus"):
        return True
    empty = re.fullmatch(r"String\.IsEmpty\(Window\.Property\(([\w.]+)\)\)", condition)
    if empty:
        return not properties.get(empty[1])
    equal = re.fullmatch(r"String\.IsEqual\(Window\.Property\(([\w.]+)\),([\w.]*)\)", condition)
    assert equal, f"{condition} is unknown to this test"
    return properties.get(equal[1], "") == equal[2]


def _say(label: str, properties: Mapping[str, str]) -> str:
    label = re.sub(r"\[/?B\]", "", label)
    label = re.sub(r"\$INFO\[Window\.Property\(([\w.]+)\)[^]]*\]", lambda m: properties.get(m[1], ""), label)
    return re.sub(r"\$ADDON\[[\w.]+ (\d+)\]", lambda m: po.texts(ENGLISH)[int(m[1])], label)


# each scene


@pytest.fixture(params=list(SCENES))
def shown(request: Any, box: fakekodi.Box, kodi: Kodi, clock: fakekodi.FakeClock, tmp_path: Path) -> List[Box]:
    """What a scene has on the screen."""
    stage = Stage(kodi, clock, str(tmp_path), lambda params: {"png_path": "qr.png", "rows": []})
    stage.show(request.param)
    for _ in range(12):
        box.deliver()
        clock.advance(0.1)
        stage.step()
    top = box.window
    found = boxes(SCENES[request.param].screen, dict(top.properties))
    stage.close()
    return found


def test_nothing_overlaps(shown: List[Box]) -> None:
    things = [one for one in shown if not one.backdrop]
    for one, other in combinations(things, 2):
        if one.kind == other.kind == "image":
            continue  # a badge on a picture
        assert not one.meets(other), f"{one} is over {other}"


def test_everything_is_where_televisions_show_it(shown: List[Box]) -> None:
    panel = next(one for one in shown if one.text == OWN + "panel.png")
    assert panel.inside(*SAFE)
    for one in shown:
        if one.backdrop and one.left < 0:
            continue  # what dims the rest
        assert one is panel or one.inside(panel.left + MARGIN, panel.top, panel.right - MARGIN, panel.bottom), str(one)


def test_texts_have_room_enough(shown: List[Box]) -> None:
    """Longer ones move by themselves; those of usual length must not have to, in any language."""
    for one in shown:
        font = one.element.findtext("font")
        if one.kind not in ("label", "textbox") or font is None or one.element.get("id"):
            continue
        room = "scroll" if one.kind == "label" else "autoscroll"
        width, height = one.right - one.left, one.bottom - one.top
        fits = width_of(one.text, FONTS[font]) <= width
        if one.kind == "textbox":
            fits = lines_of(one.text, FONTS[font], width / LONGER) * FONTS[font] * LINE <= height
        assert fits or one.element.findtext(room), f"{one} is cut"
        named = any(word in one.text for word in ("Maximiliane", "honourable", "/"))
        assert fits or named, f"{one} has to scroll in other languages"


#: How wide letters are, in heights of the font; from Noto Sans.
_WIDTHS = {**dict.fromkeys("ijlI.,:;'!|()[] ft-r/", 0.34), **dict.fromkeys("mwMW@%", 0.92)}


def width_of(text: str, size: int) -> float:
    return sum(_WIDTHS.get(letter, 0.65 if letter.isupper() else 0.575) for letter in text) * size


def lines_of(text: str, size: int, width: float) -> int:
    lines, used = 1, 0.0
    for word in text.split():
        needs = width_of(word + " ", size)
        if used and used + needs > width:
            lines, used = lines + 1, 0.0
        used += needs
    return lines


# all alike


@pytest.mark.parametrize("screen", SCREENS)
def test_buttons_fit_beside_each_other(screen: str) -> None:
    for group in window(screen).iter("control"):
        if group.get("type") != "grouplist":
            continue
        buttons = [control for control in group.findall("control") if control.get("type") == "button"]
        widest = [_width(button)[1] for button in buttons]
        least = [_width(button)[0] for button in buttons]
        gaps = number(group, "itemgap") * max(0, len(buttons) - 1)
        assert sum(least) + gaps <= number(group, "width")
        # Four at once are only on the account screen, and their words are short.
        if len(buttons) <= 3:
            assert sum(widest) + gaps <= number(group, "width")


def _width(button: ElementTree.Element) -> Tuple[int, int]:
    width = button.find("width")
    assert width is not None
    if width.text == "auto":
        return int(width.get("min", "0")), int(width.get("max", "0"))
    return int(width.text or 0), int(width.text or 0)


def test_one_look_for_all() -> None:
    looks = {screen: _look(screen) for screen in SCREENS}
    assert len({str(look) for look in looks.values()}) == 1, looks


def _look(screen: str) -> Dict[str, Any]:
    """What all windows have in common: heading, line and buttons, measured from the panel."""
    everything = boxes(screen, dict.fromkeys(("heading", "text", "button.1", "answer1", "check", "line"), "x"))
    panel = next(one for one in everything if one.text == OWN + "panel.png")
    heading = next(one for one in everything if one.kind == "label")
    line = next(one for one in everything if one.text == OWN + "white.png" and one.left > 0)
    bottoms = [one for one in everything if one.kind in ("grouplist", "button")]
    buttons = [control for control in window(screen).iter("control") if control.get("type") == "button"]

    def from_panel(one: Box) -> Tuple[int, int]:
        return one.left - panel.left, one.top - panel.top

    return {
        "dimming": [one[1:5] for one in everything if one.left < 0],
        "panel": ElementTree.tostring(panel.element.find("texture")).strip(),  # type: ignore[arg-type]
        "heading": (from_panel(heading), heading.element.findtext("font"), heading.bottom - heading.top),
        "line": (from_panel(line), line.right - line.left, line.bottom - line.top, _diffused(line)),
        "buttons": {(one.left - panel.left, panel.bottom - one.bottom) for one in bottoms if one.bottom > 700},
        "button": {
            tuple(button.findtext(tag) for tag in ("height", "font", "textcolor", "focusedcolor", "texturefocus"))
            for button in buttons
        },
    }


def _diffused(one: Box) -> Optional[str]:
    texture = one.element.find("texture")
    return texture.get("colordiffuse") if texture is not None else None


@pytest.mark.parametrize("screen", SCREENS)
def test_pictures_are_our_own(screen: str) -> None:
    """Kodi would take a picture of the same name from the skin, whichever that is."""
    named = [
        name
        for element in window(screen).iter()
        for name in [(element.text or "").strip() if "texture" in element.tag else "", element.get("diffuse", "")]
        if name
    ]
    assert named
    for name in named:
        if name.endswith(".png") and not name.startswith("$INFO"):
            assert name.startswith(OWN) and (MEDIA / name).is_file(), name
        else:
            # A file of the library's making, or of the user's, is named by its whole path.
            assert name in ("$INFO[Window.Property(qr)]", "$INFO[Window.Property(avatar)]") or f",{OWN}" in name, name


# colours


def test_texts_can_be_read() -> None:
    panel = over(pixel("panel.png"), over((0, 0, 0, 0xA0), (255, 255, 255)), 0xF5)
    backgrounds: Dict[str, Colour] = {"panel": panel, "row": over((255, 255, 255, 0x28), panel)}
    for name in ("button-focus.png", "button-nofocus.png"):
        backgrounds[name] = over(pixel(name), panel)
    for screen in SCREENS:
        rows = [control for layout in window(screen).iter("focusedlayout") for control in layout.iter("control")]
        for control in window(screen).iter("control"):
            on = {"button": [("textcolor", "button-nofocus.png"), ("focusedcolor", "button-focus.png")]}.get(
                control.get("type", ""), [("textcolor", "row" if control in rows else "panel")]
            )
            for tag, background in on:
                colour = control.findtext(tag)
                if colour:
                    assert colour.startswith("FF"), "text that shines through"
                    ratio = contrast(of(colour), backgrounds[background])
                    assert ratio >= CONTRAST, f"{screen}: {colour} on {background}: {ratio:.1f}"
    assert contrast(of("FFFFFFFF"), over(pixel("button-nofocus.png"), panel)) >= CONTRAST  # the code's letters


def of(text: str) -> Colour:
    return int(text[2:4], 16), int(text[4:6], 16), int(text[6:8], 16)


def over(above: Tuple[int, ...], below: Colour, opacity: int = 255) -> Colour:
    """What is seen of a colour with opacity over another."""
    share = above[3] / 255 * opacity / 255
    red, green, blue = (round(a * share + b * (1 - share)) for a, b in zip(above, below))
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """As WCAG 2 defines it."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def pixel(name: str) -> Tuple[int, ...]:
    """The middle of a picture: red, green, blue, opacity."""
    data = (MEDIA / OWN / name).read_bytes()
    width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
    assert (depth, kind) == (8, 6), f"{name} isn't of the kind that this can read"
    packed, at = b"", 8
    while at < len(data):
        length, chunk = struct.unpack(">I4s", data[at : at + 8])
        packed += data[at + 8 : at + 8 + length] if chunk == b"IDAT" else b""
        at += length + 12
    raw, above = zlib.decompress(packed), bytearray(4 * width)
    for row in range(height // 2 + 1):
        at = row * (4 * width + 1)
        above = _unfilter(raw[at], raw[at + 1 : at + 1 + 4 * width], above)
    return tuple(above[4 * (width // 2) : 4 * (width // 2) + 4])


def _unfilter(kind: int, line: bytes, above: bytearray) -> bytearray:
    result = bytearray()
    for place, value in enumerate(line):
        left = result[place - 4] if place >= 4 else 0
        corner = above[place - 4] if place >= 4 else 0
        predicted: Callable[[], int] = [
            lambda: 0,
            lambda: left,  # noqa: B023
            lambda: above[place],  # noqa: B023
            lambda: (left + above[place]) // 2,  # noqa: B023
            lambda: min((left, above[place], corner), key=lambda c: abs(left + above[place] - corner - c)),  # noqa: B023
        ][kind]
        result.append((value + predicted()) & 255)
    return result
