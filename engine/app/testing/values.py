"""The values of a test file: texts read by a type, types inferred from texts, values as a person reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from engine.kit.option import Scalar
from engine.kit.types import BOOLEAN, DATE, FLOAT, INTEGER, TEXT, TIMESTAMP, Kind, Type

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.(?P<fraction>[0-9]+))?")
_FLOAT = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}.*)?")
_WORD = re.compile(r"\S(.*\S)?", re.DOTALL)


FLOAT_DIGITS = 12
"""Floats are the same when so many significant digits are."""


def read(text: str | None, type_: Type) -> Any:
    """Read a text as a value of a type; ValueError says what is wanted. No text is null. Times are naive UTC."""
    if text is None:
        return None
    match type_.kind:
        case Kind.INTEGER:
            return int(_matching(_INTEGER, text, "a whole number"))
        case Kind.DECIMAL:
            return Decimal(_matching(_NUMBER, text, "a number"))
        case Kind.FLOAT:
            return float(_matching(_FLOAT, text, "a number"))
        case Kind.BOOLEAN:
            return _matching(re.compile("true|false"), text, "true or false") == "true"
        case Kind.DATE:
            return date.fromisoformat(_matching(_DATE, text, "a date such as 2026-11-23"))
        case Kind.TIMESTAMP:
            return utc(datetime.fromisoformat(_matching(_TIMESTAMP, text, "a time such as 2026-11-23T08:30:00Z")))
        case _:
            return str(text)


def stored(text: str | None, type_: Type) -> Any:
    """Read a text as a value that a column of the type holds whole; ValueError where digits would be lost."""
    value = read(text, type_)
    if type_.scale is not None and value is not None and value != round(value, type_.scale):
        raise ValueError(f"a number with at most {type_.scale} digits after the point")
    return value


def utc(moment: datetime) -> datetime:
    """Give a moment as the databases hold it: UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def infer(texts: Iterable[str | None]) -> Type | None:
    """Give the narrowest type that holds all texts; None when all of them are null.

    Numbers of more than 18 digits stay text, and so does all that stands in quotes, or was a text in Python.
    """
    given = [text for text in texts if text is not None]
    if not given:
        return None
    if any(isinstance(text, Scalar) and text.is_quoted for text in given):
        return TEXT
    if all(_INTEGER.fullmatch(text) for text in given):
        return INTEGER
    numbers = [_NUMBER.fullmatch(text) for text in given]
    if all(numbers) and all(len(text) <= 19 for text in given):
        return Type(Kind.DECIMAL, max(len(number["fraction"] or "") for number in numbers if number))
    for type_ in (BOOLEAN, DATE, TIMESTAMP):
        if all(_is_read(text, type_) for text in given):
            return type_
    return TEXT


def infer_python(values: Iterable[object]) -> Type:
    """Give the type of Python values; text when all of them are None."""
    given = [value for value in values if value is not None]
    kinds: tuple[tuple[type, Type], ...] = (
        (bool, BOOLEAN),
        (int, INTEGER),
        (datetime, TIMESTAMP),
        (date, DATE),
        (str, TEXT),
    )
    for python, type_ in kinds:
        if given and all(isinstance(value, python) for value in given):
            return type_
    if given and all(isinstance(value, int | Decimal) for value in given):
        exponents = [value.as_tuple().exponent for value in given if isinstance(value, Decimal)]
        return Type(Kind.DECIMAL, max(-exponent for exponent in exponents if isinstance(exponent, int)))
    if given and all(isinstance(value, int | float) for value in given):
        return FLOAT
    return TEXT


def canonical(value: Any) -> Any:
    """Give a value that equals another's when both mean the same, and can be counted."""
    match value:
        case float() if math.isfinite(value):
            return float(f"{value:.{FLOAT_DIGITS}g}")
        case float():
            return str(value)
        case datetime():
            return utc(value)
        case list() | dict():
            return str(value)
        case _:
            return value


def written(value: Any) -> str | None:
    """Write a value as a test file holds it; null, and what no file can hold, is None."""
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal() if value.is_finite():
            return format(value, "f")
        case float() if math.isfinite(value):
            return repr(value)
        case date():
            return value.isoformat()
        case str() | int() | UUID():
            return str(value)
        case _:
            return None


def shown(value: Any) -> str:
    """Write a value so that no two kinds look alike: null, 12.50, true, 2026-11-23, words; other texts in quotes."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(sep=" ")
        case str():
            is_plain = infer([value]) == TEXT and value != "null" and _WORD.fullmatch(value) and value.isprintable()
            return (
                value
                if is_plain
                else '"' + value.encode("unicode_escape").decode() + '"'
                if not value.isprintable()
                else f'"{value}"'
            )
        case _:
            return str(value)


def _matching(pattern: re.Pattern[str], text: str, wanted: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(wanted)
    return text


def _is_read(text: str, type_: Type) -> bool:
    try:
        read(text, type_)
    except ValueError:
        return False
    return True
