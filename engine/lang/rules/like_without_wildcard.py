"""W122: `like` without a wildcard.

What: the pattern of `like` or `ilike` is written out and has neither `%` nor `_`.

Why: such a pattern matches the whole text only, as `=` does. Mostly 'contains' is meant.

Instead: write `like '%word%'` for texts that contain the word, `like 'word%'` for those that begin with it, or `=`.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.kit.expression import tree
from engine.lang.graph import Graph
from engine.lang.rules.comparisons import warning
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        for expression, node in activity.nodes:
            match node:
                case tree.Like(pattern=tree.Literal(value=str(text)) as pattern) if not set("%_") & set(text):
                    message = f"the pattern '{text}' matches that whole text only"
                    fix = f"write '%{text}%' for texts that contain it, or '=' instead of 'like'"
                    yield warning(expression, pattern, "W122", message, fix)
