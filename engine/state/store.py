"""The contract of a state store; `memory` is the reference, and every store runs the same suite."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from engine.kit.errors import AudienceflowError
from engine.state.facts import Fact


class RunHeld(AudienceflowError):
    """Another process executes this run."""


class Store(Protocol):
    """Keeps the facts of runs, in the order they were appended."""

    def append(self, run: str, *facts: Fact) -> None:
        """Add facts behind those the run has, all or none; they are durable when this returns.

        A run comes to exist with its first fact. Raises RunHeld when another writer appended since this store last
        read or wrote the run.
        """

    def facts(self, run: str) -> tuple[Fact, ...]:
        """Give all facts of a run, the oldest first; empty for an unknown run."""

    def runs(self, workflow: str | None = None) -> Sequence[str]:
        """Give the ids of all runs, or of one workflow's, the newest first (by their first fact's time, then id)."""

    def hold(self, run: str) -> AbstractContextManager[None]:
        """Be the only one, on this machine, to execute a run while inside; raises RunHeld at once when another is.

        A process that dies lets go.
        """
