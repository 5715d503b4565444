"""`audienceflow history`"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.app.cli import output
from engine.app.cli.invocation import Format, Misused, WorkflowName, invocation
from engine.kit.errors import suggestion

if TYPE_CHECKING:
    from datetime import datetime

    from engine.app.cli.invocation import Invocation
    from engine.app.session import Session

ActivityName = Annotated[
    str | None, typer.Argument(metavar="[ACTIVITY]", help="One of its activities; all when not given.")
]
Forget = Annotated[bool, typer.Option("--forget", help="Forget it: the next run may return everybody again.")]


def history(
    ctx: typer.Context,
    workflow: WorkflowName,
    activity: ActivityName = None,
    forget: Forget = False,
    format: Format = "text",
) -> None:
    """Show, or forget, whom the runs of incremental queries returned.

    What counts is that of the runs that succeeded. Runs that have not ended do not count yet; they are forgotten with the others.
    """
    from engine.app import api

    call = invocation(ctx)
    with call.session(read_only=not forget) as session:
        name, found = _find(call, workflow, session)
        chosen = [each for each in found if activity in (None, each["activity"])]
        if activity is not None and not chosen:
            known = [each["activity"] for each in found]
            raise Misused(f"'{name}' has no history of '{activity}'", suggestion(activity, known, "activities"))
        if forget:
            api.forget(session, name, [each["activity"] for each in chosen])
    if format == "json":
        output.show_json([_values(each) for each in chosen])
    elif not chosen:
        typer.echo(f"'{name}' has no history: no run of an incremental query in it has returned anybody.")
    else:
        headers = ("activity", "runs", "people", "first run for", "last run for", "unfinished runs")
        output.show(output.table(headers, map(_cells, chosen), numbers=("runs", "people", "unfinished runs")))
        if forget:
            typer.echo("All of this is forgotten.")


def _find(call: Invocation, written: str, session: Session) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """Give the name of a workflow and what is known of it, which outlives its file. Raises Misused where there is neither."""
    from engine.app.options import read_text
    from engine.app.session import read_workflow

    table = session.ledger.history
    is_there = session.db.rows_of(table.runs) is not None
    with session.db.transaction() as connection:
        known = table.workflows(connection) if is_there else ()
        name = written
        if written not in known:
            path = call.workflow(written)
            name = read_workflow(path, read_text(path), session.registry)[0].name
        return name, table.sums(connection, name) if is_there else ()


def _values(found: Mapping[str, Any]) -> dict[str, Any]:
    first, last = ((at.isoformat() + "+00:00") if at else None for at in (found["first"], found["last"]))
    return {"activity": found["activity"], "runs": found["runs"], "people": found["keys"], "first": first, "last": last,
            "unfinished": found["unfinished"]}  # fmt: skip


def _cells(found: Mapping[str, Any]) -> tuple[str, ...]:
    counts = (output.number(found[name]) for name in ("runs", "keys"))
    return (found["activity"], *counts, _time(found["first"]), _time(found["last"]), output.number(found["unfinished"]))


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""
