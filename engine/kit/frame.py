"""A population's frame: expressions become SQL over it, and the joins they need are collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from engine.kit.catalog import Catalog
from engine.kit.dialect import Sql
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr, SortKey
from engine.kit.expression.compiler import Compiler
from engine.kit.expression.rows import PopulationRow, Source
from engine.kit.expression.scope import RowScope
from engine.kit.expression.value import Value
from engine.kit.population import Population
from engine.kit.types import NULL

T = TypeVar("T")


class Frame:
    """Compiles expressions over a population.

    Compile first, then call `select`: it holds the joins collected so far. No join multiplies or drops rows. Names are
    the population's columns first, then its dimension's; both are looked up when an expression needs them.
    """

    def __init__(self, population: Population, catalog: Catalog) -> None:
        self.population = population
        self.catalog = catalog
        self._source = Source(population.relation)
        self._scope = RowScope(PopulationRow(self._source, population, catalog), catalog)

    def value(self, expression: Expr, *, grouping: bool = False) -> Value:
        """Compile a value; `grouping` allows aggregates without a link, for a select that is grouped.

        Raises AuthorError, at the place of the word, when a name is not known or types do not go together.
        """
        return self._tried(lambda: self._compiler(expression, grouping).single(expression.tree), Value(sa.null(), NULL))

    def values(self, expressions: Iterable[Expr]) -> tuple[Value, ...]:
        """Compile several values."""
        return tuple(self.value(expression) for expression in expressions)

    def condition(self, expression: Expr, *, grouping: bool = False) -> sa.ColumnElement[bool]:
        """Compile a condition; it may be null, which is not true."""
        return self._tried(lambda: self._compiler(expression, grouping).condition(expression.tree), sa.true())

    def order(self, keys: Sequence[SortKey], *, grouping: bool = False) -> tuple[Sql, ...]:
        """Compile sort keys. The population's key ends them, so that no two rows are equal."""
        nothing: tuple[Sql, ...] = ()
        sorted_: list[Sql] = []
        for key in keys:
            compiler = self._compiler(key, grouping)
            sorted_ += self._tried(partial(compiler.sorted, [key.sort]), nothing)
        return (*sorted_, *self._scope.ties())

    def select(self, *columns: Any) -> sa.Select[Any]:
        """Select from the population and the joins collected so far: each row once."""
        return sa.select(*columns).select_from(self._source.clause())

    def filtered(self, expression: Expr | None) -> Population:
        """Keep the rows for which the expression is true; all of them when there is none."""
        if expression is None:
            return self.population
        condition = self.condition(expression)
        return self.population.of(self.select(*self._columns(self.population.columns)).where(condition))

    def _tried(self, compiled: Callable[[], T], stand_in: T) -> T:
        """Compile; a problem goes to the catalogue's `report`, where there is one, and the stand-in takes its place."""
        try:
            return compiled()
        except AuthorError as problem:
            if self.catalog.report is None:
                raise
            self.catalog.report(problem)
            return stand_in

    def _columns(self, names: Iterable[str]) -> list[Any]:
        return [self.population.column(name) for name in names]

    def _compiler(self, expression: Expr | SortKey, grouping: bool) -> Compiler:
        return Compiler(expression, self.catalog.dialect, self.catalog.functions, self._scope, grouping)


__all__ = ["Frame", "Value"]
