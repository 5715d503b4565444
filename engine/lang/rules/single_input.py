"""W114: a union or an intersection of one population.

What: `from` of a union or of an intersection names one population only.

Why: the result is that population. Mostly the second one was forgotten, or went when an activity was removed.

Instead: add the other one, or remove the activity and name the population where the result is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        begins = activity.inputs.get("from", ())
        if activity.activity.type in ("union", "intersection") and len(begins) == 1:
            yield Diagnostic(
                begins[0].span,
                "W114",
                f"'{activity.id}' is the {activity.activity.type} of one population",
                f"write 'from: [{begins[0].short}, …]', or name '{begins[0].short}' where '{activity.id}' is read",
                "warning",
            )
