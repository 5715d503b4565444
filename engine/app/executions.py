"""The execution of a run over what a session has open."""

from __future__ import annotations

import hashlib
import os
import platform
import pwd
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.app.session import Session
from engine.kit.expression import Values
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec
from engine.runs.execution import Execution
from engine.state import facts as f
from engine.state.fold import fold


def execution(
    session: Session, run: str, spec: WorkflowSpec, graph: Graph, values: Values, started: f.RunStarted
) -> Execution:
    """Give what the tasks of a run share; relative paths start where the workflow's file lies."""
    return Execution(
        run=run, spec=spec, graph=graph, db=session.db, ledger=session.ledger, catalog=session.catalog, values=values,
        evaluate=session.evaluate, time=started.time, clock=session.clock, connect=session.connect, folder=Path(started.path).parent,
        staging=session.state_folder / "staging" / run, baseline=_baseline(session, run, started), origin=_origin(session, started),
    )  # fmt: skip


def _origin(session: Session, started: f.RunStarted) -> Mapping[str, str]:
    """Say who executes a run, where, and what: the account that the system knows, not the one that a variable names."""
    texts = f"{started.workflow_text}\0{session.project.text}"
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that nobody bears
        user = str(os.getuid())
    revision = hashlib.sha256(texts.encode()).hexdigest()
    return {"environment": session.project.environment, "user": user, "host": platform.node(), "revision": revision}


def _baseline(session: Session, run: str, started: f.RunStarted) -> Callable[[str], int | None]:
    """Give the counts of the last succeeded run in this environment that was given the same variables.

    The run's own facts are not read again: the store would then take what another process appended for known to the runner.
    """

    def count(port: str) -> int | None:
        for earlier in session.store.runs(started.workflow):
            state = fold(session.store.facts(earlier)) if earlier != run else None
            began = state.started if state and state.status == "succeeded" else None
            same = began and (began.variables, began.environment) == (started.variables, started.environment)
            if state and same:
                activity, _, name = port.partition(".")
                task = state.task(activity)
                return task.fired[name].count if task and name in task.fired else None
        return None

    return count
