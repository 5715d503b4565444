"""Dropping what is left of runs that nobody will go on with."""

from __future__ import annotations

import shutil
from contextlib import suppress

from sqlalchemy.exc import DBAPIError

from engine.kit.errors import AudienceflowError
from engine.runs.execution import Execution
from engine.sql.names import WORK
from engine.state.facts import RunStarted, TransitionFired
from engine.state.fold import fold
from engine.state.store import Store

KEPT_RUNS = 1
"""So many earlier runs that succeeded keep their work tables, so that a run can be compared with the one before."""


def tidy(execution: Execution, store: Store, started: RunStarted) -> None:
    """Drop the work tables and staged files of the workflow's ended runs, but of the newest that succeeded.

    Called when a run has succeeded. Lists whose time is over go too. Only runs of the same environment are looked at, since another
    may have another database, and of those only the ones of which a table is left. A table that a list lies in stays with the list;
    one that cannot be dropped, since somebody put a view on it, is left for the next time.
    """
    db, kept = execution.db, 0
    execution.ledger.tidy(execution.clock())
    left = db.tables(WORK) - execution.ledger.held()
    for run in store.runs(started.workflow):
        if run == execution.run or (kept >= KEPT_RUNS and not any(db.is_of(name, WORK, run) for name in left)):
            continue
        facts = store.facts(run)
        state = fold(facts)
        if state.started is None or state.started.environment != started.environment:
            continue
        if state.status == "succeeded" and kept < KEPT_RUNS:
            kept += 1
        elif state.status in ("succeeded", "failed", "stopped"):
            fired = {fact.table for fact in facts if isinstance(fact, TransitionFired) and fact.table}
            for table in sorted((fired | execution.ledger.tables_of(run)) & left):
                with suppress(AudienceflowError, DBAPIError):
                    db.drop([db.named(table)])
            with db.transaction() as connection:
                execution.ledger.history.forget(connection, run)
            shutil.rmtree(execution.staging.parent / run, ignore_errors=True)
