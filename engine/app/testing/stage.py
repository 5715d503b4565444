"""Tests of whole workflows in Python: rows of tables and lists in, the rows of every port and list out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.app.options import Options, label_of
from engine.app.testing import tables
from engine.app.testing.outputs import PortRows, port_rows
from engine.app.testing.running import every_port, whole
from engine.app.testing.suite import Suite, suite_of
from engine.app.testing.values import written
from engine.app.testing.world import RUN, Clock, World, fill, isolated, stood_in
from engine.app.testing.written import Rows, WrittenFile, WrittenTest
from engine.kit.connector import Surroundings
from engine.kit.errors import DataError, Span
from engine.kit.option import Scalar
from engine.lang.source import Block
from engine.lang.spec import Reference
from engine.registry import load as load_registry
from engine.runs.decide import FIRST
from engine.runs.execution import fired_population
from engine.runs.runner import Runner

GivenRows = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class WorkflowRun:
    """What came of a run: the rows of every port that fired, by `activity` or `activity.port`, and of every list there is now."""

    outputs: Mapping[str, PortRows]
    lists: Mapping[str, PortRows]


class Stage:
    """See `engine.kit.fixture.Stage`. Workflows of one project share a database; those of another begin with an empty one."""

    def __init__(self, clock: Clock, surroundings: Mapping[str, str]) -> None:
        self._clock = clock
        self._environment = surroundings
        self._open = ExitStack()
        self._world: World | None = None
        self._project: tuple[Path, str | None] | None = None
        self._tables: dict[Scalar, Rows] = {}
        self._outside: dict[Scalar, dict[Scalar, tuple[Scalar, ...]]] = {}
        self._runs = 0

    def close(self) -> None:
        """Let the database and the folders go."""
        self._open.close()

    @property
    def surroundings(self) -> Surroundings:
        if self._world is None:
            raise DataError("no workflow was run yet", "call run_workflow first")
        return self._world.session.surroundings

    def prepare(self, fixture: str, written: Mapping[str, Sequence[str]]) -> None:
        held = self._outside.setdefault(_name(fixture), {})
        held.update({_name(name): tuple(map(_name, texts)) for name, texts in written.items()})

    def run_workflow(
        self,
        path: str | Path,
        *,
        tables: Mapping[str, GivenRows] | None = None,
        lists: Mapping[str, GivenRows] | None = None,
        vars: Mapping[str, Any] | None = None,
        env: str | None = None,
    ) -> WorkflowRun:
        """Run a workflow file over rows of tables and lists, in a database in memory, at the time of the clock.

        Tables that are not given are empty, or hold what an earlier run of the test gave or left. Outside services are stood in for,
        whatever the environment. Raises AuthorError for what does not fit, DataError when the run does not succeed.
        """
        test = WrittenTest(
            name=RUN, span=Span(RUN, 1, 1), tables=_given(tables), lists=_given(lists), outside=self._outside, at=self._clock(),
            vars={_name(name): _text(value, Span(name, 1, 1)) or _name("") for name, value in (vars or {}).items()},
            env=None if env is None else _name(env),
        )  # fmt: skip
        known = {**self._tables, **test.tables}
        suite = self._suite(Path(path), replace(test, tables=known))
        opened = self._opened(suite, test)
        fill(opened, suite, test)
        self._tables, self._outside = known, {}
        self._runs += 1
        runner = whole(opened, suite, test, every_port(suite.spec), run=f"{RUN}_{self._runs}")
        _refuse_failure(runner)
        lists_now = opened.session.ledger.read_lists()
        return WorkflowRun(
            outputs=dict(_outputs(runner)),
            lists={name: port_rows(population, opened.session.db) for name, population in lists_now.items()},
        )

    def _suite(self, path: Path, test: WrittenTest) -> Suite:
        file = WrittenFile(path=path, workflow=path, span=Span(label_of(path), 1, 1), tests=(test,))
        return suite_of(file, load_registry(), Options(surroundings=self._environment, clock=self._clock))

    def _opened(self, suite: Suite, test: WrittenTest) -> World:
        """Give the world as this run begins, without the tables that are given anew."""
        project = (suite.projects[test.environment].path, test.environment)
        if self._world is None or self._project != project:
            self._open.close()
            context = isolated(stood_in(suite, test), suite.registry, self._clock, folder=suite.file.workflow.parent)
            self._world, self._project = self._open.enter_context(context), project
        self._world = replace(self._world, tables=suite.catalogs[test.environment], folder=suite.file.workflow.parent)
        tables.drop(self._world.session.db, map(str, test.tables))
        return self._world


def _refuse_failure(runner: Runner) -> None:
    """Drive a run; DataError where it does not succeed."""
    state = runner.drive()
    if state.status != "succeeded":
        troubled = next((task for task in state.tasks.values() if task.status != "succeeded" and task.message), None)
        why = f": '{troubled.activity}' {troubled.status}: {troubled.message}" if troubled else ""
        raise DataError(f"the run is {state.status}{why}", troubled.fix if troubled else "")


def _outputs(runner: Runner) -> Iterator[tuple[str, PortRows]]:
    for task in runner.state.tasks.values():
        for port, fact in task.fired.items():
            table = runner.execution.work_table(task.activity, FIRST, port)
            name = Reference(activity=task.activity, port=port, span=runner.execution.spec.span).short
            yield name, port_rows(fired_population(fact, table), runner.execution.db)


def _given(rows: Mapping[str, GivenRows] | None) -> dict[Scalar, Rows]:
    return {
        _name(name): tuple(_row(name, number, row) for number, row in enumerate(given, start=1))
        for name, given in (rows or {}).items()
    }


def _row(name: str, number: int, row: Mapping[str, Any]) -> Block:
    """Give a row as a test file would hold it; its place is the table and the number of the row."""
    block = Block({_name(column, number): _text(value, Span(name, number, 1)) for column, value in row.items()})
    block.span = Span(name, number, 1)
    return block


def _text(value: object, place: Span) -> Scalar | None:
    text = written(value)
    return None if text is None else Scalar.at(text, place, is_quoted=isinstance(value, str))


def _name(text: str, line: int = 1) -> Scalar:
    return Scalar.at(text, Span(text, line, 1))
