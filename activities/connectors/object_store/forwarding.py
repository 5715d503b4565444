"""A store that stands before another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.kit.connector import ObjectStore


class ForwardingStore:
    """Passes everything on to a store that is opened when it is used first."""

    def __init__(self, opened: Callable[[], ObjectStore]) -> None:
        self._opened = opened

    @cached_property
    def _store(self) -> ObjectStore:
        return self._opened()

    def put(self, file: Path, key: str) -> Mapping[str, Any]:
        return self._store.put(file, key)

    def exists(self, key: str) -> bool:
        return self._store.exists(key)

    def list(self, prefix: str = "") -> Sequence[str]:
        return self._store.list(prefix)

    def fetch(self, key: str, to: Path) -> Path:
        return self._store.fetch(key, to)
