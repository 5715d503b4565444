"""Moving dates and timestamps inside the calendar, the years 1 to 9999: beyond it databases differ, so there is null."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect, Sql, Unit
from engine.kit.expression.tree import Interval
from engine.kit.expression.value import Value, literal, null_of, typed
from engine.kit.types import DATE, TIMESTAMP, Type

_DAYS = (date.max - date.min).days
_MOST = {"days": _DAYS, "months": 9999 * 12 - 1, "seconds": (_DAYS + 1) * 86400 - 1}
_FIRST, _LAST = datetime.combine(date.min, time.min), datetime.combine(date.max, time.max)
_MARGIN = timedelta(days=2)


def shifted(dialect: Dialect, value: Value, unit: Unit, amount: Value, times: int = 1) -> Sql:
    """Move a date or timestamp by an amount, so many times; null beyond the calendar. Months end at the month's last day."""
    most = _MOST[unit] // abs(times)
    if isinstance(amount.known, int):
        if abs(amount.known) > most:
            return null_of(value.type)
        count = amount.known * times
        return dialect.shift(_with_room(value, unit, count), value.type, unit, literal(count).sql)
    within = sa.case((amount.sql.between(literal(-most).sql, literal(most).sql), amount.sql))
    found = dialect.shift(value.sql, value.type, unit, within * literal(times).sql)
    first, last = (literal(each).sql for each in _edges(value.type))
    return sa.case((found.between(first, last), found))


def moved(dialect: Dialect, value: Value, interval: Interval, sign: int = 1) -> Value:
    """Move by an interval: months first (to the month's last day at most), then days, then seconds."""
    if interval.seconds and value.type == DATE:
        value = Value(dialect.cast(value.sql, DATE, TIMESTAMP), TIMESTAMP)
    steps: tuple[tuple[Unit, int], ...] = (
        ("months", interval.months), ("days", interval.days), ("seconds", interval.seconds),
    )  # fmt: skip
    for unit, count in steps:
        if count:
            value = Value(shifted(dialect, value, unit, literal(sign * count)), value.type)
    return typed(value.sql, value.type)


def inside(value: Value) -> Sql:
    """Give a timestamp that time zones cannot move beyond the calendar, else null."""
    first, last = _FIRST + _MARGIN, _LAST - _MARGIN
    if value.known is not None:
        return value.sql if first <= value.known <= last else null_of(value.type)
    return sa.case((value.sql.between(literal(first).sql, literal(last).sql), value.sql))


def _with_room(value: Value, unit: Unit, count: int) -> Sql:
    """Give the value where so many units from it there still is a calendar, else null."""
    if count == 0:
        return value.sql
    first, last = _edges(value.type)
    edge: Any = _moved(last if count > 0 else first, unit, -count)
    if value.known is not None:
        return value.sql if (value.known <= edge if count > 0 else value.known >= edge) else null_of(value.type)
    bound = literal(edge).sql
    return sa.case((value.sql <= bound if count > 0 else value.sql >= bound, value.sql))


def _moved(edge: date, unit: Unit, count: int) -> date:
    """Give the moment so far from an edge: of months, the last (or first) from which they end at the edge's month."""
    if unit != "months":
        return edge + timedelta(**{unit: count})
    year, month = divmod(edge.year * 12 + edge.month - 1 + count, 12)
    day = 1 if edge.day == 1 else monthrange(year, month + 1)[1]
    return edge.replace(year=year, month=month + 1, day=day)


def _edges(type_: Type) -> tuple[date, date]:
    return (date.min, date.max) if type_ == DATE else (_FIRST, _LAST)
