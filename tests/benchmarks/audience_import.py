"""A shared audience made a list: by the engine, and by hand in DuckDB, in pairs.

    python -m tests.benchmarks.audience_import --identifiers 10_000_000 --pairs 5
    python -m tests.benchmarks.audience_import --identifiers 10_000_000 --memory 500MB

One full outbound file, packed: an identifier, a tab, its segments, a tab, the segments it left; one in ten is in another segment. Of those
in the segment one in ten finds nobody, one in a thousand finds two rows, and one in a thousand stands there twice. The engine's side is
whole: `engine.run` of a workflow with `list_import`, its store, the list and the ports `unmatched` and `ambiguous`, facts and effect
ledger; the other side is `read_csv` of the same file, and one join, into tables of a DuckDB file. The key of the people is a primary key:
of one that is none, the engine counts the rows first, a second at 10 M. `ratio` is our time by the other's: 1.3 is the most that is
wanted. Memory is measured in processes of their own, whose DuckDB is told a limit and spills what is beyond.
"""

# ruff: noqa: S608 - the SQL is ours, and text on purpose
from __future__ import annotations

import argparse
import json
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
from engine.app.options import Options

SEGMENT = "10603117"
NAME = "S3_91012_1234_full_1790000000000.sync.gz"
HASHES = {"none": "'C' || lpad(i::varchar, 12, '0')", "sha256": "sha256(i::varchar)"}

PROJECT = """\
databases: {default: {url: "duckdb:///data.duckdb?memory_limit=LIMIT"}}
dimensions: {person: {table: people, key: id}}
data_sources:
  crm_id: {kind: declared_id, dimension: person, key: crm_id, normalise: [], hash: none, id: "1234", destination: "91012"}
audiences: {vip: {name: VIP, data_source: crm_id, segment: "10603117"}}
environments: {prod: {experience_cloud: {import_store: {url: out}}}}
"""
WORKFLOW = """\
workflow: benchmark
dimension: person
activities:
  members: {type: list_import, list: members, audience: vip}
"""
BY_HAND = """
create table members as select distinct identifier from read_csv(
    '{file}', header = false, delim = '\\t', quote = '', columns = {{identifier: 'VARCHAR', segments: 'VARCHAR', removed: 'VARCHAR'}}
) where list_contains(string_split(segments, ','), '{segment}');
create table found as select id, identifier, count(*) over (partition by identifier) as n
    from people join members on people.crm_id = members.identifier;
create table result as select id from found where n = 1;
create table unmatched as select identifier from members where not exists (from found where found.identifier = members.identifier);
create table ambiguous as select distinct identifier from found where n > 1;
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one side came to; `people` is a sum over the hashes of the list's keys."""

    seconds: float
    cpu: float
    counts: dict[str, int]
    people: int
    peak_mb: int


def prepare(folder: Path, identifiers: int, hash_: str = "none") -> None:
    """Write the table of people, in no order, the file, the project and the workflow."""
    limit(folder, "16GB")
    (folder / "benchmark.yaml").write_text(WORKFLOW)
    (folder / "out").mkdir()
    with duckdb.connect(folder / "people.duckdb") as connection:
        rows = f"select i from range({identifiers}) r(i) where i % 10 <> 3 union all select i from range({identifiers}) r(i) where i % 1000 = 7"
        connection.execute("create table people (id bigint primary key, crm_id varchar)")
        connection.execute(
            f"insert into people select (row_number() over ())::bigint, {HASHES[hash_]} from (select i from ({rows}) order by hash(i))"
        )
        twice = f"select i from range({identifiers}) r(i) union all select i from range({identifiers}) r(i) where i % 1000 = 11"
        segments = f"if(i % 10 = 9, '10603118', if(i % 10 = 8, '{SEGMENT},10603118', '{SEGMENT}'))"
        lines = f"select {HASHES[hash_]}, {segments}, '' from ({twice}) order by hash(i, 1)"
        connection.execute(
            f"copy ({lines}) to '{folder / 'out' / NAME}' (format csv, delimiter '\t', header false, quote '', compression gzip)"
        )


def limit(folder: Path, memory: str) -> None:
    """Say how much memory DuckDB may use, on both sides."""
    (folder / "project.yaml").write_text(PROJECT.replace("LIMIT", memory))
    (folder / "limit").write_text(memory)


