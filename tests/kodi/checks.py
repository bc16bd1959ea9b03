"""What must hold at the end of every test with a real Kodi. Knows nothing of pytest."""

from __future__ import annotations

import json
import re
import sqlite3
from typing import Dict, Iterator, List

from driver import TROUBLE, Kodi
from leaks import PIECE, found, pieces
from libtrakt.errors import BY_CODE
from simtrakt import Sim

#: What stands in Kodi's log or output only if something went wrong that nobody may have noticed.
_TROUBLE = (*TROUBLE, "Exception ignored", "Traceback (most recent call last)")

_WORD = re.compile(rb"[\w+/=%%~.-]{%d,}" % PIECE)


def trouble(kodi: Kodi) -> List[str]:
    """Lines of the log and the output that tell of a script that failed or wouldn't stop."""
    return [line for line in _all_text(kodi).splitlines() if any(each in line for each in _TROUBLE)]


def leaked(kodi: Kodi, *sims: Sim, also: Dict[str, str]) -> List[str]:
    """Which secrets show in what Kodi wrote, as a whole or in pieces, plain or in disguise; `also`: more secrets."""
    secrets = {**also, **_stored(kodi)}
    for sim in sims:
        secrets.update(_sent(sim))
    text = _all_text(kodi).encode()
    # Nothing but words can hold a piece or its disguise; a log repeats most of them. But a password may be no word.
    words = set(_WORD.findall(text))
    plain = {what for what, piece in pieces(secrets) if not _WORD.fullmatch(piece) and piece in text}
    return sorted(plain.union(found(b"\n".join(sorted(words)), secrets)))


def _all_text(kodi: Kodi) -> str:
    output = kodi.output.read_text(errors="replace") if kodi.output.exists() else ""
    return kodi.whole_log() + output


def _sent(sim: Sim) -> Dict[str, str]:
    """The secrets that went over the wire."""
    secrets = {"client secret": sim.client_secret}
    for request in sim.log():
        token = request["headers"].get("authorization", "").replace("Bearer ", "")
        if token:
            secrets[f"access token of request {request['n']}"] = token
        if request["body"] and request["body"].startswith("{"):
            for what, value in _named(json.loads(request["body"])):
                secrets[f"{what} of request {request['n']}"] = value
    return secrets


def _stored(kodi: Kodi) -> Dict[str, str]:
    """The secrets in the stores of all profiles, also those that were never sent."""
    secrets = {}
    for store in kodi.home.path.rglob("store.db"):
        connection = sqlite3.connect(f"file:{store}?mode=ro&immutable=1", uri=True)
        for scope, key, value in connection.execute("SELECT scope, key, value FROM document"):
            if value[:1] in "{[":
                secrets.update({f"{what} of {scope}/{key}": secret for what, secret in _named(json.loads(value))})
        connection.close()
    return secrets


_SECRET_KEYS = {
    "access",
    "access_token",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "refresh",
    "refresh_token",
    "token",
}


def _named(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Texts whose key says that they are secret."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _named(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner, name)
    # `code` is also what an error is called.
    elif isinstance(value, str) and name in _SECRET_KEYS and len(value) >= PIECE and value not in BY_CODE:
        yield name, value
