"""The page of functions, from their own declarations."""

from __future__ import annotations

from collections.abc import Iterable

from engine.app.reference.markdown import code, document, table
from engine.app.schema.parts import components
from engine.kit.expression.aggregates import AGGREGATES, WINDOWS
from engine.kit.expression.catalogue import SECTIONS
from engine.kit.expression.functions import Function
from engine.registry import Registry

_HEAD = """\
What an expression can call. Each gives the same answer on every database; of a null it gives null unless its line says otherwise.
In the answers `run.date` is 2026-11-23, `run.time` 08:30 that day (UTC), `vars.name` the text Zoë, `vars.nothing` null, and `line` a
column that holds 1. Try one with `audienceflow eval "…"`."""
_AGGREGATES = """\
Over a to-many link, `sum(amount of purchases where amount > 10)`, or over the rows of a group; `exists(purchases where …)` says whether
there is a row at all."""
_WINDOWS = "Before `over (partition by … order by …)`. Aggregates can stand there too, except those that say not."


def page(registry: Registry) -> str:
    """Give the page of all functions, those of plugins under a heading of their own."""
    only = [function for name, function in WINDOWS.items() if name not in AGGREGATES]
    plugins: list[Function] = list(components(registry, "function").values())
    sections = [
        *SECTIONS.items(),
        ("Aggregates", tuple(AGGREGATES.values())),
        ("Windows", only),
        ("From plugins", plugins),
    ]
    words = {"Aggregates": _AGGREGATES, "Windows": _WINDOWS}
    parts = (
        part
        for title, functions in sections
        if functions
        for part in (f"## {title}", words.get(title, ""), _table(functions))
    )
    return document(
        "Functions",
        _HEAD.replace("\n", " "),
        *(part.replace("\n", " ") if part in words.values() else part for part in parts),
    )


def _table(functions: Iterable[Function]) -> str:
    return table(("function", "takes", "gives", "what it does", "example", "answer"), map(_row, functions))


def _row(function: Function) -> tuple[str, ...]:
    takes = "; ".join(
        f"{parameter}{' (may be left out)' if parameter.optional else ''}" for parameter in function.parameters
    )
    text, answer = function.example
    told = code(answer) if answer else "the empty text" if answer == "" else "null"
    return (code(function.signature), takes, function.gives, function.doc, code(text), told if text else "")
