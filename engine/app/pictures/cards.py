"""The texts of a drawing, broken into lines and measured: what stands in a box, on an arrow, on a note, over a lane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.app.pictures.figure import Arrow, Box, Figure, Note
from engine.app.pictures.measure import width, wrap
from engine.app.pictures.theme import STATUSES

LEAST_ROOM, MOST_ROOM = 96, 142
"""Of the text in a box: all boxes of a drawing are equally wide."""

PADDING, TILE, GAP, BADGE = 11, 34, 10, 20
ARROW_ROOM, NOTE_PADDING = 132, 9
ENABLED: Mapping[str, str] = {"true": "", "false": "disabled", "hold": "on hold"}


@dataclass(frozen=True)
class Type:
    """How a line is set: its size, the distance to the next, and the classes of its colour."""

    size: float
    leading: int
    style: str
    is_bold: bool = False


HEADING = Type(17, 25, "strong", is_bold=True)
SUBHEADING = Type(11.5, 17, "weak")
TITLE = Type(12.5, 16, "strong", is_bold=True)
DETAIL = Type(10.5, 14, "weak")
TALLY = Type(10.5, 14, "strong")
STATUS = Type(10.5, 15, "word", is_bold=True)
WORDS = Type(10.5, 13, "weak")
COUNT = Type(11, 14, "strong", is_bold=True)
REMARK = Type(10.5, 14, "remark")
LANE = Type(11.5, 16, "weak", is_bold=True)


@dataclass(frozen=True)
class Line:
    text: str
    type: Type
    colour: str = ""

    @property
    def width(self) -> float:
        return width(self.text, self.type.size, is_bold=self.type.is_bold)


@dataclass(frozen=True)
class Card:
    """Lines under each other, and how much room they need with what surrounds them; whole pixels."""

    lines: tuple[Line, ...]
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The cards of a figure: of its heading, boxes by id, notes by the box they are on, arrows as the joins, lanes by name."""

    heading: Card
    boxes: Mapping[str, Card]
    notes: Mapping[str, tuple[Card, ...]]
    arrows: tuple[Card | None, ...]
    lanes: Mapping[str, Card]


def texts(figure: Figure) -> Texts:
    """Give what is written in a drawing."""
    boxes = _boxes(figure)
    noted = dict.fromkeys(note.at for note in figure.notes)
    return Texts(
        heading=_heading(figure),
        boxes=boxes,
        notes={
            name: tuple(_note(note, boxes[name].width) for note in figure.notes if note.at == name) for name in noted
        },
        arrows=tuple(map(_arrow, figure.joins)),
        lanes={lane.name: _lane(lane.label) for lane in figure.lanes},
    )


def _boxes(figure: Figure) -> dict[str, Card]:
    """Give the card of every box, all equally wide."""
    badge = BADGE if figure.run else 0
    room = max((line.width for box in figure.boxes.values() for line in _box(figure, box, 10_000, 1)), default=0)
    room = min(MOST_ROOM, max(LEAST_ROOM, room))
    wide = _even(PADDING + TILE + GAP + room + badge + PADDING)
    cards = {}
    for name, box in figure.boxes.items():
        lines = tuple(_box(figure, box, room, 3))
        cards[name] = Card(lines, wide, _even(max(_height(lines), TILE) + 2 * PADDING))
    return cards


def _arrow(arrow: Arrow) -> Card | None:
    """Give what stands beside an arrow; None for one that says nothing."""
    into = f"› {arrow.into}" if arrow.into else ""
    both = " ".join(filter(None, (arrow.words, into)))
    parts = [both] if width(both, WORDS.size) <= ARROW_ROOM else [arrow.words, into]
    lines = [line for part in parts if part for line in _lines(part, ARROW_ROOM, WORDS, 2)]
    if arrow.figures:
        lines.append(Line(arrow.figures, COUNT))
    return (
        Card(tuple(lines), _even(max(line.width for line in lines) + 10), _even(_height(lines) + 4)) if lines else None
    )


def _note(note: Note, wide: int) -> Card:
    """Give the sheet of a note, as wide as its box."""
    lines = tuple(_lines(note.text, wide - 2 * NOTE_PADDING - 6, REMARK, 5))
    return Card(lines, wide, _even(_height(lines) + 2 * NOTE_PADDING - 3))


def _lane(label: str) -> Card:
    """Give the title of a lane."""
    lines = tuple(_lines(label, 320, LANE, 1))
    return Card(lines, _even(max((line.width for line in lines), default=0) + 12), LANE.leading + 6)


def _heading(figure: Figure) -> Card:
    """Give what stands above the drawing: the workflow, and the run."""
    lines = list(_lines(figure.label or figure.name, 900, HEADING, 2))
    run = f"run {figure.run}, {figure.status}" if figure.run else ""
    below = " · ".join(filter(None, (figure.name if figure.label else "", run)))
    lines += _lines(below, 900, SUBHEADING, 1)
    return Card(tuple(lines), _even(max(line.width for line in lines)), _height(lines))


def _box(figure: Figure, box: Box, room: float, most: int) -> Iterable[Line]:
    """Give the lines of a box; at its end, the counts of ports that nobody reads."""
    yield from _lines(box.label or box.id, room, TITLE, most)
    if box.label:
        yield from _lines(box.id, room, DETAIL, 2)
    yield from _lines(box.type, room, DETAIL, 2)
    if box.status not in ("", "succeeded"):
        yield from _lines(box.status.replace("_", " "), room, STATUS, 1, STATUSES.get(box.status, "idle"))
    elif ENABLED[box.enabled]:
        yield from _lines(ENABLED[box.enabled], room, STATUS, 1, "idle")
    for arrow in figure.leaving(box.id):
        if not arrow.target:
            yield from _lines(f"{arrow.words or arrow.port}: {arrow.figures}", room, TALLY, 2)


def _lines(text: str, room: float, type: Type, most: int, colour: str = "") -> Iterable[Line]:
    return (Line(part, type, colour) for part in wrap(text, room, type.size, most=most, is_bold=type.is_bold))


def _height(lines: Iterable[Line]) -> int:
    return sum(line.type.leading for line in lines)


def _even(value: float) -> int:
    """Give the next even whole number, so that halves are whole too."""
    return -(-int(value + 0.999) // 2) * 2
