"""What every picture of a workflow shows: its boxes, arrows, lanes and notes, and what a run came to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.app.result import RunResult
from engine.kit.activity import Activity, Control, Effect
from engine.lang import graph as graphs
from engine.lang.graph import CONTROL, Graph
from engine.lang.spec import ActivitySpec, Enabled, WorkflowSpec

Kind = Literal["transform", "effect", "control"]
Direction = Literal["right", "down"]


@dataclass(frozen=True, kw_only=True)
class Box:
    """An activity; `status` is empty where there was no run, and `outputs` counts the ports that fired."""

    id: str
    type: str
    kind: Kind
    label: str
    description: str
    icon: str
    enabled: Enabled
    status: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """An arrow between two boxes; without a target, a port that fired and that nobody reads."""

    source: str
    port: str
    target: str = ""
    input: str = ""
    label: str = ""
    count: int | None = None

    @property
    def is_control(self) -> bool:
        return self.input == CONTROL

    @property
    def words(self) -> str:
        """What the arrow says of its population: the author's words, else the port where it is not the usual one."""
        return "" if self.is_control else self.label or ("" if self.port == "result" else self.port)

    @property
    def into(self) -> str:
        """The input port, where it is not the usual one."""
        return "" if self.input in ("from", CONTROL) else self.input

    @property
    def figures(self) -> str:
        return "" if self.count is None else f"{self.count:,}"


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A band around some boxes; no box lies in two."""

    name: str
    label: str
    members: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Note:
    """A remark on a box."""

    at: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A workflow to be drawn. Boxes stand as written, arrows by their source and the order of its ports, control last."""

    name: str
    label: str
    run: str
    status: str
    direction: Direction
    boxes: Mapping[str, Box]
    arrows: tuple[Arrow, ...]
    lanes: tuple[Lane, ...]
    notes: tuple[Note, ...]

    @property
    def joins(self) -> tuple[Arrow, ...]:
        """The arrows that end at a box."""
        return tuple(arrow for arrow in self.arrows if arrow.target)

    def leaving(self, box: str) -> list[Arrow]:
        return [arrow for arrow in self.arrows if arrow.source == box]


def figure(spec: WorkflowSpec, graph: Graph, result: RunResult | None = None) -> Figure:
    """Give what there is to draw."""
    return Figure(
        name=spec.name,
        label=spec.label if spec.label != spec.name else "",
        run=result.run if result else "",
        status=result.status if result else "",
        direction="down" if spec.canvas.get("direction") == "down" else "right",
        boxes={activity.id: _box(activity, result) for activity in spec.activities.values()},
        arrows=tuple(arrow for name in graph for arrow in _arrows(spec, graph, name, result)),
        lanes=tuple(_lanes(spec)),
        notes=tuple(_notes(spec)),
    )


def order(spec: WorkflowSpec, graph: Graph) -> Sequence[str]:
    """Give the activities from the first to the last; as written where they wait for each other."""
    return list(graph) if graphs.problems(spec, graph) else graphs.order(graph)


def _box(activity: ActivitySpec, result: RunResult | None) -> Box:
    became = result.activities.get(activity.id) if result else None
    return Box(
        id=activity.id,
        type=activity.activity.type,
        kind=_kind(activity.activity),
        label=str(activity.common.label or ""),
        description=str(activity.common.description or ""),
        icon=activity.common.icon or "",
        enabled=activity.common.enabled,
        status=became.status if became else "",
        message=became.message if became else "",
    )


def _kind(activity: Activity) -> Kind:
    return "effect" if isinstance(activity, Effect) else "control" if isinstance(activity, Control) else "transform"


def _arrows(spec: WorkflowSpec, graph: Graph, name: str, result: RunResult | None) -> Iterator[Arrow]:
    """Give the arrows of an activity in the order of its ports, control last."""
    activity = spec.activities[name]
    fired = result.activities[name].outputs if result and name in result.activities else {}
    edges = [(data["source"], target, data["target"]) for _, target, data in graph.out_edges(name, data=True)]
    for port in [*activity.output_ports, "done"]:
        output = activity.common.outputs.get(port)
        label = str(output.label) if output and output.label else ""
        readers = [(target, input) for source, target, input in edges if source == port]
        for target, input in readers:
            count = None if input == CONTROL else fired.get(port)
            yield Arrow(source=name, port=port, target=target, input=input, label=label, count=count)
        if not readers and port in fired:
            yield Arrow(source=name, port=port, label=label, count=fired[port])


def _lanes(spec: WorkflowSpec) -> Iterator[Lane]:
    laned: set[str] = set()
    for name, lane in _mapping(spec.canvas.get("lanes")).items():
        named = [item for item in _sequence(_mapping(lane).get("activities")) if isinstance(item, str)]
        members = dict.fromkeys(item for item in named if item in spec.activities and item not in laned)
        laned.update(members)
        yield Lane(name=str(name), label=str(_mapping(lane).get("label") or name), members=tuple(members))


def _notes(spec: WorkflowSpec) -> Iterator[Note]:
    for note in _sequence(spec.canvas.get("notes")):
        at, text = _mapping(note).get("at"), _mapping(note).get("text")
        if isinstance(at, str) and at in spec.activities and text:
            yield Note(at=at, text=str(text))


def _mapping(value: Any) -> Mapping[Any, Any]:
    """Give a part of the canvas, which nobody has checked, as a mapping."""
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> list[str | Mapping[Any, Any]]:
    """Give a part of the canvas, which nobody has checked, as a list of what can be looked up."""
    return [item for item in value if isinstance(item, str | Mapping)] if isinstance(value, list | tuple) else []
