"""The history ledger: whom an activity returned in which run, so that its later runs can leave them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from engine.kit.activity import Memory
from engine.kit.catalog import History
from engine.kit.dialect import Capabilities, Dialect
from engine.kit.population import Population, key_text
from engine.sql import names

Origin = tuple[str, str, str]
"""Who left it: workflow, activity, run."""


class HistoryTables:
    """Two tables: one row for each run of an activity, and one for each key it returned.

    A run's rows count from the moment it is committed. What a task writes replaces what it wrote before, so it may be done again.
    """

    def __init__(self, schema: str, capabilities: Capabilities, metadata: sa.MetaData | None = None) -> None:
        metadata = metadata or sa.MetaData()

        def table(name: str, *columns: sa.Column[Any]) -> sa.Table:
            named = names.table(name, (), schema, capabilities)
            return sa.Table(named.name, metadata, *columns, schema=named.schema)

        self.runs = table(
            "history_runs", *(sa.Column(name, sa.Text, primary_key=True) for name in ("workflow", "activity", "run")),
            sa.Column("time", sa.DateTime, nullable=False), sa.Column("date", sa.Date, nullable=False),
            sa.Column("days", sa.Integer), sa.Column("is_committed", sa.Boolean, nullable=False),
        )  # fmt: skip
        self.keys = table(
            "history",
            # Where one process alone writes, a run's rows are replaced whole; an index of millions of keys costs more than the query.
            *(sa.Column(name, sa.Text, primary_key=capabilities.multi_process, nullable=False) for name in ("activity", "key", "run")),
        )  # fmt: skip

    def of(self, origin: Origin, time: datetime, day: date) -> History:
        """Give what the other runs of the activity left behind."""
        workflow, activity, run = origin
        runs, keys = self.runs, self.keys
        counts = (runs.c.workflow == workflow, runs.c.activity == activity, runs.c.is_committed, runs.c.run != run)
        known = keys.join(runs, sa.and_(keys.c.run == runs.c.run, keys.c.activity == runs.c.activity))
        returned = sa.select(keys.c.key, runs.c.time).select_from(known).where(keys.c.activity == activity, *counts)
        return History(
            time=time,
            date=day,
            runs=sa.select(runs.c.time, runs.c.date).where(*counts).subquery(),
            keys=returned.subquery(),
        )

    def remember(
        self, connection: sa.Connection, origin: Origin, memory: Memory, moment: tuple[datetime, date], result: Population, dialect: Dialect
    ) -> None:  # fmt: skip
        """Write what a task returned, in the transaction that makes its table."""
        workflow, activity, run = origin
        self._forget(connection, run, lambda table: table.c.activity == activity)
        time, day = moment
        connection.execute(self.runs.insert().values(
            workflow=workflow, activity=activity, run=run, time=time, date=day, days=memory.days, is_committed=False,
        ))  # fmt: skip
        if memory.has_keys:
            key = key_text(dialect, result)
            rows = sa.select(sa.literal(activity, sa.Text()), key, sa.literal(run, sa.Text())).where(key.is_not(None))
            connection.execute(self.keys.insert().from_select(["activity", "key", "run"], rows))
        if memory.commit == "activity":
            self.commit(connection, run, activity)

    def commit(self, connection: sa.Connection, run: str, activity: str | None = None) -> None:
        """Let what a run left behind count, of one activity or of all, and drop what counts no more. May be done again."""
        runs, keys = self.runs, self.keys
        mine = [runs.c.run == run, *([runs.c.activity == activity] if activity else [])]
        connection.execute(runs.update().where(*mine).values(is_committed=True))
        found = connection.execute(sa.select(runs).where(*mine, runs.c.days.is_not(None))).mappings().all()
        for row in found:
            past = sa.and_(
                runs.c.workflow == row["workflow"],
                runs.c.activity == row["activity"],
                runs.c.time <= row["time"] - timedelta(days=row["days"]),
            )
            gone = sa.select(runs.c.run).where(past)
            connection.execute(keys.delete().where(keys.c.activity == row["activity"], keys.c.run.in_(gone)))
            connection.execute(runs.delete().where(past))

    def forget(self, connection: sa.Connection, run: str) -> None:
        """Drop what a run that will not succeed any more left behind, unless it counts already."""
        runs = self.runs
        counting = sa.select(runs.c.activity).where(runs.c.run == run, runs.c.is_committed)
        self._forget(connection, run, lambda table: table.c.activity.not_in(counting))

    def sums(self, connection: sa.Connection, workflow: str) -> Sequence[Mapping[str, Any]]:
        """Give, activity by activity, the runs that count, whom they returned, their first and last time, and the runs that do not count yet."""
        runs, keys = self.runs, self.keys
        counting = sa.case((runs.c.is_committed, runs.c.time))
        known = keys.join(runs, sa.and_(keys.c.run == runs.c.run, keys.c.activity == runs.c.activity))
        returned = sa.select(runs.c.activity, sa.func.count(keys.c.key.distinct()).label("keys")).select_from(known)
        returned = returned.where(runs.c.workflow == workflow, runs.c.is_committed).group_by(runs.c.activity)
        of_activity = returned.subquery()
        found = sa.select(
            runs.c.activity,
            sa.func.count(counting).label("runs"),
            sa.func.coalesce(sa.func.max(of_activity.c["keys"]), 0).label("keys"),
            sa.func.min(counting, type_=sa.DateTime()).label("first"),
            sa.func.max(counting, type_=sa.DateTime()).label("last"),
            (sa.func.count() - sa.func.count(counting)).label("unfinished"),
        ).select_from(runs.outerjoin(of_activity, of_activity.c.activity == runs.c.activity))
        found = found.where(runs.c.workflow == workflow).group_by(runs.c.activity).order_by(runs.c.activity)
        return [dict(row) for row in connection.execute(found).mappings()]

    def workflows(self, connection: sa.Connection) -> Sequence[str]:
        """Name the workflows of which something is known."""
        return connection.execute(sa.select(self.runs.c.workflow).distinct()).scalars().all()

    def forget_activity(self, connection: sa.Connection, workflow: str, activity: str) -> None:
        """Drop what all runs of an activity left behind, so that it is as if it had never run."""
        runs, keys = self.runs, self.keys
        mine = sa.select(runs.c.run).where(runs.c.workflow == workflow, runs.c.activity == activity)
        connection.execute(keys.delete().where(keys.c.activity == activity, keys.c.run.in_(mine)))
        connection.execute(runs.delete().where(runs.c.workflow == workflow, runs.c.activity == activity))

    def _forget(self, connection: sa.Connection, run: str, which: Callable[[sa.Table], Any]) -> None:
        for table in (self.keys, self.runs):
            connection.execute(table.delete().where(table.c.run == run, which(table)))
