"""Dialects over columns as databases store them: widths, floats, money, odd collations, whole alphabets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from engine.kit.catalog import Catalog, Dimension
from engine.kit.dialect import Dialect
from engine.kit.expression import Bound, Expr, SortKey
from engine.kit.frame import Frame
from engine.kit.types import DATE, DECIMAL, TEXT
from engine.sql.ddl import CreateTableAs
from engine.sql.dialects import DIALECTS

TYPES = {
    "i": sa.Integer(), "b": sa.BigInteger(), "f": sa.Double(), "m": sa.Numeric(12, 2), "t": sa.String(),
    "d": sa.Date(), "at": sa.DateTime(), "yes": sa.Boolean(),
}  # fmt: skip


def _frame(connection: sa.Connection, dialect: Dialect, rows: Iterable[dict[str, Any]]) -> Frame:
    columns = [
        sa.Column("id", sa.BigInteger, primary_key=True),
        *(sa.Column(name, type_) for name, type_ in TYPES.items()),
    ]
    table = sa.Table("stored", sa.MetaData(), *columns)
    table.create(connection)
    blank = dict.fromkeys(TYPES)
    connection.execute(table.insert(), [{"id": index, **blank, **row} for index, row in enumerate(rows)])
    return Frame(Dimension(name="stored", table=table, key=("id",)).population(), _catalog(dialect, table))


def _catalog(dialect: Dialect, table: sa.Table) -> Catalog:
    return Catalog(dialect=dialect, dimensions={"stored": Dimension(name="stored", table=table, key=("id",))})


def _answers(connection: sa.Connection, frame: Frame, text: str) -> list[Any]:
    value = frame.value(Expr(text).bound({"run.date": Bound(date(2026, 11, 23), DATE)}), grouping=True)
    statement = frame.select(value.sql.label("v"))
    if not text.startswith(("sum(", "avg(", "string_agg(")):
        statement = statement.order_by(*frame.order(()))
    return list(connection.execute(statement).scalars())


def test_32_bit_columns_do_not_overflow(connection: sa.Connection, dialect: Dialect) -> None:
    frame = _frame(connection, dialect, [{"i": 2_000_000_000}])
    assert _answers(connection, frame, "i + i") == [4_000_000_000]
    assert _answers(connection, frame, "i * 4") == [8_000_000_000]
    assert _answers(connection, frame, "sum(i)") == [2_000_000_000]


def test_integer_columns_divide_to_decimals(connection: sa.Connection, dialect: Dialect) -> None:
    frame = _frame(connection, dialect, [{"i": 7, "b": 2}, {"i": -7, "b": 0}, {"i": None, "b": 1}])
    assert _answers(connection, frame, "i / b") == [Decimal("3.5"), None, None]
    assert _answers(connection, frame, "i % b") == [1, None, None]


def test_money_adds_up_exactly(connection: sa.Connection, dialect: Dialect) -> None:
    frame = _frame(connection, dialect, [{"m": Decimal("0.10")}] * 1000 + [{"m": Decimal("-9999999999.99")}])
    assert _answers(connection, frame, "sum(m)") == [Decimal("-9999999899.99")]
    assert _answers(connection, frame, "sum(m * 0.5)") == [Decimal("-4999999949.995")]
    assert _answers(connection, frame, "avg(m)") == [Decimal("-9990009.890100")]


def test_money_is_read_as_it_was_written(connection: sa.Connection, dialect: Dialect) -> None:
    amounts = [Decimal("0.00"), Decimal("0.07"), Decimal("-0.01"), Decimal("1234567890.12"), Decimal("5.00"), None]
    frame = _frame(connection, dialect, [{"m": amount} for amount in amounts])
    assert _answers(connection, frame, "m") == amounts
    assert _answers(connection, frame, "to_string(m)") == ["0.00", "0.07", "-0.01", "1234567890.12", "5.00", None]
    assert _answers(connection, frame, "m * 3 = m + m + m") == [True] * 5 + [None]


def test_floats_round_by_the_decimal_they_show(connection: sa.Connection, dialect: Dialect) -> None:
    frame = _frame(connection, dialect, [{"f": value} for value in (2.5, -2.5, 2.675, 1.005, 1e15, -0.5, None)])
    assert _answers(connection, frame, "round(f)") == [3, -3, 3, 1, 10**15, -1, None]
    rounded = [Decimal(text) for text in ("2.5", "-2.5", "2.68", "1.01", "1e15", "-0.5")]
    assert _answers(connection, frame, "round(f, 2)") == [*rounded, None]
    assert _answers(connection, frame, "floor(f)") == [2, -3, 2, 1, 10**15, -1, None]
    assert _answers(connection, frame, "f / 2")[:2] == [1.25, -1.25]


def test_text_sorts_by_code_point(connection: sa.Connection, dialect: Dialect) -> None:
    texts = ["b", "B", "é", "", None, "👍", "\uffff", "a", "Z", "a b", "a-b", "ab"]
    frame = _frame(connection, dialect, [{"t": text} for text in texts])
    for key, expected in [
        ("t", [*sorted(text for text in texts if text is not None), None]),
        ("-t", [*sorted((text for text in texts if text is not None), reverse=True), None]),
    ]:
        statement = frame.select(frame.population.column("t")).order_by(*frame.order([SortKey(key)]))
        assert list(connection.execute(statement).scalars()) == expected
    assert _answers(connection, frame, "max(t) over ()")[0] == "👍"
    assert _answers(connection, frame, "string_agg(t, '|')") == [
        "|".join(sorted(text for text in texts if text is not None))
    ]


def test_the_case_of_every_letter_follows_the_simple_mapping(connection: sa.Connection, dialect: Dialect) -> None:
    letters = [chr(code) for code in range(1, 0x2FFF) if chr(code).isalpha() and chr(code) not in "ƛɤ"]
    letters = [each for each in letters if each.lower() != each or each.upper() != each or each == "ß"]
    frame = _frame(connection, dialect, [{"t": letter} for letter in letters])
    lower, upper = (_answers(connection, frame, f"{function}(t)") for function in ("lower", "upper"))
    assert all(len(each) == 1 for each in (*lower, *upper))
    assert [
        each for each, low in zip(letters, lower, strict=True) if len(each.lower()) == 1 and low != each.lower()
    ] == []
    assert [
        each for each, up in zip(letters, upper, strict=True) if len(each.upper()) == 1 and up != each.upper()
    ] == []
    assert dict(zip(letters, upper, strict=True))["ß"] == "ẞ"
    assert dict(zip(letters, upper, strict=True))["ᾳ"] == "ᾼ"


def test_every_white_space_is_trimmed_and_nothing_else(connection: sa.Connection, dialect: Dialect) -> None:
    spaces = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u200a\u2028\u2029\u202f\u205f\u3000"
    kept = ["\u200b", "\ufeff", "\x1f", "_"]
    frame = _frame(connection, dialect, [{"t": f"{space}x{space}"} for space in [*spaces, *kept]])
    assert _answers(connection, frame, "length(trim(t))") == [1] * len(spaces) + [3] * len(kept)


def test_hashes_are_those_of_the_utf8_text(connection: sa.Connection, dialect: Dialect) -> None:
    texts = ["", "a", "É ß 👍", "x" * 1000]
    frame = _frame(connection, dialect, [{"t": text} for text in texts])
    assert _answers(connection, frame, "md5_digest(t)") == [hashlib.md5(text.encode()).hexdigest() for text in texts]  # noqa: S324
    assert _answers(connection, frame, "sha256_digest(t)") == [
        hashlib.sha256(text.encode()).hexdigest() for text in texts
    ]
    buckets = [int(hashlib.md5(f"s:{text}".encode()).hexdigest()[:8], 16) % 997 for text in texts]  # noqa: S324
    assert _answers(connection, frame, "bucket(t, 's', 997)") == buckets


def test_the_shuffle_is_the_order_of_the_md5(connection: sa.Connection, dialect: Dialect) -> None:
    frame = _frame(connection, dialect, [{"t": f"key {number}"} for number in range(300)])
    text = frame.population.column("t")
    statement = frame.select(text).order_by(dialect.shuffle(text))
    expected = sorted((f"key {number}" for number in range(300)), key=lambda each: hashlib.md5(each.encode()).digest())  # noqa: S324
    assert list(connection.execute(statement).scalars()) == expected
    ordered = frame.select(text).order_by(dialect.order(dialect.md5(text), TEXT, descending=False, nulls_first=False))
    assert list(connection.execute(ordered).scalars()) == expected


def test_months_clamp_on_every_day_of_four_years(connection: sa.Connection, dialect: Dialect) -> None:
    days = [date(2023, 12, 25) + timedelta(days=number) for number in range(0, 1500, 3)]
    frame = _frame(connection, dialect, [{"d": day, "at": datetime.combine(day, time(23, 59))} for day in days])

    def later(day: date, months: int) -> date:
        year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
        last = (date(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
        return date(year, month + 1, min(day.day, last))

    for months in (-13, -1, 1, 2, 25):
        assert _answers(connection, frame, f"add_months(d, {months})") == [later(day, months) for day in days]
        assert _answers(connection, frame, f"to_date(add_months(at, {months}))") == [later(day, months) for day in days]
    assert _answers(connection, frame, "week_day(at)") == [day.isoweekday() for day in days]
    assert _answers(connection, frame, "days_diff(at, date '2023-12-25')") == [
        (day - date(2023, 12, 25)).days for day in days
    ]
    assert _answers(connection, frame, "at >= d and d < at") == [True] * len(days)


def test_computed_amounts_come_from_columns_not_constants(connection: sa.Connection, dialect: Dialect) -> None:
    frame = _frame(connection, dialect, [{"m": Decimal(cents) / 100, "i": cents} for cents in range(-1000, 1000, 7)])
    cents = list(range(-1000, 1000, 7))

    def half_up(value: Decimal, digits: str) -> Decimal:
        return value.quantize(Decimal(digits), "ROUND_HALF_UP")

    assert _answers(connection, frame, "m / 3") == [half_up(Decimal(each) / 300, "0.000001") for each in cents]
    assert _answers(connection, frame, "round(m, 1)") == [half_up(Decimal(each) / 100, "0.1") for each in cents]
    assert _answers(connection, frame, "round(m)") == [int(half_up(Decimal(each) / 100, "1")) for each in cents]
    assert _answers(connection, frame, "m * 1.05") == [Decimal(each) * 105 / 10000 for each in cents]
    assert _answers(connection, frame, "floor(m)") == [each // 100 for each in cents]
    assert _answers(connection, frame, "ceil(m)") == [-(-each // 100) for each in cents]
    assert _answers(connection, frame, "to_integer(m)") == [int(each / 100) for each in cents]
    assert _answers(connection, frame, "i / 8") == [Decimal(each) / 8 for each in cents]


def test_booleans_are_conditions_and_values(connection: sa.Connection, dialect: Dialect) -> None:
    frame = _frame(connection, dialect, [{"yes": True}, {"yes": False}, {"yes": None}])
    assert _answers(connection, frame, "not yes") == [False, True, None]
    assert _answers(connection, frame, "yes = true or yes is null") == [True, False, True]
    assert _answers(connection, frame, "to_string(yes)") == ["true", "false", None]
    assert _answers(connection, frame, "yes and i is null") == [True, False, None]


def test_texts_become_integers_only_when_they_are(connection: sa.Connection, dialect: Dialect) -> None:
    texts = ["12", "-0", "1e3", "0x10", "", "१२", "999999999999999999", "9999999999999999999", None, "1 2", "\u00a05"]
    frame = _frame(connection, dialect, [{"t": text} for text in texts])
    expected = [12, 0, None, None, None, None, 999999999999999999, None, None, None, 5]
    assert _answers(connection, frame, "to_integer(t)") == expected


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_record_bears_its_name(name: str) -> None:
    dialect = DIALECTS[name]
    assert dialect.name == name
    assert dialect.text(sa.literal("x"), TEXT) is not None
    assert dialect.cast(sa.literal(1), DECIMAL, DECIMAL) is not None


KEYWORDS = {"duckdb": "SELECT keyword_name FROM duckdb_keywords()", "postgresql": "SELECT word FROM pg_get_keywords()"}
"""How a database names its keywords; SQLite cannot, so those are its keywords here that SQLAlchemy does not know."""


def test_every_keyword_may_be_the_name_of_a_column(connection: sa.Connection, dialect: Dialect) -> None:
    asked = KEYWORDS.get(dialect.name)
    words = list(connection.exec_driver_sql(asked).scalars()) if asked else ["nothing", "returning", "order", "groups"]
    labelled = sa.select(*(sa.literal(place, sa.Integer()).label(word) for place, word in enumerate(words))).subquery()
    table = sa.table("words", *map(sa.column, words))
    connection.execute(CreateTableAs(table, sa.select(*labelled.c)))
    kept = sa.select(*table.c).where(*(column.is_not(None) for column in table.c)).order_by(*table.c)
    assert connection.execute(kept).one() == tuple(range(len(words)))
