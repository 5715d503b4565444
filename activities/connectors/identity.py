"""Identifiers: the text by which a row is known outside, computed in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from activities.connectors.experience_cloud import DataSourceSettings
from engine.kit.dialect import Dialect, Sql
from engine.kit.errors import AuthorError
from engine.kit.frame import Frame
from engine.kit.population import Population
from engine.kit.types import Kind


def identifier(frame: Frame, source: DataSourceSettings) -> sa.ColumnElement[Any]:
    """Give the identifier of a row as the data source exchanges it; null where the row has none.

    A visitor id is the key as it is. A declared id is the key normalised in the order written, then hashed to lower-case hex. The
    empty text, before or after normalising, is no identifier. Raises AuthorError when the key has no text of its own: a float has not.
    """
    dialect = frame.catalog.dialect
    value = frame.value(source.key)
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
