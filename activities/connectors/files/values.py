"""Texts of a file made values of a type, the same on every database; each wrong one with its reason.

Integers have up to 18 digits; decimals up to 15 before the point and 12 after it, rounded half away from zero; times are those of ISO
8601 with four digits of year, in UTC where they do not say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import reduce

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from activities.connectors.files.format import FileColumn
from engine.kit.option import Deferred
from engine.kit.types import BOOLEAN, DATE, FLOAT, INTEGER, TEXT, TIMESTAMP, Kind, Type

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
Offsets = np.ndarray[tuple[int], np.dtype[np.int32]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""Unicode's White_Space."""

_INTEGER = "^[+-]?[0-9]{1,18}$"
_DECIMAL = "^[+-]?[0-9]{1,15}([.][0-9]{1,12})?$"
_FLOAT = "^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]{1,3})?$"
_TIME = (
    "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-[0-9]{2}-[0-9]{2}"
    "([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?)?"
)
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def arrow_type(type_: Type) -> pa.DataType:
    """Give the type in which values of a portable type come."""
    if type_.kind == Kind.DECIMAL:
        scale = type_.scale or 0
        return pa.decimal128(38 if scale > 6 else 18, scale)
    return {INTEGER: pa.int64(), FLOAT: pa.float64(), BOOLEAN: pa.bool_(), DATE: pa.date32(), TIMESTAMP: pa.timestamp("us")}.get(
        type_, pa.string()
    )  # fmt: skip


@dataclass(frozen=True)
class Values:
    """A column made of texts: values of its type, null where the text is wrong; which of them are (None: no one); the texts as they are meant."""

    values: pa.Array
    wrong: pa.Array | None
    texts: pa.Array


def made(texts: pa.Array, column: FileColumn, point: str) -> Values:
    """Make values of texts. `point` stands before the digits after the point."""
    odd = None if column.remap or column.format or point != "." else _ODD.get(column.type.kind)
    found = _quickly(texts, column, odd) if odd is not None else None
    texts, values = found or _slowly(texts, column, point)
    wrong = [pc.is_null(texts)] if column.required and texts.null_count else []
    if values.null_count > texts.null_count:
        wrong.append(pc.and_not(pc.is_valid(texts), pc.is_valid(values)))
    if column.length is not None:
        is_long = pc.fill_null(pc.greater(pc.utf8_length(texts), column.length), False)
        if pc.any(is_long).as_py():
            wrong.append(is_long)
    return Values(values, reduce(pc.or_, wrong) if wrong else None, texts)


def default_of(column: FileColumn) -> pa.Scalar | None:
    """Give what stands in the place of wrong values; None where it would be wrong itself. It is not written as the file's values are."""
    length = (
        None if isinstance(column.length, Deferred) else column.length
    )  # known to the run, which reads the options again
    plain = column.model_copy(update={"remap": {}, "format": None, "length": length})
    found = made(pa.array([column.default], pa.string()), plain, ".")
    return found.values[0] if found.wrong is None and found.values[0].is_valid else None


def why_wrong(text: str | None, column: FileColumn) -> str:
    """Say why a text is no value of a column."""
    if text is None:
        return "there is no value, and one is required"
    if column.type == TEXT:
        return f"the text has {len(text):,} characters, and {column.length:,} are the most"
    written = f" as {column.format}" if column.format else ""
    return f"this is no {column.type}{written}"


def _quickly(texts: pa.Array, column: FileColumn, odd: Callable[[pa.Array], Flags]) -> tuple[pa.Array, pa.Array] | None:
    """Cast all texts at once but the odd ones, and give them as they are meant, and their values; None where Arrow cannot."""
    is_odd = odd(texts) | pc.fill_null(pc.equal(texts, ""), False).to_numpy(zero_copy_only=False)
    try:
        if not is_odd.any():
            return texts, texts.cast(arrow_type(column.type))
        mask = pa.Array.from_buffers(
            pa.bool_(), len(texts), [None, pa.py_buffer(np.packbits(is_odd, bitorder="little"))]
        )
        values = pc.if_else(mask, pa.scalar(None, pa.string()), texts).cast(arrow_type(column.type))
    except pa.ArrowInvalid:
        return None
    meant, read = _slowly(texts.filter(mask), column, ".")
    return pc.replace_with_mask(texts, mask, meant), pc.replace_with_mask(values, mask, read)


def _slowly(texts: pa.Array, column: FileColumn, point: str) -> tuple[pa.Array, pa.Array]:
    texts = _meant(texts, column, point)
    return texts, texts if column.type == TEXT else _read(texts, column)


def _meant(texts: pa.Array, column: FileColumn, point: str) -> pa.Array:
    """Give what stands in the file as it is meant: trimmed, in its case, what stands for something else replaced."""
    if column.type != TEXT or column.trim:
        texts = _or_null(pc.utf8_trim(texts, characters=WHITE_SPACE))
    if column.case is not None:
        texts = {"lower": pc.utf8_lower, "upper": pc.utf8_upper, "capitals": _capitals}[column.case](texts)
    if column.remap:
        found = pc.index_in(texts, pa.array(column.remap, pa.string()))
        meant = pa.array([text or None for text in column.remap.values()], pa.string())
        texts = pc.if_else(pc.is_valid(found), meant.take(found), texts)
    if point == "," and column.type.kind in (Kind.DECIMAL, Kind.FLOAT):
        # A point parts thousands there, and a number with such is none here: it becomes what no number holds.
        texts = pc.replace_substring(pc.replace_substring(texts, ".", "'"), ",", ".")
    return texts


