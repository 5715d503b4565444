"""Seeing before doing: what a workflow would do, how many rows would arrive where, and what they look like."""

from __future__ import annotations

import time as clocks
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.app.executions import execution
from engine.app.options import read_text
from engine.app.result import RunResult, result
from engine.app.session import Session, read_workflow
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError, DataError, suggestion
from engine.kit.expression import Expr, Values
from engine.kit.frame import Frame
from engine.kit.population import Population
from engine.kit.types import Type
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec
from engine.runs import bind
from engine.runs.decide import FIRST
from engine.runs.execution import fired_population, remembering
from engine.runs.plan import PLANNED_RUN, PlannedActivity, lineages
from engine.runs.plan import plan as plan_run
from engine.runs.runner import Runner
from engine.sql.ledger import Ledger
from engine.sql.lineage import Origins
from engine.state import facts as f
from engine.state.memory import MemoryStore

MASK = "•••"
"""Stands for a value of a personal column."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a workflow would do."""

    spec: WorkflowSpec
    graph: Graph
    activities: tuple[PlannedActivity, ...]
    lineage: Mapping[str, Mapping[str, Mapping[str, Origins]]] = field(default_factory=dict)
    """By activity, port and column: the columns of tables and lists a value is computed from."""
    counted: RunResult | None = None
    """What came of the rehearsal, where counts were asked for: an activity that is not there was not reached."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """Some rows of a port, in the order of its key; values of the columns in `masked` are not shown to anybody."""

    port: str
    count: int
    columns: Mapping[str, Type]
    masked: frozenset[str]
    rows: Sequence[Sequence[Any]]
    others: tuple[str, ...] = ()
    """The other ports of the activity, where the port was not named."""


@dataclass(frozen=True, kw_only=True)
class Planning:
    """A workflow that was read, and the values it is planned with."""

    path: Path
    session: Session
    spec: WorkflowSpec
    graph: Graph
    values: Values
    variables: Mapping[str, str]

    @classmethod
    def of(cls, path: Path, session: Session, variables: Mapping[str, str], at: datetime | None) -> Planning:
        """Read a workflow. Raises AuthorError with all problems of the file and of the variables."""
        spec, graph = read_workflow(path, read_text(path), session.registry)
        now = session.clock()
        values = bind.values(spec, variables, run=PLANNED_RUN, time=aware(at) if at else now, started_at=now)
        return cls(path=path, session=session, spec=spec, graph=graph, values=values, variables=variables)

    def plan(self) -> Plan:
        """Plan all activities. Raises AuthorError with all problems found."""
        return self.planned(self.session.catalog())

    def counted(self) -> Plan:
        """Plan all activities, with the counts of everything that can be known before."""
        planned = self.plan()
        with self._rehearsed(self.graph) as runner:
            counted = result(PLANNED_RUN, self.spec, self.graph, runner.state)
            with suppress(
                DataError
            ):  # lists that the workflow itself fills are there now, unless the database refused something
                planned = self.planned(runner.execution.catalog())
            return replace(planned, counted=counted)

    def planned(self, catalog: Catalog) -> Plan:
        """Plan all activities over a catalogue. Raises AuthorError with all problems found."""
        session = self.session
        planned, problems = plan_run(self.spec, self.graph, catalog, self.values, session.evaluate, session.work_schema)
        if problems:
            raise AuthorError(*problems)
        lineage = lineages(planned, self.graph, catalog, session.work_schema)
        return Plan(spec=self.spec, graph=self.graph, activities=planned, lineage=lineage)

    def preview(self, target: str, limit: int, where: str | None) -> Preview:
        """Give rows of a port, `activity` or `activity.port`, of those for which `where` is true. Nobody else is executed."""
        activity, port = self.port(target)
        with self.rehearsed(activity, [(activity, port)]) as runner:
            execution = runner.execution
            rows = known_rows(runner, activity, port)
            frame = Frame(rows, execution.catalog())
            chosen = Frame(frame.filtered(Expr(where).bound(self.values)), execution.catalog()) if where else frame
            statement = chosen.select(*(chosen.population.column(name) for name in rows.columns))
            ordered = statement.order_by(*chosen.order(())).limit(limit)
            with execution.db.reading() as connection:
                found = [tuple(row) for row in connection.execute(ordered)]
            masked = masked_columns(rows, self.planned(execution.catalog()), activity, port, execution.catalog())
        ports = () if "." in target else self.spec.activities[activity].output_ports
        return Preview(
            port=f"{activity}.{port}", count=rows.count or 0, columns=rows.columns, masked=masked, rows=found,
            others=tuple(f"{activity}.{name}" for name in ports if name != port),
        )  # fmt: skip

    @contextmanager
    def rehearsed(self, activity: str, ports: Iterable[tuple[str, str]]) -> Iterator[Runner]:
        """Rehearse an activity and what comes before it, with the rows of these ports. AuthorError for problems of the workflow."""
        needed = self._before(activity)
        graph = graphs.read_by(graphs.build(needed), "preview", ports)
        self.plan()
        with replace(self, spec=needed)._rehearsed(graph) as runner:
            yield runner

    def port(self, target: str) -> tuple[str, str]:
        """Give the port that a person names by `activity` or `activity.port`. DataError when there is none."""
        activity, _, port = target.partition(".")
        if activity not in self.spec.activities:
            fix = suggestion(activity, self.spec.activities, "activities")
            raise DataError(f"there is no activity '{activity}'", fix)
        ports = list(self.spec.activities[activity].output_ports)
        port = port or ("result" if "result" in ports else ports[0])
        if port not in ports:
            raise DataError(f"'{activity}' has no output '{port}'", suggestion(port, ports, "outputs"))
        return activity, port

    def _before(self, activity: str) -> WorkflowSpec:
        """Give the workflow without what comes to the activity from nowhere."""
        needed = {activity, *graphs.upstream(self.graph, activity)}
        kept = {name: spec for name, spec in self.spec.activities.items() if name in needed}
        return replace(self.spec, activities=kept)

    @contextmanager
    def _rehearsed(self, graph: Graph) -> Iterator[Runner]:
        """Execute in one transaction that is rolled back, doing nothing outside the database; inside, its work tables are there."""
        session = self.session
        session.verify_keys(targeted(self.spec))
        time = self.values["run.time"].value
        assert isinstance(time, datetime)  # noqa: S101  (bind.values)
        started = f.RunStarted(
            at=session.clock(), workflow=self.spec.name, path=str(self.path.resolve()), workflow_text="", project_text="",
            environment=session.project.environment, variables=dict(self.variables), time=aware(time),
        )  # fmt: skip
        with session.db.rolled_back(), TemporaryDirectory(prefix="audienceflow-") as staging:
            ledger = Ledger(session.db)
            if session.db.dialect.capabilities.passing is None or remembering(self.spec):
                ledger.ensure()
            running = replace(
                execution(session, PLANNED_RUN, self.spec, graph, self.values, started),
                ledger=ledger,
                catalog=lambda: replace(session.catalog(), lists=ledger.lists_when_asked(session.clock())),
                staging=Path(staging),
                is_rehearsed=True,
            )
            runner = Runner(running, MemoryStore(), sleep=clocks.sleep)
            runner.append(started)
            runner.drive()
            yield runner


def known_rows(runner: Runner, activity: str, port: str) -> Population:
    """Give the rows of a port that was rehearsed. DataError where it did not fire."""
    task = runner.state.task(activity)
    fact = task.fired.get(port) if task else None
    if task and task.status == "succeeded" and fact is None:
        raise DataError(f"'{activity}.{port}' does not fire: there is no row", "look again when new rows are there")
    if fact is None:
        raise DataError(f"'{activity}.{port}' is not known before the run", _why(runner, runner.execution.spec))
    return fired_population(fact, runner.execution.work_table(activity, FIRST, port))


def targeted(spec: WorkflowSpec) -> list[str]:
    """Give the dimensions a workflow names."""
    written = (getattr(activity.activity, "dimension", None) for activity in spec.activities.values())
    return [str(name) for name in (spec.dimension, *written) if name]


def aware(moment: datetime) -> datetime:
    """Give a moment in UTC; without a zone it is UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _why(runner: Runner, spec: WorkflowSpec) -> str:
    said = (f"{name}: {task.message}" for name in spec.activities if (task := runner.state.task(name)) and task.message)
    return next(said, "run the workflow to know")


def masked_columns(population: Population, plan: Plan, activity: str, port: str, catalog: Catalog) -> frozenset[str]:
    """Give the columns of a port with a value from a personal column, or from where nobody said that it is none: rows from outside.

    Of a list, the columns of its dimension are known by their names; what was computed on the way there may be anything.
    """
    lineage = plan.lineage[activity].get(port, {})
    harmless = set()
    for each in (*catalog.dimensions.values(), *catalog.tables.values()):
        harmless |= {(each.table.fullname, name) for name in each.columns if name not in each.personal}
    for name, rows in catalog.lists.items():
        dimension = catalog.dimensions.get(rows.dimension or "")
        if dimension is not None:
            harmless |= {(f"list {name}", column) for column in dimension.columns if column not in dimension.personal}
    return frozenset(
        column
        for column in population.columns
        if column not in lineage or any((origin.table, origin.column) not in harmless for origin in lineage[column])
    )
