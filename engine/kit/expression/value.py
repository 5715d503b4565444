"""Typed SQL values: how literals become bind parameters, and how types agree."""

from __future__ import annotations

import operator as operators
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect, Sql
from engine.kit.expression.tree import Interval
from engine.kit.types import (
    BOOLEAN,
    DATE,
    FLOAT,
    INTEGER,
    INTERVAL,
    NULL,
    TEXT,
    TIMESTAMP,
    Kind,
    Type,
    from_sqlalchemy,
    to_sqlalchemy,
)

_OPERATORS = {
    "=": operators.eq, "!=": operators.ne, "<": operators.lt, "<=": operators.le, ">": operators.gt, ">=": operators.ge,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Value:
    """An SQL expression with its portable type; `known` is its value where it was written out or bound."""

    sql: Sql
    type: Type
    known: Any = None


def typed(sql: Any, type_: Type) -> Value:
    """Give the expression a portable type, so that its results are read as such."""
    is_typed = from_sqlalchemy(sql.type) == type_
    return Value(sql if is_typed else sa.type_coerce(sql, to_sqlalchemy(type_)), type_)


def literal(value: object, type_: Type | None = None) -> Value:
    """Give a bind parameter of the value; an aware time is turned to UTC, an absent value is a typed null."""
    type_ = type_ or type_of(value)
    match value:
        case None:
            return Value(sa.null() if type_ == NULL else sa.cast(sa.null(), to_sqlalchemy(type_)), type_)
        case Interval():
            return Value(sa.null(), INTERVAL, value)
        case bool():
            return Value(sa.true() if value else sa.false(), BOOLEAN, value)
        case datetime() if value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        case Decimal() if type_.kind == Kind.DECIMAL:
            return Value(sa.literal(value, sa.Numeric(38, type_.scale)), type_, value)
    return Value(sa.literal(value, to_sqlalchemy(type_)), type_, value)


def type_of(value: object) -> Type:
    """Give the portable type of a value written out."""
    match value:
        case None:
            return NULL
        case bool():
            return BOOLEAN
        case int():
            return INTEGER
        case Decimal():
            exponent = value.as_tuple().exponent
            return Type(Kind.DECIMAL, max(0, -exponent) if isinstance(exponent, int) else 0)
        case float():
            return FLOAT
        case datetime():
            return TIMESTAMP
        case date():
            return DATE
        case Interval():
            return INTERVAL
        case _:
            return TEXT


def cure_of_carried(type_: Type) -> str:
    """Say what to type instead of a value that is only carried."""
    if type_.kind == Kind.DECIMAL:
        return "write round(…, 2) around it, declare it NUMERIC(p, s), or make a view that casts it: nothing says its digits after the point"
    return "use another column: values of this type are carried, not computed with"


def common_type(types: Sequence[Type]) -> Type | None:
    """Give the type that holds values of all these types, or nothing when they do not go together."""
    kinds = {type_.kind for type_ in types} - {Kind.NULL}
    if not kinds:
        return NULL
    if Kind.INTERVAL in kinds or any(type_.is_carried for type_ in types):
        return None
    if len(kinds) == 1 and kinds != {Kind.DECIMAL}:
        return Type(kinds.pop())
    if kinds == {Kind.DATE, Kind.TIMESTAMP}:
        return TIMESTAMP
    if not all(type_.is_numeric or type_ == NULL for type_ in types):
        return None
    return FLOAT if Kind.FLOAT in kinds else Type(Kind.DECIMAL, max(type_.scale or 0 for type_ in types))


def alike(dialect: Dialect, values: Sequence[Value], type_: Type) -> list[Sql]:
    """Give the values as one type, so that a CASE or COALESCE of them is one."""
    return [dialect.cast(value.sql, value.type, type_) if value.type != NULL else null_of(type_) for value in values]


def null_of(type_: Type) -> Sql:
    return sa.cast(sa.null(), to_sqlalchemy(type_))


def compared(dialect: Dialect, operator: str, left: Value, right: Value) -> sa.ColumnElement[bool]:
    """Compare two values whose types go together. A date beside a timestamp is its midnight; of a null, null."""
    left_sql, right_sql = paired(dialect, left, right)
    if TEXT in (left.type, right.type) and operator not in ("=", "!="):
        left_sql, right_sql = dialect.collated(left_sql), dialect.collated(right_sql)
    result: sa.ColumnElement[bool] = _OPERATORS[operator](left_sql, right_sql)
    implied = dialect.implied(operator, left_sql, right_sql)
    return result if implied is None else sa.and_(implied, result)


def paired(dialect: Dialect, left: Value, right: Value) -> tuple[Any, Any]:
    """Give both sides so that the database compares them as we mean: only a date beside a timestamp changes."""
    if {left.type, right.type} == {DATE, TIMESTAMP}:
        return dialect.cast(left.sql, left.type, TIMESTAMP), dialect.cast(right.sql, right.type, TIMESTAMP)
    return (
        null_of(right.type) if left.type == NULL else left.sql,
        null_of(left.type) if right.type == NULL else right.sql,
    )
