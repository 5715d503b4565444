"""The facts of a run: each one thing that happened, once, never changed afterwards.

Times are aware UTC. `arrival` is what makes a task unique in its activity (loop iteration and retry generation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, get_type_hints

from engine.kit.errors import DataError

Json = Mapping[str, Any]
Status = Literal["running", "succeeded", "failed", "suspended", "waiting", "stopped"]
OnError = Literal["suspend", "ignore", "abort"]


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What all facts have: when it happened."""

    at: datetime


@dataclass(frozen=True, kw_only=True)
class RunStarted(Fact):
    """A run began. The texts are those it goes on with, whatever happens to the files."""

    workflow: str
    path: str
    workflow_text: str
    project_text: str
    environment: str | None
    """The environment that was chosen; absent when none was."""
    variables: Json
    time: datetime
    key: str | None = None
    is_environment_named: bool = True
    """False where the surroundings, not the command line, chose the environment."""


@dataclass(frozen=True, kw_only=True)
class TaskFact(Fact):
    """A fact of one task: one execution of an activity."""

    activity: str
    arrival: str


@dataclass(frozen=True, kw_only=True)
class TaskStarted(TaskFact):
    """An attempt at a task began."""


@dataclass(frozen=True, kw_only=True)
class TransitionFired(TaskFact):
    """A port gave its population: the work table that holds it, its columns by portable type, and its count."""

    port: str
    table: str | None
    """Absent where nobody reads the rows: only counted."""
    columns: Mapping[str, str]
    key: tuple[str, ...]
    dimension: str | None
    count: int


@dataclass(frozen=True, kw_only=True)
class TaskWaiting(TaskFact):
    """A task goes on at `until`, for the reason given."""

    until: datetime
    reason: str


@dataclass(frozen=True, kw_only=True)
class EffectPrepared(TaskFact):
    """What will be delivered was written to the effect ledger: the file chosen or named, then what is about to leave."""

    outcome: Json
    step: str = "prepared"


@dataclass(frozen=True, kw_only=True)
class EffectDelivered(TaskFact):
    """A step of an effect that reached the outside was written to the effect ledger."""

    step: str
    outcome: Json


@dataclass(frozen=True, kw_only=True)
class GuardTripped(TaskFact):
    """A guard stopped the run before an effect. `message` says which bound, and by how much."""

    message: str


@dataclass(frozen=True, kw_only=True)
class TaskSkipped(TaskFact):
    """A task will never run, because an input can no longer arrive."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class TaskFinished(TaskFact):
    """A task succeeded. `details` is what a person wants to know of it: a file, a receipt."""

    seconds: float
    details: Json = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class TaskFailed(TaskFact):
    """A task failed; `policy` is the activity's `on_error` at that moment."""

    error: str
    fix: str
    policy: OnError
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class RunControlled(Fact):
    """A person changed the course of the run."""

    action: Literal["resume", "stop", "upgrade"]
    workflow_text: str | None = None
    project_text: str | None = None
    """The texts to go on with, after an upgrade."""


@dataclass(frozen=True, kw_only=True)
class TablesLost(Fact):
    """Work tables of these activities do not hold what their facts say (a server crash empties unlogged ones); they are made again."""

    activities: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RunFinished(Fact):
    """The run came to an end, or to a stop it can be resumed from (suspended, waiting)."""

    status: Status


KINDS: Mapping[str, type[Fact]] = {
    kind.__name__: kind
    for kind in (RunStarted, TaskStarted, TransitionFired, TaskWaiting, EffectPrepared, EffectDelivered, GuardTripped,
                 TaskSkipped, TaskFinished, TaskFailed, RunControlled, TablesLost, RunFinished)
}  # fmt: skip


def to_json(fact: Fact) -> dict[str, Any]:
    """Give the fact as JSON values; `kind` names its class, times are ISO 8601."""
    return {"kind": type(fact).__name__} | {item.name: _written(getattr(fact, item.name)) for item in fields(fact)}


def from_json(values: Mapping[str, Any]) -> Fact:
    """Give the fact that `to_json` wrote. A kind that only a newer release knows is a DataError."""
    kind = KINDS.get(values["kind"])
    if kind is None:
        raise DataError(
            f"a fact of the kind '{values['kind']}' was written by a newer audienceflow",
            "pip install --upgrade audienceflow",
        )
    times = _TIMES[kind]
    read = {item.name: _read(values[item.name], item.name in times) for item in fields(kind) if item.name in values}
    return kind(**read)


_TIMES: Mapping[type[Fact], frozenset[str]] = {
    kind: frozenset(name for name, hint in get_type_hints(kind).items() if hint is datetime) for kind in KINDS.values()
}


def _written(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case tuple():
            return list(value)
        case Mapping():
            return dict(value)
    return value


def _read(value: Any, is_time: bool) -> Any:
    if is_time:
        return datetime.fromisoformat(value)
    return tuple(value) if isinstance(value, list) else value
