"""The add-on's settings as values, and as far as the settings page shows them, the state of things.

What is typed here by hand is checked before it is used, and what can't be used is explained. Knows nothing of what
the values do.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence
from urllib.parse import SplitResult, quote, urlsplit

from . import texts
from .kodi import WARNING, Kodi
from .private import Private
from .texts import Text

_LOG_LEVELS = ("error", "warn", "info", "debug", "trace")
_USUAL_LOG_LEVEL = 2

#: Values of the setting `proxy`.
PROXY_OF_KODI, PROXY_OFF, PROXY_OWN = 0, 1, 2
#: Kodi's own numbers for kinds of proxies.
_KODI_PROXY_SCHEMES = ("http", "socks4", "socks4a", "socks5", "socks5h", "https")
_PROXY_SCHEMES = (*_KODI_PROXY_SCHEMES, "socks")

#: Values of the settings `notify_watching` and `notify_scrobbled`; `NOTIFY_CALM`: only when no video fills the screen.
NOTIFY_NEVER, NOTIFY_ALWAYS, NOTIFY_CALM = 0, 1, 2
#: Settings that name a folder whose content is left out.
_FOLDERS = ("exclude_folder_1", "exclude_folder_2", "exclude_folder_3")

CLIENT_SECRET, PROXY_PASSWORD = "client_secret", "proxy_password"
#: A switch on the settings page for each secret: on while one is kept; switched off, it is forgotten.
_KEPT = {CLIENT_SECRET: "client_secret_kept", PROXY_PASSWORD: "proxy_password_kept"}

#: A property of the home window: the line about the account, in the user's language.
STATUS = "libtrakt.status"

_STATUS = {
    "none": texts.STATUS_NONE,
    "relink_needed": texts.STATUS_RELINK,
    "locked": texts.STATUS_LOCKED,
    "blocked": texts.STATUS_BLOCKED,
    "app_refused": texts.STATUS_REFUSED,
}


class SettingError(Exception):
    """A setting that can't be used; `text` says it to the user."""

    def __init__(self, text: Text) -> None:
        """As said there."""
        super().__init__(f"a setting can't be used: text {text.id}")
        self.text = text


class Scrobbling(NamedTuple):
    """What of the things played is told to Trakt, and what of that to the user."""

    movies: bool = True
    episodes: bool = True
    #: Marking something in the library by hand is told to Trakt.
    marks_send: bool = True
    #: Seconds that something has to run before Trakt shows it as being watched.
    watching_delay_s: int = 0
    exclude_live: bool = True
    exclude_http: bool = False
    exclude_plugin: bool = False
    #: What is shorter is left out; 0: nothing.
    min_minutes: int = 0
    #: Beginnings of paths, and patterns with * and ?.
    exclude_prefixes: Sequence[str] = ()
    exclude_globs: Sequence[str] = ()
    exclude_genres: Sequence[str] = ()
    exclude_tags: Sequence[str] = ()
    #: One of NOTIFY_NEVER, NOTIFY_ALWAYS and NOTIFY_CALM.
    notify_watching: int = NOTIFY_NEVER
    notify_scrobbled: int = NOTIFY_CALM
    rate_movies: bool = True
    rate_episodes: bool = False
    #: A rating is asked for if so many per cent were watched.
    rate_after: int = 80

    def player_options(self) -> Dict[str, Any]:
        """What the library's method player.options is given."""
        return {
            "enabled": True,
            "movies": self.movies,
            "episodes": self.episodes,
            "watching_delay_ms": self.watching_delay_s * 1000,
            "min_duration_ms": self.min_minutes * 60_000,
            "exclude": {
                "live": self.exclude_live,
                "http": self.exclude_http,
                "plugin": self.exclude_plugin,
                "prefixes": list(self.exclude_prefixes),
                "globs": list(self.exclude_globs),
                "genres": list(self.exclude_genres),
                "tags": list(self.exclude_tags),
            },
        }


class Settings(NamedTuple):
    """What the user set. `config` is what the library is opened with; a change of it opens it again.

    With `trouble` it can't be opened until the user has mended a setting.
    """

    notify_link: bool
    notify_trouble: bool
    invite: bool
    config: Dict[str, Any]
    trouble: Optional[SettingError] = None
    scrobbling: Scrobbling = Scrobbling()

    @property
    def client_id(self) -> Optional[str]:
        """The app's key at Trakt; None when neither the build nor the user gave one."""
        return self.config.get("client_id")


def read(kodi: Kodi, data_dir: str, private: Private) -> Settings:
    """The settings as they are now."""
    config: Dict[str, Any] = {
        "log_level": _LOG_LEVELS[_choice(kodi, "log_level", len(_LOG_LEVELS), _USUAL_LOG_LEVEL)],
        "data_dir": data_dir,
        "app_name": "Kodi-libtrakt",
        "app_version": kodi.addon_version,
        "ca_file": _certificates(kodi),
    }
    trouble = None
    for read_part in (_app, _hosts, _proxy):
        try:
            config.update(read_part(kodi, private))
        except SettingError as error:
            trouble = trouble or error
    return Settings(
        notify_link=kodi.setting("notify_link") == "true",
        notify_trouble=kodi.setting("notify_trouble") == "true",
        invite=kodi.setting("invite") == "true",
        config={key: value for key, value in config.items() if value is not None},
        trouble=trouble,
        scrobbling=_scrobbling(kodi),
    )


