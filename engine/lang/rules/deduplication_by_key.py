"""W134: a deduplication by the key.

What: the columns of `by` hold the whole key of the dimension.

Why: every row has a key of its own, so there are no duplicates, and nobody is removed.

Instead: write what people share when they are one: `lower(email)`, a household. Who wants one row per key needs no deduplication: a
union keeps one.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.kit.expression import tree
from engine.lang.graph import Graph
from engine.lang.rules.columns import ROW, TARGET, Known
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph, known: Known) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        arriving = next(known.arriving(activity), None)
        if activity.activity.type != "deduplication" or arriving is None or arriving.dimension is None:
            continue
        names = {
            each.tree.parts[-1]
            for each in getattr(activity.activity, "by", ())
            if isinstance(each.tree, tree.Name) and each.tree.parts[:-1] in ((), (ROW,), (TARGET,))
        }
        if set(arriving.key) <= names:
            yield Diagnostic(
                activity.place("by"),
                "W134",
                f"'{activity.id}' finds no duplicates: {', '.join(arriving.key)} is the key",
                "write what duplicates have in common, for example 'by: lower(email)'",
                "warning",
            )
