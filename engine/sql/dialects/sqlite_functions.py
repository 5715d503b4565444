"""The Python functions that SQLite calls. Each gives the same for the same arguments; of a null, null."""

from __future__ import annotations

import hashlib
import math
import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from engine.sql.dialects.standard import DECIMAL_PATTERN, INTEGER_PATTERN, TIME_PATTERN, WHITE_SPACE

_EXACT = Context(prec=120, rounding=ROUND_HALF_UP)


def register(connection: Any) -> None:
    """Register the functions on a DB-API connection."""
    for name, (arguments, function) in _FUNCTIONS.items():
        connection.create_function(name, arguments, function, deterministic=True)
    connection.create_aggregate("af_join", 2, _Join)
    connection.create_window_function("af_deviation", 2, _Deviation)


def _lower(text: str | None) -> str | None:
    if text is None or text.isascii():
        return text and text.lower()
    return "".join(map(_lower_character, text))


def _lower_character(character: str) -> str:
    lowered = character.lower()
    return lowered if len(lowered) == 1 else lowered[0]  # İ alone has a longer lower case: i and a dot above


def _upper(text: str | None) -> str | None:
    if text is None or text.isascii():
        return text and text.upper()
    return "".join(map(_upper_character, text))


def _upper_character(character: str) -> str:
    if character == "ß":
        return "ẞ"
    raised = character.upper()
    if len(raised) > 1:
        raised = character.title()
    return raised if len(raised) == 1 else character


def _capitals(text: str | None) -> str | None:
    if text is None:
        return None
    words = (_lower(text) or "").split(" ")
    return " ".join((_upper(word[:1]) or "") + word[1:] for word in words)


@lru_cache(maxsize=256)
def _pattern(pattern: str) -> re.Pattern[str]:
    """Give the pattern as one of `re` in which every part between `%` is found once, from the left: no text makes it go back."""
    parts = ("".join("." if letter == "_" else re.escape(letter) for letter in part) for part in pattern.split("%"))
    first, *others = parts
    end = f".*{others.pop()}" if others else ""
    return re.compile(first + "".join(f"(?>.*?{part})" for part in others) + end, re.DOTALL)


def _like(text: str | None, pattern: str | None) -> int | None:
    if text is None or pattern is None:
        return None
    return int(_pattern(pattern).fullmatch(text) is not None)


def _hashed(algorithm: Callable[..., Any]) -> Callable[[str | None], str | None]:
    return lambda text: None if text is None else algorithm(text.encode(), usedforsecurity=False).hexdigest()


def _bucket(text: str | None, count: int) -> int | None:
    if text is None:
        return None
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8], 16) % count


