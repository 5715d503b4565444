"""Rows that names are looked up in, and the joins they need. No join multiplies rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import sqlalchemy as sa

from engine.kit.catalog import Catalog, Dimension, Link
from engine.kit.dialect import Dialect, Sql
from engine.kit.expression.stored import as_kept, joinable, meant, paired
from engine.kit.expression.totals import Totals
from engine.kit.expression.value import Value
from engine.kit.population import Population
from engine.kit.types import BOOLEAN, OTHER, TEXT, Type


class Source:
    """A FROM under construction: a first relation and the left joins that names asked for, each with at most one row."""

    def __init__(self, base: sa.FromClause, names: Iterator[int] | None = None) -> None:
        self.base = base
        self.names = names or count(1)
        self.joins: list[tuple[sa.FromClause, Any]] = []
        self.linked: dict[tuple[int, str], TableRow] = {}

    def join(self, relation: sa.FromClause, on: Any) -> None:
        self.joins.append((relation, on))

    def onto(self, clause: sa.FromClause) -> sa.FromClause:
        """Give the FROM with our joins behind `clause`."""
        for relation, on in self.joins:
            clause = clause.outerjoin(relation, on)
        return clause

    def clause(self) -> sa.FromClause:
        return self.onto(self.base)

    def relations(self) -> list[sa.FromClause]:
        return [self.base, *(relation for relation, _ in self.joins)]

    def totals_name(self) -> str:
        return f"totals_{next(self.names)}"


class TableRow:
    """A row of a dimension's table. `origin` is the row it belongs to, and the link that leads to it where it is another one."""

    def __init__(
        self,
        source: Source,
        dimension: Dimension,
        relation: sa.FromClause,
        origin: tuple[Row, Link | None] | None = None,
    ) -> None:
        self.source = source
        self.dimension = dimension
        self.relation = relation
        self.origin = origin

    @property
    def types(self) -> Mapping[str, Type]:
        return self.dimension.columns

    @property
    def links(self) -> Mapping[str, Link]:
        return self.dimension.links

    def column(self, name: str) -> Value | None:
        """Give a column, or nothing when there is none of that name."""
        return Value(meant(self.relation.c[name]), self.types[name]) if name in self.types else None

    def join_column(self, name: str) -> Any:
        """Give a column by which a link of ours joins."""
        return self.relation.c[name]

    def ours(self, link: Link) -> list[Any]:
        """Give the columns by which a link of ours joins."""
        return [self.join_column(name) for name, _ in link.on]


class FirstRow(TableRow):
    """What a to-one link finds where nothing says that it finds one row only: the first of them, as `ties` puts them."""

    def __init__(self, source: Source, dimension: Dimension, firsts: Totals, table: sa.FromClause) -> None:
        super().__init__(source, dimension, table)
        self.firsts = firsts

    def column(self, name: str) -> Value | None:
        if name not in self.types:
            return None
        type_ = self.types[name]
        return Value(self.firsts.add(name, lambda: (meant(self.relation.c[name]), type_))[0], type_)

    def join_column(self, name: str) -> Any:
        column = self.column(name)
        return column.sql if column else self.relation.c[name]


def least(column: Any, type_: Type, dialect: Dialect) -> Sql:
    """Give the least value of a group, false before true."""
    if type_ == BOOLEAN:
        return sa.cast(sa.func.min(sa.cast(column, sa.Integer())), sa.Boolean())
    return sa.func.min(dialect.collated(column) if type_ == TEXT else column)


