import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import engine
from engine.kit.errors import DataError
from engine.state import facts as f
from engine.state import migrations
from engine.state.memory import MemoryStore
from engine.state.sqlstore import HEAD, METADATA, SqlStore
from engine.state.store import RunHeld, Store

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def started(workflow: str = "winback", at: datetime = NOON) -> f.RunStarted:
    return f.RunStarted(
        at=at,
        workflow=workflow,
        path="w.yaml",
        workflow_text="",
        project_text="",
        environment=None,
        variables={},
        time=at,
    )


def began(activity: str) -> f.TaskStarted:
    return f.TaskStarted(at=NOON, activity=activity, arrival="1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "state.db"


@pytest.fixture
def sql_store(path: Path) -> Iterator[SqlStore]:
    with SqlStore(path) as store:
        yield store


@pytest.fixture(params=["memory", "sql"])
def store(request: pytest.FixtureRequest) -> Store:
    return MemoryStore() if request.param == "memory" else request.getfixturevalue("sql_store")


# What every store does


def test_an_unknown_run_has_no_facts_and_is_not_listed(store: Store) -> None:
    store.append("1", started())
    assert store.facts("2") == ()
    assert list(store.runs()) == ["1"]


def test_a_store_that_was_never_written_to_is_empty(store: Store) -> None:
    assert (store.facts("1"), list(store.runs()), list(store.runs("winback"))) == ((), [], [])


def test_facts_come_back_in_the_order_they_were_appended(store: Store) -> None:
    store.append("1", started(), began("a"))
    store.append("2", started())
    store.append("1", began("b"))
    store.append("1", began("a"), began("c"))
    assert store.facts("1") == (started(), began("a"), began("b"), began("a"), began("c"))
    assert store.facts("2") == (started(),)


def test_every_kind_of_fact_comes_back_as_it_was(store: Store, one_of_each: tuple[f.Fact, ...]) -> None:
    store.append("1", *one_of_each)
    assert store.facts("1") == one_of_each


def test_appending_nothing_brings_no_run_into_being(store: Store) -> None:
    store.append("1")
    assert (store.facts("1"), list(store.runs())) == ((), [])


def test_runs_are_listed_newest_first_and_those_of_one_moment_by_id(store: Store) -> None:
    store.append("noon", started(at=NOON))
    store.append("later", started(at=NOON + timedelta(microseconds=1)))
    store.append("b", started(at=NOON - timedelta(days=1)))
    store.append("c", started(at=NOON - timedelta(days=1)))
    store.append("b", began("a"))
    assert list(store.runs()) == ["later", "noon", "c", "b"]


def test_the_runs_of_one_workflow_can_be_asked_for(store: Store) -> None:
    store.append("1", started("winback"))
    store.append("2", started("welcome"))
    store.append("3", started("winback", NOON + timedelta(hours=1)))
    assert list(store.runs("winback")) == ["3", "1"]
    assert list(store.runs("unheard-of")) == []


@pytest.mark.parametrize("run", ["1", "winback/2026-11-23 100 %", "..", "é"])
def test_a_run_is_held_by_one_at_a_time(store: Store, run: str) -> None:
    with store.hold(run):
        with pytest.raises(RunHeld, match=f"run {run} is being executed by another process"), store.hold(run):
            pass
        with pytest.raises(RunHeld), store.hold(run):
            pass
        with store.hold("another"):
            pass
    with store.hold(run):
        pass


def test_a_run_is_let_go_when_its_execution_fails(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.hold("1"):
        raise ZeroDivisionError
    with store.hold("1"):
        pass


def test_a_held_run_can_be_appended_to_and_read(store: Store) -> None:
    with store.hold("1"):
        store.append("1", started())
        assert store.facts("1") == (started(),)


# What the file adds


def test_nothing_is_made_on_disk_by_reading(sql_store: SqlStore, path: Path) -> None:
    assert (sql_store.facts("1"), sql_store.runs()) == ((), [])
    assert not path.parent.exists()


def test_facts_outlive_the_store_that_appended_them(path: Path) -> None:
    with SqlStore(path) as first:
        first.append("1", started(), began("a"))
    with SqlStore(path) as second:
        second.append("1", began("b"))
        assert second.facts("1") == (started(), began("a"), began("b"))


def test_a_closed_store_opens_again_when_it_is_used(sql_store: SqlStore) -> None:
    sql_store.append("1", started())
    sql_store.close()
    sql_store.append("1", began("a"))
    assert sql_store.facts("1") == (started(), began("a"))


def test_who_missed_anothers_append_is_told_and_adds_nothing(path: Path) -> None:
    with SqlStore(path) as ours, SqlStore(path) as theirs:
        ours.append("1", started())
        theirs.append("1", began("theirs"))
        for _ in range(2):
            with pytest.raises(RunHeld, match="another process went on with run 1 meanwhile"):
                ours.append("1", began("ours"), began("ours too"))
        assert ours.facts("1") == (started(), began("theirs"))
        ours.append("1", began("ours"))
        assert theirs.facts("1") == (started(), began("theirs"), began("ours"))


def test_of_two_who_saw_no_facts_of_a_run_only_one_begins_it(path: Path) -> None:
    with SqlStore(path) as ours, SqlStore(path) as theirs:
        assert ours.facts("1") == theirs.facts("1") == ()
        ours.append("1", started())
        with pytest.raises(RunHeld):
            theirs.append("1", started())
        assert theirs.facts("1") == (started(),)


def test_an_append_that_fails_halfway_adds_nothing(sql_store: SqlStore) -> None:
    sql_store.append("1", started())
    unwritable = f.EffectPrepared(at=NOON, activity="a", arrival="1", outcome={"file": object()})
    with pytest.raises(TypeError):
        sql_store.append("1", began("a"), unwritable)
    assert sql_store.facts("1") == (started(),)
    sql_store.append("1", began("a"))
    assert sql_store.facts("1") == (started(), began("a"))


def test_threads_may_share_a_store(sql_store: SqlStore) -> None:
    def work(run: str) -> int:
        for number in range(25):
            sql_store.append(run, began(str(number)))
        return len(sql_store.facts(run))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, "abcdefgh")) == [25] * 8


