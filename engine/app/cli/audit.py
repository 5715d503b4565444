"""`audienceflow audit`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from engine.app.cli import output
from engine.app.cli.invocation import Format, invocation

app = typer.Typer(help="The audit log: who shared what, with whom, on what basis.", invoke_without_command=True)

Head = Annotated[
    str | None,
    typer.Option("--head", metavar="HASH", help="The hash of an entry, as a run printed it and you noted it."),
]
OF_PROCESS = ("number", "at", "user", "host", "environment", "workflow", "activity", "run")


@app.callback()
def audit(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        list_entries(ctx)


@app.command("list")
def list_entries(ctx: typer.Context, format: Format = "text") -> None:
    """List what was shared, the oldest first: counts, never people."""
    with invocation(ctx).session(read_only=True) as session:
        found = session.ledger.audit_entries()
    if format == "json":
        output.show_json([{**entry.said, "hash": entry.hash} for entry in found])
    elif not found:
        typer.echo("Nothing was shared yet.")
    for entry in found if format == "text" else ():
        _show(entry.said)


@app.command("verify")
def verify(ctx: typer.Context, head: Head = None, format: Format = "text") -> None:
    """Say whether an entry was changed, removed, put in or moved since it was written; the exit code is 1 when one was.

    Entries cut off at the end, and a log written anew, are told by --head alone: note the hash that a run prints as 'audit' where
    nobody who may write to the database may write.
    """
    from engine.sql import audit as log

    with invocation(ctx).session(read_only=True) as session:
        found, unconfirmed = session.ledger.audit_entries(), session.ledger.unconfirmed()
    problems = list(log.verify(found, head))
    newest = found[-1].hash if found else None
    if format == "json":
        begun = [{"run": run, "activity": activity} for run, activity in unconfirmed]
        output.show_json({"entries": len(found), "head": newest, "problems": problems, "unconfirmed": begun})
    else:
        for problem in problems:
            typer.secho(problem, fg=typer.colors.RED)
        if not problems:
            entries = "1 entry" if len(found) == 1 else f"{output.number(len(found))} entries"
            typer.echo(f"{entries}, as written; head {newest or '-'}")
        for run, activity in unconfirmed:
            typer.echo(
                f"'{activity}' of run {run} was about to deliver and may have: 'audienceflow resume {run}' finds out"
            )
    if problems:
        raise typer.Exit(1)


def _show(said: Mapping[str, Any]) -> None:
    number, at, user, host, environment, workflow, activity, run = (said.get(name, "?") for name in OF_PROCESS)
    typer.echo(
        f"{number}  {str(at)[:19].replace('T', ' ')}  {user}@{host}  {environment}  {workflow}.{activity}, run {run}"
    )
    disclosed = said.get("disclosed")
    if isinstance(disclosed, Mapping):  # else somebody forged it, as `verify` says
        typer.echo(f"   {output.words({name: value for name, value in disclosed.items() if value is not None})}")
    if said.get("waived"):
        typer.echo(f"   waived: {output.words(said['waived'])}")
