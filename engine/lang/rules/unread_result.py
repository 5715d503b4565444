"""W101: nobody reads the result of an activity that only computes.

What: a query, a union, a split or another activity without an effect is the end of its branch: no other activity takes a
population from it. One with a guard is not reported, since the guard may stop the run.

Why: its work table is made and counted, then nothing happens with it. Mostly an arrow was forgotten, or points elsewhere
since an activity was renamed.

Instead: name it in another activity (`from: it`), keep it with `list_update`, or remove it.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.activity import Transform
from engine.kit.errors import Diagnostic
from engine.lang.graph import CONTROL, Graph
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    for activity in spec.activities.values():
        is_read = any(data["target"] != CONTROL for _, _, data in graph.out_edges(activity.id, data=True))
        if isinstance(activity.activity, Transform) and not is_read and activity.common.guard is None:
            yield Diagnostic(
                activity.span,
                "W101",
                f"nobody reads the result of '{activity.id}'",
                f"write 'from: {activity.id}' in another activity, keep it with 'list_update', or remove it",
                "warning",
            )
