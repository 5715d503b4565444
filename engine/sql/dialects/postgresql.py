"""PostgreSQL 17 and later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import CITEXT, DOMAIN, ENUM, UUID, insert

from engine.kit.dialect import Bulk, Capabilities, Curve, Sql, TableShape, Unit
from engine.kit.types import DATE, Type
from engine.sql.dialects.standard import (
    BIG,
    DECIMAL_PATTERN,
    INTEGER_PATTERN,
    TIME_PATTERN,
    WHITE_SPACE,
    OddText,
    Standard,
    exact,
    number,
)

_QUOTIENT_DIGITS = 30
"""Digits after the point before the last rounding; rounding twice shows only for divisors of more than 23 digits."""


_CAPABILITIES = Capabilities(
    unlogged_tables=True, schemas=True,
    analyze_after_create=True, multi_process=True, longest_name=63, is_file=False, oldest_version=(17, 0),
)  # fmt: skip


@dataclass(frozen=True)
class PostgreSql(Standard):
    """Text sorts under the collation "C"; case goes by `pg_c_utf8`, which is built in from PostgreSQL 17 on and needs no ICU."""

    name: str = "postgresql"
    case_collation: str = "pg_c_utf8"
    capabilities: Capabilities = _CAPABILITIES
    at_one_moment: str | None = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"

    def bulk(self) -> Bulk:
        from engine.sql.bulk import ByCopy  # Arrow is heavy, and most commands read no rows

        return ByCopy()

    def address(self, url: sa.URL, *, read_only: bool) -> sa.URL:  # noqa: ARG002
        return url if "+" in url.drivername else url.set(drivername="postgresql+psycopg")

    def take_turns(self, connection: sa.Connection, what: str) -> None:
        number_ = int.from_bytes(hashlib.md5(what.encode(), usedforsecurity=False).digest()[:8], signed=True)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number_)))

    def on_connect(self, connection: Any) -> None:
        autocommit = connection.autocommit
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute("SET client_encoding = 'UTF8'")  # of what COPY is given, whatever the environment says
        connection.autocommit = autocommit

    def reflect(self, connection: sa.Connection, name: str, schema: str | None) -> TableShape:
        shape = super().reflect(connection, name, schema)
        return replace(shape, columns={column: _read(type_) for column, type_ in shape.columns.items()})

    def insert_new(self, table: sa.Table, columns: Sequence[str], rows: sa.Select[*tuple[Any, ...]]) -> sa.Insert:
        # In the order of the key: else two that insert the same rows could each wait for the other.
        places = (sa.text(str(1 + columns.index(column.name))) for column in table.primary_key)
        return insert(table).from_select(columns, rows.order_by(*places)).on_conflict_do_nothing()

    def sha256(self, text: Sql) -> Sql:
        return sa.func.encode(sa.func.sha256(sa.func.convert_to(text, "UTF8")), "hex", type_=sa.String())

    def shuffle(self, text: Sql) -> Sql:
        return sa.cast(self.md5(text), UUID())

    def bucket(self, text: Sql, count: int) -> Sql:
        digits = sa.literal("x") + sa.func.left(self.md5(text), number(8), type_=sa.String())
        return sa.cast(sa.cast(sa.cast(digits, _Bits()), BIG) % number(count), BIG)

    def collated(self, text: Sql) -> Sql:
        return sa.collate(text, "C")

    def lower(self, text: Sql) -> Sql:
        return sa.collate(sa.func.lower(sa.collate(text, self.case_collation), type_=sa.String()), "default")

    def upper(self, text: Sql) -> Sql:
        sharp = sa.func.replace(text, "ß", "ẞ", type_=sa.String())
        return sa.collate(sa.func.upper(sa.collate(sharp, self.case_collation), type_=sa.String()), "default")

    def capitals(self, text: Sql) -> Sql:
        words = (
            sa.func.unnest(sa.func.string_to_array(self.lower(text), " "))
            .table_valued(sa.column("word", sa.String()), with_ordinality="place", name="words")
            .render_derived()
        )
        word = words.c.word
        raised = self.upper(sa.func.left(word, number(1))) + sa.func.substr(word, number(2), type_=sa.String())
        joined = sa.func.string_agg(raised, " ", type_=sa.String()).aggregate_order_by(words.c.place)
        return sa.case((text == "", sa.literal("")), else_=sa.select(joined).correlate_except(words).scalar_subquery())

    def trim(self, text: Sql, side: Any = "both") -> Sql:
        function = {"both": sa.func.btrim, "left": sa.func.ltrim, "right": sa.func.rtrim}[side]
        return function(text, sa.literal(WHITE_SPACE, sa.String()), type_=sa.String())

    def substring(self, text: Sql, start: Sql, length: Sql) -> Sql:
        return super().substring(text, sa.cast(start, sa.Integer()), sa.cast(length, sa.Integer()))

    def like(self, text: Sql, pattern: Sql) -> sa.ColumnElement[bool]:
        return text.like(pattern, escape="")

    def size(self, text: Sql) -> Sql:
        return sa.cast(sa.func.octet_length(text), BIG)

    def parse_integer(self, text: Sql) -> Sql:
        bare = self.trim(text)
        return sa.case((bare.regexp_match(INTEGER_PATTERN), sa.cast(bare, BIG)))

    def parse_decimal(self, text: Sql, digits: int) -> Sql:
        bare = self.trim(text)
        parsed = sa.case((bare.regexp_match(DECIMAL_PATTERN), sa.cast(bare, sa.Numeric())))
        return sa.cast(sa.func.round(parsed, number(digits)), exact(digits))

    def parse_time(self, text: Sql) -> Sql:
        bare = self.trim(text)
        is_time = bare.regexp_match(TIME_PATTERN) & sa.func.pg_input_is_valid(bare, "timestamptz", type_=sa.Boolean())
        return sa.func.timezone(
            "UTC", sa.cast(sa.case((is_time, bare)), sa.DateTime(timezone=True)), type_=sa.DateTime()
        )

    def _formatted(self, value: Sql, type_: Type) -> Sql:
        return sa.func.to_char(value, "YYYY-MM-DD" if type_ == DATE else "YYYY-MM-DD HH24:MI:SS.US", type_=sa.String())

    def _exact_quotient(self, left: Sql, right: Sql, types: tuple[Type, Type], scale: int) -> Sql:  # noqa: ARG002
        wide = sa.cast(left, sa.Numeric(100, _QUOTIENT_DIGITS))
        return sa.cast(sa.func.round(wide / sa.cast(right, sa.Numeric()), number(scale)), sa.Numeric(60, scale))

    def curve(self, name: Curve, *values: Sql) -> Sql:
        function = sa.func.log if name == "log10" else getattr(sa.func, name)
        return function(*values, type_=sa.Double())

    def shift(self, value: Sql, type_: Type, unit: Unit, amount: Sql) -> Sql:
        if type_ == DATE and unit == "days":
            return value.op("+", return_type=sa.Date())(sa.cast(amount, sa.Integer()))
        step = sa.literal_column(f"interval '1 {unit.removesuffix('s')}'", sa.Interval())
        moved = sa.type_coerce(value, sa.DateTime()) + sa.type_coerce(amount * step, sa.Interval())
        return sa.cast(moved, sa.Date()) if type_ == DATE else moved

    def seconds_between(self, end: Sql, start: Sql, unit: int) -> Sql:
        passed = sa.extract("epoch", sa.type_coerce(end, sa.DateTime()) - sa.type_coerce(start, sa.DateTime()))
        return sa.cast(sa.func.floor(sa.cast(passed, sa.Numeric()) / number(unit)), BIG)


def _read(type_: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """Give a reflected type as we read it: a domain is the type below it."""
    match type_:
        case DOMAIN():
            return _read(type_.data_type)
        case ENUM() | CITEXT():
            return OddText()
        case _:
            return type_


class _Bits(sa.types.UserDefinedType[Any]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "BIT(32)"
