"""`audienceflow check`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from engine.app.cli import output
from engine.app.cli.failures import USAGE
from engine.app.cli.invocation import Invocation, Misused, invocation
from engine.app.options import workflows_in
from engine.app.testing import SUFFIX

if TYPE_CHECKING:
    from engine.kit.errors import Diagnostic

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATHS]...", help="Workflow files, names or folders; else all of the project's folder."),
]
CheckFormat = Annotated[
    Literal["text", "json", "sarif"],
    typer.Option("--format", help="For a person, for a program, or for a code scanning service."),
]


Offline = Annotated[
    bool, typer.Option("--offline", help="Connect to no database: names and types are checked as they were last seen.")
]


def check(ctx: typer.Context, paths: Files = None, offline: Offline = False, format: CheckFormat = "text") -> None:
    """Find what is wrong with workflows and the tests beside them, each problem with its place and what to type.

    A warning is silenced by '# noqa: CODE' on its line, an error never.
    Exit codes: 0 nothing, or warnings only · 2 an error.
    """
    from engine.app import checking

    line = invocation(ctx)
    named = [_workflow_of(path, line) for path in paths or [line.folder()]]
    files = [file for path in {path.resolve(): path for path in named}.values() for file in workflows_in(path)]
    if not files:
        raise Misused(
            f"there is no workflow in {', '.join(map(str, paths or [line.folder()]))}",
            "name the files: audienceflow check PATH …",
        )
    found = checking.check(files, line.options(), offline=offline)
    errors = sum(problem.severity == "error" for problem in found)
    match format:
        case "json":
            _show_json(files, found, errors)
        case "sarif":
            _show_sarif(files, found)
        case _:
            show(found)
            typer.echo(_summary(len(files), errors, len(found) - errors))
    raise typer.Exit(USAGE if errors else 0)


def _workflow_of(path: Path, line: Invocation) -> Path:
    """Give what a path or the name of a workflow means; a test file stands for its workflow, with which it is checked."""
    tested = path.with_name(f"{path.name.removesuffix(SUFFIX)}.yaml")
    if path.name.endswith(SUFFIX) and tested.is_file():
        return tested
    return line.workflow(str(path))


def show(problems: Sequence[Diagnostic]) -> None:
    """Print problems: at a terminal each with the line it is about, elsewhere two plain lines each."""
    if not problems or not sys.stdout.isatty():
        for problem in problems:
            typer.echo(str(problem))
        return
    from engine.app.diagnostics import text
    from engine.app.diagnostics.excerpts import excerpts

    console, excerpt = output.console(), excerpts()
    for problem in problems:
        console.print(text.shown(problem, excerpt(problem.span), console.width), soft_wrap=True)


def _show_json(files: Sequence[Path], problems: Sequence[Diagnostic], errors: int) -> None:
    from engine.app.diagnostics.excerpts import excerpts
    from engine.app.diagnostics.values import values

    counts = {"errors": errors, "warnings": len(problems) - errors}
    excerpt = excerpts()
    diagnostics = [values(problem, excerpt) for problem in problems]
    output.show_json({"files": list(map(str, files)), **counts, "diagnostics": diagnostics})


def _show_sarif(files: Sequence[Path], problems: Sequence[Diagnostic]) -> None:
    from importlib.metadata import version

    from engine import registry
    from engine.app.diagnostics import sarif
    from engine.app.diagnostics.codes import lint_rules
    from engine.app.diagnostics.excerpts import excerpts
    from engine.app.options import label_of

    rules = lint_rules(registry.load())
    output.show_json(sarif.log(problems, label_of(files[0]), excerpts(), rules, version("audienceflow")))


def _summary(files: int, errors: int, warnings: int) -> str:
    found = ", ".join(_counted(count, word) for count, word in ((errors, "error"), (warnings, "warning")) if count)
    return f"{_counted(files, 'workflow')}: {found or 'nothing is wrong'}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
