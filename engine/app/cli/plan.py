"""`audienceflow plan`"""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING, Any

import typer

from engine.app.cli import output
from engine.app.cli.invocation import At, Format, Variables, WorkflowName, invocation, read_variables

if TYPE_CHECKING:
    from engine.kit.population import Population
    from engine.runs.plan import PlannedActivity
    from engine.sql.database import Database


def plan(
    ctx: typer.Context, workflow: WorkflowName, var: Variables = None, at: At = None, format: Format = "text"
) -> None:
    """Say what a workflow would do; nothing is written.

    Each port with its columns, its SQL and the values bound in it; and what each effect would do.
    """
    from engine.app import api

    line = invocation(ctx)
    path, variables = line.workflow(workflow), read_variables(var)
    with line.session(path, read_only=True) as session:
        planned = api.plan(path, session, variables, at)
        activities = {activity.id: _values(activity, session.db) for activity in planned.activities}
    if format == "json":
        output.show_json({"workflow": planned.spec.name, "activities": activities})
        return
    for name, activity in activities.items():
        _show(name, activity)


def _values(activity: PlannedActivity, db: Database) -> dict[str, Any]:
    return {
        "type": activity.type,
        "does": list(activity.sentences),
        "unknown": activity.unknown or None,
        "outputs": {port: _port(population, db) for port, population in activity.outputs.items()},
    }


def _port(population: Population, db: Database) -> dict[str, Any]:
    from engine.runs.plan import sql

    text, values = sql(population, db)
    return {
        "dimension": population.dimension,
        "key": list(population.key),
        "columns": {name: str(type_) for name, type_ in population.columns.items()},
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
        columns = ", ".join(
            f"{column}{' (key)' if column in planned['key'] else ''}: {type_}"
            for column, type_ in planned["columns"].items()
        )
        typer.echo(f"  {port}  {columns}")
        typer.echo(indent(planned["sql"].replace(" \n", "\n"), "    │ "))
        if planned["values"]:
            values = ", ".join(f"{value} = {_written(given)}" for value, given in planned["values"].items())
            typer.echo(f"    with {values}")
    typer.echo()


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
