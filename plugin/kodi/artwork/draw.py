"""Draws every picture of the Kodi add-on and its repository, all from shapes in this file and one font.

Knows nothing of Kodi but the folders the pictures belong to. Run it after a change and commit what it wrote:
`python3 plugin/kodi/artwork/draw.py` (Pillow, and Debian's fonts-dejavu-core for letters and digits).
"""

from __future__ import annotations

import math
import string
from pathlib import Path
from typing import Callable, Tuple

from PIL import Image, ImageDraw, ImageFilter, ImageFont

KODI = Path(__file__).resolve().parent.parent
ADDON = KODI / "service.libtrakt" / "resources"
#: A folder of their own: a skin may have pictures of the same names, and Kodi would take those.
MEDIA = ADDON / "skins" / "default" / "media" / "libtrakt"
REPOSITORY = KODI / "repository.libtrakt"
FONTS = Path("/usr/share/fonts/truetype/dejavu")

Colour = Tuple[int, int, int]
SLATE_DARK: Colour = (20, 26, 35)
SLATE: Colour = (32, 41, 54)
SLATE_LIGHT: Colour = (92, 107, 128)
RED: Colour = (233, 74, 60)
PAPER: Colour = (244, 246, 248)
WHITE: Colour = (255, 255, 255)
GREEN: Colour = (58, 170, 108)
AMBER: Colour = (246, 178, 60)
GOLD: Colour = (250, 204, 92)

# Shapes are drawn this many times larger and shrunk: smooth edges.
FINE = 4

Draw = Callable[[ImageDraw.ImageDraw], None]


class Picture:
    """A picture built from one-coloured shapes.

    Pixels where nothing was drawn carry the first shape's colour at no opacity: a graphics chip that scales the
    picture mixes neighbours, and black ones would show as a dark seam.
    """

    def __init__(self, width: int, height: int) -> None:
        """An empty picture of so many pixels."""
        self.size = (width, height)
        self.image: Image.Image | None = None

    def mask(self, draw: Draw) -> Image.Image:
        """The shape's coverage, 0 to 255; `draw` paints with 255 on a canvas of unit FINE."""
        mask = Image.new("L", (self.size[0] * FINE, self.size[1] * FINE), 0)
        draw(ImageDraw.Draw(mask))
        return mask.resize(self.size, Image.Resampling.BOX)

    def add(self, colour: Colour, draw: Draw, opacity: float = 1.0) -> None:
        """One more shape over what is there."""
        mask = self.mask(draw)
        if opacity < 1.0:
            mask = mask.point([round(value * opacity) for value in range(256)])
        layer = Image.new("RGBA", self.size, (*colour, 0))
        layer.putalpha(mask)
        base = self.image or Image.new("RGBA", self.size, (*colour, 0))
        self.image = Image.alpha_composite(base, layer)

    def save(self, path: Path) -> None:
        """Write the PNG, without a date or anything else beside the pixels."""
        path.parent.mkdir(parents=True, exist_ok=True)
        assert self.image is not None
        self.image.save(path, optimize=True)


def box(left: float, top: float, right: float, bottom: float) -> Tuple[float, float, float, float]:
    """Corners in picture units as Pillow wants them: the last pixel is inside."""
    return (left * FINE, top * FINE, right * FINE - 1, bottom * FINE - 1)


def rounded(left: float, top: float, right: float, bottom: float, radius: float, fill: int = 255) -> Draw:
    """A rectangle with round corners."""
    return lambda on: on.rounded_rectangle(box(left, top, right, bottom), radius * FINE, fill=fill)


def disc(x: float, y: float, radius: float) -> Draw:
    """A filled circle."""
    return lambda on: on.ellipse(box(x - radius, y - radius, x + radius, y + radius), fill=255)


def stroke(points: list[Tuple[float, float]], width: float) -> Draw:
    """A line with round ends and corners."""

    def paint(on: ImageDraw.ImageDraw) -> None:
        on.line([(x * FINE, y * FINE) for x, y in points], fill=255, width=round(width * FINE), joint="curve")
        for x, y in points:
            disc(x, y, width / 2)(on)

    return paint


def arc(x: float, y: float, radius: float, width: float, start: float, end: float) -> Draw:
    """A part of a ring with round ends; degrees run clockwise from three o'clock, `radius` is the line's middle."""

    def paint(on: ImageDraw.ImageDraw) -> None:
        outer = radius + width / 2
        on.arc(box(x - outer, y - outer, x + outer, y + outer), start, end, fill=255, width=round(width * FINE))
        if end - start < 360:
            for angle in (start, end):
                turn = math.radians(angle)
                disc(x + radius * math.cos(turn), y + radius * math.sin(turn), width / 2)(on)

    return paint


