"""A file of lines made a list: by the engine, and by the database's own reader, in pairs.

    python -m tests.benchmarks.list_import --lines 5_000_000 --pairs 5 --database duckdb
    AUDIENCEFLOW_TEST_POSTGRES=postgresql://… python -m tests.benchmarks.list_import --database postgresql

The same CSV, five columns of four types, some lines with a wrong value. The engine's side is whole: `engine.run` of a workflow with
`list_import` and `key: line`, the list of good lines and the table of rejects, facts and effect ledger; the other side is
`CREATE TABLE … AS read_csv(…)` with `store_rejects` into a DuckDB file of its own, or `COPY … (ON_ERROR ignore)` into a logged table,
and both counts. `ratio` is the other side's time by the engine's: 0.8 is the least that is wanted. `--quotes` puts every text in quotes;
`--ragged` lets the wrong lines be too short, which COPY cannot read (DuckDB only). Memory is measured in processes of their own, over a
file and over one of four times its lines.
"""

# ruff: noqa: S608 - the SQL is ours, and text on purpose
from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time

import duckdb

import engine

COLUMNS = {"household_id": "BIGINT", "email": "VARCHAR", "spend": "DECIMAL(18,2)", "joined": "DATE", "city": "VARCHAR"}
TYPES = {"household_id": "integer", "email": "text", "spend": "decimal(2)", "joined": "date", "city": "text"}
WRONG_EVERY = 20_000
SCHEMA = "benchmark"

WORKFLOW = """\
workflow: benchmark
activities:
  lines:
    type: list_import
    list: lines
    file: lines.csv
    key: line
    errors: {{at_most: 1%}}
    columns:
{columns}
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run came to."""

    seconds: float
    cpu: float
    rows: int
    rejects: int
    peak_mb: int


def prepare(folder: Path, lines: int, *, quotes: bool = False, ragged: bool = False) -> None:
    """Write the file, one line in 20,000 wrong, and the workflow."""
    columns = "".join(f"      {name}: {{type: {type_}}}\n" for name, type_ in TYPES.items())
    (folder / "benchmark.yaml").write_text(WORKFLOW.format(columns=columns))
    spend = "(hash(i, 1) % 100000 / 100)::decimal(10, 2)::varchar"
    is_wrong = f"i % {WRONG_EVERY} = 7"
    rest = [
        "(date '2020-01-01' + (hash(i, 2) % 2000)::int)::varchar",
        "['Paris', 'Lyon', 'München', 'Besançon'][1 + (hash(i, 3) % 4)::int]",
    ]
    texts = [
        "i::varchar",
        f"'person' || (hash(i) % {lines * 4}) || '@example.org'",
        f"if({is_wrong}, 'n/a', {spend})",
        *rest,
    ]
    if quotes:
        texts = [f"chr(34) || {text} || chr(34)" for text in texts]
    line = " || ',' || ".join(texts)
    if ragged:
        line = f"if({is_wrong}, {' || chr(44) || '.join(texts[:3])}, {line})"
    select = f"select '{','.join(COLUMNS)}' union all select {line} from range({lines}) r(i)"
    plain = "(format csv, header false, quote '', delimiter '\x01')"
    with duckdb.connect() as connection:
        connection.execute(f"copy ({select}) to '{folder / 'lines.csv'}' {plain}")


def by_engine(folder: Path, url: str) -> Outcome:
    """Run the workflow."""
    _clear(folder, url)
    (folder / "project.yaml").write_text(f"databases: {{default: {{url: '{url}', work_schema: {SCHEMA}}}}}\n")
    begin, cpu = perf_counter(), process_time()
    found = engine.run(folder / "benchmark.yaml")
    seconds, cpu = perf_counter() - begin, process_time() - cpu
    assert found.status == "succeeded", found.errors
    counts = found.activities["lines"].outputs
    return Outcome(seconds=seconds, cpu=cpu, rows=counts["result"], rejects=counts["rejects"], peak_mb=_peak_mb())


def by_duckdb(folder: Path, url: str) -> Outcome:
    """Read the file by DuckDB."""
    _clear(folder, url)
    begin, cpu = perf_counter(), process_time()
    with duckdb.connect(folder / "data.duckdb") as connection:
        reader = f"read_csv('{folder / 'lines.csv'}', header = true, columns = {COLUMNS}, store_rejects = true)"
        connection.execute(f"create table lines as select * from {reader}")
        rows = connection.execute("select count(*) from lines").fetchall()[0][0]
        rejects = connection.execute("select count(distinct line) from reject_errors").fetchall()[0][0]
    seconds, cpu = perf_counter() - begin, process_time() - cpu
    return Outcome(seconds=seconds, cpu=cpu, rows=rows, rejects=rejects, peak_mb=_peak_mb())


