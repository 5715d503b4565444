"""Two runs of a workflow held against each other: who came, who went, and at which activity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.app.planning import MASK
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
    """Rows that one side has and the other has not: how many, by the activity that tells it, and the first of their keys.

    Values of personal columns are masked.
    """

    count: int
    at: Mapping[str, int]
    keys: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A port in two runs; a count is absent where the run did not fire it."""

    port: str
    key: tuple[str, ...]
    before: int | None
    after: int | None
    came: Moved
    went: Moved


NOBODY = Moved(count=0, at={}, keys=())


def differences(session: Session, before: str, after: str, target: str | None, limit: int) -> list[Difference]:
    """Compare a port, `activity` or `activity.port`, of two runs; or all ports both fired, in the order of the later run's workflow.

    Rows are compared by key. Raises DataError when a port did not fire, or its rows were dropped since.
    """
    (*_, first), (spec, graph, last) = (recorded(session, run) for run in (before, after))
    old, new = fired_by(session, first), fired_by(session, last)
    chosen = named(target, spec.activities, new) if target else None
    ports = (
        [chosen] if chosen else [port for name in spec.activities for port in new if port[0] == name and port in old]
    )
    missing = [run for run, fired in ((before, old), (after, new)) for port in ports if port not in fired]
    if missing and chosen and _is_counted_only(first if missing[0] == before else last, *chosen):
        fix = f"let something read it: a 'list_update' with 'from: {'.'.join(chosen)}'"
        raise DataError(
            f"run {missing[0]} has counted '{'.'.join(chosen)}' and kept no rows, since nobody reads it", fix
        )
    if missing:
        fix = "choose another port, or newer runs: the work tables of older ones are dropped"
        raise DataError(f"run {missing[0]} holds no rows of '{target}' any more, or never did", fix)
    return [_difference(session, graph, port, old, new, limit) for port in ports]


def recorded(session: Session, run: str) -> tuple[WorkflowSpec, Graph, RunState]:
    """Give the workflow of a run as it was, and where the run stands."""
    state = fold(session.store.facts(run))
    if state.started is None:
        raise DataError(f"there is no run '{run}'", "see 'audienceflow runs'")
    return *read_workflow(Path(state.started.path), state.workflow_text, session.registry), state


def named(target: str, activities: Mapping[str, Any], fired: Fired) -> tuple[str, str]:
    """Give the port that a person names by `activity` or `activity.port`."""
    activity, _, port = target.partition(".")
    if activity not in activities:
        raise DataError(f"there is no activity '{activity}'", suggestion(activity, activities, "activities"))
    ports = [name for place, name in fired if place == activity]
    return activity, port or ("result" if "result" in ports or not ports else ports[0])


def _is_counted_only(state: RunState, activity: str, port: str) -> bool:
    task = state.task(activity)
    return task is not None and port in task.fired and task.fired[port].table is None


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
    """Count the rows for which it is so, by place, and give the first of their keys, as far as anybody may see them."""
    name = has.unused("place")
    found = sa.select(*has.key_columns, place.label(name)).where(is_moved).subquery()
    keys = [found.c[column] for column in has.key]
    order = [
        session.db.dialect.order(found.c[column], has.columns[column], descending=False, nulls_first=False)
        for column in has.key
    ]
    with session.db.transaction() as connection:
        counted = connection.execute(sa.select(found.c[name], sa.func.count()).group_by(found.c[name])).all()
        first = connection.execute(sa.select(*keys).order_by(*order).limit(limit)).all() if counted else []
    masked = _masked(session, has)
    return Moved(
        count=sum(count for _, count in counted),
        at=dict(sorted(map(tuple, counted), key=lambda row: (-row[1], row[0]))),
        keys=[
            tuple(MASK if name in masked else value for name, value in zip(has.key, key, strict=True)) for key in first
        ],
    )


def _masked(session: Session, population: Population) -> frozenset[str]:
    """Give the columns of a key that are shown to nobody: of rows that are of no dimension, nobody said that they may be."""
    dimension = session.catalog().dimensions.get(population.dimension or "")
    return frozenset(population.key if dimension is None else set(population.key) & set(dimension.personal))
