"""W135: people are shared, and none of them can object.

What: a share of a dimension that names neither a `consent` nor a list to `suppress`.

Why: a share leaves out who gave no consent and who is on a suppression list. With neither, nobody is ever left out, and nobody who
asks to be is taken out again.

Instead: write the dimension's `consent`, by purpose, or the list of those who opted out under `suppress`.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.rules.columns import Known
from engine.lang.rules.shares import shares
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph, known: Known) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for share in shares(spec):
        dimension = known.dimension(share)
        if dimension is not None and not dimension.consent and not dimension.suppress:
            yield Diagnostic(
                share.span,
                "W135",
                f"'{share.id}' leaves nobody out: '{dimension.name}' names no consent and no suppression list",
                f"write 'suppress: [do_not_share]' below '{dimension.name}' in the project, or its 'consent'",
                "warning",
            )
