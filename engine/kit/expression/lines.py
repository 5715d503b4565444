"""The rows behind a link, ranked for each of ours: the first of them become columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Sql
from engine.kit.expression.rows import Source, equal
from engine.kit.expression.value import Value, typed
from engine.kit.types import BOOLEAN, Type


@dataclass(frozen=True)
class Lines:
    """Rows behind a link, for those of `source`. `rows` is asked when all that is wanted of them was compiled."""

    source: Source
    rows: Callable[[], sa.FromClause]
    ours: Sequence[Any]
    keys: Sequence[Any]
    """What joins them to `ours`."""
    conditions: Sequence[Any]

    def first(
        self, condition: Any | None, order: Sequence[Sql], values: Sequence[Value], count: int
    ) -> list[list[Value]]:
        """Give the values of the first, the second, … line of each of our rows; null where there are fewer."""
        keys = [key.label(f"k{index}") for index, key in enumerate(self.keys)]
        columns = [value.sql.label(f"v{index}") for index, value in enumerate(values)]
        place = sa.func.row_number().over(partition_by=list(self.keys), order_by=list(order)).label("place")
        conditions = [*self.conditions, *([] if condition is None else [condition])]
        ranked = sa.select(*keys, *columns, place).select_from(self.rows()).where(*conditions).subquery()
        places = range(1, count + 1)
        cells = [
            _only(ranked.c[column.name], value.type, ranked.c.place == at).label(f"{column.name}_{at}")
            for at in places
            for column, value in zip(columns, values, strict=True)
        ]
        theirs = [ranked.c[key.name] for key in keys]
        # One row for each key, so that the join multiplies nothing.
        firsts = sa.select(*theirs, *cells).where(ranked.c.place <= count).group_by(*theirs).subquery()
        self.source.join(firsts, sa.and_(*equal(self.ours, [firsts.c[key.name] for key in keys])))
        return [
            [typed(firsts.c[f"{column.name}_{at}"], value.type) for column, value in zip(columns, values, strict=True)]
            for at in places
        ]


def _only(column: Any, type_: Type, is_here: Any) -> Any:
    """Give the one value of a group's row at a place."""
    if type_ == BOOLEAN:
        return sa.cast(sa.func.max(sa.case((is_here, sa.cast(column, sa.Integer())))), sa.Boolean())
    return sa.func.max(sa.case((is_here, column)))