def test_many_may_open_a_new_file_at_the_same_moment(path: Path) -> None:
    together = threading.Barrier(8)

    def work(run: str) -> None:
        with SqlStore(path) as store:
            together.wait()
            store.append(run, started())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, "abcdefgh"))
    with SqlStore(path) as store:
        assert store.runs() == list("hgfedcba")


@contextmanager
def transaction(path: Path, *statements: str) -> Iterator[None]:
    """Be another program in the middle of a transaction over the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement).fetchall()
        yield
        connection.execute("ROLLBACK")


def test_readers_do_not_wait_for_a_writer(sql_store: SqlStore, path: Path) -> None:
    sql_store.append("1", started())
    with (
        transaction(path, "BEGIN IMMEDIATE", "DELETE FROM facts"),
        SqlStore(path, patience=timedelta(0)) as reader,
    ):
        assert reader.facts("1") == (started(),)
        assert reader.runs("winback") == ["1"]


def test_a_writer_does_not_wait_for_readers(path: Path) -> None:
    with SqlStore(path, patience=timedelta(0)) as store:
        store.append("1", started())
        with transaction(path, "BEGIN", "SELECT * FROM facts"):
            store.append("1", began("a"))
        assert store.facts("1") == (started(), began("a"))


def test_a_file_locked_for_too_long_is_reported_with_a_fix(path: Path) -> None:
    with SqlStore(path, patience=timedelta(milliseconds=20)) as store:
        store.append("1", started())
        with transaction(path, "BEGIN IMMEDIATE"), pytest.raises(DataError) as locked:
            store.append("1", began("a"))
        problem = "is locked: another process has been writing to it for too long"
        assert locked.value.message == f"{path} {problem}"
        assert locked.value.fix == "end that process (fuser names it), then resume the run"
        store.append("1", began("a"))
        assert store.facts("1") == (started(), began("a"))


def test_a_file_that_is_no_database_is_reported_with_a_fix(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database, but long enough to be read as the header of one: " * 20)
    with (
        SqlStore(path) as store,
        pytest.raises(DataError, match="is not a state file\n  fix: choose another path"),
    ):
        store.append("1", started())


@pytest.mark.parametrize("use", [lambda store: store.append("1", started()), lambda store: store.hold("1").__enter__()])
def test_a_folder_that_cannot_be_made_is_reported_with_a_fix(tmp_path: Path, use: Any) -> None:
    (tmp_path / "file").touch()
    with (
        SqlStore(tmp_path / "file" / "state.db") as store,
        pytest.raises(DataError, match="fix: make its folder writable"),
    ):
        use(store)


def test_a_file_of_a_newer_release_is_left_alone(sql_store: SqlStore, path: Path) -> None:
    sql_store.append("1", started())
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with SqlStore(path) as store, pytest.raises(DataError, match="its tables are 9999, this one knows 0001"):
        store.facts("1")


@pytest.fixture
def committed() -> Iterator[list[int]]:
    """The synchronous mode (1 NORMAL, 2 FULL) at each commit of the test."""
    modes: list[int] = []

    def note(_: Any, cursor: sqlite3.Cursor, statement: str, *__: Any) -> None:
        if statement == "COMMIT":
            modes.append(cursor.connection.execute("PRAGMA synchronous").fetchone()[0])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield modes
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def test_only_the_facts_of_effects_wait_for_the_disk(sql_store: SqlStore, path: Path, committed: list[int]) -> None:
    task: dict[str, Any] = {"at": NOON, "activity": "a", "arrival": "1"}
    sql_store.append("1", started())
    committed.clear()
    sql_store.append("1", f.TaskStarted(**task))
    sql_store.append("1", f.TaskStarted(**task), f.EffectPrepared(**task, outcome={}))
    sql_store.append("1", f.EffectDelivered(**task, step="uploaded", outcome={}))
    sql_store.append("1", f.TaskFinished(**task, seconds=1.0))
    assert committed == [1, 2, 2, 1]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("workflow", ["winback", None])
def test_the_newest_runs_are_found_by_an_index_and_not_by_sorting(
    sql_store: SqlStore, path: Path, workflow: str | None
) -> None:
    sql_store.append("1", started())
    asked: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        asked.append((statement, values))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    assert sql_store.runs(workflow) == ["1"]
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    ((statement, values),) = asked
    with closing(sqlite3.connect(path)) as connection:
        (step,) = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    assert "USING COVERING INDEX" in step[-1]


# Other processes, and how they end


@contextmanager
def process(path: Path, body: str) -> Iterator[subprocess.Popen[str]]:
    """Run `body` in another process, over a store of the same file."""
    begin = (
        "import sys; from datetime import *; from pathlib import Path\n"
        "from engine.state.sqlstore import SqlStore; from engine.state.facts import *\n"
        "store = SqlStore(Path(sys.argv[1]))\n"
        "noon = datetime(2026, 11, 23, 12, tzinfo=UTC)\n"
        "def began(activity): return TaskStarted(at=noon, activity=activity, arrival='1')\n"
    )
    child = subprocess.Popen(  # noqa: S603 - it runs ourselves
        [sys.executable, "-c", begin + body, str(path)],
        cwd=Path(engine.__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        try:
            yield child
        finally:
            child.kill()


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_a_run_held_by_a_process_is_free_again_when_the_process_is_killed(sql_store: SqlStore, path: Path) -> None:
    with process(path, "with store.hold('1'): print('held', flush=True); sys.stdin.read()") as child:
        assert line(child) == "held"
        with pytest.raises(RunHeld), sql_store.hold("1"):
            pass
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        with sql_store.hold("1"):
            sql_store.append("1", started())
    assert sql_store.facts("1") == (started(),)


def test_no_two_processes_ever_hold_a_run_however_often_it_changes_hands(path: Path) -> None:
    often = """
