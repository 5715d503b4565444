"""What the engine and the expressions ask of a database; the answers are in `engine.sql.dialects`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import sqlalchemy as sa

from engine.kit.types import Type

if TYPE_CHECKING:  # Arrow is heavy, and most commands read no rows
    import pyarrow as pa

Sql = sa.ColumnElement[Any]
Over = Callable[[Any], Sql]
"""What an aggregate is wrapped in: itself, or a window."""
Unit = Literal["months", "days", "seconds"]
Part = Literal["year", "month", "day", "hour", "minute", "second", "week_day", "day_of_year"]
Side = Literal["both", "left", "right"]
Direction = Literal["down", "up", "zero"]
Curve = Literal["sqrt", "exp", "ln", "log10", "power", "sin", "cos", "asin"]


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a database can do. The engine asks this record, never the dialect's name."""

    unlogged_tables: bool
    schemas: bool
    analyze_after_create: bool
    multi_process: bool
    passing: str | None = None
    """The schema of tables that pass with the connection, where they are as fast to read as others."""
    or_replace: bool = False
    """CREATE OR REPLACE TABLE is one statement here."""
    index_keys: bool = False
    """Work tables need an index on their key, because the database compares two tables row by row without one."""
    longest_name: int
    looks_rows_up: bool = True
    """A correlated EXISTS becomes a join; where it does not, the engine writes IN."""
    is_file: bool = False
    """A database is a file; its folder is made when it is missing."""
    oldest_version: tuple[int, int] = (0, 0)
    version_function: str = "version"


@dataclass(frozen=True)
class TableShape:
    """What a database says of a table: its columns, its primary key, and what else is unique, by constraint or index."""

    columns: Mapping[str, sa.types.TypeEngine[Any]]
    key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()


class Bulk(Protocol):
    """How a database takes and gives many rows."""

    def load(self, connection: sa.Connection, table: sa.Table, batches: Iterator[pa.RecordBatch]) -> int:
        """Append the rows of batches, all with the columns of the table, and give their number."""

    def read(self, connection: sa.Connection, statement: sa.Select[Any], rows: int) -> Iterator[pa.RecordBatch]:
        """Give the rows of a statement, at most `rows` in a batch."""


