"""Takes the pictures of the README and of Kodi's add-on browser from what `test_looks.py` has left in target.

After a change of the screens: `tests/run kodi`, look at target/kodi-screens, then `python3 tests/kodi/pictures.py` (it
needs Pillow, Debian's python3-pil), and commit what it wrote.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

TOP = Path(__file__).resolve().parents[2]
SCREENS = TOP / "target" / "kodi-screens"
RESOURCES = TOP / "plugin" / "kodi" / "service.libtrakt" / "resources"
DOCS = TOP / "docs" / "kodi"

#: What is left of the test, and what it becomes.
PICTURES = {
    "flow-1-invitation": [DOCS / "invitation.png"],
    "flow-2-link": [DOCS / "link.png", RESOURCES / "screenshot-01.png"],
    "flow-3-linked": [DOCS / "linked.png", RESOURCES / "screenshot-02.png"],
    "flow-4-account": [DOCS / "account.png", RESOURCES / "screenshot-03.png"],
    "flow-5-settings": [DOCS / "settings.png", RESOURCES / "screenshot-04.png"],
    "outbox-estuary-en": [DOCS / "outbox.png", RESOURCES / "screenshot-05.png"],
    "rating-episode-estuary-en": [DOCS / "rating.png", RESOURCES / "screenshot-06.png"],
}
SIZE = (1280, 720)
MOST_BYTES = 120_000


def main() -> None:
    """Writes all of them, or fails before the first if one is missing."""
    sources = {name: SCREENS / f"{name}-{SIZE[0]}x{SIZE[1]}.png" for name in PICTURES}
    missing = [str(path) for path in sources.values() if not path.is_file()]
    if missing:
        raise SystemExit(f"Not there, run tests/run kodi first: {', '.join(missing)}")
    for name, targets in PICTURES.items():
        with Image.open(sources[name]) as picture:
            assert picture.size == SIZE, picture.size
            data = small(picture.convert("RGB"))
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            print(f"{target.relative_to(TOP)}: {len(data)} bytes")


def small(picture: Image.Image) -> bytes:
    """A PNG of 256 colours, enough for a dark screen. The first way keeps shades, the second bright colours."""
    for method in (Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE):
        data = io.BytesIO()
        picture.quantize(256, method=method, dither=Image.Dither.NONE).save(data, "PNG", optimize=True)
        if len(data.getvalue()) < MOST_BYTES:
            return data.getvalue()
    raise SystemExit(f"No picture of {MOST_BYTES} bytes can be made of this.")


if __name__ == "__main__":
    main()
