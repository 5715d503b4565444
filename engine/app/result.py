"""What a run came to, for a person or a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import ceil, floor, sqrt
from typing import Any

from engine.lang.graph import CONTROL, Graph
from engine.lang.spec import ActivitySpec, WorkflowSpec
from engine.state.facts import Json, Status
from engine.state.fold import RunState, TaskState

GUARDED = "guarded"


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What became of an activity; `outputs` gives the count of every port that fired."""

    status: str
    seconds: float
    outputs: Mapping[str, int]
    message: str = ""
    details: Json = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    """By port, what is worth knowing of its count."""


@dataclass(frozen=True, kw_only=True)
class Transition:
    """An arrow that carried a population, and how many rows."""

    source: str
    target: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Error:
    """What stopped an activity, where it stands, and what to do."""

    activity: str
    status: str
    message: str
    fix: str
    place: str


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A run, as far as it came. `status` is succeeded, failed, suspended, waiting or stopped.

    `time` is the moment it is for. `variables` are all that the workflow declares, as text; None where one was not given.
    """

    run: str
    workflow: str
    key: str | None
    started_at: datetime
    time: datetime
    variables: Mapping[str, str | None]
    status: Status
    activities: Mapping[str, Activity]
    transitions: tuple[Transition, ...]
    errors: tuple[Error, ...]

    @property
    def exit_code(self) -> int:
        """0 done · 1 failed or suspended by an error · 3 waiting, or suspended by a guard."""
        match self.status:
            case "succeeded" | "stopped":
                return 0
            case "suspended":
                return 3 if any(error.status == GUARDED for error in self.errors) else 1
            case "waiting" | "running":
                return 3
            case _:
                return 1

    def to_json(self) -> dict[str, Any]:
        """Give the object that `run --format json` prints."""
        return {
            "run": self.run,
            "workflow": self.workflow,
            "status": self.status,
            "activities": {name: _activity_json(activity) for name, activity in self.activities.items()},
            "transitions": [
                {"from": arrow.source, "to": arrow.target, "count": arrow.count} for arrow in self.transitions
            ],
            "errors": [
                {"activity": error.activity, "message": error.message, "fix": error.fix, "place": error.place}
                for error in self.errors
            ],
            "key": self.key,
            "started_at": self.started_at.isoformat(timespec="seconds"),
            "for": self.time.isoformat(timespec="seconds"),
            "variables": dict(self.variables),
        }


def result(run: str, spec: WorkflowSpec, graph: Graph, state: RunState) -> RunResult:
    """Sum up the state of a run that began."""
    started = state.started
    assert started is not None  # noqa: S101
    tasks = {task.activity: task for task in state.tasks.values()}
    return RunResult(
        run=run, workflow=spec.name, key=started.key, started_at=started.at, time=started.time, variables=variables(spec, state),
        status=state.status,
        activities={name: _activity(tasks.get(name), spec.activities[name], _arrived(name, graph, tasks)) for name in graph},
        transitions=tuple(
            Transition(source=f"{source}.{data['source']}", target=f"{target}.{data['target']}", count=tasks[source].fired[data["source"]].count)
            for source, target, data in graph.edges(data=True)
            if source in tasks and data["source"] in tasks[source].fired
        ),
        errors=tuple(
            Error(activity=task.activity, status=task.status, message=task.message, fix=task.fix, place=task.place)
            for task in tasks.values() if task.status in ("failed", "suspended", "ignored", GUARDED)
        ),
    )  # fmt: skip


def variables(spec: WorkflowSpec, state: RunState) -> dict[str, str | None]:
    """Give the variables of a run: those it was given, and the defaults of the others."""
    given = state.started.variables if state.started else {}
    defaults = {name: variable.default for name, variable in spec.variables.items()}
    return {name: given.get(name, None if default is None else str(default)) for name, default in defaults.items()}


def _arrived(name: str, graph: Graph, tasks: Mapping[str, TaskState]) -> int:
    """Give how many rows came to an activity."""
    arrows = ((tasks.get(source), data) for source, _, data in graph.in_edges(name, data=True))
    return sum(task.fired[data["source"]].count for task, data in arrows
               if task and data["target"] != CONTROL and data["source"] in task.fired)  # fmt: skip


def _usual(share: Decimal, rows: int) -> str:
    """Say how large a share by each row's own hash is 95 times in 100."""
    part = float(share) / 100
    mean, off = rows * part, 2 * sqrt(rows * part * (1 - part))
    return f"about {share.normalize():f}%: usually {max(0, ceil(mean - off)):,} to {min(rows, floor(mean + off)):,} of {rows:,}"


def _activity(task: TaskState | None, spec: ActivitySpec, arrived: int) -> Activity:
    if task is None:
        return Activity(status="not_started", seconds=0.0, outputs={})
    return Activity(
        status=task.status,
        seconds=task.seconds,
        outputs={port: fired.count for port, fired in task.fired.items()},
        message=task.message,
        details=task.details,
        notes={
            name: _usual(port.share, arrived)
            for name, port in spec.output_ports.items()
            if name in task.fired and port.share is not None
        },
    )


def _activity_json(activity: Activity) -> dict[str, Any]:
    optional = {"message": activity.message, "details": dict(activity.details)}
    return {
        "status": activity.status,
        "seconds": round(activity.seconds, 3),
        "outputs": {port: {"count": count} for port, count in activity.outputs.items()},
        **{name: value for name, value in optional.items() if value},
    }
