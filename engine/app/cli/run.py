"""`audienceflow run`"""

from __future__ import annotations

from typing import Annotated

import typer

from engine.app.cli.execution import execute
from engine.app.cli.invocation import At, Format, Variables, WorkflowName, invocation, read_variables

Key = Annotated[
    str | None,
    typer.Option(
        "--key", help="Name the run: unfinished it is resumed, finished it is reported; nothing is done twice."
    ),
]


def run(
    ctx: typer.Context,
    workflow: WorkflowName,
    var: Variables = None,
    at: At = None,
    key: Key = None,
    format: Format = "text",
) -> None:
    """Execute a workflow and say what came of it.

    Exit codes: 0 done · 1 failed, or suspended by an error · 2 usage, or an invalid file · 3 waiting, or suspended by a guard ·
    4 a bug of ours · 130 or 143 interrupted; 'audienceflow resume' continues.
    """
    from engine.app import api

    line = invocation(ctx)
    path, variables = line.workflow(workflow), read_variables(var)
    execute(
        lambda watch: api.run(
            path, vars=variables, at=at, key=key, options=line.options(), listen=watch.listen, begun=watch.begun
        ),
        format,
    )
