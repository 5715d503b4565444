"""A small world on a real database, in which one activity runs as a run would run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from engine import registry
from engine.app import project as projects
from engine.app.project import Project
from engine.kit.activity import Effect, Transform
from engine.kit.catalog import Catalog
from engine.kit.connector import Surroundings
from engine.kit.population import Inputs, Population
from engine.kit.types import Type, to_sqlalchemy
from engine.lang import graph as graphs
from engine.lang.spec import ActivitySpec, WorkflowSpec
from engine.runs import bind
from engine.runs.effects import EffectContext
from engine.runs.execution import Execution
from engine.runs.plan import evaluator
from engine.runs.task import made
from engine.sql import catalog as catalogs
from engine.sql.database import Database, stored_population
from engine.sql.ledger import Ledger

NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
TESTED = "tested"

DIMENSIONS = """
databases: {default: {url: "duckdb:///:memory:"}}
dimensions:
  household:
    table: PREFIXhouseholds
    key: household_id
    links:
      purchases: {dimension: purchase, on: {household_id: household_id}, many: true}
    consent: {advertising: share_consent = true}
    suppress: [opted_out]
  purchase:
    table: PREFIXpurchases
    key: [basket_id, line]
    links: {product: {table: PREFIXproducts, on: {product_id: product_id}}}
