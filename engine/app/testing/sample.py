"""A few rows of real data around one activity: what comes to it and what it reads, as a test can hold them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.app.planning import Planning, known_rows, masked_columns
from engine.app.testing.suite import upstream
from engine.kit.catalog import Catalog, Dimension, Link
from engine.kit.errors import DataError
from engine.kit.expression.stored import meant
from engine.kit.population import Population
from engine.kit.types import Kind, Type
from engine.kit.written import utc
from engine.runs.runner import Runner
from engine.sql.database import Database
from engine.sql.lineage import columns_read

FEW = 3
"""So many rows are taken of every port, the first by key, and of every input beside them."""
MOST_LINKED = 5
"""So many rows behind a link are taken for one of ours, at most."""

Row = Mapping[str, Any]
Keys = set[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """Some rows of an input, a table or a list. Values of the columns in `masked` are shown to nobody."""

    columns: Mapping[str, Type]
    rows: Sequence[Row]
    masked: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The world of one activity in few rows; None is an input that does not fire."""

    given: Mapping[str, Sampled | None]
    tables: Mapping[str, Sampled]
    lists: Mapping[str, Sampled]


def sample(planning: Planning, activity: str) -> Sample:
    """Take rows so that every output port has some, where it has any. Nothing is kept, and nothing leaves.

    Raises AuthorError for problems of the workflow, DataError where the rows cannot be known before a run.
    """
    spec = planning.spec.activities[activity]
    references = upstream(spec)
    ports = [(activity, port) for port in spec.output_ports]
    sources = [(reference.activity, reference.port) for reference in references.values()]
    with planning.rehearsed(activity, [*ports, *sources]) as runner:
        inputs = {name: _rows(runner, reference.activity, reference.port) for name, reference in references.items()}
        outputs = [population for port in ports if (population := _rows(runner, *port)) is not None]
        taking = _Taking(runner.execution.db, runner.execution.catalog(), utc(runner.execution.time))
        arrived = [population for population in inputs.values() if population is not None]
        for population in (*outputs, *arrived):
            taking.note(population)
        plan = planning.planned(taking.catalog)
        given = {
            name: None if rows is None else Sampled(
                columns=rows.columns, rows=taking.noted(rows),
                masked=masked_columns(rows, plan, references[name].activity, references[name].port, taking.catalog),
            )
            for name, rows in inputs.items()
        }  # fmt: skip
        (planned,) = (each for each in plan.activities if each.id == activity)
        read = [columns_read(population) for population in planned.outputs.values()]
        columns = {(origin.table, origin.column) for origins, _ in read for origin in origins}
        ours = {name for _, names in read for name in names}
        dimensions = dict.fromkeys(population.dimension for population in (*outputs, *arrived))
        return Sample(given=given, tables=taking.tables(columns, dimensions), lists=dict(taking.lists(ours)))


def _rows(runner: Runner, activity: str, port: str) -> Population | None:
    """Give the rows of a port; None where it does not fire. DataError where that is not known before a run."""
    task = runner.state.task(activity)
    if task and task.status in ("succeeded", "skipped") and port not in task.fired:
        return None
    return known_rows(runner, activity, port)


@dataclass(kw_only=True, slots=True)
class _Table:
    """The rows taken of one table, all their columns, each row once."""

    dimension: Dimension
    rows: dict[str, Row] = field(default_factory=dict)
    personal: set[str] = field(default_factory=set)


