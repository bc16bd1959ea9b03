"""The command line: `python -m libtrakt link | account | settings | unlink`.

Drives a client and maps outcomes to exit codes; sentences are in `texts`, drawing is in `screen`.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Callable, Dict, List, Optional

from . import texts
from ._version import __version__
from .client import Client
from .errors import LibraryError, NotLinked, StorageError, TraktError, local
from .screen import JsonScreen, PlainScreen, Screen, TerminalScreen
from .types import Account, LoginSnapshot, Settings

OK, FAILED, NOT_LINKED, LOGIN_ENDED, NO_LIBRARY, TRY_AGAIN, INTERRUPTED = 0, 1, 3, 4, 5, 75, 130

_LIVE_STATES = ("starting", "pending")


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs one command and returns its exit code."""
    options = _parser().parse_args(arguments)
    screen = _screen(options)
    try:
        with Client(_config(options), library=options.library) as client:
            return _COMMANDS[options.command](client, options, screen)
    except LibraryError as error:
        screen.error("library", str(error))
        return NO_LIBRARY
    except TraktError as error:
        screen.error(error.code, error.message)
        if isinstance(error, NotLinked):
            return NOT_LINKED
        return TRY_AGAIN if error.retryable else FAILED
    except KeyboardInterrupt:
        screen.error("interrupted", texts.INTERRUPTED_OTHER)
        return INTERRUPTED


def link(client: Client, options: argparse.Namespace, screen: Screen) -> int:
    """Links an account, or takes up the login that an earlier run left."""
    account = client.account()
    if account.get("linked") and not options.again:
        _show_account(account, screen)
        screen.say(texts.LINK_AGAIN)
        return OK
    try:
        return _link(client, options, screen)
    except KeyboardInterrupt:
        if options.cancel_on_interrupt:
            client.device_cancel()
            screen.error("interrupted", texts.INTERRUPTED_AND_CANCELLED)
        else:
            screen.error("interrupted", texts.INTERRUPTED)
        return INTERRUPTED


def account(client: Client, options: argparse.Namespace, screen: Screen) -> int:
    """Shows what is known of the account here."""
    found = client.account()
    _show_account(found, screen)
    return OK if found.get("linked") else NOT_LINKED


def settings(client: Client, options: argparse.Namespace, screen: Screen) -> int:
    """Shows the account's settings, limits and permissions."""
    found = client.get_settings(max_age_ms=options.max_age_ms, offline=options.offline or None)
    screen.data("settings", found)
    if found.get("stale"):
        screen.say(texts.STALE)
    screen.say(texts.linked(found.get("user")))
    _show_settings(found, screen)
    return OK


def unlink(client: Client, options: argparse.Namespace, screen: Screen) -> int:
    """Takes the link back and forgets the account."""
    if client.account().get("state") == "none":
        screen.error("not_linked", texts.NOT_LINKED)
        return NOT_LINKED
    done = client.unlink()
    screen.data("unlinked", done)
    if done.get("revoked"):
        screen.say(texts.UNLINKED)
    else:
        screen.say(texts.UNLINKED_HERE_ONLY.format(reason=done.get("reason") or "unknown"))
    return OK


_COMMANDS: Dict[str, Callable[[Client, argparse.Namespace, Screen], int]] = {
    "link": link,
    "account": account,
    "settings": settings,
    "unlink": unlink,
}


def _link(client: Client, options: argparse.Namespace, screen: Screen) -> int:
    snapshot = client.device_poll()
    if snapshot.get("state") in _LIVE_STATES:
        screen.say(texts.RESUMED)
    else:
        snapshot = client.device_start(wait_ms=0, renew=options.renew or None)
    while snapshot.get("state") in _LIVE_STATES:
        screen.login(snapshot)
        snapshot = client.device_poll(wait_ms=screen.REFRESH_MS)
    screen.login_over(snapshot)
    state = snapshot.get("state", "")
    if state != "authorized":
        error = snapshot.get("error") or {}
        screen.error(error.get("code") or state, texts.outcome(state, error.get("message", "")))
        return LOGIN_ENDED
    _show_linked(client, snapshot, screen)
    return OK


