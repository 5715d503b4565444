"""`audienceflow preview`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.app.cli import output
from engine.app.cli.invocation import At, Format, Variables, WorkflowName, invocation, read_variables

if TYPE_CHECKING:
    from engine.app.planning import Preview

Target = Annotated[str, typer.Argument(metavar="ACTIVITY[.PORT]", help="An activity, or one of its output ports.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many rows, the first by key.")]
Where = Annotated[str | None, typer.Option("--where", metavar="CONDITION", help="Show rows that meet it only.")]


def preview(
    ctx: typer.Context,
    workflow: WorkflowName,
    activity: Target,
    limit: Limit = 20,
    where: Where = None,
    var: Variables = None,
    at: At = None,
    format: Format = "text",
) -> None:
    """Show rows that a port would have; nothing is kept and nothing leaves.

    What comes before the activity is computed in one transaction, which is rolled back. Personal columns (`personal` of the
    dimension in project.yaml), and what is computed from them, are masked.
    """
    from engine.app import api

    line = invocation(ctx)
    path, variables = line.workflow(workflow), read_variables(var)
    with line.session(path) as session:
        found = api.preview(path, session, activity, variables, at, limit=limit, where=where)
    if format == "json":
        columns = {name: str(type_) for name, type_ in found.columns.items()}
        output.show_json({
            "port": found.port, "count": found.count, "columns": columns, "masked": sorted(found.masked),
            "rows": [dict(_shown(found, row)) for row in found.rows],
        })  # fmt: skip
        return
    if found.rows:
        numbers = [name for name, type_ in found.columns.items() if type_.is_numeric]
        cells = [[output.cell(value) for _, value in _shown(found, row)] for row in found.rows]
        output.show(output.table(tuple(found.columns), cells, numbers=numbers))
    shown = f"; {len(found.rows)} of those that meet the condition" if where else f"; the first {len(found.rows)}"
    typer.echo(f"{found.port}: {output.number(found.count)} rows{shown}")
    if found.others:
        typer.echo(f"other outputs: {', '.join(found.others)}")


def _shown(found: Preview, row: Any) -> list[tuple[str, Any]]:
    """Give the values by column, masked ones as dots; a null stays a null."""
    from engine.app.planning import MASK

    return [
        (name, MASK if name in found.masked and value is not None else value)
        for name, value in zip(found.columns, row, strict=True)
    ]
