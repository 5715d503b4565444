"""`audienceflow plan`"""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.app.cli import output
from engine.app.cli.invocation import At, Format, Variables, WorkflowName, invocation, read_variables
from engine.app.cli.outcome import arrow, short, show_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.app.planning import Plan
    from engine.app.result import Activity, RunResult
    from engine.kit.population import Population
    from engine.runs.plan import PlannedActivity
    from engine.sql.database import Database
    from engine.sql.lineage import Origins


Counts = Annotated[
    bool,
    typer.Option(
        "--counts",
        help="Count every transition: all is computed in one transaction, which is rolled back; nothing leaves.",
    ),
]


def plan(
    ctx: typer.Context,
    workflow: WorkflowName,
    var: Variables = None,
    at: At = None,
    counts: Counts = False,
    format: Format = "text",
) -> None:
    """Say what a workflow would do; nothing is written.

    Each port with its columns, its SQL and the values bound in it; and what each effect would do. With --counts also how many
    rows would arrive where, up to what only an effect outside the database can know; the exit code is then the one of a run.
    """
    from engine.app import api

    line = invocation(ctx)
    path, variables = line.workflow(workflow), read_variables(var)
    with line.session(path, read_only=not counts) as session:
        planned = api.plan(path, session, variables, at, counts=counts)
        found = {} if planned.counted is None else planned.counted.activities
        activities = {
            activity.id: _values(activity, planned.lineage[activity.id], session.db, found.get(activity.id))
            for activity in planned.activities
        }
    if format == "json":
        transitions = {"transitions": planned.counted.to_json()["transitions"]} if planned.counted else {}
        output.show_json({"workflow": planned.spec.name, "activities": activities, **transitions})
    elif planned.counted is not None:
        _show_counts(planned, planned.counted)
    else:
        for name, activity in activities.items():
            _show(name, activity)
    if planned.counted is not None and planned.counted.errors:
        raise typer.Exit(planned.counted.exit_code)


def _values(
    activity: PlannedActivity, lineage: Mapping[str, Mapping[str, Origins]], db: Database, counted: Activity | None
) -> dict[str, Any]:
    """Give what is planned for an activity; `counted` is what came of it in the rehearsal, if there was one."""
    outputs = {port: _port(population, lineage[port], db) for port, population in activity.outputs.items()}
    values = {
        "type": activity.type,
        "does": list(activity.sentences),
        "unknown": activity.unknown or None,
        "outputs": outputs,
    }
    if counted is None:
        return values
    ports = {
        port: {**outputs.get(port, {}), "count": counted.outputs.get(port)} for port in {**outputs, **counted.outputs}
    }
    rehearsed = {"status": counted.status, "message": counted.message or None, **counted.details}
    return {**values, "outputs": ports, "rehearsed": rehearsed}


def _port(population: Population, lineage: Mapping[str, Origins], db: Database) -> dict[str, Any]:
    from engine.runs.plan import sql

    text, values = sql(population, db)
    return {
        "dimension": population.dimension,
        "key": list(population.key),
        "columns": {name: str(type_) for name, type_ in population.columns.items()},
        "lineage": {name: [str(origin) for origin in sorted(origins)] for name, origins in lineage.items()},
        "sql": text,
        "values": dict(values),
    }


def _show(name: str, activity: dict[str, Any]) -> None:
    typer.secho(f"{name}", bold=True, nl=False)
    typer.echo(f"  {activity['type']}")
    if activity["unknown"]:
        typer.echo(f"  not known yet: {activity['unknown']}")
    for sentence in activity["does"]:
        typer.echo(f"  would {sentence}")
    for port, planned in activity["outputs"].items():
        typer.echo(f"  {port}")
        for column, type_ in planned["columns"].items():
            key, origins = " (key)" if column in planned["key"] else "", ", ".join(planned["lineage"][column])
            typer.echo(f"    {column}{key}: {type_}{f'  from {origins}' if origins else ''}")
        typer.echo(indent(planned["sql"].replace(" \n", "\n"), "    │ "))
        if planned["values"]:
            values = ", ".join(f"{value} = {_written(given)}" for value, given in planned["values"].items())
            typer.echo(f"    with {values}")
    typer.echo()


def _show_counts(planned: Plan, counted: RunResult) -> None:
    """Print the count of every arrow, `?` where it cannot be known; what each effect would do; and what stands in the way."""
    from engine.lang.graph import CONTROL

    known = {(arrow.source, arrow.target): arrow.count for arrow in counted.transitions}
    rows: list[tuple[str, str, str]] = []
    for name in planned.graph:
        arrows = [
            (f"{name}.{data['source']}", f"{target}.{data['target']}")
            for _, target, data in planned.graph.out_edges(name, data=True)
            if data["target"] != CONTROL
        ]
        rehearsed = counted.activities[name]
        for port in planned.spec.activities[name].output_ports:
            source = f"{name}.{port}"
            readers = [target for place, target in arrows if place == source]
            note = rehearsed.notes.get(port, "")
            rows += [(short(source), arrow(target, note), _counted(known.get((source, target)))) for target in readers]
            if not readers and (port in rehearsed.outputs or rehearsed.status != "succeeded"):
                rows.append((short(source), arrow("", note), _counted(rehearsed.outputs.get(port))))
    if rows:
        output.show(output.table(("from", "to", "rows"), rows, numbers=("rows",)))
    for activity in planned.activities:
        found = counted.activities[activity.id]
        is_told = activity.id in {error.activity for error in counted.errors}
        if activity.sentences or found.details or (found.message and not is_told):
            typer.echo(f"\n{activity.id}")
            for sentence in activity.sentences:
                typer.echo(f"  would {sentence}")
            for key, value in found.details.items():
                typer.echo(f"  {key.replace('_', ' ')}: {output.words(value)}")
            if found.message and not is_told:
                typer.echo(f"  {found.message}")
    if counted.errors:
        typer.echo()
    show_errors(counted, "would be")


def _counted(count: int | None) -> str:
    return "?" if count is None else output.number(count)


def _written(value: object) -> str:
    """Give a bound value as SQL would have it."""
    match value:
        case str():
            return "'" + value.replace("'", "''") + "'"
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
