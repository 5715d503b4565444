"""Aggregates over rows, plain or over a window, and the functions that only a window has.

Their `build` gets the dialect, what wraps an aggregate (itself, or a window), then the arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect, Over, Sql
from engine.kit.expression.arithmetic import quotient_type
from engine.kit.expression.functions import ANY, INTEGERS, NUMBERS, TEXTS, Function, Parameter, Written
from engine.kit.expression.value import Value
from engine.kit.types import FLOAT, INTEGER, TEXT, Kind, Type

_DEVIATION = Type(Kind.DECIMAL, 6)
_SEPARATOR = ","
_A_NUMBER = Parameter("value", NUMBERS)
_ORDERED = Parameter("value", ANY - {Kind.BOOLEAN, Kind.NULL})
_TILES = Written("a number above 0", lambda value: isinstance(value, int) and value > 0)


def plainly(function: Any) -> Sql:
    return function  # type: ignore[no-any-return]


def _first(values: tuple[Value, ...]) -> Type:
    """the type of the first"""
    return values[0].type


def _mean_type(values: tuple[Value, ...]) -> Type:
    """decimal(6), or float of floats"""
    return quotient_type(values[0].type, INTEGER)


def _count(dialect: Dialect, over: Over, value: Value | None = None) -> Sql:  # noqa: ARG001
    return over(sa.func.count() if value is None else sa.func.count(value.sql))


def _sum(dialect: Dialect, over: Over, value: Value) -> Sql:
    return dialect.sum(value.sql, value.type, over)


def _avg(dialect: Dialect, over: Over, value: Value) -> Sql:
    count = over(sa.func.count(value.sql))
    return dialect.divide(_sum(dialect, over, value), count, (value.type, INTEGER), _mean_type((value,)))


def _std_dev(dialect: Dialect, over: Over, value: Value) -> Sql:
    if value.type == FLOAT:
        value = Value(dialect.round(value.sql, FLOAT, 6), _DEVIATION)
    return dialect.round(dialect.deviation(value.sql, value.type, over), FLOAT, 6)


def _extreme(function: Callable[..., Any]) -> Callable[..., Any]:
    def build(dialect: Dialect, over: Over, value: Value) -> Sql:
        return over(function(dialect.collated(value.sql) if value.type == TEXT else value.sql))

    return build


def _string_agg(dialect: Dialect, over: Over, value: Value, separator: Value | None = None) -> Sql:  # noqa: ARG001
    between = separator.sql if separator else sa.literal(_SEPARATOR, sa.String())
    return dialect.join_texts(value.sql, between)


def _ranking(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda _dialect, over: over(function())


def _neighbour(function: Callable[..., Any]) -> Callable[..., Any]:
    def build(dialect: Dialect, over: Over, value: Value, steps: Value | None = None) -> Sql:  # noqa: ARG001
        return over(function(value.sql, *([sa.cast(steps.sql, sa.Integer())] if steps else [])))

    return build


_AGGREGATES = (
    Function(name="count", parameters=(Parameter("value", ANY, optional=True),), result=INTEGER, build=_count,
             doc="How many values are not null; `count(*)`, or `count(link)`, counts rows and is CountAll. Over nothing 0.",
             example=("count(*)", "1")),
    Function(name="count_distinct", parameters=(Parameter("value", ANY),), result=INTEGER,
             build=lambda _dialect, over, value: over(sa.func.count(sa.distinct(value.sql))),
             doc="How many different values there are, null not among them. Over nothing 0. Not over a window.",
             example=("count_distinct(line)", "1")),
    Function(name="sum", parameters=(_A_NUMBER,), result=_first, build=_sum,
             doc="The sum, exact unless the numbers are floats. Nulls are left out; over nothing null.",
             example=("sum(line)", "1")),
    Function(name="avg", parameters=(_A_NUMBER,), result=_mean_type, build=_avg,
             doc="The sum by the count, rounded half away from zero. Nulls are left out; over nothing null.",
             example=("avg(line)", "1.000000")),
    Function(name="std_dev", parameters=(_A_NUMBER,), result=_DEVIATION, build=_std_dev,
             doc="The standard deviation of a sample (n-1), from exact sums, rounded to 6 digits; a float counts by its 6 digits after the "
                 "point. Nulls are left out; of fewer than two values null. Values of 11 digits may have ten million rows.",
             example=("std_dev(line)", None)),
    *(Function(name=name, parameters=(_ORDERED,), result=_first, build=_extreme(function),
               doc=f"The {what} number, text (by code point) or time. Nulls are left out; over nothing null.",
               example=(f"{name}(line)", "1"))
      for name, function, what in (("min", sa.func.min, "least"), ("max", sa.func.max, "greatest"))),
    Function(name="string_agg", parameters=(Parameter("text", TEXTS), Parameter("separator", TEXTS, optional=True)), result=TEXT,
             build=_string_agg,
             doc="The texts in the order of their code points, with a separator (a comma) between. Nulls are left out; over nothing null. "
                 "Not over a window.",
             example=("string_agg(vars.name, ', ')", "Zoë")),
)  # fmt: skip
AGGREGATES: Mapping[str, Function] = {each.name: each for each in _AGGREGATES}

_WINDOWS = (
    Function(name="row_number", parameters=(), result=INTEGER, build=_ranking(sa.func.row_number),
             doc="The place in the window's order, from 1; rows that are equal in it are told apart by the key. It is RowNum.",
             example=("row_number() over (order by line)", "1")),
    Function(name="rank", parameters=(), result=INTEGER, build=_ranking(sa.func.rank),
             doc="The place in the window's order, from 1; equal rows share it, and as many places after it are left out.",
             example=("rank() over (order by line)", "1")),
    Function(name="dense_rank", parameters=(), result=INTEGER, build=_ranking(sa.func.dense_rank),
             doc="The place in the window's order, from 1; equal rows share it, and none is left out.",
             example=("dense_rank() over (order by line)", "1")),
    Function(name="ntile", parameters=(Parameter("n", INTEGERS, written=_TILES),), result=INTEGER,
             build=lambda _dialect, over, count: over(sa.func.ntile(sa.cast(count.sql, sa.Integer()))),
             doc="Which of n parts of the window the row is in, from 1: as many rows in each as can be, more in the first ones; rows that "
                 "are equal in its order are told apart by the key.",
             example=("ntile(10) over (order by line)", "1")),
    *(Function(name=name, parameters=(Parameter("value", ANY), Parameter("n", INTEGERS, optional=True)), result=_first,
               build=_neighbour(function), doc=f"The value n rows (1) {where} this one in the window's order; null where there is none.",
               example=(f"{name}(line) over (order by line)", None))
      for name, function, where in (("lag", sa.func.lag, "before"), ("lead", sa.func.lead, "behind"))),
)  # fmt: skip
WINDOWS: Mapping[str, Function] = {
    **{each.name: each for each in _WINDOWS},
    **{name: each for name, each in AGGREGATES.items() if name not in ("count_distinct", "string_agg")},
}
"""What can stand before `over`."""

TIED = ("row_number", "ntile", "lag", "lead")
"""Functions that tell equal rows apart, so the key ends their window's order."""
