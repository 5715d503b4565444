"""The context of an effect: work tables, the effect ledger and the facts, in the order that survives a crash.

Every step goes first to the effect ledger, in the data database, then to the facts. A repetition finds a step in the ledger and
does not do it again; a fact that a crash kept from being written is written then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.kit.context import PREPARED, SENDING, Json, ListMode
from engine.kit.errors import DataError, EngineBug
from engine.kit.population import Population
from engine.kit.types import Type
from engine.lang.spec import ActivitySpec
from engine.runs import guard
from engine.runs.execution import Execution, details
from engine.sql.database import stored_population
from engine.state.facts import EffectDelivered, EffectPrepared, Fact

if TYPE_CHECKING:  # Arrow is heavy, and most commands read no rows
    import pyarrow as pa


KEPT = "kept "
"""Begins the steps of the ledger that say which table holds the rows of a port, or rows on the way there."""

LOADED = "x_"
"""Begins the names of tables of rows from outside."""


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
        self.remarks: Mapping[str, str] = {}
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

    def now(self) -> datetime:
        return self._execution.clock()

    def keep(self, port: str, population: Population) -> Population:
        if self.kept.get(port) is population:
            return population
        frozen = self._frozen(port)
        kept = frozen if frozen is not None else self._make(port, population)
        self.kept[port] = kept
        return kept

    def load(
        self, name: str, columns: Mapping[str, Type], key: Sequence[str], batches: Iterable[pa.RecordBatch]
    ) -> Population:
        if any(port.name == name for port in self._activity.activity.outputs()):
            return self._load_port(name, columns, key, batches)
        table = self._table(f"{LOADED}{name}")
        with self._execution.db.transaction() as connection:
            self._note(connection, f"{LOADED}{name}", {"table": table.name})
        rows = self._execution.db.load(table, columns, batches)
        return _loaded(table, columns, key, rows)

    def _load_port(
        self, port: str, columns: Mapping[str, Type], key: Sequence[str], batches: Iterable[pa.RecordBatch]
    ) -> Population:
        frozen = self._frozen(port)
        if frozen is None:
            table = self._table(port)
            with self._execution.db.transaction() as connection:
                rows = self._execution.db.load(table, columns, batches, key=key)
                frozen = replace(_loaded(table, columns, key, rows), unique=True)
                self._record(connection, port, frozen)
        self.kept[port] = frozen
        return frozen

    def delivered(self) -> Mapping[str, Population] | None:
        """Give what the ports held when an earlier attempt delivered, so that nothing is judged or done again; None when none did."""
        if "delivered" not in self._done:
            if "delivered" in self._known:
                raise self._lost("delivered")
            return None
        for name in (PREPARED, SENDING, "delivered"):
            if name in self._done:
                self._tell(name, self._done[name])
        ports = (port.name for port in self._activity.activity.outputs())
        return {port: kept for port in ports if (kept := self._frozen(port)) is not None}

    def _lost(self, step: str) -> DataError:
        """Say that a step is known to the run and not to the data database, which was brought back from before it."""
        return DataError(
            f"'{self._activity.id}' has done the step '{step}', say the facts of the run; the ledger in the database does not know it",
            "bring the database back as it was then; a new run would do everything once more",
        )

    def close(self) -> None:
        """Drop the tables that were needed on the way, and are no port's and no list's."""
        ports = {port.name for port in self._activity.activity.outputs()}
        kept = (name.removeprefix(KEPT) for name in self._done if name.startswith(KEPT))
        tables = [self._table(name) for name in kept if name not in ports]
        held = self._execution.ledger.held() if tables else ()
        self._execution.db.drop([table for table in tables if table.name not in held])

    def _table(self, name: str) -> sa.TableClause:
        return self._execution.work_table(self._activity.id, self.moment.arrival, name)

    def _make(self, port: str, population: Population) -> Population:
        """Make a table that survives a crash of the server, and write it to the ledger in one transaction."""
        with self._execution.db.transaction() as connection:
            kept = self._execution.db.create(self._table(port), population, kept=True)
            self._record(connection, port, kept)
        return kept

    def _record(self, connection: sa.Connection, port: str, kept: Population) -> None:
        outcome = {
            "table": self._table(port).name,
            "columns": {name: str(type_) for name, type_ in kept.columns.items()},
            "key": list(kept.key),
            "dimension": kept.dimension,
            "count": kept.count,
        }
        self._note(connection, port, outcome)

    def _note(self, connection: sa.Connection, name: str, outcome: Json) -> None:
        """Write to the ledger that there is a table: whoever tidies up later finds it there, whatever becomes of the task."""
        self._execution.ledger.record(connection, self._key, KEPT + name, outcome, self._execution.clock())
        self._done = {**self._done, KEPT + name: outcome}

    @property
    def _is_frozen(self) -> bool:
        return SENDING in self._done or "delivered" in self._done

    def _frozen(self, port: str) -> Population | None:
        """Give a port's rows as they were when they were about to leave: what may have left already is not judged again."""
        outcome = self._done.get(KEPT + port)
        if outcome is None or not self._is_frozen:
            return None
        table = self._table(port)
        if self._execution.db.rows_of(table) != outcome["count"]:
            raise DataError(
                f"the rows that '{self._activity.id}' sent are no longer in {table.name}",
                "start a new run; what this one delivered is in 'audienceflow show'",
            )
        columns = {name: Type.parse(type_) for name, type_ in outcome["columns"].items()}
        population = Population(
            relation=table,
            key=tuple(outcome["key"]),
            columns=columns,
            dimension=outcome["dimension"],
            unique=True,
            count=outcome["count"],
        )
        return stored_population(table, population)

    def batches(self, statement: sa.Select[Any]) -> Iterator[pa.RecordBatch]:
        return self._execution.db.batches(statement)

    def guard(self, written: Population, *, replaces: bool = False) -> None:
        if self._is_frozen:
            return
        if written.count is None:
            raise EngineBug(f"'{self._activity.id}' guards a population that was not kept")
        baseline = self._execution.baseline(f"{self._activity.id}.result")
        if guard.hold(self._activity.common.guard, written.count, baseline=baseline, replaces=replaces) == "skip":
            raise SkipEffect
        self.remarks = guard.unheld(self._activity.common.guard, baseline)

    def reserve(self, names: Iterable[str]) -> str:
        return self._execution.ledger.reserve(self._key, names)

    def step(self, name: str, do: Callable[[], Json]) -> Json:
        return self._step(name, do, lambda _connection, outcome: outcome)

    def sent_as(self, audience: str) -> str | None:
        return self._execution.ledger.sent_as(audience)

    def announce_members(self, audience: str, joining: sa.Select[Any], sent_as: str, do: Callable[[], Json]) -> Json:
        def perform(connection: sa.Connection, outcome: Json) -> Json:
            self._execution.ledger.add_members(connection, audience, joining, sent_as, self._begun())
            return outcome

        return self._step(SENDING, do, perform)

    def confirm_members(self, audience: str, leaving: sa.Select[Any], do: Callable[[], Json]) -> Json:
        def perform(connection: sa.Connection, outcome: Json) -> Json:
            return {
                **outcome,
                **self._execution.ledger.take_members_out(connection, audience, leaving, self._begun()),
            }

        return self._step("delivered", do, perform)

    def _begun(self) -> tuple[str, datetime]:
        """Give the run, and a time that is the same for every attempt of the task, and no other task's."""
        return self.moment.run, self._execution.ledger.time_of(self._key, PREPARED)

    def take_back(self, name: str, has_happened: Callable[[Json], bool]) -> None:
        announced = self._done.get(name, self._known.get(name))
        if announced is None:
            return
        if not has_happened(announced):
            self._execution.ledger.forget(self._key, name)
            self._done = {step: outcome for step, outcome in self._done.items() if step != name}
        elif name not in self._done:
            raise self._lost(name)

    def write_list(
        self,
        name: str,
        population: Population,
        mode: ListMode,
        *,
        expires: timedelta | None = None,
        beside: Mapping[str, Population] | None = None,
        said: Json | None = None,
    ) -> Json:
        """Write a list, those beside it, and the step `delivered` in one transaction."""

        def write(connection: sa.Connection, name: str, population: Population, mode: ListMode) -> Mapping[str, int]:
            # In a rehearsal a list is to be told from the port it is filled from, of which more is known.
            is_ours = not self._execution.is_rehearsed and any(population is kept for kept in self.kept.values())
            return self._execution.ledger.write_list(
                connection, name, population, mode, self._key, self.moment.now, is_kept=is_ours, expires_at=ends
            )

        def perform(connection: sa.Connection, outcome: Json) -> Json:
            written = write(connection, name, population, mode)
            for other, rows in (beside or {}).items():
                write(connection, other, rows, "replace")
            return {**outcome, **written}

        ends = self.moment.now + expires if expires is not None else None
        ending = {"expires_at": ends.isoformat()} if ends is not None else {}
        others = {"beside": sorted(beside)} if beside else {}
        return self._step(
            "delivered", lambda: {"list": name, "mode": mode, **ending, **others, **(said or {})}, perform
        )

    def filled(self, name: str) -> Json | None:
        return self._execution.ledger.filled(name)

    def connect(self, connector: str) -> Any:
        return self._execution.connect(connector)

    def _step(self, name: str, do: Callable[[], Json], perform: Callable[[sa.Connection, Json], Json]) -> Json:
        outcome = self._done.get(name)
        if outcome is None:
            begun = do()
            with self._execution.db.transaction() as connection:
                outcome = perform(connection, begun)
                if name == "delivered":
                    outcome = {**outcome, **self._audit(connection, outcome)}
                self._execution.ledger.record(connection, self._key, name, outcome, self._execution.clock())
            self._done = {**self._done, name: outcome}
        self._tell(name, outcome)
        return outcome

    def _audit(self, connection: sa.Connection, outcome: Json) -> Json:
        """Write what left into the audit log, in the transaction that says it did; give the hash of the entry."""
        said = details({**self._known, "delivered": outcome})
        disclosed = self._activity.activity.disclosed(said, self.catalog)  # type: ignore[attr-defined]  # it is an effect
        if disclosed is None or self._execution.is_rehearsed:
            return {}
        guard_, waived = self._activity.common.guard, list(disclosed.get("waived", ()))
        entry = {
            **self._execution.origin,
            "at": self._execution.clock().isoformat(),
            "workflow": self.moment.workflow, "run": self.moment.run, "activity": self.moment.activity, "arrival": self.moment.arrival,
            "disclosed": {name: value for name, value in disclosed.items() if name != "waived"},
            "waived": [*waived, *(["guard"] if guard_ is not None and guard_.on_empty == "allow" else [])],
        }  # fmt: skip
        return {"audit": self._execution.ledger.write_audit(connection, entry)}

    def _tell(self, name: str, outcome: Json) -> None:
        """Append the fact of a step, unless an earlier attempt did and it came to the same."""
        if self._known.get(name) != outcome:
            self._known[name] = outcome
            self._append(self._fact(name, outcome))

    def _fact(self, step: str, outcome: Json) -> Fact:
        task = {"at": self._execution.clock(), "activity": self._activity.id, "arrival": self.moment.arrival}
        if step in (PREPARED, SENDING):
            return EffectPrepared(**task, step=step, outcome=outcome)  # type: ignore[arg-type]
        return EffectDelivered(**task, step=step, outcome=outcome)  # type: ignore[arg-type]


def _loaded(table: sa.TableClause, columns: Mapping[str, Type], key: Sequence[str], rows: int) -> Population:
    return replace(stored_population(table, Population(relation=table, key=tuple(key), columns=columns)), count=rows)
