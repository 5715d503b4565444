"""W102: a variable that nothing uses.

What: a variable is declared under `variables`, and neither an expression (`vars.days`) nor a text (`{{ vars.days }}`) of the
workflow mentions it.

Why: who gives it a value with `--var` believes that it changes something. Mostly the name is spelled differently where it
should be used, or a condition that used it was removed.

Instead: use it, or remove it from `variables`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from engine.kit.errors import Diagnostic
from engine.kit.expression import Expr, SortKey
from engine.kit.option import Deferred
from engine.kit.template import Template
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec

IN_TEMPLATE = re.compile(r"""\bvars(?:\.|\[\s*['"])([A-Za-z_][A-Za-z0-9_]*)""")


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    used = {
        name
        for activity in spec.activities.values()
        for part in (activity.activity, activity.common)
        for name in _variables(part)
    }
    for name, variable in spec.variables.items():
        if name not in used:
            fix = f"write 'vars.{name}' where it is meant, or remove it"
            yield Diagnostic(variable.span, "W102", f"nothing uses the variable '{name}'", fix, "warning")


def _variables(value: Any) -> Iterator[str]:
    """Give the variables that an option's value mentions, as often as it does."""
    match value:
        case Expr() | SortKey() if "vars" in value.text.lower():
            yield from (
                mention.name.split(".")[1]
                for mention in value.names()
                if mention.kind == "value" and mention.name.startswith("vars.")
            )
        case Deferred():
            yield from _variables(value.expression)
        case Template():
            yield from IN_TEMPLATE.findall(value.source)
        case BaseModel():
            for name in type(value).model_fields:
                yield from _variables(getattr(value, name))
        case tuple() | list():
            for item in value:
                yield from _variables(item)
        case dict():
            yield from _variables(list(value.values()))
