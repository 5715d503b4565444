"""`audienceflow doctor`"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from engine.app.cli import output
from engine.app.cli.failures import FAILED
from engine.app.cli.group import Registered, registered
from engine.app.cli.invocation import Format, invocation

if TYPE_CHECKING:
    from engine.app.doctor import Report

NAME = "doctor"
COLOURS = {"ok": typer.colors.GREEN, "warning": typer.colors.YELLOW, "problem": typer.colors.RED}


class Below(TyperGroup):
    """The commands that components put below this one."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *sorted(registered(NAME))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = registered(NAME)
        return Registered(found[cmd_name]) if cmd_name in found else super().get_command(ctx, cmd_name)


app = typer.Typer(
    cls=Below,
    invoke_without_command=True,
    help="Say whether all that a run needs is there, and what to do where it is not. Exit code 1: there is a problem.",
)


@app.callback()
def doctor(ctx: typer.Context, format: Format = "text") -> None:
    if ctx.invoked_subcommand is not None:
        return
    from engine.app.doctor import examine

    line = invocation(ctx)
    near = line.project.parent if line.project else line.near()
    own: Any = ctx.find_root().command
    report = examine(near, line.options(), own.commands)
    if format == "json":
        output.show_json(_values(report))
    else:
        _show(report)
    raise typer.Exit(FAILED if report.count("problem") else 0)


def _values(report: Report) -> dict[str, Any]:
    findings = [
        {"about": about, "status": finding.status, "what": finding.what, "fix": finding.fix or None}
        for about, found in report.found.items()
        for finding in found
    ]
    return {
        "problems": report.count("problem"),
        "warnings": report.count("warning"),
        "findings": findings,
        "checklist": report.checklist,
    }


def _show(report: Report) -> None:
    for about, found in report.found.items():
        for finding in found:
            typer.secho(f"{finding.status:<8}", fg=COLOURS[finding.status], nl=False)
            typer.echo(f" {about}: {finding.what}")
            if finding.fix:
                typer.echo(f"           fix: {finding.fix}")
    for about, asked in report.checklist.items():
        typer.echo(f"\n{about}: to be set up there, which cannot be seen from here")
        for sentence in asked:
            typer.echo(f"  [ ] {sentence}")
    counts = (_counted(report.count(word), word) for word in ("problem", "warning"))
    typer.echo(f"\n{', '.join(counts)}")


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
