"""W112: one population is named twice where different ones are meant.

What: an exclusion leaves out the very population it begins with, or a union, an intersection or an `exclude` names one population
twice.

Why: without itself nobody remains; once more it changes nothing. Mostly another activity or another output was meant.

Instead: name the other one, or take the second one out.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.spec import Reference, WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        many = {port.name for port in activity.activity.inputs if port.many}
        known: dict[str, Reference] = {}
        for port, references in activity.inputs.items():
            for reference in references:
                first = known.setdefault(str(reference), reference)
                if first is reference or port not in many:
                    continue
                is_itself = activity.activity.type == "exclusion" and first in activity.inputs.get("from", ())
                message = (
                    f"'{activity.id}' leaves out all it begins with"
                    if is_itself
                    else f"'{reference.short}' stands here twice"
                )
                yield Diagnostic(
                    reference.span, "W112", message, "name another population, or take this one out", "warning"
                )
