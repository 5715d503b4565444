"""`audienceflow schema`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.app.cli.invocation import Invocation, invocation
from engine.kit.errors import AuthorError

Which = Annotated[
    Literal["workflow", "project", "test"],
    typer.Argument(metavar="KIND", help="The kind of file the schema is of: workflow, project or test."),
]
Output = Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write it there instead of printing it.")]


def schema(ctx: typer.Context, which: Which = "workflow", output: Output = None) -> None:
    """Give the JSON Schema of files for editors, with the activities and sections of every installed plugin."""
    from engine import registry
    from engine.app import schema as schemas

    made = schemas.text(which, registry.load())
    if output is None:
        typer.echo(made, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(made, encoding="utf-8")
    typer.echo(f"{output} is written; an editor uses it in files that begin with the line")
    typer.echo(f"# yaml-language-server: $schema={_from_project(output, invocation(ctx))}")


def _from_project(output: Path, line: Invocation) -> str:
    """Give the file as a workflow of the project names it: from its own folder."""
    try:
        folder = line.folder()
    except AuthorError:
        folder = Path.cwd()
    return Path(os.path.relpath(output, folder)).as_posix()
