"""One activity by the engine and by hand-written SQL that makes the same tables, in pairs, on one DuckDB file.

A benchmark says a workflow whose activity `tested` is measured, and the SQL of every port of it. Both sides make a persistent
table of every port and count it; both must give the same rows. What feeds `tested` is made by both and timed by neither. The engine's
side is a whole run: expressions are compiled, keys are held unique, facts are durable in SQLite. On a busy machine look at the
processor time: it minds the neighbours less.
"""

# ruff: noqa: S608 - the SQL is ours, and text on purpose
from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import engine
from engine.sql.database import Database
from engine.state.facts import Fact, TaskFinished, TaskStarted, TransitionFired

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
TESTED = "tested"

PROJECT = """\
databases:
  default: {url: "duckdb:///data.duckdb"}
dimensions:
  recipient:
    table: recipients
    key: id
    links:
      events: {table: events, on: {id: recipient_id}, many: true}
"""

TABLES = (
    "create table recipients (id bigint primary key, email varchar, city varchar, crm_id varchar, score integer)",
    """insert into recipients select i, 'Person' || (hash(i) % greatest({rows} * 4 // 5, 1)) || '@example.org',
        case when hash(i, 1) % 20 > 0 then 'City ' || (hash(i, 2) % 500) end, 'CRM-' || i, (hash(i, 3) % 1000)::integer from range({rows}) r(i)""",
    """create table events as select (hash(i, 4) % {rows})::bigint as recipient_id,
        timestamp '2025-11-01' + to_minutes((hash(i, 5) % 525600)::bigint) as bought_at,
        (hash(i, 6) % 25000 / 100)::decimal(10, 2) as amount from range({rows} * 3) r(i)""",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """What is measured: a workflow, and by `activity.port` the SQL of the same rows, in order; those of `tested` are timed."""

    activities: Mapping[str, Mapping[str, Any]]
    steps: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the measured activity took, and by port how many rows there are and what they sum up to."""

    seconds: float
    cpu: float
    ports: Mapping[str, tuple[int, int]]


def prepare(folder: Path, benchmark: Benchmark, rows: int) -> None:
    """Make the project and its data: `rows` recipients, and three events each on the average."""
    readers = {f"read_{port}": {"type": "query", "from": f"{TESTED}.{port}"} for port in _ports(benchmark)}
    written = {
        "workflow": "benchmark",
        "dimension": "recipient",
        "activities": {**benchmark.activities, **readers},
    }
    (folder / "project.yaml").write_text(PROJECT)
    (folder / "benchmark.yaml").write_text(json.dumps(written))
    if not (folder / "data.duckdb").exists():
        with Database(f"duckdb:///{folder / 'data.duckdb'}") as db:
            for statement in TABLES:
                _driver(db).execute(statement.format(rows=rows))


def by_engine(folder: Path) -> Outcome:
    """Run the workflow, and look at the clocks when the measured activity begins and ends."""
    clocks: list[tuple[float, float]] = []
    tables: dict[str, str] = {}

    def listen(fact: Fact, _state: object) -> None:
        if isinstance(fact, TaskStarted | TaskFinished) and fact.activity == TESTED:
            clocks.append((perf_counter(), process_time()))
        if isinstance(fact, TransitionFired) and fact.activity == TESTED:
            tables[fact.port] = f'audienceflow."{fact.table}"'

    done = engine.run(folder / "benchmark.yaml", at=MOMENT, listen=listen)
    assert done.status == "succeeded", done.errors
    (begun, cpu), (ended, cpu_then) = clocks
    with Database(f"duckdb:///{folder / 'data.duckdb'}") as db:
        ports = {port: _sum(_driver(db), table) for port, table in tables.items()}
        _driver(db).execute("drop schema audienceflow cascade")
    shutil.rmtree(folder / ".audienceflow")
    return Outcome(seconds=ended - begun, cpu=cpu_then - cpu, ports=ports)


def by_hand(folder: Path, benchmark: Benchmark) -> Outcome:
    """Do the same steps in SQL."""
    with Database(f"duckdb:///{folder / 'data.duckdb'}") as db:
        driver = _driver(db)
        driver.execute("create schema hand")
        seconds = cpu = 0.0
        for name, select in benchmark.steps.items():
            begun, cpu_then = perf_counter(), process_time()
            driver.execute(f'create table hand."{name}" as {select}')
            driver.execute(f'select count(*) from hand."{name}"').fetchone()
            if name.startswith(f"{TESTED}."):
                seconds, cpu = seconds + perf_counter() - begun, cpu + process_time() - cpu_then
        ports = {port: _sum(driver, f'hand."{TESTED}.{port}"') for port in _ports(benchmark)}
        driver.execute("drop schema hand cascade")
    return Outcome(seconds=seconds, cpu=cpu, ports=ports)


def _ports(benchmark: Benchmark) -> list[str]:
    """Name the ports; `stage` is what they are cut from."""
    ours = (name.partition(".")[2] for name in benchmark.steps if name.startswith(f"{TESTED}."))
    return [port for port in ours if port != "stage"]


def _driver(db: Database) -> Any:
    return db.connection.connection.driver_connection


def _sum(driver: Any, table: str) -> tuple[int, int]:
    """Count the rows of a table, and sum up what their texts hash to; columns in the order of their names."""
    columns = sorted(row[0] for row in driver.execute(f"describe {table}").fetchall())
    row = ", ".join(f"{column} := {column}::varchar" for column in columns)
    statement = f"select count(*), coalesce(sum(hash(struct_pack({row}))::hugeint), 0) from {table}"
    count, total = driver.execute(statement).fetchone()
    return int(count), int(total)


def pair(folder: Path, benchmark: Benchmark, *, engine_first: bool) -> tuple[Outcome, Outcome]:
    """Do both, and stop unless both gave the same rows."""
    if engine_first:
        by_us, hand = by_engine(folder), by_hand(folder, benchmark)
    else:
        hand, by_us = by_hand(folder, benchmark), by_engine(folder)
    if by_us.ports != hand.ports:
        raise SystemExit(f"the sides differ:\n  engine {by_us.ports}\n  hand   {hand.ports}")
    return by_us, hand


def main(title: str | None, benchmark: Benchmark, arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=title, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="recipients; there are three times as many events")
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audienceflow-") as temporary:
        folder = Path(temporary)
        prepare(folder, benchmark, given.rows)
        pair(folder, benchmark, engine_first=True)  # what is loaded and compiled once is not counted
        pairs = []
        for number in range(given.pairs):
            by_us, hand = pair(folder, benchmark, engine_first=number % 2 == 0)
            pairs.append((by_us, hand))
            print(f"pair {number + 1}: engine {by_us.seconds:.2f} s, hand {hand.seconds:.2f} s", flush=True)
    for port, (count, _) in pairs[0][0].ports.items():
        print(f"  {port}: {count:,} rows")
    print(f"time, engine / hand: {_ratio([(each.seconds, other.seconds) for each, other in pairs])}")
    print(f"processor time:      {_ratio([(each.cpu, other.cpu) for each, other in pairs])}")


def _ratio(pairs: Sequence[tuple[float, float]]) -> str:
    """Give the ratio of the medians, and the least and the greatest of the pairs."""
    engine_, hand = (statistics.median(side) for side in zip(*pairs, strict=True))
    each = [ours / theirs for ours, theirs in pairs]
    return f"{engine_ / hand:.3f} (pairs {min(each):.3f} to {max(each):.3f}, n={len(pairs)})"
