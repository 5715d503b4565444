"""W106: everybody is shared.

What: a share takes its people from a query without `where`, and nothing between the two chooses: no condition, no exclusion, no
intersection, no split.

Why: a query without a condition is the whole dimension. Mostly the condition was meant to be written later, or the arrow begins
at the wrong activity; what was shared cannot be taken back everywhere.

Instead: write a `where`. Who means everybody says so with `where: true`.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.rules.shares import shares
from engine.lang.spec import ActivitySpec, Reference, WorkflowSpec

PASSED_ON = ("union", "deduplication", "list_update")
"""Types whose `result` chooses nobody by what is known of him."""


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for share in shares(spec):
        query = next((found for reference in _inputs(share) if (found := _everybody(spec, reference))), None)
        if query is not None:
            yield Diagnostic(
                query.span,
                "W106",
                f"'{share.id}' shares everybody: '{query.id}' has no condition",
                "write 'where: …', or 'where: true' when everybody is meant",
                "warning",
            )


def _everybody(spec: WorkflowSpec, reference: Reference) -> ActivitySpec | None:
    """Give the query behind a reference that lets the whole dimension through."""
    activity = spec.activities[reference.activity]
    match activity.activity.type:
        case "query":
            if getattr(activity.activity, "where", None) is not None:
                return None
            return activity if not activity.inputs else _first(spec, activity)
        case type_ if type_ in PASSED_ON and reference.port == "result":
            return _first(spec, activity)
        case _:
            return None


def _first(spec: WorkflowSpec, activity: ActivitySpec) -> ActivitySpec | None:
    return next((found for reference in _inputs(activity) if (found := _everybody(spec, reference))), None)


def _inputs(activity: ActivitySpec) -> list[Reference]:
    return [reference for references in activity.inputs.values() for reference in references]
