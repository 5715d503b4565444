"""Places in a drawing: points, rectangles, and the ways of arrows; how an arrow is led past what stands there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.app.pictures.figure import Direction

Point = tuple[float, float]

HEAD = 8.0
"""How long the head of an arrow is."""

CLEARANCE, NEAR, SLANT = 3.0, 12.0, 3.0
"""How far an arrow keeps away from what it passes, how near its words stay, what slant is none."""

STEPS, STRIDE = 16, 5
"""A curve is looked at in so many points, and one more for each stride of its length."""

REACHES = (0.5, 0.65, 0.35)
"""How far the ends of a curve pull it along the direction, as a share of its way; the first that fits is taken."""


@dataclass(frozen=True, kw_only=True)
class Area:
    """A rectangle; `x` and `y` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def overlaps(self, other: Area) -> bool:
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def holds(self, other: Area) -> bool:
        return self.x <= other.x and self.y <= other.y and other.right <= self.right and other.bottom <= self.bottom

    def distance(self, point: Point) -> float:
        """Give how far away a point is; 0 inside."""
        across = max(self.x - point[0], point[0] - self.right, 0.0)
        down = max(self.y - point[1], point[1] - self.bottom, 0.0)
        return max(across, down)


@dataclass(frozen=True, kw_only=True)
class Route:
    """The way of an arrow: Bézier curves through `points` (1 + 3n), a head from the last of them to `tip`, room for its words."""

    points: tuple[Point, ...]
    tip: Point
    label: Area | None
    end: Area | None

    def trace(self) -> Iterator[Point]:
        """Give points along the way, the tip last."""
        for index in range(0, len(self.points) - 1, 3):
            curve = self.points[index : index + 4]
            steps = STEPS + int(math.dist(curve[0], curve[-1]) / STRIDE)
            yield from (_on_curve(curve, step / steps) for step in range(steps))
        yield self.points[-1]
        yield self.tip


def eased(
    routes: Sequence[Route], direction: Direction, obstacles: Sequence[Area], bands: Sequence[Area]
) -> tuple[Route, ...]:
    """Give the plainest ways that leave and arrive along the direction: one curve where nothing stands in its way, else the one given.

    The words of an arrow may move, along it, to where they touch nothing, neither the border of a band.
    """
    found = [_level(route, direction) for route in routes]
    traces = [list(route.trace()) for route in found]
    for index, route in enumerate(found):
        labels = [other.label for other in found if other.label and other is not route]
        taken = [area for area in (*obstacles, *labels) if area != route.end]
        crossing = [point for other, trace in enumerate(traces) if other != index for point in trace]
        found[index] = _eased(route, direction, taken, bands, crossing)
        traces[index] = list(found[index].trace())
    return tuple(found)


def _eased(
    route: Route, direction: Direction, taken: Sequence[Area], bands: Sequence[Area], crossing: Sequence[Point]
) -> Route:
    head = HEAD if route.tip != route.points[-1] else 0.0
    forward = _along(route.tip, direction) - _along(route.points[0], direction)
    for reach in REACHES if forward > 2 * head else ():
        plain = replace(route, points=_plain(route.points[0], route.tip, direction, head, reach))
        traced = list(plain.trace())
        if all(area.distance(point) >= CLEARANCE for area in taken for point in traced[2:-2]):
            if not route.label:
                return plain
            if label := _room(route.label, traced, direction, taken, bands, crossing):
                return replace(plain, label=label)
    turned = replace(route, points=_turned(route.points, route.tip, direction, head))
    if not route.label:
        return turned
    label = _room(route.label, list(turned.trace()), direction, taken, bands, crossing)
    return replace(turned, label=label or route.label)


def _room(
    label: Area,
    traced: Sequence[Point],
    direction: Direction,
    taken: Sequence[Area],
    bands: Sequence[Area],
    crossing: Sequence[Point],
) -> Area | None:
    """Find a place for words beside an arrow where they touch nothing."""
    for place in _beside(traced, label, direction):
        if (
            not any(place.overlaps(area) for area in taken)
            and not any(place.overlaps(band) and not band.holds(place) for band in bands)
            and all(place.distance(point) >= 1 for point in (*traced, *crossing))
        ):
            return place
    return None


def _level(route: Route, direction: Direction) -> Route:
    """Let an arrow that is as good as straight be straight."""
    x, y = route.points[0]
    if abs(_along(route.tip[::-1], direction) - _along((y, x), direction)) > SLANT or route.end:
        return route
    shift = (0.0, y - route.tip[1]) if direction == "right" else (x - route.tip[0], 0.0)
    tip = (route.tip[0] + shift[0], route.tip[1] + shift[1])
    neck = route.points[-1] if route.points[-1] != route.tip else tip
    return replace(route, points=(*route.points[:-1], neck), tip=tip)


def _beside(traced: Sequence[Point], label: Area, direction: Direction) -> Iterator[Area]:
    """Give the places for words beside an arrow, the best first: where they are, if that is near, then from its middle to its ends."""
    if min(map(label.distance, traced)) < NEAR:
        yield label
    above, below, left, right = (0, -1), (0, 1), (-1, 0), (1, 0)
    sides = (above, below, right, left) if direction == "right" else (right, left, above, below)
    for share in (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74):
        x, y = traced[round(share * (len(traced) - 2))]
        for gap in (2, 5, 9):
            for across, down in sides:
                middle = (x + across * (label.width / 2 + gap), y + down * (label.height / 2 + gap))
                yield replace(label, x=middle[0] - label.width / 2, y=middle[1] - label.height / 2)


def _plain(start: Point, tip: Point, direction: Direction, head: float, share: float) -> tuple[Point, ...]:
    neck = _moved(tip, direction, -head)
    reach = (_along(neck, direction) - _along(start, direction)) * share
    return (start, _moved(start, direction, reach), _moved(neck, direction, -reach), neck)


def _turned(points: tuple[Point, ...], tip: Point, direction: Direction, head: float) -> tuple[Point, ...]:
    """Let the last curve arrive along the direction, so that the head looks where it should."""
    neck = _moved(tip, direction, -head)
    back = min(max((_along(neck, direction) - _along(points[-4], direction)) * 0.5, 4.0), 30.0)
    return (*points[:-2], _moved(neck, direction, -back), neck)


def _along(point: Point, direction: Direction) -> float:
    return point[0] if direction == "right" else point[1]


def _moved(point: Point, direction: Direction, distance: float) -> Point:
    return (point[0] + distance, point[1]) if direction == "right" else (point[0], point[1] + distance)


def _on_curve(curve: Sequence[Point], share: float) -> Point:
    weights = ((1 - share) ** 3, 3 * share * (1 - share) ** 2, 3 * share**2 * (1 - share), share**3)
    x = sum(weight * point[0] for weight, point in zip(weights, curve, strict=True))
    y = sum(weight * point[1] for weight, point in zip(weights, curve, strict=True))
    return x, y
