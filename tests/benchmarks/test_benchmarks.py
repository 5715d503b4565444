"""The benchmarks run, and both sides of them give equal results; how fast is not looked at."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.benchmarks import (
    audience_import,
    check,
    encryption,
    export,
    list_import,
    overhead,
    pairs,
    rehearsal,
    targeting,
    upload,
)


def test_targeting_gives_the_same_people_by_the_engine_and_by_hand(tmp_path: Path) -> None:
    targeting.prepare(tmp_path, 2_000, primary_key=True)

    engine, hand = targeting.by_engine(tmp_path), targeting.by_hand(tmp_path)

    assert engine.counts == hand.counts
    assert engine.file == hand.file
    assert min(engine.counts.values()) > 0


@pytest.mark.parametrize("options", [{"export": "copy"}, {"remember": True}])
def test_other_ways_of_writing_by_hand_give_the_same_file(tmp_path: Path, options: dict[str, object]) -> None:
    targeting.prepare(tmp_path, 500, primary_key=False)

    assert targeting.by_hand(tmp_path, **options).file == targeting.by_engine(tmp_path).file


@pytest.mark.parametrize(
    "name", ["union", "intersection", "exclusion", "split", "deduplication", "reconciliation", "enrichment"]
)
def test_an_activity_gives_the_rows_of_the_hand_written_sql(tmp_path: Path, name: str) -> None:
    benchmark = importlib.import_module(f"tests.benchmarks.{name}").BENCHMARK
    pairs.prepare(tmp_path, benchmark, 500)

    engine, hand = pairs.pair(tmp_path, benchmark, engine_first=True)

    assert engine.ports == hand.ports
    assert all(count for count, _ in engine.ports.values())


def test_trivial_activities_give_the_counts_of_the_bare_loop(tmp_path: Path) -> None:
    overhead.prepare(tmp_path, 8, 100)

    engine, loop = overhead.pair(tmp_path, 8, engine_first=True)

    assert engine.counts == loop.counts
    assert len(engine.counts) == 8


def test_the_big_workflow_has_no_errors(tmp_path: Path) -> None:
    found = check.engine.check([check.write(tmp_path, 20)])

    assert [problem for problem in found if problem.severity == "error"] == []
    assert {problem.code for problem in found} == {"W101"}


def test_a_rehearsal_counts_as_the_run_and_leaves_nothing(tmp_path: Path) -> None:
    rehearsal.prepare(tmp_path, 500, primary_key=True)

    _, outcome = rehearsal.run(tmp_path)
    _, counts = rehearsal.rehearse(tmp_path)

    read = {port: count for port, count in counts.items() if port not in targeting.UNREAD}
    assert read == outcome.counts


@pytest.mark.parametrize("options", [{}, {"quotes": True}, {"ragged": True}])
def test_a_list_imported_holds_the_lines_that_duckdb_reads(tmp_path: Path, options: dict[str, bool]) -> None:
    list_import.prepare(tmp_path, 30_000, **options)

    (pair,) = list_import.compare(tmp_path, "duckdb", 1)

    assert [(side.rows, side.rejects) for side in pair] == [(29_998, 2), (29_998, 2)]


def test_an_upload_by_the_engine_is_the_object_of_the_bare_client(tmp_path: Path) -> None:
    file = upload.prepare(tmp_path, 9)

    with upload.served(tmp_path) as endpoint:
        by_engine, bare, client = upload.sides(tmp_path, file, endpoint)
        by_engine(), bare()
        upload.agree(file, client)
        sizes = {
            each["Key"].partition("/")[0]: each["Size"]
            for each in client.list_objects_v2(Bucket="benchmark")["Contents"]
        }

    assert sizes == {"engine": 9 << 20, "bare": 9 << 20}


@pytest.mark.parametrize("hash_", ["none", "sha256"])
@pytest.mark.parametrize("is_packed", [True, False])
def test_an_export_writes_the_lines_that_copy_writes(tmp_path: Path, hash_: str, is_packed: bool) -> None:
    export.prepare(tmp_path, 3_000, hash_)

    ((ours, copy),) = export.compare(tmp_path, 1, is_packed=is_packed)

    assert ours.content == copy.content
    assert ours.size > 0


@pytest.mark.parametrize("hash_", ["none", "sha256"])
def test_an_audience_imported_finds_the_people_of_the_join_by_hand(tmp_path: Path, hash_: str) -> None:
    audience_import.prepare(tmp_path, 5_000, hash_)

    engine, hand = audience_import.pair(tmp_path, engine_first=True)

    assert engine.people == hand.people
    assert engine.counts == {"result": 3_995, "unmatched": 500, "ambiguous": 5}


def test_identifiers_are_encrypted_in_batches_as_one_by_one() -> None:
    assert len(encryption.compare(1_000, 2)) == 2
