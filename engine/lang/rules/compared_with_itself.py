"""W119: something is compared with itself.

What: both sides of a comparison are the same column or computation, or the same condition stands twice beside one `and` or `or`.

Why: `a = a` takes everybody who has an `a`, `a < a` nobody; a condition said twice says nothing more. Mostly the second one was
copied and not changed. Names inside of `exists(…)` and the like are columns of the link, so `exists(orders where id = id)` compares the
order's own.

Instead: write the other column. The targeted row's column is `target.id` there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.kit.errors import Diagnostic
from engine.kit.expression import Expr, SortKey, tree
from engine.lang.graph import Graph
from engine.lang.rules.comparisons import COMPARISONS, is_literal, warning
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        for expression, node in activity.nodes:
            yield from _problems(expression, node)


def _problems(expression: Expr | SortKey, node: tree.Node) -> Iterator[Diagnostic]:
    match node:
        case tree.Binary(operator=operator, left=left, right=right) if operator in COMPARISONS:
            if left == right and not isinstance(left, tree.Literal):
                message = f"both sides of '{operator}' are the same"
                yield warning(
                    expression, node, "W119", message, "write the other column; the targeted row's is target.…"
                )
        case tree.Logic(operator=operator, operands=operands):
            for operand in _again(operands):
                if not is_literal(operand):
                    message = f"the same condition stands here twice beside '{operator}'"
                    yield warning(expression, operand, "W119", message, "change it, or take it out")
        case tree.In(options=options):
            for option in _again(options):
                if is_literal(option):
                    yield warning(expression, option, "W119", "the same value stands in the list twice", "take it out")


def _again(parts: Iterable[tree.Node]) -> Iterator[tree.Node]:
    """Give the parts that stand there before already."""
    seen: set[tree.Node] = set()
    for part in parts:
        if part in seen:
            yield part
        seen.add(part)
