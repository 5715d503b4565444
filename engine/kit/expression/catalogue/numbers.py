"""Numbers. What is exact stays exact; roots, logarithms and distances are doubles, rounded to so many digits that all databases agree."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Curve, Dialect, Sql
from engine.kit.expression.arithmetic import computed, quotient_type
from engine.kit.expression.catalogue.signatures import (
    A_NUMBER,
    A_VALUE,
    DIGITS,
    ONE,
    ZERO,
    Build,
    best,
    common,
    first,
    rounded,
)
from engine.kit.expression.functions import EXACT, INTEGERS, NUMBERS, TEXTS, Function, Parameter
from engine.kit.expression.value import Value, literal
from engine.kit.types import BOOLEAN, FLOAT, INTEGER, TEXT, Kind, Type

_CURVE = Type(Kind.DECIMAL, 6)
_LARGEST = 10**9
"""With six digits after the point fifteen in all, which is what doubles of one value have in common on all machines and databases."""
_SIZE = 20.7232658369464
"""The natural logarithm of the largest."""
_KILOMETRES = Type(Kind.DECIMAL, 3)
_EARTH_RADIUS = 6371.0088
"""The mean radius in kilometres (IUGG)."""
_DEGREE = 0.017453292519943295


def _sign(dialect: Dialect, value: Value) -> Sql:  # noqa: ARG001
    return sa.case((value.sql > ZERO, ONE), (value.sql < ZERO, literal(-1).sql), (value.sql == ZERO, ZERO))


def _round(dialect: Dialect, value: Value, digits: Value | None = None) -> Sql:
    return dialect.round(value.sql, value.type, digits.known if digits else 0)


def _trunc(dialect: Dialect, value: Value, digits: Value | None = None) -> Sql:
    kept = digits.known if digits else 0
    if value.type != FLOAT and kept >= (value.type.scale or 0):
        return dialect.cast(value.sql, value.type, Type(Kind.DECIMAL, kept) if kept else INTEGER)
    return dialect.trunc(value.sql, value.type, kept)


def _percent(dialect: Dialect, part: Value, whole: Value) -> Sql:
    return computed(dialect, "/", computed(dialect, "*", part, literal(100)), whole).sql


def _to_integer(dialect: Dialect, value: Value) -> Sql:
    return dialect.parse_integer(value.sql) if value.type == TEXT else dialect.whole(value.sql, value.type, "zero")


def _to_decimal(dialect: Dialect, value: Value, digits: Value) -> Sql:
    wanted = Type(Kind.DECIMAL, digits.known)
    if value.type == TEXT:
        return dialect.parse_decimal(value.sql, digits.known)
    return dialect.cast(
        dialect.round(value.sql, value.type, digits.known), INTEGER if digits.known == 0 else wanted, wanted
    )


# doubles


def _double(dialect: Dialect, value: Value) -> Sql:
    return dialect.cast(value.sql, value.type, FLOAT)


def _float(value: float) -> Sql:
    return literal(float(value)).sql


def _root(dialect: Dialect, value: Value) -> Sql:
    number = _double(dialect, value)
    is_root = (number >= _float(0)) & (number < _float(_LARGEST**2))
    return dialect.round(dialect.curve("sqrt", sa.case((is_root, number))), FLOAT, 6)


def _logarithm(name: Curve) -> Build:
    def build(dialect: Dialect, value: Value) -> Sql:
        number = _double(dialect, value)
        return dialect.round(dialect.curve(name, sa.case((number > _float(0), number))), FLOAT, 6)

    return build


def _exp(dialect: Dialect, value: Value) -> Sql:
    number = _double(dialect, value)
    return dialect.round(_within(number, dialect.curve("exp", number)), FLOAT, 6)


def _power(dialect: Dialect, value: Value, exponent: Value) -> Sql:
    """Ask the logarithm first how large the result is: a database fails where a double overflows."""
    number, raised = _double(dialect, value), _double(dialect, exponent)
    short = sa.case((sa.func.abs(raised) < _float(10**15), raised))
    is_whole = dialect.whole(short, FLOAT, "down") == raised
    size = raised * dialect.curve("ln", sa.case((number != _float(0), sa.func.abs(number))))
    power = sa.case(
        (number == _float(0), sa.case((raised > _float(0), _float(0)), (raised == _float(0), _float(1)))),
        ((number > _float(0)) | is_whole, _within(size, dialect.curve("power", number, raised))),
    )
    return dialect.round(power, FLOAT, 6)


def _within(size: Sql, value: Sql) -> Sql:
    """Give 0 for what is too small to show, and null for what is too large, by its natural logarithm."""
    return sa.case((size < _float(-_SIZE), _float(0)), (size < _float(_SIZE), value))


def _distance(dialect: Dialect, *degrees: Value) -> Sql:
    """Use the haversine, which is exact for short distances too."""
    lon_a, lat_a, lon_b, lat_b = (_double(dialect, each) for each in degrees)
    half_lat = _squared_sine(dialect, (lat_b - lat_a) * _float(_DEGREE / 2))
    half_lon = _squared_sine(dialect, (lon_b - lon_a) * _float(_DEGREE / 2))
    cosines = (dialect.curve("cos", each * _float(_DEGREE)) for each in (lat_a, lat_b))
    first_cosine, second_cosine = cosines
    chord = half_lat + first_cosine * second_cosine * half_lon
    angle = dialect.curve("asin", dialect.curve("sqrt", sa.case((chord > _float(1), _float(1)), else_=chord)))
    is_place = sa.and_(
        *(
            each.between(_float(-limit), _float(limit))
            for each, limit in ((lat_a, 90), (lat_b, 90), (lon_a, 180), (lon_b, 180))
        )
    )
    return dialect.round(sa.case((is_place, angle * _float(2 * _EARTH_RADIUS))), FLOAT, 3)


def _squared_sine(dialect: Dialect, angle: Sql) -> Sql:
    sine = dialect.curve("sin", angle)
    return sine * sine


# bits


def _bits(operator: str) -> Build:
    def build(dialect: Dialect, value: Value, flag: Value) -> Any:  # noqa: ARG001
        number, mask = (sa.cast(each.sql, sa.BigInteger()) for each in (value, flag))
        match operator:
            case "set":
                return number.bitwise_or(mask)
            case "clear":
                return number.bitwise_and(mask.bitwise_not())
            case _:
                return number.bitwise_and(mask) == mask

    return build


def _quotient(values: tuple[Value, ...]) -> Type:
    """decimal(6), or float where a value is"""
    return quotient_type(*(value.type for value in values))


def _decimal(values: tuple[Value, ...]) -> Type:
    """decimal(digits)"""
    return Type(Kind.DECIMAL, values[1].known)


_OPTIONAL_DIGITS = Parameter("digits", INTEGERS, True, DIGITS)
_FLAG = (Parameter("value", INTEGERS), Parameter("flag", INTEGERS))
_EXACT_PAIR = (Parameter("a", EXACT), Parameter("b", EXACT))
_DOUBLE = "Computed as a double and rounded to 6 digits after the point; null from 10^9 on: 15 digits in all."

NUMERICS = (
    Function(name="abs", parameters=(A_NUMBER,), result=first, build=lambda _dialect, value: sa.func.abs(value.sql),
             doc="The number without its sign.", example=("abs(-1.5)", "1.5")),
    Function(name="sign", parameters=(A_NUMBER,), result=INTEGER, build=_sign, doc="-1, 0 or 1.", example=("sign(-2.5)", "-1")),
    Function(name="ceil", parameters=(A_NUMBER,), result=INTEGER, build=lambda dialect, value: dialect.whole(value.sql, value.type, "up"),
             doc="The integer at or above.", example=("ceil(-1.2)", "-1")),
    Function(name="floor", parameters=(A_NUMBER,), result=INTEGER, build=lambda dialect, value: dialect.whole(value.sql, value.type, "down"),
             doc="The integer at or below.", example=("floor(-1.2)", "-2")),
    Function(name="round", parameters=(A_NUMBER, _OPTIONAL_DIGITS), result=rounded, build=_round,
             doc="Rounded half away from zero to 0 to 12 digits after the point; a float is read as its 15 significant digits.",
             example=("round(-2.675, 2)", "-2.68")),
    Function(name="trunc", parameters=(A_NUMBER, _OPTIONAL_DIGITS), result=rounded, build=_trunc,
             doc="Cut, towards zero, to 0 to 12 digits after the point. Digits kept and those before the point are 18 at most.",
             example=("trunc(-2.679, 2)", "-2.67")),
    Function(name="mod", parameters=_EXACT_PAIR, result=common, build=lambda dialect, a, b: computed(dialect, "%", a, b).sql,
             doc="The remainder of a / b, with a's sign; null where b is 0.", example=("mod(-7.5, 2)", "-1.5")),
    Function(name="percent", parameters=_EXACT_PAIR, result=_quotient, build=_percent,
             doc="How many hundredths of b a is: 100 * a / b; null where b is 0.", example=("percent(1, 3)", "33.333333")),
    Function(name="greatest", parameters=(A_VALUE, A_VALUE), result=common, repeated=True, build=best(">="),
             doc="The greatest value; null when one is null. Texts go by code point. It takes any number, and not numbers only.",
             example=("greatest(1, 2.5, 2)", "2.5")),
    Function(name="least", parameters=(A_VALUE, A_VALUE), result=common, repeated=True, build=best("<="),
             doc="The least value; null when one is null. Texts go by code point. It takes any number, and not numbers only.",
             example=("least('b', 'B')", "B")),
    Function(name="to_integer", parameters=(Parameter("value", NUMBERS | TEXTS),), result=INTEGER, build=_to_integer,
             doc="The number without its fraction, in 64 bits; of a text, null when it is no integer of up to 18 digits. It is ToInt64 too.",
             example=("to_integer(' +12 ')", "12")),
    Function(name="to_decimal", parameters=(Parameter("value", NUMBERS | TEXTS), Parameter("digits", INTEGERS, written=DIGITS)),
             result=_decimal, build=_to_decimal,
             doc="The number with so many digits after the point, rounded half away from zero; of a text, null when it is no number of up "
                 "to 15 digits before the point and 12 after it. Ours: money read from a file is no float.",
             example=("to_decimal(' 12.345 ', 2)", "12.35")),
    Function(name="to_double", parameters=(A_NUMBER,), result=FLOAT, build=_double,
             doc="The number as a 64-bit float. Sums of floats depend on the order of rows: for money, write `to_decimal`.",
             example=("to_double(1.5)", "1.5")),
    Function(name="to_boolean", parameters=(Parameter("number", EXACT),), result=BOOLEAN, build=lambda _dialect, value: value.sql != ZERO,
             doc="Whether the number is not 0.", example=("to_boolean(2)", "true")),
    Function(name="sqrt", parameters=(A_NUMBER,), result=_CURVE, build=_root,
             doc=f"The square root; null below 0. {_DOUBLE}", example=("sqrt(2)", "1.414214")),
    Function(name="exp", parameters=(A_NUMBER,), result=_CURVE, build=_exp,
             doc=f"e to the power of the number. {_DOUBLE}", example=("exp(1)", "2.718282")),
    Function(name="ln", parameters=(A_NUMBER,), result=_CURVE, build=_logarithm("ln"),
             doc=f"The natural logarithm; null at 0 and below. {_DOUBLE}", example=("ln(10)", "2.302585")),
    Function(name="log10", parameters=(A_NUMBER,), result=_CURVE, build=_logarithm("log10"),
             doc=f"The logarithm to base 10; null at 0 and below. {_DOUBLE}", example=("log10(1000)", "3.000000")),
    Function(name="power", parameters=(A_NUMBER, Parameter("exponent", NUMBERS)), result=_CURVE, build=_power,
             doc=f"The number raised to an exponent; null where there is none: of 0 below 0, of a negative with a fraction. {_DOUBLE}",
             example=("power(2, 0.5)", "1.414214")),
    Function(name="distance", result=_KILOMETRES, build=_distance,
             parameters=tuple(Parameter(name, NUMBERS) for name in ("longitude_a", "latitude_a", "longitude_b", "latitude_b")),
             doc="Kilometres between two places given in degrees, along a sphere of 6371.0088 km, rounded to the metre; null where a "
                 "latitude is beyond 90 or a longitude beyond 180.",
             example=("distance(2.3522, 48.8566, -0.1276, 51.5072)", "343.530")),
    Function(name="set_bit", parameters=_FLAG, result=INTEGER, build=_bits("set"),
             doc="The value with the bits of the flag set.", example=("set_bit(5, 2)", "7")),
    Function(name="clear_bit", parameters=_FLAG, result=INTEGER, build=_bits("clear"),
             doc="The value without the bits of the flag.", example=("clear_bit(5, 4)", "1")),
    Function(name="is_bit_set", parameters=_FLAG, result=BOOLEAN, build=_bits("is set"),
             doc="Whether all bits of the flag are set in the value.", example=("is_bit_set(5, 4)", "true")),
)  # fmt: skip
