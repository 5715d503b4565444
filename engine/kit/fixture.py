"""What a component adds to tests: an outside world to begin with, and what it holds afterwards.

A `fixture` serves tests in YAML. A `pytest_fixture` is a function of a `Stage` and gives what tests in Python ask for by its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.kit.activity import Activity
from engine.kit.connector import Surroundings


class Fixture(Protocol):
    """A stand-in for an outside service, in tests. It is registered under the key a test writes to fill it (`audiences:`).

    Every test has surroundings of its own, in a temporary folder.
    """

    expectation: str
    """The key of an expectation about what an activity did to the service (`sent:`)."""

    def isolated(self, sections: Mapping[str, Any]) -> Mapping[str, Any]:
        """Give the project's sections changed so that the stand-in is used, whatever the environment says."""

    def prepare(self, written: Mapping[str, Sequence[str]], surroundings: Surroundings) -> None:
        """Fill the stand-in with what the test says. AuthorError, at the text's `span`, for what does not exist."""

    def observed(self, activity: Activity, surroundings: Surroundings) -> frozenset[str] | None:
        """Give what the stand-in received where the activity sends to, in this run; None for an activity that sends nothing."""


class Stage(Protocol):
    """Where a test in Python runs workflows, for as long as the test lasts."""

    @property
    def surroundings(self) -> Surroundings:
        """The surroundings of the project whose workflow was run last. DataError before the first."""

    def prepare(self, fixture: str, written: Mapping[str, Sequence[str]]) -> None:
        """Have a fixture filled, as a test in YAML has it filled by its key, when the next workflow begins."""
