"""Another population, linked to the rows by pairs of columns: a link as those of a dimension are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import sqlalchemy as sa

from engine.kit.catalog import Catalog, Dimension, Link
from engine.kit.errors import AuthorError, EngineBug, Span, suggestion
from engine.kit.expression import SortKey
from engine.kit.expression.value import common_type
from engine.kit.frame import Frame
from engine.kit.population import Population
from engine.kit.types import Type, to_sqlalchemy


def linked(
    name: str, ours: Population, theirs: Population, on: Mapping[str, str], order: Sequence[SortKey], catalog: Catalog
) -> tuple[Link, Catalog]:
    """Give a link from our rows to theirs, and the catalogue that knows what is behind it.

    A collection over the link sees all their rows. A path follows it to the first by `order`, which their key ends; without one it
    is taken for granted that there is one at most, and rows multiply where there are more. A null joins nothing.
    """
    _hold_types(ours, theirs, on, catalog)
    all_, one = f"population {name}", f"one of population {name}"
    whole = _as_dimension(all_, theirs, catalog)
    found = replace(whole, name=one, key=tuple(on.values()))
    if order:
        found = replace(found, table=cast("sa.Table", _firsts(theirs, tuple(on.values()), order, catalog)))
    link = Link(name=name, target=all_, on=tuple(on.items()), one=one, is_own=True)
    return link, replace(catalog, tables={**catalog.tables, all_: whole, one: found})


def _hold_types(ours: Population, theirs: Population, on: Mapping[str, str], catalog: Catalog) -> None:
    known = {**(catalog.dimension(ours.dimension).columns if ours.dimension else {}), **ours.columns}
    for our, their in on.items():
        place = getattr(their, "span", None)  # a key has none
        sides = (_type(our, known, place), _type(their, theirs.columns, place))
        if common_type(sides) is None:
            raise AuthorError.at(
                place,
                "E305",
                f"'{our}' is {sides[0]} and '{their}' is {sides[1]}, so they cannot be joined",
                "bring both to one type in an 'edit_schema' before",
            )


def _type(name: str, columns: Mapping[str, Type], place: Span | None) -> Type:
    if name not in columns:
        fix = suggestion(name, columns, "columns")
        raise AuthorError.at(place, "E301", f"there is no column '{name}'", fix)
    return columns[name]


def _as_dimension(name: str, population: Population, catalog: Catalog) -> Dimension:
    """Give a population as what a link leads to, with those links of its dimension that start at the key."""
    if not isinstance(population.relation, sa.TableClause):
        raise EngineBug("a population that is linked lies in a table")
    columns: list[sa.Column[Any]] = [
        sa.Column(each, to_sqlalchemy(type_)) for each, type_ in population.columns.items()
    ]
    table = sa.Table(population.relation.name, sa.MetaData(), *columns, schema=population.relation.schema)
    links = catalog.dimension(population.dimension).links if population.dimension else {}
    at_key = {each: link for each, link in links.items() if {our for our, _ in link.on} <= set(population.key)}
    return Dimension(name=name, table=table, key=population.key, links=at_key, is_key_declared=True)


def _firsts(population: Population, by: Sequence[str], order: Sequence[SortKey], catalog: Catalog) -> sa.Subquery:
    """Give the first row of each group that is equal in `by`."""
    frame = Frame(population, catalog)
    place, columns = population.unused("place"), [population.column(name) for name in population.columns]
    rank = sa.func.row_number().over(partition_by=[population.column(name) for name in by], order_by=frame.order(order))
    ranked = frame.select(*columns, rank.label(place)).subquery()
    return sa.select(*(ranked.c[name] for name in population.columns)).where(ranked.c[place] == 1).subquery()
