"""W108: one list is filled twice, and only the last one counts.

What: two activities write the same list, at least one of them with `mode: replace`, and it is not the case that the one that
replaces comes first and the other appends after it.

Why: what is written first is gone as soon as the other replaces it; where no arrow orders the two, it is not even said which one
that is.

Instead: write a `union` once, name two lists, or let the second one append with `after: the_first`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from engine.kit.errors import Diagnostic
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.rules.shares import LISTS, replaces
from engine.lang.spec import ActivitySpec, WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    writers: dict[str, list[ActivitySpec]] = {}
    for activity in spec.activities.values():
        if activity.activity.type in LISTS:
            writers.setdefault(str(getattr(activity.activity, "list", "")), []).append(activity)
    for name, first, second in ((name, *pair) for name, each in writers.items() for pair in combinations(each, 2)):
        if _adds(graph, first, second) or _adds(graph, second, first):
            continue
        if replaces(first) or replaces(second):
            yield Diagnostic(
                second.place("list"),
                "W108",
                f"'{first.id}' in line {first.span.line} fills the list '{name}' too, and one replaces what the other wrote",
                f"name another list, or write 'mode: append' and 'after: {first.id}' here",
                "warning",
            )


def _adds(graph: Graph, first: ActivitySpec, second: ActivitySpec) -> bool:
    """Say that the second one appends when the first one has written."""
    return not replaces(second) and graphs.comes_before(graph, first.id, second.id)
