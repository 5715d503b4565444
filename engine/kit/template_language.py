"""What stands in a template: names, filters and operators of jinja2, in its sandbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS

from engine.kit.errors import AuthorError, DataError, Span, suggestion

LONGEST = 4_000
DEEPEST = 40

_FIX = "write {{ vars.name }} or {{ run.date }}"
_CLOSING = {"{{": "}}", "{%": "%}", "{#": "#}"}
_FILTERS = (
    "abs",
    "capitalize",
    "d",
    "default",
    "first",
    "float",
    "int",
    "last",
    "length",
    "lower",
    "string",
    "title",
    "trim",
    "upper",
)
_TESTS = (
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "boolean",
    "defined",
    "even",
    "false",
    "none",
    "number",
    "odd",
    "string",
    "true",
    "undefined",
)
_METHODS = ("isoformat", "strftime")
_PARTS = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Keyword,
    nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Concat, nodes.Test, nodes.Filter,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Call,
)  # fmt: skip
"""What a template may be made of. Nothing in it repeats, and nothing makes a text much longer than what went in."""


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(("*", "%"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not isinstance(left, int | float | Decimal) or not isinstance(right, int | float | Decimal):
            raise SecurityError(f"'{operator}' takes numbers")
        return super().call_binop(context, operator, left, right)


def _value(value: Any) -> Any:
    """Give what `{{ … }}` came to; anything but a plain value would be shown as Python shows it, with its address."""
    if isinstance(value, str | int | float | Decimal | date | time | Undefined) or value is None:
        return value
    raise SecurityError(f"'{type(value).__name__}' is no value that can be written")


_ENVIRONMENT = _Environment(undefined=StrictUndefined, autoescape=False, finalize=_value)
_ENVIRONMENT.globals = {}
_ENVIRONMENT.filters = {name: FILTERS[name] for name in _FILTERS}
_ENVIRONMENT.tests = {name: TESTS[name] for name in _TESTS}


_GONE_WRONG = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError)
"""What the author's own expressions raise while they are computed; `include` has no loader, which is a TypeError."""


def problem(source: str) -> tuple[str, str, int] | None:
    """Say what is wrong with a template, what to type, and at which character; None where it can be read."""
    try:
        return _refused(source)
    except TemplateSyntaxError as wrong:
        return _explained(wrong.message or "it is cut off", source)
    except (RecursionError, ValueError):  # brackets or digits without end
        return "it nests too deep, or holds a number that is too long", _FIX, 0


def render(source: str, span: Span | None, names: Mapping[str, Any]) -> str:
    """Fill a template in; AuthorError when a name in it is not known, DataError when what it computes goes wrong."""
    try:
        return _ENVIRONMENT.from_string(source).render(names)
    except UndefinedError as wrong:
        unknown = meta.find_undeclared_variables(_ENVIRONMENT.parse(source)) - names.keys()
        if unknown:
            raise _unknown(min(unknown), source, span) from None
        raise AuthorError.at(
            span,
            "T002",
            f"the template '{source}' asks for what is not there: {wrong.message}",
            "declare it under 'variables'",
        ) from None
    except _GONE_WRONG as wrong:
        raise DataError(f"the template '{source}' cannot be rendered: {wrong}", _FIX) from None


def _unknown(name: str, source: str, span: Span | None) -> AuthorError:
    """Give the error of a name that is neither `vars` nor `run`."""
    found = re.search(rf"\b{re.escape(name)}\b", source)
    fix = f"write run.date, or vars.{name} and declare it under 'variables'"
    return AuthorError.at(
        span and span.shifted(found.start() if found else 0), "T002", f"there is no '{name}' in a template", fix
    )


def _explained(said: str, source: str) -> tuple[str, str, int]:
    """Say in an author's words what jinja2 says of a template, what to type, and where."""
    opened = max(source.rfind(mark) for mark in _CLOSING)
    closing = _CLOSING.get(source[opened : opened + 2], "")
    if closing and closing not in source[opened:]:
        return (
            f"the '{source[opened : opened + 2]}' that opens here is never closed",
            f"close it with '{closing}'",
            opened,
        )
    return said.removesuffix("."), _FIX, 0


def _refused(source: str) -> tuple[str, str, int] | None:
    """Say what a template may not hold, if it holds it, what to type, and where. Raises what jinja2 does where it is none."""
    if len(source) > LONGEST:
        return f"it has {len(source):,} characters, more than {LONGEST:,}", "write less", 0
    waiting: list[tuple[nodes.Node, int]] = [(_ENVIRONMENT.parse(source), 0)]
    while waiting:
        node, depth = waiting.pop()
        wrong = "it nests too deep" if depth > DEEPEST else _what_is_refused(node)
        if wrong and isinstance(node, nodes.Filter):
            return wrong, suggestion(node.name, _FILTERS, "filters"), source.find(node.name)
        if wrong:
            return wrong, _FIX, 0
        waiting.extend((child, depth + 1) for child in node.iter_child_nodes())
    return None


def _what_is_refused(node: nodes.Node) -> str:
    match node:
        case nodes.Call(node=nodes.Getattr(attr=method)) if method in _METHODS:
            return ""
        case nodes.Call():
            return f"nothing is called in it but {' and '.join(_METHODS)}"
        case nodes.Filter(name=name) if name not in _FILTERS:
            return f"there is no filter '{name}'"
        case nodes.Test(name=name) if name not in _TESTS:
            return f"there is no test '{name}', but {', '.join(_TESTS)}"
        case nodes.Getattr(attr=name) if name.startswith("_"):
            return f"'{name}' is a name of Python's own"
        case _ if not isinstance(node, _PARTS):
            return f"'{type(node).__name__.lower()}' is not part of it; it has names, filters, operators and {{% if %}}"
        case _:
            return ""
