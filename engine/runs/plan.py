"""A plan: what every activity would do, computed without a row and without writing anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from engine.kit.activity import Effect, Transform
from engine.kit.catalog import Catalog
from engine.kit.errors import AudienceflowError, AuthorError, Diagnostic, EngineBug
from engine.kit.expression import Bound, Expr, Values
from engine.kit.frame import Frame
from engine.kit.population import Inputs, Population
from engine.kit.types import INTEGER
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.spec import ActivitySpec, WorkflowSpec
from engine.runs import bind
from engine.runs.bind import Evaluate
from engine.sql import names
from engine.sql.database import Database, stored_population
from engine.sql.history import HistoryTables
from engine.sql.lineage import Origin, Origins, lineage

PLANNED_RUN = "plan"
"""Stands for the id of a run in what is planned."""


@dataclass(frozen=True, kw_only=True)
class PlannedActivity:
    """What an activity would do: its ports' populations, sentences for an effect, or why it cannot be said yet."""

    id: str
    type: str
    outputs: Mapping[str, Population] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()
    unknown: str = ""


def plan(
    spec: WorkflowSpec, graph: Graph, catalog: Catalog, values: Values, evaluate: Evaluate, work_schema: str
) -> tuple[tuple[PlannedActivity, ...], tuple[Diagnostic, ...]]:
    """Plan every activity in the order of the arrows, and give the problems found on the way, each with its place."""
    planned: dict[str, PlannedActivity] = {}
    laid: dict[str, Population] = {}
    problems: list[Diagnostic] = []
    histories = HistoryTables(work_schema, catalog.dialect.capabilities)
    read = {str(reference) for activity in spec.activities.values() for reference in activity.references}
    for name in graphs.order(graph):
        activity = spec.activities[name]
        remembers = isinstance(activity.activity, Transform) and activity.activity.memory is not None
        history = histories.of((spec.name, name, PLANNED_RUN), *bind.moment(values)) if remembers else None
        reporting = replace(catalog, report=_collector(activity, problems), history=history)
        try:
            _check_bounds(activity, reporting, values, evaluate)
            planned[name] = _planned(activity, planned, laid, reporting, values, evaluate)
            for port in planned[name].outputs:
                if f"{name}.{port}" in read:
                    laid[f"{name}.{port}"] = _laid(
                        planned[name].outputs[port], _planned_table(name, port, catalog, work_schema)
                    )
        except AuthorError as problem:
            problems.extend(_placed(problem, activity))
            planned[name] = PlannedActivity(id=name, type=activity.activity.type, unknown="see its problems")
        except AudienceflowError as problem:
            planned[name] = PlannedActivity(id=name, type=activity.activity.type, unknown=problem.message)
    return tuple(planned[name] for name in spec.activities), tuple(sorted(set(problems)))


def lineages(
    planned: Iterable[PlannedActivity], graph: Graph, catalog: Catalog, work_schema: str
) -> dict[str, dict[str, dict[str, Origins]]]:
    """Give by activity, port and column the columns of tables and lists that its value is computed from."""
    known: dict[str, Mapping[str, Origins]] = {
        population.relation.name: {column: frozenset({Origin(f"list {name}", column)}) for column in population.columns}
        for name, population in catalog.lists.items()
        if isinstance(population.relation, sa.TableClause)
    }
    outputs = {activity.id: activity.outputs for activity in planned}
    found: dict[str, dict[str, dict[str, Origins]]] = {name: {} for name in outputs}
    for name in graphs.order(graph):
        for port, population in outputs[name].items():
            table = _planned_table(name, port, catalog, work_schema)
            known[table.name] = found[name][port] = lineage(population, known)
    return found


def sql(population: Population, db: Database) -> tuple[str, Mapping[str, object]]:
    """Give the SQL that selects a population, and the values bound in it."""
    compiled = population.select().compile(dialect=db.engine.dialect)
    return str(compiled), compiled.params


def evaluator(database: Database, catalog: Catalog) -> Evaluate:
    """Give what computes an expression without columns, in a database of its own."""

    def evaluate(expression: Expr) -> str:
        frame = frame_without_rows(catalog)
        value = frame.value(expression)
        with database.transaction() as connection:
            return str(
                connection.execute(
                    frame.select(catalog.dialect.text(value.sql, value.type).label("value"))
                ).scalar_one()
            )

    return evaluate


def _check_bounds(spec: ActivitySpec, catalog: Catalog, values: Values, evaluate: Evaluate) -> None:
    """Find what a run would stumble over in `guard` and `retry`, whatever arrives."""
    try:
        guard = bind.bind(spec.common.guard, values, evaluate)
        bind.bind(spec.common.retry, values, evaluate)
        if guard and guard.where:
            counts = {f"inputs.{port}.count": Bound(0, INTEGER) for port in spec.inputs}
            frame_without_rows(replace(catalog, report=None)).condition(guard.where.bound(counts))
    except AuthorError as problem:
        if catalog.report is None:
            raise
        catalog.report(problem)


def frame_without_rows(catalog: Catalog) -> Frame:
    """Give a frame of one row without columns of an author's."""
    line = sa.select(sa.literal(1, sa.Integer()).label("line")).subquery()
    return Frame(Population(relation=line, key=("line",), columns={"line": INTEGER}, unique=True), catalog)


def _planned(
    spec: ActivitySpec,
    planned: Mapping[str, PlannedActivity],
    laid: Mapping[str, Population],
    catalog: Catalog,
    values: Values,
    evaluate: Evaluate,
) -> PlannedActivity:
    """Plan one activity; `laid` are the populations before it, as they would lie in their work tables."""
    waiting = [reference for reference in spec.references if planned[reference.activity].unknown]
    if waiting:
        return PlannedActivity(id=spec.id, type=spec.activity.type, unknown=f"'{waiting[0].activity}' is not known yet")
    inputs = Inputs(
        {port: [laid[str(reference)] for reference in references] for port, references in spec.inputs.items()},
        {port: [reference.short for reference in references] for port, references in spec.inputs.items()},
    )
    activity = bind.bind(spec.activity, values, evaluate)
    match activity:
        case Transform():
            return PlannedActivity(id=spec.id, type=activity.type, outputs=activity.select(inputs, catalog))
        case Effect():
            effect = activity.plan(inputs, catalog)
            return PlannedActivity(id=spec.id, type=activity.type, outputs=effect.outputs, sentences=effect.sentences)
        case _:
            raise EngineBug(f"'{activity.type}' is neither a transform nor an effect")


def _laid(population: Population, table: sa.TableClause) -> Population:
    """Give a population as if it lay in its work table already."""
    return replace(stored_population(table, population), unique=True)


def _planned_table(activity: str, port: str, catalog: Catalog, work_schema: str) -> sa.TableClause:
    return names.table(names.WORK, (PLANNED_RUN, activity, port), work_schema, catalog.dialect.capabilities)


def _collector(activity: ActivitySpec, problems: list[Diagnostic]) -> Callable[[AuthorError], None]:
    """Give what takes the problems of one activity's expressions."""
    return lambda problem: problems.extend(_placed(problem, activity))


def _placed(problem: AuthorError, activity: ActivitySpec) -> list[Diagnostic]:
    return [item if item.span.line else replace(item, span=activity.span) for item in problem.diagnostics]
