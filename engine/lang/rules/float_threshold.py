"""W131: a threshold on a float.

What: a condition compares a column of type float, or a value computed from one, with something.

Why: a float holds most decimal fractions only nearly, and a sum of floats depends on the order in which the database adds. Who spent
exactly the threshold is in on one day or database, and out on another.

Instead: keep money as DECIMAL in the table, or compare `round(spend, 2)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.kit.expression import Expr, SortKey, tree
from engine.lang.graph import Graph
from engine.lang.rules.columns import Known, Row, is_float
from engine.lang.rules.comparisons import COMPARISONS, warning
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph, known: Known) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    if not known.has_floats(spec):
        return
    for activity in spec.activities.values():
        for expression, row in known.texts(activity):
            yield from _problems(expression, expression.tree, row)


def _problems(expression: Expr | SortKey, node: tree.Node, row: Row | None) -> Iterator[Diagnostic]:
    """Walk with the row in which names are looked up, since a collection has its own."""
    if row is None:
        return
    match node:
        case tree.Binary(operator=operator, left=left, right=right) if operator in COMPARISONS:
            compared: tuple[tree.Node, ...] = (left, right)
        case tree.Between(operand=operand, low=low, high=high):
            compared = (operand, low, high)
        case tree.In(operand=operand, options=options):
            compared = (operand, *options)
        case _:
            compared = ()
    found = next((each for each in compared if is_float(each, row)), None)
    if found is not None:
        message = "a threshold on a float decides differently from time to time"
        yield warning(
            expression, found, "W131", message, "keep it as DECIMAL in the table, or write round(…, 2) around it"
        )
    inner = row.inside(node.link) if isinstance(node, tree.Collection) else row
    for part in tree.children(node):
        yield from _problems(expression, part, inner)
