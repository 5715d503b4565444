"""What a store says when something is not well: which store, where the project declares it, what to do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from engine.kit.errors import DataError, Refused, RetryLater, Span


@dataclass(frozen=True, kw_only=True)
class Place:
    """A store as messages name it; its url holds no secret."""

    url: str
    span: Span | None

    def refused(self, what: str, fix: str) -> Refused:
        return Refused(self._said(what), fix)

    def later(self, what: str) -> RetryLater:
        return RetryLater(self._said(what), "try again later, or give the activity a 'retry'")

    def missing(self, key: str) -> DataError:
        """Build the error of an object that is not there."""
        return DataError(self._said(f"there is no object '{key}'"), "see whether it was taken away since it was listed")

    def _said(self, what: str) -> str:
        where = f"{self.span}: " if self.span else ""
        return f"{where}the store {self.url}: {what}"


def is_sound(key: str) -> bool:
    """Say whether a key names a file below a folder, in every store and on every system, and no hidden one."""
    parts = key.split("/")
    return all(part and not part.startswith(".") and "\\" not in part and part.isprintable() for part in parts)


def checked(key: str) -> str:
    """Give a sound key; DataError for another."""
    if not is_sound(key):
        raise DataError(f"the key '{key}' names no file below a folder", "give the file a name without '..' and '\\'")
    return key


def unfinished(file: Path, name: str) -> str:
    """Name a file while it is written. The same bytes have the same name: whoever writes them at once writes them alike."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return f".{name}.{digest[:16]}.part"
