"""A population's frame: expressions become SQL over it, and the joins they need are collected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa

from engine.kit.catalog import Catalog, Dimension, Link
from engine.kit.dialect import Sql
from engine.kit.errors import AuthorError, suggestion
from engine.kit.expression import Expr, SortKey, tree
from engine.kit.expression.compiler import Compiler
from engine.kit.expression.rows import PopulationRow, Row, Source, TableRow, equal
from engine.kit.expression.scope import RowScope
from engine.kit.expression.stored import meant
from engine.kit.expression.value import Value, cure_of_carried
from engine.kit.population import Population, key_text
from engine.kit.types import NULL

T = TypeVar("T")
TOLD = "is_so_by_window"
NO_PART = "%"
"""Stands for a part of a key that is null; no part is written so, as `%` is `%25`."""


class Frame:
    """Compiles expressions over a population.

    Compile first, then call `select`: it holds the joins collected so far. No join multiplies or drops rows. Names are
    the population's columns first, then its dimension's; both are looked up when an expression needs them. `links` are known
    beside the dimension's.
    """

    def __init__(self, population: Population, catalog: Catalog, links: Mapping[str, Link] | None = None) -> None:
        self.population = population
        self.catalog = catalog
        self._source = Source(population.relation)
        self.row = PopulationRow(self._source, population, catalog, links)
        self._scope = RowScope(self.row, catalog)

    def value(self, expression: Expr, *, grouping: bool = False) -> Value:
        """Compile a value; `grouping` allows aggregates without a link, for a select that is grouped.

        Raises AuthorError, at the place of the word, when a name is not known or types do not go together.
        """
        return self._tried(lambda: self._compiler(expression, grouping).single(expression.tree), Value(sa.null(), NULL))

    def values(self, expressions: Iterable[Expr]) -> tuple[Value, ...]:
        """Compile several values."""
        return tuple(self.value(expression) for expression in expressions)

    def identities(self, expressions: Iterable[Expr]) -> tuple[Value, ...]:
        """Compile values whose equality decides; AuthorError for one that databases hold equal to others each in its own way."""
        return tuple(
            self._tried(partial(self._identity, expression), Value(sa.null(), NULL)) for expression in expressions
        )

    def condition(self, expression: Expr, *, grouping: bool = False) -> sa.ColumnElement[bool]:
        """Compile a condition; it may be null, which is not true. Its windows look at all rows of the population."""
        return self._tried(partial(self._condition, expression, grouping), sa.true())

    def order(self, keys: Sequence[SortKey], *, grouping: bool = False) -> tuple[Sql, ...]:
        """Compile sort keys. The population's key ends them, so that no two rows are equal."""
        nothing: tuple[Sql, ...] = ()
        sorted_: list[Sql] = []
        for key in keys:
            compiler = replace(self._compiler(key, grouping), windows=False)
            sorted_ += self._tried(partial(compiler.sorted, [key.sort]), nothing)
        return (*sorted_, *self._scope.ties())

    def lines(
        self, of: Expr, where: Expr | None, order: Sequence[SortKey], values: Sequence[Expr], count: int
    ) -> list[list[Value]]:
        """Compile values of the first, second, … row behind the link `of`: of those that meet `where`, in an order that its key ends.

        A row of ours with fewer lines has nulls for the rest. Inside, names mean what they mean in a collection.
        """
        nothing = [[Value(sa.null(), NULL) for _ in values] for _ in range(count)]
        return self._tried(lambda: self._lines(of, where, order, values, count), nothing)

    def _lines(
        self, of: Expr, where: Expr | None, order: Sequence[SortKey], values: Sequence[Expr], count: int
    ) -> list[list[Value]]:
        if not isinstance(of.tree, tree.Name):
            raise of.error(of.tree.at, "E302", "a link is wanted here", "write the name of a link, such as 'purchases'")
        nodes = [text.tree for text in (*([where] if where else []), *order, *values)]
        inner, lines = self._scope.lines(of.tree, self._compiler(of, False), nodes)

        def inside(text: Expr | SortKey) -> Compiler:
            return replace(self._compiler(text, False), scope=inner, windows=False)

        condition = inside(where).condition(where.tree) if where else None
        sorted_ = [sql for key in order for sql in inside(key).sorted([key.sort])]
        found = [inside(value).single(value.tree) for value in values]
        return lines.first(condition, [*sorted_, *inner.ties()], found, count)

    def is_of_group(self, expression: Expr) -> bool:
        """Say that an expression is a value of a group of rows: an aggregate without a link stands in it."""
        return self._compiler(expression, False).is_of_group(expression.tree)

    def of_group(self, expression: Expr) -> Value:
        """Compile a value of a group of rows, for a select that is grouped by what stands nowhere in it."""
        compiled = self._compiler(expression, False)
        return self._tried(lambda: compiled.of_group(expression.tree), Value(sa.null(), NULL))

    def lead(self, to: Expr) -> tuple[Dimension, list[Value]]:
        """Join what a path of links leads to, and give its dimension and key: null where a row leads nowhere.

        From here on the frame has a row for each that is found, so one of ours may stand there several times.
        """
        if not isinstance(to.tree, tree.Name):
            raise to.error(to.tree.at, "E302", "a link is wanted here", "write the name of a link, such as 'purchases'")
        row: Row = self._scope.row
        for part in to.tree.parts:
            if part not in row.links:
                raise to.error(to.tree.at, "E302", f"there is no link '{part}'", suggestion(part, row.links, "links"))
            link = row.links[part]
            dimension = self.catalog.behind(link)
            table = dimension.table.alias()
            on = equal(row.ours(link), (table.c[their] for _, their in link.on))
            self._source.join(table, sa.and_(*on))
            row = TableRow(self._source, dimension, table)
        if dimension.name not in self.catalog.dimensions or not dimension.key:
            fix = "declare a dimension for it in project.yaml, and let the link lead there"
            raise to.error(to.tree.at, "E413", f"'{to}' leads to a table that is no dimension", fix)
        return dimension, [Value(meant(table.c[name]), dimension.columns[name]) for name in dimension.key]

    def leads(self, to: Expr, key: Iterable[str] = ()) -> sa.ColumnElement[bool]:
        """Say of a row that a path of links, which `lead` has taken, leads to a row that fills in its key."""
        assert isinstance(to.tree, tree.Name)  # noqa: S101
        inner = " and ".join(f"{_quoted(name)} is not null" for name in key)
        for part in reversed(to.tree.parts):
            inner = f"exists({_quoted(part)}{inner and f' where {inner}'})"
        return self.condition(Expr(inner))

    @property
    def links(self) -> Mapping[str, Link]:
        """The links of the rows."""
        return self._scope.row.links

    def has_followed(self, link: str) -> bool:
        """Say that an expression so far named a column behind a link of the population."""
        return (id(self._scope.row), link) in self._source.linked

    def join(self, relation: sa.FromClause, on: sa.ColumnElement[bool]) -> None:
        """Join a relation that has one row for ours at most; its columns are null where it has none."""
        self._source.join(relation, on)

    def select(self, *columns: Any) -> sa.Select[Any]:
        """Select from the population and the joins collected so far: each row once."""
        return sa.select(*columns).select_from(self._source.clause())

    def filtered(self, expression: Expr | None) -> Population:
        """Keep the rows for which the expression is true; all of them when there is none."""
        if expression is None:
            return self.population
        return self.where(self.condition(expression))

    def where(self, *conditions: sa.ColumnElement[bool]) -> Population:
        """Keep the rows for which all conditions, compiled here, are true."""
        kept = self.select(*self._columns(self.population.columns)).where(*conditions)
        return replace(self.population, relation=kept.subquery(), count=None)

    def _identity(self, expression: Expr) -> Value:
        value = replace(self._compiler(expression, grouping=False), windows=False).single(expression.tree)
        if value.type.is_carried:
            what = f"values of type {value.type} are not equal in the same way on every database"
            raise expression.error(expression.tree.at, "E305", what, cure_of_carried(value.type))
        return value

    def _condition(self, expression: Expr, grouping: bool) -> sa.ColumnElement[bool]:
        """Compile a condition. With windows it is told row by row beside the population, since no database filters by one."""
        if grouping or not any(isinstance(node, tree.Window) for node in expression.nodes):
            return self._compiler(expression, grouping).condition(expression.tree)
        relation = self.population.relation.alias()
        beside = Frame(replace(self.population, relation=relation), self.catalog)
        is_so = beside._compiler(expression, grouping).condition(expression.tree)
        ours, theirs = self._whole_key(self.population), self._whole_key(beside.population)
        names = [f"key_{place}" for place in range(len(theirs))]
        labelled = (value.label(name) for value, name in zip(theirs, names, strict=True))
        told = beside.select(*labelled, is_so.label(TOLD)).subquery()
        self._source.join(told, sa.and_(*equal(ours, [told.c[name] for name in names])))
        return told.c[TOLD]

    def _whole_key(self, population: Population) -> tuple[sa.ColumnElement[Any], ...]:
        """Give the key as what is equal where the key is, one with a null in a part of it too; no database hashes IS NOT DISTINCT."""
        if len(population.key) == 1:
            return population.key_columns
        return (key_text(self.catalog.dialect, population, null=NO_PART),)

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


def _quoted(name: str) -> str:
    """Write a name so that it is one, whatever it looks like."""
    return '"' + name.replace('"', '""') + '"'


__all__ = ["Frame", "Value"]
