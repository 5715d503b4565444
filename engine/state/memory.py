"""The reference store: facts in memory, gone with the process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from engine.state.facts import Fact, RunStarted
from engine.state.store import RunHeld


class MemoryStore:
    """See `engine.state.store.Store`."""

    def __init__(self) -> None:
        self._facts: dict[str, tuple[Fact, ...]] = {}
        self._held: set[str] = set()

    def append(self, run: str, *facts: Fact) -> None:
        if facts:
            self._facts[run] = self.facts(run) + facts

    def facts(self, run: str) -> tuple[Fact, ...]:
        return self._facts.get(run, ())

    def runs(self, workflow: str | None = None) -> Sequence[str]:
        started = [
            (first.at, run)
            for run, (first, *_) in self._facts.items()
            if workflow is None or (isinstance(first, RunStarted) and first.workflow == workflow)
        ]
        return [run for _, run in sorted(started, reverse=True)]

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        if run in self._held:
            raise RunHeld(f"run {run} is being executed by another process", "wait for it, or stop it")
        self._held.add(run)
        try:
            yield
        finally:
            self._held.discard(run)
