"""W107: two activities share into the same audience.

What: two activities of a workflow name the same shared audience.

Why: each sends a file of its own and has a guard of its own, so neither sees how large the audience becomes, and somebody who is in
both populations is sent twice. Mostly the second one was copied, and its `audience` was not changed.

Instead: bring the populations together with a `union` and share once, or name the audience that is meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.rules.shares import shares
from engine.lang.spec import ActivitySpec, WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    known: dict[str, ActivitySpec] = {}
    for share in shares(spec):
        audience = str(getattr(share.activity, "audience", ""))
        first = known.setdefault(audience, share)
        if first is not share:
            yield Diagnostic(
                share.place("audience"),
                "W107",
                f"'{first.id}' in line {first.span.line} shares into the audience '{audience}' too",
                f"share a union of both once, or name another audience in '{share.id}'",
                "warning",
            )