def soft_polygon(points: list[Tuple[float, float]], round_by: float) -> Draw:
    """A filled polygon whose corners are rounded outwards by `round_by`."""

    def paint(on: ImageDraw.ImageDraw) -> None:
        on.polygon([(x * FINE, y * FINE) for x, y in points], fill=255)
        stroke([*points, points[0]], 2 * round_by)(on)

    return paint


def play(x: float, y: float, size: float) -> Draw:
    """The sign for "play"; `size` is the distance of its corners from the middle."""
    corners = [(x + size * math.cos(a), y + size * math.sin(a)) for a in (0, 2 * math.pi / 3, 4 * math.pi / 3)]
    return soft_polygon(corners, size * 0.16)


def sign(picture: Picture, x: float, y: float, size: float, inner: Draw) -> None:
    """The project's sign: an open ring with a dot in its gap, around `inner`."""
    picture.add(PAPER, arc(x, y, size, size * 0.17, -18, 288))
    turn = math.radians(-45)
    picture.add(RED, disc(x + size * math.cos(turn), y + size * math.sin(turn), size * 0.145))
    picture.add(RED, inner)


def tile(size: int) -> Picture:
    """The square the signs stand on, lighter at the top; solid, as Kodi asks of icons (skins round the corners)."""
    picture = Picture(size, size)
    picture.image = gradient(size, size, (44, 56, 73), SLATE_DARK).convert("RGBA")
    return picture


def gradient(width: int, height: int, top: Colour, bottom: Colour) -> Image.Image:
    """From one colour down to the other."""
    column = Image.new("RGB", (1, height))
    for y in range(height):
        column.putpixel((0, y), tuple(round(t + (b - t) * y / (height - 1)) for t, b in zip(top, bottom)))
    return column.resize((width, height))


def icons() -> None:
    """Kodi shows them at 512x512, and much smaller in lists."""
    icon = tile(512)
    sign(icon, 256, 256, 158, play(248, 256, 78))
    icon.image = icon.image.convert("RGB")
    icon.save(ADDON / "icon.png")

    repository = tile(512)

    def arrow(on: ImageDraw.ImageDraw) -> None:
        stroke([(256, 186), (256, 312)], 32)(on)
        stroke([(200, 262), (256, 318), (312, 262)], 32)(on)

    sign(repository, 256, 256, 158, arrow)
    repository.image = repository.image.convert("RGB")
    repository.save(REPOSITORY / "icon.png")


