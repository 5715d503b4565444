"""`audienceflow show`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.app.cli import outcome, output
from engine.app.cli.invocation import Format, RunName, find_run, invocation

if TYPE_CHECKING:
    from engine.app.result import RunResult
    from engine.state.facts import Fact

WithFacts = Annotated[bool, typer.Option("--facts", help="Also everything that happened, in order.")]
LONG = ("workflow_text", "project_text")


def show(ctx: typer.Context, run: RunName, facts: WithFacts = False, format: Format = "text") -> None:
    """Show a run: its status, the counts of its transitions, what its effects did."""
    from engine.app import api
    from engine.state.facts import to_json

    with invocation(ctx).session() as session:
        name = find_run(run, session.store)
        result, _, _ = api.show(name, session)
        known = session.store.facts(name) if facts else ()
    if format == "json":
        output.show_json(result.to_json() | ({"facts": [to_json(fact) for fact in known]} if facts else {}))
        return
    _show_head(result)
    outcome.show_result(result)
    if facts:
        typer.echo()
        output.show(output.table(("at", "fact", "activity", ""), map(_row, known)))


def _show_head(result: RunResult) -> None:
    """Say which run it is: its key, when it started, the moment it is for, and its variables."""
    key = f", key {result.key}" if result.key else ""
    typer.echo(f"{result.workflow}, run {result.run}{key}")
    typer.echo(f"started {result.started_at:%Y-%m-%d %H:%M:%S} UTC, for {result.time:%Y-%m-%d %H:%M:%S} UTC")
    if result.variables:
        said = (f"{name} {'none' if value is None else value}" for name, value in result.variables.items())
        typer.echo(f"variables: {', '.join(said)}")
    typer.echo()


def _row(fact: Fact) -> tuple[str, ...]:
    from engine.state.facts import to_json

    values = {
        name: value for name, value in to_json(fact).items() if name not in LONG and value not in (None, "", {}, [])
    }
    head = (f"{fact.at:%Y-%m-%d %H:%M:%S.%f}"[:-3], str(values.pop("kind")), str(values.pop("activity", "")))
    values.pop("at")
    values.pop("arrival", None)
    return (*head, "  ".join(f"{name.replace('_', ' ')}: {output.words(value)}" for name, value in values.items()))
