"""The context of an effect: work tables, the effect ledger and the facts, in the order that survives a crash.

Every step goes first to the effect ledger, in the data database, then to the facts. A repetition finds a step in the ledger and
does not do it again; a fact that a crash kept from being written is written then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from engine.kit.context import Json
from engine.kit.errors import EngineBug
from engine.kit.population import Population
from engine.kit.types import Type
from engine.lang.spec import ActivitySpec
from engine.runs import guard
from engine.runs.execution import Execution
from engine.sql.database import stored_population
from engine.state.facts import EffectDelivered, EffectPrepared, Fact

if TYPE_CHECKING:  # Arrow is heavy, and most commands read no rows
    import pyarrow as pa


class SkipEffect(Exception):
    """The guard lets an effect with nothing to write pass without doing it."""


class EffectContext:
    """See `engine.kit.context.Context`."""

    def __init__(
        self,
        execution: Execution,
        activity: ActivitySpec,
        arrival: str,
        append: Callable[[Fact], None],
        known: Mapping[str, Json],
    ) -> None:
        self.moment = execution.moment(activity.id, arrival)
        self.catalog = execution.catalog()
        self.folder: Path = execution.folder
        self.memberships: sa.Table = execution.ledger.memberships
        self.kept: dict[str, Population] = {}
        self._execution = execution
        self._activity = activity
        self._append = append
        self._known = dict(known)
        self._key = (execution.run, activity.id, arrival)
        execution.ledger.ensure()
        self._done = execution.ledger.steps(self._key)

    @property
    def staging(self) -> Path:
        folder = self._execution.staging / self._activity.id
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def outcomes(self) -> Mapping[str, Json]:
        """The steps done so far, in their order."""
        return self._known

    def keep(self, port: str, population: Population) -> Population:
        table = self._execution.work_table(self._activity.id, self.moment.arrival, port)
        self.kept[port] = self._execution.db.create(table, population)
        return self.kept[port]

    def load(
        self, name: str, columns: Mapping[str, Type], key: Sequence[str], batches: Iterable[pa.RecordBatch]
    ) -> Population:
        table = self._execution.work_table(self._activity.id, self.moment.arrival, f"x_{name}")
        rows = self._execution.db.load(table, columns, batches)
        loaded = Population(relation=table, key=tuple(key), columns=columns)
        return replace(stored_population(table, loaded), count=rows)

    def batches(self, statement: sa.Select[Any]) -> Iterator[pa.RecordBatch]:
        return self._execution.db.batches(statement)

    def guard(self, written: Population, *, replaces: bool = False) -> None:
        if "delivered" in self._done:
            return
        if written.count is None:
            raise EngineBug(f"'{self._activity.id}' guards a population that was not kept")
        baseline = self._execution.baseline(f"{self._activity.id}.result")
        if guard.hold(self._activity.common.guard, written.count, baseline=baseline, replaces=replaces) == "skip":
            raise SkipEffect

    def reserve(self, names: Iterable[str]) -> str:
        return self._execution.ledger.reserve(self._key, names)

    def step(self, name: str, do: Callable[[], Json], writes: Sequence[sa.Executable] = ()) -> Json:
        def perform(connection: sa.Connection, outcome: Json) -> Json:
            for statement in writes:
                connection.execute(statement)
            return outcome

        return self._step(name, do, perform)

    def write_list(self, name: str, population: Population, mode: Literal["append", "replace"]) -> Json:
        """Write a list and the step `delivered` in one transaction."""

        def perform(connection: sa.Connection, outcome: Json) -> Json:
            written = self._execution.ledger.write_list(connection, name, population, mode, self._key, self.moment.now)
            return {**outcome, **written}

        return self._step("delivered", lambda: {"list": name, "mode": mode}, perform)

    def connect(self, connector: str) -> Any:
        return self._execution.connect(connector)

    def _step(self, name: str, do: Callable[[], Json], perform: Callable[[sa.Connection, Json], Json]) -> Json:
        outcome = self._done.get(name)
        if outcome is None:
            begun = do()
            with self._execution.db.transaction() as connection:
                outcome = perform(connection, begun)
                self._execution.ledger.record(connection, self._key, name, outcome, self._execution.clock())
            self._done = {**self._done, name: outcome}
        if name not in self._known:
            self._known[name] = outcome
            self._append(self._fact(name, outcome))
        return outcome

    def _fact(self, step: str, outcome: Json) -> Fact:
        task = {"at": self._execution.clock(), "activity": self._activity.id, "arrival": self.moment.arrival}
        if step == "prepared":
            return EffectPrepared(**task, outcome=outcome)  # type: ignore[arg-type]
        return EffectDelivered(**task, step=step, outcome=outcome)  # type: ignore[arg-type]
