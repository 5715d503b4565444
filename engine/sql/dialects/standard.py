"""What databases have in common. A dialect inherits this and mends what its database does otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Direction, Over, Part, Side, Sql, TableShape, Unit
from engine.kit.types import DATE, INTEGER, TEXT, Kind, Type, to_sqlalchemy

WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""Unicode's White_Space."""

BIG = sa.BigInteger()


def number(value: int) -> Sql:
    """Give a constant of the engine's own, written into the SQL."""
    return sa.literal_column(str(value), BIG)


def exact(scale: int) -> sa.Numeric[Any]:
    """Give the widest decimal of a scale."""
    return sa.Numeric(38, scale)


class Standard:
    """SQL as PostgreSQL speaks it, which DuckDB mostly follows."""

    begin: str | None = None

    def reflect(self, connection: sa.Connection, name: str, schema: str | None) -> TableShape:
        inspector = sa.inspect(connection)
        columns = {column["name"]: column["type"] for column in inspector.get_columns(name, schema)}
        key = inspector.get_pk_constraint(name, schema)["constrained_columns"]
        unique = inspector.get_unique_constraints(name, schema)
        return TableShape(columns, tuple(key), tuple(tuple(constraint["column_names"]) for constraint in unique))

    def has_table(self, connection: sa.Connection, name: str, schema: str | None) -> bool:
        return bool(sa.inspect(connection).has_table(name, schema))

    def connect_arguments(self, *, read_only: bool) -> Mapping[str, Any]:  # noqa: ARG002
        return {}

    def configure(self, engine: sa.Engine) -> None:
        """Change nothing."""

    def insert_new(self, table: sa.Table, columns: Sequence[str], rows: sa.Select[*tuple[Any, ...]]) -> sa.Insert:
        return table.insert().from_select(columns, rows)

    def md5(self, text: Sql) -> Sql:
        return sa.func.md5(text, type_=sa.String())

    def shuffle(self, text: Sql) -> Sql:
        return self.md5(text)

    def order(self, value: Sql, type_: Type, *, descending: bool, nulls_first: bool) -> Sql:
        sorted_ = self.collated(value) if type_ == TEXT else value
        directed = sa.desc(sorted_) if descending else sa.asc(sorted_)
        placed: Sql = sa.nulls_first(directed) if nulls_first else sa.nulls_last(directed)
        return placed

    def collated(self, text: Sql) -> Sql:
        return text

    def lower(self, text: Sql) -> Sql:
        return sa.func.lower(text, type_=sa.String())

    def trim(self, text: Sql, side: Side = "both") -> Sql:
        function = {"both": sa.func.trim, "left": sa.func.ltrim, "right": sa.func.rtrim}[side]
        return function(text, sa.literal(WHITE_SPACE, sa.String()), type_=sa.String())

    def length(self, text: Sql) -> Sql:
        return sa.cast(sa.func.length(text), BIG)

    def substring(self, text: Sql, start: Sql, length: Sql) -> Sql:
        return sa.func.substr(text, start, length, type_=sa.String())

    def position(self, text: Sql, part: Sql) -> Sql:
        return sa.cast(sa.func.strpos(text, part), BIG)

    def text(self, value: Sql, type_: Type) -> Sql:
        match type_.kind:
            case Kind.BOOLEAN:
                return sa.case((value, sa.literal("true")), (sa.not_(value), sa.literal("false")))
            case Kind.DATE:
                return self._formatted(value, type_)
            case Kind.TIMESTAMP:
                return self._formatted(value, type_)
            case Kind.DECIMAL:
                return sa.cast(sa.cast(value, exact(type_.scale or 0)), sa.String())
            case Kind.INTEGER:
                return sa.cast(value, sa.String())
            case _:
                return value

    def _formatted(self, value: Sql, type_: Type) -> Sql:
        raise NotImplementedError

    def cast(self, value: Sql, from_: Type, to: Type) -> Sql:
        if from_ == to:
            return value
        if to.kind == Kind.DECIMAL:
            return sa.cast(value, exact(to.scale or 0))
        return sa.cast(value, to_sqlalchemy(to))

    def arithmetic(self, operator: str, left: Sql, right: Sql, types: tuple[Type, Type], result: Type) -> Sql:
        if result == INTEGER:  # 32-bit columns would overflow
            left, right = sa.cast(left, BIG), sa.cast(right, BIG)
        match operator:
            case "+":
                computed = left + right
            case "-":
                computed = left - right
            case "*":
                computed = left * right
            case _:
                computed = left % sa.func.nullif(right, number(0))
        is_cut = (
            result.kind == Kind.DECIMAL
            and operator == "*"
            and sum(each.scale or 0 for each in types) > (result.scale or 0)
        )
        return sa.func.round(computed, number(result.scale or 0)) if is_cut else computed

    def divide(self, left: Sql, right: Sql, types: tuple[Type, Type], result: Type) -> Sql:
        divisor = sa.func.nullif(right, number(0))
        if result.kind == Kind.FLOAT:
            return sa.cast(left, sa.Double()) / sa.cast(divisor, sa.Double())
        return self._exact_quotient(left, divisor, types, result.scale or 0)

    def _exact_quotient(self, left: Sql, right: Sql, types: tuple[Type, Type], scale: int) -> Sql:
        raise NotImplementedError

    def round(self, value: Sql, type_: Type, digits: int) -> Sql:
        if type_.kind == Kind.FLOAT:
            value = self._decimal_of_float(value)
        elif type_ == INTEGER or digits >= (type_.scale or 0):
            return self.cast(value, type_, INTEGER if digits == 0 else Type(Kind.DECIMAL, digits))
        rounded = sa.func.round(value, number(digits))
        return sa.cast(rounded, BIG if digits == 0 else exact(digits))

    def _decimal_of_float(self, value: Sql) -> Sql:
        return sa.cast(value, sa.Numeric())

    def whole(self, value: Sql, type_: Type, direction: Direction) -> Sql:
        if type_ == INTEGER:
            return value
        function = {"down": sa.func.floor, "up": sa.func.ceil, "zero": sa.func.trunc}[direction]
        return sa.cast(function(value), BIG)

    def shift(self, value: Sql, type_: Type, unit: Unit, amount: Sql) -> Sql:
        raise NotImplementedError

    def days_between(self, end: Sql, start: Sql) -> Sql:
        return sa.cast(end.op("-", return_type=sa.Integer())(start), BIG)

    def part(self, value: Sql, type_: Type, part: Part) -> Sql:
        if type_ == DATE and part in ("hour", "minute", "second"):
            return sa.case((value.is_not(None), number(0)))
        field = sa.extract("isodow" if part == "week_day" else part, value)
        return sa.cast(sa.func.floor(field), BIG)

    def date(self, timestamp: Sql) -> Sql:
        return sa.cast(timestamp, sa.Date())

    def sum(self, value: Sql, type_: Type, over: Over) -> Sql:
        return sa.cast(over(sa.func.sum(value)), BIG) if type_ == INTEGER else over(sa.func.sum(value))

    def join_texts(self, value: Sql, separator: Sql) -> Sql:
        return sa.func.string_agg(value, separator, type_=sa.String()).aggregate_order_by(self.collated(value))
