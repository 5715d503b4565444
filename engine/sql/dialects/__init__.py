"""What each database does differently, as data: one record a database, by SQLAlchemy's name for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from engine.kit.dialect import Dialect


class _Dialects(Mapping[str, Dialect]):
    """The records; each is imported when it is asked for."""

    _classes: Mapping[str, str] = {"duckdb": "DuckDb", "postgresql": "PostgreSql", "sqlite": "Sqlite"}

    def __getitem__(self, name: str) -> Dialect:
        found = self._classes[name]
        dialect: Dialect = getattr(import_module(f"{__name__}.{name}"), found)()
        return dialect

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def __contains__(self, name: object) -> bool:
        return name in self._classes


DIALECTS: Mapping[str, Dialect] = _Dialects()
