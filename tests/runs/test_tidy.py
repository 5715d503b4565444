"""What runs leave behind, on every database: the work tables of the newest two that succeeded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

import engine
from engine.app.result import RunResult
from engine.sql.database import Database
from engine.state import facts as f
from engine.state.sqlstore import SqlStore

PROJECT = """\
databases: {default: {url: "%s", work_schema: %s}}
dimensions:
  person: {table: tidy_people, key: id}
"""

WORKFLOW = """\
workflow: w
dimension: person
variables:
  least: {type: integer, default: 0}
activities:
  some: {type: query, where: id > 0}
  kept: {type: list_update, from: some, list: kept, guard: {min: vars.least}}
"""

Run = Callable[..., RunResult]


@pytest.fixture
def schema() -> str:
    return f"tidy_{uuid4().hex[:8]}"


@pytest.fixture
def run(tmp_path: Path, database_url: str, schema: str) -> Run:
    (tmp_path / "project.yaml").write_text(PROJECT % (database_url, schema), encoding="utf-8")
    (tmp_path / "w.yaml").write_text(WORKFLOW, encoding="utf-8")
    made = sa.create_engine(database_url)
    with made.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS tidy_people")
        connection.exec_driver_sql("CREATE TABLE tidy_people (id INTEGER PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO tidy_people VALUES (1), (2)")
    made.dispose()
    return lambda key, **given: engine.run(tmp_path / "w.yaml", key=key, vars={k: str(v) for k, v in given.items()})


def left(database_url: str, schema: str) -> list[str]:
    """Give which runs still have work tables, each as often as it has one."""
    with Database(database_url, work_schema=schema) as db:
        return sorted(name.removeprefix(f"{schema}_")[4] for name in db.tables("w"))


def test_the_newest_two_that_succeeded_keep_their_tables(run: Run, database_url: str, schema: str) -> None:
    for key in "abc":
        assert run(key).status == "succeeded"
    assert left(database_url, schema) == ["b", "b", "c", "c"]


def test_a_run_that_can_go_on_keeps_its_tables_and_loses_them_when_it_is_old(
    run: Run, database_url: str, schema: str
) -> None:
    assert run("a", least=9).status == "suspended"
    for key in "bcd":
        run(key)
    assert left(database_url, schema) == ["a", "a", "c", "c", "d", "d"]


def test_a_table_that_cannot_be_dropped_hinders_nobody(run: Run, database_url: str, schema: str) -> None:
    run("a")
    with Database(database_url, work_schema=schema) as db, db.transaction() as connection:
        table = next(name for name in sorted(db.tables("w")) if "some" in name)
        place = table if database_url.startswith("sqlite") else f"{schema}.{table}"
        connection.exec_driver_sql(f"CREATE VIEW {schema}_seen AS SELECT * FROM {place}")  # noqa: S608
    for key in "bc":
        assert run(key).status == "succeeded"
    assert left(database_url, schema)[-4:] == ["b", "b", "c", "c"]
    with Database(database_url, work_schema=schema) as db, db.transaction() as connection:
        connection.exec_driver_sql(f"DROP VIEW {schema}_seen")
    run("d")
    assert left(database_url, schema) == ["c", "c", "d", "d"]


def test_what_an_effect_made_on_its_way_goes_with_a_run_that_was_stopped(
    run: Run, tmp_path: Path, database_url: str, schema: str
) -> None:
    (tmp_path / "people.csv").write_text("id\n1\n2\n", encoding="utf-8")
    imported = "  imported: {type: list_import, file: people.csv, list: imported, guard: {min: vars.least}}\n"
    (tmp_path / "w.yaml").write_text(WORKFLOW + imported, encoding="utf-8")
    tripped = run("a", least=9)
    with Database(database_url, work_schema=schema) as db:
        assert {"x_lines", "result"} <= {
            part for name in db.tables("w") for part in ("x_lines", "result") if part in name
        }

    with SqlStore(tmp_path / ".audienceflow" / "state.sqlite") as store:
        store.append(tripped.run, f.RunControlled(at=datetime.now(UTC), action="stop"))
    run("b")

    assert set(left(database_url, schema)) == {"b"}
