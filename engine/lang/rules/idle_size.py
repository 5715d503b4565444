"""W116: a size that takes everybody, or nobody.

What: a `limit` of 100 percent, of 0 percent or of 0 rows, or a deduplication with `keep: 0`, which keeps all.

Why: it reads as a choice and is none. Mostly it stayed behind from a trial.

Instead: write the size that is meant, or take it out.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.mentions import limits
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        for path, limit in limits(activity):
            if limit.sizes:  # some groups have a size of their own
                continue
            place = activity.place(*path, "count" if limit.percent is None else "percent")
            if limit.percent == 100:
                fix = "take the limit out, or write a smaller share"
                yield Diagnostic(place, "W116", "a limit of 100 percent takes everybody", fix, "warning")
            elif 0 in (limit.percent, limit.count):
                written = "0 rows" if limit.percent is None else "0 percent"
                yield Diagnostic(
                    place, "W116", f"a limit of {written} takes nobody", "write a number above 0", "warning"
                )
        if activity.activity.type == "deduplication" and getattr(activity.activity, "keep", None) == 0:
            message = f"'{activity.id}' keeps all records, duplicates too"
            yield Diagnostic(activity.place("keep"), "W116", message, "write 'keep: 1', or remove it", "warning")
