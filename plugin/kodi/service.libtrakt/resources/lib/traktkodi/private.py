"""What the user typed into the settings and nobody else may read: the client secret and the password of a proxy.

Kodi's own file of settings is readable for everybody and, on some systems, shared on the network. So each secret is
taken from it at once into a file for this user alone, and belongs to what it was typed for: a client id, a proxy.
"""

from __future__ import annotations

import json
import os
from typing import Dict, Mapping, Optional

from . import files


class Private:
    """Secrets by name."""

    def __init__(self, path: str) -> None:
        """Reads the file at `path`, if there is one; a broken one counts as empty."""
        self._path = path
        self._kept: Dict[str, Mapping[str, str]] = {}
        try:
            with open(path, encoding="utf-8") as file:
                kept = json.load(file)
        except (OSError, ValueError):
            return
        if isinstance(kept, dict):
            self._kept = {name: entry for name, entry in kept.items() if _is_entry(entry)}

    def get(self, name: str, belongs_to: str) -> Optional[str]:
        """The secret, if it was typed for this."""
        entry = self._kept.get(name)
        return entry["secret"] if entry and entry["belongs_to"] == belongs_to else None

    def keep(self, name: str, belongs_to: str, secret: str) -> bool:
        """Keeps a secret in the place of an older one; false when it could be kept until Kodi's end only."""
        return self._change({**self._kept, name: {"belongs_to": belongs_to, "secret": secret}})

    def forget_others(self, name: str, belongs_to: str) -> bool:
        """Forgets the secret unless it belongs to this; false as with `keep`."""
        if name in self._kept and self._kept[name]["belongs_to"] != belongs_to:
            return self.forget(name)
        return True

    def forget(self, name: str) -> bool:
        """Forgets the secret; false as with `keep`."""
        return self._change({other: entry for other, entry in self._kept.items() if other != name})

    def _change(self, kept: Dict[str, Mapping[str, str]]) -> bool:
        if kept == self._kept:
            return True
        self._kept = kept
        try:
            files.make_private_folder(os.path.dirname(self._path))
            files.write(self._path, json.dumps(kept).encode())
        except OSError:
            return False
        return True


def _is_entry(entry: object) -> bool:
    return isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in ("belongs_to", "secret"))
