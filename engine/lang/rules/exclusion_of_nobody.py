"""W117: an exclusion goes on without the people it should leave out.

What: an exclusion says `when_missing: empty`, so an excluded population that does not come counts as nobody.

Why: when the do-not-share list is skipped or could not be read, everybody on it is shared. Without the option the activity
fails instead.

Instead: take `when_missing` out, or write `when_missing: skip`, which skips what follows too.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        if activity.activity.type == "exclusion" and activity.common.when_missing == "empty":
            yield Diagnostic(
                activity.place("when_missing"),
                "W117",
                f"'{activity.id}' leaves out nobody when an excluded population does not come",
                "take 'when_missing' out, or write 'when_missing: skip'",
                "warning",
            )
