"""What databases have in common. A dialect inherits this and mends what its database does otherwise."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import sqlalchemy as sa

from engine.kit.dialect import Bulk, Curve, Direction, Over, Part, Side, Sql, TableShape, Unit
from engine.kit.types import DATE, INTEGER, TEXT, TIMESTAMP, Kind, Stored, Type, to_sqlalchemy

WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""Unicode's White_Space."""

INTEGER_PATTERN = "^[+-]?[0-9]{1,18}$"
DECIMAL_PATTERN = "^[+-]?[0-9]{1,15}([.][0-9]{1,12})?$"
TIME_PATTERN = (
    "^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})-[0-9]{2}-[0-9]{2}"
    "([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?)?$"
)
"""Texts that are read as a number or a time; what they let through may still be no day."""

BIG = sa.BigInteger()


def number(value: int) -> Sql:
    """Give a constant of the engine's own, written into the SQL."""
    return sa.literal_column(str(value), BIG)


def exact(scale: int) -> sa.Numeric[Any]:
    """Give the widest decimal of a scale."""
    return sa.Numeric(38, scale)


class OddText(Stored, sa.String):
    """A text under rules of its own: an enumeration, which sorts as it was declared, or one that minds no case."""

    def meant(self, column: Sql) -> Sql:
        return sa.cast(column, sa.String())


