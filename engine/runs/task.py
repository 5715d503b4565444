"""Doing one command: the work tables of an activity first, then its facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from engine.kit.activity import Effect, Staged, Transform
from engine.kit.catalog import Catalog
from engine.kit.errors import AudienceflowError, DataError, EngineBug, NotYet, RetryLater
from engine.kit.expression import Bound
from engine.kit.population import Inputs, Population
from engine.kit.types import INTEGER
from engine.lang import graph
from engine.lang.spec import ActivitySpec, Common, Reference, Retry
from engine.runs import bind, guard
from engine.runs.decide import FIRST, Execute
from engine.runs.effects import EffectContext, SkipEffect
from engine.runs.execution import Execution, details, fired_population
from engine.runs.guard import GuardTrip
from engine.runs.rehearsal import RehearsedEffect
from engine.sql.database import Database
from engine.state import facts as f
from engine.state.fold import RunState


class ConnectionLost(DataError):
    """The database went away. Work tables may be gone with it, so the run is suspended whatever `on_error` says."""


STAGE = "(stage)"
"""Names the table that ports are cut from; no port can be called so."""

MOST_DOUBLINGS = 200
"""Beyond so many steps every backoff above 1 is longer than any `max_delay`."""

Append = Callable[..., None]
"""Appends facts to the run, durably, and folds them into its state."""


def execute(execution: Execution, command: Execute, state: RunState, append: Append) -> None:
    """Do a task and append what happened; whatever goes wrong becomes a fact, but for our own bugs."""
    spec = execution.spec.activities[command.activity]
    task = {"activity": spec.id, "arrival": command.arrival}
    append(f.TaskStarted(at=execution.clock(), **task))
    begun = execution.clock()
    try:
        with _named_errors(spec):
            fired, said = _perform(execution, spec, command, state, append)
    except GuardTrip as trip:
        append(f.GuardTripped(at=execution.clock(), **task, message=str(trip)))
    except SkipEffect:
        append(f.TaskSkipped(at=execution.clock(), **task, reason="there is nothing to write (on_empty: skip)"))
    except EngineBug:
        raise
    except AudienceflowError as problem:
        known = state.tasks.get((spec.id, command.arrival))
        append(_failed(execution, spec, command.arrival, problem, attempt=1 + (known.attempts if known else 0)))
    else:
        now = execution.clock()
        append(*fired, f.TaskFinished(at=now, **task, seconds=(now - begun).total_seconds(), details=said))


def _failed(execution: Execution, spec: ActivitySpec, arrival: str, problem: AudienceflowError, attempt: int) -> f.Fact:
    """Say what follows an error: another attempt, where it may pass and the author wants it, else what `on_error` says."""
    now = execution.clock()
    if isinstance(problem, NotYet):
        return f.TaskWaiting(
            at=now, activity=spec.id, arrival=arrival, until=now + problem.pause, reason=problem.message
        )
    try:
        retry = spec.common.retry and bind.bind(spec.common.retry, execution.values, execution.evaluate)
    except AudienceflowError as wrong:
        retry, problem = None, wrong
    if isinstance(problem, RetryLater) and retry is not None and attempt < retry.attempts:
        longer = pause(retry, attempt)
        reason = f"attempt {attempt} of {retry.attempts}: {problem.message}"
        return f.TaskWaiting(at=now, activity=spec.id, arrival=arrival, until=now + longer, reason=reason)
    return f.TaskFailed(
        at=now,
        activity=spec.id,
        arrival=arrival,
        error=problem.message,
        fix=problem.fix,
        policy="suspend" if isinstance(problem, ConnectionLost) else spec.common.on_error or execution.spec.on_error,
        place=str(spec.span),
    )


def pause(retry: Retry, attempt: int) -> timedelta:
    """Give how long to wait before the next attempt; the product itself may be too long for a timedelta."""
    if not retry.delay:
        return retry.delay
    longest = Decimal(retry.max_delay / retry.delay)
    return retry.delay * float(min(retry.backoff ** min(attempt - 1, MOST_DOUBLINGS), longest))


def _perform(
    execution: Execution, spec: ActivitySpec, command: Execute, state: RunState, append: Append
) -> tuple[Sequence[f.Fact], f.Json]:
    spec = replace(
        spec,
        activity=bind.bind(spec.activity, execution.values, execution.evaluate),
        common=_bound_guard(execution, spec),
    )
    inputs = _inputs(execution, spec, command, state)
    _hold_condition(execution, spec, inputs)
    match activity := spec.activity:
        case Transform():
            stored = _stored_ports(execution, spec)
            kept, said = _transformed(execution, spec, activity, inputs, command.arrival, stored)
        case Effect():
            task = state.tasks.get((spec.id, command.arrival))
            context = RehearsedEffect if execution.is_rehearsed else EffectContext
            ctx = context(execution, spec, command.arrival, append, task.steps if task else {})
            delivered = ctx.delivered()
            kept = activity.perform(inputs, ctx) if delivered is None else delivered
            ctx.close()
            stored = list(kept)
            said = {**details(ctx.outcomes), **ctx.remarks}
        case _:
            raise EngineBug(f"'{activity.type}' is neither a transform nor an effect")
    fired = [_fired(execution, spec, command.arrival, port, rows, port in stored) for port, rows in kept.items()]
    return fired, said


def _bound_guard(execution: Execution, spec: ActivitySpec) -> Common:
    """Give the common options with the guard's values in place; nothing else of them is computed."""
    if spec.common.guard is None:
        return spec.common
    return spec.common.model_copy(update={"guard": bind.bind(spec.common.guard, execution.values, execution.evaluate)})


