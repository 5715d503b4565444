"""A drawing of a workflow as SVG: one file, no script, nothing from outside; readable aloud, in light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from engine.app.pictures import cards
from engine.app.pictures.cards import Card, Line
from engine.app.pictures.figure import Arrow, Box, Figure
from engine.app.pictures.icons import icon
from engine.app.pictures.layout import lay_out
from engine.app.pictures.measure import clean
from engine.app.pictures.places import Area, Point, Route
from engine.app.pictures.theme import STATUSES, Theme, style_sheet

NAMESPACE = "http://www.w3.org/2000/svg"
MARGIN, BELOW_HEADING, FOLD = 28, 22, 11
BASELINE = 0.78
"""Where the letters stand in a line, as a share of its leading."""

TICKS: Mapping[str, str] = {
    "good": "M-3.4 0.2L-1 2.6L3.6 -2.6",
    "bad": "M-2.7 -2.7L2.7 2.7M2.7 -2.7L-2.7 2.7",
    "guarded": "M0 -3.8V0.8M0 3.6V3.7",
    "held": "M-1.7 -3V3M1.7 -3V3",
    "busy": "M-1.6 -3.2L2.8 0L-1.6 3.2",
    "idle": "M-3 0H3",
}
"""What the disc of a status holds, around its middle."""


def svg(figure: Figure, theme: Theme = "auto") -> str:
    """Draw a workflow. The same text for the same figure. Raises DrawMissing."""
    texts = cards.texts(figure)
    layout = lay_out(figure, texts)
    extent = layout.extent
    width = round(max(extent.width, texts.heading.width) + 2 * MARGIN)
    height = round(extent.height + texts.heading.height + BELOW_HEADING + 2 * MARGIN)
    root = Element(
        "svg", {"xmlns": NAMESPACE, "class": "flow", "role": "img", "aria-labelledby": "title desc",
                "width": str(width), "height": str(height), "viewBox": f"0 0 {width} {height}"},
    )  # fmt: skip
    _said(root, "title", figure.label or figure.name, id="title")
    _said(root, "desc", _description(figure), id="desc")
    _said(root, "style", "").text = style_sheet(theme)
    SubElement(root, "rect", {"class": "page", "width": str(width), "height": str(height), "rx": "10"})
    _write(SubElement(root, "g", {"class": "heading"}), texts.heading.lines, MARGIN, MARGIN)
    down = MARGIN + texts.heading.height + BELOW_HEADING - extent.y
    drawing = SubElement(root, "g", {"transform": f"translate({_n(MARGIN - extent.x)} {_n(down)})"})
    for lane in figure.lanes:
        if lane.name in layout.lanes:
            _lane(drawing, lane.name, texts.lanes[lane.name], *layout.lanes[lane.name])
    for arrow, route, card in zip(figure.joins, layout.routes, texts.arrows, strict=True):
        is_laned = any(route.label and band.holds(route.label) for band, _ in layout.lanes.values())
        _arrow(drawing, figure, arrow, route, card, is_laned=is_laned)
    for name, box in figure.boxes.items():
        for sheet, area in zip(texts.notes.get(name, ()), layout.notes.get(name, ()), strict=True):
            _note(drawing, name, sheet, area, layout.boxes[name])
        _box(drawing, box, texts.boxes[name], layout.boxes[name])
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _description(figure: Figure) -> str:
    """Say the drawing in a few sentences, for who does not see it."""
    run = f" Run {figure.run}: {figure.status}." if figure.run else ""
    boxes = "; ".join(
        " ".join(filter(None, (name, f"({box.type})", box.status.replace("_", " "))))
        for name, box in figure.boxes.items()
    )
    arrows = "; ".join(
        f"{arrow.source}.{arrow.port} to {arrow.target or 'nobody'}" + (f", {arrow.figures}" if arrow.figures else "")
        for arrow in figure.arrows
    )
    return f"A workflow of {len(figure.boxes)} activities.{run} Activities: {boxes}. Arrows: {arrows or 'none'}."


def _lane(parent: Element, name: str, card: Card, band: Area, title: Area) -> None:
    group = SubElement(parent, "g", {"class": "band", "data-lane": clean(name)})
    SubElement(group, "rect", {"class": "lane", **_at(band), "rx": "9"})
    _write(group, card.lines, title.x + 2, title.y + 2)


def _arrow(parent: Element, figure: Figure, arrow: Arrow, route: Route, card: Card | None, *, is_laned: bool) -> None:
    is_quiet = bool(figure.run) and not arrow.is_control and arrow.count is None
    style = " ".join(["arrow", *(["after"] if arrow.is_control else []), *(["quiet"] if is_quiet else [])])
    names = {
        "data-from": f"{arrow.source}.{arrow.port}",
        "data-to": f"{arrow.target}.{arrow.input}",
    }
    group = SubElement(parent, "g", {"class": style, **names})
    counted = f": {arrow.figures}" if arrow.figures else ""
    _said(group, "title", f"{arrow.source}.{arrow.port} › {arrow.target}{counted}")
    SubElement(group, "path", {"class": "shaft", "d": _curve(route.points)})
    SubElement(group, "path", {"class": "head", "d": _head(route.points[-1], route.tip)})
    if card and route.label:
        words = SubElement(group, "g", {"class": "words laned" if is_laned else "words"})
        _write(words, card.lines, route.label.x, route.label.y + 2, middle=route.label.width / 2)


def _note(parent: Element, name: str, card: Card, area: Area, box: Area) -> None:
    group = SubElement(parent, "g", {"class": "note", "data-at": name})
    is_above = area.x == box.x
    pin = (
        f"M{_n(area.x + 20)} {_n(area.bottom)}V{_n(box.y)}"
        if is_above
        else f"M{_n(area.x)} {_n(area.y + 20)}H{_n(box.right)}"
    )
    SubElement(group, "path", {"class": "pin", "d": pin})
    corner = f"{_n(area.right - FOLD)} {_n(area.y)}"
    outline = f"M{_n(area.x)} {_n(area.y)}H{_n(area.right - FOLD)}l{FOLD} {FOLD}V{_n(area.bottom)}H{_n(area.x)}Z"
    SubElement(group, "path", {"class": "sheet", "d": outline})
    SubElement(group, "path", {"class": "fold", "d": f"M{corner}v{FOLD}h{FOLD}Z"})
    _write(group, card.lines, area.x + cards.NOTE_PADDING, area.y + cards.NOTE_PADDING - 2)


def _box(parent: Element, box: Box, card: Card, area: Area) -> None:
    group = SubElement(
        parent, "g", {"class": "box", "data-id": box.id, "transform": f"translate({_n(area.x)} {_n(area.y)})"}
    )
    _said(group, "title", _told(box))
    colour = STATUSES.get(box.status, "idle") if box.status else ""
    is_off = box.enabled != "true" or box.status in ("skipped", "not_started")
    style = " ".join(filter(None, ("card", colour, "off" if is_off else "")))
    SubElement(group, "rect", {"class": style, "width": _n(area.width), "height": _n(area.height), "rx": "8"})
    middle = area.height / 2
    tile = {
        "x": str(cards.PADDING),
        "y": _n(middle - cards.TILE / 2),
        "width": str(cards.TILE),
        "height": str(cards.TILE),
    }
    SubElement(group, "rect", {"class": f"tile {box.kind}", **tile, "rx": "7"})
    _icon(group, box, cards.PADDING + cards.TILE / 2, middle)
    high = sum(line.type.leading for line in card.lines)
    _write(group, card.lines, cards.PADDING + cards.TILE + cards.GAP, middle - high / 2)
    if colour and box.status not in ("not_started", "pending"):
        badge = SubElement(group, "g", {"class": "badge", "transform": f"translate({_n(area.width - 16)} 16)"})
        SubElement(badge, "circle", {"class": f"disc {colour}", "r": "7.5"})
        SubElement(badge, "path", {"class": "tick", "d": TICKS[colour]})


def _icon(parent: Element, box: Box, x: float, y: float) -> None:
    shown = icon(box.icon, box.type)
    group = SubElement(parent, "g", {"class": "icon", "transform": f"translate({_n(x - 12)} {_n(y - 12)})"})
    if shown.area:
        SubElement(group, "path", {"class": f"solid {box.kind}", "d": shown.area})
    SubElement(group, "path", {"class": f"mark {box.kind}", "d": shown.lines})


def _told(box: Box) -> str:
    """Say a box in full: what was shortened, and what became of it."""
    enabled = cards.ENABLED[box.enabled]
    parts = (box.label, f"{box.id} ({box.type})", enabled, box.status.replace("_", " "), box.message, box.description)
    return " · ".join(filter(None, parts))


def _write(parent: Element, lines: Iterable[Line], x: float, y: float, middle: float = 0) -> None:
    """Write lines under each other from their upper left corner; with a middle, each is centred so far to the right."""
    for line in lines:
        style = " ".join(filter(None, (line.type.style, line.colour, "bold" if line.type.is_bold else "")))
        place = {"x": _n(x + middle), "y": _n(y + line.type.leading * BASELINE), "font-size": _n(line.type.size)}
        anchor = {"text-anchor": "middle"} if middle else {}
        SubElement(parent, "text", {"class": style, **place, **anchor}).text = line.text
        y += line.type.leading


def _said(parent: Element, tag: str, text: str, **attributes: str) -> Element:
    element = SubElement(parent, tag, attributes)
    element.text = clean(text)
    return element


def _curve(points: Sequence[Point]) -> str:
    start, *rest = (f"{_n(x)} {_n(y)}" for x, y in points)
    return f"M{start}C{' '.join(rest)}"


def _head(start: Point, tip: Point) -> str:
    """Give the head of an arrow: a triangle that looks where the arrow goes."""
    across, down = tip[0] - start[0], tip[1] - start[1]
    side = (-down * 0.45, across * 0.45)
    corners = (tip, (start[0] + side[0], start[1] + side[1]), (start[0] - side[0], start[1] - side[1]))
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in corners) + "Z"


def _at(area: Area) -> dict[str, str]:
    return {"x": _n(area.x), "y": _n(area.y), "width": _n(area.width), "height": _n(area.height)}


def _n(value: float) -> str:
    """Write a number with one decimal at most."""
    return f"{round(value, 1) + 0:g}" if abs(value) < 1e5 else f"{value:.0f}"
