"""W111: a sample whose members change sides, and somebody is shared.

What: a size says `by: random` without `sticky: true`, and rows of that split reach a share.

Why: without `sticky` the sample is exact in size, so it depends on everybody who is there: when others come or go, somebody leaves the
control group and is shared, or the other way round. A comparison of both groups then means nothing.

Instead: write `limit: {percent: 10, by: random, sticky: true}`: each person's own key decides, in every run alike; the size is then
about so much.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.mentions import limits
from engine.lang.rules.shares import shares
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    leaving = {share.id for share in shares(spec)}
    for activity in spec.activities.values():
        for path, limit in limits(activity):
            if not limit.is_random or limit.sticky is not False:
                continue
            for share in [name for name in spec.activities if name in leaving & graphs.fed_by(graph, activity.id)][:1]:
                yield Diagnostic(
                    activity.place(*path, "by"),
                    "W111",
                    f"this sample changes when others come or go, and '{share}' shares by it",
                    "write 'limit: {percent: …, by: random, sticky: true}'",
                    "warning",
                )
