"""`audienceflow eval`"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from engine.app.cli import output
from engine.app.cli.failures import USAGE
from engine.app.cli.invocation import At, Format, invocation

if TYPE_CHECKING:
    from engine.app.diagnostics.excerpts import Excerpt
    from engine.app.evaluation import Evaluation
    from engine.kit.errors import AuthorError, Span

SETTINGS = {"ignore_unknown_options": True}
"""An expression may begin with a minus."""

Expression = Annotated[str, typer.Argument(metavar="EXPRESSION", help="An expression without columns, in quotes.")]
DatabaseName = Annotated[
    str | None, typer.Option("--database", metavar="NAME", help="A database of the project; else 'default'.")
]


def eval(
    ctx: typer.Context, expression: Expression, database: DatabaseName = None, at: At = None, format: Format = "text"
) -> None:
    """Give the value, type and SQL of an expression, on the project's database; where there is no project, in memory.

    Exit codes: 0 done · 2 the expression is wrong.
    """
    from engine.app import api
    from engine.kit.errors import AuthorError

    line = invocation(ctx)
    try:
        found = api.evaluate(expression, near=line.near(), database=database, at=at, options=line.options())
    except AuthorError as problem:
        _show_problems(problem, expression, format)
        raise typer.Exit(USAGE) from None
    if format == "json":
        output.show_json({"value": found.value, "type": found.type, "sql": found.sql, "values": dict(found.values)})
    else:
        _show(found)


def _show(found: Evaluation) -> None:
    is_word = found.value is None or isinstance(found.value, bool)
    typer.echo(json.dumps(found.value) if is_word else found.value)
    typer.echo(f"  type: {found.type}")
    typer.echo(f"  sql: {found.sql}")
    if found.values:
        typer.echo(f"  with: {', '.join(f'{name} = {bound}' for name, bound in found.values.items())}")


def _show_problems(problem: AuthorError, expression: str, format: Format) -> None:
    from engine.app.diagnostics import text
    from engine.app.diagnostics.excerpts import excerpt, excerpts
    from engine.app.diagnostics.values import values
    from engine.app.evaluation import PLACE

    of_files, lines = excerpts(), [" ".join(expression.splitlines())]

    def found(span: Span) -> Excerpt | None:
        return excerpt(lines, span) if span.file == PLACE else of_files(span)

    if format == "json":
        output.show_json({"diagnostics": [values(item, found) for item in problem.diagnostics]})
        return
    console = output.console(is_error=True)
    for item in problem.diagnostics:
        console.print(text.shown(item, found(item.span), console.width), soft_wrap=True)