def take_secrets(kodi: Kodi, private: Private) -> None:
    """Takes what was typed into the fields for secrets into `private`, and empties them."""
    _take(kodi, private, CLIENT_SECRET, belongs_to=_own_client_id(kodi))
    _take(kodi, private, PROXY_PASSWORD, belongs_to=_proxy_and_user(kodi))


def show_status(kodi: Kodi, account: Mapping[str, Any]) -> None:
    """Keeps the line about the account on the settings page up to date; settings.xml shows this property there."""
    state, user = account.get("state"), account.get("user") or {}
    if state == "linked":
        name = user.get("username") or user.get("name") or user.get("slug")
        text = Text(texts.STATUS_LINKED_AS, {"name": name}) if name else Text(texts.STATUS_LINKED)
    else:
        text = Text(_STATUS.get(str(state), texts.STATUS_UNAVAILABLE))
    kodi.set_property(STATUS, kodi.say(text))


# the app


def _app(kodi: Kodi, private: Private) -> Dict[str, Any]:
    own = _own_client_id(kodi)
    if not own:
        return {"client_id": _built_in_client_id(kodi.addon_path)}
    secret = private.get(CLIENT_SECRET, own)
    if not _is_visible_ascii(own) or not _is_visible_ascii(secret or "-"):
        raise SettingError(Text(texts.SETTING_CLIENT_ID_WRONG))
    return {"client_id": own, "client_secret": secret}


def _own_client_id(kodi: Kodi) -> str:
    return kodi.setting("client_id").strip()


def _built_in_client_id(addon_path: str) -> Optional[str]:
    try:
        with open(os.path.join(addon_path, "resources", "client_id.txt"), encoding="utf-8") as file:
            return file.read().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _is_visible_ascii(text: str) -> bool:
    return re.fullmatch(r"[!-~]{1,512}", text) is not None


# where to


def _hosts(kodi: Kodi, private: Private) -> Dict[str, Any]:
    return {id: _host(kodi.setting(id).strip()) for id in ("auth_url", "api_url")}


def _host(typed: str) -> Optional[str]:
    """A host as an address; `typed` may leave out https://. None for the usual one."""
    if not typed:
        return None
    parts = _address(typed, "https")
    if not parts:
        raise SettingError(Text(texts.SETTING_HOST_WRONG, {"address": typed}))
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(parts.hostname or "")):
        raise SettingError(Text(texts.SETTING_HOST_NOT_SECURE, {"address": typed}))
    return f"{parts.scheme}://{parts.netloc}"


def _address(typed: str, usual_scheme: str) -> Optional[SplitResult]:
    """An address that is scheme, host and port alone; None for everything else."""
    address = typed if "://" in typed else f"{usual_scheme}://{typed}"
    try:
        parts = urlsplit(address)
        port_fits = parts.port != 0 and not parts.netloc.endswith(":")
    except ValueError:
        return None
    alone = parts.path in ("", "/") and not any(sign in address for sign in "?#@")
    return parts if parts.hostname and port_fits and alone and _is_visible_ascii(address) else None


def _is_this_machine(host: str) -> bool:
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None


def _certificates(kodi: Kodi) -> Optional[str]:
    """Kodi's own list of certificates, on systems where it has one."""
    path = kodi.translate("special://xbmc/system/certs/cacert.pem")
    try:
        with open(path, "rb") as file:
            return path if b"BEGIN CERTIFICATE" in file.read(65536) else None
    except OSError:
        return None


# by which way


def _proxy(kodi: Kodi, private: Private) -> Dict[str, Any]:
    choice = _choice(kodi, "proxy", 3, PROXY_OF_KODI)
    if choice == PROXY_OFF:
        return {"proxy": ""}
    return {"proxy": _own_proxy(kodi, private) if choice == PROXY_OWN else _kodi_proxy(kodi)}


def _own_proxy(kodi: Kodi, private: Private) -> str:
    typed = kodi.setting("proxy_url").strip()
    parts = _address(typed, "http")
    if not parts or parts.scheme not in _PROXY_SCHEMES:
        raise SettingError(Text(texts.SETTING_PROXY_WRONG, {"address": typed}))
    password = private.get(PROXY_PASSWORD, _proxy_and_user(kodi))
    return _proxy_url(parts.scheme, parts.netloc, kodi.setting("proxy_user").strip(), password or "")


