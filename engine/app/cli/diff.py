"""`audienceflow diff`"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.app.cli import output
from engine.app.cli.invocation import Format, Misused, RunName, find_run, invocation

if TYPE_CHECKING:
    from engine.app.differing import Difference, Moved
    from engine.app.list_difference import ListDifference

Other = Annotated[
    str | None,
    typer.Argument(metavar="[RUN]", help="The later run. With --with there is none: the activity stands here."),
]
Target = Annotated[
    str | None, typer.Argument(metavar="[ACTIVITY[.PORT]]", help="Tell who came and went there, and where they did.")
]
List = Annotated[
    Path | None,
    typer.Option("--with", metavar="FILE", help="Compare the run with a CSV file of people; its header names the key."),
]
Limit = Annotated[
    int, typer.Option("--limit", min=0, help="So many keys of those that came, and that went, are shown, by activity.")
]


def diff(
    ctx: typer.Context,
    before: RunName,
    after: Other = None,
    activity: Target = None,
    list: List = None,
    limit: Limit = 20,
    format: Format = "text",
) -> None:
    """Compare two runs of a workflow, or a run with a list: who came and who went, by key, and at which activity.

    A row that the later run lacks was lost at the first activity, from the data on, whose rows held it before and hold it no more.
    Somebody of a list was lost at the last activity they came to. Personal columns of keys are masked.
    """
    if list is not None:
        if activity is not None:
            raise Misused("--with compares one run with a list", "write 'diff RUN --with FILE ACTIVITY'")
        _with_list(ctx, before, list, after, limit, format)
        return
    if after is None:
        raise Misused("one run is compared with nothing", "name another run, or a list: 'diff RUN --with FILE'")
    from engine.app.differing import compare

    with invocation(ctx).session(read_only=True) as session:
        first, last = (find_run(run, session.store) for run in (before, after))
        found = compare(session, first, last, activity, limit)
    if format == "json":
        output.show_json({"before": first, "after": last, **asdict(found)})
        return
    for name, (old, new) in found.variables.items():
        typer.echo(f"variable {name}: {'none' if old is None else old} → {'none' if new is None else new}")
    if activity is None:
        _show_all(found.ports)
    else:
        _show_one(found.ports[0])


def _with_list(ctx: typer.Context, run: str, file: Path, activity: str | None, limit: int, format: Format) -> None:
    from engine.app.list_difference import list_difference

    with invocation(ctx).session() as session:
        name = find_run(run, session.store)
        found = list_difference(session, name, file, activity, limit)
    if format == "json":
        output.show_json({"run": name, "file": str(file), **asdict(found)})
    else:
        _show_list(found)


def _show_list(found: ListDifference) -> None:
    again = f", {output.number(found.repeated)} repeated" if found.repeated else ""
    typer.echo(f"{found.port}: {output.number(found.rows)} rows, {output.number(found.listed)} in the file{again}")
    _show_moved(f"{output.number(found.unlisted.count)} not in the file", found.key, found.unlisted)
    _show_moved(f"{output.number(found.lost.count)} of the file lost", found.key, found.lost, "at")
    if found.unknown.count:
        said = f"{output.number(found.unknown.count)} of the file unknown to the dimension"
        _show_moved(said, found.key, found.unknown)


def _show_all(found: Sequence[Difference]) -> None:
    rows = [
        (
            each.port,
            _count(each.before),
            _count(each.after),
            _signed("+", each.came),
            _signed("-", each.went),
        )
        for each in found
    ]
    headers = ("port", "before", "after", "came", "went")
    output.show(output.table(headers, rows, numbers=headers[1:]))


def _show_one(found: Difference) -> None:
    typer.echo(f"{found.port}: {_count(found.before)} rows before, {_count(found.after)} after")
    for word, at, moved in (("came", "gained", found.came), ("went", "lost", found.went)):
        assert moved is not None  # noqa: S101  (compare, of one port)
        _show_moved(f"{output.number(moved.count)} {word}", found.key, moved, f"{at} at")


def _show_moved(said: str, key: tuple[str, ...], moved: Moved, at: str = "") -> None:
    """Print how many rows, and some of their keys; with `at` by the activity that tells it."""
    typer.echo(f"\n{said}" + (f", by {', '.join(key)}" if any(moved.keys.values()) else ""))
    for activity, count in moved.at.items():
        keys = ", ".join("/".join(map(str, key)) for key in moved.keys[activity])
        more = " …" if keys and count > len(moved.keys[activity]) else ""
        where = f"{output.number(count)} {at} {activity}" if at else ""
        if where or keys:
            typer.echo(f"  {': '.join(filter(None, (where, keys + more)))}")


def _count(count: int | None) -> str:
    return "" if count is None else output.number(count)


def _signed(sign: str, moved: Moved | None) -> str:
    return f"{sign}{output.number(moved.count)}" if moved and moved.count else ""
