"""Tables as others made them: what their columns mean is the same on every database."""

# ruff: noqa: S608, DTZ001 - our own texts; times as databases hold them, in UTC without a zone

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from engine.kit.catalog import Catalog, Definition, LinkDefinition
from engine.kit.errors import AuthorError, Span
from engine.kit.expression import Bound, Expr
from engine.kit.expression.rows import is_declared_unique
from engine.kit.frame import Frame
from engine.kit.limit import random_order
from engine.kit.matching import stacked
from engine.kit.population import Population
from engine.kit.types import DATE, TIMESTAMP, Kind, Type
from engine.sql import catalog as catalogs
from engine.sql.database import Database
from tests.kit.expressions import with_values

ANN, BOB, EVE = (f"00000000-0000-0000-0000-00000000000{digit}" for digit in "abe")
PURCHASES = {"purchases": LinkDefinition(target="stored_purchases", is_table=True, on=(("id", "person"),), many=True)}
SPONSOR = {"sponsor": LinkDefinition(target="person", is_table=False, on=(("sponsor", "id"),), many=False)}
CODES = {"codes": LinkDefinition(target="stored_codes", is_table=True, on=(("id", "person"),), many=True)}
ONE = {"one": LinkDefinition(target="stored_purchases", is_table=True, on=(("id", "id"),), many=False)}


@dataclass(kw_only=True)
class Place:
    """A database with tables that somebody else made."""

    db: Database
    links: Mapping[str, LinkDefinition] = field(default_factory=dict)

    def make(self, *statements: str) -> None:
        with self.db.transaction() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    @property
    def catalog(self) -> Catalog:
        definitions = {"person": Definition(table="stored_people", key=("id",), links=self.links)}
        return catalogs.build(self.db, self.db.dialect, definitions, {})

    @property
    def people(self) -> Population:
        return self.catalog.dimension("person").population()

    def kept(self, population: Population) -> Population:
        """Make the work table of a population, of its key alone."""
        return self.db.create(sa.table("stored_work"), population.only(()))

    def found(self, condition: str, among: Population | None = None) -> list[Any]:
        """Give the keys of those who meet a condition."""
        filtered = Frame(among or self.people, self.catalog).filtered(Expr(condition))
        return sorted(row[0] for row in self.rows(filtered.select(("id",))))

    def values(self, expression: str, among: Population | None = None) -> list[Any]:
        """Give a value of each person, in the order of the keys."""
        frame = Frame(among or self.people, self.catalog)
        value = frame.value(Expr(expression))
        return [row[0] for row in self.rows(frame.select(value.sql.label("v")).order_by(*frame.order(())))]

    def rows(self, statement: sa.Select[Any]) -> list[Any]:
        with self.db.transaction() as connection:
            return list(connection.execute(statement))


def _drop(place: Place) -> None:
    for table in ("people", "purchases", "codes", "work"):
        place.make(f"DROP TABLE IF EXISTS stored_{table}")
    if place.db.dialect.name != "sqlite":
        place.make("DROP TYPE IF EXISTS stored_status")


@pytest.fixture
def place(database_url: str) -> Iterator[Place]:
    """Give a place on each of the databases in turn."""
    with Database(database_url) as db:
        one = Place(db=db)
        _drop(one)
        yield one
        _drop(one)


