"""What a component adds to tests: an outside world to begin with, and what it holds afterwards."""

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
