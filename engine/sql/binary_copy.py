"""Rows as PostgreSQL's COPY reads them in its binary format, made of whole columns.

A row is the number of its values, and of each its length and its bytes, most significant first; a null has the length -1. A numeric
is digits to the base of 10,000, of which those at its ends may be zero. (PostgreSQL: COPY, file formats; numeric_recv.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL = b"\xff\xff"

Numbers = np.ndarray[tuple[int], np.dtype[np.uint64]]
Field = tuple[str, Any]
"""Something of a fixed size: its type, as numpy writes it, and its value in every row, or in all of them."""

_NULL = b"\xff" * 4
_DAYS = 10_957
"""From Arrow's first day to PostgreSQL's, the first of 2000."""
_BASE = 10_000


def rows(batch: pa.RecordBatch) -> memoryview:
    """Give the rows of a batch: of integers of 64 bits, doubles, decimals, texts, booleans, dates and timestamps."""
    count = batch.num_rows
    if not count:
        return memoryview(b"")
    pieces: list[pa.Array] = []
    fields: list[Field] = [(">i2", batch.num_columns)]
    for column in batch.columns:
        if pa.types.is_string(column.type):
            fields.append((">i4", _lengths(column)))
            pieces += [_side_by_side(fields, count), pc.fill_null(column.cast(pa.binary()), b"")]
            fields = []
        elif column.null_count:
            pieces += [_side_by_side(fields, count)] if fields else []
            pieces.append(pc.if_else(column.is_valid(), _side_by_side(_fields(column), count), _NULL))
            fields = []
        else:
            fields += _fields(column)
    pieces += [_side_by_side(fields, count)] if fields else []
    joined = pc.binary_join_element_wise(*pieces, b"")
    _, ends, data = joined.buffers()
    return memoryview(data)[: int(np.frombuffer(ends, np.int32)[count])]


def _side_by_side(fields: Sequence[Field], count: int) -> pa.Array:
    """Give of every row the bytes of these fields, one behind the other."""
    record = np.empty(count, np.dtype([(str(place), type_) for place, (type_, _) in enumerate(fields)]))
    for place, (_, values) in enumerate(fields):
        record[str(place)] = values
    size = record.dtype.itemsize
    ends = np.arange(0, (count + 1) * size, size, dtype=np.int32)
    return pa.Array.from_buffers(pa.binary(), count, [None, pa.py_buffer(ends), pa.py_buffer(record)])


def _lengths(texts: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    ends = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    lengths = np.diff(ends)
    return np.where(texts.is_valid().to_numpy(zero_copy_only=False), lengths, -1) if texts.null_count else lengths


def _fields(column: pa.Array) -> list[Field]:
    """Give the length and the bytes of a column's values; where one is null, of anything."""
    match column.type:
        case type_ if pa.types.is_decimal(type_):
            return _numeric(pc.fill_null(column, pa.scalar(0, type_)) if column.null_count else column)
        case type_ if pa.types.is_boolean(type_):
            return [(">i4", 1), ("u1", _values(column.cast(pa.uint8()), "u1"))]
        case type_ if pa.types.is_date32(type_):
            return [(">i4", 4), (">i4", _values(column, "i4") - _DAYS)]
        case type_ if pa.types.is_timestamp(type_):
            return [
                (">i4", 8),
                (">i8", _values(column.cast(pa.timestamp("us", type_.tz)), "i8") - _DAYS * 86_400_000_000),
            ]
        case type_ if pa.types.is_floating(type_):
            return [(">i4", 8), (">f8", _values(column.cast(pa.float64()), "f8"))]
        case _:
            return [(">i4", 8), (">i8", _values(column.cast(pa.int64()), "i8"))]


def _values(column: pa.Array, type_: str) -> Any:
    return np.frombuffer(column.buffers()[1], type_)[column.offset : column.offset + len(column)]


def _numeric(column: pa.Array) -> list[Field]:
    """Give decimals with as many digits each as the longest has."""
    scale = column.type.scale
    halves = np.frombuffer(column.buffers()[1], np.uint64).reshape(-1, 2)[column.offset : column.offset + len(column)]
    low, high = halves[:, 0], halves[:, 1]
    is_negative = high >> np.uint64(63) == 1
    low = np.where(is_negative, ~low + np.uint64(1), low)
    high = np.where(is_negative, ~high + (low == 0), high)
    left = (
        [high >> np.uint64(32), high & np.uint64(0xFFFFFFFF), low >> np.uint64(32), low & np.uint64(0xFFFFFFFF)]
        if high.any()
        else [low]
    )
    fraction, part = -(-scale // 4), scale % 4
    digits = []
    if part:
        left, last = _divided(left, 10**part)
        digits.append(last * np.uint64(10 ** (4 - part)))
    while len(digits) < fraction or any(each.any() for each in left):
        left, last = _divided(left, _BASE)
        digits.append(last)
    head = [(">i4", 8 + 2 * len(digits)), (">i2", len(digits)), (">i2", len(digits) - fraction - 1)]
    return [*head, (">u2", is_negative * 0x4000), (">u2", scale), *((">i2", each) for each in reversed(digits))]


def _divided(numbers: Sequence[Numbers], divisor: int) -> tuple[list[Numbers], Numbers]:
    """Divide numbers, the parts of 32 bits of which begin with the most significant, or which are in one part; give what is left, too."""
    rest, quotients = np.zeros_like(numbers[0]), []
    for part in numbers:
        whole = rest << np.uint64(32) | part
        quotients.append(whole // np.uint64(divisor))
        rest = whole - quotients[-1] * np.uint64(divisor)
    return quotients, rest
