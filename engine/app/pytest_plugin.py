"""The pytest plugin: `…_test.yaml` files become pytest items; activities and workflows can be tested in a few lines of Python.

It is loaded wherever audienceflow is installed, so it imports nothing heavy and takes no interest in any other file. Components
add fixtures of their own, which are known by name and imported when a test asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from engine.app.testing import holds_tests

if TYPE_CHECKING:
    from engine.app.testing.outputs import PortRows
    from engine.app.testing.python import Bench, GivenPopulation
    from engine.app.testing.running import Outcome
    from engine.app.testing.stage import Stage, WorkflowRun
    from engine.app.testing.suite import Suite
    from engine.app.testing.world import Clock
    from engine.app.testing.written import WrittenTest
    from engine.kit.component import Component

pytest.register_assert_rewrite("engine.app.testing.contract.suite")


def pytest_configure(config: pytest.Config) -> None:
    """Make the fixtures that components register."""
    from engine import registry

    fixtures = ModuleType("audienceflow_fixtures")
    rows = registry.read().of("pytest_fixture")
    for name in rows:
        setattr(fixtures, name, _fixture(rows.component(name)))
    config.pluginmanager.register(fixtures, fixtures.__name__)


def _fixture(component: Component) -> Any:
    def made(_stage: Stage) -> Any:
        return component.load()(_stage)

    made.__doc__ = component.summary
    return pytest.fixture(name=component.name)(made)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take the files that hold tests of workflows."""
    return WorkflowTestFile.from_parent(parent, path=file_path) if holds_tests(file_path) else None


class WorkflowTestFile(pytest.File):
    """A `…_test.yaml` file."""

    def collect(self) -> Iterator[WorkflowTest]:
        import os  # what a project without such files has no use for is imported late

        from engine.app.options import Options
        from engine.app.testing.suite import open_suite
        from engine.kit.errors import AuthorError

        try:
            suite = open_suite(self.path, Options(surroundings=os.environ))
        except AuthorError as problem:
            raise self.CollectError(str(problem)) from None
        for written in suite.file.tests:
            yield WorkflowTest.from_parent(self, name=written.name, suite=suite, written=written)


class DidNotPass(Exception):
    """A test of a workflow failed, or its file is wrong; carries the outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class WorkflowTest(pytest.Item):
    """One test of a workflow."""

    def __init__(self, *, suite: Suite, written: WrittenTest, **of_pytest: Any) -> None:
        super().__init__(**of_pytest)
        self._suite = suite
        self._written = written

    def runtest(self) -> None:
        from engine.app.testing import running

        outcome = running.run(self._suite, self._written)
        if not outcome.is_passed:
            raise DidNotPass(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the comparison; only a bug of ours shows a traceback."""
        from engine.app.testing import report

        if isinstance(excinfo.value, DidNotPass):
            return report.explanation(excinfo.value.outcome)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self._written.span.line - 1, self.name


@pytest.fixture
def clock() -> Clock:
    """The engine's time, which stands still at 2026-11-23 00:00 UTC: `clock.set("2027-01-01")`, `clock.advance(days=1)`."""
    from datetime import UTC, datetime

    from engine.app.testing.world import Clock

    return Clock(datetime(2026, 11, 23, tzinfo=UTC))


@pytest.fixture
def _bench(clock: Clock) -> Bench:
    from engine.app.testing.python import Bench

    return Bench(clock)


@pytest.fixture
def _stage(clock: Clock) -> Iterator[Stage]:
    import os

    from engine.app.testing.stage import Stage

    stage = Stage(clock, os.environ)
    yield stage
    stage.close()


@pytest.fixture
def population(_bench: Bench) -> Callable[..., GivenPopulation]:
    """Make a population from rows: `population([{"id": 1, "city": "Rome"}], key="id", dimension="person")`.

    Rows with a dimension are rows of its table too. Without `key`, the first column is the key.
    """
    return _bench.population


@pytest.fixture
def run_activity(_bench: Bench) -> Callable[..., dict[str, PortRows]]:
    """Run one activity over populations, by input port (`from_` for `from`): `run_activity(Union(), from_=[a, b])`.

    Gives by output port the rows, in the order of the key; `.columns` of them gives the types of the columns.
    """
    return _bench.run_activity


@pytest.fixture
def run_workflow(_stage: Stage) -> Callable[..., WorkflowRun]:
    """Run a workflow file: `run_workflow(path, tables={"people": [{"id": 1}]}, lists={}, vars={}, env=None)`.

    Gives `.outputs`, the rows by `activity` or `activity.port`, and `.lists`, the rows of every list. The database is in memory
    and lasts for the test: a second run finds what the first one left. Raises DataError when the run does not succeed.
    """
    return _stage.run_workflow