class Dialect(Protocol):
    """One meaning on every database: each method gives an SQL expression with the language's semantics.

    Nulls: every expression of a null is null unless the method says otherwise. A decimal's scale is in its type; the
    result of a method that is told one has exactly that scale. Texts hold no NUL character.
    """

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    def bulk(self) -> Bulk:
        """Give what brings many rows in and out; it needs Arrow."""

    def address(self, url: sa.URL, *, read_only: bool) -> sa.URL:
        """Give what SQLAlchemy is told to connect to."""

    def begin(self, *, read_only: bool) -> str | None:
        """Give the statement that opens a transaction, where the driver is not to do it."""

    def is_busy(self, problem: BaseException) -> bool:
        """Say of the driver's error that another program keeps the whole database locked."""

    def take_turns(self, connection: sa.Connection, what: str) -> None:
        """Wait until no other transaction does `what`, and keep others from it until ours ends, where several can write at once."""

    @property
    def at_one_moment(self) -> str | None:
        """The statement by which all others of a transaction see the same rows, where they do not anyway."""

    def connect_arguments(self, *, read_only: bool) -> Mapping[str, Any]:
        """Give what the driver is told when it connects."""

    def configure(self, engine: sa.Engine) -> None:
        """Adapt the types and the quoting of an engine that was just made. Once per engine, before its first use."""

    def on_connect(self, connection: Any) -> None:
        """Prepare a fresh connection of the driver: functions, time zone UTC."""

    def reflect(self, connection: sa.Connection, name: str, schema: str | None) -> TableShape:
        """Read the shape of a table or view; SQLAlchemy's NoSuchTableError when there is none of that name."""

    def has_table(self, connection: sa.Connection, name: str, schema: str | None) -> bool:
        """Say whether a table or view of that name exists."""

    def insert_new(self, table: sa.Table, columns: Sequence[str], rows: sa.Select[*tuple[Any, ...]]) -> sa.Insert:
        """Insert rows that the table did not hold when `rows` looked; one that another program added meanwhile is left out."""

    # hashes and order

    def md5(self, text: Sql) -> Sql:
        """Give the md5 of the UTF-8 text as 32 lower-case hex digits, which sort as the 128-bit value does."""

    def sha256(self, text: Sql) -> Sql:
        """Give the sha256 of the UTF-8 text as 64 lower-case hex digits."""

    def bucket(self, text: Sql, count: int) -> Sql:
        """Give the bucket 0 … count-1 of a text: the first 8 hex digits of its md5, modulo count."""

    def shuffle(self, text: Sql) -> Sql:
        """Give what sorts as the md5 of the text does, in the database's fastest form. Not to be shown or kept."""

    def order(self, value: Sql, type_: Type, *, descending: bool, nulls_first: bool) -> Sql:
        """Give a sort expression: text by code point, nulls where told."""

    def implied(self, operator: str, left: Sql, right: Sql) -> Sql | None:
        """Give a condition that `left operator right` implies and an index can answer, where that hides its column from one."""

    def collated(self, text: Sql) -> Sql:
        """Give the text so that `<`, `min` and a sort go by code point."""

    # text

    def lower(self, text: Sql) -> Sql:
        """Lower the case of every letter, one character for one (Unicode's simple mapping: İ gives i)."""

    def upper(self, text: Sql) -> Sql:
        """Raise the case of every letter, one character for one; ß gives ẞ."""

    def capitals(self, text: Sql) -> Sql:
        """Lower the text, then raise the first character of every word; words are parted by spaces."""

    def trim(self, text: Sql, side: Side = "both") -> Sql:
        """Cut all white space of Unicode, tabs and line ends too, off one end or both."""

    def like(self, text: Sql, pattern: Sql) -> sa.ColumnElement[bool]:
        """Match, minding case: `%` is any text, `_` any one character; nothing escapes them."""

    def length(self, text: Sql) -> Sql:
        """Count characters (code points)."""

    def substring(self, text: Sql, start: Sql, length: Sql) -> Sql:
        """Give `length` characters from `start`, which counts from 1 and is at least 1; `length` is at least 0."""

    def position(self, text: Sql, part: Sql) -> Sql:
        """Give where `part` first begins, from 1; 0 when nowhere."""

    def size(self, text: Sql) -> Sql:
        """Count the bytes of the text in UTF-8."""

    def code(self, text: Sql) -> Sql:
        """Give the code point of the first character; null when there is none."""

    def character(self, code: Sql) -> Sql:
        """Give the character of a code point, which has one."""

    def pad(self, text: Sql, length: Sql, fill: Sql, side: Literal["left", "right"]) -> Sql:
        """Fill up to so many characters on one side, or cut the text's end off; `length` is at least 0, `fill` not empty."""

    def line(self, text: Sql, number: Sql) -> Sql:
        """Give a line, which the text has; lines are parted by a line feed."""

    def parse_integer(self, text: Sql) -> Sql:
        """Read up to 18 digits with or without a sign, white space around them; null for anything else."""

    def parse_decimal(self, text: Sql, digits: int) -> Sql:
        """Read a number such as -12.5, white space around it, and round it half away from zero; null for anything else.

        It has up to 15 digits before the point, and up to 12 after it.
        """

    def parse_time(self, text: Sql) -> Sql:
        """Read a date or time of ISO 8601, white space around it, as UTC; null for anything else, such as 30 February.

        2026-11-23, or with a time, T or a space between: 08:30, 08:30:15, 08:30:15.123456, and Z or an offset behind it.
        """

    def text(self, value: Sql, type_: Type) -> Sql:
        """Give the canonical text of a value: the same characters on every database.

        1234, 1.50 (as many digits as the scale), true, 2026-11-23, 2026-11-23 08:30:00.000000. Not for floats.
        """

    # numbers

    def cast(self, value: Sql, from_: Type, to: Type) -> Sql:
        """Widen: integer to decimal to float, a decimal to more digits, date to timestamp (midnight), null to anything."""

    def arithmetic(self, operator: str, left: Sql, right: Sql, types: tuple[Type, Type], result: Type) -> Sql:
        """Add, subtract, multiply or take the remainder (which has the dividend's sign; of a division by zero, null)."""

    def divide(self, left: Sql, right: Sql, types: tuple[Type, Type], result: Type) -> Sql:
        """Divide, rounding half away from zero to the scale of `result`; by zero gives null."""

    def round(self, value: Sql, type_: Type, digits: int) -> Sql:
        """Round half away from zero to so many digits after the point; a float is read as its 15 significant digits."""

    def trunc(self, value: Sql, type_: Type, digits: int) -> Sql:
        """Cut so many digits after the point, fewer than there are; a float is read as its 15 significant digits. Digits kept: 18."""

    def whole(self, value: Sql, type_: Type, direction: Direction) -> Sql:
        """Give the integer below, above, or towards zero."""

    def curve(self, name: Curve, *values: Sql) -> Sql:
        """Give a double of doubles, which must have one; ask only where it is small enough. Angles are radians."""

    # times, all UTC

    def shift(self, value: Sql, type_: Type, unit: Unit, amount: Sql) -> Sql:
        """Move a date or timestamp; months end at the month's last day. A date moves by months and days only."""

    def days_between(self, end: Sql, start: Sql) -> Sql:
        """Count the days from one date to another."""

    def seconds_between(self, end: Sql, start: Sql, unit: int) -> Sql:
        """Count the whole units of so many seconds from one timestamp to another, the integer below."""

    def local(self, timestamp: Sql, zone: str) -> Sql:
        """Give what clocks show in a time zone of the IANA's at a moment of UTC."""

    def utc(self, shown: Sql, zone: str) -> Sql:
        """Give the moment at which clocks show a time: the first of two; of none, what the offset before the change makes of it."""

    def part(self, value: Sql, type_: Type, part: Part) -> Sql:
        """Give a part as an integer; week days count from Monday, 1, to Sunday, 7. Seconds are whole."""

    def date(self, timestamp: Sql) -> Sql:
        """Give the day of a timestamp."""

    # aggregates

    def sum(self, value: Sql, type_: Type, over: Over) -> Sql:
        """Add up, exactly unless it is a float; of nothing, null."""

    def deviation(self, value: Sql, type_: Type, over: Over) -> Sql:
        """Give the standard deviation of a sample as a double, computed from exact sums; of fewer than two, null. Not for floats."""

    def join_texts(self, value: Sql, separator: Sql) -> Sql:
        """Join texts in the order of their code points; of nothing, null."""
