"""`audienceflow init`"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.app.cli import output
from engine.app.cli.invocation import Misused, now, read_time

if TYPE_CHECKING:
    from engine.app.scaffold import Begun

FILES = {"duckdb": "duckdb:///example.duckdb", "sqlite": "sqlite:///example.sqlite"}

Folder = Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where to begin; it is made when it is missing.")]
DatabaseName = Annotated[
    str,
    typer.Option(
        "--database", metavar="NAME|URL", help="duckdb or sqlite: a file in the folder; or an address: postgresql://…"
    ),
]


Day = Annotated[
    datetime | None,
    typer.Option(
        "--at", metavar="TIME", parser=read_time, help="The day after the last of the invented orders. [today]"
    ),
]


def init(folder: Folder = Path(), database: DatabaseName = "duckdb", at: Day = None) -> None:
    """Begin a project: files that run and pass their tests, and a few hundred invented people with their orders of a year.

    No file and no table that is there already is changed.
    """
    from engine import registry
    from engine.app.scaffold import begin

    if database not in FILES and "://" not in database:
        raise Misused(
            f"'{database}' is no database and no address",
            "write --database duckdb, --database sqlite, or --database postgresql://USER@HOST/NAME",
        )
    begun = begin(folder, FILES.get(database, database), registry.load(), (at or now()).date())
    for word, names in (("made", begun.made), ("kept", begun.kept)):
        for name in names:
            typer.echo(f"{word:<5} {folder / name}{'  (it was there)' if word == 'kept' else ''}")
    _show_tables(begun)
    _show_next(folder)


def _show_tables(begun: Begun) -> None:
    if begun.rows is None:
        typer.echo("\nThe project file is another than this would write, so its database was left alone.")
        return
    for name, rows in begun.rows.items():
        word = "made" if name in begun.tables_made else "kept"
        typer.echo(f"{word:<5} table {name}, {output.number(rows)} rows{'' if word == 'made' else '  (it was there)'}")
    if begun.lacks_password:
        typer.echo("\nThe password is written nowhere: set PGPASSWORD, or write it into ~/.pgpass.")


def _show_next(folder: Path) -> None:
    from engine.app.scaffold import WORKFLOW

    typer.echo("\nNext:")
    if folder.resolve() != Path.cwd():
        typer.echo(f"  cd {folder}")
    for line in ("check", f"plan {WORKFLOW} --counts", "test", f"run {WORKFLOW}", "lists show good_customers"):
        typer.echo(f"  audienceflow {line}")
