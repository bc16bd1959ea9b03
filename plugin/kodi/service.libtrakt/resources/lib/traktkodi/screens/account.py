"""The account screen's window: the account on the left, lines on the right, buttons below. Decides nothing."""

from __future__ import annotations

from .lines import LIST, Line, ListScreen

__all__ = ["CHECK", "CLOSE", "LINK", "LIST", "UNLINK", "AccountScreen", "Line"]

CHECK, LINK, UNLINK, CLOSE = 101, 102, 103, 104


class AccountScreen(ListScreen):
    """Shows the properties name, username, avatar, vip, since, message, mood, caption, address, qr and check, link,
    unlink (the buttons' labels; a button without one isn't shown), and the list.
    """

    XML = "libtrakt-account.xml"
