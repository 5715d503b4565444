"""What a run does next: a pure function of the workflow, the state and the time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import TypeAlias

from engine.kit.activity import Missing
from engine.lang.graph import CONTROL
from engine.lang.spec import ActivitySpec, Reference, WorkflowSpec
from engine.state.facts import Status
from engine.state.fold import RunState, TaskState

FIRST = "1"
"""The arrival of a task that is neither in a loop nor a retry."""


@dataclass(frozen=True, kw_only=True)
class Execute:
    """Do this task now."""

    activity: str
    arrival: str = FIRST
    absent: tuple[Reference, ...] = ()
    """Inputs that will not come and count as empty."""


@dataclass(frozen=True, kw_only=True)
class Skip:
    """This task can never run."""

    activity: str
    reason: str
    arrival: str = FIRST


@dataclass(frozen=True, kw_only=True)
class Fail:
    """This task must not run without an input that will not come."""

    activity: str
    reason: str
    fix: str
    arrival: str = FIRST


@dataclass(frozen=True, kw_only=True)
class WakeAt:
    """Nothing can be done before this moment."""

    moment: datetime


@dataclass(frozen=True, kw_only=True)
class Finish:
    """The run ends, or stops where it can be resumed."""

    status: Status


Command: TypeAlias = Execute | Skip | Fail | WakeAt | Finish


class _Arrow(Enum):
    READY = auto()
    PENDING = auto()
    MISSING = auto()


def commands(spec: WorkflowSpec, state: RunState, now: datetime) -> tuple[Command, ...]:
    """Give all that can be done now; always at least one command. Tasks in the order they were written."""
    stopped = _stopped(state.tasks.values())
    if stopped:
        return (stopped,)
    return ready(spec.activities.values(), state, now) or (_pause(spec, state),)


def ready(activities: Iterable[ActivitySpec], state: RunState, now: datetime) -> tuple[Command, ...]:
    """Give what can be done now of these activities, in a run that nothing has stopped; perhaps nothing."""
    return tuple(_next_tasks(activities, state, now))


def _stopped(tasks: Iterable[TaskState]) -> Finish | None:
    statuses = {task.status for task in tasks}
    if "failed" in statuses:
        return Finish(status="failed")
    return Finish(status="suspended") if statuses & {"suspended", "guarded"} else None


def _next_tasks(activities: Iterable[ActivitySpec], state: RunState, now: datetime) -> Iterator[Command]:
    for activity in activities:
        task = state.tasks.get((activity.id, FIRST))
        if task is None or task.status == "pending":
            command = _first_command(activity, state)
            if command is not None:
                yield command
        elif task.status == "waiting" and task.until is not None and task.until <= now:
            yield Execute(activity=activity.id, arrival=task.arrival)


def _first_command(activity: ActivitySpec, state: RunState) -> Command | None:
    if activity.common.enabled == "false":
        return Skip(activity=activity.id, reason="it is disabled (enabled: false)")
    absent: list[Reference] = []
    for port, references in activity.inputs.items():
        for reference in references:
            arrow = _arrow(reference, state)
            if arrow is _Arrow.PENDING:
                return None
            if arrow is _Arrow.READY:
                continue
            match _when_missing(activity, port):
                case "skip":
                    return Skip(activity=activity.id, reason=f"'{reference}' did not fire")
                case "fail":
                    return Fail(
                        activity=activity.id,
                        reason=f"'{port}' waits for '{reference}', which did not fire",
                        fix=f"see why '{reference.activity}' did not run, or write 'when_missing: empty'",
                    )
                case _:
                    absent.append(reference)
    arrows = list(activity.references)
    if arrows and len(absent) == len(arrows):
        return Skip(activity=activity.id, reason=f"nothing fired into '{next(iter(activity.inputs))}'")
    control = _control(activity, state)
    if control is not None:
        return None if control == CONTROL else Skip(activity=activity.id, reason=control)
    if activity.common.enabled == "hold":
        return None
    return Execute(activity=activity.id, absent=tuple(absent))


def _when_missing(activity: ActivitySpec, name: str) -> Missing:
    port = next(port for port in activity.activity.inputs if port.name == name)
    return activity.common.when_missing or port.missing if port.many else port.missing


def _control(activity: ActivitySpec, state: RunState) -> str | None:
    """Say why control has not arrived: CONTROL while it may still come, else the reason to skip; None when it has."""
    arrows = {str(reference): _arrow(reference, state) for reference in activity.after.activities}
    if _Arrow.PENDING in arrows.values():
        return CONTROL
    missing = [name for name, arrow in arrows.items() if arrow is _Arrow.MISSING]
    if missing and (not activity.after.any or len(missing) == len(arrows)):
        return f"'{missing[0]}' did not fire"
    return None


def _arrow(reference: Reference, state: RunState) -> _Arrow:
    task = state.tasks.get((reference.activity, FIRST))
    if task is None or task.status == "pending":
        return _Arrow.PENDING
    if reference.port in task.fired and task.status == "succeeded":
        return _Arrow.READY
    if reference.port == "done" and task.status == "succeeded":
        return _Arrow.READY
    return _Arrow.MISSING if task.is_settled else _Arrow.PENDING


def _pause(spec: WorkflowSpec, state: RunState) -> Command:
    """Say how a run stands in which nothing can be done now."""
    untils = [task.until for task in state.tasks.values() if task.status == "waiting" and task.until]
    if untils:
        return WakeAt(moment=min(untils))
    settled = all(
        (task := state.tasks.get((activity, FIRST))) is not None and task.is_settled for activity in spec.activities
    )
    return Finish(status="succeeded" if settled else "waiting")
