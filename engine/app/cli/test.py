"""`audienceflow test`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.app.cli import output
from engine.app.cli.failures import FAILED, USAGE
from engine.app.cli.invocation import Format, Misused, invocation
from engine.app.testing import find

if TYPE_CHECKING:
    from engine.app.options import Options
    from engine.app.testing.running import Outcome
    from engine.kit.errors import Diagnostic

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATHS]...", help="Test files, workflows or folders; else all of the project's folder."),
]


def test(ctx: typer.Context, paths: Files = None, format: Format = "text") -> None:  # noqa: PT028  (a command, no test)
    """Run the tests beside workflows, each in a database of its own that is gone afterwards.

    Exit codes: 0 all passed · 1 a test failed · 2 usage, or an invalid file.
    """
    from engine.app.testing import report

    line = invocation(ctx)
    files = list(find(paths or [line.folder()]))
    if not files:
        raise Misused(
            f"there is no test in {', '.join(map(str, paths or [line.folder()]))}",
            "write <workflow>_test.yaml beside a workflow",
        )
    outcomes, problems = _run(files, line.options(), is_told=format == "text")
    passed = sum(outcome.is_passed for outcome in outcomes)
    invalid = [*problems, *(problem for outcome in outcomes for problem in outcome.problems)]
    if format == "json":
        output.show_json({"passed": passed, "failed": len(outcomes) - passed, "tests": [report.to_json(outcome) for outcome in outcomes],
                          "problems": [report.problem_json(problem) for problem in problems]})  # fmt: skip
    else:
        for text in (
            *(report.explanation(outcome) for outcome in outcomes if not outcome.is_passed),
            *map(str, problems),
        ):
            typer.echo(f"\n{text}")
        typer.echo(
            ("" if passed == len(outcomes) and not problems else "\n")
            + report.summary(passed, len(outcomes) - passed, len(invalid))
        )
    raise typer.Exit(USAGE if invalid else FAILED if passed < len(outcomes) else 0)


def _run(files: list[Path], options: Options, *, is_told: bool) -> tuple[list[Outcome], list[Diagnostic]]:
    """Run the tests of all files; an invalid file hides no other."""
    from engine.app.testing import report, running
    from engine.app.testing.suite import open_suite
    from engine.kit.errors import AuthorError

    outcomes: list[Outcome] = []
    problems: list[Diagnostic] = []
    for file in files:
        try:
            suite = open_suite(file, options)
        except AuthorError as problem:
            problems.extend(problem.diagnostics)
            continue
        for written in suite.file.tests:
            outcomes.append(running.run(suite, written))
            if is_told:
                typer.echo(report.line(outcomes[-1]))
    return outcomes, problems
