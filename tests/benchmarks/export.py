"""Identifiers written to an inbound file: by our writer, and by DuckDB's own COPY of the same SELECT, in pairs.

    python -m tests.benchmarks.export --identifiers 10_000_000 --pairs 5
    python -m tests.benchmarks.export --identifiers 10_000_000 --hash sha256 --unpacked

Both sides read one table: distinct identifiers in their order. Ours checks each identifier and their order, counts, and gives the md5
of the file; COPY does none of it, so `--md5` lets it read its file once more, as whoever sends it must know it, too. The contents are
compared line for line. `ratio` is our time by COPY's: 1.2 is the most that is wanted.
"""

# ruff: noqa: S608 - the SQL is ours, and text on purpose
from __future__ import annotations

import argparse
import gzip
import hashlib
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import duckdb
import pyarrow.compute  # noqa: F401  (so that no pair imports it)

from activities.connectors.audience_manager import write_inbound
from activities.connectors.files.content import md5_of

TRAIT = "10603116"
BATCH_ROWS = 50_000
"""As many as the engine takes at once."""
SELECT = "select distinct identifier from identifiers order by identifier"
HASHES = {"none": "'C' || lpad(i::varchar, 12, '0')", "sha256": "sha256(i::varchar)"}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one side came to; `content` is the md5 of the lines."""

    seconds: float
    cpu: float
    size: int
    content: str


def prepare(folder: Path, identifiers: int, hash_: str) -> None:
    """Write the table of identifiers, a tenth of them twice, in no order."""
    with duckdb.connect(folder / "data.duckdb") as connection:
        numbers = f"select i from range({identifiers}) r(i) union all select i from range({identifiers // 10}) r(i)"
        connection.execute(
            f"create table identifiers as select {HASHES[hash_]} identifier from ({numbers}) order by hash(i)"
        )


def by_writer(folder: Path, *, is_packed: bool) -> Outcome:
    """Write the file as a share does."""
    file = folder / f"ours.sync{'.gz' if is_packed else ''}"
    with duckdb.connect(folder / "data.duckdb", read_only=True) as connection:
        begin, cpu = perf_counter(), process_time()
        batches = connection.execute(SELECT).to_arrow_reader(BATCH_ROWS)
        write_inbound(file, batches, TRAIT, is_visitor_id=False)
        seconds, cpu = perf_counter() - begin, process_time() - cpu
    return _outcome(file, seconds, cpu)


def by_copy(folder: Path, *, is_packed: bool, is_hashed: bool = False) -> Outcome:
    """Write the file by DuckDB."""
    file = folder / f"copy.sync{'.gz' if is_packed else ''}"
    packing = ", compression gzip" if is_packed else ""
    with duckdb.connect(folder / "data.duckdb", read_only=True) as connection:
        begin, cpu = perf_counter(), process_time()
        lines = f"select identifier, 'd_sid={TRAIT}' from ({SELECT})"
        connection.execute(f"copy ({lines}) to '{file}' (format csv, delimiter '\t', header false{packing})")
        if is_hashed:
            md5_of(file)
        seconds, cpu = perf_counter() - begin, process_time() - cpu
    return _outcome(file, seconds, cpu)


def _outcome(file: Path, seconds: float, cpu: float) -> Outcome:
    with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as content:
        digest = hashlib.file_digest(content, "md5").hexdigest()
    return Outcome(seconds=seconds, cpu=cpu, size=file.stat().st_size, content=digest)


def compare(folder: Path, pairs: int, *, is_packed: bool, is_hashed: bool = False) -> list[tuple[Outcome, Outcome]]:
    """Run both in pairs; who begins changes from pair to pair. SystemExit when they do not write the same lines."""
    found = []
    for number in range(pairs):
        if number % 2:
            copy, ours = (
                by_copy(folder, is_packed=is_packed, is_hashed=is_hashed),
                by_writer(folder, is_packed=is_packed),
            )
        else:
            ours, copy = (
                by_writer(folder, is_packed=is_packed),
                by_copy(folder, is_packed=is_packed, is_hashed=is_hashed),
            )
        if ours.content != copy.content:
            raise SystemExit(f"the sides differ:\n  ours {ours}\n  copy {copy}")
        found.append((ours, copy))
        print(
            f"pair {number + 1}: ours {ours.seconds:.2f} s, COPY {copy.seconds:.2f} s, {ours.seconds / copy.seconds:.3f}",
            flush=True,
        )
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identifiers", type=int, default=10_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--hash", choices=HASHES, default="none")
    parser.add_argument("--unpacked", action="store_true", help="write plain files")
    parser.add_argument("--md5", action="store_true", help="let the other side find out its file's md5, as ours does")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audienceflow-") as temporary:
        folder = Path(temporary)
        prepare(folder, given.identifiers, given.hash)
        pairs = compare(folder, given.pairs, is_packed=not given.unpacked, is_hashed=given.md5)
    for name in ("seconds", "cpu", "size"):
        ours, copy = (statistics.median(getattr(pair[side], name) for pair in pairs) for side in (0, 1))
        print(f"{name:<8} ours {ours:,.2f}, COPY {copy:,.2f}, ratio of medians {ours / copy:.3f}")


if __name__ == "__main__":
    main()
