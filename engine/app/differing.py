"""Two runs of a workflow held against each other: who came, who went, and at which activity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.app.planning import MASK
from engine.app.result import variables
from engine.app.session import Session, read_workflow
from engine.kit.errors import DataError, suggestion
from engine.kit.population import Population
from engine.lang import graph as graphs
from engine.lang.graph import CONTROL, Graph
from engine.lang.spec import WorkflowSpec
from engine.runs.execution import fired_population
from engine.state.facts import TransitionFired
from engine.state.fold import RunState, fold

Fired = Mapping[tuple[str, str], Population]
"""The populations of a run by activity and port, over the work tables that are still there."""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Rows that one side has and the other has not: how many, and by the activity that tells it how many, and the first of their keys.

    Values of personal columns are masked.
    """

    count: int
    at: Mapping[str, int]
    keys: Mapping[str, Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A port in two runs. A count is absent where the run did not fire it; who came and went, where one of them kept no rows."""

    port: str
    key: tuple[str, ...]
    before: int | None
    after: int | None
    came: Moved | None
    went: Moved | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two runs of a workflow: the variables that differ, before and after, and the ports."""

    variables: Mapping[str, tuple[str | None, str | None]]
    ports: Sequence[Difference]


NOBODY = Moved(count=0, at={}, keys={})


def compare(session: Session, before: str, after: str, target: str | None, limit: int) -> Comparison:
    """Compare a port, `activity` or `activity.port`, of two runs; or all ports one of them fired, in the order of the later run's workflow.

    Rows are compared by key, where both runs kept them; of all ports, the others are told by their counts alone. Raises DataError when
    the rows of the one port are not there.
    """
    (spec_before, _, first), (spec, graph, last) = (recorded(session, run) for run in (before, after))
    old, new = fired_by(session, first), fired_by(session, last)
    if target:
        ports = [named(target, spec, new)]
        for run, state, fired in ((before, first, old), (after, last, new)):
            if ports[0] not in fired:
                raise _without_rows(run, state, *ports[0])
    else:
        ports = [(name, port) for name, activity in spec.activities.items() for port in activity.output_ports]
    counts = [(port, _count(first, *port), _count(last, *port)) for port in ports]
    return Comparison(
        variables=_changed(variables(spec_before, first), variables(spec, last)),
        ports=[
            _difference(session, graph, port, old, new, limit)
            if port in old and port in new
            else Difference(port=".".join(port), key=(), before=count, after=later, came=None, went=None)
            for port, count, later in counts
            if (count, later) != (None, None)
        ],
    )


def _changed(
    before: Mapping[str, str | None], after: Mapping[str, str | None]
) -> dict[str, tuple[str | None, str | None]]:
    both = {name: (before.get(name), after.get(name)) for name in {**after, **before}}
    return {name: values for name, values in both.items() if values[0] != values[1]}


def _count(state: RunState, activity: str, port: str) -> int | None:
    task = state.task(activity)
    return task.fired[port].count if task and port in task.fired else None


def _without_rows(run: str, state: RunState, activity: str, port: str) -> DataError:
    """Say why a run has no rows of a port."""
    place, task = f"{activity}.{port}", state.task(activity)
    if task is None or port not in task.fired:
        return DataError(f"run {run} never came to '{place}'", "choose another port, or another run")
    if task.fired[port].table is None:
        fix = f"let something read it: a 'list_update' with 'from: {place}'"
        return DataError(f"run {run} has counted '{place}' and kept no rows, since nobody reads it", fix)
    fix = "choose newer runs: the work tables of older ones are dropped"
    return DataError(f"run {run} holds no rows of '{place}' any more", fix)


def recorded(session: Session, run: str) -> tuple[WorkflowSpec, Graph, RunState]:
    """Give the workflow of a run as it was, and where the run stands."""
    state = fold(session.store.facts(run))
    if state.started is None:
        raise DataError(f"there is no run '{run}'", "see 'audienceflow runs'")
    return *read_workflow(Path(state.started.path), state.workflow_text, session.registry), state


def named(target: str, spec: WorkflowSpec, fired: Fired) -> tuple[str, str]:
    """Give the port that a person names by `activity` or `activity.port`; DataError where the workflow has it not."""
    activity, _, port = target.partition(".")
    if activity not in spec.activities:
        raise DataError(f"there is no activity '{activity}'", suggestion(activity, spec.activities, "activities"))
    known = spec.activities[activity].output_ports
    if port and port not in known:
        raise DataError(f"'{activity}' has no output '{port}'", suggestion(port, known, "outputs"))
    ports = [name for place, name in fired if place == activity]
    return activity, port or ("result" if "result" in ports or not ports else ports[0])


def fired_by(session: Session, state: RunState) -> Fired:
    """Give the populations of a run that are still there."""
    facts: Iterator[TransitionFired] = (fact for task in state.tasks.values() for fact in task.fired.values())
    tables = ((fact, session.db.named(fact.table)) for fact in facts if fact.table)
    return {
        (fact.activity, fact.port): fired_population(fact, table)
        for fact, table in tables
        if session.db.rows_of(table) is not None
    }


def _difference(
    session: Session, graph: Graph, port: tuple[str, str], old: Fired, new: Fired, limit: int
) -> Difference:
    before, after = old[port], new[port]
    path = [place for place in _path(graph, port) if place in old and place in new]
    alike = [place for place in path if old[place].key == new[place].key == after.key == before.key]
    went = _moved(session, before, after, [(place[0], old[place], new[place]) for place in (*alike, port)], limit)
    came = _moved(session, after, before, [(place[0], new[place], old[place]) for place in (*alike, port)], limit)
    return Difference(port=".".join(port), key=after.key, before=before.count, after=after.count, came=came, went=went)


def _path(graph: Graph, port: tuple[str, str]) -> list[tuple[str, str]]:
    """Give the ports whose rows lead to this one, those nearest to the data first."""
    needed = {port[0], *graphs.upstream(graph, port[0])}
    arrows = (
        (source, data["source"])
        for source, target, data in graph.edges(data=True)
        if target in needed and data["target"] != CONTROL
    )
    order = {name: position for position, name in enumerate(graphs.order(graph))}
    return sorted({*arrows} - {port}, key=lambda place: (order[place[0]], place[1]))


def _moved(
    session: Session,
    has: Population,
    has_not: Population,
    path: Sequence[tuple[str, Population, Population]],
    limit: int,
) -> Moved:
    """Find the rows of one population that the other lacks, each with the first place on its path where that is so."""
    if has.key != has_not.key:
        return NOBODY
    place = sa.case(*(
        (sa.and_(has.matches(one), ~has.matches(other)), sa.literal(name, sa.String())) for name, one, other in path
    ))  # fmt: skip
    return moved(session, has, ~has.matches(has_not), place, limit)


def moved(
    session: Session, has: Population, is_moved: sa.ColumnElement[bool], place: sa.ColumnElement[Any], limit: int
) -> Moved:
    """Count the rows for which it is so, by place, and give so many keys of each, as far as anybody may see them."""
    name = has.unused("place")
    found = sa.select(*has.key_columns, place.label(name)).where(is_moved).subquery()
    order = [
        session.db.dialect.order(found.c[column], has.columns[column], descending=False, nulls_first=False)
        for column in has.key
    ]
    number = sa.func.row_number().over(partition_by=found.c[name], order_by=order).label(has.unused("number"))
    first = sa.select(*found.c, number).subquery()
    place_of, *keys, nth = (first.c[each] for each in (name, *has.key, number.name))
    with session.db.transaction() as connection:
        counted = connection.execute(sa.select(found.c[name], sa.func.count()).group_by(found.c[name])).all()
        shown = (
            connection.execute(sa.select(place_of, *keys).where(nth <= limit).order_by(nth)).all() if counted else []
        )
    masked = [column in _masked(session, has) for column in has.key]
    at = dict(sorted(map(tuple, counted), key=lambda row: (-row[1], row[0])))
    return Moved(
        count=sum(at.values()),
        at=at,
        keys={
            each: [
                tuple(MASK if hidden else value for hidden, value in zip(masked, key, strict=True))
                for where, *key in shown
                if where == each
            ]
            for each in at
        },
    )


def _masked(session: Session, population: Population) -> frozenset[str]:
    """Give the columns of a key that are shown to nobody: of rows that are of no dimension, nobody said that they may be."""
    dimension = session.catalog().dimensions.get(population.dimension or "")
    return frozenset(population.key if dimension is None else set(population.key) & set(dimension.personal))
