"""Where everything stands: a layered layout by Graphviz, which knows of ports, of words on arrows and of lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.app.pictures.cards import Card, Texts
from engine.app.pictures.figure import Arrow, Figure
from engine.app.pictures.places import Area, Point, Route, eased
from engine.kit.errors import AudienceflowError
from engine.lang.graph import CONTROL

if TYPE_CHECKING:
    from pygraphviz import AGraph

NOTE_GAP, PORT_PITCH = 9, 15
FAN, MOST_FAN = 7, 90
"""How much further apart boxes stand for each arrow of a fan, so that the words on it have room."""

BARE = 'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'


class DrawMissing(AudienceflowError):
    """What draws is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(
            f"a drawing needs the package '{package}', which is not installed", "pip install 'audienceflow[draw]'"
        )


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Places by what stands there; of a lane the band and its title; `routes` in the order of the figure's joins."""

    boxes: Mapping[str, Area]
    notes: Mapping[str, tuple[Area, ...]]
    lanes: Mapping[str, tuple[Area, Area]]
    routes: tuple[Route, ...]

    @property
    def extent(self) -> Area:
        """What all of it covers."""
        areas = [*self.boxes.values(), *(area for stack in self.notes.values() for area in stack)]
        areas += [area for pair in self.lanes.values() for area in pair]
        areas += [route.label for route in self.routes if route.label]
        points = [point for route in self.routes for point in (*route.points, route.tip)]
        left = min([*(area.x for area in areas), *(x for x, _ in points)])
        top = min([*(area.y for area in areas), *(y for _, y in points)])
        right = max([*(area.right for area in areas), *(x for x, _ in points)])
        bottom = max([*(area.bottom for area in areas), *(y for _, y in points)])
        return Area(x=left, y=top, width=right - left, height=bottom - top)


def lay_out(figure: Figure, texts: Texts) -> Layout:
    """Place boxes with their notes, arrows with their words, and lanes. The same for the same figure. Raises DrawMissing."""
    try:
        from pygraphviz import AGraph
    except ImportError:
        raise DrawMissing("pygraphviz") from None
    graph = AGraph(
        strict=False, directed=True, rankdir="LR" if figure.direction == "right" else "TB",
        nodesep="0.32", ranksep="0.6", splines="spline", remincross="true", searchsize="60",
    )  # fmt: skip
    graph.node_attr.update(shape="none", margin="0", label="")
    graph.edge_attr.update(arrowsize="0.75")
    plans = {name: _Plan(figure, name, texts.boxes[name], texts.notes.get(name, ())) for name in figure.boxes}
    for name, plan in plans.items():
        graph.add_node(_node(figure, name), label=plan.table())
    for number, (arrow, label) in enumerate(zip(figure.joins, texts.arrows, strict=True)):
        _join(graph, figure, plans, number, arrow, label)
    for number, lane in enumerate(figure.lanes):
        if lane.members:
            nodes = [_node(figure, name) for name in lane.members]
            graph.add_subgraph(
                nodes, f"cluster_{number}", label=_blank(texts.lanes[lane.name]), labeljust="l", margin="14"
            )
    graph.layout(prog="dot")
    return _read(graph, figure, texts, plans)


class _Plan:
    """A box with its notes and ports, as a table that Graphviz measures: notes above the box, beside it where arrows go down."""

    def __init__(self, figure: Figure, name: str, box: Card, notes: Sequence[Card]) -> None:
        self.is_right = figure.direction == "right"
        self.name, self.notes = name, notes
        self.inputs = _inputs(figure, name)
        self.outputs = list(dict.fromkeys(arrow.port for arrow in figure.joins if arrow.source == name))
        ports = max(len(self.inputs), len(self.outputs))
        stack = sum(note.height for note in notes) + NOTE_GAP * len(notes)
        if self.is_right:
            self.width, self.height = box.width, max(box.height, ports * PORT_PITCH)
            self.full = (self.width, self.height + stack)
        else:
            self.width, self.height = max(box.width, ports * PORT_PITCH), max(box.height, stack)
            beside = notes[0].width + NOTE_GAP if notes else 0
            self.full = (self.width + beside, self.height)

    def table(self) -> str:
        inputs = self._cells(self.inputs, "i")
        outputs = self._cells(self.outputs, "o")
        room_wide, room_high = self.full[0] - self.width, self.full[1] - self.height
        if self.is_right:
            above = f"<TR><TD COLSPAN='2'{_size(self.width, room_high)}></TD></TR>" if room_high else ""
            return f"<<TABLE {BARE}>{above}<TR><TD>{inputs}</TD><TD>{outputs}</TD></TR></TABLE>>"
        beside = f"<TD ROWSPAN='2'{_size(room_wide, self.height)}></TD>" if room_wide else ""
        return f"<<TABLE {BARE}><TR><TD>{inputs}</TD>{beside}</TR><TR><TD>{outputs}</TD></TR></TABLE>>"

    def _cells(self, ports: Sequence[str], prefix: str) -> str:
        """Give one cell a port, along the side where its arrows start or end."""
        whole = self.height if self.is_right else self.width
        across = (self.width if self.is_right else self.height) // 2
        count = len(ports) or 1
        cells = []
        for index in range(count):
            along = whole * (index + 1) // count - whole * index // count
            size = _size(across, along) if self.is_right else _size(along, across)
            cells.append(f"<TD PORT='{prefix}{index}'{size}></TD>")
        rows = "".join(f"<TR>{cell}</TR>" for cell in cells) if self.is_right else f"<TR>{''.join(cells)}</TR>"
        return f"<TABLE {BARE}>{rows}</TABLE>"

    def area(self, x: float, y: float) -> Area:
        """Give the place of the box, where the middle of all is here."""
        left = x - self.full[0] / 2
        return Area(x=left, y=y + self.full[1] / 2 - self.height, width=self.width, height=self.height)

    def note_areas(self, box: Area) -> tuple[Area, ...]:
        above = box.y - NOTE_GAP * len(self.notes) - sum(note.height for note in self.notes)
        areas: list[Area] = []
        x, y = (box.x, above) if self.is_right else (box.right + NOTE_GAP, box.y)
        for note in self.notes:
            areas.append(Area(x=x, y=y, width=note.width, height=note.height))
            y += note.height + NOTE_GAP
        return tuple(areas)


