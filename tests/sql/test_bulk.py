"""Rows from outside reach a table as they are, on each database: nulls, extremes, and parts of what was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import pytest
import sqlalchemy as sa

from engine.kit.types import BOOLEAN, DATE, FLOAT, INTEGER, TEXT, TIMESTAMP, Kind, Type
from engine.sql.database import Database

MONEY = Type(Kind.DECIMAL, 2)
ARROW = {
    INTEGER: pa.int64(), MONEY: pa.decimal128(18, 2), FLOAT: pa.float64(), TEXT: pa.string(), BOOLEAN: pa.bool_(),
    DATE: pa.date32(), TIMESTAMP: pa.timestamp("us"),
}  # fmt: skip
VALUES: Mapping[Type, list[Any]] = {
    INTEGER: [0, -1, None, 2**63 - 1, -(2**63), 10_000],
    MONEY: [Decimal("0.00"), Decimal("-0.01"), Decimal("1234.50"), None, Decimal("9999.99"), Decimal("10000.00")],
    FLOAT: [0.1, -1e300, 5e-324, 1.0, None, 123456789.123],
    TEXT: ["", None, 'a "b"\t\\N\\.', "É😀\r\n", " ", "NULL"],
    BOOLEAN: [True, False, None, True, False, True],
    DATE: [date(1, 1, 1), date(1999, 12, 31), date(2000, 1, 1), date(9999, 12, 31), None, date(2026, 2, 28)],
    TIMESTAMP: [None, *map(datetime.fromisoformat, ["0001-01-01", "1999-12-31T23:59:59.999999", "2000-01-01", "9999-12-31T23:00", "2026-11-23"])],
}  # fmt: skip


def batch(columns: Mapping[str, tuple[pa.DataType, list[Any]]]) -> pa.RecordBatch:
    return pa.record_batch({name: pa.array(values, type_) for name, (type_, values) in columns.items()})


def loaded(db: Database, columns: Mapping[str, Type], batches: list[pa.RecordBatch]) -> list[tuple[Any, ...]]:
    """Load batches into a table, and give its rows in the order of their first column."""
    table = db.name("bulk", "test")
    assert db.load(table, columns, batches) == sum(each.num_rows for each in batches)
    rows = sa.table(table.name, *(sa.column(name) for name in columns), schema=table.schema)
    with db.transaction() as connection:
        found = connection.execute(sa.select(*rows.c).order_by(rows.c[0])).all()
        db.drop([table])
    return [tuple(row) for row in found]


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    with Database(database_url) as one:
        one.ensure_schema()
        yield one


def test_every_type_arrives_with_its_nulls_and_extremes(db: Database) -> None:
    types = {"number": INTEGER, **{f"c{place}": type_ for place, type_ in enumerate(VALUES)}}
    written = {"number": (pa.int64(), list(range(6)))}
    written |= {f"c{place}": (ARROW[type_], values) for place, (type_, values) in enumerate(VALUES.items())}
    whole = batch(written)
    found = loaded(db, types, [whole.slice(0, 2), whole.slice(2, 0), whole.slice(2)])
    if not db.dialect.capabilities.schemas:  # SQLite, read without our types: numbers are doubles, times are texts
        found = [
            tuple(_as_read(value, type_) for value, type_ in zip(row, types.values(), strict=True)) for row in found
        ]
    assert found == [(number, *values) for number, values in enumerate(zip(*VALUES.values(), strict=True))]


def _as_read(value: Any, type_: Type) -> Any:
    match type_:
        case _ if value is None:
            return None
        case Type(kind=Kind.DECIMAL):
            return Decimal(f"{value:.2f}")
        case Type(kind=Kind.BOOLEAN):
            return bool(value)
        case Type(kind=Kind.DATE):
            return date.fromisoformat(value)
        case Type(kind=Kind.TIMESTAMP):
            return datetime.fromisoformat(value)
        case _:
            return value


@pytest.mark.parametrize("scale", [0, 1, 4, 7, 12, 38])
def test_decimals_of_every_scale_arrive_whole(postgres_url: str, scale: int) -> None:
    digits = ["0", "1", "-1", "9999", "10000", "-123456789", "18446744073709551616", f"-{'9' * 38}"]
    values = [Decimal(f"{text}E-{scale}") for text in digits]
    types = {"number": INTEGER, "value": Type(Kind.DECIMAL, scale)}
    with Database(postgres_url) as db:
        db.ensure_schema()
        for wanted in (values[:6], values[: 8 if scale > 6 else 6]):  # short ones together, and with long ones
            rows = batch(
                {"number": (pa.int64(), list(range(len(wanted)))), "value": (pa.decimal128(38, scale), wanted)}
            )
            assert loaded(db, types, [rows]) == list(enumerate(wanted))


def test_texts_are_utf_8_whatever_the_connection_was_told(postgres_url: str) -> None:
    url = sa.make_url(postgres_url).update_query_dict({"client_encoding": "latin1"})
    with Database(url.render_as_string(hide_password=False)) as db:
        db.ensure_schema()
        assert loaded(db, {"name": TEXT}, [batch({"name": (pa.string(), ["É"])})]) == [("É",)]


def test_what_the_server_refuses_is_raised_and_leaves_nothing(postgres_url: str) -> None:
    rows = batch({"name": (pa.string(), ["a\0b"])})
    with Database(postgres_url) as db:
        db.ensure_schema()
        with pytest.raises(psycopg.DataError, match="0x00"):
            db.load(db.name("bulk", "refused"), {"name": TEXT}, [rows, rows])
        assert db.rows_of(db.name("bulk", "refused")) is None
