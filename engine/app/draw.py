"""Pictures of a workflow in words: as text for a terminal, as Mermaid for Markdown; with the counts of a run where there is one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.app.result import RunResult
from engine.lang import graph as graphs
from engine.lang.graph import CONTROL, Graph
from engine.lang.spec import ActivitySpec, WorkflowSpec

DIRECTIONS: Mapping[str, str] = {"right": "LR", "down": "TD"}

KEYWORDS = frozenset(
    (
        "call",
        "class",
        "classdef",
        "click",
        "default",
        "end",
        "flowchart",
        "graph",
        "href",
        "linkstyle",
        "style",
        "subgraph",
    )
)
"""Words with which Mermaid does not let a node be named."""

ESCAPES = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;"}


def text(spec: WorkflowSpec, graph: Graph, result: RunResult | None = None) -> str:
    """Draw activities from the first to the last, each with its arrows below it: a population goes ──▶, control alone goes ┄┄▶."""
    order = graphs.order(graph) if not _has_cycle(spec, graph) else list(graph)
    parts = [_heading(spec, result)]
    for name in order:
        arrows = [*_arrows(spec, graph, name, result)]
        width = max((len(arrow.source) for arrow in arrows), default=0)
        figures = max((len(arrow.count) for arrow in arrows), default=0)
        lines = [_box(spec.activities[name], result)]
        for index, arrow in enumerate(arrows):
            branch = "└" if index == len(arrows) - 1 else "├"
            shaft = "┄┄▶" if arrow.is_control else "──▶"
            counted = f"  {arrow.count:>{figures}}" if figures else ""
            lines.append(
                f"  {branch}─ {arrow.source:<{width}}{counted}  {f'{shaft} {arrow.target}' if arrow.target else '■'}{arrow.label}"
            )
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def mermaid(spec: WorkflowSpec, graph: Graph, result: RunResult | None = None) -> str:
    """Draw a Mermaid flowchart: lanes are subgraphs, control arrows dotted, notes hang on their activity."""
    lines = [f"flowchart {DIRECTIONS.get(str(spec.canvas.get('direction')), 'LR')}"]
    laned: set[str] = set()
    for name, lane in _mapping(spec.canvas.get("lanes")).items():
        members = [
            item for item in _mapping(lane).get("activities") or [] if item in spec.activities and item not in laned
        ]
        laned.update(members)
        lines.append(f"    subgraph lane_{_word(name)}[{_quoted(_mapping(lane).get('label') or name)}]")
        lines.extend(f"        {_node(spec.activities[member], result)}" for member in members)
        lines.append("    end")
    lines.extend(f"    {_node(activity, result)}" for name, activity in spec.activities.items() if name not in laned)
    for name in graph:
        for arrow in _arrows(spec, graph, name, result):
            if arrow.activity:
                words = "<br>".join(_escaped(part) for part in (arrow.words, arrow.count) if part)
                said = f'|"{words}"|' if words else ""
                lines.append(f"    {_id(name)} {'-.->' if arrow.is_control else '-->'}{said} {_id(arrow.activity)}")
    for number, note in enumerate(spec.canvas.get("notes") or [], start=1):
        at = _mapping(note).get("at")
        if at in spec.activities:
            lines.append(f"    note_{number}>{_quoted(_mapping(note).get('text') or '')}] -.- {_id(str(at))}")
    return "\n".join(lines)


class _Arrow:
    """An arrow of the picture; without a target, a port that fired and that nobody reads."""

    def __init__(
        self, spec: WorkflowSpec, name: str, port: str, activity: str = "", target: str = "", count: int | None = None
    ) -> None:
        self.source = port
        self.activity = activity
        self.is_control = target == CONTROL
        self.target = activity if target in ("from", CONTROL, "") else f"{activity}.{target}"
        self.count = "" if count is None else f"{count:,}"
        output = spec.activities[name].common.outputs.get(port)
        label = str(output.label) if output and output.label else ""
        self.label = f"  ({label})" if label else ""
        self.words = "" if self.is_control else label or ("" if port == "result" else port)


def _arrows(spec: WorkflowSpec, graph: Graph, name: str, result: RunResult | None) -> Iterator[_Arrow]:
    """Give the arrows of an activity in the order of its ports, control last."""
    fired = result.activities[name].outputs if result and name in result.activities else {}
    ports = list(spec.activities[name].output_ports)
    edges = [(data["source"], target, data["target"]) for _, target, data in graph.out_edges(name, data=True)]
    for port in [*ports, "done"]:
        readers = [(activity, target) for source, activity, target in edges if source == port]
        for activity, target in readers:
            yield _Arrow(spec, name, port, activity, target, None if target == CONTROL else fired.get(port))
        if not readers and port in fired:
            yield _Arrow(spec, name, port, count=fired[port])


def _has_cycle(spec: WorkflowSpec, graph: Graph) -> bool:
    return bool(graphs.problems(spec, graph))


def _heading(spec: WorkflowSpec, result: RunResult | None) -> str:
    label = f": {spec.label}" if spec.label != spec.name else ""
    return f"{spec.name}{label}" + (f"\nrun {result.run}, {result.status}" if result else "")


def _box(activity: ActivitySpec, result: RunResult | None) -> str:
    label = f"  “{activity.common.label}”" if activity.common.label else ""
    status = (
        f"  {result.activities[activity.id].status.replace('_', ' ')}"
        if result and activity.id in result.activities
        else ""
    )
    return f"[{activity.id}]  {activity.activity.type}{label}{status}"


def _node(activity: ActivitySpec, result: RunResult | None) -> str:
    lines = [str(activity.common.label or activity.id), activity.activity.type]
    if result and activity.id in result.activities and result.activities[activity.id].status != "succeeded":
        lines.append(result.activities[activity.id].status.replace("_", " "))
    return f'{_id(activity.id)}["{"<br>".join(map(_escaped, lines))}"]'


def _id(name: str) -> str:
    """Give the name of a node; no activity begins with an underscore, so the changed ones stay apart."""
    return f"_{name}" if name in KEYWORDS else name


def _word(value: object) -> str:
    return re.sub(r"\W", "_", str(value), flags=re.ASCII)


def _quoted(value: object) -> str:
    return f'"{_escaped(str(value))}"'


def _escaped(value: str) -> str:
    escaped = "".join(ESCAPES.get(letter, letter) for letter in value)
    return " ".join(escaped.split()) or " "


def _mapping(value: Any) -> Mapping[Any, Any]:
    """Give a part of the canvas, which nobody has checked, as a mapping."""
    return value if isinstance(value, Mapping) else {}
