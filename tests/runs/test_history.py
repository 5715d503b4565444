"""What a run returned is left out by later runs: once it has succeeded, whatever happened on the way, and for as long as it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

import engine
from engine.app import api
from engine.app.options import Options
from engine.app.result import RunResult
from engine.app.session import Session
from engine.registry import load
from engine.state import facts as f
from engine.state.store import RunHeld

PROJECT = """\
databases: {default: {url: "%s", work_schema: %s}}
dimensions:
  person: {table: history_people, key: id}
"""
WORKFLOW = """\
workflow: w
dimension: person
timezone: Europe/Paris
variables:
  most: {type: integer, default: 100}
activities:
  fresh:
    type: incremental_query
    OPTIONS
  kept: {type: list_update, from: fresh, list: kept, mode: replace, guard: {max: vars.most}}
"""
MARCH = datetime(2026, 3, 20, 6, tzinfo=UTC)
PEOPLE = "(1, '2026-03-19 10:00:00', '2026-03-19'), (2, '2026-03-20 06:00:00', '2026-03-20'), (3, NULL, NULL)"


class Died(Exception):
    """Stands for the end of the process."""


@dataclass(frozen=True)
class Workflow:
    """A workflow with an incremental query, on a database; each run has a key of its own unless one is told."""

    folder: Path
    url: str
    numbers: Any

    def write(self, options: str) -> None:
        text = WORKFLOW.replace("OPTIONS", options.replace("\n", "\n    "))
        (self.folder / "w.yaml").write_text(text, encoding="utf-8")

    def run(self, at: datetime = MARCH, key: str = "", **given: Any) -> RunResult:
        key = key or f"run_{next(self.numbers)}"
        return engine.run(self.folder / "w.yaml", key=key, at=at, **given)

    def returned(self, at: datetime = MARCH, **given: Any) -> list[int] | None:
        """Give whom a run wrote into the list, or nothing where nothing fired."""
        result = self.run(at, **given)
        assert result.status == "succeeded"
        if result.activities["kept"].status == "skipped":
            assert result.activities["fresh"].outputs == {}
            return None
        with self.session() as session:
            kept = session.ledger.read_lists()["kept"]
            with session.db.transaction() as connection:
                return sorted(row[0] for row in connection.execute(kept.select(["id"])))

    def session(self) -> Session:
        return Session.start(self.folder, load(), Options())

    def execute(self, sql: str) -> None:
        made = sa.create_engine(self.url)
        with made.begin() as connection:
            connection.exec_driver_sql(sql)
        made.dispose()

    def history(self) -> list[tuple[str, str]]:
        with self.session() as session, session.db.transaction() as connection:
            keys = session.ledger.history.keys
            return sorted(tuple(row) for row in connection.execute(sa.select(keys.c.activity, keys.c.key)))


@pytest.fixture
def workflow(tmp_path: Path, database_url: str) -> Workflow:
    return made(tmp_path, database_url)


@pytest.fixture
def quick_workflow(tmp_path: Path, sqlite_url: str) -> Workflow:
    """Give a workflow for what happens outside of the database."""
    return made(tmp_path, sqlite_url)


def made(tmp_path: Path, database_url: str) -> Workflow:
    (tmp_path / "project.yaml").write_text(PROJECT % (database_url, f"history_{uuid4().hex[:8]}"), encoding="utf-8")
    workflow = Workflow(tmp_path, database_url, count(1))
    workflow.execute("DROP TABLE IF EXISTS history_people")
    workflow.execute("CREATE TABLE history_people (id INTEGER PRIMARY KEY, seen_at TIMESTAMP, seen_on DATE)")
    workflow.execute(f"INSERT INTO history_people VALUES {PEOPLE}")  # noqa: S608
    return workflow


def test_somebody_is_returned_once_and_0_rows_do_not_fire(workflow: Workflow) -> None:
    workflow.write("where: id > 0")
    assert workflow.returned() == [1, 2, 3]
    assert workflow.returned(MARCH + timedelta(days=10_000)) is None
    workflow.execute("INSERT INTO history_people VALUES (4, NULL, NULL)")
    assert workflow.returned() == [4]
    assert workflow.history() == [("fresh", key) for key in "1234"]


def test_somebody_can_be_returned_again_exactly_so_many_days_later(workflow: Workflow) -> None:
    """Campaign, quarterly list: who was returned on 20 March is not on 20 June, and is again 270 days after."""
    workflow.write("history_days: 270")
    assert workflow.returned() == [1, 2, 3]
    assert workflow.returned(datetime(2026, 6, 20, 6, tzinfo=UTC)) is None
    assert workflow.returned(MARCH + timedelta(days=270, microseconds=-1)) is None
    assert workflow.returned(MARCH + timedelta(days=270)) == [1, 2, 3]
    assert workflow.history() == [("fresh", key) for key in "123"]
    assert workflow.returned(MARCH + timedelta(days=271)) is None


def test_a_run_that_fails_leaves_nothing_unless_the_activity_is_committed(workflow: Workflow) -> None:
    workflow.write("where: id < 3\ncommit: run")
    assert workflow.run(vars={"most": "1"}).status == "suspended"
    assert workflow.returned() == [1, 2]
    workflow.write("where: id > 0\ncommit: activity")
    assert workflow.run(vars={"most": "0"}).status == "suspended"
    assert workflow.returned() is None


def test_a_run_that_goes_on_returns_whom_it_returned_itself(workflow: Workflow) -> None:
    workflow.write("where: id < 3")
    assert workflow.run(key="one", vars={"most": "1"}).status == "suspended"
    workflow.execute("INSERT INTO history_people VALUES (0, NULL, NULL)")
    with workflow.session() as session:
        session.db.drop(session.db.named(table) for table in session.db.tables("w"))
    again = workflow.run(key="one")  # its table is gone, so it is selected again
    assert again.activities["fresh"].outputs == {"result": 3}


@pytest.mark.parametrize("options", ["where: id > 0", "date_field: seen_at"])
def test_a_run_that_another_has_overtaken_selects_again_when_it_goes_on(workflow: Workflow, options: str) -> None:
    workflow.write(options)
    assert workflow.run(key="one", vars={"most": "0"}).status == "suspended"
    assert workflow.returned(MARCH + timedelta(seconds=1)) == ([1, 2] if "seen_at" in options else [1, 2, 3])
    again = workflow.run(key="one")
    assert again.status == "succeeded"
    assert again.activities["kept"].status == "skipped"


def test_of_whom_it_returned_only_the_overtaken_are_left_out(quick_workflow: Workflow) -> None:
    quick_workflow.write("where: id > 0")
    assert quick_workflow.run(key="one", vars={"most": "1"}).status == "suspended"
    assert quick_workflow.returned() == [1, 2, 3]
    quick_workflow.execute("INSERT INTO history_people VALUES (4, NULL, NULL)")
    assert quick_workflow.run(key="one").activities["kept"].details["rows"] == 1
    assert quick_workflow.history() == [("fresh", key) for key in "1234"]


def test_whom_a_committed_activity_returned_nobody_overtakes(quick_workflow: Workflow) -> None:
    quick_workflow.write("where: id > 0\ncommit: activity")
    assert quick_workflow.run(key="one", vars={"most": "2"}).status == "suspended"
    assert quick_workflow.returned() is None
    again = quick_workflow.run(key="one")
    assert again.status == "suspended"
    assert again.activities["fresh"].outputs == {"result": 3}


def test_no_other_run_is_executed_at_the_same_time(quick_workflow: Workflow) -> None:
    quick_workflow.write("where: id > 0")
    refused: list[str] = []

    def listen(_fact: f.Fact, state: Any) -> None:
        if not refused and state.task("kept"):
            with pytest.raises(RunHeld) as caught:
                quick_workflow.run(key="two")
            refused.append(str(caught.value))

    assert quick_workflow.run(key="one", listen=listen).status == "succeeded"
    assert refused == [
        "another run of 'w' is being executed, and whom it returns is not known yet\n  fix: wait until it has ended"
    ]
    assert quick_workflow.run(key="two").activities["kept"].status == "skipped"


def test_a_rehearsal_leaves_nothing_behind(workflow: Workflow) -> None:
    workflow.write("where: id < 3")
    with workflow.session() as session:
        plan = api.plan(workflow.folder / "w.yaml", session, {}, MARCH, counts=True)
    assert plan.counted is not None
    assert plan.counted.activities["fresh"].outputs == {"result": 2}
    assert workflow.returned() == [1, 2]


def test_a_time_is_taken_from_the_last_run_on_and_up_to_this_one(workflow: Workflow) -> None:
    workflow.write("date_field: seen_at")
    assert workflow.returned(MARCH) == [1]
    assert workflow.returned(MARCH + timedelta(seconds=1)) == [2]
    assert workflow.returned(MARCH + timedelta(seconds=2)) is None
    workflow.execute("INSERT INTO history_people VALUES (4, '2026-03-20 06:00:02', NULL)")
    assert workflow.returned(MARCH + timedelta(seconds=2)) is None
    assert workflow.returned(MARCH + timedelta(seconds=3)) == [4]
    assert workflow.history() == []


def test_of_a_date_whole_days_are_taken_in_the_workflows_time_zone(workflow: Workflow) -> None:
    workflow.write("date_field: seen_on")
    assert workflow.returned(MARCH) == [1]
    workflow.execute("INSERT INTO history_people VALUES (4, NULL, '2026-03-20')")
    assert workflow.returned(datetime(2026, 3, 20, 22, 59, tzinfo=UTC)) is None
    assert workflow.returned(datetime(2026, 3, 20, 23, 0, tzinfo=UTC)) == [2, 4]  # the 21st in Paris


def test_a_run_that_fails_takes_no_time_away(workflow: Workflow) -> None:
    workflow.write("date_field: seen_at")
    assert workflow.run(MARCH + timedelta(days=1), vars={"most": "1"}).status == "suspended"
    assert workflow.returned(MARCH + timedelta(days=2)) == [1, 2]


def test_what_is_forgotten_is_as_if_it_had_never_been(workflow: Workflow) -> None:
    workflow.write("where: id < 3")
    assert workflow.returned() == [1, 2]
    workflow.write("where: id < 4")
    assert workflow.returned(MARCH + timedelta(days=1)) == [3]
    assert workflow.run(MARCH, vars={"most": "0"}).status == "succeeded"
    with workflow.session() as session:
        with session.db.transaction() as connection:
            (found,) = session.ledger.history.sums(connection, "w")
            assert session.ledger.history.workflows(connection) == ["w"]
        naive = MARCH.replace(tzinfo=None)
        assert found == {
            "activity": "fresh", "runs": 3, "keys": 3, "first": naive, "last": naive + timedelta(days=1), "unfinished": 0,
        }  # fmt: skip
        api.forget(session, "w", ["fresh"])
    assert workflow.history() == []
    assert workflow.returned() == [1, 2, 3]


def test_it_comes_to_the_same_after_dying_at_any_fact(workflow: Workflow) -> None:
    workflow.write("where: id > 0")

    def dying(after: int) -> Callable[[f.Fact, Any], None]:
        facts = count(1)

        def listen(_fact: f.Fact, _state: Any) -> None:
            if next(facts) == after:
                raise Died

        return listen

    for after in range(1, 10):
        try:
            result = workflow.run(key="dying", listen=dying(after))
        except Died:
            continue
        assert result.status == "succeeded"
    assert workflow.run(key="dying").activities["kept"].details["rows"] == 3
    assert workflow.history() == [("fresh", key) for key in "123"]
    assert workflow.returned() is None
