"""The sizes and the variables that stand in an activity's options."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.kit.errors import Span
from engine.kit.limit import Limit
from engine.kit.template import Template
from engine.lang.spec import ActivitySpec

Path = tuple[str, ...]

IN_EXPRESSION, IN_TEMPLATE = "E308", "T002"
NAMED = re.compile(r"""\bvars(?:\.|\[\s*['"])([A-Za-z_][A-Za-z0-9_]*)""")


def limits(activity: ActivitySpec) -> Iterator[tuple[Path, Limit]]:
    """Give every size, with the names that lead there: `subsets`, `vip`, `limit`."""
    for path, value in activity.values:
        if isinstance(value, Limit):
            yield path, value


def variables(activity: ActivitySpec) -> Iterator[str]:
    """Give the variables that an activity mentions, as often as it does."""
    return (name for name, _, _ in places(activity))


def places(activity: ActivitySpec) -> Iterator[tuple[str, Span | None, str]]:
    """Give every mention of a variable, its place, and the code of one that nobody declares."""
    for expression in activity.expressions:
        for mention in expression.names() if "vars" in expression.text.lower() else ():
            if mention.kind == "value" and mention.name.startswith("vars."):
                yield mention.name.split(".")[1], mention.span, IN_EXPRESSION
    for _, value in activity.values:
        if isinstance(value, Template) and not value.is_literal:
            for found in NAMED.finditer(value.source):
                yield found[1], value.span and value.span.shifted(found.start()), IN_TEMPLATE
