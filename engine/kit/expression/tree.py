"""The parts of an expression, as the parser gives them. Each knows where in the text it begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part of an expression; `at` counts characters from the text's first, 0, and counts in no comparison."""

    at: int = field(compare=False, repr=False)


@dataclass(frozen=True)
class Interval:
    """A span of time. Months and years have no fixed length, so they are kept apart from days and seconds."""

    months: int = 0
    days: int = 0
    seconds: int = 0


@dataclass(frozen=True, kw_only=True)
class Literal(Node):
    """A value written out. `decimal` keeps its digits: 1.50 has two after the point."""

    value: bool | int | Decimal | str | date | datetime | Interval | None


@dataclass(frozen=True, kw_only=True)
class Name(Node):
    """A column, a path over links, or a value: `a`, `a.b`, `target.x`, `vars.days`."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, kw_only=True)
class Negative(Node):
    operand: Node


@dataclass(frozen=True, kw_only=True)
class Binary(Node):
    """Arithmetic, `||` or a comparison; `at` is the place of the operator."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, kw_only=True)
class Logic(Node):
    """`and` or `or` over two operands or more."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Not(Node):
    operand: Node


@dataclass(frozen=True, kw_only=True)
class In(Node):
    operand: Node
    options: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Between(Node):
    operand: Node
    low: Node
    high: Node


@dataclass(frozen=True, kw_only=True)
class Like(Node):
    operand: Node
    pattern: Node
    minds_case: bool


@dataclass(frozen=True, kw_only=True)
class IsNull(Node):
    operand: Node


@dataclass(frozen=True, kw_only=True)
class Distinct(Node):
    """`is distinct from`: a comparison for which null equals null."""

    left: Node
    right: Node


@dataclass(frozen=True, kw_only=True)
class When(Node):
    condition: Node
    value: Node


@dataclass(frozen=True, kw_only=True)
class Case(Node):
    """Both forms: with a subject the conditions of `whens` are values compared with it."""

    subject: Node | None
    whens: tuple[When, ...]
    otherwise: Node | None


@dataclass(frozen=True, kw_only=True)
class Call(Node):
    """A function, or an aggregate without a link."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Collection(Node):
    """An aggregate over the rows behind a link; `arguments` is empty for `exists` and for a count of rows.

    An `exists` may ask for a group of rows, equal in `group_by`, that meets `having`.
    """

    function: str
    arguments: tuple[Node, ...]
    link: Name
    where: Node | None
    group_by: tuple[Node, ...] = ()
    having: Node | None = None


@dataclass(frozen=True, kw_only=True)
class Sort(Node):
    operand: Node
    descending: bool
    nulls_first: bool


@dataclass(frozen=True, kw_only=True)
class Window(Node):
    call: Call
    partition: tuple[Node, ...]
    order: tuple[Sort, ...]


def children(node: Node) -> list[Node]:
    """Give the parts directly inside a part."""
    kind = type(node)
    if kind is Literal or kind is Name:  # most parts are one of them, and have none
        return []
    sides = [part if isinstance(part, tuple) else (part,) for part in vars(node).values()]
    return [child for side in sides for child in side if isinstance(child, Node)]


def walk(root: Node) -> Iterator[tuple[Node, int]]:
    """Give every part with its depth, the whole first. Does not recurse, so no text is too deep for it."""
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        yield node, depth
        waiting += [(child, depth + 1) for child in children(node)]