import os
from engine.state.store import RunHeld
alone, times = Path(sys.argv[1] + '.alone'), 0
while times < 300:
    try:
        with store.hold('1'):
            os.close(os.open(alone, os.O_CREAT | os.O_EXCL))  # fails when another is inside
            alone.unlink()
            times += 1
    except RunHeld:
        pass
print(times, flush=True)
"""
    with ExitStack() as stack:
        children = [stack.enter_context(process(path, often)) for _ in range(3)]
        assert [line(child) for child in children] == ["300", "300", "300"]


def test_a_process_killed_at_any_moment_loses_nothing_it_had_appended(sql_store: SqlStore, path: Path) -> None:
    forever = "for n in range(10**9): store.append('1', began(f'{n}a'), began(f'{n}b')); print(n, flush=True)"
    with process(path, forever) as child:
        for _ in range(50):
            said = line(child)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    found = [fact.activity for fact in sql_store.facts("1") if isinstance(fact, f.TaskStarted)]
    assert said == "49"
    assert len(found) >= 100
    assert found == [f"{n}{half}" for n in range(len(found) // 2) for half in "ab"]
    sql_store.append("1", began("on it goes"))


def test_a_process_that_opens_a_current_file_does_not_import_alembic(sql_store: SqlStore, path: Path) -> None:
    sql_store.append("1", started())
    body = "store.facts('1'); store.append('1', began('a')); print('alembic' in sys.modules, flush=True)"
    with process(path, body) as child:
        assert line(child) == "False"
    assert sql_store.facts("1") == (started(), began("a"))


# The tables


def test_an_empty_file_is_brought_to_the_tables_the_store_knows(sql_store: SqlStore, path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    sql_store.append("1", started())
    reader = sa.create_engine(sa.URL.create("sqlite", database=str(path)), poolclass=sa.NullPool)
    with reader.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert context.get_current_revision() == HEAD


def test_the_newest_revision_is_the_one_the_store_knows() -> None:
    assert ScriptDirectory.from_config(migrations.config()).get_current_head() == HEAD
