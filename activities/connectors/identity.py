"""Identifiers: the text by which a row is known outside, computed in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from activities.connectors.experience_cloud import DataSourceSettings
from engine.kit.dialect import Dialect, Sql
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr, tree
from engine.kit.expression.rows import equal
from engine.kit.frame import Frame, Value
from engine.kit.population import Population
from engine.kit.types import Kind


def identifier(frame: Frame, source: DataSourceSettings) -> sa.ColumnElement[Any]:
    """Give the identifier of a row as the data source exchanges it; null where the row has none.

    A visitor id is the key as it is. A declared id is the key normalised in the order written, then hashed to lower-case hex. The
    empty text, before or after normalising, is no identifier. Of several, with `keep: 1`, it is the first by `order` that is not null.
    Raises AuthorError when the key has no text of its own: a float has not.
    """
    split = path_to_many(frame, source.key) if source.keep == "1" else None
    if split is None:
        return _exchanged(frame, frame.value(source.key), source)
    link, rest = split
    ((first,),) = frame.lines(link, Expr(f"{rest} is not null", rest.span), source.order, [rest], 1)
    return _exchanged(frame, first, source)


def has_many(frame: Frame, source: DataSourceSettings) -> bool:
    """Say that a row may have several identifiers."""
    return source.keep == "all" and path_to_many(frame, source.key) is not None


def identifiers(frame: Frame, source: DataSourceSettings, name: str, *columns: Any) -> sa.Select[Any]:
    """Select these columns of each row beside every identifier it has, called `name`; a row without any is left out.

    Two that are equal after normalising stand there twice.
    """
    split = path_to_many(frame, source.key)
    assert split is not None  # noqa: S101  (has_many)
    to, rest = split
    assert isinstance(to.tree, tree.Name)  # noqa: S101
    link = frame.links[to.tree.parts[0]]
    behind = frame.catalog.behind(link)
    table = behind.table.alias()
    linked = Population(
        relation=table,
        key=behind.key or tuple(their for _, their in link.on),
        columns=behind.columns,
        dimension=behind.name if behind.name in frame.catalog.dimensions else None,
    )
    inner = Frame(linked, frame.catalog)
    value = _exchanged(inner, inner.value(rest), source)
    theirs = [table.c[their].label(f"{name}_of_{place}") for place, (_, their) in enumerate(link.on)]
    found = inner.select(*theirs, value.label(name)).subquery()
    ours = frame.row.ours(link)
    pairs = equal(ours, [found.c[their.name] for their in theirs])
    return frame.select(*columns, found.c[name]).where(*pairs, found.c[name].is_not(None))


def path_to_many(frame: Frame, key: Expr) -> tuple[Expr, Expr] | None:
    """Part a path whose first link is to many into the link and what stands behind it; absent for any other expression."""
    match key.tree:
        case tree.Name(parts=(first, *others)) if others and first in frame.links and frame.links[first].many:
            return Expr(_quoted(first), key.span), Expr(".".join(map(_quoted, others)), key.span)
    return None


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def _exchanged(frame: Frame, value: Value, source: DataSourceSettings) -> sa.ColumnElement[Any]:
    dialect = frame.catalog.dialect
    if value.type.is_carried or value.type.kind == Kind.FLOAT:
        raise AuthorError.at(
            source.key.span,
            "A010",
            f"an identifier is a text, and '{source.key}' is of type {value.type}, which is not written alike everywhere",
            "name a text or a whole number, or write to_string(round(…)) around it",
        )
    return steps(dialect, dialect.text(value.sql, value.type), source)[-1][1]


def steps(dialect: Dialect, text: Sql, source: DataSourceSettings) -> tuple[tuple[str, Sql], ...]:
    """Give what becomes of the text of a key: what is done to it, in order, and the value then. The last one is what is exchanged."""
    done: list[tuple[str, Any]] = [("key", text)]
    for step in source.normalise or ():
        last = done[-1][1]
        done.append((step, dialect.trim(last) if step == "trim" else dialect.lower(last)))
    word, last = done[-1]
    last = sa.func.nullif(last, sa.literal("", sa.String()))
    match source.hash:
        case "sha256":
            return (*done, ("sha256", dialect.sha256(last)))
        case "md5":
            return (*done, ("md5", dialect.md5(last)))
        case _:
            return (*done[:-1], (word, last))


def identifier_name(key: Sequence[str]) -> str:
    """Name the column that holds the identifier: `identifier`, unless the key bears that name."""
    name = "identifier"
    while name in {column.lower() for column in key}:
        name += "_"
    return name


def same_dimension(population: Population, name: str, source: DataSourceSettings) -> None:
    """Check that a data source identifies the rows of a population; AuthorError when its dimension is another."""
    if population.dimension != source.dimension:
        raise AuthorError.at(
            None,
            "A004",
            f"the data source '{name}' identifies {source.dimension}, the population is of {population.dimension or 'no dimension'}",
            "share a population of that dimension, or by another data source",
        )
