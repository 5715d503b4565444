"""Values that a file holds with types of their own."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from activities.connectors.files.values import Values, arrow_type
from engine.kit.types import BOOLEAN, DATE, FLOAT, INTEGER, TEXT, TIMESTAMP, Kind, Type

_NO_TEXTS = (
    pa.types.is_nested,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6}
_FIRST, _BEYOND = -62_135_596_800, 253_402_300_800
"""The seconds from 1970 to the beginning of the year 1, and to the end of 9999."""


def portable(type_: pa.DataType) -> Type | None:
    """Give the portable type of what a file holds as values; None where there is none."""
    if pa.types.is_decimal128(type_) and type_.scale >= 0:
        return Type(Kind.DECIMAL, type_.scale)
    tests = (
        (pa.types.is_integer, INTEGER),
        (pa.types.is_timestamp, TIMESTAMP),
        (pa.types.is_floating, FLOAT),
        (pa.types.is_boolean, BOOLEAN),
        (pa.types.is_date, DATE),
        (pa.types.is_string, TEXT),
        (pa.types.is_large_string, TEXT),
        (pa.types.is_string_view, TEXT),
        (pa.types.is_dictionary, TEXT),
        (pa.types.is_null, TEXT),
    )
    return next((portable_ for is_so, portable_ in tests if is_so(type_)), None)


def is_written(type_: pa.DataType) -> bool:
    """Say that values of a type can be written as texts: neither bytes nor values of several parts can."""
    return not any(is_so(type_) for is_so in _NO_TEXTS)


def written(array: pa.Array) -> pa.Array:
    """Write values as texts; times in UTC, of which a file of text holds no more than six digits of a second."""
    if array.type == pa.string():
        return array
    return (_in_utc(array) if pa.types.is_timestamp(array.type) else array).cast(pa.string())


def held(array: pa.Array, type_: Type) -> Values:
    """Take values as they are; wrong are those that not every database holds as a value of the type."""
    wrong = _beyond(array, type_)
    if wrong is None or not pc.any(wrong).as_py():
        return Values(_cast(array, type_), None, array)
    wrong = pc.fill_null(wrong, False)
    return Values(_cast(pc.if_else(wrong, pa.scalar(None, array.type), array), type_), wrong, written(array))


def _cast(array: pa.Array, type_: Type) -> pa.Array:
    if array.type == arrow_type(type_):
        return array
    return (_in_utc(array) if pa.types.is_timestamp(array.type) else array).cast(arrow_type(type_))


def _in_utc(times: pa.Array) -> pa.Array:
    """Give times without their zone; microseconds are the smallest parts."""
    bare = times.cast(pa.timestamp(times.type.unit), safe=False)
    return bare.cast(pa.timestamp("us"), safe=False) if times.type.unit == "ns" else bare


def _beyond(array: pa.Array, type_: Type) -> pa.Array | None:
    """Say which values are beyond the type: integers of 64 bits and a sign, times of the years 1 to 9999, numbers that are none."""
    if pa.types.is_uint64(array.type):
        return pc.greater(array, pa.scalar(2**63 - 1, pa.uint64()))
    if pa.types.is_decimal(array.type):
        digits, scale = arrow_type(type_).precision - array.type.scale, array.type.scale
        if array.type.precision - scale <= digits:
            return None
        return pc.greater_equal(pc.abs(array), pa.scalar(Decimal(10) ** digits, pa.decimal128(38, scale)))
    if pa.types.is_floating(array.type):
        return pc.invert(pc.is_finite(array))
    return _outside_the_years(array) if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type) else None


def _outside_the_years(times: pa.Array) -> pa.Array | None:
    match times.type:
        case type_ if pa.types.is_date32(type_):
            parts, first, beyond = times.cast(pa.int32()).cast(pa.int64()), _FIRST // 86_400, _BEYOND // 86_400
        case type_ if pa.types.is_timestamp(type_) and type_.unit == "ns":
            return None  # 64 bits hold no others
        case type_:
            per_second = _PER_SECOND[type_.unit] if pa.types.is_timestamp(type_) else 1_000
            parts, first, beyond = times.cast(pa.int64()), _FIRST * per_second, _BEYOND * per_second
    return pc.or_(pc.less(parts, first), pc.greater_equal(parts, beyond))