@pytest.fixture(params=["sqlite", "postgres"])
def loose_place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Give a place where a NUMERIC may have any number of digits; DuckDB gives it three after the point."""
    with Database(request.getfixturevalue(f"{request.param}_url")) as db:
        one = Place(db=db)
        _drop(one)
        yield one
        _drop(one)


def _with_uuids(place: Place) -> Place:
    """Make people whose key is a uuid and whose status is an enumeration, where the database has such types."""
    has_types = place.db.dialect.name != "sqlite"
    uuid, status = ("UUID", "stored_status") if has_types else ("VARCHAR(36)", "VARCHAR(10)")
    if has_types:
        place.make("CREATE TYPE stored_status AS ENUM ('b_late', 'a_early')")
    place.make(
        f"CREATE TABLE stored_people (id {uuid} PRIMARY KEY, status {status}, sponsor {uuid})",
        f"INSERT INTO stored_people VALUES ('{ANN}', 'a_early', '{BOB}'), ('{BOB}', 'b_late', NULL), ('{EVE}', NULL, '{ANN}')",
        f"CREATE TABLE stored_purchases (id INTEGER PRIMARY KEY, person {uuid}, amount INTEGER)",
        f"INSERT INTO stored_purchases VALUES (1, '{ANN}', 5), (2, '{ANN}', 7), (3, '{BOB}', 1)",
        "CREATE TABLE stored_codes (code INTEGER PRIMARY KEY, person VARCHAR(36))",
        f"INSERT INTO stored_codes VALUES (1, '{ANN}'), (2, 'no uuid')",
    )
    return replace(place, links={**PURCHASES, **SPONSOR, **CODES})


def _whole(place: Place) -> Population:
    return place.people


def _work_table(place: Place) -> Population:
    return place.kept(place.people)


@pytest.mark.parametrize("given", [_whole, _work_table])
def test_a_uuid_and_an_enumeration_are_texts(place: Place, given: Callable[[Place], Population]) -> None:
    place = _with_uuids(place)
    some = given(place)
    assert place.found(f"id = '{ANN}'", some) == [ANN]
    assert place.found("id = 'no uuid'", some) == []
    assert place.found(f"id in ('{BOB}', '{EVE}')", some) == [BOB, EVE]
    assert place.found("status = 'a_early'", some) == [ANN]
    assert place.found("status < 'b'", some) == [ANN]
    assert place.values("upper(status)", some) == ["A_EARLY", "B_LATE", None]
    assert place.values("length(id)", some) == [36, 36, 36]
    assert place.values("right(sponsor.id, 1)", some) == ["b", None, "a"]
    assert place.values("sponsor.status", some) == ["b_late", None, "a_early"]
    assert place.values("sum(amount of purchases)", some) == [12, 1, None]
    assert place.found("exists(purchases where amount > 5)", some) == [ANN]
    assert place.found("exists(purchases where amount > 5 and target.status = 'a_early')", some) == [ANN]
    assert place.values("count(codes)", some) == [1, 0, 0]
    assert place.found("exists(codes)", some) == [ANN]


def test_people_with_a_uuid_come_in_the_same_random_order(place: Place) -> None:
    place = _with_uuids(place)
    for some in (place.people, _work_table(place)):
        frame = Frame(some, place.catalog)
        ordered = frame.select(some.column("id")).order_by(*random_order(frame, "seed"))
        assert [row[0] for row in place.rows(ordered)] == [BOB, ANN, EVE]
    assert [row[0] for row in place.rows(place.people.without(_work_table(place)).select(("id",)))] == []


def test_a_domain_of_postgresql_is_the_type_below_it(postgres_url: str) -> None:
    with Database(postgres_url) as db:
        place = Place(db=db)
        place.make(
            "CREATE DOMAIN stored_id AS INTEGER CHECK (VALUE > 0)",
            "CREATE TABLE stored_people (id stored_id PRIMARY KEY)",
            "INSERT INTO stored_people VALUES (1), (2)",
        )
        try:
            assert place.found("id + 1 = 3") == [2]
        finally:
            place.make("DROP TABLE stored_people", "DROP DOMAIN stored_id")


def _with_prices(place: Place) -> Place:
    place.make(
        "CREATE TABLE stored_people (id INTEGER PRIMARY KEY)",
        "INSERT INTO stored_people VALUES (1), (2)",
        "CREATE TABLE stored_purchases (id INTEGER PRIMARY KEY, person INTEGER, amount NUMERIC)",
        "INSERT INTO stored_purchases VALUES (1, 1, 0.4), (2, 1, 0.4), (3, 1, 0.4), (4, 2, 12.345), (5, 2, NULL)",
    )
    return replace(place, links={**PURCHASES, **ONE})


@pytest.mark.parametrize(
    ("expression", "column"),
    [
        ("sum(amount of purchases)", 5),
        ("max(amount of purchases)", 5),
        ("count(purchases where amount > 0.4)", 30),
        ("count(purchases where amount in (0.4))", 34),
        ("count(purchases where amount + 1 > 0)", 23),
        ("sum(abs(amount) of purchases)", 9),
        ("max(to_string(amount) of purchases)", 15),
        ("sum(case when amount is null then 0 else amount end of purchases)", 42),
    ],
)
def test_nobody_computes_with_a_decimal_of_unknown_digits(loose_place: Place, expression: str, column: int) -> None:
    place = _with_prices(loose_place)
    with pytest.raises(AuthorError) as caught:
        Frame(place.people, place.catalog).value(Expr(expression, Span("w.yaml", 1, 1)))
    (problem,) = caught.value.diagnostics
    assert problem.code == "E305"
    assert "decimal(?)" in problem.message
    assert "round(…, 2)" in problem.fix
    assert "NUMERIC(p, s)" in problem.fix
    assert problem.span.column == column


def test_a_decimal_of_unknown_digits_is_carried_and_rounded(loose_place: Place) -> None:
    place = _with_prices(loose_place)
    assert place.values("sum(round(amount, 2) of purchases)") == [Decimal("1.20"), Decimal("12.35")]
    assert place.values("sum(round(amount) of purchases)") == [0, 12]
    assert place.values("count(purchases where amount is null)") == [0, 1]
    assert place.values("count(amount of purchases)") == [3, 1]
    some = with_values(Frame(place.people, place.catalog), amount="one.amount")
    kept = place.db.create(sa.table("stored_work"), some)
    assert place.values("row.amount", kept) == [Decimal("0.4"), Decimal("0.4")]
    assert Type.parse(str(kept.columns["amount"])) == kept.columns["amount"]
    both = stacked(
        (kept, kept.with_column("amount", sa.cast(kept.column("id"), sa.Numeric(12, 3)), Type(Kind.DECIMAL, 3)))
    )
    assert place.rows(both.select(("amount",))) == [(Decimal("0.4"),), (Decimal("0.4"),)]


@pytest.mark.parametrize("written", ["DOUBLE PRECISION", "NUMERIC", "BLOB"])
def test_a_key_of_values_without_one_text_is_refused(place: Place, written: str) -> None:
    name = place.db.dialect.name
    if name == "duckdb" and written == "NUMERIC":
        written = "INTERVAL"
    place.make(
        f"CREATE TABLE stored_people (id {'BYTEA' if name == 'postgresql' and written == 'BLOB' else written} NOT NULL)"
    )
    with pytest.raises(AuthorError) as caught:
        _ = place.catalog
    assert [problem.code for problem in caught.value.diagnostics] == ["E204"]


MOMENTS = {
    1: "2026-11-23 08:30:00",
    2: "2026-11-23T08:30:00",
    3: "2026-11-23 08:30:00.000000",
    4: "2026-11-23 08:30",
    5: "2026-11-23T08:30:00Z",
    6: "2026-11-23T10:30:00+02:00",
    7: "2026-11-23 08:30:00.000001",
    8: "2026-11-23T09:29:59.5",
    9: "2026-11-22 23:59:59",
    10: "2026-11-24",
}


def test_times_compare_however_they_are_written(place: Place) -> None:
    is_text = place.db.dialect.name == "sqlite"
    rows = ", ".join(
        f"({key}, '{text if is_text or key != 6 else '2026-11-23 08:30:00'}')" for key, text in MOMENTS.items()
    )
    place.make(
        "CREATE TABLE stored_people (id INTEGER PRIMARY KEY, seen TIMESTAMP)",
        f"INSERT INTO stored_people VALUES {rows}",
    )
    assert place.found("seen = timestamp '2026-11-23T08:30:00Z'") == [1, 2, 3, 4, 5, 6]
    assert place.found("seen >= timestamp '2026-11-23T08:30:00Z'") == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert place.found("seen > timestamp '2026-11-23T08:30:00Z'") == [7, 8, 10]
    assert place.found("seen <= timestamp '2026-11-23T08:30:00Z'") == [1, 2, 3, 4, 5, 6, 9]
    assert place.found("seen < timestamp '2026-11-23T09:00:00Z'") == [1, 2, 3, 4, 5, 6, 7, 9]
    assert place.found("not seen < timestamp '2026-11-23T09:00:00Z'") == [8, 10]
    assert place.found("seen < timestamp '9999-12-31T00:00:00Z'") == list(MOMENTS)
    assert place.found("seen between date '2026-11-23' and date '2026-11-24'") == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert place.found("hour(seen) = 9 and minute(seen) = 29") == [8]
    assert place.values("to_string(seen)")[3] == "2026-11-23 08:30:00.000000"
    kept = with_values(Frame(place.people, place.catalog), seen="add_hours(seen, 1)", was="seen")
    work = place.db.create(sa.table("stored_work"), kept.only(("was",)))
    assert place.values("row.was", work)[5:8] == [
        datetime(2026, 11, 23, 8, 30), datetime(2026, 11, 23, 8, 30, 0, 1), datetime(2026, 11, 23, 9, 29, 59, 500_000),
    ]  # fmt: skip


def test_an_index_on_times_is_used(sqlite_url: str) -> None:
    with Database(sqlite_url) as db:
        place = Place(db=db)
        _drop(place)
        place.make(
            "CREATE TABLE stored_people (id INTEGER PRIMARY KEY, seen TIMESTAMP)",
            "CREATE INDEX stored_seen ON stored_people (seen)",
        )
        for condition in ("seen >= days_ago(30)", "seen = timestamp '2026-11-23T08:30:00Z'", "seen < run.time"):
            values = {"run.date": Bound(date(2026, 11, 23), DATE), "run.time": Bound(datetime(2026, 11, 23), TIMESTAMP)}
            some = Frame(place.people, place.catalog).filtered(Expr(condition).bound(values))
            compiled = some.select(("id",)).compile(dialect=db.engine.dialect)
            parameters = tuple(str(compiled.params[name]) for name in compiled.positiontup)
            with db.transaction() as connection:
                (step,) = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", parameters)
            assert re.search("SEARCH.*stored_seen", step[3])
        _drop(place)


def test_texts_of_a_column_that_minds_no_case_differ_by_it(place: Place) -> None:
    collation = {"sqlite": "COLLATE NOCASE", "duckdb": "", "postgresql": ""}[place.db.dialect.name]
    place.make(
        f"CREATE TABLE stored_people (id VARCHAR(9) {collation} NOT NULL, name VARCHAR(9) {collation}, sponsor VARCHAR(9) {collation})",
        "INSERT INTO stored_people VALUES ('1', 'A', 'X'), ('2', 'a', 'x'), ('3', 'b', NULL), ('x', 'c', NULL)",
        f"CREATE TABLE stored_codes (code INTEGER, person VARCHAR(9) {collation})",
        "INSERT INTO stored_codes VALUES (1, 'X'), (2, 'x'), (3, 'x')",
    )
    place = replace(place, links={**SPONSOR, **CODES})
    for some in (place.people, place.kept(place.people)):
        assert place.found("name = 'a'", some) == ["2"]
        assert place.found("name in ('a', 'B')", some) == ["2"]
        assert place.values("sponsor.name", some) == [None, "c", None, None]
        assert place.values("count(codes)", some) == [0, 0, 0, 2]
        assert place.found("exists(codes)", some) == ["x"]
        assert place.values("count() over (partition by name)", some) == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("index", "is_unique"), [("(id)", True), ("(id, name)", False), ("(lower(name))", False), ('("Its Name")', False)]
)
def test_a_unique_index_declares_a_key(place: Place, index: str, is_unique: bool) -> None:
    place.make(
        'CREATE TABLE stored_people (id INTEGER, name VARCHAR(9), "Its Name" VARCHAR(9))',
        f"CREATE UNIQUE INDEX stored_people_index ON stored_people {index}",
    )
    assert place.catalog.dimension("person").is_key_declared == is_unique
    table = place.catalog.dimension("person").table
    assert is_declared_unique(table, {"Its Name"}) == ("Its Name" in index)


def test_a_unique_index_of_some_rows_declares_nothing(loose_place: Place) -> None:
    loose_place.make(
        "CREATE TABLE stored_people (id INTEGER, name VARCHAR(9))",
        "CREATE UNIQUE INDEX stored_people_index ON stored_people (id) WHERE name IS NOT NULL",
    )
    assert not loose_place.catalog.dimension("person").is_key_declared
