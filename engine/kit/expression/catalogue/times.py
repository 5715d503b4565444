"""Dates and times. A timestamp is UTC, and its day is that of UTC unless a function is told a time zone."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import sqlalchemy as sa

from engine.kit.dialect import Dialect, Part, Sql, Unit
from engine.kit.expression.catalogue.signatures import (
    A_COUNT,
    A_DATE,
    A_TEXT,
    Build,
    best,
    common,
    day,
    first,
    moment,
)
from engine.kit.expression.functions import INTEGERS, TEXTS, TIMES, Function, Parameter, Written
from engine.kit.expression.moving import inside, shifted
from engine.kit.expression.value import Value, literal
from engine.kit.types import DATE, INTEGER, TEXT, TIMESTAMP

_DAY = 24 * 60 * 60
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a moment of UTC, as all timestamps here


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


_END, _START = Parameter("end", TIMES), Parameter("start", TIMES)
_STEP = Written("a number of seconds that divides a day, such as 3600", lambda value: _divides_a_day(value))
_SECONDS = Parameter("seconds", INTEGERS, written=_STEP)
_ZONE = Parameter(
    "zone", TEXTS, written=Written("a time zone, such as 'Europe/Paris'", lambda value: value in _zones())
)
_TODAY, _NOW = ("run.date",), ("run.time",)


def _divides_a_day(value: object) -> bool:
    return isinstance(value, int) and 0 < value <= _DAY and _DAY % value == 0


def _shifts(
    name: str, unit: Unit, times: int, rest: str, later: tuple[str, str], earlier: tuple[str, str]
) -> tuple[Function, ...]:
    """Give `add_…` and `sub_…` of a unit. A date moved by hours, minutes or seconds becomes a timestamp."""
    what, result = ("time", TIMESTAMP) if unit == "seconds" else ("date", first)
    return tuple(
        Function(name=f"{verb}_{name}", parameters=(A_DATE, A_COUNT), result=result, build=_shifter(unit, factor),
                 doc=f"The {what} n {name} {direction}{rest}; null beyond the years 1 to 9999.", example=example)
        for verb, factor, direction, example in (("add", times, "later", later), ("sub", -times, "earlier", earlier))
    )  # fmt: skip


def _shifter(unit: Unit, times: int) -> Build:
    def build(dialect: Dialect, date: Value, amount: Value) -> Sql:
        if unit == "seconds" and date.type == DATE:
            date = Value(moment(dialect, date), TIMESTAMP)
        return shifted(dialect, date, unit, amount, times)

    return build


# what lies between


def _units_between(seconds: int) -> Build:
    def build(dialect: Dialect, end: Value, start: Value) -> Sql:
        return dialect.seconds_between(moment(dialect, end), moment(dialect, start), seconds)

    return build


def _days_diff(dialect: Dialect, end: Value, start: Value) -> Sql:
    return dialect.days_between(day(dialect, end), day(dialect, start))


def _months_diff(dialect: Dialect, end: Value, start: Value) -> Sql:
    """Count whole months: the last one counts when its day is reached."""
    months = _month_count(dialect, end) - _month_count(dialect, start)
    is_short = _part(dialect, end, "day") < _part(dialect, start, "day")
    return months - sa.case((is_short, literal(1).sql), else_=literal(0).sql)


def _month_count(dialect: Dialect, date: Value) -> Sql:
    return _part(dialect, date, "year") * literal(12).sql + _part(dialect, date, "month")


def _years_diff(dialect: Dialect, end: Value, start: Value) -> Sql:
    years = _part(dialect, end, "year") - _part(dialect, start, "year")
    is_short = _in_year(dialect, end) < _in_year(dialect, start)
    return years - sa.case((is_short, literal(1).sql), else_=literal(0).sql)


def _in_year(dialect: Dialect, date: Value) -> Sql:
    return _part(dialect, date, "month") * literal(100).sql + _part(dialect, date, "day")


def _part(dialect: Dialect, date: Value, part: Part) -> Sql:
    return dialect.part(date.sql, date.type, part)


def _getter(part: Any) -> Build:
    return lambda dialect, date: _part(dialect, date, part)


def _year_and_month(dialect: Dialect, date: Value) -> Sql:
    return _part(dialect, date, "year") * literal(100).sql + _part(dialect, date, "month")


def _days_ago_int(dialect: Dialect, today: Value, amount: Value) -> Sql:
    date = Value(shifted(dialect, today, "days", amount, -1), DATE)
    return _year_and_month(dialect, date) * literal(100).sql + _part(dialect, date, "day")


# what is cut off


def _cut(dialect: Dialect, timestamp: Sql, seconds: int) -> Sql:
    """Give the last full `seconds` before a timestamp, counted from midnight, which is why they divide a day."""
    steps = dialect.seconds_between(timestamp, literal(_EPOCH).sql, seconds)
    return dialect.shift(literal(_EPOCH).sql, TIMESTAMP, "seconds", steps * literal(seconds).sql)


def _trunc_date(dialect: Dialect, date: Value, seconds: Value) -> Sql:
    return _cut(dialect, moment(dialect, date), seconds.known)


def _trunc_date_tz(dialect: Dialect, date: Value, seconds: Value, zone: Value) -> Sql:
    """Go back by what the clocks show to be too much; where they were changed in between, ask for the moment they showed that."""
    utc = _inside(dialect, date)
    shown = dialect.local(utc, zone.known)
    wanted = _cut(dialect, shown, seconds.known)
    back = dialect.shift(utc, TIMESTAMP, "seconds", -dialect.seconds_between(shown, wanted, 1))
    start = _cut(dialect, back, 1)
    is_there = dialect.local(start, zone.known) == wanted
    return sa.case((is_there, start), else_=dialect.utc(wanted, zone.known))


def _trunc_time(dialect: Dialect, date: Value, seconds: Value) -> Sql:
    written = dialect.text(_cut(dialect, moment(dialect, date), seconds.known), TIMESTAMP)
    return dialect.substring(written, literal(12).sql, literal(8).sql)


def _back(dialect: Dialect, date: Value, part: Part) -> Sql:
    """Give the first day of the week, month or year that a day is the `part`-th of."""
    return dialect.shift(day(dialect, date), DATE, "days", literal(1).sql - _part(dialect, date, part))


def _starter(part: Part) -> Build:
    return lambda dialect, date: _back(dialect, date, part)


def _trunc_quarter(dialect: Dialect, date: Value) -> Sql:
    over = (_part(dialect, date, "month") - literal(1).sql) % literal(3).sql
    return dialect.shift(_back(dialect, date, "day"), DATE, "months", -over)


# time zones


def _local_to_utc(dialect: Dialect, date: Value, zone: Value) -> Sql:
    return dialect.utc(_inside(dialect, date), zone.known)


def _utc_to_local(dialect: Dialect, date: Value, zone: Value) -> Sql:
    return dialect.local(_inside(dialect, date), zone.known)


def _inside(dialect: Dialect, date: Value) -> Sql:
    return inside(date if date.type == TIMESTAMP else Value(moment(dialect, date), TIMESTAMP))


def _parsed(dialect: Dialect, text: Value, zone: Value | None = None) -> Sql:
    """Read a time; where the text has no offset (Z, + or a third -), it is what clocks in the zone show."""
    utc = dialect.parse_time(text.sql)
    if zone is None:
        return utc
    no_dashes = sa.func.replace(text.sql, literal("-").sql, literal("").sql, type_=sa.String())
    signs = (dialect.position(text.sql, literal(sign).sql) > literal(0).sql for sign in "Z+")
    has_offset = sa.or_(*signs, dialect.length(text.sql) - dialect.length(no_dashes) > literal(2).sql)
    return sa.case((has_offset, utc), else_=dialect.utc(inside(Value(utc, TIMESTAMP)), zone.known))


def _to_date(dialect: Dialect, value: Value) -> Sql:
    return dialect.date(dialect.parse_time(value.sql)) if value.type == TEXT else day(dialect, value)


_WHOLE = "The most that can be added to start without passing end, so less than nothing is rounded down too."
_CLAMPED = ", the month's last day at most"
_LEAP = "; of 29 February, the 28th where there is none"

DATES = (
    Function(name="now", parameters=(), result=TIMESTAMP, needs=_NOW, build=lambda _dialect, now: now.sql,
             doc="The moment the run is for, `run.time`; the same in every activity, and after a resume. It is GetDate too.",
             example=("now()", "2026-11-23 08:30:00.000000")),
    Function(name="days_ago", parameters=(A_COUNT,), result=DATE, needs=_TODAY,
             build=_shifter("days", -1),
             doc="The date n days before `run.date`.", example=("days_ago(30)", "2026-10-24")),
    Function(name="days_ago_int", parameters=(A_COUNT,), result=INTEGER, needs=_TODAY, build=_days_ago_int,
             doc="The date n days before `run.date`, as the integer yyyymmdd.", example=("days_ago_int(30)", "20261024")),
    Function(name="months_ago", parameters=(A_COUNT,), result=DATE, needs=_TODAY,
             build=_shifter("months", -1),
             doc="The date n months before `run.date`, the month's last day at most.", example=("months_ago(9)", "2026-02-23")),
    *_shifts("days", "days", 1, "", ("add_days(date '2024-02-28', 1)", "2024-02-29"),
             ("sub_days(date '2026-03-01', 1)", "2026-02-28")),
    *_shifts("months", "months", 1, _CLAMPED, ("add_months(date '2026-01-31', 1)", "2026-02-28"),
             ("sub_months(date '2026-03-31', 1)", "2026-02-28")),
    *_shifts("years", "months", 12, _LEAP, ("add_years(date '2024-02-29', 1)", "2025-02-28"),
             ("sub_years(date '2024-02-29', 4)", "2020-02-29")),
    *_shifts("hours", "seconds", 3600, "", ("add_hours(date '2026-02-28', 25)", "2026-03-01 01:00:00.000000"),
             ("sub_hours(date '2026-03-01', 1)", "2026-02-28 23:00:00.000000")),
    *_shifts("minutes", "seconds", 60, "", ("add_minutes(run.time, 45)", "2026-11-23 09:15:00.000000"),
             ("sub_minutes(run.time, 31)", "2026-11-23 07:59:00.000000")),
    *_shifts("seconds", "seconds", 1, "", ("add_seconds(run.time, 90)", "2026-11-23 08:31:30.000000"),
             ("sub_seconds(run.date, 1)", "2026-11-22 23:59:59.000000")),
    Function(name="days_diff", parameters=(_END, _START), result=INTEGER, build=_days_diff,
             doc="Days from start to end, by the calendar: hours do not count.",
             example=("days_diff(date '2024-03-01', date '2024-02-28')", "2")),
    Function(name="months_diff", parameters=(_END, _START), result=INTEGER, build=_months_diff,
             doc="Months from start to end; one counts when its day of the month is reached.",
             example=("months_diff(date '2026-03-30', date '2026-01-31')", "1")),
    Function(name="years_diff", parameters=(_END, _START), result=INTEGER, build=_years_diff,
             doc="Years from start to end; one counts when its month and day are reached.",
             example=("years_diff(date '2026-11-22', date '2000-11-23')", "25")),
    *(Function(name=f"{unit}_diff", parameters=(_END, _START), result=INTEGER, build=_units_between(seconds),
               doc=f"Whole {unit} from start to end; a date is its midnight. {_WHOLE}", example=(example, answer))
      for unit, seconds, example, answer in (
          ("hours", 3600, "hours_diff(run.time, run.date)", "8"),
          ("minutes", 60, "minutes_diff(run.time, run.date)", "510"),
          ("seconds", 1, "seconds_diff(run.date, run.time)", "-30600"),
      )),
    Function(name="days_old", parameters=(A_DATE,), result=INTEGER, needs=_TODAY, build=_days_diff,
             doc="Days from the date to `run.date`.", example=("days_old(date '2026-11-20')", "3")),
    Function(name="months_old", parameters=(A_DATE,), result=INTEGER, needs=_TODAY, build=_months_diff,
             doc="Whole months from the date to `run.date`; one counts when its day of the month is reached.",
             example=("months_old(date '2026-09-24')", "1")),
    Function(name="years_old", parameters=(A_DATE,), result=INTEGER, needs=_TODAY, build=_years_diff,
             doc="Whole years from the date to `run.date`; who was born on 29 February ages on 1 March.",
             example=("years_old(date '2000-11-24')", "25")),
    *(Function(name=part, parameters=(A_DATE,), result=INTEGER, build=_getter(part), doc=f"The {part} of a date{rest}.",
               example=(f"{part}(run.time)", answer))
      for part, rest, answer in (
          ("year", "", "2026"), ("month", ", from 1", "11"), ("day", ", from 1", "23"),
          ("hour", ", from 0; of a date without a time, 0", "8"), ("minute", ", from 0; of a date without a time, 0", "30"),
          ("second", ", from 0, without its fraction; of a date without a time, 0", "0"),
      )),
    Function(name="week_day", parameters=(A_DATE,), result=INTEGER, build=_getter("week_day"),
             doc="The day of the week, as ISO 8601 counts: 1 Monday … 7 Sunday.", example=("week_day(date '2026-11-22')", "7")),
    Function(name="day_of_year", parameters=(A_DATE,), result=INTEGER, build=_getter("day_of_year"),
             doc="The day of the year, from 1 to 366.", example=("day_of_year(date '2024-12-31')", "366")),
    Function(name="year_and_month", parameters=(A_DATE,), result=INTEGER, build=_year_and_month,
             doc="The year and month as the integer yyyymm, which sorts.", example=("year_and_month(run.date)", "202611")),
    Function(name="date_only", parameters=(A_DATE,), result=DATE, build=day,
             doc="The date of a timestamp, in UTC. Campaign's keeps a time of 00:00, and goes by the server's time zone; for a day "
                 "elsewhere, write `date_only(utc_to_local(at, 'Europe/Paris'))`.",
             example=("date_only(run.time)", "2026-11-23")),
    Function(name="to_date", parameters=(Parameter("value", TIMES | TEXTS),), result=DATE, build=_to_date,
             doc="The date of a timestamp, in UTC, or the one a text is, as `to_date_time` reads it.",
             example=("to_date('2024-02-29')", "2024-02-29")),
    Function(name="to_date_time", parameters=(A_TEXT,), result=TIMESTAMP, build=_parsed,
             doc="The time a text is in ISO 8601: a date, or a date and a time, with Z, an offset, or none for UTC. Null for any "
                 "other text, such as 30 February or 23/11/2026.",
             example=("to_date_time('2026-11-23 08:30:00+02:00')", "2026-11-23 06:30:00.000000")),
    Function(name="to_date_time_with_timezone", parameters=(A_TEXT, _ZONE), result=TIMESTAMP, build=_parsed,
             doc="The time a text is, as `to_date_time` reads it, but without an offset what clocks in the zone show (`local_to_utc`).",
             example=("to_date_time_with_timezone('2019-02-19 08:09:00', 'Asia/Tehran')", "2019-02-19 04:39:00.000000")),
    Function(name="local_to_utc", parameters=(A_DATE, _ZONE), result=TIMESTAMP, build=_local_to_utc,
             doc="The moment at which clocks in a time zone show a time. A time they show twice, when they are put back, is the first; "
                 "one they skip is as much later as they are put forward.",
             example=("local_to_utc(timestamp '2026-03-29T02:30:00', 'Europe/Paris')", "2026-03-29 01:30:00.000000")),
    Function(name="utc_to_local", parameters=(A_DATE, _ZONE), result=TIMESTAMP,
             build=_utc_to_local,
             doc="What clocks in a time zone show at a moment. Ours: Campaign has no such function.",
             example=("utc_to_local(run.time, 'America/New_York')", "2026-11-23 03:30:00.000000")),
    Function(name="oldest", parameters=(Parameter("a", TIMES), Parameter("b", TIMES)), result=common, build=best("<="),
             doc="The earlier of two dates; null when one is null.", example=("oldest(date '2026-01-02', date '2026-01-01')", "2026-01-01")),
    Function(name="trunc_date", parameters=(A_DATE, _SECONDS), result=TIMESTAMP, build=_trunc_date,
             doc="The time, cut to full so many seconds since midnight: 60 is the minute, 900 the quarter of an hour, 3600 the hour, 86400 the day.",
             example=("trunc_date(timestamp '2026-11-23T08:44:59', 900)", "2026-11-23 08:30:00.000000")),
    Function(name="trunc_date_tz", parameters=(A_DATE, _SECONDS, _ZONE), result=TIMESTAMP, build=_trunc_date_tz,
             doc="The moment, in UTC, of the last full so many seconds since midnight on the clocks of a time zone: with 86400, when the "
                 "day began there.",
             example=("trunc_date_tz(run.time, 86400, 'Europe/Paris')", "2026-11-22 23:00:00.000000")),
    Function(name="trunc_time", parameters=(A_DATE, _SECONDS), result=TEXT, build=_trunc_time,
             doc="The time of day, cut to full so many seconds since midnight, as the text HH:MM:SS: the language has no times without a date.",
             example=("trunc_time(timestamp '2026-11-23T08:44:59', 3600)", "08:00:00")),
    *(Function(name=f"trunc_{name}", parameters=(A_DATE,), result=DATE, build=build, doc=f"The first day of the {name}{rest}.",
               example=(f"trunc_{name}(run.time)", answer))
      for name, build, rest, answer in (
          ("week", _starter("week_day"), ", which is Monday", "2026-11-23"), ("month", _starter("day"), "", "2026-11-01"),
          ("quarter", _trunc_quarter, "", "2026-10-01"), ("year", _starter("day_of_year"), "", "2026-01-01"),
      )),
)  # fmt: skip
