"""The support report: versions, state and the last log records, without a secret or personal data, for a forum post.

Its keys are English, since those who read it are; what is shown around it is in the user's language.
"""

from __future__ import annotations

import ipaddress
import json
import os
import platform
import re
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Any, Deque, Dict, Iterable, List, Mapping, Match, Optional, Set
from urllib.parse import unquote, urlsplit

import libtrakt

from . import files, native, texts
from .kodi import Kodi
from .screens.text import TextScreen
from .texts import Text
from .trakt import Trakt

#: Log records kept, and reports.
_RECORDS = 300
_REPORTS = 3
_FILE = re.compile(r"report-\d{8}-\d{6}\.txt")

#: Switches, shown as they are; of all other settings only whether they are set.
_SWITCHES = (
    "notify_link",
    "notify_trouble",
    "invite",
    "proxy",
    "log_level",
    "scrobble_movies",
    "scrobble_episodes",
    "marks_send",
    "watching_delay",
    "exclude_live",
    "exclude_http",
    "exclude_plugin",
    "min_minutes",
    "notify_watching",
    "notify_scrobbled",
    "rate_movies",
    "rate_episodes",
    "rate_after",
)
_TYPED = (
    "client_id",
    "auth_url",
    "api_url",
    "proxy_url",
    "proxy_user",
    "exclude_folder_1",
    "exclude_folder_2",
    "exclude_folder_3",
    "exclude_paths",
    "exclude_genres",
    "exclude_tags",
)
_SECRETS = ("client_secret_kept", "proxy_password_kept")

#: What may look like something private, whoever's it is.
_PATTERNS = (
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), "<e-mail>"),
    (re.compile(r"(?<=://)[^/\s@]+@"), "<login>@"),
    (re.compile(r"(?:/home|/Users|/var/home|[A-Za-z]:\\+Users)[/\\]+[^/\\\s\"':,;)]+", re.I), "~"),
    (re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f-]{24,}(?![0-9A-Za-z])"), "<id>"),
    (re.compile(r"(?<![0-9A-Za-z_-])(?=[\w-]*\d)[\w-]{40,}(?![0-9A-Za-z_-])"), "<id>"),
)
#: What may be an address of the network.
_ADDRESS = re.compile(r"(?<![\w:.])(?:\d+(?:\.\d+){3}(?![\w])|[0-9A-Fa-f:]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*(?![\w:]))")


