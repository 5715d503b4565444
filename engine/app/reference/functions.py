"""The page of functions, from their own declarations."""

from __future__ import annotations

from engine.app.reference.markdown import code, document, prose
from engine.app.schema.parts import components
from engine.kit.expression.aggregates import AGGREGATES, WINDOWS
from engine.kit.expression.catalogue import SECTIONS
from engine.kit.expression.functions import Function, Parameter
from engine.registry import Registry

_HEAD = """\
What an expression can call. Each gives the same answer on every database; of a null it gives null unless its line says otherwise.
In the answers `run.date` is 2026-11-23, `run.time` 08:30 that day (UTC), `vars.name` the text Zoë, `vars.nothing` null, and `line` a
column that holds 1. Try one with `audienceflow eval "…"`."""
_AGGREGATES = """\
Over a to-many link, `sum(amount of purchases where amount > 10)`, or over the rows of a group; `exists(purchases where …)` says whether
there is a row at all."""
_WINDOWS = """\
Before `over (partition by … order by …)`. Aggregates can stand there too, except those that say not. In a condition, such as
`row_number() over (partition by city order by spend desc) = 1`, they look at all rows of the population, before it keeps any. None
stands inside of a collection, a sort key, what rows are grouped by, or another window."""


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
    words = {"Aggregates": prose(_AGGREGATES), "Windows": prose(_WINDOWS)}
    parts: list[str] = []
    for title, each in sections:
        if each:
            parts += [f"## {title}", words.get(title, ""), *map(_function, each)]
    return document("Functions", prose(_HEAD), *parts)


def _function(function: Function) -> str:
    takes = "; ".join(map(_parameter, function.parameters)) or "It takes nothing"
    text, answer = function.example
    told = code(answer) if answer else "the empty text" if answer == "" else "null"
    shown = f"{code(text)} is {told}." if text else ""
    types = f"{takes}. It gives {function.gives}."
    return "\n\n".join(filter(None, (f"### {function.name}", code(function.signature), function.doc, types, shown)))


def _parameter(parameter: Parameter) -> str:
    name, _, kinds = str(parameter).partition(": ")
    return f"{code(name)}: {kinds}{', may be left out' if parameter.optional else ''}"
