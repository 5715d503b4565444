"""W110: a guard that stops nothing.

What: a guard without a bound that a count could miss: no `min` above 0, no `max`, no `max_drop` below 100 %, no `max_rise`, no
`where`; and `on_empty` is missing, or says `allow`. A list that is replaced and may become empty (`on_empty: allow`) is not reported,
since there the guard lifts a bound; a share that is replaced is.

Why: it looks as if something were held, and 0 rows or the whole dimension pass.

Instead: write a bound (`guard: {min: 1000, max_drop: 20%}`), or take the guard out.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.rules.shares import SHARES, replaces
from engine.lang.spec import Guard, WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        guard = activity.common.guard
        if guard is None or _stops(guard):
            continue
        lifts = guard.on_empty == "allow" and replaces(activity) and activity.activity.type not in SHARES
        if not lifts:
            yield Diagnostic(
                activity.place("guard"),
                "W110",
                f"the guard of '{activity.id}' stops nothing",
                "write a bound, for example 'guard: {min: 1000, max_drop: 20%}', or take it out",
                "warning",
            )


def _stops(guard: Guard) -> bool:
    return (
        guard.min not in (None, 0)
        or guard.max is not None
        or guard.max_drop not in (None, 100)
        or guard.max_rise is not None
        or guard.where is not None
        or guard.on_empty in ("fail", "skip")
    )
