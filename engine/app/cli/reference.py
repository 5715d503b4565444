"""`audienceflow reference`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.app.cli.failures import USAGE

Output = Annotated[
    Path, typer.Option("--output", metavar="FOLDER", help="Write the pages into its folder 'reference'.")
]
Check = Annotated[
    bool, typer.Option("--check", help="Write nothing; exit with 2 where a page is not as it would be written.")
]


Type = Annotated[
    str | None, typer.Argument(metavar="[TYPE]", help="Print the page of this activity: its rules, options and ports.")
]


def reference(type: Type = None, output: Output = Path("docs"), check: Check = False) -> None:
    """Write the reference of all activities, functions, commands, sections and codes, of every installed plugin too; or print a page."""
    from engine import registry
    from engine.app import reference as pages

    if type is not None:
        typer.echo(pages.of_activity(type, registry.load()), nl=False)
        return
    if not check:
        for changed in pages.write(output, registry.load()):
            typer.echo(f"{'removed' if changed.why == 'extra' else 'wrote'}  {changed.path}")
        return
    found = pages.stale(output, registry.load())
    for each in found:
        typer.echo(f"{each.path}: {each.why}", err=True)
    if found:
        typer.echo(f"  fix: audienceflow reference --output {output}", err=True)
        raise typer.Exit(USAGE)
