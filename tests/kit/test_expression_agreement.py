"""The three databases agree on every function, over columns that hold what is likely to part them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from engine.kit.catalog import Catalog, Dimension
from engine.kit.expression import Expr
from engine.kit.expression.catalogue import FUNCTIONS
from engine.kit.expression.functions import Function, Parameter
from engine.kit.frame import Frame
from engine.kit.types import BOOLEAN, DATE, FLOAT, INTEGER, TEXT, TIMESTAMP, Kind, Type, to_sqlalchemy
from engine.sql.dialects import DIALECTS
from tests.kit.expressions import VALUES

ROWS, CALLS, COPIES = 120, 4, 3
MONEY = Type(Kind.DECIMAL, 2)
EDGES: dict[Type, Sequence[Any]] = {
    TEXT: (
        "", "a", "É", "ß", "İstanbul", "👍", " x ", "\t", "a\nb\r\nc", "a%b_c", "12", "12.5", "-0.004", "x@y@z", "@", "ANN lee-o'NEIL",
        "\u00a0é\u2003", "a\\b", "'", '"', "e\u0301", "ﬁ", "ŉ", "ǅ", "Σς", "999999999999999999", "1000000000000000000", "-", "+", "Z",
        "2024-02-29", "2023-02-29", "2026-10-25T02:30", "2026-03-29 02:30:00", "2026-11-23T08:30:15.123456-03:00", None,
    ),
    INTEGER: (0, 1, -1, 2, 3, -7, 12, 29, 31, 60, 100, -1000, 999_999, None),
    MONEY: (*map(Decimal, ("0.00", "0.25", "-0.50", "1.50", "-1.50", "2.67", "-2.68", "100.00", "99999.99")), None),
    FLOAT: (0.0, 1.0, -1.0, 0.5, 2.5, 2.675, 1.005, 1e-9, 123456.789, -0.1, None),
    BOOLEAN: (True, False, None),
    DATE: (
        *map(date.fromisoformat, (
            "2024-02-29", "2023-02-28", "2026-01-31", "2000-01-01", "1900-03-01", "1970-01-01", "0001-01-05", "9999-12-20",
        )),
        None,
    ),
    TIMESTAMP: (
        *map(datetime.fromisoformat, (
            "2024-02-29T23:59:59.999999", "2026-03-29T00:59:59", "2026-03-29T01:00:00", "2026-03-29T02:30:00", "2026-10-25T00:30:00",
            "2026-10-25T01:30:00", "2026-10-25T02:30:00", "1969-12-31T23:59:59.500000", "1850-06-01T12:00:00", "9999-12-31T23:30:00",
        )),
        None,
    ),
}  # fmt: skip
"""What is stored; SQLite is exact to 15 digits, so numbers are small enough for every result."""
WRITTEN = {
    "digits": (0, 1, 2, 4),
    "n": (7, 100),
    "seconds": (60, 3600, 86400),
    "zone": ("'Europe/Paris'", "'America/New_York'"),
}


def _name(type_: Type, copy: int) -> str:
    return f"{type_.kind}_{copy}"


@pytest.fixture(scope="module")
def databases(duckdb_url: str, sqlite_url: str, postgres_url: str) -> Iterator[list[tuple[sa.Connection, Frame]]]:
    """Give the same rows in three databases, each with a frame over them."""
    chosen = random.Random(20261123)  # noqa: S311 - a repeatable choice
    names = {_name(type_, copy): type_ for type_ in EDGES for copy in range(COPIES)}
    rows = [{"id": row, **{name: chosen.choice(EDGES[names[name]]) for name in names}} for row in range(ROWS)]
    opened = []
    for url in (duckdb_url, sqlite_url, postgres_url):
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        dialect = DIALECTS[engine.dialect.name]
        dialect.configure(engine)
        sa.event.listen(engine, "connect", lambda made, _record, dialect=dialect: dialect.on_connect(made))
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        columns = [sa.Column(name, to_sqlalchemy(type_)) for name, type_ in names.items()]
        table = sa.Table("edges", sa.MetaData(), sa.Column("id", sa.BigInteger, primary_key=True), *columns)
        table.create(connection)
        connection.execute(table.insert(), rows)
        dimension = Dimension(name="edges", table=table, key=("id",))
        opened.append(
            (connection, Frame(dimension.population(), Catalog(dialect=dialect, dimensions={"edges": dimension})))
        )
    yield opened
    for connection, frame in opened:
        frame.catalog.dimensions["edges"].table.drop(connection)
        connection.close()


def _call(function: Function, chosen: random.Random) -> str:
    """Write a call over columns: parameters that take anything take one kind, so that they go together."""
    one_kind = chosen.choice((TEXT, INTEGER, MONEY, DATE))
    parameters = [each for each in function.parameters if not each.optional or chosen.random() < 0.7]
    if function.repeated:
        parameters += [function.parameters[-1]]
    counts: dict[Type, int] = {}

    def argument(parameter: Parameter) -> str:
        if parameter.written:
            return str(chosen.choice(WRITTEN[parameter.name]))
        kinds = [type_ for type_ in EDGES if type_.kind in parameter.kinds]
        type_ = one_kind if len(kinds) > 4 and one_kind in kinds else chosen.choice(kinds)
        counts[type_] = counts.get(type_, -1) + 1
        return _name(type_, counts[type_] % COPIES)

    return f"{function.name}({', '.join(map(argument, parameters))})"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_databases_agree(databases: list[tuple[sa.Connection, Frame]], name: str) -> None:
    chosen = random.Random(name)  # noqa: S311
    for text in sorted({_call(FUNCTIONS[name], chosen) for _ in range(CALLS)}):
        found = []
        for connection, frame in databases:
            value = frame.value(Expr(text).bound(VALUES))
            statement = frame.select(value.sql.label("value")).order_by(*frame.order(()))
            found.append([(type(each), each) for each in connection.execute(statement).scalars()])
        duckdb, sqlite, postgresql = found
        assert sqlite == duckdb, text
        assert postgresql == duckdb, text
