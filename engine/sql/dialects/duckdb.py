"""DuckDB, 1.4 to 1.x. Everything is native and vectorised: no Python function is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Capabilities, Sql, Unit
from engine.kit.types import DATE, Kind, Type
from engine.sql.dialects.standard import BIG, Standard, exact, number


@dataclass(frozen=True)
class DuckDb(Standard):
    """Text compares as UTF-8 bytes, which is by code point. Its `upper` makes ẞ of ß; the others follow."""

    name: str = "duckdb"
    capabilities: Capabilities = Capabilities(
        transactional_ddl=True, unlogged_tables=False, work_tables_survive_crash=True, schemas=True,
        analyze_after_create=False, multi_process=False, longest_name=255, is_file=True,
    )  # fmt: skip

    def connect_arguments(self, *, read_only: bool) -> Mapping[str, Any]:
        return {"read_only": True} if read_only else {}

    def on_connect(self, connection: Any) -> None:
        connection.execute("SET TimeZone = 'UTC'")

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

    def like(self, text: Sql, pattern: Sql) -> sa.ColumnElement[bool]:
        return text.like(pattern)

    def parse_integer(self, text: Sql) -> Sql:
        bare = self.trim(text)
        is_integer = sa.func.regexp_full_match(bare, "[+-]?[0-9]{1,18}", type_=sa.Boolean())
        return sa.case((is_integer, sa.try_cast(bare, BIG)))

    def _formatted(self, value: Sql, type_: Type) -> Sql:
        return sa.func.strftime(value, "%Y-%m-%d" if type_ == DATE else "%Y-%m-%d %H:%M:%S.%f", type_=sa.String())

    def arithmetic(self, operator: str, left: Sql, right: Sql, types: tuple[Type, Type], result: Type) -> Sql:
        if operator == "*" and result.kind == Kind.DECIMAL:  # DECIMAL(18) times DECIMAL(18) is DECIMAL(18), and overflows
            left = sa.cast(left, exact(types[0].scale or 0))
        return super().arithmetic(operator, left, right, types, result)

    def _exact_quotient(self, left: Sql, right: Sql, types: tuple[Type, Type], scale: int) -> Sql:
        """Divide as 128-bit integers: `/` gives a double here, and a double cannot tell a half."""
        above, below = (_digits(value, type_) for value, type_ in zip((left, right), types, strict=True))
        above = above * number(2 * 10 ** ((types[1].scale or 0) + scale))
        below = below * number(10 ** (types[0].scale or 0))
        size = (sa.func.abs(above) + sa.func.abs(below)).op("//", precedence=8)(sa.func.abs(below) * number(2))
        quotient = sa.case(((above < 0) != (below < 0), -size), else_=size)
        unit = sa.literal_column("1" if scale == 0 else f"0.{'0' * (scale - 1)}1", exact(scale))
        return sa.cast(quotient, exact(0)) * unit

    def _decimal_of_float(self, value: Sql) -> Sql:
        return sa.cast(sa.func.format("{:.15g}", value), sa.Numeric(38, 15))

    def shift(self, value: Sql, type_: Type, unit: Unit, amount: Sql) -> Sql:
        if type_ == DATE and unit == "days":
            return value.op("+", return_type=sa.Date())(sa.cast(amount, sa.Integer()))
        step = {"months": sa.func.to_months, "days": sa.func.to_days, "seconds": sa.func.to_seconds}[unit]
        count = amount if unit == "seconds" else sa.cast(amount, sa.Integer())
        moved = sa.type_coerce(value, sa.DateTime()) + step(count, type_=sa.Interval())
        return sa.cast(moved, sa.Date()) if type_ == DATE else moved


def _digits(value: Sql, type_: Type) -> Sql:
    """Give a decimal without its point, as a 128-bit integer."""
    return sa.cast(value * number(10**type_.scale) if type_.scale else value, _HugeInt())


class _HugeInt(sa.types.UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "HUGEINT"