def by_engine(folder: Path) -> Outcome:
    """Run the workflow."""
    _begin(folder)
    begin, cpu = perf_counter(), process_time()
    found = engine.run(folder / "benchmark.yaml", options=Options(environment="prod"))
    seconds, cpu = perf_counter() - begin, process_time() - cpu
    assert found.status == "succeeded", found.errors
    counts = dict(found.activities["members"].outputs)
    with duckdb.connect(folder / "data.duckdb", read_only=True) as connection:
        (table,) = connection.execute("select stored_in from audienceflow.lists where name = 'members'").fetchall()[0]
        people = _sum(connection, f"audienceflow.{table}")
    return Outcome(seconds=seconds, cpu=cpu, counts=counts, people=people, peak_mb=_peak_mb())


def by_hand(folder: Path) -> Outcome:
    """Read the file and join it."""
    _begin(folder)
    begin, cpu = perf_counter(), process_time()
    with duckdb.connect(folder / "data.duckdb", config={"memory_limit": (folder / "limit").read_text()}) as connection:
        connection.execute(BY_HAND.format(file=folder / "out" / NAME, segment=SEGMENT))
        ports = ("result", "unmatched", "ambiguous")
        counts = {port: connection.execute(f"select count(*) from {port}").fetchall()[0][0] for port in ports}
    seconds, cpu = perf_counter() - begin, process_time() - cpu
    with duckdb.connect(folder / "data.duckdb", read_only=True) as connection:
        people = _sum(connection, "result")
    return Outcome(seconds=seconds, cpu=cpu, counts=counts, people=people, peak_mb=_peak_mb())


SIDES: dict[str, Callable[[Path], Outcome]] = {"engine": by_engine, "hand": by_hand}


def _begin(folder: Path) -> None:
    """Bring everything back to before a run."""
    shutil.rmtree(folder / ".audienceflow", ignore_errors=True)
    shutil.copyfile(folder / "people.duckdb", folder / "data.duckdb")


def _sum(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f"select sum(hash(id)) from {table}").fetchall()[0][0] or 0)


def _peak_mb() -> int:
    """Give the most memory this process ever held (not inherited from its parent, as `ru_maxrss` is)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def pair(folder: Path, *, engine_first: bool) -> tuple[Outcome, Outcome]:
    """Run both; SystemExit when they do not give the same people."""
    if engine_first:
        ours, hand = by_engine(folder), by_hand(folder)
    else:
        hand, ours = by_hand(folder), by_engine(folder)
    if (ours.counts, ours.people) != (hand.counts, hand.people):
        raise SystemExit(f"the sides differ:\n  engine {ours}\n  hand   {hand}")
    return ours, hand


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identifiers", type=int, default=10_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--hash", choices=HASHES, default="none")
    parser.add_argument(
        "--memory", metavar="LIMIT", help="measure the memory of both sides, too, where DuckDB has so much: 500MB"
    )
    parser.add_argument("--side", choices=SIDES, help="do one run over a folder that is prepared, and print it as JSON")
    parser.add_argument("--folder", type=Path, help="the folder of that run")
    given = parser.parse_args(arguments)
    if given.side:
        print(json.dumps(asdict(SIDES[given.side](given.folder))))
        return
    with tempfile.TemporaryDirectory(prefix="audienceflow-") as temporary:
        folder = Path(temporary)
        prepare(folder, given.identifiers, given.hash)
        pairs = []
        for number in range(given.pairs):
            pairs.append(pair(folder, engine_first=number % 2 == 0))
            ours, hand = pairs[-1]
            print(
                f"pair {number + 1}: engine {ours.seconds:.2f} s, by hand {hand.seconds:.2f} s, {ours.seconds / hand.seconds:.3f}",
                flush=True,
            )
        for name in ("seconds", "cpu"):
            ours_, hand_ = (statistics.median(getattr(each[side], name) for each in pairs) for side in (0, 1))
            print(f"{name:<8} engine {ours_:.2f}, by hand {hand_:.2f}, ratio of medians {ours_ / hand_:.3f}")
        if given.memory:
            limit(folder, given.memory)
            print("memory  ", ", ".join(f"{side} {_apart(folder, side).peak_mb} MB" for side in SIDES))


def _apart(folder: Path, side: str) -> Outcome:
    """Do one run in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.audience_import", "--side", side, "--folder", str(folder)]
    return Outcome(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))  # noqa: S603


if __name__ == "__main__":
    main()
