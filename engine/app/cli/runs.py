"""`audienceflow runs`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.app.cli import output
from engine.app.cli.invocation import Format, invocation

if TYPE_CHECKING:
    from engine.state.fold import RunState

Only = Annotated[str | None, typer.Option("--workflow", metavar="NAME", help="Only the runs of this workflow.")]
Most = Annotated[int, typer.Option("--limit", min=1, help="How many, the newest first.")]


def runs(ctx: typer.Context, workflow: Only = None, limit: Most = 20, format: Format = "text") -> None:
    """List the runs, the newest first."""
    from engine.state.fold import fold

    with invocation(ctx).store() as store:
        names = store.runs(workflow)
        found = [_summary(name, fold(store.facts(name))) for name in names[:limit]]
    if format == "json":
        output.show_json(found)
        return
    if not found:
        typer.echo("There are no runs yet; start one with 'audienceflow run WORKFLOW'.")
        return
    rows = (
        (
            run["run"],
            run["workflow"],
            output.status(run["status"]),
            _readable(run["started_at"]),
            _readable(run["for"]),
            run["key"] or "",
        )
        for run in found
    )
    output.show(output.table(("run", "workflow", "status", "started", "for", "key"), rows))
    if len(names) > len(found):
        typer.echo(f"… and {len(names) - len(found):,} older runs; --limit shows more")


def _summary(name: str, state: RunState) -> dict[str, Any]:
    started = state.started
    return {
        "run": name,
        "workflow": started.workflow if started else "",
        "status": state.status,
        "started_at": started.at.isoformat(timespec="seconds") if started else "",
        "finished_at": state.finished_at.isoformat(timespec="seconds") if state.finished_at else None,
        "for": started.time.isoformat(timespec="seconds") if started else "",
        "key": started.key if started else None,
    }


def _readable(time: str) -> str:
    return time.replace("T", " ").removesuffix("+00:00")
