"""The types that arithmetic gives, and its SQL."""

from __future__ import annotations

from engine.kit.dialect import Dialect
from engine.kit.expression.value import Value, typed
from engine.kit.types import FLOAT, INTEGER, Kind, Type

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
