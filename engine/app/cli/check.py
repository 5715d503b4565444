"""`audienceflow check`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.app.cli import output
from engine.app.cli.failures import USAGE
from engine.app.cli.invocation import Format, Misused, invocation, workflows_in

if TYPE_CHECKING:
    from engine.kit.errors import Diagnostic

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATHS]...", help="Workflow files or folders; else all of the project's folder."),
]


Offline = Annotated[
    bool, typer.Option("--offline", help="Connect to no database: names and types are checked as they were last seen.")
]


def check(ctx: typer.Context, paths: Files = None, offline: Offline = False, format: Format = "text") -> None:
    """Find what is wrong with workflows, each problem with its place and what to type.

    Exit codes: 0 nothing, or warnings only · 2 an error.
    """
    from engine.app import checking

    line = invocation(ctx)
    files = [file for path in paths or [line.folder()] for file in workflows_in(path)]
    if not files:
        raise Misused(
            f"there is no workflow in {', '.join(map(str, paths or [line.folder()]))}",
            "name the files: audienceflow check PATH …",
        )
    found = checking.check(files, line.options(), offline=offline)
    errors = sum(problem.severity == "error" for problem in found)
    if format == "json":
        counts = {"errors": errors, "warnings": len(found) - errors}
        output.show_json(
            {"files": list(map(str, files)), **counts, "diagnostics": [_values(problem) for problem in found]}
        )
    else:
        for problem in found:
            _show(problem)
        typer.echo(_summary(len(files), errors, len(found) - errors))
    raise typer.Exit(USAGE if errors else 0)


def _show(problem: Diagnostic) -> None:
    place, code = f"{problem.span}: " if problem.span.line else "", problem.code
    colour = typer.colors.RED if problem.severity == "error" else typer.colors.YELLOW
    typer.echo(f"{place}{typer.style(code, fg=colour)} {problem.message}")
    if problem.fix:
        typer.echo(f"  fix: {problem.fix}")


def _values(problem: Diagnostic) -> dict[str, object]:
    span = problem.span
    return {"file": span.file, "line": span.line, "column": span.column, "code": problem.code, "severity": problem.severity,
            "message": problem.message, "fix": problem.fix}  # fmt: skip


def _summary(files: int, errors: int, warnings: int) -> str:
    found = ", ".join(_counted(count, word) for count, word in ((errors, "error"), (warnings, "warning")) if count)
    return f"{_counted(files, 'workflow')}: {found or 'nothing is wrong'}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
