"""W104: an effect that can never happen.

What: something an activity with an effect needs, perhaps far before it, says `enabled: false`. A union of several branches goes
on without one of them; an exclusion does not go on without a population it should leave out.

Why: the run ends `succeeded`, and nobody was shared and no list was kept. The activity that is disabled stands elsewhere in the
file, so this one looks as if it worked.

Instead: enable what it needs, or take its population from elsewhere; disable this activity too where that is meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.activity import Effect
from engine.kit.errors import Diagnostic
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.spec import ActivitySpec, WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    dead: dict[str, str] = {}  # each with the disabled activity that is the reason
    for name in graphs.order(graph):
        activity = spec.activities[name]
        if activity.common.enabled == "false":
            dead[name] = name
            continue
        cause = _cause(activity, dead)
        if cause is None:
            continue
        dead[name] = cause
        if isinstance(activity.activity, Effect):
            yield Diagnostic(
                activity.span,
                "W104",
                f"'{name}' can never run: '{cause}', which it needs, is disabled",
                f"remove 'enabled: false' from '{cause}', or write it here too",
                "warning",
            )


def _cause(activity: ActivitySpec, dead: dict[str, str]) -> str | None:
    """Give the disabled activity without which this one does not run."""
    arriving = 0
    causes: list[str] = []
    for port in activity.activity.inputs:
        references = activity.inputs.get(port.name, ())
        lost = [dead[reference.activity] for reference in references if reference.activity in dead]
        missing = (activity.common.when_missing or port.missing) if port.many else port.missing
        if lost and missing != "empty":
            return lost[0]
        causes += lost
        arriving += len(references) - len(lost)
    if causes and not arriving:
        return causes[0]
    awaited = [dead.get(reference.activity) for reference in activity.after.activities]
    lost = [cause for cause in awaited if cause is not None]
    return lost[0] if lost and (not activity.after.any or len(lost) == len(awaited)) else None
