"""What the functions of all sections are declared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect, Sql
from engine.kit.expression.functions import ANY, INTEGERS, NUMBERS, TEXTS, TIMES, Parameter, Written
from engine.kit.expression.value import Value, alike, common_type, compared, literal
from engine.kit.types import DATE, INTEGER, TIMESTAMP, Kind, Type

A_TEXT = Parameter("text", TEXTS)
A_NUMBER = Parameter("number", NUMBERS)
A_DATE = Parameter("date", TIMES)
A_COUNT = Parameter("n", INTEGERS)
A_VALUE = Parameter("value", ANY)
DIGITS = Written("a number from 0 to 12", lambda value: isinstance(value, int) and 0 <= value <= 12)
ONE, ZERO = literal(1).sql, literal(0).sql
EMPTY = literal("").sql

_LONGEST = 2**31 - 1

Build = Callable[..., Any]


def common(values: tuple[Value, ...]) -> Type | None:
    """the type that holds all values"""
    return common_type([value.type for value in values])


def first(values: tuple[Value, ...]) -> Type:
    """the type of the first"""
    return values[0].type


def rounded(values: tuple[Value, ...]) -> Type:
    """integer, or decimal(digits) where digits are told"""
    digits = values[1].known if len(values) > 1 else 0
    return INTEGER if digits == 0 else Type(Kind.DECIMAL, digits)


def alike_all(dialect: Dialect, values: tuple[Value, ...]) -> tuple[list[Sql], Type]:
    """Give the values as the one type that holds them, which was checked to exist."""
    type_ = common(values)
    assert type_ is not None  # noqa: S101 - the result's type was asked for before
    return alike(dialect, values, type_), type_


def best(operator: str) -> Build:
    """Build the choice of the greatest (`>=`) or least (`<=`) value; of a null, null."""

    def build(dialect: Dialect, *values: Value) -> Sql:
        sqls, type_ = alike_all(dialect, values)
        best, *others = (Value(sql, type_) for sql in sqls)
        for other in others:
            chosen = sa.case(
                (compared(dialect, operator, best, other), best.sql),
                (other.sql.is_not(None) & best.sql.is_not(None), other.sql),
            )
            best = Value(chosen, type_)
        return best.sql

    return build


def at_least(value: Value, least: int) -> Sql:
    """Give a count of characters: `least` where the number is less, and no more than a text can have."""
    if isinstance(value.known, int):
        return literal(min(max(value.known, least), _LONGEST)).sql
    return sa.case(
        (value.sql < literal(least).sql, literal(least).sql),
        (value.sql > literal(_LONGEST).sql, literal(_LONGEST).sql),
        else_=value.sql,
    )


def day(dialect: Dialect, value: Value) -> Sql:
    """Give the day of a date or timestamp."""
    return value.sql if value.type == DATE else dialect.date(value.sql)


def moment(dialect: Dialect, value: Value) -> Sql:
    """Give a timestamp; a date is its midnight."""
    return dialect.cast(value.sql, value.type, TIMESTAMP)
