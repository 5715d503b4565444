"""W121: a range that holds nothing.

What: `between` says the greater value first.

Why: `between 100 and 10` is never true: it asks for what is at least 100 and at most 10.

Instead: write the smaller value first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from engine.kit.errors import Diagnostic
from engine.kit.expression import tree
from engine.lang.graph import Graph
from engine.lang.rules.comparisons import warning
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        for expression, node in activity.nodes:
            match node:
                case tree.Between(low=tree.Literal(value=low), high=tree.Literal(value=high)) if _is_greater(low, high):
                    message = "nothing is between these two: the first is the greater one"
                    yield warning(expression, node, "W121", message, "write the smaller one first")


def _is_greater(low: object, high: object) -> bool:
    match low, high:
        case (bool(), _) | (_, bool()):
            return False
        case (int() | Decimal(), int() | Decimal()) | (str(), str()) | (datetime(), datetime()):
            return bool(low > high)  # type: ignore[operator]
        case (date(), date()) if type(low) is type(high):
            return low > high
        case _:
            return False
