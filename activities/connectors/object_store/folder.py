"""A folder as a store."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from activities.connectors.object_store.place import Place, checked, is_sound, unfinished


class FolderStore:
    """See `engine.kit.connector.ObjectStore`. The folder itself must be there: one that is not may be a disk that is not mounted.

    A file that its receiver took away is not known to have been there.
    """

    def __init__(self, folder: Path, place: Place) -> None:
        self._folder = folder
        self._place = place

    def put(self, file: Path, key: str) -> Mapping[str, Any]:
        with self._refusals():
            target = self._root() / checked(key)
            target.parent.mkdir(parents=True, exist_ok=True)
            size = _copy(file, target.with_name(unfinished(file, target.name)), target)
        return {"bytes": size}

    def exists(self, key: str) -> bool:
        with self._refusals():
            return (self._root() / checked(key)).is_file()

    def list(self, prefix: str = "") -> Sequence[str]:
        with self._refusals():
            start = self._root() / prefix.rpartition("/")[0]
            files = (path for path in start.rglob("*") if path.is_file())
            keys = (path.relative_to(self._folder).as_posix() for path in files)
            return sorted(key for key in keys if key.startswith(prefix) and is_sound(key))

    def fetch(self, key: str, to: Path) -> Path:
        with self._refusals():
            source = self._root() / checked(key)
            if not source.is_file():
                raise self._place.missing(key)
            to.parent.mkdir(parents=True, exist_ok=True)
            _copy(source, to.with_name(f".{to.name}.part"), to)
        return to

    def _root(self) -> Path:
        if not self._folder.is_dir():
            raise self._place.refused("there is no such folder", "make it, mount it, or correct 'url'")
        return self._folder

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except PermissionError as problem:
            fix = "let the user that runs audienceflow read and write there"
            raise self._place.refused(f"permission denied: {problem.filename}", fix) from None
        except OSError as problem:
            raise self._place.later(str(problem)) from None


def _copy(source: Path, part: Path, target: Path) -> int:
    """Copy a file by way of another name, so that nobody ever sees a part of it; give its size."""
    flags = (
        os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
    )  # not emptied: another may write the same bytes just now
    with source.open("rb") as content, os.fdopen(os.open(part, flags, 0o666), "wb") as copy:
        shutil.copyfileobj(content, copy, 1 << 20)
        copy.truncate()
        copy.flush()
        os.fsync(copy.fileno())  # else a name may outlive a loss of power, and its bytes not
        size = copy.tell()
    try:
        part.replace(target)
    except FileNotFoundError:
        if not target.is_file() or target.stat().st_size != size:  # else another, with the same bytes, was first
            raise
    return size
