"""The world of one test: a fresh database, lists, outside services and time, all of it gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from engine.app.executions import execution
from engine.app.options import FILE, Options
from engine.app.planning import aware
from engine.app.project import Project
from engine.app.session import Session
from engine.app.testing import tables
from engine.app.testing.inputs import laid_out, like_a_dimension
from engine.app.testing.suite import Suite
from engine.app.testing.written import WrittenTest
from engine.kit.catalog import Catalog, Dimension
from engine.kit.population import Population
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec
from engine.registry import Registry
from engine.runs import bind
from engine.runs.runner import Runner
from engine.sql import catalog as catalogs
from engine.sql.database import Database
from engine.state.facts import RunStarted
from engine.state.memory import MemoryStore

RUN = "test"


class Clock:
    """Time that stands still until it is moved: nothing that sleeps makes a test wait."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """Give the time it is."""
        return self._now

    def set(self, moment: datetime | str) -> None:
        """Make it this time: a datetime, or a text of ISO 8601; UTC without a zone."""
        self._now = aware(datetime.fromisoformat(moment) if isinstance(moment, str) else moment)

    def advance(self, **time: float) -> None:
        """Let time pass: `advance(days=1, hours=2)`, in the words of `timedelta`."""
        self._now += timedelta(**time)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class World:
    """A test's own session and time. `folder` is where relative paths of the workflow start."""

    session: Session
    clock: Clock
    folder: Path
    tables: Catalog | None = None
    """The catalogue of the project's tables, where it is known already."""

    def catalog(self) -> Catalog:
        """Give the catalogue with the lists as they are now."""
        session = self.session
        if self.tables is None:
            return session.catalog()
        return catalogs.with_lists(
            replace(self.tables, sections=session.project.sections), session.ledger.lists_when_asked(self.clock())
        )

    def runner(self, spec: WorkflowSpec, graph: Graph, variables: Mapping[str, str], run: str = RUN) -> Runner:
        """Give a run that has just started."""
        session, time = self.session, self.clock()
        values = bind.values(spec, variables, run=run, time=time, started_at=time)
        started = RunStarted(at=time, workflow=spec.name, path="", workflow_text=spec.text, project_text=session.project.text,
                             environment=None, variables=variables, time=time)  # fmt: skip
        session.ledger.ensure()
        running = execution(session, run, spec, graph, values, started)
        runner = Runner(
            replace(running, catalog=self.catalog, folder=self.folder), MemoryStore(), sleep=self.clock.sleep
        )
        runner.append(started)
        return runner


@contextmanager
def world(suite: Suite, test: WrittenTest) -> Iterator[World]:
    """Open the world a test describes. Raises AuthorError with what is wrong with its rows."""
    clock = Clock(test.at or suite.options.clock())
    with isolated(stood_in(suite, test), suite.registry, clock, folder=suite.file.workflow.parent) as bare:
        opened = replace(bare, tables=suite.catalogs[test.environment])
        fill(opened, suite, test)
        yield opened


def stood_in(suite: Suite, test: WrittenTest) -> Project:
    """Give the project of a test with stand-ins for all outside services."""
    project = suite.projects[test.environment]
    for fixture in suite.fixtures.values():
        project = replace(project, sections=fixture.isolated(project.sections))
    return project


def fill(opened: World, suite: Suite, test: WrittenTest) -> None:
    """Make the tables there are not yet, and put in what the test says of tables, lists and outside services."""
    tables.fill(opened.session.db, suite.shapes, tables.typed_tables(suite.shapes, test.tables))
    _write_lists(opened, suite, test)
    for name, fixture in suite.fixtures.items():
        written = [body for key, body in test.outside.items() if key == name]
        fixture.prepare(dict(*written), opened.session.surroundings)


@contextmanager
def isolated(project: Project, registry: Registry, clock: Clock, folder: Path) -> Iterator[World]:
    """Open what a project declares, over an empty database in memory and with a temporary folder for all else."""
    with TemporaryDirectory(prefix="audienceflow_test_") as temporary:
        url = tables.url_of_tests(project)
        databases = {name: settings.model_copy(update={"url": url}) for name, settings in project.databases.items()}
        ours = replace(project, path=Path(temporary) / FILE, databases=databases, is_environment_named=False)
        with Session(ours, registry, Options(project=ours.path, clock=clock)) as session:
            yield World(session=session, clock=clock, folder=folder)


def _write_lists(opened: World, suite: Suite, test: WrittenTest) -> None:
    session = opened.session
    session.ledger.ensure()
    catalog = opened.catalog()
    members: dict[str, list[Population]] = {}
    for number, (name, rows) in enumerate(test.lists.items()):
        like = suite.known.lists.get(name) or like_a_dimension(name, rows, catalog, suite.spec.dimension)
        population = laid_out(session.db, session.db.name("given", str(number)), name, rows, like)
        with session.db.transaction() as connection:
            session.ledger.write_list(
                connection, str(name), population, "replace", (RUN, "given", str(number)), opened.clock()
            )
        members.setdefault(population.dimension or "", []).append(population)
    for dimension, populations in members.items():
        if dimension in catalog.dimensions and catalog.dimensions[dimension].table.fullname not in test.tables:
            _put_in(session.db, catalog.dimensions[dimension], populations)


def _put_in(db: Database, dimension: Dimension, members: Sequence[Population]) -> None:
    """Give members of lists their row in the dimension's table, of which the test says nothing: nobody is gone then."""
    if db.rows_of(sa.table(dimension.table.name, schema=dimension.table.schema)):
        return
    keys = sa.union(*(population.select(population.key) for population in members))
    with db.transaction() as connection:
        connection.execute(dimension.table.insert().from_select(list(dimension.key), keys))
