"""`audienceflow demo`"""

from __future__ import annotations

from pathlib import Path

import typer

from engine.app.cli import output
from engine.app.cli.invocation import Misused, invocation
from engine.app.options import workflows_in

SCHEME = "duckdb:///"
OWN_WORKFLOW = "share_loyal_households"
NEW_YEAR = "2018-01-01"
"""The day after the last of the data."""


def demo(ctx: typer.Context) -> None:
    """Build the demo's data in the DuckDB file of the project; again changes nothing.

    It is a year of groceries of 2,469 households (The Complete Journey, 84.51°), with identifiers made up.
    """
    import duckdb
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from engine.app.demo import prepare
    from engine.kit.errors import DataError

    with invocation(ctx).session() as session:
        project, url = session.project, session.project.database_url()
    if not url.startswith(SCHEME) or url == f"{SCHEME}:memory:":
        raise Misused(
            f"the default database of {project.path} is no DuckDB file",
            "write 'databases: {default: {url: duckdb:///demo.duckdb}}'",
        )
    path = Path(url.removeprefix(SCHEME))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed} of {task.total}"),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=output.console(is_error=True)) as progress:
            task = progress.add_task("", total=None)
            data = prepare(
                path, lambda step, done, total: progress.update(task, description=step, completed=done, total=total)
            )
    except duckdb.IOException as problem:
        first, *_ = str(problem).splitlines()
        raise DataError(
            f"{path} cannot be used: {first}", "close the program that holds it, or move the file away"
        ) from None
    rows = ((name, output.number(count)) for name, count in data.tables.items())
    output.show(output.table(("table", "rows"), rows, numbers=("rows",)))
    typer.echo(f"\n{path}: {'built' if data.fresh else 'was there already; nothing was changed'}")
    typer.echo(f"Next: audienceflow run {_next(project.folder)} --at {NEW_YEAR}")


def _next(folder: Path) -> str:
    """Name a workflow to run: the demo's own, else the first there is."""
    own = folder / f"{OWN_WORKFLOW}.yaml"
    path = own if own.is_file() else next(workflows_in(folder), None)
    if path is None:
        return "WORKFLOW"
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
