"""The subquery with one row for each key that all columns of one link and condition share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from engine.kit.dialect import Sql
from engine.kit.types import Type, to_sqlalchemy

Statement = Callable[[Sequence[Any]], "sa.Select[Any]"]


class Totals(sa.TableClause):
    """A subquery in FROM that gains a column whenever another aggregate, or another value of a first row, is asked of it, until the SQL is written.

    That is what a SQLAlchemy subquery cannot do, and what keeps several aggregates of a link one pass over its rows.
    """

    inherit_cache = False

    def __init__(self, name: str, keys: Sequence[Sql], select: Statement) -> None:
        super().__init__(name)
        self._keys = [key.label(f"k{index}") for index, key in enumerate(keys)]
        self._select = select
        self._labels: list[Any] = []
        self._known: dict[str, Any] = {}
        for key in self._keys:
            self.append_column(sa.column(key.name, key.type))

    @property
    def keys(self) -> list[Any]:
        """Give the columns by which rows are joined; at most one row for each of their values."""
        return [self.c[key.name] for key in self._keys]

    def add(self, sign: str, value: Callable[[], tuple[Sql, Type]]) -> tuple[Any, Type]:
        """Give the column of an aggregate; one with the same sign is the same column."""
        if sign not in self._known:
            sql, type_ = value()
            column: Any = sa.column(f"v{len(self._labels)}", to_sqlalchemy(type_))
            self._labels.append(sql.label(column.name))
            self.append_column(column)
            self._known[sign] = (column, type_)
        known: tuple[Any, Type] = self._known[sign]
        return known

    def expression(self, column: str) -> Any:
        """Give what a column of ours is computed by."""
        return next(label.element for label in (*self._keys, *self._labels) if label.name == column)

    def statement(self) -> sa.Select[Any]:
        """Give the select as it stands now."""
        return self._select([*self._keys, *self._labels])


@compiles(Totals)
def _write(element: Totals, compiler: Any, asfrom: bool = False, **context: Any) -> str:
    context.pop("fromhints", None)
    linter = context.pop(
        "from_linter", None
    )  # SQLAlchemy's search for cartesian products: our subquery is we ourselves
    if linter is not None:
        linter.froms[element] = element.name
    if not asfrom:
        return str(compiler.preparer.quote(element.name))
    return str(compiler.process(element.statement().subquery(element.name), asfrom=True, **context))