def _hold_condition(execution: Execution, spec: ActivitySpec, inputs: Inputs) -> None:
    """Hold the guard's own condition, before anything is done."""
    condition = spec.common.guard.where if spec.common.guard else None
    if condition is None:
        return
    counts = {f"inputs.{port}.count": sum(item.count or 0 for item in inputs.many(port)) for port in inputs}
    bound = condition.bound({name: Bound(count, INTEGER) for name, count in counts.items()})
    if execution.evaluate(bound) != "true":
        listed = ", ".join(f"{name} = {count:,}" for name, count in counts.items())
        raise GuardTrip(f"the guard's condition '{condition}' does not hold ({listed})", "see why, or change 'where'")


def _inputs(execution: Execution, spec: ActivitySpec, command: Execute, state: RunState) -> Inputs:
    """Give the populations that arrived; one that will not come is empty, with the columns it would have had."""
    arrived = {
        reference: _arrived(execution, reference, state)
        for references in spec.inputs.values()
        for reference in references
        if reference not in command.absent
    }
    like = next(iter(arrived.values()), None)
    for reference in command.absent:
        shape = execution.planned.get(f"{reference.activity}.{reference.port}", like)
        if shape is not None:
            arrived[reference] = shape.emptied()
    came = {port: [each for each in references if each in arrived] for port, references in spec.inputs.items()}
    return Inputs(
        {port: [arrived[reference] for reference in references] for port, references in came.items()},
        {port: [reference.short for reference in references] for port, references in came.items()},
    )


def _arrived(execution: Execution, reference: Reference, state: RunState) -> Population:
    fact = state.tasks[(reference.activity, FIRST)].fired[reference.port]
    return fired_population(fact, execution.work_table(reference.activity, FIRST, reference.port))


def _stored_ports(execution: Execution, spec: ActivitySpec) -> list[str]:
    """Name the ports somebody reads, which get a work table; and the one a guard measures: `result`, or the first one."""
    declared = list(spec.output_ports)
    used = graph.used_ports(execution.graph, spec.id)
    return [port for port in declared if port in used or (spec.common.guard and port == _guarded(spec))] or [
        _guarded(spec)
    ]


def _guarded(spec: ActivitySpec) -> str:
    return "result" if "result" in spec.output_ports else next(iter(spec.output_ports))


