"""`init`: a project that runs and passes its tests at once, and nothing of anybody's is written over."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

Shell = Callable[..., subprocess.CompletedProcess[str]]
FILES = [".gitignore", "do_not_contact.csv", "good_customers.yaml", "good_customers_test.yaml", "project.yaml"]
COUNTS = {"customers.result": 241, "eligible.result": 238, "groups.good": 74, "keep.result": 74,
          "share.result": 54, "share.complement": 9, "share.suppressed": 11}  # fmt: skip


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Give the command line as a process of its own, in an empty folder."""

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", *words]
        found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603
        assert found.returncode == code, found.stdout + found.stderr
        return found

    return run


def counts(told: dict[str, Any]) -> dict[str, int]:
    return {
        f"{name}.{port}": found["count"]
        for name, activity in told["activities"].items()
        for port, found in activity["outputs"].items()
    }


@pytest.fixture(params=["duckdb", "sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give what `--database` is told; nothing is left in a database that others use too."""
    if request.param != "postgres":
        yield request.param
        return
    url = request.getfixturevalue("postgres_url")
    yield url
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA audienceflow CASCADE"))
        connection.execute(sa.text("DROP TABLE example_people, example_orders"))
    engine.dispose()


def test_a_new_project_is_right_passes_its_tests_and_runs(shell: Shell, address: str, tmp_path: Path) -> None:
    begun = shell("engine", "init", "--database", address).stdout
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix not in (".duckdb", ".sqlite")) == FILES
    assert "table example_people, 300 rows" in begun
    assert shell("engine", "check").stdout.splitlines()[-1] == "1 workflow: nothing is wrong"
    rehearsed = counts(json.loads(shell("engine", "plan", "good_customers", "--counts", "--format", "json").stdout))
    assert "(about 10%: usually 15 to 33 of 238)" in shell("engine", "plan", "good_customers", "--counts").stdout
    assert shell("engine", "test").stdout.splitlines()[-1] == "3 passed, 0 failed"
    ran = json.loads(shell("engine", "run", "good_customers", "--format", "json").stdout)
    assert ran["status"] == "succeeded"
    assert {place: counts(ran)[place] for place in COUNTS} == COUNTS
    assert {place: rehearsed[place] for place in COUNTS} == COUNTS
    assert json.loads(shell("engine", "doctor", "--format", "json").stdout)["problems"] == 0
    assert "3 passed" in shell("pytest", "-q", "-p", "no:cacheprovider").stdout


def test_the_files_alone_pass_their_tests_where_nobody_has_the_database(shell: Shell, tmp_path: Path) -> None:
    shell("engine", "init", "--database", "sqlite", "--at", "2026-07-01")
    (tmp_path / "example.sqlite").unlink()
    (tmp_path / "good_customers_test.yaml").write_text(
        """tests:
  - name: personal columns that no row names are there
    activity: customers
    tables: {example_people: [{person_id: 1}], example_orders: [{order_id: 1, person_id: 1, amount: 5.00, ordered_at: 2026-01-01}]}
    expect:
      result: [{person_id: 1, spend: 5.00}]
"""
    )
    assert shell("engine", "test").stdout.splitlines()[-1] == "1 passed, 0 failed"


def test_the_orders_end_where_they_are_told_to_else_yesterday(shell: Shell, tmp_path: Path) -> None:
    for folder, words in (("told", ("--at", "2026-07-01")), ("now", ())):
        shell("engine", "init", folder, "--database", "sqlite", *words)
    ends = {}
    for folder in ("told", "now"):
        with sqlite3.connect(tmp_path / folder / "example.sqlite") as db:
            ends[folder] = db.execute("SELECT min(ordered_at), max(ordered_at) FROM example_orders").fetchone()
    today = datetime.now(UTC).date()
    assert ends["told"] == ("2025-07-01", "2026-06-30")
    assert date.fromisoformat(ends["now"][1]) in (
        today - timedelta(days=1),
        today - timedelta(days=2),
    )  # or it is midnight
    assert "since: {type: date, default: 2026-01-01," in (tmp_path / "told" / "good_customers.yaml").read_text()


def test_beginning_again_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    shell("engine", "init", "shop", "--database", "sqlite")
    before = {path.name: path.read_bytes() for path in (tmp_path / "shop").iterdir()}
    again = shell("engine", "init", "shop", "--database", "sqlite").stdout
    assert "made" not in again
    assert again.count("(it was there)") == len(FILES) + 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "shop").iterdir()} == before


def test_a_project_of_ones_own_is_left_alone_and_so_is_its_database(shell: Shell, tmp_path: Path) -> None:
    own = 'databases: {default: {url: "sqlite:///own.sqlite"}}\n'
    (tmp_path / "project.yaml").write_text(own)
    begun = shell("engine", "init", "--database", "sqlite").stdout
    assert "kept  project.yaml  (it was there)" in begun
    assert "left alone" in begun
    assert (tmp_path / "project.yaml").read_text() == own
    assert list(tmp_path.glob("*.sqlite")) == []


def test_a_table_that_is_there_keeps_its_rows(shell: Shell, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "example.sqlite") as db:
        db.execute("CREATE TABLE example_people (mine INTEGER)")
        db.execute("INSERT INTO example_people VALUES (1)")
    begun = shell("engine", "init", "--database", "sqlite").stdout
    assert "kept  table example_people, 1 rows  (it was there)" in begun
    assert "made  table example_orders, 900 rows" in begun
    with sqlite3.connect(tmp_path / "example.sqlite") as db:
        assert db.execute("SELECT * FROM example_people").fetchall() == [(1,)]


def test_a_password_is_written_nowhere(shell: Shell, tmp_path: Path) -> None:
    address = "postgresql+psycopg://someone:s3cr3t@127.0.0.1:1/shop?connect_timeout=1"
    failed = shell("engine", "init", "--database", address, code=1)
    assert "cannot be opened" in failed.stderr
    told = [failed.stdout, failed.stderr, *(path.read_text() for path in tmp_path.iterdir())]
    assert [text for text in told if "s3cr3t" in text] == []
    assert "someone@127.0.0.1" in (tmp_path / "project.yaml").read_text()


def test_a_database_nobody_knows_is_said_with_what_to_type(shell: Shell, tmp_path: Path) -> None:
    assert "--database postgresql://" in shell("engine", "init", "--database", "oracle", code=2).stderr
    assert "P010" in shell("engine", "init", "--database", "oracle://x/y", code=2).stderr
    assert list(tmp_path.iterdir()) == []
