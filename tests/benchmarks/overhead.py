"""A thousand trivial activities, by the engine and by a bare SQLAlchemy loop that makes and counts the same tables, in pairs.

    python -m tests.benchmarks.overhead --activities 1000 --pairs 5

Half of the activities are a chain, each filtering the one before; the others are a fan, all filtering the first. The data is a DuckDB file, a
table and a count an activity, each table in a transaction of its own. The engine's side is whole: the workflow file is read, expressions are
compiled, and the facts are durable in SQLite; the loop keeps no state.
"""

# ruff: noqa: S608 - the SQL is ours, and text on purpose
from __future__ import annotations

import argparse
import cProfile
import pstats
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

import sqlalchemy as sa

from engine import registry
from engine.app.options import Options
from engine.app.result import result
from engine.app.session import Session, read_workflow
from engine.runs import bind
from engine.runs.execution import Execution
from engine.runs.runner import Runner
from engine.sql.database import Database
from engine.state.facts import RunStarted
from engine.state.sqlstore import SqlStore

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)

PROJECT = """\
databases:
  default: {url: "duckdb:///data.duckdb"}
dimensions:
  recipient: {table: recipients, key: id}
"""


@dataclass(frozen=True)
class Step:
    """An activity: its name, which one it filters, and by how much."""

    name: str
    source: str
    least: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Seconds in all and of processors, and the rows of every activity."""

    seconds: float
    cpu: float
    counts: dict[str, int]


def steps(activities: int) -> Iterator[Step]:
    """Give the activities behind the first."""
    before = "first"
    for number in range(1, activities):
        is_chain = number <= activities // 2
        yield Step(f"a{number}", before if is_chain else "first", number % 100)
        before = f"a{number}" if is_chain else before


def workflow(activities: int) -> str:
    lines = [
        "workflow: overhead",
        "dimension: recipient",
        "activities:",
        "  first: {type: query, add: {amount: amount}}",
    ]
    lines += [
        f"  {step.name}: {{type: query, from: {step.source}, where: amount >= {step.least}}}"
        for step in steps(activities)
    ]
    return "\n".join(lines)


def prepare(folder: Path, activities: int, rows: int) -> None:
    (folder / "project.yaml").write_text(PROJECT)
    (folder / "overhead.yaml").write_text(workflow(activities))
    with Database(f"duckdb:///{folder / 'data.duckdb'}") as db, db.transaction() as connection:
        connection.exec_driver_sql("create table recipients (id bigint primary key, amount bigint)")
        connection.exec_driver_sql(f"insert into recipients select i, 90 + i % 100 from range({rows}) r(i)")


def by_engine(folder: Path) -> Outcome:
    """Run the workflow file, as `engine.run` does, from its text to the last fact."""
    state = folder / "state"
    shutil.rmtree(state, ignore_errors=True)
    options = Options(project=folder / "project.yaml", clock=lambda: datetime.now(UTC))
    with Session.start(folder, registry.load(), options) as session, SqlStore(state / "state.sqlite") as store:
        session.ledger.ensure()
        store.append("warm", _started("", "warm"))
        begin, cpu = perf_counter(), process_time()
        text = (folder / "overhead.yaml").read_text()
        spec, graph = read_workflow(folder / "overhead.yaml", text, session.registry)
        execution = Execution(
            run="r", spec=spec, graph=graph, db=session.db, ledger=session.ledger, catalog=session.catalog,
            values=bind.values(spec, {}, run="r", time=MOMENT, started_at=MOMENT), evaluate=session.evaluate, time=MOMENT,
            clock=session.clock, connect=lambda name: name, folder=folder, staging=state / "staging",
        )  # fmt: skip
        runner = Runner(execution, store, sleep=lambda _seconds: None)
        runner.append(_started(text, spec.name))
        found = result("r", spec, graph, runner.drive())
        seconds, cpu = perf_counter() - begin, process_time() - cpu
        assert found.status == "succeeded", found.errors
        counts = {name: activity.outputs["result"] for name, activity in found.activities.items()}
        _drop(session.db, "audienceflow")
    return Outcome(seconds=seconds, cpu=cpu, counts=counts)


def _started(text: str, name: str) -> RunStarted:
    return RunStarted(
        at=MOMENT,
        workflow=name,
        path="overhead.yaml",
        workflow_text=text,
        project_text=PROJECT,
        environment=None,
        variables={},
        time=MOMENT,
    )


def by_hand(folder: Path, activities: int) -> Outcome:
    """Make and count the same tables."""
    metadata = sa.MetaData(schema="hand")
    with Database(f"duckdb:///{folder / 'data.duckdb'}") as db:
        connection = db.connection
        with connection.begin():
            connection.exec_driver_sql("create schema hand")
        begin, cpu = perf_counter(), process_time()
        counts = {"first": _made(connection, metadata, "first", "select id, amount from recipients", {})}
        for step in steps(activities):
            select = f"select id, amount from hand.{step.source} where amount >= :least"
            counts[step.name] = _made(connection, metadata, step.name, select, {"least": step.least})
        seconds, cpu = perf_counter() - begin, process_time() - cpu
        _drop(db, "hand")
    return Outcome(seconds=seconds, cpu=cpu, counts=counts)


def _made(connection: sa.Connection, metadata: sa.MetaData, name: str, select: str, values: dict[str, int]) -> int:
    table = sa.Table(name, metadata)
    with connection.begin():
        connection.execute(sa.text(f"create table hand.{name} as {select}"), values)
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def _drop(db: Database, schema: str) -> None:
    with db.transaction() as connection:
        connection.exec_driver_sql(f"drop schema {schema} cascade")
    with db.transaction() as connection:
        connection.exec_driver_sql("checkpoint")


def pair(folder: Path, activities: int, *, engine_first: bool) -> tuple[Outcome, Outcome]:
    """Do both, and stop unless they agree."""
    if engine_first:
        engine, hand = by_engine(folder), by_hand(folder, activities)
    else:
        hand, engine = by_hand(folder, activities), by_engine(folder)
    if engine.counts != hand.counts:
        raise SystemExit("the sides differ")
    return engine, hand


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--activities", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="say where the engine's time goes instead")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audienceflow-") as temporary:
        folder = Path(temporary)
        prepare(folder, given.activities, given.rows)
        if given.profile:
            with cProfile.Profile() as profile:
                by_engine(folder)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(60)
            return
        pairs = []
        print(f"{'pair':<6}{'engine ms':>11}{'loop ms':>11}{'ratio':>8}   (an activity)")
        for number in range(given.pairs):
            engine, hand = pair(folder, given.activities, engine_first=number % 2 == 0)
            pairs.append((engine, hand))
            ours, theirs = (outcome.seconds * 1000 / given.activities for outcome in (engine, hand))
            print(f"{number + 1:<6}{ours:>11.2f}{theirs:>11.2f}{ours / theirs:>8.2f}", flush=True)
        print(f"\ntime, engine / loop: {spread([engine.seconds / hand.seconds for engine, hand in pairs])}")
        print(f"processor time:      {spread([engine.cpu / hand.cpu for engine, hand in pairs])}")


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3f} (min {min(values):.3f}, max {max(values):.3f}, n={len(values)})"


if __name__ == "__main__":
    main()
