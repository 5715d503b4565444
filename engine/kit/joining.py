"""Another population, linked to the rows by pairs of expressions: a link as those of a dimension are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import sqlalchemy as sa

from engine.kit.catalog import Catalog, Dimension, Link
from engine.kit.expression import Expr, SortKey, tree
from engine.kit.frame import Frame
from engine.kit.matching import Side, joined
from engine.kit.population import Population
from engine.kit.types import to_sqlalchemy


def linked(
    name: str,
    ours: Population,
    theirs: Population,
    on: Sequence[tuple[Expr, Expr]],
    order: Sequence[SortKey],
    catalog: Catalog,
) -> tuple[Population, Link, Catalog]:
    """Give our rows with what joins them, a link from there to theirs, and the catalogue that knows what is behind it.

    A collection over the link sees all their rows. A path follows it to the first by `order`, which their key ends; without one it
    is taken for granted that there is one at most, and rows multiply where there are more. A null joins nothing.
    """
    mine, others = joined(Frame(ours, catalog), Frame(theirs, catalog), on)
    ours, our_names = _with_values(mine, (our for our, _ in on))
    theirs, their_names = _with_values(others, (their for _, their in on))
    all_, one = f"population {name}", f"one of population {name}"
    whole = _as_dimension(all_, theirs, catalog)
    found = replace(whole, name=one, key=their_names)
    if order:
        found = replace(found, table=cast("sa.Table", _firsts(theirs, their_names, order, catalog)))
    pairs = tuple(zip(our_names, their_names, strict=True))
    link = Link(name=name, target=all_, on=pairs, one=one, is_own=True)
    return ours, link, replace(catalog, tables={**catalog.tables, all_: whole, one: found})


def _with_values(side: Side, written: Iterable[Expr]) -> tuple[Population, tuple[str, ...]]:
    """Give a population with a column for each value, and their names: a column of its own is used as it is."""
    population, names, computed = side.frame.population, [], {}
    for place, (expression, value) in enumerate(zip(written, side.values, strict=True)):
        name = _own(expression, population)
        if name is None or population.columns[name] != value.type:
            name = population.unused(f"on_{place}")
            computed[name] = value
        names.append(name)
    if not computed:
        return population, tuple(names)
    columns = (population.column(name) for name in population.columns)
    rows = side.frame.select(*columns, *(value.sql.label(name) for name, value in computed.items()))
    return population.of(rows, {name: value.type for name, value in computed.items()}), tuple(names)


def _own(expression: Expr, population: Population) -> str | None:
    """Give the column of the population that an expression is."""
    match expression.tree:
        case tree.Name(parts=(name,)) | tree.Name(parts=("row", name)) if name in population.columns:
            return name
    return None


def _as_dimension(name: str, population: Population, catalog: Catalog) -> Dimension:
    """Give a population as what a link leads to, with those links of its dimension that start at the key."""
    links = catalog.dimension(population.dimension).links if population.dimension else {}
    at_key = {each: link for each, link in links.items() if {our for our, _ in link.on} <= set(population.key)}
    return Dimension(name=name, table=_table(population), key=population.key, links=at_key, is_key_declared=True)


def _table(population: Population) -> sa.Table:
    """Give a population as a table; one that is selected stands where a table would."""
    relation = population.relation
    if not isinstance(relation, sa.TableClause):
        return cast("sa.Table", relation)
    columns: list[sa.Column[Any]] = [
        sa.Column(each, to_sqlalchemy(type_)) for each, type_ in population.columns.items()
    ]
    return sa.Table(relation.name, sa.MetaData(), *columns, schema=relation.schema)


def _firsts(population: Population, by: Sequence[str], order: Sequence[SortKey], catalog: Catalog) -> sa.Subquery:
    """Give the first row of each group that is equal in `by`."""
    frame = Frame(population, catalog)
    place, columns = population.unused("place"), [population.column(name) for name in population.columns]
    rank = sa.func.row_number().over(partition_by=[population.column(name) for name in by], order_by=frame.order(order))
    ranked = frame.select(*columns, rank.label(place)).subquery()
    return sa.select(*(ranked.c[name] for name in population.columns)).where(ranked.c[place] == 1).subquery()
