"""`audienceflow resume`"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from engine.app.cli.execution import execute
from engine.app.cli.invocation import Format, RunName, find_run, invocation

if TYPE_CHECKING:
    from engine.app.cli.progress import Watch
    from engine.app.result import RunResult


def resume(ctx: typer.Context, run: RunName, format: Format = "text") -> None:
    """Let a run that stopped go on: what failed is tried again, nothing is done twice.

    The run keeps the workflow, the project and the variables it started with. A finished run is reported.
    """
    from engine.app import api

    line = invocation(ctx)
    with line.store() as store:
        name = find_run(run, store)

    def go_on(watch: Watch) -> RunResult:
        with api.session_of_run(name, line.near(), line.options()) as session:
            return api.resume(name, session, listen=watch.listen, begun=watch.begun)

    execute(go_on, format)
