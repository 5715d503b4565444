"""The variables a workflow's options mention."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from engine.kit.expression import Expr, SortKey
from engine.kit.option import Deferred
from engine.kit.template import Template
from engine.lang.spec import ActivitySpec

IN_TEMPLATE = re.compile(r"""\bvars(?:\.|\[\s*['"])([A-Za-z_][A-Za-z0-9_]*)""")


def variables(activity: ActivitySpec) -> Iterator[str]:
    """Give the variables that an activity mentions, as often as it does."""
    yield from _variables(activity.activity)
    yield from _variables(activity.common)


def _variables(value: Any) -> Iterator[str]:
    match value:
        case Expr() | SortKey():
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