def _pad(text: str | None, length: int | None, fill: str | None, side: str) -> str | None:
    if text is None or length is None or fill is None:
        return None
    missing = length - len(text)
    if missing <= 0:
        return text[:length]
    filling = (fill * (missing // len(fill) + 1))[:missing]
    return filling + text if side == "left" else text + filling


def _line(text: str | None, number: int | None) -> str | None:
    return None if text is None or number is None else text.split("\n")[number - 1]


def _bare(text: str | None, pattern: str) -> str | None:
    """Give the text without white space around it when it fits the pattern."""
    bare = "" if text is None else text.strip(WHITE_SPACE)
    return bare if re.fullmatch(pattern, bare) else None


def _integer(text: str | None) -> int | None:
    bare = _bare(text, INTEGER_PATTERN)
    return None if bare is None else int(bare)


def _parsed_decimal(text: str | None, digits: int) -> float | None:
    bare = _bare(text, DECIMAL_PATTERN)
    return None if bare is None else _rounded(Decimal(bare), digits)


def _time(text: str | None) -> str | None:
    bare = _bare(text, TIME_PATTERN)
    try:
        moment = None if bare is None else datetime.fromisoformat(bare)
        return None if moment is None else _written(moment.astimezone(UTC) if moment.tzinfo else moment)
    except (OverflowError, ValueError):
        return None


def _divide(left: float | None, right: float | None, left_scale: int, right_scale: int, scale: int) -> float | None:
    if left is None or right is None or right == 0:
        return None
    quotient = _EXACT.divide(_decimal(left, left_scale), _decimal(right, right_scale))
    return float(quotient.quantize(Decimal(1).scaleb(-scale), context=_EXACT))


def _decimal(value: float, scale: int) -> Decimal:
    return Decimal(value) if isinstance(value, int) else Decimal(f"{value:.{scale}f}")


def _round(value: float | None, digits: int) -> float | None:
    if value is None:
        return None
    return _rounded(Decimal(f"{value:.15g}"), digits)


def _trunc(value: float | None, scale: int, digits: int) -> float | None:
    """Cut a decimal of a scale; of a float, whose scale is -1, the 15 significant digits."""
    if value is None:
        return None
    read = Decimal(f"{value:.15g}") if scale < 0 else _decimal(value, scale)
    return float(read.quantize(Decimal(1).scaleb(-digits), ROUND_DOWN, _EXACT)) + 0.0


def _rounded(value: Decimal, digits: int) -> float:
    """Round half away from zero; a zero has no sign."""
    return float(value.quantize(Decimal(1).scaleb(-digits), context=_EXACT)) + 0.0


def _remainder(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None or right == 0 else math.fmod(left, right)


def _shift(value: str | None, unit: str, amount: int | None) -> str | None:
    """Move a date or a timestamp, which the length of the text tells apart; null beyond the years 1 to 9999."""
    if value is None or amount is None:
        return None
    try:
        return _moved(value, unit, amount)
    except (OverflowError, ValueError):
        return None


def _moved(value: str, unit: str, amount: int) -> str:
    moment: date = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    if unit == "months":
        years, month = divmod(moment.year * 12 + moment.month - 1 + amount, 12)
        moment = moment.replace(year=years, month=month + 1, day=min(moment.day, monthrange(years, month + 1)[1]))
    else:
        moment = moment + timedelta(**{unit: amount})
    return moment.isoformat(" ", "microseconds") if isinstance(moment, datetime) else moment.isoformat()


def _seconds_between(end: str | None, start: str | None, unit: int) -> int | None:
    if end is None or start is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)) // timedelta(seconds=unit)


def _local(value: str | None, zone: str) -> str | None:
    return (
        None
        if value is None
        else _written(datetime.fromisoformat(value).replace(tzinfo=UTC).astimezone(ZoneInfo(zone)))
    )


def _utc(value: str | None, zone: str) -> str | None:
    return (
        None
        if value is None
        else _written(datetime.fromisoformat(value).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
    )


def _written(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")


def _curve(function: Callable[..., float]) -> Callable[..., float | None]:
    def of(*values: float | None) -> float | None:
        try:
            return None if None in values else function(*values)
        except (ValueError, OverflowError):
            return None

    return of


class _Deviation:
    """The standard deviation of a sample of whole numbers, each without the point before its last `scale` digits."""

    def __init__(self) -> None:
        self.count = self.total = self.squares = self.scale = 0

    def step(self, value: int | None, scale: int) -> None:
        self._count(value, 1)
        self.scale = scale

    def inverse(self, value: int | None, _scale: int) -> None:
        self._count(value, -1)

    def _count(self, value: int | None, sign: int) -> None:
        if value is not None:
            self.count += sign
            self.total += sign * value
            self.squares += sign * value * value

    def value(self) -> float | None:
        below = self.count * (self.count - 1) * 100**self.scale
        return math.sqrt(float(self.count * self.squares - self.total**2) / float(below)) if below else None

    finalize = value


def _meant_time(value: Any) -> Any:
    """Read a time in any form of ISO 8601, in UTC where it does not say, and write it in full; anything else stays as it is."""
    try:
        moment = datetime.fromisoformat(value)
        in_utc = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, TypeError, OverflowError):
        return value
    return in_utc.isoformat(" ", "microseconds")


class _Join:
    """Join texts in the order of their code points."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.separator = ""

    def step(self, text: str | None, separator: str | None) -> None:
        if text is not None:
            self.texts.append(text)
            self.separator = separator or ""

    def finalize(self) -> str | None:
        return self.separator.join(sorted(self.texts)) if self.texts else None


_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "af_lower": (1, _lower),
    "af_upper": (1, _upper),
    "af_capitals": (1, _capitals),
    "af_like": (2, _like),
    "af_md5": (1, _hashed(hashlib.md5)),
    "af_sha256": (1, _hashed(hashlib.sha256)),
    "af_bucket": (2, _bucket),
    "af_pad": (4, _pad),
    "af_line": (2, _line),
    "af_integer": (1, _integer),
    "af_decimal": (2, _parsed_decimal),
    "af_time": (1, _time),
    "af_divide": (5, _divide),
    "af_round": (2, _round),
    "af_trunc": (3, _trunc),
    "af_remainder": (2, _remainder),
    "af_shift": (3, _shift),
    "af_seconds_between": (3, _seconds_between),
    "af_local": (2, _local),
    "af_utc": (2, _utc),
    "af_power": (2, _curve(math.pow)),
    **{
        f"af_{each.__name__}": (1, _curve(each))
        for each in (math.sqrt, math.exp, math.log10, math.sin, math.cos, math.asin)
    },
    "af_ln": (1, _curve(math.log)),
    "af_meant_time": (1, _meant_time),
}
