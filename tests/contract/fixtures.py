"""Fixtures: the standard world on one database, on each, and on all three at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from engine.sql.database import Database
from tests.contract.world import World, lay_out, opened

DATABASES = ("duckdb", "sqlite", "postgres")
FULL, EMPTY = "standard_", "empty_"


@contextmanager
def _laid_out(url: str) -> Iterator[Database]:
    with Database(url) as db:
        lay_out(db, FULL)
        lay_out(db, EMPTY, empty=True)
        yield db


@pytest.fixture(scope="session")
def duckdb_database() -> Iterator[Database]:
    with _laid_out("duckdb:///:memory:") as db:
        yield db


@pytest.fixture(scope="session")
def sqlite_database() -> Iterator[Database]:
    with _laid_out("sqlite:///:memory:") as db:
        yield db


@pytest.fixture(scope="session")
def postgres_database(postgres_url: str) -> Iterator[Database]:
    with _laid_out(postgres_url) as db:
        yield db


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> Database:
    """Give each of the databases in turn, one connection for the whole session."""
    db: Database = request.getfixturevalue(f"{request.param}_database")
    return db


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    """Give the standard world on each of the databases in turn."""
    with opened(database, tmp_path, FULL) as one:
        yield one


@pytest.fixture
def bare_world(database: Database, tmp_path: Path) -> Iterator[World]:
    """Give the standard world without its lists, which take the most time, on each of the databases in turn."""
    with opened(database, tmp_path, FULL, lists={}) as one:
        yield one


@pytest.fixture
def empty_world(database: Database, tmp_path: Path) -> Iterator[World]:
    """Give the standard world without a row, on each of the databases in turn."""
    with opened(database, tmp_path, EMPTY, empty=True) as one:
        yield one


@pytest.fixture
def worlds(
    duckdb_database: Database, sqlite_database: Database, postgres_database: Database, tmp_path: Path
) -> Iterator[dict[str, World]]:
    """Give the standard world on all three databases at once."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(opened(db, tmp_path / name, FULL))
            for name, db in zip(DATABASES, (duckdb_database, sqlite_database, postgres_database), strict=True)
        }


@pytest.fixture
def offline_world(sqlite_database: Database, tmp_path: Path) -> Iterator[World]:
    """Give a world on the quickest database, for what needs a catalogue and no rows."""
    with opened(sqlite_database, tmp_path, FULL) as one:
        yield one
