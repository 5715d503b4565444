"""A database beside others: who only reads makes nothing and waits for nobody, and who comes first makes our tables."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.kit.errors import DataError, RetryLater
from engine.sql.database import Database
from engine.sql.ledger import Ledger


def test_who_only_reads_makes_no_database(tmp_path: Path) -> None:
    file = tmp_path / "not there" / "a #1?.sqlite"
    with Database(f"sqlite:///{file}", read_only=True) as db, pytest.raises(DataError, match="cannot be opened"):
        db.reflect("people")
    assert not file.parent.exists()


def test_who_only_reads_sees_what_was_there_before_a_writer_began(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a #1 100%.sqlite'}"
    with Database(url) as writer, Database(url, read_only=True) as reader:
        with writer.transaction() as connection:
            connection.exec_driver_sql("CREATE TABLE people (id INTEGER)")
        with writer.transaction() as connection:
            connection.exec_driver_sql("INSERT INTO people VALUES (1)")
            assert reader.rows_of(sa.table("people")) == 0
        assert reader.rows_of(sa.table("people")) == 1
        with reader.transaction() as connection, pytest.raises(sa.exc.OperationalError, match="readonly"):
            connection.exec_driver_sql("INSERT INTO people VALUES (2)")


def test_a_second_writer_is_told_that_it_may_try_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'people.sqlite'}"
    with Database(url) as first, Database(f"{url}?timeout=0.1") as second, first.transaction():  # noqa: SIM117 - what is raised is raised inside
        with pytest.raises(RetryLater, match="locked by another program"), second.transaction():
            pass


def test_several_programs_make_our_tables_at_once(postgres_url: str) -> None:
    schema = f"first_{uuid.uuid4().hex[:8]}"
    problems: list[BaseException] = []
    together = threading.Barrier(8)

    def make() -> None:
        with Database(postgres_url, work_schema=schema) as db:
            ledger = Ledger(db)
            _ = db.connection
            together.wait()
            try:
                ledger.ensure()
            except sa.exc.SQLAlchemyError as problem:
                problems.append(problem)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Database(postgres_url, work_schema=schema) as db:
        assert problems == []
        assert Ledger(db).is_there()
        with db.transaction() as connection:
            connection.execute(sa.schema.DropSchema(schema, cascade=True))
