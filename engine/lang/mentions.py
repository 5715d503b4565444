"""What stands in a workflow's options: its expressions, its texts, and the variables they mention."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from engine.kit.errors import Span
from engine.kit.expression import Expr, SortKey
from engine.kit.limit import Limit
from engine.kit.option import Deferred
from engine.kit.template import Template
from engine.lang.spec import ActivitySpec

Path = tuple[str, ...]

IN_EXPRESSION, IN_TEMPLATE = "E308", "T002"
NAMED = re.compile(r"""\bvars(?:\.|\[\s*['"])([A-Za-z_][A-Za-z0-9_]*)""")


def values(activity: ActivitySpec) -> Iterator[tuple[Path, Any]]:
    """Give every option's value, and all inside it, the whole before its parts, with the names that lead there."""
    for part in (activity.activity, activity.common):
        yield from _inside((), part)


def expressions(activity: ActivitySpec) -> Iterator[Expr | SortKey]:
    """Give every expression, those of sort keys and deferred options too."""
    for _, value in values(activity):
        match value:
            case Expr() | SortKey():
                yield value
            case Deferred():
                yield value.expression


def limits(activity: ActivitySpec) -> Iterator[tuple[Path, Limit]]:
    """Give every size, with the names that lead there: `subsets`, `vip`, `limit`."""
    for path, value in values(activity):
        if isinstance(value, Limit):
            yield path, value


def variables(activity: ActivitySpec) -> Iterator[str]:
    """Give the variables that an activity mentions, as often as it does."""
    return (name for name, _, _ in places(activity))


def places(activity: ActivitySpec) -> Iterator[tuple[str, Span | None, str]]:
    """Give every mention of a variable, its place, and the code of one that nobody declares."""
    for expression in expressions(activity):
        for mention in expression.names():
            if mention.kind == "value" and mention.name.startswith("vars."):
                yield mention.name.split(".")[1], mention.span, IN_EXPRESSION
    for _, value in values(activity):
        if isinstance(value, Template) and not value.is_literal:
            for found in NAMED.finditer(value.source):
                yield found[1], value.span and value.span.shifted(found.start()), IN_TEMPLATE


def _inside(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    yield path, value
    match value:
        case BaseModel():
            for name in type(value).model_fields:
                yield from _inside((*path, name), getattr(value, name))
        case tuple() | list():
            for item in value:
                yield from _inside(path, item)
        case dict():
            for name, item in value.items():
                yield from _inside((*path, str(name)), item)
