"""The types that arithmetic gives, and its SQL."""

from __future__ import annotations

from engine.kit.dialect import Dialect
from engine.kit.expression.tree import Interval
from engine.kit.expression.value import Value, literal, typed
from engine.kit.types import DATE, FLOAT, INTEGER, TIMESTAMP, Kind, Type

QUOTIENT_SCALE = 6
"""A quotient has six digits after the point, or the dividend's where it has more."""
LARGEST_SCALE = 12
"""A product of decimals keeps all digits up to so many after the point."""


def computed(dialect: Dialect, operator: str, left: Value, right: Value) -> Value:
    """Compute with two numbers: integers give an integer (but `/`), decimals a decimal, and a float makes it float."""
    types = (left.type, right.type)
    if operator == "/":
        type_ = quotient_type(*types)
        return typed(dialect.divide(left.sql, right.sql, types, type_), type_)
    type_ = _type(operator, *types)
    return typed(dialect.arithmetic(operator, left.sql, right.sql, types, type_), type_)


def quotient_type(dividend: Type, divisor: Type) -> Type:
    if FLOAT in (dividend, divisor):
        return FLOAT
    return Type(Kind.DECIMAL, max(QUOTIENT_SCALE, dividend.scale or 0))


def _type(operator: str, left: Type, right: Type) -> Type:
    if FLOAT in (left, right):
        return FLOAT
    if left == right == INTEGER:
        return INTEGER
    scales = (left.scale or 0, right.scale or 0)
    return Type(Kind.DECIMAL, min(sum(scales), LARGEST_SCALE) if operator == "*" else max(scales))


def moved(dialect: Dialect, value: Value, interval: Interval, sign: int = 1) -> Value:
    """Move a date or timestamp: months first (to the month's last day at most), then days, then seconds."""
    if interval.seconds and value.type == DATE:
        value = Value(dialect.cast(value.sql, DATE, TIMESTAMP), TIMESTAMP)
    sql = value.sql
    if interval.months:
        sql = dialect.shift(sql, value.type, "months", literal(sign * interval.months).sql)
    if interval.days:
        sql = dialect.shift(sql, value.type, "days", literal(sign * interval.days).sql)
    if interval.seconds:
        sql = dialect.shift(sql, value.type, "seconds", literal(sign * interval.seconds).sql)
    return typed(sql, value.type)
