"""Aggregates over rows, plain or over a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect, Over, Sql
from engine.kit.expression.arithmetic import quotient_type
from engine.kit.expression.builder import COLLECTIONS
from engine.kit.expression.value import Value, cure_of_carried, typed
from engine.kit.types import INTEGER, TEXT, Kind, Type

AGGREGATES = tuple(name for name in COLLECTIONS if name != "exists")
RANKINGS = ("row_number", "rank", "dense_rank")
NEIGHBOURS = ("lag", "lead")
WINDOWS = (*RANKINGS, *NEIGHBOURS, *(name for name in AGGREGATES if name not in ("count_distinct", "string_agg")))
SEPARATOR = ","


class Unfit(Exception):
    """The aggregate does not take this value: which argument, why, what to type."""

    def __init__(self, index: int, message: str, fix: str) -> None:
        super().__init__(message)
        self.index, self.message, self.fix = index, message, fix


def plainly(function: Any) -> Sql:
    return function  # type: ignore[no-any-return]


def aggregated(dialect: Dialect, name: str, values: Sequence[Value], over: Over = plainly) -> Value:
    """Give an aggregate. Nulls are left out; over nothing a count is 0 and the others are null."""
    if name == "count" and not values:
        return Value(over(sa.func.count()), INTEGER)
    value = values[0]
    match name:
        case "count":
            return Value(over(sa.func.count(value.sql)), INTEGER)
        case "count_distinct":
            return Value(over(sa.func.count(sa.distinct(value.sql))), INTEGER)
        case "sum":
            return typed(dialect.sum(value.sql, _number(name, value), over), value.type)
        case "avg":
            total = dialect.sum(value.sql, _number(name, value), over)
            type_ = quotient_type(value.type, INTEGER)
            mean = dialect.divide(total, over(sa.func.count(value.sql)), (value.type, INTEGER), type_)
            return typed(mean, type_)
        case "string_agg":
            if value.type != TEXT or any(each.type != TEXT for each in values):
                raise Unfit(0, f"string_agg joins texts, and this is {value.type}", "write to_string(…) around it")
            separator = values[1].sql if len(values) > 1 else sa.literal(SEPARATOR, sa.String())
            return typed(dialect.join_texts(value.sql, separator), TEXT)
        case _:
            return _extreme(dialect, name, value, over)


def _number(name: str, value: Value) -> Type:
    if not value.type.is_numeric:
        fix = cure_of_carried(value.type) if value.type.is_carried else "write a number"
        raise Unfit(0, f"{name} needs a number, and this is {value.type}", fix)
    return value.type


def _extreme(dialect: Dialect, name: str, value: Value, over: Over) -> Value:
    if value.type.is_carried or value.type.kind in (Kind.BOOLEAN, Kind.INTERVAL, Kind.NULL):
        fix = cure_of_carried(value.type) if value.type.is_carried else "write a number, text or time"
        raise Unfit(0, f"{name} needs values that have an order, and this is {value.type}", fix)
    function = sa.func.min if name == "min" else sa.func.max
    return typed(over(function(dialect.collated(value.sql) if value.type == TEXT else value.sql)), value.type)
