"""The Python functions that SQLite calls. Each gives the same for the same arguments; of a null, null."""

from __future__ import annotations

import hashlib
import math
import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any

from engine.sql.dialects.standard import WHITE_SPACE

_EXACT = Context(prec=120, rounding=ROUND_HALF_UP)


def register(connection: Any) -> None:
    """Register the functions on a DB-API connection."""
    for name, (arguments, function) in _FUNCTIONS.items():
        connection.create_function(name, arguments, function, deterministic=True)
    connection.create_aggregate("af_join", 2, _Join)


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
    parts = ({"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern)
    return re.compile("".join(parts), re.DOTALL)


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


def _integer(text: str | None) -> int | None:
    bare = "" if text is None else text.strip(WHITE_SPACE)
    return int(bare) if re.fullmatch("[+-]?[0-9]{1,18}", bare) else None


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
    return float(Decimal(f"{value:.15g}").quantize(Decimal(1).scaleb(-digits), context=_EXACT))


def _remainder(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None or right == 0 else math.fmod(left, right)


def _shift(value: str | None, unit: str, amount: int | None) -> str | None:
    """Move a date or a timestamp, which the length of the text tells apart."""
    if value is None or amount is None:
        return None
    moment: date = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    if unit == "months":
        years, month = divmod(moment.year * 12 + moment.month - 1 + amount, 12)
        moment = moment.replace(year=years, month=month + 1, day=min(moment.day, monthrange(years, month + 1)[1]))
    else:
        moment = moment + timedelta(**{unit: amount})
    return moment.isoformat(" ", "microseconds") if isinstance(moment, datetime) else moment.isoformat()


def _time(value: Any) -> Any:
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
    "af_integer": (1, _integer),
    "af_divide": (5, _divide),
    "af_round": (2, _round),
    "af_remainder": (2, _remainder),
    "af_shift": (3, _shift),
    "af_time": (1, _time),
}
