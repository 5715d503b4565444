"""W127: what an incremental query returns takes the place of all who came before.

What: rows that come from an `incremental_query` alone reach a list or a share with `mode: replace`.

Why: an incremental query returns only those whom its earlier runs did not. After the second run the list, or the audience, holds the
newcomers of that run, and everybody who was there before is gone.

Instead: write `mode: append`. Who wants the newest alone gives the list another name than that of all, and silences this rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.rules.shares import replaces
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    source: dict[str, str] = {}
    for name in graphs.order(graph):
        activity = spec.activities[name]
        arriving = [source.get(reference.activity) for reference in activity.inputs.get("from", ())]
        if activity.activity.type == "incremental_query":
            source[name] = name
        elif arriving and arriving[0] is not None and None not in arriving:
            source[name] = arriving[0]
            if replaces(activity):
                yield Diagnostic(
                    activity.place("mode"),
                    "W127",
                    f"only those arrive here whom '{arriving[0]}' did not return before, and they replace all who are there",
                    "write 'mode: append'",
                    "warning",
                )
