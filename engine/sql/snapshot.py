"""What was last seen of a database: its tables and lists, kept in a file, so that names and types can be checked without connecting."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect, TableShape
from engine.kit.errors import Span
from engine.kit.population import Population
from engine.kit.types import Type, from_sqlalchemy, to_sqlalchemy
from engine.sql import names
from engine.sql.database import shaped
from engine.sql.dialects import DIALECTS
from engine.sql.ledger import listed

VERSION = 2


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Tables and lists as they were. A table that is not among them may exist all the same."""

    stamp: str
    """The state of the database's files at that moment; empty where nothing but the database itself can say."""
    tables: Mapping[str, TableShape]
    lists: Sequence[Mapping[str, Any]]
    """The rows of the ledger's table of lists."""

    def reflect(self, table: str, span: Span | None = None) -> sa.Table:  # noqa: ARG002  (what was not seen is asked for nowhere)
        """Give a table that was seen; KeyError for another one."""
        return shaped(table, self.tables[table])

    def populations(self, dialect: Dialect, work_schema: str) -> dict[str, Population]:
        """Give the lists, which lie in the work schema."""
        place = names.table("lists", (), work_schema, dialect.capabilities).schema
        return {row["name"]: listed(row, place) for row in self.lists}


def file_of(url: str) -> str:
    """Give the file a database is, empty where it is none or the URL cannot be read."""
    try:
        read = sa.make_url(url)
    except sa.exc.ArgumentError:
        return ""
    name = read.get_backend_name()
    is_file = name in DIALECTS and DIALECTS[name].capabilities.is_file and read.database != ":memory:"
    return str(read.database or "") if is_file else ""


def taken(stamp: str, tables: Mapping[str, sa.Table], lists: Iterable[Mapping[str, Any]]) -> Snapshot:
    """Take a snapshot of tables that were read, and of the rows that tell of lists."""
    shapes = {name: _shape(table) for name, table in tables.items()}
    return Snapshot(stamp=stamp, tables=shapes, lists=[dict(row) for row in lists])


def read(path: Path) -> Snapshot | None:
    """Read a snapshot; absent where there is none, or none that this version can read."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["version"] != VERSION:
            return None
        tables = {
            name: TableShape(
                {column: to_sqlalchemy(Type.parse(type_)) for column, type_ in shape["columns"]},
                tuple(shape["key"]),
                tuple(map(tuple, shape["unique"])),
            )
            for name, shape in kept["tables"].items()
        }
        return Snapshot(stamp=kept["stamp"], tables=tables, lists=kept["lists"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(path: Path, snapshot: Snapshot) -> None:
    """Keep a snapshot, whole or not at all; where the folder cannot be written, there is none."""
    tables = {
        name: {
            "columns": [[column, str(from_sqlalchemy(type_))] for column, type_ in shape.columns.items()],
            "key": shape.key,
            "unique": shape.unique,
        }
        for name, shape in snapshot.tables.items()
    }
    kept = {"version": VERSION, "stamp": snapshot.stamp, "tables": tables, "lists": snapshot.lists}
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(kept, default=str), encoding="utf-8")
        beside.replace(path)


def _shape(table: sa.Table) -> TableShape:
    unique = [constraint for constraint in table.constraints if isinstance(constraint, sa.UniqueConstraint)]
    return TableShape(
        {column.name: column.type for column in table.columns},
        tuple(column.name for column in table.primary_key.columns),
        tuple(tuple(column.name for column in constraint.columns) for constraint in unique),
    )