def _proxy_and_user(kodi: Kodi) -> str:
    """What a proxy's password belongs to: it must not be sent to another proxy."""
    user = kodi.setting("proxy_user").strip()
    return f"{user}@{kodi.setting('proxy_url').strip()}" if user else ""


def _kodi_proxy(kodi: Kodi) -> Optional[str]:
    """The proxy that Kodi itself is set to use; None if none, and then as for Kodi the system's counts."""
    if kodi.core_setting("network.usehttpproxy") is not True:
        return None
    server = str(kodi.core_setting("network.httpproxyserver") or "").strip()
    port = kodi.core_setting("network.httpproxyport")
    kind = kodi.core_setting("network.httpproxytype")
    if not server or not isinstance(port, int) or not 0 < port < 65536:
        return None
    scheme = _KODI_PROXY_SCHEMES[kind] if isinstance(kind, int) and 0 <= kind < len(_KODI_PROXY_SCHEMES) else "http"
    user = str(kodi.core_setting("network.httpproxyusername") or "")
    password = str(kodi.core_setting("network.httpproxypassword") or "")
    host = f"[{server}]" if ":" in server and not server.startswith("[") else server
    if not _is_visible_ascii(host) or any(sign in host for sign in "/@?#"):
        raise SettingError(Text(texts.SETTING_PROXY_WRONG, {"address": server}))
    return _proxy_url(scheme, f"{host}:{port}", user, password)


def _proxy_url(scheme: str, host: str, user: str, password: str) -> str:
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    return f"{scheme}://{login}{host}"


# what is told to Trakt


def _scrobbling(kodi: Kodi) -> Scrobbling:
    usual = Scrobbling()
    folders = [kodi.setting(id).strip() for id in _FOLDERS]
    paths = _words(kodi.setting("exclude_paths"), "|")
    return Scrobbling(
        movies=kodi.setting("scrobble_movies") == "true",
        episodes=kodi.setting("scrobble_episodes") == "true",
        marks_send=kodi.setting("marks_send") == "true",
        watching_delay_s=_number(kodi, "watching_delay", 0, 300, usual.watching_delay_s),
        exclude_live=kodi.setting("exclude_live") == "true",
        exclude_http=kodi.setting("exclude_http") == "true",
        exclude_plugin=kodi.setting("exclude_plugin") == "true",
        min_minutes=_number(kodi, "min_minutes", 0, 60, usual.min_minutes),
        # A folder that was chosen is no pattern, whatever its name.
        exclude_prefixes=[*filter(None, folders), *(path for path in paths if not _is_pattern(path))],
        exclude_globs=[_pattern(path) for path in paths if _is_pattern(path)],
        exclude_genres=_words(kodi.setting("exclude_genres"), ","),
        exclude_tags=_words(kodi.setting("exclude_tags"), ","),
        notify_watching=_number(kodi, "notify_watching", NOTIFY_NEVER, NOTIFY_CALM, usual.notify_watching),
        notify_scrobbled=_number(kodi, "notify_scrobbled", NOTIFY_NEVER, NOTIFY_CALM, usual.notify_scrobbled),
        rate_movies=kodi.setting("rate_movies") == "true",
        rate_episodes=kodi.setting("rate_episodes") == "true",
        rate_after=_number(kodi, "rate_after", 80, 95, usual.rate_after),
    )


def _words(typed: str, between: str) -> List[str]:
    return [word.strip() for word in typed.split(between) if word.strip()]


def _is_pattern(path: str) -> bool:
    return "*" in path or "?" in path


def _pattern(typed: str) -> str:
    """As the library reads it: brackets are letters here, and two stars alone between slashes are any folders."""
    parts = re.split(r"([/\\])", typed.replace("[", "[[]"))
    return "".join(part if part == "**" else re.sub(r"\*+", "*", part) for part in parts)


# the page itself


def _choice(kodi: Kodi, id: str, count: int, usual: int) -> int:
    return _number(kodi, id, 0, count - 1, usual)


def _number(kodi: Kodi, id: str, least: int, most: int, usual: int) -> int:
    try:
        number = int(kodi.setting(id))
    except ValueError:
        return usual
    return number if least <= number <= most else usual


def _take(kodi: Kodi, private: Private, name: str, belongs_to: str) -> None:
    field, switch = kodi.setting(name), _KEPT[name]
    typed = field.strip()
    safe = private.forget_others(name, belongs_to)
    if typed and belongs_to:
        safe = private.keep(name, belongs_to, typed)
        kodi.set_setting(switch, "true")
        kodi.notify(Text(texts.SECRET_KEPT))
    elif not field and private.get(name, belongs_to) and kodi.setting(switch) != "true":
        safe = private.forget(name)
        kodi.notify(Text(texts.SECRET_FORGOTTEN))
    # Only now: killed before, the next start takes it again.
    kodi.set_setting(name, "")
    kodi.set_setting(switch, "true" if private.get(name, belongs_to) else "false")
    if not safe:
        kodi.notify(Text(texts.SECRET_NOT_WRITTEN), WARNING)