def _or_null(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _capitals(texts: pa.Array) -> pa.Array:
    """Lower the texts, then raise the first character of every word; words are parted by spaces."""
    words = pc.split_pattern(pc.utf8_lower(texts), " ")
    word = pc.list_flatten(words)
    raised = pc.binary_join_element_wise(
        pc.utf8_upper(pc.utf8_slice_codeunits(word, 0, 1)), pc.utf8_slice_codeunits(word, 1), ""
    )
    return pc.if_else(pc.is_valid(texts), pc.binary_join(pa.ListArray.from_arrays(words.offsets, raised), " "), texts)


def _odd_integers(texts: pa.Array) -> Flags:
    """Arrow reads hexadecimal numbers, too, and any number of digits."""
    letters, offsets = _letters(texts)
    return _rows_with(~(_is_digit(letters) | (letters == ord("-"))), offsets) | (np.diff(offsets) > 18)


def _odd_decimals(texts: pa.Array) -> Flags:
    """Arrow reads exponents, too, and a point without digits on both sides."""
    letters, offsets = _letters(texts)
    is_point = letters == ord(".")
    is_odd = ~(_is_digit(letters) | is_point | (letters == ord("-")))
    is_odd[1:] |= is_point[1:] & (letters[:-1] == ord("-"))
    lengths = np.diff(offsets)
    ends = np.concatenate([offsets[:-1][lengths > 0], offsets[1:][lengths > 0] - 1])
    is_odd[ends] |= is_point[ends]
    return _rows_with(is_odd, offsets) | (lengths > 13)


def _odd_times(texts: pa.Array) -> Flags:
    """To Arrow an hour alone is a time of day, and there is a year 0."""
    letters, offsets = _letters(texts)
    is_right = (letters - np.uint8(ord("-")) < 14) | (letters == ord("T")) | (letters == ord(" "))  # -./0123456789:
    is_odd: Flags = _rows_with(~is_right, offsets) | (np.diff(offsets) == len("2026-11-23T08"))
    is_odd[pc.indices_nonzero(pc.fill_null(pc.starts_with(texts, "0000"), False)).to_numpy()] = True
    return is_odd


def _rows_with(is_found: Flags, offsets: Offsets) -> Flags:
    """Say of each text whether one of its letters was found."""
    rows = np.zeros(len(offsets) - 1, np.bool_)
    rows[np.searchsorted(offsets, np.flatnonzero(is_found), side="right") - 1] = True
    return rows


def _letters(texts: pa.Array) -> tuple[Bytes, Offsets]:
    """Give all bytes of the texts one after the other, and where in them each begins, and the last one ends."""
    _, offsets, letters = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(letters or b"", np.uint8)[ends[0] : ends[-1]], ends - ends[0]


def _is_digit(letters: Bytes) -> Flags:
    return letters - np.uint8(ord("0")) < 10


_ODD: Mapping[Kind, Callable[[pa.Array], Flags]] = {
    Kind.INTEGER: _odd_integers,
    Kind.DECIMAL: _odd_decimals,
    Kind.DATE: _odd_times,
    Kind.TIMESTAMP: _odd_times,
}
"""Which texts Arrow may read otherwise than we do; none where it reads none quicker."""


def _read(texts: pa.Array, column: FileColumn) -> pa.Array:
    """Read texts without blanks around them, one by one where it must be; null for what is none of the type."""
    match column.type.kind:
        case Kind.INTEGER:
            return _parsed(texts, _INTEGER, pa.int64())
        case Kind.FLOAT:
            return _parsed(texts, _FLOAT, pa.float64())
        case Kind.DECIMAL:
            return _decimals(texts, arrow_type(column.type))
        case Kind.BOOLEAN:
            found = pc.index_in(pc.ascii_lower(texts), pa.array(_BOOLEANS, pa.string()))
            return pa.array(_BOOLEANS.values(), pa.bool_()).take(found)
        case _:
            coded = texts.dictionary_encode()
            moments = [_moment(text, column.format) for text in coded.dictionary.to_pylist()]
            if column.type == DATE:
                moments = [moment if moment and moment.time() == time() else None for moment in moments]
            return pa.array(moments, pa.timestamp("us")).take(coded.indices).cast(arrow_type(column.type))


def _parsed(texts: pa.Array, pattern: str, type_: pa.DataType) -> pa.Array:
    is_right = pc.match_substring_regex(texts, pattern)
    right = pc.if_else(is_right, texts, pa.scalar(None, pa.string()))
    values = pc.utf8_ltrim(right, characters="+").cast(type_)
    return pc.if_else(pc.is_finite(values), values, None) if pa.types.is_floating(type_) else values


def _decimals(texts: pa.Array, type_: pa.Decimal128Type) -> pa.Array:
    exact = _parsed(texts, _DECIMAL, pa.decimal128(38, 12))
    rounded = pc.round(exact, ndigits=min(type_.scale, 12), round_mode="half_towards_infinity")
    digits = type_.precision - type_.scale
    if digits <= 15:
        fits = pc.less(pc.abs(rounded), pa.scalar(Decimal(10) ** digits, rounded.type))
        rounded = pc.if_else(fits, rounded, pa.scalar(None, rounded.type))
    return rounded.cast(type_)


def _moment(text: str, format: str | None) -> datetime | None:
    try:
        if format is not None:
            found = datetime.strptime(text, format)  # noqa: DTZ007  (without a zone it is UTC)
        elif re.fullmatch(_TIME, text):
            found = datetime.fromisoformat(text)
        else:
            return None
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None
