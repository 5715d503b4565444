"""Random expressions, as a text and as what they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.properties.adding import Total
from tests.properties.rows import DIMENSIONS, Formula, Here, Row, Rows, Sort

TEXTS = ("", "a", "A", "é", "É", "O'Brien", 'a"b', "日本", "𝒳", "\ufffd", "ß", " a", "50%", "x_y")
"""Texts that databases like to confuse: by case, by accents, beyond 16 bits, with what SQL and LIKE take for their own."""
INTEGERS = (-3, -1, 0, 1, 2, 3, 5, 7)
DECIMALS = tuple(map(Decimal, ("-1.50", "0.00", "0.05", "2.00", "10.25")))
LITERALS: Mapping[str, tuple[Any, ...]] = {"integer": INTEGERS, "text": TEXTS, "decimal": DECIMALS}
DEEPEST = 2
Draw = st.DrawFn


@dataclass(frozen=True)
class Scope:
    """What can be named: columns by type, and collections, each with the scope inside it."""

    columns: tuple[Formula, ...]
    collections: Mapping[str, tuple[Callable[[Here], list[Row]], Scope]] = field(default_factory=dict)


def scope_of(rows: Rows, *, is_whole: bool = False) -> Scope:
    """Give what an expression over a population can name; of a whole dimension, its columns are the population's."""
    columns = [] if is_whole else [column_of(type_, name) for name, type_ in rows.types.items()]
    if rows.dimension is None:
        return Scope(tuple(columns))
    dimension = DIMENSIONS[rows.dimension]
    columns += [_own(f"target.{name}", type_, name) for name, type_ in dimension.types.items()]
    bare = dimension.types if is_whole else {}
    columns += [_own(name, type_, name) for name, type_ in bare.items()]
    collections = {}
    for name, link in dimension.links.items():
        far = DIMENSIONS[link.to]
        if link.many:
            inner = tuple(_column(each, type_, each) for each, type_ in far.types.items())
            inner += tuple(_own(f"target.{each}", type_, each) for each, type_ in dimension.types.items())
            collections[name] = (_lines(rows.dimension, name), Scope(inner))
        elif name not in rows.types:
            columns += [_far(rows.dimension, name, each, type_) for each, type_ in far.types.items()]
    return Scope(tuple(columns), collections)


def column_of(type_: str, name: str) -> Formula:
    return _column(f"row.{name}", type_, name)


def beside(name: str, type_: str) -> Formula:
    """Give a column of the population that an enrichment links, as its own rows name it."""
    return _column(name, type_, name)


def linked_scope(scope: Scope, types: Mapping[str, str], *, is_many: bool) -> Scope:
    """Give a scope with the population `with`: the one row of it that was found, and the collection of all."""

    def one(name: str) -> Callable[[Here], Any]:
        return lambda here: here.beside[0][name] if here.beside else None

    followed = tuple(Formula(f"with.{name}", type_, one(name)) for name, type_ in types.items())
    inside = Scope(tuple(beside(name, type_) for name, type_ in types.items()))
    lines: Callable[[Here], list[Row]] = lambda here: list(here.beside)  # noqa: E731
    collections = scope.collections if is_many else {**scope.collections, "with": (lines, inside)}
    return Scope((*scope.columns, *followed), collections)


def total(draw: Draw, scope: Scope) -> Total:
    """Draw an aggregate over rows."""
    name = draw(st.sampled_from(("count", "sum", "max")))
    if name == "count":
        return Total("count(*)", "integer", len)
    what = draw(
        st.sampled_from([each for each in scope.columns if each.type in ("integer", "decimal")] or [literal(1)])
    )

    def of(all_: list[Here]) -> Any:
        values = [each for here in all_ if (each := what.of(here)) is not None]
        return (sum(values) if name == "sum" else max(values)) if values else None

    return Total(f"{name}({what.text})", what.type, of)


def lowered(text: Formula) -> Formula:
    return _lifted(f"lower({text.text})", "text", str.lower, text)


def _column(text: str, type_: str, name: str) -> Formula:
    return Formula(text, type_, lambda here: here.row[name])


def _own(text: str, type_: str, name: str) -> Formula:
    return Formula(text, type_, lambda here: here.target[name] if here.target else None)


