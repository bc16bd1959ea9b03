"""Presses the Approve button of the simulated Trakt's page, by what the page itself says: `press_approve.py URL`."""

from __future__ import annotations

import sys
import urllib.parse
import urllib.request
from html.parser import HTMLParser


class Button(HTMLParser):
    """Finds the form and the button that says Approve."""

    def __init__(self) -> None:
        """Nothing is found yet."""
        super().__init__()
        self.method = ""
        self.action = ""
        self.field: tuple[str, str] | None = None
        self._candidate: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A form, or a button in it."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.method, self.action = given.get("method", "get"), given.get("action", "")
        if tag == "button":
            self._candidate = (given.get("name", ""), given.get("value", ""))

    def handle_data(self, data: str) -> None:
        """The text of the button."""
        if self._candidate and data.strip() == "Approve":
            self.field = self._candidate

    def handle_endtag(self, tag: str) -> None:
        """The end of a button."""
        if tag == "button":
            self._candidate = None


def main() -> int:
    """Fetch the page, press the button, show what it says then."""
    url = sys.argv[1]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    page = Button()
    page.feed(opener.open(url, timeout=60).read().decode())
    if not page.field or page.method.lower() != "post":
        print("the page has no Approve button", file=sys.stderr)
        return 1
    body = urllib.parse.urlencode([page.field]).encode()
    with opener.open(urllib.parse.urljoin(url, page.action), body, timeout=60) as answer:
        return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
