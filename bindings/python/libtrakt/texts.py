"""Every sentence that the command line says to its user, and how values are written for people."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

DESCRIPTION = "Link a Trakt account, look at it, and unlink it."
EXIT_CODES = """exit codes:
  0    done
  1    trouble that trying again won't help
  2    wrong usage
  3    no account is linked
  4    the login ended without an account: denied, expired, already used, invalid, cancelled
  5    the native library can't be used
  75   passing trouble: try again later
  130  interrupted with Ctrl-C"""

HELP_LINK = "link an account: shows a code, its URL and its QR code, and waits until it was entered"
HELP_ACCOUNT = "show which account is linked; asks nobody"
HELP_SETTINGS = "show the account's settings, limits and permissions"
HELP_UNLINK = "take the link back at Trakt and forget the account here"

CLIENT_ID_MISSING = "the client id of your Trakt app is missing: give --client-id or set TRAKT_CLIENT_ID"

STARTING = "Asking Trakt for a code …"
RESUMED = "Taking up the login that was begun before."
SCAN = "Or scan this:"
WAITING = "Waiting for you to enter the code"
OTHER_DRIVER = "Another program is waiting for the same login; this one watches."
INTERRUPTED = "Interrupted. The code stays good until it expires: run the same command again to take the login up."
INTERRUPTED_AND_CANCELLED = "Interrupted. The login was cancelled."
INTERRUPTED_OTHER = "Interrupted."
NOT_LINKED = "No account is linked."
RELINK = "The account has to be linked again."
LINK_AGAIN = "To link another one, use --again."
SETTINGS_LATER = "Its settings could not be read just now: {error}"
UNLINKED = "The account was unlinked, here and at Trakt."
UNLINKED_HERE_ONLY = (
    "The account was forgotten here, but Trakt could not be told ({reason})."
    " You can remove the app on Trakt's website, among your connected apps."
)
STALE = "Trakt could not be asked; this is what was stored."

#: What each final state of a login means.
OUTCOMES: Dict[str, str] = {
    "denied": "The login was denied on Trakt's website. No account was linked.",
    "expired": "The code expired before it was entered. Run the command again for a new one.",
    "already_used": "The code was used already. Run the command again for a new one.",
    "invalid": "Trakt doesn't know this code any more. Run the command again for a new one.",
    "cancelled": "The login was cancelled.",
    "failed": "The login failed: {error}",
    "idle": "No login is under way any more.",
}
OUTCOME_UNKNOWN = "The login ended in a way this program doesn't know: {state}."


def outcome(state: str, error: str) -> str:
    """What a login's final state means."""
    return OUTCOMES.get(state, OUTCOME_UNKNOWN).format(error=error or "unknown", state=state)


def grouped(code: str) -> str:
    """A code in groups of four, as people read it out."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


def open_and_enter(url: str, code: str) -> str:
    """What the user has to do."""
    return f"Open  {url}\nEnter {grouped(code)}"


def countdown(milliseconds: int) -> str:
    """Time left as m:ss, never less than 0:00."""
    seconds = max(0, milliseconds) // 1000
    return f"{seconds // 60}:{seconds % 60:02}"


def waiting(milliseconds: Optional[int], trouble: str) -> str:
    """The line under the code: time left, and what is in the way at the moment."""
    left = "" if milliseconds is None else f", {countdown(milliseconds)} left"
    return f"{WAITING}{left}" + (f" ({trouble})" if trouble else "")


def who(user: Optional[Mapping[str, Any]]) -> str:
    """An account's name for people."""
    user = user or {}
    username = user.get("username") or user.get("slug") or user.get("uuid")
    name = user.get("name")
    if not username:
        return "an account"
    return f"{name} ({username})" if name and name != username else str(username)


def linked(user: Optional[Mapping[str, Any]]) -> str:
    """Who is linked."""
    vip = ", a VIP" if (user or {}).get("vip") is True else ""
    return f"Linked: {who(user)}{vip}."


def linked_since(moment: str) -> str:
    """Since when."""
    return f"Since {moment}."


def table(title: str, values: Any) -> Iterator[str]:
    """A title and a line for each value of a nested object, `list.count  2`."""
    rows = list(_flat(values))
    if rows:
        width = max(len(name) for name, _ in rows)
        yield f"{title}:"
        for name, value in rows:
            yield f"  {name:{width}}  {_written(value)}"


def _flat(values: Any, prefix: str = "") -> Iterator[Tuple[str, Any]]:
    if isinstance(values, Mapping):
        for name, value in values.items():
            if isinstance(value, Mapping):
                yield from _flat(value, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}", value


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else str(value)
