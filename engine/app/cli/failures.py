"""What becomes of an error: a message for a person, and an exit code. No traceback ever reaches a person."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from engine.kit.errors import AudienceflowError, AuthorError, EngineBug

if TYPE_CHECKING:
    from engine.app.cli.invocation import Invocation

FAILED, USAGE, WAITING, BUG, INTERRUPTED, BROKEN_PIPE = 1, 2, 3, 4, 130, 141
EXIT_CODES: Mapping[int, str] = {
    0: "done",
    FAILED: "the run failed or is suspended by an error, a test failed, or something would change that was only to be looked at",
    USAGE: "the command line or a file is not right, or a generated page is stale",
    WAITING: "the run waits, is suspended by a guard, or is held by another process",
    BUG: "a bug of ours; a file with the traceback is named",
    INTERRUPTED: "interrupted by Ctrl-C; the run goes on with `resume`",
    BROKEN_PIPE: "nobody reads the output any more",
    128 + signal.SIGTERM: "told to end by the system; the run goes on with `resume`",
}


def exit_code_of(problem: BaseException, invocation: Invocation) -> int | None:
    """Tell a person what went wrong, and give the exit code; None for what typer itself deals with."""
    from engine.app.cli.invocation import Misused

    match problem:
        case _ if type(problem).__module__.partition(".")[0] in ("typer", "click") or isinstance(problem, SystemExit):
            return None
        case KeyboardInterrupt():
            return INTERRUPTED
        case BrokenPipeError():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered has no reader
            return BROKEN_PIPE
        case EngineBug():
            return _bug(problem, invocation)
        case AuthorError():
            for diagnostic in problem.diagnostics:
                say(str(diagnostic))
            return USAGE
        case AudienceflowError():
            say(f"error: {problem}")
            return USAGE if isinstance(problem, Misused) else WAITING if _is_held(problem) else FAILED
        case OSError():
            place = f": {problem.filename}" if problem.filename else ""
            say(f"error: {problem.strerror or problem}{place}")
            return FAILED
        case _ if _is_of_driver(problem):
            first, *_ = str(getattr(problem, "orig", problem)).strip().splitlines() or [""]
            say(f"error: the database refused: {first}\n  fix: see that it can be reached, and its rights")
            return FAILED
        case _:
            return _bug(problem, invocation)


def say(message: str) -> None:
    """Write to standard error."""
    head, newline, rest = message.partition("\n")
    typer.secho(head, err=True, fg=typer.colors.RED, nl=False)
    typer.echo(newline + rest, err=True)


def _is_held(problem: AudienceflowError) -> bool:
    from engine.state.store import RunHeld

    return isinstance(problem, RunHeld)


def _is_of_driver(problem: BaseException) -> bool:
    """Say whether a database driver raised it; where nobody imported SQLAlchemy, none did."""
    sqlalchemy = sys.modules.get("sqlalchemy")
    return sqlalchemy is not None and isinstance(problem, sqlalchemy.exc.DBAPIError)


def _bug(problem: BaseException, invocation: Invocation) -> int:
    trace = "".join(traceback.format_exception(problem))
    if invocation.debug:
        typer.echo(trace, err=True)
        where = "the traceback above"
    else:
        where = str(_keep(trace, invocation))
    say(f"This is a bug in audienceflow, not in your files: {type(problem).__name__}: {problem}\n"
        f"  fix: please report it, with {where}; a run that was begun goes on with 'audienceflow resume last'")  # fmt: skip
    return BUG


def _keep(trace: str, invocation: Invocation) -> Path:
    """Write a traceback to a file beside the state, or to a temporary one where there is no project."""
    from engine.app.cli.invocation import now
    from engine.app.options import STATE_FOLDER

    name = f"bug-{now():%Y%m%d-%H%M%S}.txt"
    try:
        folder = invocation.folder() / STATE_FOLDER
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_text(trace, encoding="utf-8")
    except (AudienceflowError, OSError):
        path = Path(tempfile.gettempdir()) / f"audienceflow-{name}"
        path.write_text(trace, encoding="utf-8")
    return path
