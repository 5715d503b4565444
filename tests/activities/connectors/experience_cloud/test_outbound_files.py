"""Which outbound files are the newest and complete, and which of them are given."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from activities.connectors.experience_cloud.outbound_files import OutboundFiles
from activities.connectors.object_store import StoreSettings, open_store
from engine.kit.errors import DataError
from tests.activities.connectors.object_store.conftest import surroundings

LINE = b"0" * 38 + b"\t102\t\n"
OLD, NEW = "S3_91011_5678_full_1700000000000", "S3_91011_5678_full_1800000000000"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def outbound(folder: Path) -> OutboundFiles:
    world = replace(surroundings(folder.parent), folder=folder.parent)
    return OutboundFiles(open_store(StoreSettings.model_validate({"url": "out"}), world))


def leave(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(LINE)


def control(folder: Path, name: str, *files: str, md5: str = hashlib.md5(LINE).hexdigest()) -> None:  # noqa: S324
    """Leave a transfer control file, its keys without quotes as Adobe writes them."""
    said = ",\n".join(
        f'{{FileByteSize: {len(LINE)}, FileLineCount: 1, FileName: "{file}", FileSequenceNumber: {number}, md5: "{md5}"}}'
        for number, file in enumerate(files, start=1)
    )
    totals = f'{{FileName: "{name}", TotalByteSize: {len(LINE) * len(files)}, TotalNumberFiles: {len(files)}, TotalNumberLines: {len(files)}}}'
    (folder / name).write_text(f"{{Files: [{said}],\nTotals: {totals}}}\n")


def newest(outbound: OutboundFiles) -> list[str]:
    return list(outbound.newest("91011", "5678", None))


@pytest.mark.contract("G", "all parts of a split export are imported")
def test_the_parts_of_the_newest_transfer_are_given_in_their_order(folder: Path, outbound: OutboundFiles) -> None:
    leave(folder, f"{NEW}002.sync", f"{OLD}.sync", f"{NEW}.sync", f"{NEW}001.sync")
    assert newest(outbound) == [f"{NEW}.sync", f"{NEW}001.sync", f"{NEW}002.sync"]


def test_a_part_that_is_missing_between_others_leaves_the_transfer_before(
    folder: Path, outbound: OutboundFiles
) -> None:
    leave(folder, f"{OLD}.sync", f"{NEW}001.sync", f"{NEW}003.sync")
    assert newest(outbound) == [f"{OLD}.sync"]


def test_only_its_control_file_says_that_the_last_part_is_missing(folder: Path, outbound: OutboundFiles) -> None:
    leave(folder, f"{OLD}.sync", f"{NEW}001.sync")
    control(folder, f"{NEW}.info", f"{NEW}001.sync", f"{NEW}002.sync")
    assert newest(outbound) == [f"{OLD}.sync"]
    leave(folder, f"{NEW}002.sync")
    assert newest(outbound) == [f"{NEW}001.sync", f"{NEW}002.sync"]


def test_a_control_file_may_come_before_its_files_and_bear_the_other_mode(folder: Path, outbound: OutboundFiles) -> None:  # fmt: skip
    control(folder, f"{NEW.replace('full', 'iter')}.info", f"{NEW}001.sync")
    with pytest.raises(DataError, match="no complete file of destination 91011 and data source 5678"):
        newest(outbound)
    leave(folder, f"{NEW}001.sync")
    assert newest(outbound) == [f"{NEW}001.sync"]


def test_other_destinations_other_identifiers_and_changes_do_not_count(folder: Path, outbound: OutboundFiles) -> None:
    others = (NEW.replace("91011", "91012"), NEW.replace("5678", "1234"), NEW.replace("full", "iter"), "receipt")
    leave(folder, f"{OLD}.sync", *(f"{name}.sync" for name in others))
    assert newest(outbound) == [f"{OLD}.sync"]


def test_a_file_that_is_not_as_its_control_file_says_is_not_given(
    folder: Path, outbound: OutboundFiles, tmp_path: Path
) -> None:
    leave(folder, f"{NEW}.sync")
    control(folder, f"{NEW}.info", f"{NEW}.sync", md5="0" * 32)
    with pytest.raises(DataError, match=rf"{NEW}.sync: the md5 of the file is not the one of the transfer control file"):  # fmt: skip
        outbound.fetch(f"{NEW}.sync", tmp_path / "back.sync")
    assert not (tmp_path / "back.sync").exists()
    control(folder, f"{NEW}.info", f"{NEW}.sync")
    assert outbound.fetch(f"{NEW}.sync", tmp_path / "back.sync").read_bytes() == LINE