def _lines(dimension: str, link: str) -> Callable[[Here], list[Row]]:
    return lambda here: here.linked(dimension, link)


def _far(dimension: str, link: str, name: str, type_: str) -> Formula:
    def value(here: Here) -> Any:
        found = here.linked(dimension, link)
        return found[0][name] if found else None

    return Formula(f"{link}.{name}", type_, value)


def literal(value: Any) -> Formula:
    quoted = value.replace("'", "''") if isinstance(value, str) else ""
    type_ = "text" if isinstance(value, str) else "decimal" if isinstance(value, Decimal) else "integer"
    return Formula(f"'{quoted}'" if type_ == "text" else str(value), type_, lambda _here: value)


def value(draw: Draw, scope: Scope, types: tuple[str, ...] = ("integer", "text", "decimal"), depth: int = 0) -> Formula:
    """Draw a value of one of the types."""
    type_ = draw(st.sampled_from(types))
    columns = [each for each in scope.columns if each.type == type_]
    forms = ["column"] * (3 if columns else 0) + ["literal"]
    if depth < DEEPEST:
        forms += {"integer": ["plus", "case"], "text": ["lower", "joined", "coalesce"], "decimal": []}[type_]
        forms += {"integer": ["count", "sum", "max"], "text": ["min"], "decimal": ["sum", "max"]}[type_] * bool(
            scope.collections
        )
    match draw(st.sampled_from(forms)):
        case "column":
            return draw(st.sampled_from(columns))
        case "literal":
            return literal(draw(st.sampled_from(LITERALS[type_])))
        case "case":
            return _case(
                condition(draw, scope, depth + 1), *(value(draw, scope, (type_,), depth + 1) for _ in range(2))
            )
        case "lower":
            return lowered(value(draw, scope, (type_,), depth + 1))
        case "plus":
            return _binary("+", type_, lambda one, other: one + other, draw, scope, depth)
        case "joined":
            return _binary("||", type_, lambda one, other: one + other, draw, scope, depth)
        case "coalesce":
            one, other = (value(draw, scope, (type_,), depth + 1) for _ in range(2))
            return Formula(
                f"coalesce({one.text}, {other.text})",
                type_,
                lambda here: other.of(here) if one.of(here) is None else one.of(here),
            )
        case form:
            return _aggregate(draw, scope, form, type_)


def _lifted(text: str, type_: str, do: Callable[..., Any], *parts: Formula) -> Formula:
    """Give a formula that is null where one of its parts is."""

    def of(here: Here) -> Any:
        found = [part.of(here) for part in parts]
        return None if None in found else do(*found)

    return Formula(text, type_, of)


def _binary(sign: str, type_: str, do: Callable[..., Any], draw: Draw, scope: Scope, depth: int) -> Formula:
    one, other = (value(draw, scope, (type_,), depth + 1) for _ in range(2))
    return _lifted(f"({one.text} {sign} {other.text})", type_, do, one, other)


def _case(when: Formula, then: Formula, otherwise: Formula) -> Formula:
    return Formula(
        f"case when {when.text} then {then.text} else {otherwise.text} end",
        then.type,
        lambda here: then.of(here) if when.of(here) is True else otherwise.of(here),
    )


def _aggregate(draw: Draw, scope: Scope, name: str, type_: str) -> Formula:
    link = draw(st.sampled_from(sorted(scope.collections)))
    lines, inner = scope.collections[link]
    where = condition(draw, inner, DEEPEST - 1) if draw(st.booleans()) else None
    behind = f"{link} where {where.text}" if where else link

    def found(here: Here) -> list[Here]:
        each = (Here(line, here.target, here.tables) for line in lines(here))
        return [line for line in each if where is None or where.of(line) is True]

    if name == "count":
        return Formula(f"count({behind})", type_, lambda here: len(found(here)))
    own = [column for column in inner.columns if column.type == type_ and "." not in column.text]
    what = draw(st.sampled_from(own or [literal(LITERALS[type_][-1])]))
    function: Callable[[list[Any]], Any] = {"sum": sum, "min": min, "max": max}[name]

    def of(here: Here) -> Any:
        values = [each for line in found(here) if (each := what.of(line)) is not None]
        return function(values) if values else None

    return Formula(f"{name}({what.text} of {behind})", type_, of)


