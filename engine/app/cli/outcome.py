"""What a run came to, on standard output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from engine.app.cli import output

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engine.app.result import RunResult

DEFAULT_PORTS = (".result", ".from")


def show_result(result: RunResult, *, is_new: bool = True) -> None:
    """Print the counts per transition, what each effect did, how the run stands, and what to do when it did not succeed.

    Without `is_new` the run had ended before it was asked for again.
    """
    counts = list(_counts(result))
    if counts:
        output.show(output.table(("from", "to", "rows"), counts, numbers=("rows",)))
    for name, activity in result.activities.items():
        if activity.details:
            typer.echo(f"\n{name}")
            width = max(map(len, activity.details))
            for key, value in activity.details.items():  # no table: a folded path cannot be copied
                typer.echo(f"  {key.replace('_', ' '):<{width}}  {output.words(value)}")
    colour = {"succeeded": typer.colors.GREEN, "failed": typer.colors.RED, "suspended": typer.colors.RED}.get(
        result.status, typer.colors.YELLOW
    )
    typer.echo(f"\n{result.workflow}, run {result.run}: ", nl=False)
    typer.secho(result.status, fg=colour, nl=False)
    typer.echo("" if is_new else " before; nothing was done now, this is what was done then")
    show_errors(result)
    for name, activity in result.activities.items():
        if activity.status == "waiting":
            typer.echo(f"'{name}' is waiting: {activity.message}")
    match result.status:
        case "suspended" | "waiting" | "running":
            typer.echo(f"Go on with: audienceflow resume {result.run}")
        case "failed":
            typer.echo("A failed run is over; correct what is said above and start a new one.")


def _counts(result: RunResult) -> Iterator[tuple[RenderableType, ...]]:
    """Give a row for every arrow that fired, and for every port that fired with nobody reading it, in the activities' order."""
    for name, activity in result.activities.items():
        for port, count in activity.outputs.items():
            source = f"{name}.{port}"
            readers = [arrow.target for arrow in result.transitions if arrow.source == source]
            for reader in readers or [""]:
                yield short(source), arrow(reader, activity.notes.get(port, "")), output.number(count)


def arrow(reader: str, note: str) -> str:
    """Say where an arrow leads, if anywhere, and what is worth knowing of its count."""
    return " ".join(filter(None, (f"→ {short(reader)}" if reader else "", f"({note})" if note else "")))


def short(place: str) -> str:
    """Leave out the port that is meant when none is written."""
    for port in DEFAULT_PORTS:
        place = place.removesuffix(port)
    return place


def show_errors(result: RunResult, verb: str = "is") -> None:
    """Print what stopped activities, or `would be` what stops them, each with its place and what to do."""
    for error in result.errors:
        place = f"{error.place}: " if error.place else ""
        typer.secho(f"{place}'{error.activity}' {verb} {error.status}", fg=typer.colors.RED, nl=False)
        typer.echo(f": {error.message}")
        if error.fix:
            typer.echo(f"  fix: {error.fix}")
