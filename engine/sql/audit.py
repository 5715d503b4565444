"""The audit log: what left, in whose hands, for what and on what basis; each entry bears the hash of the one before it.

An entry is canonical JSON (sorted keys, no blanks, UTF-8) and its hash the SHA-256 of that text. Who can write to the table can write
the whole chain anew, or cut its end off: only a hash that was noted elsewhere tells.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Capabilities, Dialect
from engine.sql import names

BEGINNING = "0" * 64
"""Stands for the hash before the first entry."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry as it lies in the table."""

    number: int
    text: str
    hash: str

    @property
    def said(self) -> Mapping[str, Any]:
        """What it says; nothing where somebody made it unreadable."""
        try:
            said = json.loads(self.text)
        except ValueError:
            return {}
        return said if isinstance(said, dict) else {}


def table(schema: str, capabilities: Capabilities, metadata: sa.MetaData) -> sa.Table:
    """Give the table, one row for each entry."""
    named = names.table("audit", (), schema, capabilities)
    return sa.Table(
        named.name, metadata, sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry", sa.Text, nullable=False), sa.Column("hash", sa.Text, nullable=False), schema=named.schema,
    )  # fmt: skip


def append(connection: sa.Connection, dialect: Dialect, log: sa.Table, said: Mapping[str, Any]) -> str:
    """Add an entry in the caller's transaction, and give its hash. Who writes at the same time waits until that ends."""
    dialect.take_turns(connection, f"write the audit log {log.fullname}")
    newest = sa.select(log.c.number, log.c.hash).order_by(log.c.number.desc()).limit(1)
    number, previous = connection.execute(newest).one_or_none() or (0, BEGINNING)
    text = canonical({**said, "number": number + 1, "previous": previous})
    connection.execute(log.insert().values(number=number + 1, entry=text, hash=digest(text)))
    return digest(text)


def entries(connection: sa.Connection, log: sa.Table) -> tuple[Entry, ...]:
    """Give all entries in their order."""
    rows = connection.execute(sa.select(log).order_by(log.c.number))
    return tuple(Entry(number=number, text=text, hash=hash) for number, text, hash in rows)


def canonical(said: Mapping[str, Any]) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def verify(found: Iterable[Entry], head: str | None = None) -> Iterator[str]:
    """Say what was done to the log: which entries were changed, removed, put in, or moved.

    `head`: the hash of an entry, noted elsewhere; that entry and all before it must be what they were.
    """
    log = tuple(found)
    numbers = [number if isinstance(number := entry.said.get("number"), int) else None for entry in log]
    hashes = dict(zip(numbers, (entry.hash for entry in log), strict=True))
    for entry, number in zip(log, numbers, strict=True):
        before = BEGINNING if entry.number == 1 else hashes.get(entry.number - 1)
        if digest(entry.text) != entry.hash or number is None:
            yield f"entry {entry.number} was changed: what it says has another hash"
        elif number != entry.number:
            yield f"entry {number} was moved: it stands in the place of entry {entry.number}"
        elif before is not None and entry.said.get("previous") != before:
            yield f"entry {number - 1} was changed or put in: entry {number} was written behind another one"
    known = {number for number in (*numbers, *(entry.number for entry in log)) if number is not None}
    yield from (f"entry {number} was removed" for number in range(1, max(known, default=0)) if number not in known)
    yield from (
        f"an entry {number} was put in: there are {count}" for number, count in Counter(numbers).items() if count > 1
    )
    if head is not None and head not in hashes.values():
        yield f"no entry has the hash {head}: since it was noted, entries at the end were removed, or the log was written anew"
