"""W133: a share may run before its suppression list is filled.

What: the workflow fills a list that the dimension names under `suppress`, and a share does not come after that.

Why: a share reads the suppression list at the moment of leaving. When it runs first, it holds people against yesterday's list, and
somebody who opted out today is shared.

Instead: write `after:` at the share, or leave the list out of its population with an `exclusion` before.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.rules.columns import Known
from engine.lang.rules.shares import LISTS, shares
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph, known: Known) -> Iterator[Diagnostic]:
    writers = [activity for activity in spec.activities.values() if activity.activity.type in LISTS]
    for share in shares(spec):
        dimension = known.dimension(share)
        for writer in writers:
            name = str(getattr(writer.activity, "list", ""))
            # what is kept after a share, such as those it could not identify, is for the next run
            is_ordered = graphs.comes_before(graph, writer.id, share.id) or graphs.comes_before(
                graph, share.id, writer.id
            )
            if dimension is not None and name in dimension.suppress and not is_ordered:
                yield Diagnostic(
                    share.span,
                    "W133",
                    f"'{share.id}' may run before '{writer.id}' fills its suppression list '{name}'",
                    f"add 'after: {writer.id}' to '{share.id}'",
                    "warning",
                )