def condition(draw: Draw, scope: Scope, depth: int = 0) -> Formula:
    """Draw a condition; its value is true, false or None."""
    forms = ["compare"] * 3 + ["null", "in", "distinct"]
    forms += ["not", "and", "or"] * (depth < DEEPEST) + ["exists", "groups"] * bool(scope.collections)
    match draw(st.sampled_from(forms)):
        case "compare":
            return _compared(draw, scope, depth)
        case "null":
            part = value(draw, scope, depth=depth + 1)
            return Formula(f"{part.text} is null", "boolean", lambda here: part.of(here) is None)
        case "in":
            return _within(draw, scope, depth)
        case "distinct":
            one, other = _pair(draw, scope, depth)
            return Formula(
                f"{one.text} is distinct from {other.text}",
                "boolean",
                lambda here: one.of(here) != other.of(here),
            )
        case "not":
            part = condition(draw, scope, depth + 1)
            return _lifted(f"not ({part.text})", "boolean", lambda each: not each, part)
        case "exists":
            link = draw(st.sampled_from(sorted(scope.collections)))
            lines, inner = scope.collections[link]
            where = condition(draw, inner, DEEPEST - 1)
            return Formula(
                f"exists({link} where {where.text})",
                "boolean",
                lambda here: any(where.of(Here(line, here.target, here.tables)) is True for line in lines(here)),
            )
        case "groups":
            return _grouped(draw, scope)
        case word:
            return _joined(word, condition(draw, scope, depth + 1), condition(draw, scope, depth + 1))


def _grouped(draw: Draw, scope: Scope) -> Formula:
    """Say that a group of a collection's rows is so large."""
    link = draw(st.sampled_from(sorted(scope.collections)))
    lines, inner = scope.collections[link]
    by = draw(st.sampled_from([each for each in inner.columns if "." not in each.text]))
    least = draw(st.integers(1, 3))

    def of(here: Here) -> bool:
        groups = Counter(by.of(Here(line, here.target, here.tables)) for line in lines(here))
        return any(count >= least for count in groups.values())

    return Formula(f"exists({link} group by {by.text} having count(*) >= {least})", "boolean", of)


def _pair(draw: Draw, scope: Scope, depth: int) -> tuple[Formula, Formula]:
    one = value(draw, scope, depth=depth + 1)
    return one, value(draw, scope, (one.type,), depth + 1)


def _compared(draw: Draw, scope: Scope, depth: int) -> Formula:
    one, other = _pair(draw, scope, depth)
    signs: Mapping[str, Callable[[Any, Any], bool]] = {
        "=": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<": lambda a, b: a < b,
        ">=": lambda a, b: a >= b,
    }
    sign = draw(st.sampled_from(sorted(signs)))
    return _lifted(f"{one.text} {sign} {other.text}", "boolean", signs[sign], one, other)


def _within(draw: Draw, scope: Scope, depth: int) -> Formula:
    part = value(draw, scope, ("integer", "text"), depth + 1)
    values = draw(st.lists(st.sampled_from(LITERALS[part.type]), min_size=1, max_size=3, unique=True))
    listed = ", ".join(literal(each).text for each in values)
    return _lifted(f"{part.text} in ({listed})", "boolean", lambda found: found in values, part)


def _joined(word: str, one: Formula, other: Formula) -> Formula:
    decisive = word == "or"

    def of(here: Here) -> bool | None:
        found = [one.of(here), other.of(here)]
        return decisive if decisive in found else None if None in found else not decisive

    return Formula(f"({one.text}) {word} ({other.text})", "boolean", of)


def order(draw: Draw, scope: Scope, most: int = 2) -> list[Sort]:
    """Draw sort keys; a value written out sorts nothing, and is refused."""
    formulas = [value(draw, scope, depth=1) for _ in range(draw(st.integers(0, most)))]
    return [Sort(each, draw(st.booleans()), draw(st.booleans())) for each in formulas if each.text not in WRITTEN]


WRITTEN = {literal(each).text for values in LITERALS.values() for each in values}
