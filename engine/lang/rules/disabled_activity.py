"""W103: an activity was left disabled or held.

What: an activity says `enabled: false`, so it and what needs it are skipped, or `enabled: hold`, so its branch stops there until
it is released.

Why: both are for a while: to try a workflow without its last step, to look before a delivery. Left in place, every run
does less than the picture shows, and still ends `succeeded` or `waiting`.

Instead: remove `enabled`, or the activity. One that waits for a decision every time says so with `approval`.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec

MEANINGS = {
    "false": "is disabled: it and what needs it are skipped",
    "hold": "is held: its branch stops here until it is released",
}


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        enabled = activity.common.enabled
        if enabled in MEANINGS:
            fix = f"remove 'enabled: {enabled}', or the activity"
            yield Diagnostic(activity.place("enabled"), "W103", f"'{activity.id}' {MEANINGS[enabled]}", fix, "warning")
