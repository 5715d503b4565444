"""Dropping the work tables of runs that nobody will go on with."""

from __future__ import annotations

from engine.sql.database import Database
from engine.state.facts import TransitionFired
from engine.state.fold import fold
from engine.state.store import Store

KEPT_RUNS = 1
"""So many earlier runs that succeeded keep their work tables, so that a run can be compared with the one before."""


def tidy(db: Database, store: Store, workflow: str) -> None:
    """Drop the work tables of the workflow's ended runs but the newest; a run that can be resumed keeps its own.

    Called whenever a run is about to succeed, so that only the tables since the last time are left to drop.
    """
    succeeded = 0
    for run in store.runs(workflow):
        facts = store.facts(run)
        status = fold(facts).status
        if succeeded >= KEPT_RUNS and status in ("succeeded", "failed", "stopped"):
            names = {fact.table for fact in facts if isinstance(fact, TransitionFired) and fact.table}
            db.drop(db.named(name) for name in sorted(names))
            if status == "succeeded":
                return
        succeeded += status == "succeeded"
