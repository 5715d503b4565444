"""`audienceflow lists`"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.app.cli import output
from engine.app.cli.invocation import Format, Misused, invocation
from engine.kit.errors import suggestion

if TYPE_CHECKING:
    import sqlalchemy as sa

    from engine.app.session import Session
    from engine.kit.population import Population

app = typer.Typer(help="The lists: populations kept between runs, by name.", invoke_without_command=True)

ListName = Annotated[str, typer.Argument(metavar="NAME", help="A list.")]
RowFormat = Annotated[
    Literal["text", "json", "csv"],
    typer.Option("--format", help="For a person, or for a program."),
]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="How many rows, the first by key; text shows 20, json and csv all.")
]
Unmask = Annotated[bool, typer.Option("--unmask", help="Show personal values, too.")]
FEW = 20


@app.callback()
def lists(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        list_lists(ctx)


@app.command("list")
def list_lists(ctx: typer.Context, format: Format = "text") -> None:
    """List the lists there are."""
    with invocation(ctx).session(read_only=True) as session:
        found = [_values(row) for row in session.ledger.list_rows()]
        now = session.clock()
    if format == "json":
        output.show_json(found)
    elif not found:
        typer.echo("There are no lists yet; 'list_update' and 'list_import' fill lists.")
    else:
        headers = ("list", "rows", "dimension", "columns", "updated", "age", "expires", "run")
        output.show(output.table(headers, (_cells(item, now) for item in found), numbers=("rows", "age")))


@app.command("show")
def show(
    ctx: typer.Context, name: ListName, limit: Limit = None, unmask: Unmask = False, format: RowFormat = "text"
) -> None:
    """Show the rows of a list, in the order of its key, the key first.

    Where the project says which columns are personal, text and json mask them, and texts that are no column of the dimension: those may
    be anything. csv writes the list as it is, for the program that reads it.
    """
    with invocation(ctx).session(read_only=True) as session:
        population = _find(name, session)
        masked = frozenset() if unmask or format == "csv" else _masked(population, session)
        match format:
            case "csv":
                _write_csv(_rows(population, session, limit), _columns(population))
            case "json":
                _write_json(_veiled(_rows(population, session, limit), population, masked), _columns(population))
            case _:
                _show_first(name, population, session, limit or FEW, masked)


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    key, columns = json.loads(row["key"]), json.loads(row["columns"])
    return {"name": row["name"], "rows": row["rows"], "dimension": row["dimension"], "key": key, "columns": columns,
            "updated_at": row["updated_at"], "expires_at": row["expires_at"], "run": row["run"]}  # fmt: skip


def _cells(item: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    return (
        item["name"],
        output.number(item["rows"]),
        item["dimension"] or "",
        ", ".join(item["columns"]),
        item["updated_at"][:19].replace("T", " "),
        _age(now - datetime.fromisoformat(item["updated_at"])),
        _end(item["expires_at"], now),
        item["run"],
    )


def _age(age: timedelta) -> str:
    """Write a time gone by in its largest unit, as durations are written."""
    seconds = max(int(age.total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _end(expires_at: str | None, now: datetime) -> str:
    if expires_at is None:
        return ""
    is_over = datetime.fromisoformat(expires_at) <= now
    return expires_at[:16].replace("T", " ") + (" (over)" if is_over else "")


def _find(name: str, session: Session) -> Population:
    known = session.ledger.lists_when_asked(session.clock())
    if name not in known:
        raise Misused(f"there is no list '{name}'", suggestion(name, known, "lists"))
    return known[name]


def _columns(population: Population) -> list[str]:
    return list(dict.fromkeys((*population.key, *population.columns)))


def _rows(population: Population, session: Session, most: int | None = None) -> Iterator[tuple[Any, ...]]:
    by_key = [
        session.db.dialect.order(population.column(name), population.columns[name], descending=False, nulls_first=False)
        for name in population.key
    ]
    statement: sa.Select[Any] = population.select(_columns(population)).order_by(*by_key).limit(most)
    for batch in session.db.batches(statement):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _masked(population: Population, session: Session) -> frozenset[str]:
    """Give the columns that are not shown; none in a project that calls none personal."""
    from engine.kit.types import Kind

    if not any(dimension.personal for dimension in session.definitions.values()):
        return frozenset()
    dimension = session.catalog().dimensions.get(population.dimension or "")
    harmless = set(dimension.columns) - set(dimension.personal) if dimension else set()
    personal = set(dimension.personal) if dimension else set()
    return frozenset(
        name
        for name, type_ in population.columns.items()
        if name in personal or (name not in harmless and type_.kind == Kind.TEXT)
    )


def _veiled(
    rows: Iterator[tuple[Any, ...]], population: Population, masked: frozenset[str]
) -> Iterator[tuple[Any, ...]]:
    """Put dots in the place of masked values; a null stays a null."""
    from engine.app.planning import MASK

    columns = _columns(population)
    for row in rows:
        yield tuple(
            MASK if name in masked and value is not None else value for name, value in zip(columns, row, strict=True)
        )


def _write_csv(rows: Iterator[tuple[Any, ...]], columns: list[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(output.cell, row) for row in rows)


def _write_json(rows: Iterator[tuple[Any, ...]], columns: list[str]) -> None:
    """Write an array, an object a line, without holding all rows."""
    separator = "[\n"
    for row in rows:
        sys.stdout.write(
            separator + json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False, default=output.cell)
        )
        separator = ",\n"
    sys.stdout.write("[]\n" if separator == "[\n" else "\n]\n")


def _show_first(name: str, population: Population, session: Session, limit: int, masked: frozenset[str]) -> None:
    shown = _veiled(_rows(population, session, limit), population, masked)
    output.show(output.table(_columns(population), (tuple(map(output.cell, row)) for row in shown)))
    rows = population.count or 0
    if rows > limit:
        typer.echo(f"… and {rows - limit:,} more; 'audienceflow lists show {name} --format csv' writes every row")
