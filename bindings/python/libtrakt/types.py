"""The keys of configuration, options and results, for type checkers and readers.

Any key of a result may be missing, and newer libraries may add others: they are handed on as they come. Moments are
RFC 3339 text in UTC, durations are whole milliseconds.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, TypedDict


class TimeoutsMs(TypedDict, total=False):
    """Limits of a request, in milliseconds."""

    resolve: int
    connect: int
    read: int
    total: int


class Config(TypedDict, total=False):
    """What a client is opened with; only `client_id` is required."""

    client_id: str
    client_secret: str
    redirect_uri: str
    data_dir: str
    auth_url: str
    api_url: str
    app_name: str
    app_version: str
    proxy: str
    ca_file: str
    timeouts_ms: TimeoutsMs
    log_level: str


class ErrorInfo(TypedDict, total=False):
    """An error inside a result; `errors.from_error` makes an exception of it."""

    code: str
    message: str
    retryable: bool
    retry_after_ms: int
    http_status: int
    upgrade_url: str
    limit: int
    reason: str
    expires_at: str


class User(TypedDict, total=False):
    """Who is linked."""

    username: Optional[str]
    name: Optional[str]
    uuid: Optional[str]
    slug: Optional[str]
    vip: Optional[bool]


class TokenInfo(TypedDict, total=False):
    """What may be known of a token; never the token."""

    expires_at: Optional[str]
    refreshable: bool


class LoginSnapshot(TypedDict, total=False):
    """A device login as it stands.

    `state` is one of `idle`, `starting`, `pending`, `authorized`, `denied`, `expired`, `already_used`, `invalid`,
    `cancelled`, `failed`. `last_error` is passing trouble, `error` is final.
    """

    login_id: Any
    state: str
    user_code: Optional[str]
    verification_url: Optional[str]
    verification_url_complete: Optional[str]
    qr_rows: Optional[List[str]]
    qr_png_path: Optional[str]
    next_poll_in_ms: Optional[int]
    expires_in_ms: Optional[int]
    interval_ms: Optional[int]
    polls: int
    driver: Optional[str]
    last_error: Optional[ErrorInfo]
    error: Optional[ErrorInfo]
    account: Optional[User]


class Account(TypedDict, total=False):
    """The account as it is known here. `state` is one of `none`, `linked`, `relink_needed`, `locked`, `blocked`,
    `app_refused`; `linked` is true while calls can work."""

    state: str
    linked: bool
    reason: Optional[str]
    since: Optional[str]
    user: Optional[User]
    token: Optional[TokenInfo]
    last_contact_at: Optional[str]
    last_error: Optional[ErrorInfo]
    clock_skew_ms: Optional[int]
    store: str
    pending_login: Any


class AuthorizeUrl(TypedDict, total=False):
    """Where to send the user's browser."""

    url: str
    state: str
    expires_in_ms: int


class Settings(TypedDict, total=False):
    """The user's settings: `settings` as Trakt sent them, the rest read for use. `source` is `network` or `stored`."""

    settings: Dict[str, Any]
    user: Dict[str, Any]
    account: Dict[str, Any]
    limits: Dict[str, Any]
    permissions: Dict[str, Any]
    fetched_at: str
    source: str
    stale: bool
    error: Optional[ErrorInfo]


class LimitCheck(TypedDict, total=False):
    """Whether one more fits; `known` is false, and `allowed` true, when nothing is known of the limit."""

    allowed: bool
    known: bool
    limit: Optional[int]
    have: int
    remaining: Optional[int]
    vip: Optional[bool]
    upgrade_url: Optional[str]


class PermissionCheck(TypedDict, total=False):
    """Whether the account may."""

    allowed: bool
    temporary: bool


class Unlinked(TypedDict, total=False):
    """What became of the link: forgotten here in any case; `revoked` says whether Trakt knows."""

    revoked: bool
    reason: Optional[str]


class PlayerState(TypedDict, total=False):
    """What is made of a playback: `state` is `playing`, `paused`, `ended` or `ignored`; `reason` is a word for why."""

    session: str
    state: str
    reason: Optional[str]
    counts: bool
    progress: Optional[float]


class Event(TypedDict, total=False):
    """Something that happened; `type` is for example `account.linked`, `by` is `self` or `other`, `data` what about."""

    type: str
    at: str
    by: str
    data: Dict[str, Any]


class LogRecord(TypedDict, total=False):
    """A line of the library's log."""

    at: str
    level: str
    target: str
    message: str
