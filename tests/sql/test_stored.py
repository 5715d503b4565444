"""Tables as others made them: what their columns mean is the same on every database."""

# ruff: noqa: S608 - our own texts

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import sqlalchemy as sa

from engine.kit.catalog import Catalog, Definition, LinkDefinition
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from engine.kit.limit import random_order
from engine.kit.population import Population
from engine.sql import catalog as catalogs
from engine.sql.database import Database

ANN, BOB, EVE = (f"00000000-0000-0000-0000-00000000000{digit}" for digit in "abe")
SOME_LINKS = {
    "purchases": LinkDefinition(target="stored_purchases", is_table=True, on=(("id", "person"),), many=True),
    "sponsor": LinkDefinition(target="person", is_table=False, on=(("sponsor", "id"),), many=False),
    "codes": LinkDefinition(target="stored_codes", is_table=True, on=(("id", "person"),), many=True),
}


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
    return replace(place, links=SOME_LINKS)


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
