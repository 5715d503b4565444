"""Deduplication: the first records of each group of equal ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import sqlalchemy as sa
from pydantic import model_validator

from engine.kit.activity import FROM, RESULT, Port, Staged
from engine.kit.adding import Columns
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr, SortKey
from engine.kit.expression.value import Value, null_of
from engine.kit.frame import Frame
from engine.kit.limit import settled
from engine.kit.option import ColumnName, Integer, Many, Options, Some, option, wrong
from engine.kit.population import Inputs, Outputs, Population
from engine.kit.types import BOOLEAN, INTEGER, NULL, Type

MARK, RANK = "is_kept", "rank"


class Merge(Options):
    """Columns that the records kept take from one of their duplicates, or from themselves."""

    where: Expr | None = option(
        "Which records have something to give; all when not written. Null is no.",
        default=None,
        example="mobile is not null",
    )
    order: Many[SortKey] = option(
        "Which of them gives; the key decides where nothing is written, and between equals.",
        default=(),
        example=["-modified"],
    )
    columns: Columns = option("Columns and what they become.", example={"mobile": "mobile"})


class Deduplication(Staged):
    """Keep the first records of each group; send the rest to the complement.

    Records are duplicates when all `by` expressions are equal. A null is equal to nothing, so a record with a null in `by` is
    never a duplicate and always kept. Within a group `order` decides who comes first, and the key decides between equals.
    The empty text is a value like any other. Methods of Campaign are sort keys, and may be combined: the smallest or largest is
    `created` or `-created`; a filled one first is `mobile is null`; values in an order of one's own are
    `case source when 'shop' then 1 when 'web' then 2 end`, all others behind them, and told apart by the next key.

    With `merge` the records kept get columns from their group, each part of `merge` from the first of the records that meet its
    `where`; null where none does. Whoever is in no group, for a null, takes them from itself. The complement stays as it came.
    With `rank` a column says each record's place in its group, from 1. (Campaign: Deduplication; its dropping of records with
    id 0 has no counterpart.)
    """

    type: ClassVar[str] = "deduplication"
    example: ClassVar[Mapping[str, object]] = {
        "by": ["lower(email)"],
        "order": ["-modified"],
        "keep": "1",
        "rank": "place",
        "merge": [{"where": "crm_id != ''", "columns": {"crm_id": "crm_id"}}],
    }

    by: Some[Expr] = option("Expressions whose equality makes a duplicate.", example=["lower(email)"])
    order: Many[SortKey] = option("Who comes first in a group.", default=(), example=["-modified"])
    keep: Integer = option("Records kept per group; 0 keeps all.", default=1, ge=0, example="1")
    rank: ColumnName | None = option(
        "A column for each record's place in its group; none when not written.", default=None, example="place"
    )
    merge: Many[Merge] = option(
        "What the records kept take from their duplicates.",
        default=(),
        example=[{"where": "mobile is not null", "order": ["-modified"], "columns": {"mobile": "mobile"}}],
    )

    @model_validator(mode="after")
    def _names_are_free(self) -> Deduplication:
        names = [name for part in self.merge for name in part.columns]
        twice = next((name for place, name in enumerate([*names, self.rank]) if name in names[:place]), None)
        if twice is not None:
            raise wrong(f"the column '{twice}' is written twice", "write each column once, in 'merge' or as 'rank'")
        return self

    @property
    def is_partition(self) -> bool:
        return True

    def outputs(self) -> tuple[Port, ...]:
        return (RESULT, Port(name="complement", doc="The duplicates that were not kept."))

    def stage(self, inputs: Inputs, catalog: Catalog) -> Population:
        """Put beside each record whether it is kept, its place, and what it would take from its group."""
        population = inputs[FROM.name]
        frame = Frame(population, catalog)
        criteria = [value.sql for value in frame.identities(self.by)]
        is_alone = sa.or_(*(value.is_(None) for value in criteria))
        place = sa.func.row_number().over(partition_by=criteria, order_by=frame.order(self.order))
        keep = int(settled(self.keep))
        marks: list[Any] = [(sa.or_(is_alone, place <= keep) if keep else sa.true()).label(population.unused(MARK))]
        if self.rank:
            marks.append(sa.case((is_alone, 1), else_=place).label(population.unused(RANK)))
        names = self._marks(population)
        taken = {names[name]: value for name, value in self._taken(frame, criteria, is_alone)}
        marks += [value.sql.label(mark) for mark, value in taken.items()]
        columns = [population.column(name) for name in population.columns]
        types = {population.unused(MARK): BOOLEAN, population.unused(RANK): INTEGER}
        types.update({mark: value.type for mark, value in taken.items()})
        return population.of(frame.select(*columns, *marks), types)

    def cut(self, staged: Population, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        population = inputs[FROM.name]
        self._keep_key(population)
        is_kept = staged.column(population.unused(MARK))
        rank = {self.rank: (staged.column(population.unused(RANK)), INTEGER)} if self.rank else {}
        taken = {name: (staged.column(mark), staged.columns[mark]) for name, mark in self._marks(population).items()}
        return Outputs({
            "result": lambda: _with(staged, population, {**taken, **rank}, is_kept),
            "complement": lambda: _with(staged, population, rank, ~is_kept),
        })  # fmt: skip

    def _taken(
        self, frame: Frame, criteria: list[Any], is_alone: sa.ColumnElement[bool]
    ) -> Iterator[tuple[str, Value]]:
        """Give by column what a record takes from its group."""
        for part in self.merge:
            has_it: Any = frame.condition(part.where) if part.where else sa.true()
            first = sa.case((has_it, sa.literal(0, sa.Integer())), else_=sa.literal(1, sa.Integer()))
            order = (*((first,) if part.where else ()), *frame.order(part.order))
            for name, expression in part.columns.items():
                value = frame.value(expression)
                if value.type == NULL:  # which no window takes without a type
                    value = Value(null_of(NULL), NULL)
                own: Any = sa.case((has_it, value.sql)) if part.where else value.sql
                from_group = sa.func.first_value(own, type_=own.type).over(partition_by=criteria, order_by=order)
                yield name, Value(sa.case((is_alone, own), else_=from_group), value.type)

    def _marks(self, population: Population) -> dict[str, str]:
        """Give by merged column the name it has beside the population's own."""
        names = [name for part in self.merge for name in part.columns]
        return {name: population.unused(f"merged_{place}") for place, name in enumerate(names)}

    def _keep_key(self, population: Population) -> None:
        for name in (*self._marks(population), *((self.rank,) if self.rank else ())):
            if name in population.key:
                what = f"'{name}' is the key and cannot be computed"
                raise AuthorError.at(getattr(name, "span", None), "E403", what, "give the column another name")


def _with(
    staged: Population,
    population: Population,
    added: Mapping[str, tuple[sa.ColumnElement[Any], Type]],
    condition: sa.ColumnElement[Any],
) -> Population:
    """Give rows with their own columns, those added in their place or behind them."""
    own = {name: staged.column(name) for name in population.columns}
    columns: list[Any] = [
        column.label(name) for name, column in {**own, **{n: c for n, (c, _) in added.items()}}.items()
    ]
    return staged.of(sa.select(*columns).where(condition), {name: type_ for name, (_, type_) in added.items()})