class Report:
    """Collects the log and makes the report of it."""

    def __init__(self, kodi: Kodi, trakt: Trakt, data_dir: str) -> None:
        """Nothing is shown yet."""
        self._kodi = kodi
        self._trakt = trakt
        self._data_dir = data_dir
        self._records: Deque[str] = deque(maxlen=_RECORDS)
        self._names: Set[str] = set()
        self._screen: Optional[TextScreen] = None
        #: What else is worth knowing; by what it is about.
        self.facts: Dict[str, str] = {}

    @property
    def showing(self) -> bool:
        """Whether the report is on the screen."""
        return self._screen is not None

    def collect(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Keeps the library's log records for a report, and hands them on to Kodi's log."""
        for record in records:
            level, message = str(record.get("level")), f"{record.get('target')}: {record.get('message')}"
            self._kodi.log(level, message)
            self._keep(str(record.get("at")), level, message)

    def note(self, message: str) -> None:
        """Keeps what the add-on itself has to say, an error."""
        self._kodi.log("error", message)
        self._keep(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "error", message)

    def open(self) -> None:
        """Writes the report and shows it."""
        self.close()
        report = self.text()
        path = self._write(report)
        screen = TextScreen(self._kodi.addon_path, self.close)
        saved = Text(texts.REPORT_SAVED, {"path": _below_home(path)}) if path else Text(texts.REPORT_NOT_SAVED)
        screen.fill_text(self._kodi.text(texts.REPORT_HEADING), self._kodi.say(saved), report)
        screen.show()
        self._screen = screen

    def close(self) -> None:
        """Takes it off the screen."""
        screen, self._screen = self._screen, None
        if screen:
            screen.close()

    def text(self) -> str:
        """The report."""
        account = self._account()
        clean = _Cleaner(self._private_words(account), self._folders())
        parts = {
            "Versions": self._versions(),
            "System": self._system(),
            "State": self._state(account),
            "Files": self._files(),
            "Settings": self._settings(),
        }
        lines: List[str] = []
        for heading, values in parts.items():
            lines.append(f"== {heading}")
            lines += [f"{key}: {clean(_plain(value))}" for key, value in values.items()]
            lines.append("")
        lines.append(f"== Log, the last {len(self._records)} records")
        lines += [clean(record) for record in self._records]
        return "\n".join(lines) + "\n"

    # the parts

    def _versions(self) -> Dict[str, Any]:
        return {
            "add-on": self._kodi.addon_version,
            "library": self._trakt.library_version,
            "wrapper": libtrakt.__version__,
            "build": self._trakt.build_info(),
            "Kodi": self._kodi.label("System.BuildVersion"),
            "Python": sys.version.replace("\n", " "),
        }

    def _system(self) -> Dict[str, Any]:
        return {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "system": f"{platform.system()} {platform.release()}",
            "distribution": _distribution(),
            "machine": platform.machine(),
            "library for": native.platform_tag(),
        }

    def _state(self, account: Mapping[str, Any]) -> Dict[str, Any]:
        user = account.get("user") or {}
        shown = {key: value for key, value in account.items() if key != "user"}
        trouble = self._trakt.trouble
        return {
            **shown,
            "user known": bool(user),
            "vip": user.get("vip"),
            "trouble": f"{type(trouble).__name__}: {trouble}" if trouble else None,
            **self.facts,
        }

    def _files(self) -> Dict[str, Any]:
        found: Dict[str, Any] = {"folder": self._data_dir, "free": _free_space(self._data_dir)}
        for folder in ("", "libtrakt", "native"):
            with suppress(OSError):
                for entry in sorted(os.scandir(os.path.join(self._data_dir, folder)), key=lambda entry: entry.name):
                    status = entry.stat(follow_symlinks=False)
                    found["/".join(filter(None, (folder, entry.name)))] = f"{status.st_size} bytes, {status.st_mode:o}"
        return found

    def _settings(self) -> Dict[str, Any]:
        values: Dict[str, Any] = {id: self._kodi.setting(id) for id in _SWITCHES}
        values.update({id: "set" if self._kodi.setting(id) else "not set" for id in _TYPED})
        values.update({id: "set" if self._kodi.setting(id) == "true" else "not set" for id in _SECRETS})
        client_id = str(self._trakt.config.get("client_id") or "")
        values["client id in use"] = f"{client_id[:4]}…" if client_id else None
        proxy = self._trakt.config.get("proxy")
        values["proxy in use"] = proxy.partition("://")[0] if proxy else {None: "the system's", "": "none"}[proxy]
        return values

    # what must not be in it

    def _account(self) -> Mapping[str, Any]:
        try:
            return self._trakt.account()
        except Exception as error:  # a report is what is left when other things fail
            return {"state": f"{type(error).__name__}: {error}"}

    def _keep(self, at: str, level: str, message: str) -> None:
        # A user who was unlinked since is in the log still.
        self._names.update(_names(self._account()))
        self._records.append(f"{at} {level:5} {message}")

    def _private_words(self, account: Mapping[str, Any]) -> Dict[str, str]:
        config = self._trakt.config
        client_id = str(config.get("client_id") or "")
        words = {name: "<user>" for name in self._names | _names(account)}
        words[self._kodi.setting("client_id").strip()] = "<client id>"
        words[client_id] = f"{client_id[:4]}…"
        words[str(config.get("client_secret") or "")] = "<secret>"
        for id in ("auth_url", "api_url", "proxy_url", "proxy_user"):
            words.update(_parts_of_address(self._kodi.setting(id).strip()))
        for key in ("auth_url", "api_url", "proxy"):
            words.update(_parts_of_address(str(config.get(key) or "")))
        words[platform.node()] = "<host>"
        # What everybody has says nothing of anybody.
        return {word: cover for word, cover in words.items() if word and word not in ("127.0.0.1", "localhost", "::1")}

    def _folders(self) -> Dict[str, str]:
        places = {"special://home": "special://home", "special://masterprofile": "special://masterprofile"}
        folders = {self._kodi.translate(place).rstrip("/\\"): shown for place, shown in places.items()}
        folders[os.path.expanduser("~")] = "~"
        return {folder: shown for folder, shown in folders.items() if len(folder) > 1}

    # the file

    def _write(self, report: str) -> Optional[str]:
        """The path of the file; None if it can't be written. Older ones than the last few are removed."""
        folder = os.path.normpath(self._kodi.profile_path)
        path = os.path.join(folder, time.strftime("report-%Y%m%d-%H%M%S.txt"))
        try:
            files.make_private_folder(folder)
            files.write(path, report.encode("utf-8", "replace"), mode=0o644)
            old = sorted(name for name in os.listdir(folder) if _FILE.fullmatch(name))[:-_REPORTS]
        except OSError:
            return None
        for name in old:
            files.remove(os.path.join(folder, name))
        return path


class _Cleaner:
    """Takes private words out of texts, however they are written there."""

    def __init__(self, words: Mapping[str, str], folders: Mapping[str, str]) -> None:
        self._folders = sorted(folders.items(), key=lambda entry: -len(entry[0]))
        covers: Dict[str, str] = {}
        for word, cover in words.items():
            for spelled in {word, json.dumps(word)[1:-1], json.dumps(word, ensure_ascii=False)[1:-1]}:
                covers[spelled.lower()] = cover
        # The longest first: a name may be part of another.
        self._covers = covers
        spelled_words = sorted(covers, key=len, reverse=True)
        self._words = re.compile("|".join(map(_as_word, spelled_words)), re.IGNORECASE) if covers else None

    def __call__(self, text: str) -> str:
        # What stands in a URL is written otherwise there.
        text = unquote(text)
        for folder, shown in self._folders:
            text = text.replace(folder, shown)
        if self._words:
            text = self._words.sub(lambda match: self._covers.get(match[0].lower(), "<hidden>"), text)
        for pattern, cover in _PATTERNS:
            text = pattern.sub(cover, text)
        return _ADDRESS.sub(_cover_address, text)


def _as_word(word: str) -> str:
    """A short name only where it stands alone: `me` is part of many words."""
    return re.escape(word) if len(word) > 4 else rf"(?<!\w){re.escape(word)}(?!\w)"


def _cover_address(match: Match[str]) -> str:
    """Addresses of this machine to itself are everybody's, and times only look like addresses."""
    try:
        return match[0] if ipaddress.ip_address(match[0].rstrip(".")).is_loopback else "<address>"
    except ValueError:
        return match[0]


def _names(account: Mapping[str, Any]) -> Set[str]:
    user = account.get("user") or {}
    return {str(user[key]) for key in ("username", "name", "slug", "uuid") if user.get(key)}


def _parts_of_address(address: str) -> Dict[str, str]:
    """What of an address that the user typed must not be told."""
    if not address:
        return {}
    words = {address: "<address>"}
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        words.update({part: "<address>" for part in (parts.netloc, parts.hostname) if part})
        words.update({unquote(part): "<login>" for part in (parts.username, parts.password) if part})
    except ValueError:
        pass
    return words


def _below_home(path: str) -> str:
    """The path as people write it, which is shorter."""
    home = os.path.expanduser("~")
    return f"~{path[len(home) :]}" if len(home) > 1 and path.startswith(home + os.sep) else path


def _distribution() -> Optional[str]:
    with suppress(OSError, UnicodeDecodeError), open("/etc/os-release", encoding="utf-8") as file:
        match = re.search(r'^PRETTY_NAME="?([^"\n]*)', file.read(), re.MULTILINE)
        return match[1] if match else None
    return None


def _free_space(folder: str) -> Optional[str]:
    try:
        disk = os.statvfs(folder)
    except (AttributeError, OSError):
        return None
    return f"{disk.f_bavail * disk.f_frsize // 1_000_000} MB"


def _plain(value: Any) -> str:
    """One line: JSON for what has parts."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