class PopulationRow:
    """A row of a population, and of its dimension behind it."""

    def __init__(
        self, source: Source, population: Population, catalog: Catalog, added: Mapping[str, Link] | None = None
    ) -> None:
        self.source = source
        self.population = population
        self.added = added or {}
        self.catalog = catalog
        self.dimension = catalog.dimension(population.dimension) if population.dimension else None
        self._target: TableRow | None = None

    @property
    def types(self) -> Mapping[str, Type]:
        return {**(self.dimension.columns if self.dimension else {}), **self.population.columns}

    @property
    def links(self) -> Mapping[str, Link]:
        return {**(self.dimension.links if self.dimension else {}), **self.added}

    @property
    def is_whole(self) -> bool:
        """Say that the population is the dimension's table itself."""
        return self.dimension is not None and self.population.relation is self.dimension.table

    def own(self, name: str) -> Value | None:
        """Give a column of the population."""
        columns = self.population.columns
        return Value(self.population.column(name), columns[name]) if name in columns else None

    def column(self, name: str) -> Value | None:
        """Give a column of the population, else of its dimension."""
        return self.own(name) or (
            self.target.column(name) if self.dimension and name in self.dimension.columns else None
        )

    @property
    def target(self) -> TableRow:
        """Give the row of the dimension, joined by the key when the population does not stand on its table."""
        assert self.dimension is not None  # noqa: S101 - callers ask for the dimension first
        if self._target is None:
            relation: sa.FromClause = self.population.relation
            if not self.is_whole:
                relation = self.dimension.table.alias()
                theirs = [relation.c[name] for name in self.dimension.key]
                self.source.join(relation, sa.and_(*equal(map(self.key_column, self.dimension.key), theirs)))
            self._target = TableRow(self.source, self.dimension, relation, (self, None))
        return self._target

    def key_column(self, name: str) -> Any | None:
        """Give what joins by a part of the dimension's key, or nothing for other columns."""
        if self.dimension is None or name not in self.dimension.key:
            return None
        ours = self.population.key[self.dimension.key.index(name)]
        return as_kept(self.population.relation.c[ours], self.dimension.table.c[name])

    def join_column(self, name: str) -> Any:
        column = self.key_column(name)
        return self.target.join_column(name) if column is None else column

    def ours(self, link: Link) -> list[Any]:
        """Give the columns by which a link of ours joins."""
        names = [name for name, _ in link.on]
        own = self.population.columns if link.is_own else {}
        return [self.population.relation.c[name] if name in own else self.join_column(name) for name in names]

    def again(self, names: Iterator[int]) -> PopulationRow:
        """Give the same population once more, under another name, for the inside of a subquery."""
        relation = self.population.relation.alias()
        population = replace(self.population, relation=relation)
        return PopulationRow(Source(relation, names), population, self.catalog, self.added)


Row = TableRow | PopulationRow


def follow(row: Row, link: Link, catalog: Catalog) -> TableRow:
    """Give the row behind a to-one link; its columns are null where the link finds nobody.

    Where neither the dimension's key nor a constraint of the table says that the link finds at most one row, the first row is
    taken: by the key, or in a table without one by all its columns, in their order.
    """
    source = row.source
    place = (id(row), link.name)
    if place not in source.linked:
        source.linked[place] = _linked(row, link, catalog)
    return source.linked[place]


def _linked(row: Row, link: Link, catalog: Catalog) -> TableRow:
    dimension = catalog.behind(link, one=True)
    table = dimension.table.alias()
    ours = row.ours(link)
    if is_unique(dimension, {theirs for _, theirs in link.on}):
        row.source.join(table, sa.and_(*equal(ours, (table.c[their] for _, their in link.on))))
        return TableRow(row.source, dimension, table, (row, link))
    keys = [joinable(table.c[their]) for _, their in link.on]
    narrowed = pushed(row, link, keys, catalog)

    def select(columns: Any) -> sa.Select[Any]:
        place = sa.func.row_number().over(partition_by=keys, order_by=ties(dimension, table, catalog)).label("place")
        ranked = sa.select(*columns, place).select_from(table).where(*narrowed).subquery()
        return sa.select(*(ranked.c[column.name] for column in columns)).where(ranked.c.place == 1)

    firsts = Totals(row.source.totals_name(), keys, select)
    row.source.join(firsts, sa.and_(*equal(ours, firsts.keys)))
    return FirstRow(row.source, dimension, firsts, table)


