"""DuckDB, 1.4 to 1.x. Everything is native and vectorised: no Python function is registered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import NoSuchTableError

from engine.kit.dialect import Bulk, Capabilities, Side, Sql, TableShape, Unit
from engine.kit.types import DATE, Kind, Type
from engine.sql.dialects.standard import (
    BIG,
    DECIMAL_PATTERN,
    INTEGER_PATTERN,
    TIME_PATTERN,
    OddText,
    Standard,
    exact,
    number,
)

_CAPABILITIES = Capabilities(
    unlogged_tables=False, schemas=True,
    analyze_after_create=False, multi_process=False, longest_name=255, or_replace=True, passing="temp", is_file=True, oldest_version=(1, 4),
)  # fmt: skip


class _HugeInt(sa.types.UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "HUGEINT"


@dataclass(frozen=True)
class DuckDb(Standard):
    """Text compares as UTF-8 bytes, which is by code point. Its `upper` makes ẞ of ß; the others follow."""

    name: str = "duckdb"
    capabilities: Capabilities = _CAPABILITIES
    widest: ClassVar[sa.types.TypeEngine[Any]] = _HugeInt()

    def bulk(self) -> Bulk:
        from engine.sql.bulk import InProcess  # Arrow is heavy, and most commands read no rows

        return InProcess()

    def connect_arguments(self, *, read_only: bool) -> Mapping[str, Any]:
        return {"read_only": True} if read_only else {}

    def on_connect(self, connection: Any) -> None:
        connection.execute("SET TimeZone = 'UTC'")

    def reflect(self, connection: sa.Connection, name: str, schema: str | None) -> TableShape:
        columns = connection.exec_driver_sql(
            _known_of(name, schema, "columns", "column_name, data_type") + " ORDER BY column_index"
        )
        types = {column: _type(written) for column, written in columns}
        if not types:
            raise NoSuchTableError(name)
        constraints = connection.exec_driver_sql(
            _known_of(name, schema, "constraints", "constraint_type, constraint_column_names")
        ).all()
        key = next((tuple(names) for kind, names in constraints if kind == "PRIMARY KEY"), ())
        indexes = connection.exec_driver_sql(
            _known_of(name, schema, "indexes", "expressions") + " AND is_unique"
        ).scalars()
        unique = (
            *(tuple(names) for kind, names in constraints if kind == "UNIQUE"),
            *(names for written in indexes if set(names := _names(written)) <= types.keys()),
        )
        return TableShape(types, key, unique)

    def has_table(self, connection: sa.Connection, name: str, schema: str | None) -> bool:
        return connection.exec_driver_sql(_known_of(name, schema, "columns", "1") + " LIMIT 1").first() is not None

    def sha256(self, text: Sql) -> Sql:
        return sa.func.sha256(text, type_=sa.String())

    def bucket(self, text: Sql, count: int) -> Sql:
        digits = sa.literal("0x") + sa.func.left(self.md5(text), number(8), type_=sa.String())
        return sa.cast(digits, BIG) % number(count)

    def upper(self, text: Sql) -> Sql:
        return sa.func.upper(text, type_=sa.String())

    def capitals(self, text: Sql) -> Sql:
        words = sa.func.string_split(self.lower(text), " ")
        raised = sa.func.list_transform(words, sa.literal_column("lambda word: upper(word[1]) || word[2:]"))
        return sa.func.array_to_string(raised, " ", type_=sa.String())

    def trim(self, text: Sql, side: Side = "both") -> Sql:
        """Ask first whether there is anything to cut: the trim that is told characters takes 1 µs a row."""
        ends = {"both": (1, -1), "left": (1,), "right": (-1,)}[side]
        is_trim = (sa.func.array_extract(text, number(end), type_=sa.String()).between("!", "~") for end in ends)
        return sa.case((sa.and_(*is_trim), text), else_=super().trim(text, side))

    def like(self, text: Sql, pattern: Sql) -> sa.ColumnElement[bool]:
        return text.like(pattern)

    def size(self, text: Sql) -> Sql:
        return sa.func.strlen(text, type_=BIG)

    def code(self, text: Sql) -> Sql:
        return sa.cast(sa.func.unicode(sa.func.nullif(text, "")), BIG)

    def parse_integer(self, text: Sql) -> Sql:
        return _parsed(super().trim(text), INTEGER_PATTERN, BIG)

    def parse_decimal(self, text: Sql, digits: int) -> Sql:
        parsed = _parsed(super().trim(text), DECIMAL_PATTERN, exact(12))
        return sa.cast(sa.func.round(parsed, number(digits)), exact(digits))

    def parse_time(self, text: Sql) -> Sql:
        """Give a time its seconds, without which it is not cast."""
        bare = super().trim(text)
        full = sa.func.regexp_replace(bare, "^(.{10}[T ][0-9:]{5})([Z+-]|$)", r"\1:00\2", type_=sa.String())
        return sa.func.timezone("UTC", _parsed(full, TIME_PATTERN, sa.DateTime(timezone=True)), type_=sa.DateTime())

    def _formatted(self, value: Sql, type_: Type) -> Sql:
        return sa.func.strftime(value, "%Y-%m-%d" if type_ == DATE else "%Y-%m-%d %H:%M:%S.%f", type_=sa.String())

    def arithmetic(self, operator: str, left: Sql, right: Sql, types: tuple[Type, Type], result: Type) -> Sql:
        if (
            operator == "*" and result.kind == Kind.DECIMAL
        ):  # DECIMAL(18) times DECIMAL(18) is DECIMAL(18), and overflows
            left = sa.cast(left, exact(types[0].scale or 0))
        return super().arithmetic(operator, left, right, types, result)

    def _exact_quotient(self, left: Sql, right: Sql, types: tuple[Type, Type], scale: int) -> Sql:
        """Divide whole numbers: `/` gives a double here, and a double cannot tell a half.

        64 bits are ten times faster than 128 and hold most values; the value decides which are used.
        """
        scales = (types[0].scale or 0, types[1].scale or 0)
        fits = sa.and_(
            sa.func.abs(left) < number(2 * 10**18 // 10 ** (sum(scales) + scale)),
            sa.func.abs(right) < number(4 * 10**18 // 10 ** sum(scales)),
        )
        quotient = sa.case(
            (fits, sa.cast(_quotient(left, right, scales, scale, BIG), exact(0))),
            else_=sa.cast(_quotient(left, right, scales, scale, _HugeInt()), exact(0)),
        )
        return quotient * sa.literal_column("1" if scale == 0 else f"0.{'0' * (scale - 1)}1", exact(scale))

    def _decimal_of_float(self, value: Sql) -> Sql:
        return sa.cast(sa.func.format("{:.15g}", value), sa.Numeric(38, 15))

    def shift(self, value: Sql, type_: Type, unit: Unit, amount: Sql) -> Sql:
        if type_ == DATE and unit == "days":
            return value.op("+", return_type=sa.Date())(sa.cast(amount, sa.Integer()))
        step = {"months": sa.func.to_months, "days": sa.func.to_days, "seconds": sa.func.to_seconds}[unit]
        count = amount if unit == "seconds" else sa.cast(amount, sa.Integer())
        moved = sa.type_coerce(value, sa.DateTime()) + step(count, type_=sa.Interval())
        return sa.cast(moved, sa.Date()) if type_ == DATE else moved

    def utc(self, shown: Sql, zone: str) -> Sql:
        standard = super().utc
        return _named(shown, lambda named: standard(named, zone))

    def seconds_between(self, end: Sql, start: Sql, unit: int) -> Sql:
        step = number(unit * 1_000_000)
        passed = sa.func.epoch_us(end, type_=BIG) - sa.func.epoch_us(start, type_=BIG)
        return (passed - (passed % step + step) % step).op("//", precedence=8, return_type=BIG)(step)


def _named(value: Sql, build: Callable[[Sql], Sql]) -> Sql:
    """Give what `build` makes of a timestamp's name, so that it is computed once however often it is named."""
    body = sa.literal_column("lambda named").op(":")(build(sa.literal_column("named", sa.DateTime())))
    built = sa.func.list_transform(sa.func.list_value(value), body)
    return sa.func.list_extract(built, number(1), type_=sa.DateTime())


