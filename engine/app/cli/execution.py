"""Executing a run from the command line: watched, interruptible, and reported in the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from engine.app.cli import outcome, output, progress
from engine.app.cli.interruption import Interruption
from engine.app.cli.invocation import now

if TYPE_CHECKING:
    from engine.app.result import RunResult

SHOW_CURSOR = "\x1b[?25h"
"""The live table hides it; a process that ends in the middle leaves it hidden."""


def execute(do: Callable[[progress.Watch], RunResult], format: str) -> None:
    """Do what executes a run, show what came of it, and end with its exit code."""
    watch = progress.Watch()
    interruption = Interruption(lambda: _say_interrupted(watch.run, SHOW_CURSOR))
    result = None
    try:
        with interruption, progress.watched(now) as watch:
            result = do(watch)
    except BaseException:
        if interruption.received is None:
            raise
    if result is None or (interruption.received and result.status == "suspended"):
        _say_interrupted(watch.run)
        raise typer.Exit(interruption.exit_code)
    if format == "json":
        output.show_json(result.to_json())
    else:
        outcome.show_result(result, is_new=bool(watch.run))
    raise typer.Exit(result.exit_code)


def _say_interrupted(run: str, before: str = "") -> None:
    """Say that the run can go on; `before` is for a terminal only."""
    goes_on = f"'audienceflow resume {run}' continues" if run else "nothing was begun"
    typer.echo(before if sys.stderr.isatty() else "", err=True, nl=False)
    typer.secho(f"interrupted; {goes_on}", err=True, fg=typer.colors.YELLOW)