def _transformed(
    execution: Execution, spec: ActivitySpec, activity: Transform, inputs: Inputs, arrival: str, stored: Sequence[str]
) -> tuple[Mapping[str, Population], f.Json]:
    """Make the work tables of the ports `stored`, in one transaction; and say what a person wants to know of it.

    Where every row leaves by one port, the others are counted, too; and those of which an activity says so.
    """
    declared, guarded = [port.name for port in activity.outputs()], _guarded(spec)
    told = {port.name for port in activity.outputs() if activity.adds_up or port.counted}
    unread = [port for port in declared if port not in stored and port in told]

    def table(port: str) -> sa.TableClause:
        return execution.work_table(spec.id, arrival, port)

    said: f.Json = {}
    catalog = execution.catalog_of(spec.id)
    with made(execution.db, activity, inputs, catalog, stored, table, counted=unread) as kept:
        if spec.common.guard is not None:
            count = kept[guarded].count or 0
            baseline = execution.baseline(f"{spec.id}.{guarded}")
            if guard.hold(spec.common.guard, count, baseline=baseline, replaces=False) == "skip":
                raise SkipEffect
            said = guard.unheld(spec.common.guard, baseline)
        said = {**said, **activity.remarks(inputs, kept)}
        if activity.memory is not None:
            execution.remember(spec.id, activity.memory, kept["result"])
        silent = [port.name for port in activity.outputs() if port.silent and port.name in kept]
        empty = [port for port in silent if not kept[port].count]
        execution.db.drop(table(port) for port in empty if port in stored)
    return {port: kept[port] for port in declared if port in kept and port not in empty}, said


@contextmanager
def made(
    db: Database,
    activity: Transform,
    inputs: Inputs,
    catalog: Catalog,
    ports: Sequence[str],
    table: Callable[[str], sa.TableClause],
    counted: Sequence[str] = (),
) -> Iterator[dict[str, Population]]:
    """Make the tables of these ports, all of one moment; they stay when what is done inside goes well.

    Those to be `counted` get no table. What the ports are cut from is made once where it is dear, or where its key is to be held: a
    port may hide rows that share one.
    """
    left = counted[-1:] if activity.adds_up else ()  # the last has what the others leave
    scanned = counted[: len(counted) - len(left)]

    def kept(selected: Mapping[str, Population]) -> dict[str, Population]:
        found = {port: db.create(table(port), selected[port]) for port in ports if port in selected}
        found |= {port: replace(selected[port], count=db.count(selected[port])) for port in scanned}
        return found | _left(inputs, selected, found, left)

    if isinstance(activity, Staged) and activity.is_dear and (len(ports) + len(scanned) > 1 or activity.holds_key):
        with db.making_from(table(STAGE), activity.stage(inputs, catalog)) as stage:
            yield kept(activity.cut(stage, inputs, catalog))
    else:
        selected = activity.select(inputs, catalog)
        with db.making():
            yield kept(selected)


def _left(
    inputs: Inputs, selected: Mapping[str, Population], kept: Mapping[str, Population], ports: Sequence[str]
) -> dict[str, Population]:
    """Count the one port, if any, that has what the others leave of `from`: without a look at a row."""
    left = {port: (inputs["from"].count or 0) - sum(rows.count or 0 for rows in kept.values()) for port in ports}
    if any(count < 0 for count in left.values()):
        raise EngineBug(f"more rows leave than came: {left}")
    return {port: replace(selected[port], count=count) for port, count in left.items()}


def _fired(
    execution: Execution, spec: ActivitySpec, arrival: str, port: str, population: Population, is_stored: bool
) -> f.TransitionFired:
    if population.count is None:
        raise EngineBug(f"'{spec.id}.{port}' fires a population nobody counted")
    table = execution.work_table(spec.id, arrival, port).name if is_stored else None
    return f.TransitionFired(
        at=execution.clock(), activity=spec.id, arrival=arrival, port=port, table=table, key=population.key, dimension=population.dimension,
        columns={name: str(type_) for name, type_ in population.columns.items()}, count=population.count,
    )  # fmt: skip


def _without_values(message: str) -> str:
    """Give the first line of a driver's message; it may quote rows, so texts and long numbers are taken out."""
    return re.sub(r"'[^']*'|\b\d{4,}\b", "…", message.strip().splitlines()[0]) if message.strip() else "no reason given"


@contextmanager
def _named_errors(spec: ActivitySpec) -> Iterator[None]:
    """Turn what a database driver raises into an error a person can act on, with the activity's place."""
    try:
        yield
    except DBAPIError as problem:
        message = _without_values(str(problem.orig))
        if problem.connection_invalidated:
            raise ConnectionLost(
                f"the database went away while '{spec.id}' was asking it: {message}",
                "see that it runs again, then resume the run",
            ) from problem
        raise DataError(
            f"the database refused what '{spec.id}' asked: {message}", "see the SQL with 'audienceflow plan'"
        ) from problem
    except OSError as problem:
        where = f" ({problem.filename})" if problem.filename else ""
        raise DataError(
            f"'{spec.id}' cannot read or write a file: {problem.strerror or problem}{where}",
            "check the path and the rights",
        ) from problem