def _parsed(bare: Sql, pattern: str, type_: sa.types.TypeEngine[Any]) -> Sql:
    return sa.case((sa.func.regexp_matches(bare, pattern, type_=sa.Boolean()), sa.try_cast(bare, type_)))


def _known_of(table: str, schema: str | None, what: str, columns: str) -> str:
    """Ask the database's catalogue about a table, without parameters: to bind the first one the driver imports pandas, if it is there."""
    database, place = "current_database()", "current_schema()"
    if schema is not None and schema == _CAPABILITIES.passing:  # it is a database of its own
        database, place = _quoted(schema), "'main'"
    elif schema:
        place = _quoted(schema)
    return (
        f"SELECT {columns} FROM duckdb_{what}()"  # noqa: S608  (all texts are quoted)
        f" WHERE database_name = {database} AND schema_name = {place} AND table_name = {_quoted(table)}"
    )


def _quoted(text: str) -> str:
    """Give a text as SQL writes it out; nothing but the quote itself needs care here."""
    return "'" + text.replace("'", "''") + "'"


_TYPES: Mapping[str, sa.types.TypeEngine[Any]] = {
    "BOOLEAN": sa.Boolean(), "FLOAT": sa.Float(), "DOUBLE": sa.Double(), "VARCHAR": sa.String(), "UUID": sa.Uuid(),
    "DATE": sa.Date(), "INTERVAL": sa.Interval(),
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT"), BIG),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), sa.DateTime()),
    "TIMESTAMP WITH TIME ZONE": sa.DateTime(timezone=True),
}  # fmt: skip


def _names(written: str) -> tuple[str, ...]:
    """Read the columns of an index as the database writes them: `[id, '"CRM ID"']`; what else it is of is no column's name."""
    return tuple(part.strip("'").strip('"') for part in written.strip("[]").split(", "))


def _type(written: str) -> sa.types.TypeEngine[Any]:
    """Read the type of a column as the database writes it; lists, structs and what else is only carried have none."""
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", written):
        return sa.Numeric(int(decimal[1]), int(decimal[2]))
    if re.fullmatch(r"ENUM\(.*\)", written, re.DOTALL):
        return OddText()
    return _TYPES.get(written, sa.types.NullType())


def _quotient(left: Sql, right: Sql, scales: tuple[int, int], scale: int, integer: Any) -> Sql:
    """Give left / right without its point, rounded half away from zero, computed in integers of the given type."""
    above, below = (
        sa.cast(value * number(10**its_scale) if its_scale else value, integer)
        for value, its_scale in zip((left, right), scales, strict=True)
    )
    dividend = above * number(2 * 10 ** (scales[1] + scale))
    divisor = below * number(10 ** scales[0])
    size = (sa.func.abs(dividend) + sa.func.abs(divisor)).op("//", precedence=8)(sa.func.abs(divisor) * number(2))
    return sa.case(((above < 0) != (below < 0), -size), else_=size)
