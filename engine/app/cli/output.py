"""Standard output: tables for a person, JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import typer

if TYPE_CHECKING:  # rich.table is not imported before there is something to show
    from rich.console import Console, RenderableType
    from rich.table import Table

BEYOND_ANY_LINE = 10_000

STYLES: Mapping[str, str] = {
    "succeeded": "green", "running": "cyan", "waiting": "yellow", "pending": "dim", "not_started": "dim", "skipped": "dim",
    "ignored": "yellow", "suspended": "red", "guarded": "magenta", "failed": "red", "stopped": "yellow",
}  # fmt: skip
"""The colour of every status of a run or an activity."""


def console(*, is_error: bool = False) -> Console:
    """Give the console of standard output, or error. Where it is no terminal, no line is ever folded."""
    from rich.console import Console

    found = Console(stderr=is_error, highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found = Console(stderr=is_error, highlight=False, markup=False, emoji=False, width=BEYOND_ANY_LINE)
    return found


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[RenderableType]],
    numbers: Container[str] = (),
    unfolded: Container[str] = (),
) -> Table:
    """Give a table without lines; the columns named in `numbers` are set to the right, those in `unfolded` keep their width."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        justify: Literal["left", "right"] = "right" if header in numbers else "left"
        made.add_column(header, justify=justify, overflow="fold", no_wrap=header in unfolded)
    for row in rows:
        made.add_row(*row)
    return made


def show(*renderables: RenderableType) -> None:
    """Print to standard output, each on lines of its own, without blanks at their ends."""
    target = console()
    for renderable in renderables:
        with target.capture() as captured:
            target.print(renderable)
        typer.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def show_json(value: Any) -> None:
    """Print one JSON value to standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def status(word: str) -> RenderableType:
    """Give a status in its colour."""
    from rich.text import Text

    return Text(word.replace("_", " "), style=STYLES.get(word, ""))


def number(count: int) -> str:
    return f"{count:,}"


def cell(value: Any) -> str:
    """Give a value of a row as it is written in a file of rows; a null is empty."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")  # no exponent, where there are zeros alone
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else str(value)


def words(value: Any) -> str:
    """Give a value of a step's details as a person reads it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return number(value)
        case Mapping():
            return ", ".join(f"{name.replace('_', ' ')} {words(item)}" for name, item in value.items())
        case list() | tuple():
            return ", ".join(map(words, value))
        case _:
            return str(value)
