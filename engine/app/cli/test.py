"""`audienceflow test`"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.app.cli import output
from engine.app.cli.failures import FAILED, USAGE
from engine.app.cli.invocation import At, Format, Invocation, Misused, Variables, invocation, read_variables
from engine.app.options import label_of, workflows_in
from engine.app.testing import SUFFIX, find

if TYPE_CHECKING:
    from datetime import datetime

    from engine.app.options import Options
    from engine.app.testing.coverage import Coverage
    from engine.app.testing.running import Outcome
    from engine.kit.errors import Diagnostic
    from engine.lang.spec import WorkflowSpec

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATHS]...", help="Test files, workflows or folders; else all of the project's folder."),
]


Covered = Annotated[
    bool,
    typer.Option("--coverage", help="Say which activities and ports no test reaches: executes, or gets a row from."),
]
Record = Annotated[
    str | None,
    typer.Option("--record", metavar="ACTIVITY", help="Write a test of this activity of the workflow named."),
]
Under = Annotated[
    int | None,
    typer.Option(
        "--fail-under", metavar="PERCENT", min=0, max=100, help="Exit with 1 where less is reached; implies --coverage."
    ),
]


@dataclass(frozen=True)
class _Results:
    """What came of all files; by the workflow's file what its tests reached."""

    outcomes: list[Outcome] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    reached: dict[Path, tuple[WorkflowSpec, frozenset[str]]] = field(default_factory=dict)


def test(
    ctx: typer.Context,
    paths: Files = None,
    coverage: Covered = False,
    fail_under: Under = None,
    record: Record = None,
    var: Variables = None,
    at: At = None,
    format: Format = "text",
) -> None:
    """Run the tests beside workflows, each in a database of its own that is gone afterwards.

    With --record a test is written instead: a few rows of the real data as they come to an activity, personal columns masked, and
    what comes of them. --var and --at say for which values and moment.

    Exit codes: 0 all passed · 1 a test failed, or less is reached than --fail-under wants · 2 usage, or an invalid file.
    """
    line = invocation(ctx)
    if record is not None:
        if coverage or fail_under is not None or len(paths or ()) != 1:
            raise Misused("--record writes one test", "write 'audienceflow test --record ACTIVITY WORKFLOW'")
        _record(line, str((paths or [])[0]), record, read_variables(var), at, format)
        return
    if var or at:
        raise Misused("--var and --at go with --record", "write 'vars:' and 'at:' into the test")
    starts = paths or [line.folder()]
    files = list(find(starts))
    if not files:
        raise Misused(
            f"there is no test in {', '.join(map(str, starts))}", "write <workflow>_test.yaml beside a workflow"
        )
    is_covered = coverage or fail_under is not None
    results = _run(files, line.options(), is_told=format == "text", is_covered=is_covered)
    covered = _coverage(starts, results) if is_covered else None
    show = _show_json if format == "json" else _show
    show(results, covered)
    is_under = covered is not None and covered.percent < (fail_under or 0)
    is_invalid = results.problems or any(outcome.problems for outcome in results.outcomes)
    has_failed = is_under or not all(outcome.is_passed for outcome in results.outcomes)
    raise typer.Exit(USAGE if is_invalid else FAILED if has_failed else 0)


def _record(
    line: Invocation, workflow: str, activity: str, variables: dict[str, str], at: datetime | None, format: Format
) -> None:
    from engine.app.planning import Planning
    from engine.app.testing.recording import record

    path = line.workflow(workflow)
    with line.session(path) as session:
        moment = at or session.clock().replace(microsecond=0)
        found = record(Planning.of(path, session, variables, moment), activity, line.options())
    if format == "json":
        masked = list(found.masked)
        output.show_json({"file": str(found.path), "line": found.line, "name": found.name, "masked": masked})
        return
    masks = f"; masked: {', '.join(found.masked)}" if found.masked else ""
    typer.echo(f"{label_of(found.path)}:{found.line}: recorded '{found.name}'{masks}")


def _run(files: list[Path], options: Options, *, is_told: bool, is_covered: bool) -> _Results:
    """Run the tests of all files; an invalid file hides no other."""
    from engine.app.testing import report, running
    from engine.app.testing.suite import open_suite
    from engine.kit.errors import AuthorError

    results = _Results()
    for file in files:
        try:
            suite = open_suite(file, options)
        except AuthorError as problem:
            results.problems.extend(problem.diagnostics)
            continue
        outcomes = []
        for written in suite.file.tests:
            outcomes.append(running.run(suite, written, is_covered=is_covered))
            if is_told:
                typer.echo(report.line(outcomes[-1]))
        results.outcomes.extend(outcomes)
        reached: frozenset[str] = frozenset().union(*(outcome.reached for outcome in outcomes))
        results.reached[suite.file.workflow.resolve()] = suite.spec, reached
    return results


def _coverage(starts: list[Path], results: _Results) -> Coverage:
    """Sum up the workflows whose tests were run, and those of the folders that have none."""
    from engine import registry
    from engine.app.options import read_text
    from engine.app.session import read_workflow
    from engine.app.testing.coverage import coverage
    from engine.kit.errors import AuthorError

    untested = {}
    tried = {test.resolve() for test in find(starts)}
    for file in (file for start in starts if start.is_dir() for file in workflows_in(start)):
        if file.with_name(f"{file.stem}{SUFFIX}").resolve() in tried:
            continue
        try:
            spec, _ = read_workflow(file, read_text(file), registry.load())
            untested[file.resolve()] = spec, frozenset[str]()
        except AuthorError as problem:
            results.problems.extend(problem.diagnostics)
    return coverage({**results.reached, **untested}.values())


def _show(results: _Results, covered: Coverage | None) -> None:
    from engine.app.testing import coverage, report

    outcomes = results.outcomes
    failed = [outcome for outcome in outcomes if not outcome.is_passed]
    invalid = len(results.problems) + sum(len(outcome.problems) for outcome in outcomes)
    for text in (*map(report.explanation, failed), *map(str, results.problems)):
        typer.echo(f"\n{text}")
    if covered is not None:
        typer.echo(f"\n{coverage.text(covered)}")
    typer.echo(
        ("\n" if failed or results.problems else "") + report.summary(len(outcomes) - len(failed), len(failed), invalid)
    )


def _show_json(results: _Results, covered: Coverage | None) -> None:
    from engine.app.testing import report

    passed = sum(outcome.is_passed for outcome in results.outcomes)
    output.show_json({
        "passed": passed, "failed": len(results.outcomes) - passed, "tests": [report.to_json(outcome) for outcome in results.outcomes],
        "problems": [report.problem_json(problem) for problem in results.problems],
        **({} if covered is None else {"coverage": covered.to_json()}),
    })  # fmt: skip
