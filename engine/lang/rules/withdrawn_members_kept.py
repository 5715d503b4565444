"""W128: who withdrew stays in the audience.

What: a share says `on_withdrawal: keep`.

Why: whoever takes the consent back, or asks to be left out, goes on being shared under the consent of then. The law asks for the
opposite, and nobody sees it in the counts of a run.

Instead: take the option out; the next run then takes out whom it may not share any more. Who has another way to remove them, such as
an opt-out of the service itself, says so in the activity's `description` and silences this rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.rules.shares import shares
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for share in shares(spec):
        if getattr(share.activity, "on_withdrawal", None) == "keep":
            yield Diagnostic(
                share.place("on_withdrawal"),
                "W128",
                f"who may not be shared any more stays in the audience of '{share.id}'",
                "take 'on_withdrawal: keep' out",
                "warning",
            )
