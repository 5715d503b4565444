"""W102: a variable that nothing uses.

What: a variable is declared under `variables`, and neither an expression (`vars.days`) nor a text (`{{ vars.days }}`) of the
workflow mentions it.

Why: who gives it a value with `--var` believes that it changes something. Mostly the name is spelled differently where it
should be used, or a condition that used it was removed.

Instead: use it, or remove it from `variables`.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.mentions import variables
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    used = {name for activity in spec.activities.values() for name in variables(activity)}
    for name, variable in spec.variables.items():
        if name not in used:
            fix = f"write 'vars.{name}' where it is meant, or remove it"
            yield Diagnostic(variable.span, "W102", f"nothing uses the variable '{name}'", fix, "warning")
