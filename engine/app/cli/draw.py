"""`audienceflow draw`"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from engine.app.cli.invocation import Invocation, Misused, WorkflowName, find_run, invocation

if TYPE_CHECKING:  # reading a workflow imports much
    from collections.abc import Sequence

    from engine.app.pictures.figure import Figure

Format = Literal["text", "mermaid", "svg", "png"]
PictureFormat = Annotated[
    Format | None,
    typer.Option(
        "--format", help="text, mermaid for Markdown, or a drawing: svg, png. [as the file's name ends, else text]"
    ),
]
ENDINGS: dict[str, Format] = {".svg": "svg", ".png": "png", ".mmd": "mermaid"}
OfRun = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="Write the counts of this run on the arrows: its id or key, or 'last'."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file. [standard output]")
]
Colours = Annotated[
    Literal["auto", "light", "dark"],
    typer.Option("--theme", help="Colours of a drawing; auto: as the reader's surroundings, a png is light."),
]
Way = Annotated[
    Literal["right", "down"] | None, typer.Option("--direction", help="Where arrows go. [as the canvas says]")
]


def draw(
    ctx: typer.Context,
    workflow: WorkflowName,
    run: OfRun = None,
    format: PictureFormat = None,
    output: Output = None,
    theme: Colours = "auto",
    direction: Way = None,
) -> None:
    """Draw a workflow; with a run, the workflow as the run had it, with its counts."""
    format = format or ENDINGS.get(output.suffix if output else "", "text")
    if format == "png" and output is None and sys.stdout.isatty():
        raise Misused("a png is nothing for a terminal", "name a file: --output picture.png")
    figure, order = _figure(invocation(ctx), workflow, run)
    if direction:
        figure = replace(figure, direction=direction)
    drawn = _drawn(figure, order, format, theme)
    if output is not None:
        output.write_bytes(drawn)
    elif format == "png":
        sys.stdout.buffer.write(drawn)
    else:
        typer.echo(drawn.decode(), nl=False)


def _figure(line: Invocation, workflow: str, run: str | None) -> tuple[Figure, Sequence[str]]:
    from engine import registry
    from engine.app import api
    from engine.app.options import read_text
    from engine.app.pictures import figure
    from engine.app.session import read_workflow

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
    return figure.figure(spec, graph, result), figure.order(spec, graph)


def _drawn(figure: Figure, order: Sequence[str], format: Format, theme: Literal["auto", "light", "dark"]) -> bytes:
    from engine.app.pictures import words

    match format:
        case "text":
            return (words.text(figure, order) + "\n").encode()
        case "mermaid":
            return (words.mermaid(figure) + "\n").encode()
        case "svg":
            from engine.app.pictures.svg import svg

            return svg(figure, theme).encode()
        case "png":
            from engine.app.pictures.png import png
            from engine.app.pictures.svg import svg

            return png(svg(figure, "dark" if theme == "dark" else "light"))
