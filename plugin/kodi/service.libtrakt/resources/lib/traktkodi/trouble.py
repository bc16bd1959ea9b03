"""Trouble in plain words: what an error code of the library, or the state of the account or of the stored data, means
to the person in front of the screen, and what to do now. Knows nothing of where it is told.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Union

import libtrakt

from . import texts
from .texts import Text

#: Where a user sees the connected apps, disconnects one, and (with VIP) makes a client id.
APPS_URL = "https://app.trakt.tv/settings/apps"

#: One sentence for each status of the library but `ok`.
_BY_CODE: Dict[str, int] = {
    "invalid_argument": texts.TROUBLE_DEFECT,
    "invalid_handle": texts.TROUBLE_DEFECT,
    "invalid_json": texts.TROUBLE_DEFECT,
    "unknown_method": texts.TROUBLE_DEFECT,
    "unknown_option": texts.TROUBLE_DEFECT,
    "wrong_state": texts.TROUBLE_DEFECT,
    "busy": texts.TROUBLE_BUSY,
    "closed": texts.TROUBLE_CLOSED,
    "config": texts.TROUBLE_CONFIG,
    "network": texts.TROUBLE_NETWORK,
    "timeout": texts.TROUBLE_TIMEOUT,
    "dns": texts.TROUBLE_DNS,
    "tls": texts.TROUBLE_TLS,
    "tls_clock": texts.TROUBLE_CLOCK,
    "proxy": texts.TROUBLE_PROXY,
    "not_linked": texts.TROUBLE_NOT_LINKED,
    "forbidden": texts.TROUBLE_FORBIDDEN,
    "not_found": texts.TROUBLE_NOT_FOUND,
    "rate_limited": texts.TROUBLE_RATE_LIMITED,
    "server_error": texts.TROUBLE_SERVER,
    "bad_reply": texts.TROUBLE_BAD_REPLY,
    "account_locked": texts.TROUBLE_LOCKED,
    "vip_only": texts.TROUBLE_VIP_ONLY,
    "account_limit": texts.TROUBLE_LIMIT,
    "conflict": texts.TROUBLE_CONFLICT,
    "rejected": texts.TROUBLE_REJECTED,
    "blocked": texts.TROUBLE_BLOCKED,
    "code_expired": texts.TROUBLE_CODE_EXPIRED,
    "code_denied": texts.TROUBLE_CODE_DENIED,
    "code_already_used": texts.TROUBLE_CODE_USED,
    "code_invalid": texts.TROUBLE_CODE_INVALID,
    "state_mismatch": texts.TROUBLE_STATE_MISMATCH,
    "storage": texts.TROUBLE_STORAGE,
    "storage_full": texts.TROUBLE_STORAGE_FULL,
    "storage_corrupt": texts.TROUBLE_STORAGE_CORRUPT,
    "storage_newer": texts.TROUBLE_STORAGE_NEWER,
    "cancelled": texts.TROUBLE_CANCELLED,
    "out_of_memory": texts.TROUBLE_MEMORY,
    "internal": texts.TROUBLE_DEFECT,
}

#: Where the library's `reason` makes a code more exact.
_BY_REASON: Dict[str, int] = {
    "relink_needed": texts.TROUBLE_SESSION_ENDED,
    "unauthorized": texts.TROUBLE_UNAUTHORIZED,
    "invalid_client": texts.TROUBLE_APP_REFUSED,
    "account_deactivated": texts.TROUBLE_DEACTIVATED,
    "vip_user": texts.TROUBLE_LIMIT_VIP,
}

_BY_STATE: Dict[str, int] = {
    "relink_needed": texts.TROUBLE_SESSION_ENDED,
    "locked": texts.TROUBLE_LOCKED,
    "blocked": texts.TROUBLE_BLOCKED,
    "app_refused": texts.TROUBLE_APP_REFUSED,
    "unavailable": texts.TROUBLE_UNAVAILABLE,
}

_BY_STORE: Dict[str, int] = {
    "memory": texts.TROUBLE_STORE_MEMORY,
    "readonly": texts.TROUBLE_STORE_READONLY,
    "full": texts.TROUBLE_STORAGE_FULL,
    "newer": texts.TROUBLE_STORAGE_NEWER,
    "corrupt_moved": texts.TROUBLE_STORAGE_CORRUPT,
}


def of_error(error: Union[Mapping[str, Any], libtrakt.TraktError]) -> Text:
    """What an error of the library means: of a call, or `last_error` and `error` of an account or a login."""
    fields = error if isinstance(error, Mapping) else vars(error)
    code, reason, limit = fields.get("code"), fields.get("reason"), fields.get("limit")
    if reason in _BY_REASON:
        return Text(_BY_REASON[reason])
    if code == "account_limit" and limit is not None:
        return Text(texts.TROUBLE_LIMIT_OF, {"limit": limit})
    if code in _BY_CODE:
        return Text(_BY_CODE[code])
    return Text(texts.TROUBLE_UNKNOWN, {"code": code})


def of_account(account: Mapping[str, Any]) -> Optional[Text]:
    """What keeps the account from working as a whole; None if nothing does, or none is linked."""
    state, reason = account.get("state"), account.get("reason")
    if state == "locked" and reason in _BY_REASON:
        return Text(_BY_REASON[reason])
    return Text(_BY_STATE[state]) if state in _BY_STATE else None


def of_store(account: Mapping[str, Any]) -> Optional[Text]:
    """What is wrong with the stored data; None if nothing is."""
    store = account.get("store")
    return Text(_BY_STORE[store]) if store in _BY_STORE else None


def of_unavailable(trouble: Optional[Exception]) -> Text:
    """Why there is no client: `trouble` as `Trakt` has it, None for want of a client id.

    An exception that brings words of its own in `text` is taken by them.
    """
    if trouble is None:
        return Text(texts.TROUBLE_NO_CLIENT_ID)
    words = getattr(trouble, "text", None)
    if isinstance(words, Text):
        return words
    if isinstance(trouble, libtrakt.TraktError):
        return of_error(trouble)
    return Text(texts.TROUBLE_LIBRARY)