def ties(dimension: Dimension, relation: sa.FromClause, catalog: Catalog) -> tuple[Sql, ...]:
    """Order by the key; by all columns where there is none, so that only rows alike in all of them are equal."""
    names = dimension.key or [name for name, type_ in dimension.columns.items() if type_ != OTHER]
    columns = ((meant(relation.c[name]), dimension.columns[name]) for name in names)
    order = catalog.dialect.order
    return tuple(order(column, type_, descending=False, nulls_first=False) for column, type_ in columns)


def equal(ours: Iterable[Any], theirs: Iterable[Any]) -> list[sa.ColumnElement[bool]]:
    """Say of columns, pair by pair, that they are equal."""
    return [our == their for our, their in map(paired, ours, theirs)]


def is_unique(dimension: Dimension, columns: set[str]) -> bool:
    """Say that no two rows are equal in these columns: they hold the dimension's key, or the database keeps them unique."""
    return bool(dimension.key and set(dimension.key) <= columns) or is_declared_unique(dimension.table, columns)


def is_declared_unique(table: sa.Table, columns: set[str]) -> bool:
    """Say that the table's primary key, or a unique constraint or index, lies within these columns."""
    known = (
        {column.name for column in constraint.columns}
        for constraint in table.constraints
        if isinstance(constraint, sa.PrimaryKeyConstraint | sa.UniqueConstraint)
    )
    return any(each and each <= columns for each in known)


def pushed(row: Row, link: Link, theirs: list[Any], catalog: Catalog) -> list[Any]:
    """Give the condition that keeps a subquery to the rows our population needs; none where it is the whole dimension."""
    again = _again(row, row.source.names, catalog)
    if again is None:
        return []
    keys = again.ours(link)
    return [semi_joined(catalog, theirs, keys, again.source.clause(), [], again.source.relations())]


def _again(row: Row, names: Iterator[int], catalog: Catalog) -> Row | None:
    """Give a row for the inside of a subquery, where reading the population a second time costs less than it saves.

    One that itself groups rows is not read again, unless it is kept for that (a CTE).
    """
    match row:
        case PopulationRow(is_whole=False, population=population):
            relation = population.relation
            is_kept = isinstance(relation, sa.TableClause | sa.CTE)
            groups = not is_kept and any(isinstance(part, Totals) for part in sa.sql.visitors.iterate(relation))
            return None if groups else row.again(names)
        case TableRow(origin=(before, link)):
            again = _again(before, names, catalog)
            if link is None:
                return again.target if isinstance(again, PopulationRow) else None
            found = again and follow(again, link, catalog)
            return None if isinstance(found, FirstRow) else found
    return None


def semi_joined(
    catalog: Catalog,
    ours: Sequence[Any],
    theirs: Sequence[Any],
    clause: sa.FromClause,
    conditions: Sequence[Any],
    relations: Sequence[sa.FromClause],
    *,
    looks_out: bool = False,
) -> sa.ColumnElement[bool]:
    """Say that `clause` holds a row that is joined to ours and meets the conditions. Never null: a null joins nothing.

    `looks_out`: a condition mentions what is outside of the clause, so it has to be asked for each row.
    """
    if catalog.dialect.capabilities.looks_rows_up or looks_out:
        is_ours = equal(ours, theirs)
        found: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(clause).where(*is_ours, *conditions)
        return found.correlate_except(*relations).exists()
    return held(ours, theirs, lambda keys: sa.select(*keys).select_from(clause).where(*conditions))


def held(
    ours: Sequence[Any], theirs: Sequence[Any], select: Callable[[Sequence[Any]], sa.Select[Any]]
) -> sa.ColumnElement[bool]:
    """Say that our values are among those that `select` gives of theirs. Never null: a null is among nothing."""
    ours, theirs = zip(*map(paired, ours, theirs), strict=True)
    keys = select(theirs).where(*(their.is_not(None) for their in theirs)).correlate(None)
    left = ours[0] if len(ours) == 1 else sa.tuple_(*ours)
    return sa.and_(*(our.is_not(None) for our in ours), left.in_(keys))