def _show_linked(client: Client, snapshot: LoginSnapshot, screen: Screen) -> None:
    """Says who was linked. The link stands, whatever becomes of reading the settings."""
    try:
        found = client.get_settings(max_age_ms=0)
    except TraktError as error:
        screen.data("account", client.account())
        screen.say(texts.linked(snapshot.get("account") or client.account().get("user")))
        screen.say(texts.SETTINGS_LATER.format(error=error))
        return
    screen.data("account", client.account())
    screen.data("settings", found)
    screen.say(texts.linked(found.get("user")))
    _show_settings(found, screen)


def _show_account(account: Account, screen: Screen) -> None:
    screen.data("account", account)
    if account.get("state") == "none":
        screen.say(texts.NOT_LINKED)
        return
    screen.say(texts.linked(account.get("user")))
    if account.get("since"):
        screen.say(texts.linked_since(str(account.get("since"))))
    if not account.get("linked"):
        screen.say(f"{texts.RELINK} ({account.get('reason') or account.get('state')})")


def _show_settings(found: Settings, screen: Screen) -> None:
    for title, key in (("Limits", "limits"), ("Permissions", "permissions")):
        for line in texts.table(title, found.get(key)):
            screen.say(line)


def _screen(options: argparse.Namespace) -> Screen:
    if options.json:
        return JsonScreen(sys.stdout)
    if sys.stdout.isatty():
        return TerminalScreen(sys.stdout)
    return PlainScreen(sys.stdout)


def _config(options: argparse.Namespace) -> Dict[str, Any]:
    """The client's configuration; its secret comes from the environment alone, where other users can't read it."""
    data_dir = options.data_dir or _default_data_dir()
    try:
        os.makedirs(data_dir, exist_ok=True)
    except OSError as error:
        raise local(StorageError, f"{data_dir} can't be made: {error.strerror}.") from error
    config = {
        "client_id": options.client_id,
        "client_secret": os.environ.get("TRAKT_CLIENT_SECRET"),
        "data_dir": data_dir,
        "auth_url": options.auth_url,
        "api_url": options.api_url,
        "ca_file": options.ca_file,
        "app_name": "libtrakt-python",
        "app_version": __version__,
    }
    return {key: value for key, value in config.items() if value}


def _default_data_dir() -> str:
    """Where programs of this user keep their data; the library makes a folder of its own in it."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        return os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support")
    named = os.environ.get("XDG_DATA_HOME", "")
    # The XDG specification has relative paths ignored.
    return named if os.path.isabs(named) else os.path.join(home, ".local", "share")


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    client_id = os.environ.get("TRAKT_CLIENT_ID")
    common.add_argument(
        "--client-id",
        default=client_id,
        required=not client_id,
        help="your Trakt app's client id (default: TRAKT_CLIENT_ID); its secret is read from TRAKT_CLIENT_SECRET only",
    )
    common.add_argument("--data-dir", help=f"where the account is kept (default: {_default_data_dir()})")
    common.add_argument("--auth-url", help="another authorization host")
    common.add_argument("--api-url", help="another API host")
    common.add_argument("--ca-file", help="certificates to trust besides the usual ones")
    common.add_argument("--library", help="the native library to load (default: LIBTRAKT_LIBRARY, package, system)")
    common.add_argument("--json", action="store_true", help="print JSON, one object a line")

    parser = argparse.ArgumentParser(
        prog="python -m libtrakt",
        description=texts.DESCRIPTION,
        epilog=texts.EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"libtrakt {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    linking = commands.add_parser("link", parents=[common], help=texts.HELP_LINK)
    linking.add_argument("--again", action="store_true", help="link even though an account is linked already")
    linking.add_argument("--renew", action="store_true", help="get a new code when one expires, at most 5 times")
    linking.add_argument("--cancel-on-interrupt", action="store_true", help="let Ctrl-C end the login for good")

    commands.add_parser("account", parents=[common], help=texts.HELP_ACCOUNT)

    reading = commands.add_parser("settings", parents=[common], help=texts.HELP_SETTINGS)
    reading.add_argument("--max-age-ms", type=int, help="how old what is stored may be; 0 asks Trakt")
    reading.add_argument("--offline", action="store_true", help="only what is stored")

    commands.add_parser("unlink", parents=[common], help=texts.HELP_UNLINK)
    return parser
