"""What names mean: in a population's row, and inside a collection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from engine.kit.catalog import Catalog, Link
from engine.kit.dialect import Sql
from engine.kit.errors import suggestion
from engine.kit.expression import tree
from engine.kit.expression.aggregates import AGGREGATES
from engine.kit.expression.compiler import Compiler
from engine.kit.expression.elsewhere import VALUES_OF_SQL
from engine.kit.expression.lines import Lines
from engine.kit.expression.rows import (
    PopulationRow,
    Row,
    Source,
    TableRow,
    equal,
    follow,
    held,
    pushed,
    semi_joined,
    ties,
)
from engine.kit.expression.stored import joinable
from engine.kit.expression.totals import Totals
from engine.kit.expression.value import Value
from engine.kit.types import BOOLEAN, INTEGER

ROW, TARGET = "row", "target"


class RowScope:
    """Names at one level: of the population, or of the rows of a collection, whose name is its link's."""

    def __init__(self, row: Row, catalog: Catalog, parent: RowScope | None = None, name: str = "") -> None:
        self.row = row
        self.catalog = catalog
        self.parent = parent
        self.name = name
        self._shared: dict[str, tuple[RowScope, Totals]] = {}

    @property
    def lineage(self) -> Iterator[RowScope]:
        """Give ourselves and the scopes around us, the nearest first."""
        scope: RowScope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    @property
    def population_row(self) -> PopulationRow:
        *_, outermost = self.lineage
        assert isinstance(outermost.row, PopulationRow)  # noqa: S101 - a frame's first scope is a population's
        return outermost.row

    def ties(self) -> tuple[Sql, ...]:
        """Order so that no two rows are equal but those that are alike."""
        if not isinstance(self.row, PopulationRow):
            return ties(self.row.dimension, self.row.relation, self.catalog)
        population, order = self.row.population, self.catalog.dialect.order
        columns = ((population.column(name), population.columns[name]) for name in population.key)
        return tuple(order(column, type_, descending=False, nulls_first=False) for column, type_ in columns)

    def column(self, name: tree.Name, compiler: Compiler) -> Value:
        if name.parts[0] == ROW and len(name.parts) == 2:
            value = self.population_row.own(name.parts[1])
            known: Any = self.population_row.population.columns
        else:
            row = self._behind(name, compiler)
            value, known = row.column(name.parts[-1]), row.types
        if value is None:
            wrong = name.parts[-1]
            row_links: Mapping[str, Link] = {} if name.parts[0] == ROW else self._behind(name, compiler).links
            if wrong in row_links:
                compiler.fail(
                    name.at, "E307", f"'{name}' is a link, not a column", self._of_link(name, row_links[wrong])
                )
            compiler.fail(name.at, "E301", f"there is no column '{name}'", self._instead(name, known, compiler))
        return value

    def _of_link(self, name: tree.Name, link: Link) -> str:
        """Say what to type for a link that stands in the place of a column."""
        if link.many:
            return f"write count({name}), or exists({name} where …)"
        columns = suggestion("", self.catalog.behind(link).columns, "columns", f"{name}.")
        return f"write a column behind it ({columns}), or exists({name})"

    def _instead(self, name: tree.Name, known: Iterable[str], compiler: Compiler) -> str:
        """Say what to type for a name that no column bears."""
        *path, wrong = name.parts
        if not path and (of_sql := VALUES_OF_SQL.get(wrong.lower())):
            return f"write {of_sql}"
        if not path and (around := self._around(wrong)):
            return f"write '{around}.{wrong}'"
        fix = suggestion(wrong, known, "columns", "".join(f"{part}." for part in path))
        more = self.row.population.more if isinstance(self.row, PopulationRow) and path in ([], [ROW]) else ""
        if more and not fix.startswith("write"):
            return f"{more.replace('{name}', wrong)} ({fix})"
        is_quoted = compiler.expression.text[name.at : name.at + 1] == '"'
        if is_quoted and re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", wrong):
            return f"write the number {wrong} without quotes: these stand around names of columns"
        if path or (fix.startswith("write") and not is_quoted):
            return fix
        return f"{fix}; a text is written '{wrong}'"

    def _around(self, name: str) -> str:
        """Give what stands before the name of a column that a row around this one has; nothing where none has it."""
        for scope in self.lineage:
            if scope is not self and name in scope.row.types:
                dimension = self.population_row.dimension
                return scope.name or (TARGET if dimension and name in dimension.columns else ROW)
        return ""

    def links(self) -> tuple[str, ...]:
        return tuple(sorted(self.row.links))

    def is_link(self, name: tree.Name) -> bool:
        try:
            row = self._walk(name)
        except LookupError:
            return False
        return row.column(name.parts[-1]) is None and name.parts[-1] in row.links

    def _behind(self, name: tree.Name, compiler: Compiler) -> Row:
        """Give the row that the last part of a path belongs to."""
        try:
            return self._walk(name)
        except _UnknownLink as problem:
            compiler.fail(name.at, problem.code, problem.message, problem.fix)

    def _walk(self, name: tree.Name) -> Row:
        row, path = self._start(name.parts)
        for part in path[:-1]:
            link = row.links.get(part)
            if link is None:
                known = [*row.links, *(scope.name for scope in self.lineage if scope.name), TARGET, ROW]
                raise _UnknownLink("E302", f"there is no link '{part}'", suggestion(part, known, "links"))
            if link.many:
                fix = f"write an aggregate, such as max({name.parts[-1]} of {part})"
                raise _UnknownLink("E307", f"the link '{part}' leads to many rows", fix)
            row = follow(row, link, self.catalog)
        return row

    def _start(self, parts: tuple[str, ...]) -> tuple[Row, tuple[str, ...]]:
        first = parts[0]
        if len(parts) == 1 or first in self.row.links:
            return self.row, parts
        if first == TARGET:
            row = self.population_row
            if row.dimension is None:
                raise _UnknownLink("E302", "the rows belong to no dimension here", "put a reconciliation before")
            return row.target, parts[1:]
        for scope in self.lineage:
            if scope.name == first:
                return scope.row, parts[1:]
        return self.row, parts

    # collections

    def collection(self, node: tree.Collection, compiler: Compiler) -> Value:
        row, link = self._link(node.link, compiler)
        if node.function == "exists":
            return Value(self._exists(row, link, node, compiler), BOOLEAN)
        if not self._looks_out(node):
            sign = repr((node.link.parts, link, id(row), node.where, _values(node, compiler)))
            if sign not in self._shared:
                self._shared[sign] = self._grouped(row, link, node, compiler)
            value = self._total(self._shared[sign], node, compiler)
        elif self.parent is None and row is self.row:
            value = self._total(self._grouped_with_target(link, node, compiler), node, compiler)
        else:
            value = self._correlated(row, link, node, compiler)
        return (
            Value(sa.func.coalesce(value.sql, sa.literal_column("0")), INTEGER)
            if value.type == INTEGER and "count" in node.function
            else value
        )

    def lines(self, name: tree.Name, compiler: Compiler, nodes: Sequence[tree.Node]) -> tuple[RowScope, Lines]:
        """Give the rows behind a link, and what names mean there; `nodes`, to be compiled there, may mention the targeted row."""
        row, link = self._link(name, compiler)
        if not self._mentions_outside(nodes):
            inner = self._inside(link, self)
            keys = [joinable(inner.row.source.base.c[their]) for _, their in link.on]
            ours = row.ours(link)
            conditions = pushed(row, link, keys, self.catalog)
            return inner, Lines(row.source, inner.row.source.clause, ours, keys, conditions)
        if row is not self.row:
            compiler.fail(name.at, "E307", f"lines of '{name}' cannot look at the targeted row", "take 'target' out")
        again = self.population_row.again(row.source.names)
        inner = self._inside(link, RowScope(again, self.catalog))
        source, on = inner.row.source, _joined(again, link, inner.row)

        def rows() -> sa.FromClause:
            return source.onto(again.source.clause().join(source.base, sa.and_(*on)))

        own, theirs = self.population_row.population.key_columns, again.population.key_columns
        return inner, Lines(row.source, rows, own, theirs, [])

    def _link(self, name: tree.Name, compiler: Compiler) -> tuple[Row, Link]:
        row = self._behind(name, compiler)
        last = name.parts[-1]
        if last not in row.links:
            if isinstance(row, PopulationRow) and row.dimension is None:
                compiler.fail(
                    name.at,
                    "E302",
                    "the rows belong to no dimension here, so there are no links",
                    "put a reconciliation before",
                )
            compiler.fail(name.at, "E302", f"there is no link '{last}'", suggestion(last, row.links, "links"))
        return row, row.links[last]

    def _looks_out(self, node: tree.Collection) -> bool:
        """Say that a collection mentions the targeted row or a collection around it."""
        inside = [part for part in tree.children(node) if part is not node.link]
        return self._mentions_outside(inside) or node.link.parts[0] in self._outside

    @property
    def _outside(self) -> set[str]:
        return {TARGET, ROW, *(scope.name for scope in self.lineage if scope.name)}

    def _mentions_outside(self, nodes: Sequence[tree.Node]) -> bool:
        names = (each for part in nodes for each, _ in tree.walk(part) if isinstance(each, tree.Name))
        return any(len(each.parts) > 1 and each.parts[0] in self._outside for each in names)

    def _inside(self, link: Link, parent: RowScope) -> RowScope:
        dimension = self.catalog.behind(link)
        source = Source(dimension.table.alias(), self.row.source.names)
        return RowScope(TableRow(source, dimension, source.base), self.catalog, parent, link.name)

    def _exists(self, row: Row, link: Link, node: tree.Collection, compiler: Compiler) -> Any:
        if node.having is not None:
            return self._exists_group(row, link, node, compiler)
        looks_out = self._looks_out(node)
        looks_rows_up = self.catalog.dialect.capabilities.looks_rows_up
        if looks_out and not looks_rows_up and self.parent is None and row is self.row:
            count = self._total(
                self._grouped_with_target(link, node, compiler), replace(node, function="count"), compiler
            )
            return sa.func.coalesce(count.sql, sa.literal_column("0")) > sa.literal_column("0")
        inner = self._inside(link, self)
        conditions = _where(node, compiler.within(inner))
        source = inner.row.source
        ours = row.ours(link)
        theirs = [source.base.c[their] for _, their in link.on]
        if not (looks_rows_up or looks_out):
            conditions += pushed(row, link, theirs, self.catalog)
        return semi_joined(
            self.catalog, ours, theirs, source.clause(), conditions, source.relations(), looks_out=looks_out
        )

    def _exists_group(self, row: Row, link: Link, node: tree.Collection, compiler: Compiler) -> Any:
        """Say that the linked rows have a group that meets `having`; a null in `group_by` is a value like any other."""
        inner = self._inside(link, self)
        inside = compiler.within(inner)
        groups = inside.groups(node.group_by)
        having = inside.having(node)
        conditions = _where(node, inside)
        source = inner.row.source
        ours = row.ours(link)
        theirs = [source.base.c[their] for _, their in link.on]
        if self._looks_out(node):
            is_ours = equal(ours, theirs)
            rows: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(source.clause())
            rows = rows.where(*is_ours, *conditions)
            return rows.group_by(*groups).having(having).correlate_except(*source.relations()).exists()
        conditions += pushed(row, link, [joinable(their) for their in theirs], self.catalog)

        def select(keys: Any) -> sa.Select[Any]:
            rows = sa.select(*keys).select_from(source.clause()).where(*conditions)
            return rows.group_by(*keys, *groups).having(having)

        return held(ours, theirs, select)

    def _correlated(self, row: Row, link: Link, node: tree.Collection, compiler: Compiler) -> Value:
        """Compile an aggregate that looks at a collection around it: a scalar subquery for each row."""
        inner = self._inside(link, self)
        inside = compiler.within(inner)
        conditions = [*_joined(row, link, inner.row), *_where(node, inside)]
        value = _aggregated(node, inside)
        source = inner.row.source
        found: sa.Select[Any] = sa.select(value.sql).select_from(source.clause()).where(*conditions)
        return Value(found.correlate_except(*source.relations()).scalar_subquery(), value.type)

    def _grouped(self, row: Row, link: Link, node: tree.Collection, compiler: Compiler) -> tuple[RowScope, Totals]:
        """Group the linked rows by what joins them to us, once for all aggregates of the same rows."""
        inner = self._inside(link, self)
        source = inner.row.source
        keys = [joinable(source.base.c[theirs]) for _, theirs in link.on]
        conditions = [*pushed(row, link, keys, self.catalog), *_where(node, compiler.within(inner))]

        def select(columns: Any) -> sa.Select[Any]:
            return sa.select(*columns).select_from(source.clause()).where(*conditions).group_by(*keys)

        totals = Totals(row.source.totals_name(), keys, select)
        ours = row.ours(link)
        row.source.join(totals, sa.and_(*equal(ours, totals.keys)))
        return inner, totals

    def _grouped_with_target(self, link: Link, node: tree.Collection, compiler: Compiler) -> tuple[RowScope, Totals]:
        """Group by our key inside a join of ourselves with the linked rows, whose condition looks at us."""
        row = self.population_row
        again = row.again(row.source.names)
        inner = self._inside(link, RowScope(again, self.catalog))
        conditions = _where(node, compiler.within(inner))
        on = _joined(again, link, inner.row)
        keys = list(again.population.key_columns)
        source = inner.row.source

        def select(columns: Any) -> sa.Select[Any]:
            rows = source.onto(again.source.clause().join(source.base, sa.and_(*on)))
            return sa.select(*columns).select_from(rows).where(*conditions).group_by(*keys)

        totals = Totals(row.source.totals_name(), keys, select)
        row.source.join(totals, sa.and_(*equal(row.population.key_columns, totals.keys)))
        return inner, totals

    def _total(self, shared: tuple[RowScope, Totals], node: tree.Collection, compiler: Compiler) -> Value:
        inner, totals = shared

        def value() -> tuple[Sql, Any]:
            aggregate = _aggregated(node, compiler.within(inner))
            return aggregate.sql, aggregate.type

        column, type_ = totals.add(repr((node.function, node.arguments, _values(node, compiler))), value)
        return Value(column, type_)


class _UnknownLink(LookupError):
    def __init__(self, code: str, message: str, fix: str) -> None:
        super().__init__(message)
        self.code, self.message, self.fix = code, message, fix


def _joined(row: Row, link: Link, inner: Row) -> list[Any]:
    return equal(row.ours(link), (inner.source.base.c[name] for _, name in link.on))


def _where(node: tree.Collection, compiler: Compiler) -> list[Any]:
    return [compiler.condition(node.where)] if node.where else []


def _aggregated(node: tree.Collection, compiler: Compiler) -> Value:
    return compiler.aggregated(AGGREGATES[node.function], node)


def _values(node: tree.Node, compiler: Compiler) -> list[tuple[str, object]]:
    """Give the bound values an aggregate mentions: two expressions may bind one name differently."""
    names = sorted({str(each) for each, _ in tree.walk(node) if isinstance(each, tree.Name)} | {"run.date", "run.time"})
    return [(name, compiler.expression.values[name]) for name in names if name in compiler.expression.values]