def _inputs(figure: Figure, name: str) -> list[str]:
    """Give the input ports at which arrows end, as written; control last."""
    found = dict.fromkeys(arrow.input for arrow in figure.arrows if arrow.target == name)
    return sorted(found, key=lambda port: (port == CONTROL, port != "from"))


def _node(figure: Figure, name: str) -> str:
    return f"box{list(figure.boxes).index(name)}"


def _join(
    graph: AGraph, figure: Figure, plans: Mapping[str, _Plan], number: int, arrow: Arrow, label: Card | None
) -> None:
    leave, enter = ("e", "w") if figure.direction == "right" else ("s", "n")
    options: dict[str, Any] = {
        "tailport": f"o{plans[arrow.source].outputs.index(arrow.port)}:{leave}",
        "headport": f"i{plans[arrow.target].inputs.index(arrow.input)}:{enter}",
        "weight": 1 if arrow.is_control else 4,
    }
    if label:
        siblings = max(len(plans[arrow.source].outputs), sum(join.target == arrow.target for join in figure.joins))
        options["label"] = _blank(label, min(siblings * FAN, MOST_FAN))
    graph.add_edge(_node(figure, arrow.source), _node(figure, arrow.target), key=str(number), **options)


def _blank(card: Card, more: int = 0) -> str:
    """Give a label that takes the room of a card, or more, and holds no text, so that Graphviz needs no font."""
    return f"<<TABLE {BARE}><TR><TD{_size(card.width + more, card.height)}></TD></TR></TABLE>>"


def _size(width: float, height: float) -> str:
    return f" FIXEDSIZE='TRUE' WIDTH='{width:.0f}' HEIGHT='{height:.0f}'"


def _read(graph: AGraph, figure: Figure, texts: Texts, plans: Mapping[str, _Plan]) -> Layout:
    """Take the places out of the graph; Graphviz counts upwards, a drawing downwards."""
    boxes = {name: plan.area(*_point(graph.get_node(_node(figure, name)).attr["pos"])) for name, plan in plans.items()}
    routes = []
    for number, (arrow, card) in enumerate(zip(figure.joins, texts.arrows, strict=True)):
        edge = graph.get_edge(_node(figure, arrow.source), _node(figure, arrow.target), str(number))
        points, tip = _spline(edge.attr["pos"])
        label = _centred(_point(edge.attr["lp"]), card.width, card.height) if card else None
        routes.append(Route(points=points, tip=tip, label=label))
    lanes = {}
    for number, lane in enumerate(figure.lanes):
        if lane.members:
            title = texts.lanes[lane.name]
            attributes = graph.get_subgraph(f"cluster_{number}").graph_attr
            left, low, right, high = map(float, attributes["bb"].split(","))
            band = Area(x=left, y=-high, width=right - left, height=high - low)
            lanes[lane.name] = (band, _centred(_point(attributes["lp"]), title.width, title.height))
    notes = {name: plan.note_areas(boxes[name]) for name, plan in plans.items() if plan.notes}
    obstacles = [*boxes.values(), *(area for stack in notes.values() for area in stack)]
    obstacles += [title for _, title in lanes.values()]
    ways = eased(routes, figure.direction, obstacles, [band for band, _ in lanes.values()])
    return Layout(boxes=boxes, notes=notes, lanes=lanes, routes=ways)


def _point(text: str) -> Point:
    x, y = map(float, text.split(",")[-2:])
    return x, -y


def _centred(middle: Point, width: float, height: float) -> Area:
    return Area(x=middle[0] - width / 2, y=middle[1] - height / 2, width=width, height=height)


def _spline(text: str) -> tuple[tuple[Point, ...], Point]:
    """Read a spline and the tip of its head."""
    head, *points = text.replace("\\\n", "").split()
    return tuple(map(_point, points)), _point(head)
