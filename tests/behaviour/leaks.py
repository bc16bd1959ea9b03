"""Looks for secrets in a text: every piece of each, plain and in disguise. Knows nothing of what the text is."""

from __future__ import annotations

import base64
from typing import Dict, Iterator, List, Mapping, Tuple
from urllib.parse import quote

#: Bytes of a secret that must not be seen together.
PIECE = 8


def pieces(secrets: Mapping[str, str]) -> Iterator[Tuple[str, bytes]]:
    """Every piece of each secret, plain."""
    for what, secret in secrets.items():
        data = secret.encode()
        assert len(data) >= PIECE, what
        for at in range(len(data) - PIECE + 1):
            yield what, data[at : at + PIECE]


def disguises(piece: bytes) -> Iterator[bytes]:
    """A piece as it may look in a text: plain, percent-encoded, hex, base64 at each of its three alignments."""
    yield piece
    yield quote(piece, safe="").encode()
    yield piece.hex().encode()
    yield piece.hex().upper().encode()
    for offset in range(3):
        # Those characters that don't depend on what stands before and behind.
        first, last = -(-8 * offset // 6), (8 * (offset + len(piece))) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * offset + piece + b"\0" * 3)[first:last]


def found(haystack: bytes, secrets: Mapping[str, str]) -> List[str]:
    """Which secrets show in a text."""
    forms: Dict[int, Dict[bytes, str]] = {}
    for what, piece in pieces(secrets):
        for form in disguises(piece):
            forms.setdefault(len(form), {})[form] = what
    return sorted(
        {
            wanted[haystack[at : at + length]]
            for length, wanted in forms.items()
            for at in range(len(haystack) - length + 1)
            if haystack[at : at + length] in wanted
        }
    )
