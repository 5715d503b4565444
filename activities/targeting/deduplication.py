"""Deduplication: the first records of each group of equal ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import sqlalchemy as sa

from engine.kit.activity import FROM, RESULT, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.expression import Expr, SortKey
from engine.kit.frame import Frame
from engine.kit.option import Integer, Many, Some, option
from engine.kit.population import Inputs, Population


class Deduplication(Transform):
    """Keep the first records of each group; send the rest to the complement.

    Records are duplicates when all `by` expressions are equal. A null is equal to nothing, so a record with a null in `by` is
    never a duplicate and always kept. Within a group `order` decides who comes first, and the key decides between equals.
    The empty text is a value like any other. (Campaign: Deduplication; its dropping of records with id 0 has no counterpart.)
    """

    type: ClassVar[str] = "deduplication"
    example: ClassVar[Mapping[str, object]] = {"by": ["lower(email)"], "order": ["-modified"], "keep": "1"}

    by: Some[Expr] = option("Expressions whose equality makes a duplicate.", example=["lower(email)"])
    order: Many[SortKey] = option("Who comes first in a group.", default=(), example=["-modified"])
    keep: Integer = option("Records kept per group; 0 keeps all.", default=1, ge=0, example="1")

    @property
    def is_partition(self) -> bool:
        return True

    def outputs(self) -> tuple[Port, ...]:
        return (RESULT, Port(name="complement", doc="The duplicates that were not kept."))

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        population = inputs[FROM.name]
        frame = Frame(population, catalog)
        criteria = [value.sql for value in frame.identities(self.by)]
        rank = sa.func.row_number().over(partition_by=criteria, order_by=frame.order(self.order))
        has_null = sa.or_(*(value.is_(None) for value in criteria))
        is_kept = sa.or_(has_null, rank <= self.keep) if self.keep else sa.true()
        columns = [population.column(name) for name in population.columns]
        mark = population.unused("is_kept")
        marked = frame.select(*columns, is_kept.label(mark)).subquery()
        rows = sa.select(*(marked.c[name] for name in population.columns))
        return {
            "result": population.of(rows.where(marked.c[mark])),
            "complement": population.of(rows.where(~marked.c[mark])),
        }
