"""The command line: `audienceflow …`. One module a command; nothing heavy is imported before a command is chosen."""

from __future__ import annotations

import gc
import sys
from typing import Annotated

import typer

from engine.app.cli import check, demo, draw, lists, plan, resume, run, runs, schema, show, test
from engine.app.cli.group import Commands

app = typer.Typer(cls=Commands, name="audienceflow", no_args_is_help=True, pretty_exceptions_enable=False,
                  context_settings={"help_option_names": ["--help", "-h"]})  # fmt: skip


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(version("audienceflow"))
        except PackageNotFoundError:  # run from a checkout
            typer.echo("not installed")
        raise typer.Exit


@app.callback()
def audienceflow(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Run audience workflows: activities and transitions in YAML, as SQL in your own database."""


app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("plan")(plan.plan)
app.command("run")(run.run)
app.command("resume")(resume.resume)
app.command("runs")(runs.runs)
app.command("show")(show.show)
app.command("test")(test.test)
app.command("draw")(draw.draw)
app.command("schema")(schema.schema)
app.add_typer(lists.app, name="lists")


def main() -> None:
    """Do what the command line says; the process ends with its exit code."""
    gc.set_threshold(
        50_000, 20, 100
    )  # a short life that makes many small values: collecting them often costs a quarter of it
    try:
        app(prog_name="audienceflow")
    except KeyboardInterrupt:  # before a command was reached, or after it ended
        sys.exit(130)
