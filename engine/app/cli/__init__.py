"""The command line: `audienceflow …`. One module a command; nothing heavy is imported before a command is chosen."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated, NoReturn

import typer

from engine.app.cli import (
    audit,
    check,
    demo,
    diff,
    doctor,
    draw,
    eval,  # noqa: A004
    fmt,
    history,
    init,
    lists,
    plan,
    preview,
    reference,
    resume,
    run,
    runs,
    schema,
    show,
    test,
)
from engine.app.cli.failures import BROKEN_PIPE, INTERRUPTED, USAGE
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


app.command("init")(init.init)
app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("fmt")(fmt.fmt)
app.command("eval", context_settings=eval.SETTINGS)(eval.eval)
app.command("plan")(plan.plan)
app.command("preview")(preview.preview)
app.command("diff")(diff.diff)
app.command("run")(run.run)
app.command("resume")(resume.resume)
app.command("runs")(runs.runs)
app.command("show")(show.show)
app.command("history")(history.history)
app.command("test")(test.test)
app.command("draw")(draw.draw)
app.command("schema")(schema.schema)
app.command("reference")(reference.reference)
app.add_typer(lists.app, name="lists")
app.add_typer(audit.app, name="audit")
app.add_typer(doctor.app, name="doctor")


def main() -> NoReturn:
    """Do what the command line says; the process ends with its exit code."""
    gc.disable()  # a short life that makes many small values: looking for cycles among them costs a quarter of it
    try:
        app(prog_name="audienceflow")
        code = 0
    except KeyboardInterrupt:  # before a command was reached, or after it ended
        code = INTERRUPTED
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else USAGE
    _end(code)


def _end(code: int) -> NoReturn:
    """End the process without freeing each object first, which takes a quarter of a short life: all that is open is closed."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = BROKEN_PIPE
    os._exit(code)
