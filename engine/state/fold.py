"""The state of a run: a fold over its facts, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Any, Literal

from engine.state import facts as f

TaskStatus = Literal[
    "pending", "running", "waiting", "succeeded", "failed", "ignored", "suspended", "guarded", "skipped"
]


@dataclass(frozen=True, kw_only=True)
class TaskState:
    """Where a task stands; `fired` holds what its ports gave."""

    activity: str
    arrival: str
    status: TaskStatus = "running"
    attempts: int = 0
    fired: Mapping[str, f.TransitionFired] = field(default_factory=dict)
    steps: Mapping[str, f.Json] = field(default_factory=dict)
    until: datetime | None = None
    message: str = ""
    fix: str = ""
    place: str = ""
    seconds: float = 0.0
    details: f.Json = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        """The task will never fire another port unless it is retried."""
        return self.status in ("succeeded", "skipped", "ignored", "failed")


@dataclass(frozen=True, kw_only=True)
class RunState:
    """Where a run stands."""

    started: f.RunStarted | None = None
    workflow_text: str = ""
    project_text: str = ""
    status: f.Status = "running"
    tasks: Mapping[tuple[str, str], TaskState] = field(default_factory=dict)
    finished_at: datetime | None = None

    def task(self, activity: str, arrival: str = "1") -> TaskState | None:
        return self.tasks.get((activity, arrival))


def fold(facts: Iterable[f.Fact], state: RunState | None = None) -> RunState:
    """Give the state that the facts, in their order, lead to: from the beginning, or on from `state`."""
    return reduce(then, facts, state or RunState())


def then(state: RunState, fact: f.Fact) -> RunState:
    """Give the state after one more fact."""
    match fact:
        case f.RunStarted():
            return replace(state, started=fact, workflow_text=fact.workflow_text, project_text=fact.project_text)
        case f.TaskFact():
            key = (fact.activity, fact.arrival)
            task = state.tasks.get(key) or TaskState(activity=fact.activity, arrival=fact.arrival)
            return replace(state, tasks={**state.tasks, key: _apply_to_task(task, fact)})
        case f.RunControlled(action="resume"):
            return _resumed(state)
        case f.RunControlled(action="upgrade"):
            return replace(
                _resumed(state),
                workflow_text=fact.workflow_text or state.workflow_text,
                project_text=fact.project_text or state.project_text,
            )
        case f.RunControlled(action="stop"):
            return replace(state, status="stopped", finished_at=fact.at)
        case f.TablesLost():
            return _pending(state, {key for key, task in state.tasks.items() if task.activity in fact.activities})
        case f.RunFinished():
            return replace(state, status=fact.status, finished_at=fact.at)
        case _:
            return state


def _apply_to_task(task: TaskState, fact: f.TaskFact) -> TaskState:
    match fact:
        case f.TaskStarted():
            return replace(task, status="running", attempts=task.attempts + 1, until=None, message="", fix="", place="")
        case f.TransitionFired():
            return replace(task, fired={**task.fired, fact.port: fact})
        case f.TaskWaiting():
            return replace(task, status="waiting", until=fact.until, message=fact.reason)
        case f.EffectPrepared() | f.EffectDelivered():
            return replace(task, steps={**task.steps, fact.step: fact.outcome})
        case f.GuardTripped():
            return replace(task, status="guarded", message=fact.message)
        case f.TaskSkipped():
            return replace(task, status="skipped", message=fact.reason)
        case f.TaskFinished():
            return replace(task, status="succeeded", seconds=fact.seconds, details=fact.details)
        case f.TaskFailed():
            failed: Mapping[str, Any] = {"ignore": "ignored", "suspend": "suspended", "abort": "failed"}
            return replace(task, status=failed[fact.policy], message=fact.error, fix=fact.fix, place=fact.place)
        case _:
            return task


def _resumed(state: RunState) -> RunState:
    """Let what stopped the run be tried again: suspended, guarded and unfinished tasks."""
    again = {key for key, task in state.tasks.items() if task.status in ("running", "suspended", "guarded")}
    return replace(_pending(state, again), status="running", finished_at=None)


def _pending(state: RunState, again: Iterable[tuple[str, str]]) -> RunState:
    """Let tasks be done again; the steps an effect has done stay done."""
    fresh = {key: replace(state.tasks[key], status="pending", fired={}, until=None, attempts=0) for key in again}
    return replace(state, tasks={**state.tasks, **fresh})
