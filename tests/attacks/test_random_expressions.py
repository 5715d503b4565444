"""A random expression of known type gives the same answers on three databases, or the same kind of refusal."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from engine.kit.population import Population
from engine.kit.types import BOOLEAN, DATE, INTEGER, TEXT, Type, to_sqlalchemy
from engine.sql.database import Database
from engine.sql.dialects import sqlite_functions

MONEY = Type.parse("decimal(2)")
COLUMNS: Mapping[str, Type] = {"line": INTEGER, "n": INTEGER, "m": MONEY, "t": TEXT, "d": DATE, "b": BOOLEAN}
ROWS = [
    (1, 7, Decimal("1.50"), "Zoë", date(2024, 2, 29), True),
    (2, -3, Decimal("-0.05"), "", date(1999, 12, 31), False),
    (3, None, None, None, None, None),
    (4, 0, Decimal("0.00"), " STRASSE ß_%'\\ ", date(2026, 1, 31), True),
]

GRAMMAR = {
    "integer": ("n", "0", "1", "-7", "12", "{integer} + {integer}", "{integer} - {integer}", "{integer} * {integer}", "-{integer}", "abs({integer})",
                "length({text})", "days_diff({date}, {date})", "case when {boolean} then {integer} else {integer} end", "sign({decimal})",
                "coalesce({integer}, {integer}, 1)", "charindex({text}, {text})"),
    "decimal": ("m", "1.5", "-0.01", "0.00", "{decimal} + {integer}", "{decimal} * n", "{decimal} * 0.5", "{decimal} / n", "{decimal} / -7",
                "round({decimal}, 1)", "abs({decimal})", "greatest({decimal}, {decimal})", "iif({boolean}, {decimal}, {decimal})"),
    "text": ("t", "'É'", "''", "' a '", "'it''s'", "'%'", "'\\'", "lower({text})", "upper({text})", "trim({text})", "{text} || {text}",
             "smart({text})",
             "coalesce({text}, {text}, 'x')", "left({text}, {integer})", "right({text}, {integer})", "replace({text}, {text}, {text})",
             "to_string({integer})"),
    "date": ("d", "date '2024-02-29'", "date '2000-01-01'", "coalesce({date}, {date})", "least({date}, {date})"),
    "boolean": ("b", "true", "false", "{integer} < {integer}", "{decimal} >= {integer}", "{text} = {text}", "{text} < {text}", "{date} <= {date}",
                "{boolean} and {boolean}", "{boolean} or {boolean}", "not {boolean}", "{integer} in ({integer}, {integer})", "{text} like {text}",
                "{text} is null", "{integer} is distinct from {integer}", "{date} between {date} and {date}"),
}  # fmt: skip
"""Forms of an expression by its type; a name in braces stands for an expression of that type."""
DEEPEST = 4


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Give an expression of any type, its parts in brackets."""

    def made(type_: str, depth: int) -> str:
        forms = [form for form in GRAMMAR[type_] if depth < DEEPEST or "{" not in form]
        form = draw(st.sampled_from(forms))
        return re.sub(r"\{(\w+)\}", lambda match: f"({made(match[1], depth + 1)})", form)

    return made(draw(st.sampled_from(sorted(GRAMMAR))), 0)


TABLE = sa.Table(
    "random_rows", sa.MetaData(), *(sa.Column(name, to_sqlalchemy(type_)) for name, type_ in COLUMNS.items())
)
PEOPLE = Population(relation=TABLE, key=("line",), columns=COLUMNS, unique=True)


@pytest.fixture(scope="module")
def databases(duckdb_url: str, sqlite_url: str, postgres_url: str) -> Iterator[list[Database]]:
    with ExitStack() as stack:
        opened = [stack.enter_context(Database(url)) for url in (duckdb_url, sqlite_url, postgres_url)]
        for db in opened:
            with db.transaction() as connection:
                TABLE.create(connection)
                connection.execute(sa.insert(TABLE), [dict(zip(COLUMNS, row, strict=True)) for row in ROWS])
        yield opened
        for db in opened:
            with db.transaction() as connection:
                TABLE.drop(connection)


def answer(db: Database, text: str) -> list[Any] | str:
    """Give the value of an expression on every row, as texts; or the code of its refusal, or `database` where that failed."""
    frame = Frame(PEOPLE, Catalog(dialect=db.dialect))
    try:
        value = frame.value(Expr(text))
    except AuthorError as problem:
        return problem.diagnostics[0].code
    statement = frame.select(value.sql.label("answer")).order_by(TABLE.c.line)
    try:
        with db.transaction() as connection:
            return [str(value.type), *(_text(item, value.type) for item in connection.execute(statement).scalars())]
    except (sa.exc.DBAPIError, OverflowError):
        return "database"


def _text(value: Any, type_: Type) -> str | None:
    """Give a value as text; SQLite's -0.0 is 0."""
    return f"{value + 0:.{type_.scale}f}" if isinstance(value, Decimal) else None if value is None else str(value)


bounded = settings(
    max_examples=120, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@settings(bounded, max_examples=40)
@given(expressions())
@example("lower(t) < lower('É')")  # two collations, which PostgreSQL does not compare
def test_the_same_answer_on_three_databases(databases: list[Database], text: str) -> None:
    duckdb, sqlite, postgres = (answer(db, text) for db in databases)
    assert duckdb == sqlite == postgres


def test_no_pattern_makes_a_database_search_without_end(databases: list[Database]) -> None:
    text, pattern = "a" * 3_000, "%a" * 40 + "%b"
    begin = time.perf_counter()
    assert [answer(db, f"'{text}' like '{pattern}'") for db in databases] == [["boolean", *["False"] * 4]] * 3
    assert time.perf_counter() - begin < 10


@bounded
@given(st.text("ab_%", max_size=8), st.text("ab", max_size=8))
def test_like_of_sqlite_finds_what_the_definition_says(pattern: str, text: str) -> None:
    def found(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "%":
            return found(pattern[1:], text) or (text != "" and found(pattern, text[1:]))
        return text != "" and pattern[0] in ("_", text[0]) and found(pattern[1:], text[1:])

    assert sqlite_functions._like(text, pattern) == found(pattern, text)
