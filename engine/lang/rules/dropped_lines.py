"""W126: lines that a reconciliation cannot place are forgotten.

What: nobody reads `unmatched` or `ambiguous` of a reconciliation: the lines that find nobody, and those that find more than one row.

Why: the lines speak of people whom somebody sent, and they are gone when the run ends. A key that is written otherwise, or a table
that is not up to date, loses them all, and the result is only smaller than it should be.

Instead: keep them with `list_update`, or stop the run by a `guard` on the reconciliation. Their count is told in any case.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec

LOST = {"unmatched": "that find nobody", "ambiguous": "that find more than one row"}


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    for activity in spec.activities.values():
        if activity.activity.type != "reconciliation" or activity.common.guard is not None:
            continue
        ports = [port for port in LOST if not graphs.readers(graph, activity.id, port)]
        if ports:
            yield Diagnostic(
                activity.span,
                "W126",
                f"the lines {' and those '.join(LOST[port] for port in ports)} are lost in '{activity.id}'",
                f"keep them: 'type: list_update' with 'from: {activity.id}.{ports[0]}' and 'mode: replace', or write a guard",
                "warning",
            )