def fanart() -> None:
    """The picture behind the add-on's page: calm, dark where text stands, the sign large at the right."""
    width, height = 1920, 1080
    small = Image.new("RGB", (width // 8, height // 8))
    for y in range(small.height):
        for x in range(small.width):
            glow = max(0.0, 1 - math.hypot(x / small.width - 0.78, (y / small.height - 0.45) * 0.6) / 0.85)
            small.putpixel((x, y), tuple(round(d + (s - d) * glow**1.3) for s, d in zip((58, 73, 95), (13, 17, 23))))
    art = small.resize((width, height), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(8))
    rings = Picture(width, height)
    for radius in (300, 430, 560):
        rings.add(PAPER, arc(1440, 520, radius, 3, 0, 360), 0.10)
    rings.add(PAPER, arc(1440, 520, 200, 30, -18, 288), 0.85)
    turn = math.radians(-45)
    rings.add(RED, disc(1440 + 200 * math.cos(turn), 520 + 200 * math.sin(turn), 27), 0.95)
    rings.add(RED, play(1430, 520, 100), 0.95)
    art.paste(rings.image, (0, 0), rings.image)
    art.save(ADDON / "fanart.jpg", quality=88, optimize=True)


def frames() -> None:
    """What panels, buttons and bars are stretched from; sizes and borders stand in the README."""
    white = Picture(8, 8)
    white.add(WHITE, lambda on: on.rectangle(box(0, 0, 8, 8), fill=255))
    white.save(MEDIA / "white.png")

    panel = Picture(96, 96)
    panel.add(SLATE_LIGHT, rounded(0, 0, 96, 96, 22))
    panel.add(SLATE_DARK, rounded(2, 2, 94, 94, 20))
    panel.save(MEDIA / "panel.png")

    focus = Picture(96, 96)
    focus.add(RED, rounded(0, 0, 96, 96, 18))
    focus.add(PAPER, rounded(5, 5, 91, 91, 13))
    focus.save(MEDIA / "button-focus.png")

    plain = Picture(96, 96)
    plain.add(SLATE_LIGHT, rounded(0, 0, 96, 96, 18))
    plain.add(SLATE, rounded(2, 2, 94, 94, 16))
    plain.save(MEDIA / "button-nofocus.png")

    for name, colour in (("bar-back", (58, 70, 87)), ("bar-front", RED)):
        bar = Picture(48, 16)
        bar.add(colour, rounded(0, 0, 48, 16, 8))
        bar.save(MEDIA / f"{name}.png")


def account() -> None:
    """The avatar's shape, its stand-in, and the badge."""
    person = Picture(256, 256)
    person.add((58, 70, 87), disc(128, 128, 127))
    inside = person.mask(disc(128, 128, 127))
    figure = Picture(256, 256)
    figure.add((176, 188, 204), disc(128, 100, 44))
    figure.add((176, 188, 204), lambda on: on.ellipse(box(48, 160, 208, 330), fill=255))
    shape = Image.composite(figure.image.getchannel("A"), Image.new("L", figure.size, 0), inside)
    figure.image.putalpha(shape)
    person.image = Image.alpha_composite(person.image, figure.image)
    person.save(MEDIA / "person.png")

    diffuse = Picture(256, 256)
    diffuse.add(WHITE, disc(128, 128, 127))
    diffuse.save(MEDIA / "avatar-diffuse.png")

    ring = Picture(256, 256)
    ring.add(WHITE, arc(128, 128, 123, 8, 0, 360))
    ring.save(MEDIA / "avatar-ring.png")

    badge = Picture(128, 56)
    badge.add(GOLD, rounded(0, 0, 128, 56, 28))
    font = ImageFont.truetype(str(FONTS / "DejaVuSans-Bold.ttf"), 34 * FINE)
    badge.add(SLATE_DARK, lambda on: on.text((64 * FINE, 28 * FINE), "VIP", font=font, fill=255, anchor="mm"))
    badge.save(MEDIA / "badge-vip.png")


def signs() -> None:
    """How it went, told by shape as much as by colour; and the wait."""
    ok = Picture(256, 256)
    ok.add(GREEN, disc(128, 128, 124))
    ok.add(WHITE, stroke([(74, 132), (112, 170), (184, 92)], 26))
    ok.save(MEDIA / "ok.png")

    warning = Picture(256, 256)
    warning.add(AMBER, disc(128, 128, 124))
    warning.add(SLATE_DARK, stroke([(128, 66), (128, 140)], 28))
    warning.add(SLATE_DARK, disc(128, 188, 17))
    warning.save(MEDIA / "warning.png")

    error = Picture(256, 256)
    error.add(RED, disc(128, 128, 124))
    error.add(WHITE, stroke([(86, 86), (170, 170)], 26))
    error.add(WHITE, stroke([(170, 86), (86, 170)], 26))
    error.save(MEDIA / "error.png")

    busy = Picture(256, 256)
    busy.add(WHITE, arc(128, 128, 100, 22, 0, 360), 0.22)
    busy.add(WHITE, arc(128, 128, 100, 22, -90, 10))
    busy.save(MEDIA / "busy.png")


def glyphs() -> None:
    """The letters and digits of a login code, each in a cell of the same size, as large in every skin."""
    font = ImageFont.truetype(str(FONTS / "DejaVuSansMono-Bold.ttf"), 124 * FINE)
    capital = font.getbbox("H", anchor="ls")
    baseline = (128 * FINE - (capital[1] + capital[3])) / 2
    for character in string.ascii_uppercase + string.digits:
        cell = Picture(96, 128)

        def write(on: ImageDraw.ImageDraw, text: str = character) -> None:
            on.text((48 * FINE, baseline), text, font=font, fill=255, anchor="ms")

        cell.add(WHITE, write)
        cell.save(MEDIA / f"glyph-{character}.png")
    dash = Picture(96, 128)
    dash.add(WHITE, rounded(26, 57, 70, 71, 4))
    dash.save(MEDIA / "glyph-dash.png")


if __name__ == "__main__":
    icons()
    fanart()
    frames()
    account()
    signs()
    glyphs()
