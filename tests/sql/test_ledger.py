"""The ledger: names taken once and lists replaced, also by two programs at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from engine.kit.errors import DataError
from engine.sql.database import Database
from engine.sql.ledger import Ledger
from tests.databases import wait_until_blocked

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
