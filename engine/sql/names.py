"""The names of the tables we make: the same for the same task, short enough for every database."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from engine.kit.dialect import Capabilities


def table(kind: str, parts: tuple[str, ...], schema: str, capabilities: Capabilities) -> sa.TableClause:
    """Name a table of ours, `kind_part_part…`; a name too long for the database ends in a hash of the whole.

    Where the database has no schemas, the schema's name becomes the beginning of the table's.
    """
    name = "_".join((kind, *parts))
    if not capabilities.schemas:
        name = f"{schema}_{name}"
    if len(name) > capabilities.longest_name:
        digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:10]
        name = f"{name[: capabilities.longest_name - 11]}_{digest}"
    return sa.table(name, schema=schema if capabilities.schemas else None)
