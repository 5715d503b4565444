"""W113: populations that share nobody are held against each other.

What: an exclusion leaves out, or an intersection looks for, rows of another output of the same activity by their key, and that activity
parts its rows: a row goes to one output only. Populations that are matched by values are not reported.

Why: the exclusion leaves out nobody, and nobody is in the intersection.

Instead: take the population before it was parted, or take the reference out. A split whose subsets may overlap says `overlap: true`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from engine.kit.errors import Diagnostic
from engine.kit.matching import is_by_key
from engine.lang.graph import Graph
from engine.lang.spec import ActivitySpec, Reference, WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        for first, second in _held_together(activity):
            is_parted = spec.activities[first.activity].activity.is_partition
            if first.activity == second.activity and first.port != second.port and is_parted:
                nobody = "leaves nobody out" if activity.activity.type == "exclusion" else "finds nobody"
                yield Diagnostic(
                    second.span,
                    "W113",
                    f"'{activity.id}' {nobody}: no row is both in '{first.short}' and in '{second.short}'",
                    f"take '{second.short}' out, or name what '{first.activity}' parts",
                    "warning",
                )


def _held_together(activity: ActivitySpec) -> Iterator[tuple[Reference, Reference]]:
    """Give the populations that are held against each other by key."""
    if not is_by_key(getattr(activity.activity, "match", ())):
        return
    begins, rules = activity.inputs.get("from", ()), getattr(activity.activity, "rules", {})
    match activity.activity.type:
        case "exclusion":
            excluded = [each for each in activity.inputs.get("exclude", ()) if each.short not in rules]
            yield from ((first, second) for first in begins for second in excluded)
        case "intersection":
            yield from combinations(begins, 2)
