"""Change dimension: from the rows that came to those of another dimension that their links lead to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import sqlalchemy as sa

from engine.kit.activity import FROM, RESULT, Port, Transform
from engine.kit.adding import Added
from engine.kit.catalog import Catalog, Dimension
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr, SortKey
from engine.kit.expression.rows import equal
from engine.kit.frame import Frame, Value
from engine.kit.limit import settled
from engine.kit.option import Integer, Many, option
from engine.kit.population import Inputs, Population, unused


class ChangeDimension(Transform):
    """Give the rows of another dimension that links lead to from those that came.

    `to` is a link of their dimension, or a path of links, to one or to many. Each row of the new dimension stands in the result once,
    however many lead to it; those whose links find nobody, or hold a null, or find only rows whose key does, go to the complement.
    `add` brings data of the rows that lead there, for which nothing else of theirs is kept: an aggregate, such as `sum(amount)`, is of
    all of them, anything else of the first by `order`, where their key decides between equals. A row that reaches another twice, over
    several links, counts once.
    `keep: 2` gives a row for each of the first two that lead there, and `keep: 0` for all: the key is then the new one and the old one
    together, and the rows belong to no dimension any more. (Campaign: Change dimension.)
    """

    type: ClassVar[str] = "change_dimension"
    example: ClassVar[Mapping[str, object]] = {"to": "purchases", "add": {"town": "city"}}

    to: Expr = option("The link, or the path over links, that leads to the new dimension.", example="purchases")
    keep: Integer = option(
        "How many rows are kept of those that lead to one; 0 keeps all.", default=1, ge=0, example="1"
    )
    order: Many[SortKey] = option("Who comes first of those that lead to one.", default=(), example=["-amount"])
    add: Added = option(
        "Columns of the rows that lead there: name and expression.", default={}, example={"spend": "sum(amount)"}
    )

    def outputs(self) -> tuple[Port, ...]:
        return (RESULT, Port(name="complement", doc="The rows that lead nowhere, as they came."))

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        population = inputs[FROM.name]
        dimension, pairs = self._pairs(population, catalog)
        frame = Frame(population, catalog)
        columns = [population.column(name) for name in population.columns]
        leads = frame.leads(self.to, () if dimension.is_key_declared else dimension.key)
        lost = population.of(frame.select(*columns).where(~leads))
        return {"result": self._led(pairs, population, dimension, catalog), "complement": lost}

    def _pairs(self, population: Population, catalog: Catalog) -> tuple[Dimension, Population]:
        """Give each row that came with each row it leads to, whose key ends its own."""
        frame = Frame(population, catalog)
        dimension, key = frame.lead(self.to)
        names = [population.unused(f"to_{index}") for index in range(len(key))]
        columns = [population.column(name) for name in population.columns]
        ends = [value.sql.label(name) for name, value in zip(names, key, strict=True)]
        found = frame.select(*columns, *ends).where(*(value.sql.is_not(None) for value in key))
        place = population.unused("place")
        rank = sa.func.row_number().over(partition_by=[*population.key_columns, *(value.sql for value in key)])
        ranked = found.add_columns(rank.label(place)).subquery()
        once = sa.select(*(ranked.c[name] for name in (*population.columns, *names))).where(ranked.c[place] == 1)
        statement = once if len(str(self.to).split(".")) > 1 else found
        types = {name: value.type for name, value in zip(names, key, strict=True)}
        pairs = population.of(statement, types)
        return dimension, Population(
            relation=pairs.relation,
            key=(*population.key, *names),
            columns=pairs.columns,
            dimension=population.dimension,
        )

    def _led(self, pairs: Population, population: Population, dimension: Dimension, catalog: Catalog) -> Population:
        """Give the first rows that lead to one, with what `add` says of them and of all."""
        frame = Frame(pairs, catalog)
        ends = pairs.key[len(population.key) :]
        ours = [pairs.column(name) for name in ends]
        first = {name: frame.value(each) for name, each in self.add.items() if not frame.is_of_group(each)}
        rank = sa.func.row_number().over(partition_by=ours, order_by=frame.order(self.order)).label("place")
        values = [value.sql.label(f"v{index}") for index, value in enumerate(first.values())]
        keys = [pairs.column(name).label(f"k{index}") for index, name in enumerate(pairs.key)]
        ranked = frame.select(*keys, *values, rank).subquery()
        theirs = [ranked.c[f"k{index}"] for index in range(len(population.key), len(pairs.key))]
        columns: dict[str, Value] = {
            name: Value(column, pairs.columns[end])
            for name, column, end in zip(dimension.key, theirs, ends, strict=True)
        }
        if self.keep != 1:
            for index, name in enumerate(population.key):
                columns[self._old(name, population, columns)] = Value(ranked.c[f"k{index}"], pairs.columns[name])
        key = tuple(columns)
        columns |= {name: Value(ranked.c[f"v{index}"], value.type) for index, (name, value) in enumerate(first.items())}
        totals = self._totals(pairs, ends, catalog)
        source: sa.FromClause = ranked
        if totals is not None:
            of_all, types = totals
            source = source.outerjoin(of_all, sa.and_(*equal(theirs, [of_all.c[name] for name in ends])))
            columns |= {name: Value(of_all.c[f"v{index}"], type_) for index, (name, type_) in enumerate(types.items())}
        self._keep_key(key)
        kept = sa.select(*(columns[name].sql.label(name) for name in (*key, *self.add))).select_from(source)
        if self.keep:
            kept = kept.where(ranked.c.place <= settled(self.keep))
        return Population(
            relation=kept.subquery(),
            key=key,
            columns={name: columns[name].type for name in (*key, *self.add)},
            dimension=dimension.name if self.keep == 1 else None,
            unique=self.keep == 1 or (population.unique and dimension.is_key_declared),
        )

    def _totals(
        self, pairs: Population, ends: tuple[str, ...], catalog: Catalog
    ) -> tuple[sa.Subquery, dict[str, Any]] | None:
        """Give the aggregates of all rows that lead to one, by its key, with their types."""
        frame = Frame(pairs, catalog)
        values = {name: frame.of_group(each) for name, each in self.add.items() if frame.is_of_group(each)}
        if not values:
            return None
        keys = [pairs.column(name) for name in ends]
        columns = [value.sql.label(f"v{index}") for index, value in enumerate(values.values())]
        grouped = frame.select(*keys, *columns).group_by(*keys).subquery()
        return grouped, {name: value.type for name, value in values.items()}

    def _old(self, name: str, population: Population, taken: Mapping[str, Value]) -> str:
        """Name a part of the old key beside the new one."""
        known = (*taken, *self.add)
        return name if unused(name, known) == name else unused(f"{population.dimension}_{name}", known)

    def _keep_key(self, key: tuple[str, ...]) -> None:
        for name in key:
            if name in self.add:
                raise AuthorError.at(
                    self.add[name].span,
                    "E403",
                    f"'{name}' is the key and cannot be computed",
                    "give the column another name",
                )