class Standard:
    """SQL as PostgreSQL speaks it, which DuckDB mostly follows."""

    widest: ClassVar[sa.types.TypeEngine[Any]] = sa.Numeric()
    """Holds whole numbers of 38 digits or more."""
    at_one_moment: str | None = None
    keywords: ClassVar[frozenset[str]] = frozenset()
    """Words that are no names here unless they are quoted, and of which SQLAlchemy does not know that."""

    def bulk(self) -> Bulk:
        from engine.sql.bulk import RowByRow  # Arrow is heavy, and most commands read no rows

        return RowByRow()

    def address(self, url: sa.URL, *, read_only: bool) -> sa.URL:  # noqa: ARG002
        return url

    def begin(self, *, read_only: bool) -> str | None:  # noqa: ARG002
        return None

    def is_busy(self, problem: BaseException) -> bool:  # noqa: ARG002
        return False

    def take_turns(self, connection: sa.Connection, what: str) -> None:
        """Do nothing: one program writes at a time."""

    def reflect(self, connection: sa.Connection, name: str, schema: str | None) -> TableShape:
        inspector = sa.inspect(connection)
        columns = {column["name"]: column["type"] for column in inspector.get_columns(name, schema)}
        key = inspector.get_pk_constraint(name, schema)["constrained_columns"]
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", sa.exc.SAWarning
            )  # an index of expressions is left out, which is what we want
            unique: list[Any] = [each["column_names"] for each in inspector.get_unique_constraints(name, schema)]
            unique += [index["column_names"] for index in inspector.get_indexes(name, schema) if _is_unique(index)]
        return TableShape(columns, tuple(key), tuple(dict.fromkeys(map(tuple, unique))))

    def has_table(self, connection: sa.Connection, name: str, schema: str | None) -> bool:
        return bool(sa.inspect(connection).has_table(name, schema))

    def connect_arguments(self, *, read_only: bool) -> Mapping[str, Any]:  # noqa: ARG002
        return {}

    def configure(self, engine: sa.Engine) -> None:
        preparer = engine.dialect.identifier_preparer
        preparer.reserved_words = {*preparer.reserved_words, *self.keywords}

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

    def implied(self, operator: str, left: Sql, right: Sql) -> Sql | None:  # noqa: ARG002
        return None

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

    def code(self, text: Sql) -> Sql:
        return sa.cast(sa.func.ascii(sa.func.nullif(text, "")), BIG)

    def character(self, code: Sql) -> Sql:
        return sa.func.chr(sa.cast(code, sa.Integer()), type_=sa.String())

    def pad(self, text: Sql, length: Sql, fill: Sql, side: Literal["left", "right"]) -> Sql:
        function = sa.func.lpad if side == "left" else sa.func.rpad
        return function(text, sa.cast(length, sa.Integer()), fill, type_=sa.String())

    def line(self, text: Sql, number: Sql) -> Sql:
        return sa.func.split_part(text, sa.literal("\n", sa.String()), sa.cast(number, sa.Integer()), type_=sa.String())

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
        elif type_ == INTEGER or (type_.scale is not None and digits >= type_.scale):
            return self.cast(value, type_, INTEGER if digits == 0 else Type(Kind.DECIMAL, digits))
        rounded = sa.func.round(value, number(digits))
        return sa.cast(rounded, BIG if digits == 0 else exact(digits))

    def _decimal_of_float(self, value: Sql) -> Sql:
        return sa.cast(value, sa.Numeric())

    def trunc(self, value: Sql, type_: Type, digits: int) -> Sql:
        if type_.kind == Kind.FLOAT:
            value, type_ = self.round(value, type_, 12), Type(Kind.DECIMAL, 12)
        longer = self.arithmetic("*", value, number(10**digits), (type_, INTEGER), type_)
        whole = self.whole(longer, type_, "zero")
        if digits == 0:
            return whole
        return self.divide(whole, number(10**digits), (INTEGER, INTEGER), Type(Kind.DECIMAL, digits))

    def whole(self, value: Sql, type_: Type, direction: Direction) -> Sql:
        if type_ == INTEGER:
            return value
        function = {"down": sa.func.floor, "up": sa.func.ceil, "zero": sa.func.trunc}[direction]
        return sa.cast(function(value), BIG)

    def curve(self, name: Curve, *values: Sql) -> Sql:
        return getattr(sa.func, name)(*values, type_=sa.Double())  # type: ignore[no-any-return]

    def shift(self, value: Sql, type_: Type, unit: Unit, amount: Sql) -> Sql:
        raise NotImplementedError

    def days_between(self, end: Sql, start: Sql) -> Sql:
        return sa.cast(end.op("-", return_type=sa.Integer())(start), BIG)

    def local(self, timestamp: Sql, zone: str) -> Sql:
        moment = sa.func.timezone(sa.literal("UTC"), sa.type_coerce(timestamp, sa.DateTime()))
        return sa.func.timezone(sa.literal(zone, sa.String()), moment, type_=sa.DateTime())

    def utc(self, shown: Sql, zone: str) -> Sql:
        """Ask the database, which takes the second of two, and see whether the offset of the day before fits as well."""
        shown = sa.type_coerce(shown, sa.DateTime())
        moment = sa.func.timezone(sa.literal(zone, sa.String()), shown, type_=sa.DateTime(timezone=True))
        second = sa.func.timezone(sa.literal("UTC"), moment, type_=sa.DateTime())
        day_before = self.shift(second, TIMESTAMP, "days", number(-1))
        offset = sa.type_coerce(self.local(day_before, zone) - day_before, sa.Interval())
        first = sa.type_coerce(shown - offset, sa.DateTime())
        return sa.case((self.local(first, zone) == shown, first), else_=second)

    def part(self, value: Sql, type_: Type, part: Part) -> Sql:
        if type_ == DATE and part in ("hour", "minute", "second"):
            return sa.case((value.is_not(None), number(0)))
        field = sa.extract({"week_day": "isodow", "day_of_year": "doy"}.get(part, part), value)
        return sa.cast(sa.func.floor(field), BIG)

    def date(self, timestamp: Sql) -> Sql:
        return sa.cast(timestamp, sa.Date())

    def sum(self, value: Sql, type_: Type, over: Over) -> Sql:
        return sa.cast(over(sa.func.sum(value)), BIG) if type_ == INTEGER else over(sa.func.sum(value))

    def deviation(self, value: Sql, type_: Type, over: Over) -> Sql:
        scale = type_.scale or 0
        whole = sa.cast(value * number(10**scale), self.widest)
        count = sa.cast(over(sa.func.count(value)), self.widest)
        total, squares = (over(sa.func.sum(each, type_=self.widest)) for each in (whole, whole * whole))
        above: Sql = sa.cast(count * squares - total * total, sa.Double())
        below: Sql = sa.cast(sa.func.nullif(count * (count - number(1)) * number(100**scale), number(0)), sa.Double())
        return self.curve("sqrt", above / below)

    def join_texts(self, value: Sql, separator: Sql) -> Sql:
        return sa.func.string_agg(value, separator, type_=sa.String()).aggregate_order_by(self.collated(value))


def _is_unique(index: Mapping[str, Any]) -> bool:
    """Say that an index keeps its columns unique in the whole table: it is of columns alone, and of all rows."""
    is_partial = any(option.endswith("_where") for option in index.get("dialect_options") or {})
    return bool(index["unique"]) and not is_partial and None not in index["column_names"]
