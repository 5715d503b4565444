"""The built-in functions (reference/campaign-workflows.md §5.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect, Sql
from engine.kit.expression.arithmetic import computed
from engine.kit.expression.functions import (
    ANY,
    CONDITIONS,
    EXACT,
    INTEGERS,
    NUMBERS,
    TEXTS,
    TIMES,
    Function,
    Parameter,
)
from engine.kit.expression.value import Value, alike, common_type, compared, literal
from engine.kit.types import DATE, INTEGER, TEXT, TIMESTAMP, Kind, Type

_TEXT = Parameter("text", TEXTS)
_NUMBER = Parameter("number", NUMBERS)
_DATE = Parameter("date", TIMES)
_COUNT = Parameter("n", INTEGERS)
_ONE, _ZERO = literal(1).sql, literal(0).sql


def _same(values: tuple[Value, ...]) -> Type | None:
    return common_type([value.type for value in values])


def _first(values: tuple[Value, ...]) -> Type:
    return values[0].type


def _day(dialect: Dialect, value: Value) -> Any:
    return value.sql if value.type == DATE else dialect.date(value.sql)


# times


def _shifter(unit: Any, times: int = 1) -> Callable[[Dialect, Value, Value], Any]:
    def build(dialect: Dialect, date: Value, amount: Value) -> Any:
        return dialect.shift(date.sql, date.type, unit, amount.sql * literal(times).sql if times != 1 else amount.sql)

    return build


def _add_hours(dialect: Dialect, date: Value, amount: Value) -> Any:
    moment = dialect.cast(date.sql, date.type, TIMESTAMP)
    return dialect.shift(moment, TIMESTAMP, "seconds", amount.sql * literal(3600).sql)


def _months_diff(dialect: Dialect, end: Value, start: Value) -> Any:
    """Count whole months: the last one counts when its day is reached."""
    months = _month_count(dialect, end) - _month_count(dialect, start)
    is_short = dialect.part(end.sql, end.type, "day") < dialect.part(start.sql, start.type, "day")
    return months - sa.case((is_short, _ONE), else_=_ZERO)


def _month_count(dialect: Dialect, date: Value) -> Sql:
    return dialect.part(date.sql, date.type, "year") * literal(12).sql + dialect.part(date.sql, date.type, "month")


def _years_old(dialect: Dialect, today: Value, date: Value) -> Any:
    born, now = (_in_year(dialect, value) for value in (date, today))
    years = dialect.part(today.sql, DATE, "year") - dialect.part(date.sql, date.type, "year")
    return years - sa.case((now < born, _ONE), else_=_ZERO)


def _in_year(dialect: Dialect, date: Value) -> Sql:
    return dialect.part(date.sql, date.type, "month") * literal(100).sql + dialect.part(date.sql, date.type, "day")


_TODAY = ("run.date",)
_TIMES = (
    Function(name="now", parameters=(), result=TIMESTAMP, needs=("run.time",), build=lambda _dialect, now: now.sql,
             doc="The moment the run is for, `run.time`."),
    Function(name="days_ago", parameters=(_COUNT,), result=DATE, needs=_TODAY, doc="The date n days before `run.date`.",
             build=lambda dialect, today, n: dialect.shift(today.sql, DATE, "days", -n.sql)),
    Function(name="months_ago", parameters=(_COUNT,), result=DATE, needs=_TODAY,
             doc="The date n months before `run.date`, the month's last day at most.",
             build=lambda dialect, today, n: dialect.shift(today.sql, DATE, "months", -n.sql)),
    *(Function(name=name, parameters=(_DATE, _COUNT), result=_first, build=_shifter(unit, times), doc=doc)
      for name, unit, times, doc in (
          ("add_days", "days", 1, "The date n days later."),
          ("sub_days", "days", -1, "The date n days earlier."),
          ("add_months", "months", 1, "The date n months later, the month's last day at most."),
          ("sub_months", "months", -1, "The date n months earlier, the month's last day at most."),
          ("add_years", "months", 12, "The date n years later; of 29 February, the 28th where there is none."),
          ("sub_years", "months", -12, "The date n years earlier; of 29 February, the 28th where there is none."),
      )),
    Function(name="add_hours", parameters=(_DATE, _COUNT), result=TIMESTAMP, build=_add_hours, doc="The time n hours later."),
    Function(name="days_diff", parameters=(Parameter("end", TIMES), Parameter("start", TIMES)), result=INTEGER,
             build=lambda dialect, end, start: dialect.days_between(_day(dialect, end), _day(dialect, start)),
             doc="Days from start to end, by the calendar: hours do not count."),
    Function(name="months_diff", parameters=(Parameter("end", TIMES), Parameter("start", TIMES)), result=INTEGER,
             build=_months_diff, doc="Months from start to end; one counts when its day of the month is reached."),
    Function(name="days_old", parameters=(_DATE,), result=INTEGER, needs=_TODAY, doc="Days from the date to `run.date`.",
             build=lambda dialect, today, date: dialect.days_between(today.sql, _day(dialect, date))),
    Function(name="years_old", parameters=(_DATE,), result=INTEGER, needs=_TODAY, build=_years_old,
             doc="Whole years from the date to `run.date`; who was born on 29 February ages on 1 March."),
    *(Function(name=part, parameters=(_DATE,), result=INTEGER, doc=f"The {part} of a date.",
               build=lambda dialect, date, part=part: dialect.part(date.sql, date.type, part))
      for part in ("year", "month", "day", "hour", "minute", "second")),
    Function(name="week_day", parameters=(_DATE,), result=INTEGER, doc="The day of the week: 1 Monday … 7 Sunday.",
             build=lambda dialect, date: dialect.part(date.sql, date.type, "week_day")),
    *(Function(name=name, parameters=(_DATE,), result=DATE, build=_day, doc="The date of a timestamp, in UTC.")
      for name in ("date_only", "to_date")),
)  # fmt: skip


# text


def _at_least(value: Value, least: int) -> Sql:
    """Give the number, or `least` where it is less."""
    if isinstance(value.known, int):
        return literal(max(value.known, least)).sql
    return sa.case((value.sql < literal(least).sql, literal(least).sql), else_=value.sql)


def _right(dialect: Dialect, text: Value, length: Value) -> Any:
    wanted = _at_least(length, 0)
    start = dialect.length(text.sql) - wanted + _ONE
    from_ = sa.case((start < _ONE, _ONE), else_=start)
    return dialect.substring(text.sql, from_, wanted)


def _substring(dialect: Dialect, text: Value, start: Value, length: Value | None = None) -> Any:
    wanted = dialect.length(text.sql) if length is None else _at_least(length, 0)
    return dialect.substring(text.sql, _at_least(start, 1), wanted)


def _juxt_words(dialect: Dialect, *words: Value) -> Any:  # noqa: ARG001
    joined: Any = sa.func.coalesce(words[0].sql, literal("").sql)
    for word in words[1:]:
        present = sa.func.coalesce(word.sql, literal("").sql)
        joined = sa.case((joined == "", present), (present == "", joined), else_=joined + literal(" ").sql + present)
    return joined


def _email_domain(dialect: Dialect, email: Value) -> Any:
    at = dialect.position(email.sql, literal("@").sql)
    return sa.case((at > _ZERO, dialect.substring(email.sql, at + _ONE, dialect.length(email.sql))))


def _to_string(dialect: Dialect, value: Value, digits: Value | None = None) -> Any:
    if digits is None:
        return dialect.text(value.sql, value.type)
    rounded = dialect.round(value.sql, value.type, digits.known)
    type_ = INTEGER if digits.known == 0 else Type(Kind.DECIMAL, digits.known)
    return dialect.text(rounded, type_)


def _bucket(dialect: Dialect, key: Value, seed: Value, count: Value) -> Any:
    text = seed.sql + literal(":").sql + dialect.text(key.sql, key.type)
    return dialect.bucket(text, count.known)


_STRINGS = (
    Function(name="lower", parameters=(_TEXT,), result=TEXT, build=lambda dialect, text: dialect.lower(text.sql),
             doc="The text in lower case; one character for one, so İ gives i."),
    Function(name="upper", parameters=(_TEXT,), result=TEXT, build=lambda dialect, text: dialect.upper(text.sql),
             doc="The text in upper case; one character for one, so ß gives ẞ."),
    Function(name="smart", parameters=(_TEXT,), result=TEXT, build=lambda dialect, text: dialect.capitals(text.sql),
             doc="The first letter of each word in upper case, the others in lower; words are parted by spaces."),
    Function(name="trim", parameters=(_TEXT,), result=TEXT, build=lambda dialect, text: dialect.trim(text.sql),
             doc="The text without white space at its ends."),
    Function(name="ltrim", parameters=(_TEXT,), result=TEXT, doc="The text without white space at its beginning.",
             build=lambda dialect, text: dialect.trim(text.sql, "left")),
    Function(name="rtrim", parameters=(_TEXT,), result=TEXT, doc="The text without white space at its end.",
             build=lambda dialect, text: dialect.trim(text.sql, "right")),
    Function(name="length", parameters=(_TEXT,), result=INTEGER, build=lambda dialect, text: dialect.length(text.sql),
             doc="How many characters (code points)."),
    Function(name="left", parameters=(_TEXT, _COUNT), result=TEXT, doc="The first n characters.",
             build=lambda dialect, text, n: dialect.substring(text.sql, _ONE, _at_least(n, 0))),
    Function(name="right", parameters=(_TEXT, _COUNT), result=TEXT, build=_right, doc="The last n characters."),
    Function(name="substring", parameters=(_TEXT, Parameter("start", INTEGERS), Parameter("length", INTEGERS, optional=True)),
             result=TEXT, build=_substring, doc="Characters from a place on; the first is 1, and what is less counts as 1."),
    Function(name="replace", parameters=(_TEXT, Parameter("old", TEXTS), Parameter("new", TEXTS)), result=TEXT,
             build=lambda _dialect, text, old, new: sa.func.replace(text.sql, old.sql, new.sql, type_=sa.String()),
             doc="The text with every `old` replaced."),
    Function(name="charindex", parameters=(_TEXT, Parameter("part", TEXTS)), result=INTEGER,
             build=lambda dialect, text, part: dialect.position(text.sql, part.sql),
             doc="Where `part` first begins, from 1; 0 where it is not."),
    Function(name="juxt_words", parameters=(_TEXT, _TEXT), result=TEXT, repeated=True, build=_juxt_words,
             doc="The texts with a space between; null and '' are left out. Never null."),
    Function(name="get_email_domain", parameters=(_TEXT,), result=TEXT, build=_email_domain,
             doc="What stands after the first @; null where there is none."),
    Function(name="to_string", parameters=(Parameter("value", ANY - {Kind.FLOAT}), Parameter("digits", INTEGERS, True, True)),
             result=TEXT, build=_to_string, doc="The canonical text of a value, rounded to so many digits when told."),
    Function(name="md5_digest", parameters=(_TEXT,), result=TEXT, build=lambda dialect, text: dialect.md5(text.sql),
             doc="The md5 of the UTF-8 text, 32 hex digits."),
    Function(name="sha256_digest", parameters=(_TEXT,), result=TEXT, build=lambda dialect, text: dialect.sha256(text.sql),
             doc="The sha256 of the UTF-8 text, 64 hex digits."),
    Function(name="bucket", result=INTEGER, build=_bucket,
             parameters=(Parameter("key", ANY - {Kind.FLOAT}), Parameter("seed", TEXTS), Parameter("n", INTEGERS, is_written_out=True)),
             doc="A number from 0 to n-1: the first 8 hex digits of the md5 of 'seed:key', modulo n."),
)  # fmt: skip


# numbers and choices


def _rounded_type(values: tuple[Value, ...]) -> Type:
    digits = values[1].known if len(values) > 1 else 0
    return INTEGER if digits == 0 else Type(Kind.DECIMAL, digits)


def _round(dialect: Dialect, value: Value, digits: Value | None = None) -> Any:
    return dialect.round(value.sql, value.type, digits.known if digits else 0)


def _sign(dialect: Dialect, value: Value) -> Any:  # noqa: ARG001
    return sa.case((value.sql > _ZERO, _ONE), (value.sql < _ZERO, literal(-1).sql), (value.sql == _ZERO, _ZERO))


def _best(operator: str) -> Callable[..., Any]:
    def build(dialect: Dialect, *values: Value) -> Any:
        type_ = _same(values)
        assert type_ is not None  # noqa: S101 - the type was checked before
        best, *others = (Value(sql, type_) for sql in alike(dialect, values, type_))
        for other in others:
            chosen = sa.case(
                (compared(dialect, operator, best, other), best.sql),
                (other.sql.is_not(None) & best.sql.is_not(None), other.sql),
            )
            best = Value(chosen, type_)
        return best.sql

    return build


def _to_integer(dialect: Dialect, value: Value) -> Any:
    return dialect.parse_integer(value.sql) if value.type == TEXT else dialect.whole(value.sql, value.type, "zero")


def _coalesce(dialect: Dialect, *values: Value) -> Any:
    type_ = _same(values)
    assert type_ is not None  # noqa: S101 - the type was checked before
    return sa.func.coalesce(*alike(dialect, values, type_))


def _choice(dialect: Dialect, condition: Any, yes: Value, no: Value) -> Any:
    type_ = _same((yes, no))
    assert type_ is not None  # noqa: S101 - the type was checked before
    first, second = alike(dialect, (yes, no), type_)
    return sa.case((condition, first), else_=second)


def _no_null(dialect: Dialect, value: Value) -> Any:
    nothing = literal("" if value.type == TEXT else 0)
    return sa.func.coalesce(*alike(dialect, (value, nothing), value.type))


def _equal_types(values: tuple[Value, ...]) -> Type | None:
    return _same(values[2:]) if _same(values[:2]) is not None else None


_VALUE = Parameter("value", ANY)
_NUMBERS = (
    Function(name="abs", parameters=(_NUMBER,), result=_first, doc="The number without its sign.",
             build=lambda _dialect, value: sa.func.abs(value.sql)),
    *(Function(name=name, parameters=(_NUMBER,), result=INTEGER, doc=doc,
               build=lambda dialect, value, direction=direction: dialect.whole(value.sql, value.type, direction))
      for name, direction, doc in (("ceil", "up", "The integer at or above."), ("floor", "down", "The integer at or below."))),
    Function(name="round", parameters=(_NUMBER, Parameter("digits", INTEGERS, optional=True, is_written_out=True)), result=_rounded_type,
             build=_round, doc="Rounded half away from zero to 0 to 12 digits after the point."),
    Function(name="sign", parameters=(_NUMBER,), result=INTEGER, build=_sign, doc="-1, 0 or 1."),
    Function(name="mod", parameters=(Parameter("a", EXACT), Parameter("b", EXACT)), doc="The remainder of a / b, with a's sign.",
             result=lambda values: _same(values), build=lambda dialect, a, b: computed(dialect, "%", a, b).sql),
    Function(name="greatest", parameters=(_VALUE, _VALUE), result=_same, repeated=True, build=_best(">="), doc="The greatest value."),
    Function(name="least", parameters=(_VALUE, _VALUE), result=_same, repeated=True, build=_best("<="), doc="The least value."),
    Function(name="to_integer", parameters=(Parameter("value", NUMBERS | TEXTS),), result=INTEGER, build=_to_integer,
             doc="The number without its fraction; of a text, null when it is no integer of up to 18 digits."),
)  # fmt: skip
_CHOICES = (
    Function(name="iif", parameters=(Parameter("condition", CONDITIONS), _VALUE, _VALUE), result=lambda values: _same(values[1:]),
             build=lambda dialect, condition, yes, no: _choice(dialect, condition.sql, yes, no),
             doc="The first value where the condition is true, else the second."),
    Function(name="if_equals", parameters=(_VALUE, _VALUE, _VALUE, _VALUE), result=_equal_types,
             build=lambda dialect, a, b, yes, no: _choice(dialect, compared(dialect, "=", a, b), yes, no),
             doc="The third value where the first two are equal, else the fourth."),
    Function(name="is_empty_string", parameters=(_TEXT, _VALUE, _VALUE), result=lambda values: _same(values[1:]),
             build=lambda dialect, text, yes, no: _choice(dialect, sa.func.coalesce(text.sql, literal("").sql) == "", yes, no),
             doc="The first value where the text is null or '', else the second."),
    Function(name="coalesce", parameters=(_VALUE,), result=_same, repeated=True, build=_coalesce,
             doc="The first value that is not null. (Campaign's also passes over 0.)"),
    Function(name="no_null", parameters=(Parameter("value", TEXTS | NUMBERS),), result=_first, build=_no_null,
             doc="The value, or '' or 0 where it is null."),
)  # fmt: skip

FUNCTIONS: Mapping[str, Function] = {each.name: each for each in (*_TIMES, *_STRINGS, *_NUMBERS, *_CHOICES)}
