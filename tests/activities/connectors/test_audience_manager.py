"""Audience Manager's files: names, lines, bytes, and what is refused before it leaves."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from hashlib import md5
from pathlib import Path

import pyarrow as pa
import pytest

from activities.connectors.audience_manager import (
    OutboundName,
    WrittenFile,
    inbound_key,
    inbound_name,
    read_outbound,
    read_outbound_name,
    write_inbound,
)
from engine.kit.errors import DataError

VISITOR = "1" * 38


def batches(*identifiers: list[str]) -> list[pa.RecordBatch]:
    return [pa.record_batch({"identifier": pa.array(each, pa.string())}) for each in identifiers]


def write(path: Path, *identifiers: list[str], is_visitor_id: bool = False) -> WrittenFile:
    return write_inbound(path, batches(*identifiers), "10603116", is_visitor_id=is_visitor_id)


# what leaves


def test_a_name_says_the_data_source_and_the_second_in_ten_digits() -> None:
    assert inbound_name("1234", 1795422600) == "ftp_dpm_1234_1795422600.sync.gz"
    assert inbound_name("1234", 7) == "ftp_dpm_1234_0000000007.sync.gz"


def test_a_key_begins_with_the_date_of_sending() -> None:
    assert inbound_key("f.sync.gz", datetime(2026, 1, 2, 23, 59, tzinfo=UTC)) == "date=2026-01-02/f.sync.gz"


def test_a_line_is_the_identifier_a_tab_and_the_trait(tmp_path: Path) -> None:
    written = write(tmp_path / "f.gz", ["a-1", "É%20"], [], ["ünï code"])
    assert gzip.decompress((tmp_path / "f.gz").read_bytes()).decode() == (
        "a-1\td_sid=10603116\nÉ%20\td_sid=10603116\nünï code\td_sid=10603116\n"
    )
    assert written.lines == 3
    assert written.size == (tmp_path / "f.gz").stat().st_size
    assert written.md5 == md5((tmp_path / "f.gz").read_bytes(), usedforsecurity=False).hexdigest()


def test_the_same_identifiers_give_the_same_bytes_however_they_are_batched(tmp_path: Path) -> None:
    one, other = tmp_path / "one.gz", tmp_path / "other.gz"
    assert write(one, ["a", "b", "c"]).md5 == write(other, ["a"], ["b", "c"]).md5
    assert one.read_bytes() == other.read_bytes()


def test_a_part_of_an_array_is_written_and_nothing_beside_it(tmp_path: Path) -> None:
    (batch,) = batches(["a", "b", "c", "d"])
    write_inbound(tmp_path / "f.gz", [batch.slice(1, 2)], "1", is_visitor_id=False)
    assert gzip.decompress((tmp_path / "f.gz").read_bytes()) == b"b\td_sid=1\nc\td_sid=1\n"


def test_a_visitor_id_is_38_digits(tmp_path: Path) -> None:
    assert write(tmp_path / "f.gz", [VISITOR], is_visitor_id=True).lines == 1


@pytest.mark.parametrize(
    "wrong",
    [VISITOR[:-1], VISITOR + "1", VISITOR[:-1] + "a", " " + VISITOR[1:], VISITOR[:-1] + "\n", VISITOR + "\n", ""],
)
def test_any_other_visitor_id_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(DataError, match="1 identifiers are not 38 digits"):
        write(tmp_path / "f.gz", [VISITOR, wrong], is_visitor_id=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong", ["a:b", "a%3Ab", "a%3ab", "a@b", "a\tb", "a\nb", "a\rb", "a\n", "a ", "a\u00a0", "", " "]
)
def test_a_declared_id_that_would_be_dropped_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(DataError, match="1 identifiers are not free of"):
        write(tmp_path / "f.gz", ["a"], [wrong])
    assert list(tmp_path.iterdir()) == []


def test_control_characters_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 identifiers"):
        write(tmp_path / "f.gz", ["a\x00b", "a\x1fb", "a"])


def test_the_refusal_counts_all_and_shows_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="3 identifiers") as caught:
        write(tmp_path / "f.gz", ["secret:1", "fine"], ["secret:2", "secret@3"])
    assert "secret" not in str(caught.value)


def test_an_old_file_stays_when_a_new_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.gz"
    write(path, ["a"])
    before = path.read_bytes()
    with pytest.raises(DataError):
        write(path, ["a:b"])
    assert path.read_bytes() == before


# what comes back


def test_an_outbound_name_of_the_default_template_is_read() -> None:
    assert read_outbound_name("S3_91012_1234_full_1795422600123.sync.gz") == OutboundName(
        destination="91012", data_source="1234", mode="full", stamp=1795422600123, split=0, is_compressed=True
    )
    assert read_outbound_name("ftp_1_2_iter_1795422600123004.sync") == OutboundName(
        destination="1", data_source="2", mode="iter", stamp=1795422600123, split=4, is_compressed=False
    )


@pytest.mark.parametrize(
    "name",
    [
        "S3_1_2_full_179542260012.sync.gz",
        "S3_1_2_all_1795422600123.sync",
        "S3_1_2_full_1795422600123.sync.gz.part",
        "x",
        "S3_1_full_1795422600123.sync",
    ],
)
def test_any_other_name_is_another_kind_of_file(name: str) -> None:
    assert read_outbound_name(name) is None


def outbound(path: Path, content: bytes) -> list[str]:
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return [found for batch in read_outbound(path, "106") for found in batch.column("identifier").to_pylist()]


@pytest.mark.parametrize("file", ["S3_1_2_full_1795422600123.sync", "S3_1_2_full_1795422600123.sync.gz"])
def test_the_identifiers_in_the_segment_are_given(tmp_path: Path, file: str) -> None:
    lines = "a\t106\t\nb\t105,106\t107\nc\t\t106\nd\t1060\t1\né\t106\r\n\nf\t 106 ,105\t\ng\t106\n"
    assert outbound(tmp_path / file, lines.encode()) == ["a", "b", "é", "f", "g"]


def test_an_empty_file_holds_nobody(tmp_path: Path) -> None:
    assert outbound(tmp_path / "S3_1_2_full_1795422600123.sync.gz", b"") == []


@pytest.mark.parametrize("line", ["a", "\t106\t", "a\t106\t\t", "a 106"])
def test_a_line_of_another_template_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"^S3_1_2_full_1795422600123\.sync:2: this is no line of an outbound file"):
        outbound(tmp_path / "S3_1_2_full_1795422600123.sync", f"x\t106\t\n{line}\n".encode())
