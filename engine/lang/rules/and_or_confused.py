"""W120: `and` where `or` is meant, or the other way round.

What: `and` joins two `=` of one column with different values, or `or` joins two `!=` of one column with different values.

Why: `city = 'Lyon' and city = 'Paris'` is never true, since a column holds one value. `city != 'Lyon' or city != 'Paris'` is true for
everybody who has a city: what is one of them is not the other.

Instead: write `city in ('Lyon', 'Paris')`, and `city not in ('Lyon', 'Paris')`.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.kit.expression import tree
from engine.lang.graph import Graph
from engine.lang.rules.comparisons import is_literal, warning
from engine.lang.spec import WorkflowSpec

CONFUSED = {
    "and": ("=", "no value is equal to both", "write '… in (…, …)'"),
    "or": ("!=", "every value differs from one of both", "write '… not in (…, …)'"),
}


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        for expression, node in activity.nodes:
            if isinstance(node, tree.Logic):
                _, message, fix = CONFUSED[node.operator]
                for found in _second(node):
                    yield warning(expression, found, "W120", message, fix)


def _second(node: tree.Logic) -> Iterator[tree.Node]:
    """Give the comparisons that a comparison before them contradicts."""
    wanted, *_ = CONFUSED[node.operator]
    known: dict[str, tree.Node] = {}
    for operand in node.operands:
        match operand:
            case tree.Binary(operator=operator, left=left, right=right) if operator == wanted:
                if is_literal(left):
                    left, right = right, left
                if is_literal(right) and not is_literal(left) and known.setdefault(repr(left), right) != right:
                    yield operand
