"""The ledger: names taken once and lists replaced, also by two programs at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from engine.kit.errors import DataError
from engine.kit.population import Population
from engine.kit.types import INTEGER
from engine.sql.database import Database
from engine.sql.ledger import Ledger
from tests.databases import wait_until_blocked

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE, TWO = ("one", "share", "1"), ("two", "share", "1")


@pytest.fixture
def schema() -> str:
    return f"ledger_{uuid4().hex[:8]}"


@pytest.fixture
def ledger(database_url: str, schema: str) -> Iterator[Ledger]:
    """Give a ledger on each of the databases in turn."""
    with Database(database_url, work_schema=schema) as db:
        ledger = Ledger(db)
        ledger.ensure()
        yield ledger


def test_a_table_that_an_older_release_did_not_have_is_made(ledger: Ledger) -> None:
    ledger.db.drop([ledger.replaced])
    newer = Ledger(ledger.db)
    assert newer.read_lists() == {}
    newer.ensure()
    assert ledger.db.rows_of(ledger.replaced) == 0


def test_a_name_is_taken_once_and_for_good(ledger: Ledger) -> None:
    assert ledger.reserve(ONE, ["a", "b"]) == "a"
    assert ledger.reserve(TWO, ["a", "b"]) == "b"
    assert ledger.reserve(ONE, ["c"]) == "a"
    with pytest.raises(DataError, match="every name for the file is taken"):
        ledger.reserve(("three", "share", "1"), ["a", "b"])


def test_a_name_that_another_program_takes_meanwhile_is_left_to_it(postgres_url: str, schema: str) -> None:
    with Database(postgres_url, work_schema=schema) as ours, Database(postgres_url, work_schema=schema) as theirs:
        ledger = Ledger(ours)
        ledger.ensure()
        with ThreadPoolExecutor(1) as pool:
            with theirs.transaction() as connection:
                connection.execute(ledger.reservations.insert().values(("a", *TWO)))
                reserving = pool.submit(ledger.reserve, ONE, ["a", "b"])
                wait_until_blocked(postgres_url)
            assert reserving.result() == "b"


def household(*keys: int) -> Population:
    """Give people who are not in a table."""
    rows = sa.union_all(*(sa.select(sa.literal(key, sa.BigInteger()).label("id")) for key in keys)).subquery()
    return Population(relation=rows, key=("id",), columns={"id": INTEGER}, dimension="household")


def write(ledger: Ledger, run: str, at: datetime, *keys: int) -> None:
    with ledger.db.transaction() as connection:
        ledger.write_list(connection, "people", household(*keys), "replace", (run, "keep", "1"), at)


def test_a_list_that_is_replaced_can_be_read_to_its_end_by_who_found_it_before(ledger: Ledger) -> None:
    write(ledger, "one", NOON, 1, 2)
    found = ledger.read_lists()["people"]
    write(ledger, "two", NOON + timedelta(minutes=1), 3)
    kept = ledger.db.create(ledger.db.name("reader"), found)
    assert (kept.count, ledger.read_lists()["people"].count) == (2, 1)


def test_the_table_of_a_list_that_was_replaced_is_dropped_an_hour_later(ledger: Ledger) -> None:
    old = []
    for run, minutes in (("one", 0), ("two", 1), ("three", 60), ("four", 61)):
        write(ledger, run, NOON + timedelta(minutes=minutes), 1)
        old.append(ledger.read_lists()["people"].relation)
    ledger.tidy(NOON + timedelta(minutes=61))
    assert [ledger.db.rows_of(table) for table in old] == [None, 1, 1, 1]


def test_a_table_with_a_view_on_it_hinders_nobody(postgres_url: str, schema: str) -> None:
    with Database(postgres_url, work_schema=schema) as db:
        ledger = Ledger(db)
        ledger.ensure()
        write(ledger, "one", NOON, 1)
        old = ledger.read_lists()["people"].relation
        assert isinstance(old, sa.TableClause)
        with db.transaction() as connection:
            connection.exec_driver_sql(f'CREATE VIEW {schema}.seen AS TABLE {schema}."{old.name}"')
        write(ledger, "two", NOON, 2)
        ledger.tidy(NOON + timedelta(hours=1))
        write(ledger, "three", NOON + timedelta(hours=1), 3)
        assert db.rows_of(old) == 1
        with db.transaction() as connection:
            connection.exec_driver_sql(f"DROP VIEW {schema}.seen")
        ledger.tidy(NOON + timedelta(hours=1))
        assert db.rows_of(old) is None


def test_a_list_whose_time_is_over_goes_with_its_rows(ledger: Ledger) -> None:
    with ledger.db.transaction() as connection:
        key, end = ("one", "keep", "1"), NOON + timedelta(days=30)
        ledger.write_list(connection, "people", household(1), "replace", key, NOON, expires_at=end)
    table = ledger.read_lists()["people"].relation
    assert isinstance(table, sa.TableClause)
    ledger.tidy(NOON + timedelta(days=29))
    assert ledger.db.rows_of(table) == 1
    ledger.tidy(NOON + timedelta(days=30))
    assert (list(ledger.read_lists()), ledger.list_rows(), ledger.db.rows_of(table)) == ([], [], 1)
    ledger.tidy(NOON + timedelta(days=30, hours=1))
    assert ledger.db.rows_of(table) is None


def test_two_programs_that_append_to_one_list_add_to_each_other(postgres_url: str, schema: str) -> None:
    def append(ledger: Ledger, connection: sa.Connection, run: str, key: int) -> None:
        ledger.write_list(connection, "people", household(key), "append", (run, "keep", "1"), NOON)

    def append_ours() -> None:
        with ours.transaction() as connection:
            append(ledger, connection, "two", 2)

    with Database(postgres_url, work_schema=schema) as ours, Database(postgres_url, work_schema=schema) as theirs:
        ledger = Ledger(ours)
        ledger.ensure()
        with ThreadPoolExecutor(1) as pool:
            with theirs.transaction() as connection:
                append(Ledger(theirs), connection, "one", 1)
                appending = pool.submit(append_ours)
                wait_until_blocked(postgres_url)
            appending.result()
        assert ledger.read_lists()["people"].count == 2


def test_a_list_written_again_by_the_same_step_stands(ledger: Ledger) -> None:
    for minutes, run in enumerate(("one", "one", "two", "one")):
        write(ledger, run, NOON + timedelta(minutes=minutes), 1)
    with ledger.db.transaction() as connection:
        ledger.write_list(connection, "others", household(1), "replace", ("o", "keep", "1"), NOON + timedelta(days=1))
    assert ledger.db.rows_of(ledger.read_lists()["people"].relation) == 1
