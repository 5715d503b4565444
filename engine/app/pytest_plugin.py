"""The pytest plugin: `…_test.yaml` files become pytest items, and activities can be tested in a few lines of Python.

It is loaded wherever audienceflow is installed, so it imports nothing heavy and takes no interest in any other file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.app.testing import holds_tests

if TYPE_CHECKING:
    from engine.app.testing.python import Bench, GivenPopulation
    from engine.app.testing.running import Outcome
    from engine.app.testing.suite import Suite
    from engine.app.testing.written import WrittenTest

pytest.register_assert_rewrite("engine.app.testing.contract.suite")


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
def _bench() -> Bench:
    from engine.app.testing.python import Bench

    return Bench()


@pytest.fixture
def population(_bench: Bench) -> Callable[..., GivenPopulation]:
    """Make populations: `population([{"id": 1, "city": "Rome"}], key="id", dimension="person")`.

    Rows with a dimension are rows of its table too. Without `key`, the first column is the key.
    """
    return _bench.population


@pytest.fixture
def run_activity(_bench: Bench) -> Callable[..., dict[str, list[dict[str, Any]]]]:
    """Run an activity, and give the rows of every port in the order of the key: `run_activity(Union(), from_=[a, b])`."""
    return _bench.run_activity
