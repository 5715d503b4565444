"""Dropping what is left of runs that nobody will go on with."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.sql.database import Database
from engine.state.facts import RunStarted, TransitionFired
from engine.state.fold import fold
from engine.state.store import Store

KEPT_RUNS = 1
"""So many earlier runs that succeeded keep their work tables, so that a run can be compared with the one before."""


def tidy(db: Database, store: Store, started: RunStarted, staging: Path) -> None:
    """Drop the work tables, and the files in `staging`, of the workflow's ended runs but the newest; a run that can be resumed keeps its own.

    Only runs of the same environment are looked at, since another may have another database.

    Called whenever a run is about to succeed, so that only the tables since the last time are left to drop.
    """
    succeeded = 0
    for run in store.runs(started.workflow):
        facts = store.facts(run)
        state = fold(facts)
        status = state.status
        if state.started is None or state.started.environment != started.environment:
            continue
        if succeeded >= KEPT_RUNS and status in ("succeeded", "failed", "stopped"):
            names = {fact.table for fact in facts if isinstance(fact, TransitionFired) and fact.table}
            db.drop(db.named(name) for name in sorted(names))
            shutil.rmtree(staging / run, ignore_errors=True)
            if status == "succeeded":
                return
        succeeded += status == "succeeded"