class _Taking:
    def __init__(self, db: Database, catalog: Catalog, time: datetime) -> None:
        self._time = time
        self.catalog = catalog
        self._db = db
        self._noted: dict[tuple[str | None, tuple[str, ...]], Keys] = {}
        self._tables: dict[str, _Table] = {}

    def note(self, population: Population) -> None:
        """Note the keys of its first rows: whoever else has rows of these keys gives them."""
        rows = self._rows(population, population.columns, None, FEW)
        self._keys(population).update(tuple(row[name] for name in population.key) for row in rows)

    def noted(self, population: Population) -> list[Row]:
        """Give its rows of the keys that were noted."""
        among = _among([population.column(name) for name in population.key], self._keys(population))
        return self._rows(population, population.columns, among, None)

    def tables(self, read: set[tuple[str, str]], dimensions: Iterable[str | None]) -> dict[str, Sampled]:
        """Give rows of the tables that are read: of the dimensions, and over links from there. DataError for one behind no link."""
        names = {table for table, _ in read}
        for name in dimensions:
            if name in self.catalog.dimensions:
                dimension = self.catalog.dimensions[str(name)]
                everyone = dimension.population()
                if dimension.table.fullname in names:
                    self.note(everyone)
                self._follow(dimension, self.noted(everyone), names)
        unreached = sorted(names - set(self._tables))
        if unreached:
            what = f"it reads the table '{unreached[0]}', to which no link of its dimension leads"
            raise DataError(what, "write its test by hand, with rows of that table below 'tables:'")
        self._spread()
        return {name: _narrowed(table, read) for name, table in self._tables.items() if name in names}

    def lists(self, ours: set[str]) -> Iterator[tuple[str, Sampled]]:
        """Give rows of the lists that are read."""
        for name, population in self.catalog.lists.items():
            if isinstance(population.relation, sa.TableClause) and population.relation.name in ours:
                self.note(population)
                dimension = self.catalog.dimensions.get(population.dimension or "")
                shown = set() if dimension is None else set(dimension.columns) - set(dimension.personal)
                rows = self.noted(population)
                yield name, Sampled(columns=population.columns, rows=rows, masked=frozenset(population.columns) - shown)

    def _keys(self, population: Population) -> Keys:
        return self._noted.setdefault((population.dimension, population.key), set())

    def _follow(self, dimension: Dimension, rows: Sequence[Row], read: set[str]) -> None:
        """Take rows of a table, then those that its links lead to from them, as far as anything behind a link is read."""
        name = dimension.table.fullname
        is_new = name not in self._tables
        table = self._tables.setdefault(name, _Table(dimension=dimension))
        table.personal.update(dimension.personal)
        fresh = {str(list(row.values())): row for row in rows if str(list(row.values())) not in table.rows}
        table.rows.update(fresh)
        for link in dimension.links.values() if fresh or is_new else ():
            if self._leads_to(link, read, set()):
                self._follow(self.catalog.behind(link), self._linked(link, list(fresh.values())), read)

    def _leads_to(self, link: Link, read: set[str], seen: set[int]) -> bool:
        behind = self.catalog.behind(link)
        seen.add(id(link))
        return behind.table.fullname in read or any(
            self._leads_to(further, read, seen) for further in behind.links.values() if id(further) not in seen
        )

    def _linked(self, link: Link, rows: Sequence[Row]) -> list[Row]:
        """Give some rows behind a link for each of ours: by their times the newest before the run's, which conditions ask for most."""
        behind = self.catalog.behind(link)
        columns = {name: meant(behind.table.columns[name]) for name in behind.columns}
        theirs = [columns[their] for _, their in link.on]
        wanted = {tuple(row[ours] for ours, _ in link.on) for row in rows}
        order = [*self._newest_first(columns, behind.columns), *self._in_order(columns, behind.columns)]
        number = sa.func.row_number().over(partition_by=theirs, order_by=order).label(f"{max(columns, key=len)}_")
        ranked = sa.select(*(column.label(name) for name, column in columns.items())).add_columns(number)
        found = ranked.where(_among(theirs, wanted)).subquery()
        place = found.c[number.name]
        kept = [found.c[name] for name in columns]
        by = self._in_order({their: found.c[their] for _, their in link.on}, behind.columns)
        return self._select(sa.select(*kept).where(place <= MOST_LINKED).order_by(*by, place))

    def _newest_first(self, columns: Mapping[str, Any], types: Mapping[str, Type]) -> Iterator[sa.ColumnElement[Any]]:
        for name, type_ in types.items():
            if type_.kind in (Kind.DATE, Kind.TIMESTAMP):
                time = self._time if type_.kind == Kind.TIMESTAMP else self._time.date()
                yield sa.case((columns[name] < time, 0), else_=1)
                yield self._db.dialect.order(columns[name], type_, descending=True, nulls_first=False)

    def _in_order(self, columns: Mapping[str, Any], types: Mapping[str, Type]) -> list[sa.ColumnElement[Any]]:
        return [
            self._db.dialect.order(column, types[name], descending=False, nulls_first=False)
            for name, column in columns.items()
            if types[name].kind != Kind.OTHER
        ]

    def _spread(self) -> None:
        """Take a column for personal that a link holds equal to one that is."""
        pairs = [
            ((name, ours), (self.catalog.behind(link).table.fullname, theirs))
            for name, table in self._tables.items() for link in table.dimension.links.values() for ours, theirs in link.on
        ]  # fmt: skip
        for _ in pairs:
            for left, right in (*pairs, *((right, left) for left, right in pairs)):
                if right[0] in self._tables and left[0] in self._tables and left[1] in self._tables[left[0]].personal:
                    self._tables[right[0]].personal.add(right[1])

    def _rows(
        self, population: Population, names: Iterable[str], condition: sa.ColumnElement[bool] | None, limit: int | None
    ) -> list[Row]:
        order = self._in_order({name: population.column(name) for name in population.key}, population.columns)
        statement = population.select(names).order_by(*order).limit(limit)
        return self._select(statement if condition is None else statement.where(condition))

    def _select(self, statement: sa.Select[Any]) -> list[Row]:
        with self._db.transaction() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]


def _among(columns: Sequence[sa.ColumnElement[Any]], keys: Keys) -> sa.ColumnElement[bool]:
    """Say that the columns hold one of these keys; a null in a key is among nothing."""
    whole = (key for key in keys if None not in key)
    return sa.or_(sa.false(), *(sa.and_(*(c == value for c, value in zip(columns, key, strict=True))) for key in whole))


def _narrowed(table: _Table, read: set[tuple[str, str]]) -> Sampled:
    """Keep the columns that are read, and those that tell rows apart or lead to others."""
    dimension = table.dimension
    primary = (column.name for column in dimension.table.primary_key.columns)
    linked = (
        ours for link in dimension.links.values() for ours, _ in link.on if (dimension.table.fullname, ours) in read
    )
    kept = {*dimension.key, *primary, *linked, *(column for name, column in read if name == dimension.table.fullname)}
    columns = {name: type_ for name, type_ in dimension.columns.items() if name in kept}
    rows = [{name: row[name] for name in columns} for row in table.rows.values()]
    return Sampled(columns=columns, rows=rows, masked=frozenset(table.personal & set(columns)))
