"""`audienceflow draw`"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from engine.app.cli.invocation import Misused, WorkflowName, find_run, invocation

PictureFormat = Annotated[Literal["text", "mermaid"], typer.Option("--format", help="text, or mermaid for Markdown.")]
OfRun = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="Write the counts of this run on the arrows: its id, or 'last'."),
]


def draw(ctx: typer.Context, workflow: WorkflowName, run: OfRun = None, format: PictureFormat = "text") -> None:
    """Draw a workflow; with a run, the workflow as the run had it, with its counts."""
    from engine import registry
    from engine.app import api
    from engine.app import draw as pictures
    from engine.app.options import read_text
    from engine.app.session import read_workflow

    line = invocation(ctx)
    path = line.workflow(workflow)
    spec, graph = read_workflow(path, read_text(path), registry.load())
    result = None
    if run is not None:
        with line.session(path) as session:
            known = session.store.runs(spec.name)
            name = known[0] if run == "last" and known else find_run(run, session.store)
            result, drawn, graph = api.show(name, session)
        if drawn.name != spec.name:
            raise Misused(
                f"the run '{name}' is of the workflow '{drawn.name}'", f"see 'audienceflow runs --workflow {spec.name}'"
            )
        spec = drawn
    typer.echo(pictures.mermaid(spec, graph, result) if format == "mermaid" else pictures.text(spec, graph, result))
