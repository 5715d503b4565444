"""Holding populations against each other by key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from engine.kit.errors import AuthorError, suggestion
from engine.kit.population import Population
from engine.kit.types import Type, to_sqlalchemy


def agree(populations: Sequence[Population]) -> None:
    """Check that the keys of all mean the same; AuthorError when the dimensions differ or rows are not reconciled yet."""
    dimensions = {population.dimension for population in populations}
    if len(dimensions) > 1 or dimensions == {None}:
        listed = ", ".join(sorted(name or "rows without a dimension" for name in dimensions))
        raise AuthorError.at(
            None,
            "E401",
            f"these populations cannot be compared by key: {listed}",
            "bring them to one dimension first"
            if len(dimensions) > 1
            else suggestion("", ["reconciliation"], "activities"),
        )
    keys = {population.key for population in populations}
    if len(keys) > 1:
        listed = " and ".join(sorted("(" + ", ".join(key) + ")" for key in keys))
        raise AuthorError.at(
            None, "E405", f"these populations of one dimension have other keys: {listed}", "fill the older list again"
        )


def stacked(populations: Sequence[Population]) -> Population:
    """Give the rows of all, one per key: that of the first population that holds it. Columns are those of all, null where absent.

    A decimal has as many digits as the longest of its name, and digits nobody knows when one of them has.
    """
    agree(populations)
    first = populations[0]
    columns: dict[str, Type] = {}
    for population in populations:
        for name, type_ in population.columns.items():
            known = columns.setdefault(name, type_)
            if known.kind != type_.kind:
                raise AuthorError.at(
                    None,
                    "E402",
                    f"the column '{name}' is {known} in one population and {type_} in another",
                    "rename one of them where it is added",
                )
            if known.scale is not None and (type_.scale is None or type_.scale > known.scale):
                columns[name] = type_
    parts = [_widened(population, populations[:index], columns) for index, population in enumerate(populations)]
    relation = sa.union_all(*parts).subquery() if len(parts) > 1 else parts[0].subquery()
    return replace(
        first,
        relation=relation,
        columns=columns,
        count=None,
        unique=all(population.unique for population in populations),
    )


def _widened(
    population: Population, earlier: Sequence[Population], columns: dict[str, Type]
) -> sa.Select[tuple[object, ...]]:
    fresh = population.without(*earlier) if earlier else population
    columns_of_all: list[Any] = [_as_type(fresh, name, type_) for name, type_ in columns.items()]
    return sa.select(*columns_of_all)


def _as_type(population: Population, name: str, type_: Type) -> sa.ColumnElement[Any]:
    if name not in population.columns:
        return sa.cast(sa.null(), to_sqlalchemy(type_)).label(name)
    if population.columns[name] == type_:
        return population.column(name)
    exact = sa.Numeric() if type_.scale is None else sa.Numeric(38, type_.scale)
    return sa.cast(population.column(name), exact).label(name)
