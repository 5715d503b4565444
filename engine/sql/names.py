"""The names of the tables we make: the same for the same task, short enough for every database."""

from __future__ import annotations

import hashlib
import re

import sqlalchemy as sa

from engine.kit.dialect import Capabilities

WORK = "w"
"""The kind of the tables that hold a run's populations."""


def table(kind: str, parts: tuple[str, ...], schema: str, capabilities: Capabilities) -> sa.TableClause:
    """Name a table of ours: `kind_part_part…_hash`; of a kind with one table only, `kind`.

    The hash tells apart what reads alike (`a_b`, `c` and `a`, `b_c`; other letters; what was cut to fit the database).
    Where the database has no schemas, the schema's name becomes the beginning of the table's.
    """
    name = beginning(kind, parts, schema, capabilities)
    if parts:
        digest = hashlib.md5("\0".join(parts).encode(), usedforsecurity=False).hexdigest()[:8]
        name = f"{name}_{digest}"
    return sa.table(name, schema=schema if capabilities.schemas else None)


def beginning(kind: str, parts: tuple[str, ...], schema: str, capabilities: Capabilities) -> str:
    """Give how the names of all tables begin that have these parts first; others may begin alike."""
    start = "" if capabilities.schemas else f"{schema}_"
    if not parts:
        return f"{start}{kind}"
    readable = re.sub(r"[^a-z0-9_]", "_", "_".join((f"{start}{kind}", *parts)).lower())
    return readable[: capabilities.longest_name - 9]
