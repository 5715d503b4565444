"""W115: a subset that nobody can reach.

What: in a split a row goes to the first subset that takes it. An earlier subset takes all that remain (it has neither `where` nor
`limit`), or takes everybody who meets the very condition of the later one; or the `complement` is read although a subset takes the rest.

Why: the later subset, or the complement, is empty in every run.

Instead: change the order, write a condition or a size for the earlier one, or write `overlap: true` where each subset is to see all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.kit.errors import Diagnostic
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.spec import ActivitySpec, WorkflowSpec

ALL = (None, "true")


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    for activity in spec.activities.values():
        if activity.activity.type == "split" and activity.activity.is_partition:
            yield from _problems(activity, getattr(activity.activity, "subsets", {}), graph)


def _problems(activity: ActivitySpec, subsets: Mapping[str, Any], graph: Graph) -> Iterator[Diagnostic]:
    taken: dict[str | None, str] = {}  # by condition, the first subset that takes everybody who meets it
    for name, subset in subsets.items():
        condition = str(subset.where) if subset.where else None
        first = next((taken[each] for each in (*ALL, condition) if each in taken), None)
        if first is not None:
            what = "all that remain" if set(ALL) & set(taken) else "whoever meets this condition"
            yield Diagnostic(
                activity.place("subsets", name),
                "W115",
                f"nobody can get into '{name}': '{first}' before it takes {what}",
                f"write '{name}' before '{first}', or give '{first}' a 'where' or a 'limit'",
                "warning",
            )
        elif subset.limit is None:
            taken[condition] = name
    rest = next((taken[each] for each in ALL if each in taken), None)
    for reference in graphs.readers(graph, activity.id, "complement") if rest else ():
        yield Diagnostic(
            reference.span,
            "W115",
            f"nobody can be in '{reference.short}': the subset '{rest}' takes all that remain",
            f"write '{activity.id}.{rest}', or give '{rest}' a 'where' or a 'limit'",
            "warning",
        )
