"""ID-sync files: names, rows, and what is told of those that others wrote."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from activities.connectors.audience_manager.id_sync import (
    IdSyncName,
    parse_row,
    read_id_sync,
    read_id_sync_name,
    write_id_sync,
)
from activities.connectors.audience_manager.lines import Line
from activities.connectors.conventions import Conventions
from engine.kit.errors import DataError

ECID = "59767559181262060060278870901087098252"
HASH = "55e79200c1635b37ad31a378c39feb12f120f116625093a19bc32fff15041149"
UUID = "97987bca-ae59-4c7d-94ba-ee4f19ab8c21"
CRM = IdSyncName(data_sources=("0", "12345"), second=1476312152)
MAIL = IdSyncName(data_sources=("12345", "67890"), second=1476312152, prefixes=("c2c_id",))


@pytest.mark.contract("B1", "the name has a data source a column")
def test_a_name_is_read_and_written_alike() -> None:
    for name in [
        "adobe_id_0_12345_1476312152.sync",
        "adobe_id_20914_898_456_1454442149.sync.2.gz",
        "c2c_id_12345_67890_1476312876.sync.gz",
        "0_12345_1476312152.sync",
    ]:
        found, problems = read_id_sync_name(name)
        assert (str(found), problems) == (name, ())


@pytest.mark.contract("B1", "an ID-sync file is always .sync")
@pytest.mark.contract("B1", "the master column holds device ids")
@pytest.mark.parametrize(
    ("name", "code", "severity"),
    [
        ("adobe_id_0_12345_1476312152.overwrite", "mode", "error"),
        ("adobe_id_0_12345_147631215.sync", "timestamp", "error"),
        ("adobe_id_0_1476312152.sync", "name", "error"),
        ("adobe_id_0_x_1476312152.sync", "name", "error"),
        ("adobe_id_12345_67890_1476312876.sync", "master", "warning"),
    ],
)
def test_what_is_wrong_with_a_name_is_told(name: str, code: str, severity: str) -> None:
    assert [(problem.code, problem.severity) for problem in read_id_sync_name(name)[1]] == [(code, severity)]


@pytest.mark.contract("B1", "columns are as many as ids in the name")
@pytest.mark.contract("B1", "data source 0 is Audience Manager's own")
@pytest.mark.contract("B1", "ids are not URL-encoded and hold no e-mail address")
@pytest.mark.contract("B1", "a row that ends with a tab or blank is not processed")
@pytest.mark.contract("B1", "c2c files hold SHA-256")
@pytest.mark.parametrize(
    ("row", "name", "code"),
    [
        (f"{ECID}\tXYZ", CRM, None),
        (f"crm-1\t{HASH}", MAIL, None),
        (f"{ECID}\tXYZ\tmore", CRM, "columns"),
        (f"{ECID} XYZ", CRM, "columns"),
        (f"{ECID[1:]}\tXYZ", CRM, "digits"),
        ("XYZ\tXYZ", CRM, "digits"),
        (f"{ECID}\ta%20b", CRM, "encoded"),
        (f"{ECID}\ta@example.org", CRM, "email"),
        (f"{ECID}\tXYZ ", CRM, "trailing_blank"),
        (f"{ECID}\tXYZ\t", CRM, "trailing_blank"),
        (f"{ECID}\t", CRM, "trailing_blank"),
        (f"crm-1\t{HASH.upper()}", MAIL, "hash"),
        ("crm-1\tplain", MAIL, "hash"),
    ],
)
def test_a_row_is_read_or_what_is_wrong_with_it_told(row: str, name: IdSyncName, code: str | None) -> None:
    found = parse_row(Line(number=3, text=row), name)
    assert [(problem.line, problem.code) for problem in found.problems] == ([(3, code)] if code else [])
    assert (found.record.identifiers if found.record else None) == (None if code else tuple(row.split("\t")))


@pytest.mark.contract("B1", "ten hashed addresses of a customer stay")
def test_of_more_than_ten_hashed_addresses_the_latest_stay(tmp_path: Path) -> None:
    file = tmp_path / str(MAIL)
    file.write_text("".join(f"crm-1\t{number:064x}\n" for number in range(11)) + f"crm-2\t{HASH}\n")
    lines = list(read_id_sync(file, read_id_sync_name("c2c_id_12345_67890_1476312876.sync")[0] or MAIL))
    assert [line.record is not None for line in lines] == [True] * 12
    problems = [problem for line in lines for problem in line.problems]
    assert [(problem.line, problem.code, problem.severity) for problem in problems] == [
        (11, "hashes_per_customer", "warning")
    ]


def rows(*columns: list[str]) -> list[pa.RecordBatch]:
    return [pa.record_batch({f"id_{place}": column for place, column in enumerate(columns)})]


@pytest.mark.contract("B1", "columns are as many as ids in the name")
def test_rows_are_written_with_tabs_between(tmp_path: Path) -> None:
    name = IdSyncName(data_sources=("0", "20914", "12345"), second=1476312152, is_compressed=False)
    (written,) = write_id_sync(tmp_path / str(name), name, rows([ECID, ECID], [UUID, UUID], ["crm 1", "É"]))
    assert (tmp_path / "adobe_id_0_20914_12345_1476312152.sync").read_text() == (
        f"{ECID}\t{UUID}\tcrm 1\n{ECID}\t{UUID}\tÉ\n"
    )
    assert written.lines == 2


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        (ECID, "a ", CRM), (ECID, "a:b", CRM), (ECID, "a@b", CRM), (ECID, "a%20", CRM), (ECID, "a\tb", CRM), (ECID, "", CRM),
        (ECID[1:], "a", CRM), ("a", HASH.upper(), MAIL), ("a", "b", MAIL),
    ],
)  # fmt: skip
def test_a_row_that_would_not_be_processed_is_not_written(
    tmp_path: Path, first: str, second: str, name: IdSyncName
) -> None:
    with pytest.raises(DataError, match="1 identifiers are not of their data source"):
        write_id_sync(tmp_path / str(name), name, rows([first], [second]))
    assert list(tmp_path.iterdir()) == []


def test_a_large_file_is_split(tmp_path: Path) -> None:
    parts = write_id_sync(tmp_path / str(CRM), CRM, rows([ECID, ECID], ["a", "b"]), Conventions(part_bytes=41))
    assert [part.name for part in parts] == [f"adobe_id_0_12345_1476312152.sync.{number}.gz" for number in (1, 2)]
