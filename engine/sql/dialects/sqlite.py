"""SQLite 3.35 and later. What it lacks is registered on each connection as a deterministic Python function.

It has no decimals: a decimal is stored as the double nearest to it, and every computation gives the double nearest to the
exact result, which holds for up to 15 digits.

Dates and timestamps are text: `2026-11-23`, `2026-11-23 08:30:00.000000`. In tables that others made a timestamp may be
written in any form of ISO 8601: with fewer digits, a `T`, a `Z` or an offset, or a day alone; in UTC where it does not say. Times
kept as numbers (of Unix, of Julius), and dates with a time of day behind, are not understood, and compare as they are. Texts
compare by code point, whatever collation a column was given.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from engine.kit.dialect import Bulk, Capabilities, Curve, Direction, Over, Part, Sql, TableShape, Unit
from engine.kit.expression.stored import Meant
from engine.kit.types import DATE, INTEGER, Kind, Stored, Type
from engine.sql.dialects.sqlite_functions import register
from engine.sql.dialects.standard import BIG, Standard, number

_CAPABILITIES = Capabilities(
    unlogged_tables=False, schemas=False,
    analyze_after_create=True, multi_process=True, longest_name=255, is_file=True, index_keys=True,
    looks_rows_up=False, oldest_version=(3, 35), version_function="sqlite_version",
)  # fmt: skip


class NearestDecimal(sa.Numeric[Decimal]):
    """A decimal kept as the double nearest to it; read back with its scale it is the decimal that was written."""

    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Any:  # noqa: ARG002
        return lambda value: None if value is None else float(value)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Any:  # noqa: ARG002
        scale = self.scale

        def read(value: Any) -> Decimal | None:
            if value is None:
                return None
            return Decimal(repr(value)) if scale is None else Decimal(f"{value:.{scale}f}")

        return read


class AnyCollation(Stored, sa.String):
    """A text, perhaps under a collation that minds no case; nothing says which, and an index without one is used all the same."""

    def meant(self, column: Sql) -> Sql:
        return sa.collate(column, "BINARY")


class AnyTime(Stored, sa.DateTime):
    """A timestamp as applications write it: SQLAlchemy in full, SQLite itself without a fraction, others as they like."""

    def meant(self, column: Sql) -> Sql:
        text = sa.type_coerce(column, sa.String())
        is_usual = sa.func.substr(text, number(11), number(1)) == sa.literal_column("' '")
        return sa.case(
            (is_usual & (sa.func.length(text) == number(26)), text),
            (is_usual & (sa.func.length(text) == number(19)), text + sa.literal_column("'.000000'")),
            else_=sa.func.af_meant_time(text, type_=sa.String()),
        )


_BOUNDS: Mapping[str, tuple[str, ...]] = {">": (">",), ">=": (">",), "<": ("<",), "<=": ("<",), "=": (">", "<")}


@dataclass(frozen=True)
class Sqlite(Standard):
    """Native where SQLite computes it right: sums and roundings of decimals go through whole numbers."""

    name: str = "sqlite"
    capabilities: Capabilities = _CAPABILITIES
    keywords: ClassVar[frozenset[str]] = frozenset({"nothing", "returning"})

    def bulk(self) -> Bulk:
        from engine.sql.bulk import ByDriver  # Arrow is heavy, and most commands read no rows

        return ByDriver()

    def address(self, url: sa.URL, *, read_only: bool) -> sa.URL:
        if not read_only or url.database in (None, "", ":memory:"):
            return url
        file = Path(str(url.database)).resolve().as_uri()  # which escapes what has a meaning there
        return url.set(database=file).update_query_dict({"uri": "true", "mode": "ro"})

    def begin(self, *, read_only: bool) -> str:
        """Take the right to write at once: a reader that asks for it later can be refused, and not wait."""
        return "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def is_busy(self, problem: BaseException) -> bool:
        return getattr(problem, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY

    def connect_arguments(self, *, read_only: bool) -> Mapping[str, Any]:  # noqa: ARG002
        return {"check_same_thread": False}

    def configure(self, engine: sa.Engine) -> None:
        super().configure(engine)
        colspecs: Any = {**engine.dialect.colspecs, sa.Float: sa.Float, sa.Numeric: NearestDecimal}
        engine.dialect.colspecs = colspecs

    def on_connect(self, connection: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own: `begin` does
        register(connection)

    def reflect(self, connection: sa.Connection, name: str, schema: str | None) -> TableShape:
        shape = super().reflect(connection, name, schema)
        return replace(shape, columns={column: _read(type_) for column, type_ in shape.columns.items()})

    def implied(self, operator: str, left: Sql, right: Sql) -> Sql | None:
        """Bound a column of times by days, which its text begins with; an offset moves that by a day at most."""
        is_time = isinstance(left, Meant) and isinstance(left.clause.type, AnyTime)
        if not is_time or any(
            isinstance(part, sa.ColumnClause) and part.table is not None for part in visitors.iterate(right)
        ):
            return None
        text = sa.type_coerce(left.clause, sa.String())
        day = sa.func.substr(right, number(1), number(10), type_=sa.String())
        above = text > sa.func.date(day, sa.literal_column("'-2 days'"))
        is_last = day >= sa.literal_column("'9999-12-30'")  # of the calendar
        later = sa.func.date(day, sa.literal_column("'+2 days'"), type_=sa.String())
        below = text < sa.case((is_last, sa.literal_column("'9999-99-99'")), else_=later)
        bounds = [{">": above, "<": below}[bound] for bound in _BOUNDS.get(operator, ())]
        return sa.and_(*bounds) if bounds else None

    def md5(self, text: Sql) -> Sql:
        return sa.func.af_md5(text, type_=sa.String())

    def sha256(self, text: Sql) -> Sql:
        return sa.func.af_sha256(text, type_=sa.String())

    def bucket(self, text: Sql, count: int) -> Sql:
        return sa.func.af_bucket(text, number(count), type_=BIG)

    def collated(self, text: Sql) -> Sql:
        return sa.collate(text, "BINARY")

    def lower(self, text: Sql) -> Sql:
        return sa.func.af_lower(text, type_=sa.String())

    def upper(self, text: Sql) -> Sql:
        return sa.func.af_upper(text, type_=sa.String())

    def capitals(self, text: Sql) -> Sql:
        return sa.func.af_capitals(text, type_=sa.String())

    def like(self, text: Sql, pattern: Sql) -> sa.ColumnElement[bool]:
        return sa.func.af_like(text, pattern, type_=sa.Boolean())

    def position(self, text: Sql, part: Sql) -> Sql:
        return sa.func.instr(text, part, type_=BIG)

    def size(self, text: Sql) -> Sql:
        return sa.func.length(sa.cast(text, sa.LargeBinary()), type_=BIG)

    def code(self, text: Sql) -> Sql:
        return sa.func.unicode(text, type_=BIG)

    def character(self, code: Sql) -> Sql:
        return sa.case((code.is_not(None), sa.func.char(code, type_=sa.String())))

    def pad(self, text: Sql, length: Sql, fill: Sql, side: Literal["left", "right"]) -> Sql:
        return sa.func.af_pad(text, length, fill, sa.literal_column(f"'{side}'"), type_=sa.String())

    def line(self, text: Sql, number: Sql) -> Sql:
        return sa.func.af_line(text, number, type_=sa.String())

    def parse_integer(self, text: Sql) -> Sql:
        return sa.func.af_integer(text, type_=BIG)

    def parse_decimal(self, text: Sql, digits: int) -> Sql:
        return sa.func.af_decimal(text, number(digits), type_=sa.Double())

    def parse_time(self, text: Sql) -> Sql:
        return sa.func.af_time(text, type_=sa.DateTime())

    def text(self, value: Sql, type_: Type) -> Sql:
        if type_.kind == Kind.DECIMAL:  # adding 0.0 takes the sign off a zero
            written = sa.func.printf(
                sa.literal_column(f"'%.{type_.scale or 0}f'"), value + sa.literal_column("0.0"), type_=sa.String()
            )
            return sa.case((value.is_not(None), written))
        return super().text(value, type_)

    def _formatted(self, value: Sql, type_: Type) -> Sql:  # noqa: ARG002
        return sa.cast(value, sa.String())

    def cast(self, value: Sql, from_: Type, to: Type) -> Sql:
        match from_.kind, to.kind:
            case Kind.NULL, _:
                return sa.null()
            case Kind.DATE, Kind.TIMESTAMP:
                return sa.type_coerce(
                    sa.cast(value, sa.String()) + sa.literal_column("' 00:00:00.000000'"), sa.DateTime()
                )
            case _, Kind.DECIMAL | Kind.FLOAT:
                return sa.cast(value, sa.Double())
            case _:
                return super().cast(value, from_, to)

    def arithmetic(self, operator: str, left: Sql, right: Sql, types: tuple[Type, Type], result: Type) -> Sql:
        if result.kind == Kind.DECIMAL:
            scale = result.scale or 0
            if operator == "%":
                remainder = _digits(left, scale) % sa.func.nullif(_digits(right, scale), number(0))
                return _from_digits(remainder, scale)
            left, right = sa.type_coerce(left, sa.Double()), sa.type_coerce(right, sa.Double())
            exact = sum(each.scale or 0 for each in types) if operator == "*" else scale
            plain = {"+": left + right, "-": left - right, "*": left * right}[operator]
            rounded = sa.func.round(plain, number(exact))
            return self.round(rounded, Type(Kind.DECIMAL, exact), scale) if exact > scale else rounded
        if operator == "%" and result.kind == Kind.FLOAT:
            return sa.func.af_remainder(left, right, type_=sa.Double())
        return super().arithmetic(operator, left, right, types, result)

    def _exact_quotient(self, left: Sql, right: Sql, types: tuple[Type, Type], scale: int) -> Sql:
        scales = (number(type_.scale or 0) for type_ in types)
        return sa.func.af_divide(left, right, *scales, number(scale), type_=sa.Double())

    def round(self, value: Sql, type_: Type, digits: int) -> Sql:
        if type_.kind == Kind.FLOAT or type_.is_carried:
            return sa.cast(sa.func.af_round(value, number(digits)), BIG if digits == 0 else sa.Double())
        scale = type_.scale or 0
        if type_ == INTEGER or digits >= scale:
            return sa.cast(value, BIG if digits == 0 else sa.Double())
        step = 10 ** (scale - digits)
        whole = _digits(value, scale)
        half = sa.case((whole < 0, number(-step // 2)), else_=number(step // 2))
        rounded = (whole + half).op("/", precedence=8)(number(step))
        return sa.type_coerce(rounded, BIG) if digits == 0 else _from_digits(rounded, digits)

    def trunc(self, value: Sql, type_: Type, digits: int) -> Sql:
        scale = -1 if type_.kind == Kind.FLOAT else type_.scale or 0
        cut = sa.func.af_trunc(value, number(scale), number(digits))
        return sa.cast(cut, BIG if digits == 0 else sa.Double())

    def whole(self, value: Sql, type_: Type, direction: Direction) -> Sql:
        if type_ == INTEGER:
            return value
        cut = sa.cast(value, BIG)
        match direction:
            case "down":
                return cut - sa.cast(value < cut, BIG)
            case "up":
                return cut + sa.cast(value > cut, BIG)
            case _:
                return cut

    def curve(self, name: Curve, *values: Sql) -> Sql:
        return getattr(sa.func, f"af_{name}")(*values, type_=sa.Double())  # type: ignore[no-any-return]

    def shift(self, value: Sql, type_: Type, unit: Unit, amount: Sql) -> Sql:
        python_type: Any = sa.Date() if type_ == DATE else sa.DateTime()
        return sa.func.af_shift(sa.cast(value, sa.String()), unit, amount, type_=python_type)

    def days_between(self, end: Sql, start: Sql) -> Sql:
        days = sa.func.julianday(sa.cast(end, sa.String())) - sa.func.julianday(sa.cast(start, sa.String()))
        return sa.cast(days, BIG)

    def seconds_between(self, end: Sql, start: Sql, unit: int) -> Sql:
        moments = (sa.cast(each, sa.String()) for each in (end, start))
        return sa.func.af_seconds_between(*moments, number(unit), type_=BIG)

    def local(self, timestamp: Sql, zone: str) -> Sql:
        return sa.func.af_local(sa.cast(timestamp, sa.String()), sa.literal(zone), type_=sa.DateTime())

    def utc(self, shown: Sql, zone: str) -> Sql:
        return sa.func.af_utc(sa.cast(shown, sa.String()), sa.literal(zone), type_=sa.DateTime())

    def part(self, value: Sql, type_: Type, part: Part) -> Sql:
        if type_ == DATE and part in ("hour", "minute", "second"):
            return super().part(value, type_, part)
        sign = {
            "year": "Y", "month": "m", "day": "d", "hour": "H", "minute": "M", "second": "S", "week_day": "w", "day_of_year": "j",
        }[part]  # fmt: skip
        text = sa.cast(value, sa.String())
        number_ = sa.cast(
            sa.func.strftime(sa.literal_column(f"'%{sign}'"), sa.func.substr(text, number(1), number(19))), BIG
        )
        return (number_ + number(6)) % number(7) + number(1) if part == "week_day" else number_

    def date(self, timestamp: Sql) -> Sql:
        return sa.func.substr(sa.cast(timestamp, sa.String()), number(1), number(10), type_=sa.Date())

    def sum(self, value: Sql, type_: Type, over: Over) -> Sql:
        if type_.kind == Kind.DECIMAL:
            scale = type_.scale or 0
            return _from_digits(over(sa.func.sum(_digits(value, scale), type_=BIG)), scale)
        return over(sa.func.sum(value))

    def deviation(self, value: Sql, type_: Type, over: Over) -> Sql:
        whole = _digits(value, type_.scale or 0) if type_.scale else value
        return over(sa.func.af_deviation(whole, number(type_.scale or 0), type_=sa.Double()))

    def join_texts(self, value: Sql, separator: Sql) -> Sql:
        return sa.func.af_join(value, separator, type_=sa.String())


def _read(type_: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    match type_:
        case sa.DateTime():
            return AnyTime()
        case sa.String():
            return AnyCollation()
        case _:
            return type_


def _digits(value: Sql, scale: int) -> Sql:
    """Give a decimal without its point, as a whole number."""
    return sa.cast(sa.func.round(sa.type_coerce(value, sa.Double()) * number(10**scale)), BIG)


def _from_digits(value: Sql, scale: int) -> Sql:
    return value.op("/", precedence=8, return_type=sa.Double())(sa.literal_column(f"{10**scale}.0"))


__all__ = ["NearestDecimal", "Sqlite", "register"]
