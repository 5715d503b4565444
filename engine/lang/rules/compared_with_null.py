"""W118: a comparison with null, which is never true.

What: an operand of `=`, `!=`, `<` and the like is `null`, or `null` stands in the list of `in`.

Why: null is equal to nothing, not even to null, and not unequal to anything either; a condition that is null takes nobody. And
`not in` with a null in its list takes nobody at all.

Instead: write `is null` or `is not null`; beside `in`, `x in (1, 2) or x is null`.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.kit.expression import tree
from engine.lang.graph import Graph
from engine.lang.rules.comparisons import COMPARISONS, warning
from engine.lang.spec import WorkflowSpec

NULL = tree.Literal(at=0, value=None)


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        for expression, node in activity.nodes:
            match node:
                case tree.Binary(operator=operator, left=left, right=right) if operator in COMPARISONS:
                    if NULL in (left, right):
                        fix = "write 'is null'" if operator == "=" else "write 'is not null'"
                        yield warning(expression, node, "W118", f"'{operator} null' is never true", fix)
                case tree.In(options=options) if NULL in options:
                    message = "null in the list of 'in' is equal to nothing"
                    null = options[options.index(NULL)]
                    yield warning(expression, null, "W118", message, "take it out, and write 'or … is null' behind")
