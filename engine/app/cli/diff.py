"""`audienceflow diff`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from engine.app.cli import output
from engine.app.cli.invocation import Format, RunName, find_run, invocation

if TYPE_CHECKING:
    from engine.app.differing import Difference, Moved

Target = Annotated[
    str | None, typer.Argument(metavar="[ACTIVITY[.PORT]]", help="Tell who came and went there, and where they did.")
]
Limit = Annotated[int, typer.Option("--limit", min=0, help="So many of the keys that came, and that went, are shown.")]


def diff(
    ctx: typer.Context,
    before: RunName,
    after: RunName,
    activity: Target = None,
    limit: Limit = 20,
    format: Format = "text",
) -> None:
    """Compare two runs of a workflow: who came and who went, by key, and at which activity each was gained or lost.

    A row that the later run lacks was lost at the first activity, from the data on, whose rows held it before and hold it no more.
    """
    from engine.app.differing import differences

    with invocation(ctx).session(read_only=True) as session:
        first, last = (find_run(run, session.store) for run in (before, after))
        found = differences(session, first, last, activity, limit)
    if format == "json":
        output.show_json({"before": first, "after": last, "ports": [asdict(each) for each in found]})
    elif activity is None:
        _show_all(found)
    else:
        _show_one(found[0])


def _show_all(found: list[Difference]) -> None:
    rows = [
        (
            each.port,
            _count(each.before),
            _count(each.after),
            _signed("+", each.came.count),
            _signed("-", each.went.count),
        )
        for each in found
    ]
    headers = ("port", "before", "after", "came", "went")
    output.show(output.table(headers, rows, numbers=headers[1:]))


def _show_one(found: Difference) -> None:
    typer.echo(f"{found.port}: {_count(found.before)} rows before, {_count(found.after)} after")
    for word, at, moved in (("came", "gained", found.came), ("went", "lost", found.went)):
        typer.echo(f"\n{output.number(moved.count)} {word}")
        for activity, count in moved.at.items():
            typer.echo(f"  {output.number(count)} {at} at {activity}")
        if moved.keys:
            typer.echo(f"  {', '.join(found.key)}: {_listed(moved)}")


def _listed(moved: Moved) -> str:
    more = " …" if moved.count > len(moved.keys) else ""
    return ", ".join("/".join(map(str, key)) for key in moved.keys) + more


def _count(count: int | None) -> str:
    return "" if count is None else output.number(count)


def _signed(sign: str, count: int) -> str:
    return f"{sign}{output.number(count)}" if count else ""