"""
"""The project file, as far as it says nothing of any component; PREFIX begins the names of its tables."""

_TABLES: Mapping[str, Callable[[], tuple[sa.Column[Any], ...]]] = {
    "households": lambda: (
        sa.Column("household_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("email", sa.String),
        sa.Column("city", sa.String),
        sa.Column("spend", sa.Numeric(10, 2)),
        sa.Column("modified", sa.DateTime),
        sa.Column("crm_id", sa.String),
        sa.Column("ecid", sa.String),
        sa.Column("share_consent", sa.Boolean),
    ),
    "purchases": lambda: (
        sa.Column("basket_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("household_id", sa.Integer),
        sa.Column("product_id", sa.Integer),
        sa.Column("amount", sa.Numeric(10, 2)),
        sa.Column("purchased_at", sa.DateTime),
    ),
    "products": lambda: (
        sa.Column("product_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String),
        sa.Column("category", sa.String),
    ),
}


def day(year: int, month: int, day: int) -> datetime:
    """Give midnight, as a database column without a time zone holds it."""
    return datetime(year, month, day)  # noqa: DTZ001


def ecid(number: int) -> str:
    """Give a visitor id: 38 digits."""
    return f"{number:038d}"


_ROWS: Mapping[str, Sequence[tuple[Any, ...]]] = {
    "households": [
        (1, "ann@example.com", "Paris", Decimal("1200.00"), day(2026, 11, 1), "A-001", ecid(1), True),
        (2, "Bob@Example.com", "Lyon", Decimal("50.50"), day(2026, 11, 2), " B-002 ", ecid(2), True),
        (3, "bob@example.com", "Lyon", Decimal("50.50"), day(2026, 11, 2), "B-003", None, False),
        (4, None, "München", None, None, None, None, None),
        (5, "élodie@example.fr", "Besançon", Decimal("0.00"), day(2026, 10, 1), "É-005", ecid(5), True),
        (6, "", "Paris", Decimal("999.99"), day(2026, 11, 20), "", "", True),
        (7, "ann@example.com", None, Decimal("1000.01"), day(2026, 11, 3), "a-001", ecid(1), True),
        (8, "ÉLODIE@EXAMPLE.FR", "paris", Decimal("-10.00"), day(2026, 11, 4), "C-008", ecid(8), None),
    ],
    "purchases": [
        (100, 1, 1, 10, Decimal("20.00"), day(2026, 11, 20)),
        (100, 2, 1, 11, Decimal("5.50"), day(2026, 11, 20)),
        (101, 1, 2, 10, Decimal("20.00"), day(2026, 1, 15)),
        (102, 1, 3, None, Decimal("7.25"), day(2026, 11, 22)),
        (103, 1, None, 10, Decimal("1.00"), day(2026, 11, 22)),
        (104, 1, 5, 12, None, day(2026, 11, 22)),
        (105, 1, 1, 11, Decimal("5.50"), day(2025, 6, 1)),
    ],
    "products": [(10, "Coffee", "food"), (11, "Thé vert", "food"), (12, "Lamp", "home")],
}
LISTS: Mapping[str, Sequence[int]] = {"do_not_share": [3, 5], "opted_out": [2]}


@dataclass(kw_only=True)
class World:
    """Tables, lists, a folder with files, and a clock that is set by hand."""

    db: Database
    project: Project
    folder: Path
    now: datetime = NOW
    tick: timedelta = timedelta(0)
    """How far each reading moves the clock on."""
    connect: Callable[[str], Any] | None = None
    """Opens what stands for a connector; the real one when not told."""
    ledger: Ledger = field(init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.db)
        self.db.ensure_schema()
        definitions = {name: dimension.definition() for name, dimension in self.project.dimensions.items()}
        catalog = catalogs.build(self.db, self.db.dialect, definitions, self.project.sections)
        self._tables = replace(catalog, functions={**catalog.functions, **registry.load().of("function")})

    @property
    def catalog(self) -> Catalog:
        history = self.ledger.history.of(("w", TESTED, "run1"), self.now.replace(tzinfo=None), self.now.date())
        return replace(catalogs.with_lists(self._tables, self.ledger.read_lists()), history=history)

    def clock(self) -> datetime:
        """Give the time, and move on."""
        self.now += self.tick
        return self.now

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(
            sections=self.project.sections,
            folder=self.folder,
            state_folder=self.folder / "state",
            clock=self.clock,
            environment="dev",
            is_environment_named=False,
        )

    def everyone(self, dimension: str = "household") -> Population:
        """Give all rows of a dimension, kept as an activity before would have kept them."""
        return self.keep(self.catalog.dimension(dimension).population())

    def keep(self, population: Population) -> Population:
        """Make the work table of a population."""
        return self.db.create(self.db.name("given", str(next(self._numbers))), population)

    def given(
        self,
        columns: str,
        rows: Iterable[Any] = (),
        *,
        key: int = 1,
        dimension: str | None = "household",
    ) -> Population:
        """Make a population of these rows; `columns` reads "a integer, b text", and the first `key` of them are the key."""
        types = {
            name: Type.parse(type_) for name, _, type_ in (part.strip().partition(" ") for part in columns.split(", "))
        }
        target = self.db.name("given", str(next(self._numbers)))
        table = sa.Table(
            target.name,
            sa.MetaData(),
            *(sa.Column(name, to_sqlalchemy(type_)) for name, type_ in types.items()),
            schema=target.schema,
        )
        written = [dict(zip(types, row if isinstance(row, tuple) else (row,), strict=True)) for row in rows]
        with self.db.transaction() as connection:
            table.create(connection)
            if written:
                connection.execute(table.insert(), written)
        population = Population(relation=table, key=tuple(types)[:key], columns=types, dimension=dimension)
        return replace(stored_population(table, population), count=len(written))

    def write_list(self, name: str, population: Population) -> None:
        """Fill a list, as a run before would have."""
        self.ledger.ensure()
        with self.db.transaction() as connection:
            key = ("before", name, str(next(self._numbers)))
            self.ledger.write_list(connection, name, population, "replace", key, self.now)

    def perform(
        self, spec: WorkflowSpec, inputs: Inputs, *, run: str = "run1", known: Mapping[str, Any] | None = None, read: str = ""
    ) -> dict[str, Population]:  # fmt: skip
        """Run the activity `tested` of a workflow. `known` are the steps that the facts of the run tell of.

        Where `read` names a port of a transform, it alone is read, and the others are only counted.
        """
        execution = self.execution(spec, run)
        written = spec.activities[TESTED]
        activity = bind.bind(written.activity, execution.values, execution.evaluate)
        match activity:
            case Transform():
                ports = [port.name for port in activity.outputs()]
                table = partial(execution.work_table, TESTED, "1")
                self.ledger.ensure()
                stored = [port for port in ports if port == (read or port)]
                counted = [port for port in ports if port not in stored]
                with made(self.db, activity, inputs, execution.catalog_of(TESTED), stored, table, counted) as kept:
                    if activity.memory is not None:
                        execution.remember(TESTED, activity.memory, kept["result"])
                execution.commit_history()
                return kept
            case Effect():
                return dict(activity.perform(inputs, self.context(execution, written, known or {})))
        raise AssertionError(f"{activity.type} neither computes nor has an effect")

    def context(self, execution: Execution, written: ActivitySpec, known: Mapping[str, Any]) -> EffectContext:
        return EffectContext(execution, written, "1", lambda _fact: None, known)

    def execution(self, spec: WorkflowSpec, run: str = "run1") -> Execution:
        return Execution(
            run=run, spec=spec, graph=graphs.build(spec), db=self.db, ledger=self.ledger, catalog=lambda: self.catalog,
            values=bind.values(spec, {}, run=run, time=self.now, started_at=self.now), evaluate=evaluator(self.db, self._tables),
            time=self.now, clock=self.clock,
            connect=self.connect or (lambda name: registry.load().of("connector")[name](self.surroundings)),
            folder=self.folder, staging=self.folder / "staging" / run,
        )  # fmt: skip

    def rows(self, population: Population, *columns: str) -> list[Any]:
        """Give the rows in the order of their keys: of the columns named, else of all; of one column its values."""
        wanted = columns or tuple(population.columns)
        names = (*population.key, *wanted)
        statement = sa.select(*(population.column(name).label(f"c{place}") for place, name in enumerate(names)))
        with self.db.transaction() as connection:
            found = [tuple(row) for row in connection.execute(statement)]
        width = len(population.key)
        found.sort(key=lambda row: [(value is None, value) for value in row[:width]])
        return [row[width] if len(wanted) == 1 else row[width:] for row in found]

    def keys(self, population: Population) -> list[Any]:
        """Give the keys, in their order; of a composite key, tuples."""
        return self.rows(population, *population.key)

    def table_rows(self, table: sa.Table) -> list[tuple[Any, ...]]:
        """Give all rows of a table of the ledger, sorted."""
        with self.db.transaction() as connection:
            return sorted(tuple(row) for row in connection.execute(sa.select(table)))

    def lasting(self) -> dict[str, Any]:
        """Give all that lasts outside the run: lists, ledgers, and the files of what stands in for outside services."""
        ledger, state = self.ledger, self.folder / "state"
        return {
            "lists": {name: (self.rows(kept), kept.columns) for name, kept in ledger.read_lists().items()},
            "memberships": self.table_rows(ledger.memberships),
            "effects": self.table_rows(ledger.effects),
            "reservations": self.table_rows(ledger.reservations),
            "audit": ledger.audit_entries(),
            "files": {
                str(path.relative_to(state)): path.read_bytes() for path in sorted(state.rglob("*")) if path.is_file()
            },
        }


SomeWorld = TypeVar("SomeWorld", bound=World)


def read_project(text: str, prefix: str = "") -> Project:
    """Read the project of a standard world; `prefix` begins the names of its tables."""
    written = text.replace("PREFIX", prefix)
    return projects.read(Path("project.yaml"), written, registry.load(), environment=None, surroundings={})


def lay_out(db: Database, prefix: str = "", *, empty: bool = False) -> None:
    """Make the tables of the standard world, with their rows or without, where they are not there yet: no test changes them."""
    metadata = sa.MetaData()
    with db.transaction() as connection:
        for name, columns in _TABLES.items():
            table = sa.Table(prefix + name, metadata, *columns())
            if sa.inspect(connection).has_table(table.name):
                continue
            table.create(connection)
            if not empty:
                names = [column.name for column in table.columns]
                connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in _ROWS[name]])


_SCHEMAS = count(1)


@contextmanager
def opened(
    kind: type[SomeWorld], db: Database, project: Project, folder: Path, lists: Mapping[str, Sequence[int]] = LISTS
) -> Iterator[SomeWorld]:
    """Open a world with a schema of its own, fill its lists, and throw the schema away afterwards."""
    db.schema = f"w{next(_SCHEMAS)}"
    folder.mkdir(parents=True, exist_ok=True)
    world = kind(db=db, project=project, folder=folder)
    try:
        for name, keys in lists.items():
            world.write_list(name, world.given("household_id integer", keys))
        yield world
    finally:
        _drop_schema(db)


def _drop_schema(db: Database) -> None:
    if db.dialect.capabilities.schemas:
        with db.transaction() as connection:
            connection.execute(sa.schema.DropSchema(db.schema, cascade=True))
        return
    with db.transaction() as connection:
        tables = [name for name in sa.inspect(connection).get_table_names() if name.startswith(f"{db.schema}_")]
    db.drop(sa.table(name) for name in tables)
