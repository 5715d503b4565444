"""What the tasks of one run share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.kit.activity import Memory, Transform
from engine.kit.catalog import Catalog
from engine.kit.context import Moment
from engine.kit.expression import Values
from engine.kit.population import Population
from engine.kit.types import Type
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec
from engine.runs import bind
from engine.runs.bind import Evaluate
from engine.runs.plan import plan
from engine.sql.database import Database, stored_population
from engine.sql.ledger import Ledger
from engine.sql.names import WORK
from engine.state.facts import TransitionFired

Connect = Callable[[str], Any]
"""Opens a connector by its name."""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One run, on its way: its definition, its database, and what was decided when it started."""

    run: str
    spec: WorkflowSpec
    graph: Graph
    db: Database
    ledger: Ledger
    catalog: Callable[[], Catalog]
    """Gives the catalogue as it is now: lists come and go."""
    values: Values
    evaluate: Evaluate
    time: datetime
    clock: Callable[[], datetime]
    connect: Connect
    folder: Path
    staging: Path
    baseline: Callable[[str], int | None] = lambda _port: None
    """Gives the count of a port in the last succeeded run with equal variables."""
    origin: Mapping[str, str] = field(default_factory=dict)
    """What the audit log says of every entry: the environment, who executes the run and where, the revision of its texts."""
    is_rehearsed: bool = False
    """Effects touch nothing outside the database, whose transaction will be rolled back."""

    @cached_property
    def planned(self) -> Mapping[str, Population]:
        """Give by `activity.port` what is planned, as far as it can be said before: the columns of what does not come."""
        activities, _ = plan(self.spec, self.graph, self.catalog(), self.values, self.evaluate, self.db.schema)
        return {f"{activity.id}.{port}": rows for activity in activities for port, rows in activity.outputs.items()}

    def catalog_of(self, activity: str) -> Catalog:
        """Give the catalogue as an activity sees it: with its own history."""
        history = self.ledger.history.of((self.spec.name, activity, self.run), *bind.moment(self.values))
        return replace(self.catalog(), history=history)

    def remember(self, activity: str, memory: Memory, result: Population) -> None:
        """Write what an activity returned into its history, in the transaction that is open."""
        origin, moment = (self.spec.name, activity, self.run), bind.moment(self.values)
        self.ledger.history.remember(self.db.connection, origin, memory, moment, result, self.db.dialect)

    def commit_history(self) -> None:
        """Let what the activities of this run returned count for later runs. May be done again."""
        if remembering(self.spec):
            with self.db.transaction() as connection:
                self.ledger.history.commit(connection, self.run)

    def moment(self, activity: str, arrival: str) -> Moment:
        return Moment(
            run=self.run, workflow=self.spec.name, activity=activity, arrival=arrival, time=self.time, now=self.clock()
        )

    def work_table(self, activity: str, arrival: str, port: str) -> sa.TableClause:
        """Name the work table of a port: the same whenever the task is done again."""
        return self.db.name(WORK, self.run, activity, *(() if arrival == "1" else (arrival,)), port)


def remembering(spec: WorkflowSpec) -> dict[str, Memory]:
    """Give, by name, what those activities leave behind that know of earlier runs."""
    transforms = {name: each.activity for name, each in spec.activities.items() if isinstance(each.activity, Transform)}
    return {name: transform.memory for name, transform in transforms.items() if transform.memory is not None}


def fired_population(fact: TransitionFired, table: sa.TableClause) -> Population:
    """Give the population that a port fired, over its work table."""
    columns = {name: Type.parse(type_) for name, type_ in fact.columns.items()}
    population = Population(
        relation=table, key=fact.key, columns=columns, dimension=fact.dimension, unique=True, count=fact.count
    )
    return stored_population(table, population)


def details(outcomes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Give what the steps of an effect have to say to a person, the later over the earlier."""
    return {name: value for outcome in outcomes.values() for name, value in outcome.items()}
