"""Columns of tables that others made, in the form the language means."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from engine.kit.types import Stored, from_sqlalchemy, to_sqlalchemy


class Meant(sa.Cast[Any]):
    """A column as its `Stored` type says it is meant; like a CAST it bears the column's name."""

    inherit_cache = True


@compiles(Meant)
def _write(element: Meant, compiler: Any, **context: Any) -> str:
    column: Any = element.clause
    return str(compiler.process(column.type.meant(column), **context))


def meant(column: Any) -> Any:
    """Give a column as the language means it; one of our own tables is that already."""
    if isinstance(column.type, sa.Uuid):
        return sa.cast(column, sa.String())
    if isinstance(column.type, Stored):
        return Meant(column, to_sqlalchemy(from_sqlalchemy(column.type)))
    return column


def joinable(column: Any) -> Any:
    """Give a column as it is joined: a uuid as it is kept, which an index finds, else as the language means it."""
    return column if isinstance(column.type, sa.Uuid) else meant(column)


def paired(our: Any, their: Any) -> tuple[Any, Any]:
    """Give two columns so that the database can hold them against each other: a uuid beside a text is a text."""
    if isinstance(our.type, sa.Uuid) and isinstance(their.type, sa.Uuid):
        return our, their
    return meant(our), meant(their)


def as_kept(column: Any, theirs: Any) -> Any:
    """Give a column of ours, whose values come from a column of theirs, in the type that is kept there if it is a uuid."""
    is_text = isinstance(theirs.type, sa.Uuid) and not isinstance(column.type, sa.Uuid)
    return sa.cast(column, sa.Uuid()) if is_text else column
