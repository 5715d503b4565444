"""W105: whom a share could not identify is forgotten.

What: nobody reads the `complement` of a share, which holds the people without an identifier of its data source. A share whose
people all come from a list is not reported, since they remain on it.

Why: these people were selected and may be shared, and are lost when the run ends. Some days later they may have signed in and
have an identifier, and nobody tries again.

Instead: keep them with `list_update`, and share that list later, or share them by another data source.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.rules.shares import shares
from engine.lang.spec import WorkflowSpec

KEPT = ("read_list", "list_import")


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    for share in shares(spec):
        sources = [spec.activities[name] for name in graphs.feeding(graph, share.id)]
        begins = [source.activity.type for source in sources if not source.inputs]
        if graphs.readers(graph, share.id, "complement") or all(type_ in KEPT for type_ in begins):
            continue
        yield Diagnostic(
            share.span,
            "W105",
            f"the people whom '{share.id}' cannot identify are lost",
            f"keep them: 'type: list_update' with 'from: {share.id}.complement'",
            "warning",
        )