def by_postgresql(folder: Path, url: str) -> Outcome:
    """Read the file by PostgreSQL, which says of no line that it left it out."""
    import psycopg

    _clear(folder, url)
    begin, cpu = perf_counter(), process_time()
    with psycopg.connect(_server()) as connection, connection.cursor() as cursor:
        cursor.execute(f"create schema {SCHEMA}")
        types = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
        cursor.execute(f"create table {SCHEMA}.lines ({types})")
        options = "format csv, header, on_error ignore, log_verbosity silent"
        with (
            cursor.copy(f"copy {SCHEMA}.lines from stdin ({options})") as copy,
            (folder / "lines.csv").open("rb") as file,
        ):
            while data := file.read(1 << 20):
                copy.write(data)
        cursor.execute(f"select count(*) from {SCHEMA}.lines")
        rows = cursor.fetchall()[0][0]
    seconds, cpu = perf_counter() - begin, process_time() - cpu
    return Outcome(seconds=seconds, cpu=cpu, rows=rows, rejects=0, peak_mb=_peak_mb())


SIDES: dict[str, Callable[[Path, str], Outcome]] = {"duckdb": by_duckdb, "postgresql": by_postgresql}


def _clear(folder: Path, url: str) -> None:
    """Take away what a run left."""
    shutil.rmtree(folder / ".audienceflow", ignore_errors=True)
    (folder / "data.duckdb").unlink(missing_ok=True)
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(_server()) as connection:
            connection.execute(f"drop schema if exists {SCHEMA} cascade")


def _server() -> str:
    return os.environ["AUDIENCEFLOW_TEST_POSTGRES"]


def url_of(folder: Path, database: str) -> str:
    return f"duckdb:///{folder / 'data.duckdb'}" if database == "duckdb" else _server()


def _peak_mb() -> int:
    """Give the most memory this process ever held (not inherited from its parent, as `ru_maxrss` is)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def agree(engine_: Outcome, other: Outcome) -> None:
    """Stop unless both sides took the same lines."""
    if engine_.rows != other.rows or (other.rejects and engine_.rejects != other.rejects):
        raise SystemExit(f"the sides differ:\n  engine {engine_}\n  other  {other}")


def compare(folder: Path, database: str, pairs: int) -> list[tuple[Outcome, Outcome]]:
    """Run both in pairs; who begins changes from pair to pair."""
    found = []
    url, other_side = url_of(folder, database), SIDES[database]
    for number in range(pairs):
        if number % 2:
            other, ours = other_side(folder, url), by_engine(folder, url)
        else:
            ours, other = by_engine(folder, url), other_side(folder, url)
        agree(ours, other)
        found.append((ours, other))
        ratio = other.seconds / ours.seconds
        print(
            f"pair {number + 1}: engine {ours.seconds:.2f} s, {database} {other.seconds:.2f} s, {ratio:.3f}", flush=True
        )
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=5_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--database", choices=SIDES, default="duckdb")
    parser.add_argument("--quotes", action="store_true", help="put every value in quotes")
    parser.add_argument("--ragged", action="store_true", help="the wrong lines are too short (DuckDB only)")
    parser.add_argument(
        "--memory", action="store_true", help="measure memory, too, over the file and one of four times its lines"
    )
    parser.add_argument("--side", choices=("engine", *SIDES), help="do one run and print it as JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audienceflow-") as temporary:
        folder = Path(temporary)
        prepare(folder, given.lines, quotes=given.quotes, ragged=given.ragged)
        if given.side:
            side = by_engine if given.side == "engine" else SIDES[given.side]
            print(json.dumps(asdict(side(folder, url_of(folder, given.database)))))
            return
        pairs = compare(folder, given.database, given.pairs)
        for name in ("seconds", "cpu"):
            ours, other = (statistics.median(getattr(pair[side], name) for pair in pairs) for side in (0, 1))
            print(f"{name:<8} engine {ours:.2f}, {given.database} {other:.2f}, ratio of medians {other / ours:.3f}")
        if given.memory:
            peaks = [_apart(given, given.lines * times).peak_mb for times in (1, 4)]
            print(f"memory   {given.lines:,} lines {peaks[0]} MB, {given.lines * 4:,} lines {peaks[1]} MB")


def _apart(given: argparse.Namespace, lines: int) -> Outcome:
    """Do the engine's run in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.list_import",
        "--side",
        "engine",
        "--lines",
        str(lines),
        "--database",
        given.database,
    ]
    command += [f"--{name}" for name in ("quotes", "ragged") if getattr(given, name)]
    return Outcome(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))  # noqa: S603


if __name__ == "__main__":
    main()
