"""Pictures of a workflow in words: as text for a terminal, as Mermaid for Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from engine.app.pictures.figure import Arrow, Box, Direction, Figure

DIRECTIONS: Mapping[Direction, str] = {"right": "LR", "down": "TD"}

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


def text(figure: Figure, order: Iterable[str]) -> str:
    """Draw activities in this order, each with its arrows below it: a population goes ──▶, control alone goes ┄┄▶."""
    parts = [_heading(figure)]
    for name in order:
        arrows = figure.leaving(name)
        width = max((len(arrow.port) for arrow in arrows), default=0)
        digits = max((len(arrow.figures) for arrow in arrows), default=0)
        lines = [_box(figure.boxes[name])]
        for index, arrow in enumerate(arrows):
            branch = "└" if index == len(arrows) - 1 else "├"
            counted = f"  {arrow.figures:>{digits}}" if digits else ""
            label = f"  ({arrow.label})" if arrow.label else ""
            lines.append(f"  {branch}─ {arrow.port:<{width}}{counted}  {_end(arrow)}{label}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def mermaid(figure: Figure) -> str:
    """Draw a Mermaid flowchart: lanes are subgraphs, control arrows dotted, notes hang on their activity."""
    lines = [f"flowchart {DIRECTIONS[figure.direction]}"]
    for lane in figure.lanes:
        lines.append(f"    subgraph lane_{_word(lane.name)}[{_quoted(lane.label)}]")
        lines.extend(f"        {_node(figure.boxes[member])}" for member in lane.members)
        lines.append("    end")
    laned = {member for lane in figure.lanes for member in lane.members}
    lines.extend(f"    {_node(box)}" for name, box in figure.boxes.items() if name not in laned)
    for arrow in figure.arrows:
        if arrow.target:
            words = "<br>".join(_escaped(part) for part in (arrow.words, arrow.figures) if part)
            said = f'|"{words}"|' if words else ""
            lines.append(f"    {_id(arrow.source)} {'-.->' if arrow.is_control else '-->'}{said} {_id(arrow.target)}")
    for number, note in enumerate(figure.notes, start=1):
        lines.append(f"    note_{number}>{_quoted(note.text)}] -.- {_id(note.at)}")
    return "\n".join(lines)


def _heading(figure: Figure) -> str:
    label = f": {figure.label}" if figure.label else ""
    return f"{figure.name}{label}" + (f"\nrun {figure.run}, {figure.status}" if figure.run else "")


def _box(box: Box) -> str:
    label = f"  “{box.label}”" if box.label else ""
    status = f"  {box.status.replace('_', ' ')}" if box.status else ""
    return f"[{box.id}]  {box.type}{label}{status}"


def _end(arrow: Arrow) -> str:
    if not arrow.target:
        return "■"
    target = f"{arrow.target}.{arrow.into}" if arrow.into else arrow.target
    return f"{'┄┄▶' if arrow.is_control else '──▶'} {target}"


def _node(box: Box) -> str:
    lines = [box.label or box.id, box.type]
    if box.status not in ("", "succeeded"):
        lines.append(box.status.replace("_", " "))
    return f'{_id(box.id)}["{"<br>".join(map(_escaped, lines))}"]'


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
