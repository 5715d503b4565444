"""Places in a drawing: points, rectangles, and the ways of arrows; how an arrow is led past what stands there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from engine.app.pictures.figure import Direction

Point = tuple[float, float]
Grid = dict[tuple[int, int], list[tuple[int, Point]]]
"""The points of all arrows, each with its arrow's number, by the square they lie in."""

CELL = 24.0

HEAD = 8.0
"""How long the head of an arrow is."""

CLEARANCE, SLANT = 3.0, 3.0
"""How far an arrow keeps away from what it passes; what slant is none."""

STEPS, STRIDE = 16, 5
"""A curve is looked at in so many points, and one more for each stride of its length."""

REACHES = (0.5, 0.65, 0.35)
"""How far the ends of a curve pull it along the direction, as a share of its way; the first that fits is taken."""

SHARES = (0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74, 0.2, 0.8, 0.14, 0.86, 0.92, 0.97)
"""Where words may stand along an arrow, the best first."""


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

    The words of an arrow then move along it, to where they touch nothing, neither the border of a band.
    """
    ways = [_eased(_level(route, direction), direction, obstacles) for route in routes]
    traces = [list(way.trace()) for way in ways]
    grid: Grid = {}
    for index, trace in enumerate(traces):
        for x, y in trace:
            grid.setdefault((int(x // CELL), int(y // CELL)), []).append((index, (x, y)))
    taken = list(obstacles)
    for index, way in enumerate(ways):
        if way.label:
            places = (*_beside(traces[index], way.label, direction), way.label)
            label = _best(places, index, grid, taken, bands) or way.label
            taken.append(label)
            ways[index] = replace(way, label=label)
    return tuple(ways)


def _eased(route: Route, direction: Direction, obstacles: Sequence[Area]) -> Route:
    forward = _along(route.tip, direction) - _along(route.points[0], direction)
    for reach in REACHES if forward > 2 * HEAD else ():
        plain = replace(route, points=_plain(route.points[0], route.tip, direction, reach))
        ends = (plain.points[0], plain.tip)
        passed = [point for point in plain.trace() if min(math.dist(point, end) for end in ends) > HEAD + CLEARANCE]
        around = _around(passed)
        if all(area.distance(point) >= CLEARANCE for area in obstacles if area.overlaps(around) for point in passed):
            return plain
    return replace(route, points=_turned(route.points, route.tip, direction))


def _around(points: Sequence[Point]) -> Area:
    """Give the rectangle around points, with the room that is kept free about it."""
    left, top = min((x for x, _ in points), default=0.0), min((y for _, y in points), default=0.0)
    right, bottom = max((x for x, _ in points), default=0.0), max((y for _, y in points), default=0.0)
    free = 2 * CLEARANCE
    return Area(x=left - CLEARANCE, y=top - CLEARANCE, width=right - left + free, height=bottom - top + free)


def _best(places: Iterable[Area], own: int, grid: Grid, taken: Sequence[Area], bands: Sequence[Area]) -> Area | None:
    """Find the place for words beside an arrow that touches nothing and has no other arrow nearer; else the least bad."""
    best, least = None, math.inf
    for place in places:
        if any(map(place.overlaps, taken)) or any(place.overlaps(band) and not band.holds(place) for band in bands):
            continue
        near = [(index, place.distance(point)) for index, point in _near(place, grid)]
        if any(index == own and distance < 1 for index, distance in near):
            continue
        others = [distance for index, distance in near if index != own]
        away = min(others, default=math.inf)
        mine = min((distance for index, distance in near if index == own), default=math.inf)
        fault = 2 * sum(distance < 1 for distance in others) + (away <= mine)
        if fault < least:
            best, least = place, fault
        if fault == 0:
            break
    return best


def _near(place: Area, grid: Grid) -> Iterator[tuple[int, Point]]:
    """Give the points of arrows, with the arrow's number, that lie at a place or not far from it."""
    for column in range(int((place.x - CELL) // CELL), int((place.right + CELL) // CELL) + 1):
        for row in range(int((place.y - CELL) // CELL), int((place.bottom + CELL) // CELL) + 1):
            yield from grid.get((column, row), ())


def _level(route: Route, direction: Direction) -> Route:
    """Let an arrow that is as good as straight be straight."""
    x, y = route.points[0]
    if abs(_along(route.tip[::-1], direction) - _along((y, x), direction)) > SLANT:
        return route
    shift = (0.0, y - route.tip[1]) if direction == "right" else (x - route.tip[0], 0.0)
    tip = (route.tip[0] + shift[0], route.tip[1] + shift[1])
    return replace(route, tip=tip)


def _beside(traced: Sequence[Point], label: Area, direction: Direction) -> Iterator[Area]:
    """Give the places for words beside an arrow, the best first: from its middle to its ends."""
    above, below, left, right = (0.0, -1.0), (0.0, 1.0), (-1.0, 0.0), (1.0, 0.0)
    corners = ((-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0))
    sides = (above, below, right, left) if direction == "right" else (right, left, above, below)
    for share in SHARES:
        x, y = traced[round(share * (len(traced) - 2))]
        for gap in (2, 5, 9):
            for across, down in (*sides, *corners):
                middle = (x + across * (label.width / 2 + gap), y + down * (label.height / 2 + gap))
                yield replace(label, x=middle[0] - label.width / 2, y=middle[1] - label.height / 2)


def _plain(start: Point, tip: Point, direction: Direction, share: float) -> tuple[Point, ...]:
    neck = _moved(tip, direction, -HEAD)
    reach = (_along(neck, direction) - _along(start, direction)) * share
    return (start, _moved(start, direction, reach), _moved(neck, direction, -reach), neck)


def _turned(points: tuple[Point, ...], tip: Point, direction: Direction) -> tuple[Point, ...]:
    """Let the last curve arrive along the direction, so that the head looks where it should."""
    neck = _moved(tip, direction, -HEAD)
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
