"""`plan --counts` of the workflow of targeting.py beside a run of it, in pairs.

    python -m tests.benchmarks.rehearsal --rows 10_000_000 --pairs 5

Reading, sorting and writing the lines of the exported file are taken off the run's time: a rehearsal finds out who would be sent, and
sends nobody. The database file is opened before the clock starts, on both sides. The tables and rows of the database are listed
before and after each rehearsal, and must be the same.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from activities.connectors.audience_manager import destination
from engine.app import api
from tests.benchmarks.targeting import MOMENT, Outcome, _driver, _session, by_engine, prepare, spread


@dataclass(kw_only=True)
class Spent:
    """Seconds, and seconds of processors."""

    seconds: float = 0
    cpu: float = 0

    @contextmanager
    def timed(self) -> Iterator[None]:
        begin, cpu = perf_counter(), process_time()
        yield
        self.seconds += perf_counter() - begin
        self.cpu += process_time() - cpu


def run(folder: Path) -> tuple[Spent, Outcome]:
    """Run the workflow; give what it spent but for the export."""
    export, write = Spent(), destination.write_inbound

    def written(*arguments: Any, **options: Any) -> Any:
        with export.timed():
            return write(*arguments, **options)

    destination.write_inbound = written
    try:
        outcome = by_engine(folder)
    finally:
        destination.write_inbound = write
    return Spent(seconds=outcome.total - export.seconds, cpu=outcome.cpu - export.cpu), outcome


def rehearse(folder: Path) -> tuple[Spent, dict[str, int]]:
    """Rehearse the workflow; SystemExit when anything is left behind."""
    before, spent = tables(folder), Spent()
    with _session(folder) as session:
        session.db.connection  # noqa: B018  (opens the file)
        with spent.timed():
            counted = api.plan(folder / "benchmark.yaml", session, {}, MOMENT, counts=True).counted
    after = tables(folder)
    if after != before:
        raise SystemExit(f"the rehearsal left something behind:\n  before {before}\n  after  {after}")
    assert counted is not None
    assert counted.status == "succeeded", counted.errors
    return spent, {f"{name}.{port}": n for name, task in counted.activities.items() for port, n in task.outputs.items()}


def tables(folder: Path) -> list[tuple[str, str, int]]:
    """List the tables of the database, each with its schema and its number of rows."""
    with _session(folder) as session:
        driver = _driver(session.db)
        names = driver.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall()
        return [
            (*name, driver.table(".".join(f'"{part}"' for part in name)).count("*").fetchone()[0]) for name in names
        ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="recipients; there are three times as many events")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a folder for the data, which is used again")
    given = parser.parse_args(arguments)
    found: list[tuple[Spent, Spent]] = []
    with tempfile.TemporaryDirectory(prefix="audienceflow-") as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder, given.rows, primary_key=True)
        for _ in range(given.pairs):
            ran, outcome = run(folder)
            rehearsed, counts = rehearse(folder)
            if any(counts[port] != count for port, count in outcome.counts.items()):
                raise SystemExit(f"the sides differ:\n  run       {outcome.counts}\n  rehearsal {counts}")
            found.append((ran, rehearsed))
            print(
                f"run {ran.seconds:.2f} s (processors {ran.cpu:.2f}), rehearsal {rehearsed.seconds:.2f} ({rehearsed.cpu:.2f})",
                flush=True,
            )
    print(f"time, rehearsal / run: {spread([rehearsed.seconds / ran.seconds for ran, rehearsed in found])}")
    print(f"processor time:        {spread([rehearsed.cpu / ran.cpu for ran, rehearsed in found])}")


if __name__ == "__main__":
    main()
