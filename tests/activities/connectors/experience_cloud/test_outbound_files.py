"""Which outbound files belong together and are complete, and which of them are given."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from activities.connectors.audience_manager.outbound import Templates
from activities.connectors.experience_cloud.outbound_files import OutboundFiles
from activities.connectors.object_store import StoreSettings, open_store
from engine.kit.errors import DataError, RetryLater
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


def found(outbound: OutboundFiles, *taken: int, **templates: Any) -> dict[str, tuple[str, ...]]:
    """Give the complete transfers: their files, by mode and stamp; of those that are not complete, none."""
    transfers = outbound.transfers("91011", "5678", Templates(**templates), taken)
    return {f"{each.mode}_{each.stamp}": each.keys if each.is_complete else () for each in transfers}


def test_the_parts_of_a_transfer_are_given_in_their_order(folder: Path, outbound: OutboundFiles) -> None:
    leave(
        folder, f"{NEW}002.sync", f"{OLD}.sync", f"{NEW}.sync", f"{NEW}001.sync", f"{NEW.replace('full', 'iter')}.sync"
    )
    assert found(outbound) == {
        "full_1700000000000": (f"{OLD}.sync",),
        "full_1800000000000": (f"{NEW}.sync", f"{NEW}001.sync", f"{NEW}002.sync"),
        "iter_1800000000000": (f"{NEW.replace('full', 'iter')}.sync",),
    }
    assert list(found(outbound, 1800000000000)) == ["full_1800000000000", "iter_1800000000000"]


def test_a_transfer_with_a_part_missing_between_others_is_not_complete(folder: Path, outbound: OutboundFiles) -> None:
    leave(folder, f"{NEW}001.sync", f"{NEW}003.sync")
    assert found(outbound) == {"full_1800000000000": ()}


@pytest.mark.contract("C3", "all files must be there, in any order")
def test_only_its_control_file_says_that_the_last_part_is_missing(folder: Path, outbound: OutboundFiles) -> None:
    leave(folder, f"{NEW}001.sync")
    control(folder, f"{NEW}.info", f"{NEW}001.sync", f"{NEW}002.sync")
    assert found(outbound) == {"full_1800000000000": ()}
    leave(folder, f"{NEW}002.sync")
    assert found(outbound) == {"full_1800000000000": (f"{NEW}001.sync", f"{NEW}002.sync")}


def test_a_control_file_may_come_before_its_files_and_bear_the_other_mode(folder: Path, outbound: OutboundFiles) -> None:  # fmt: skip
    control(folder, f"{NEW.replace('full', 'iter')}.info", f"{NEW}001.sync")
    assert found(outbound) == {"iter_1800000000000": ()}
    leave(folder, f"{NEW}001.sync")
    assert found(outbound) == {"full_1800000000000": (f"{NEW}001.sync",)}


def test_where_control_files_always_come_a_transfer_waits_for_its_own(folder: Path, outbound: OutboundFiles) -> None:
    leave(folder, f"{NEW}001.sync")
    assert found(outbound, transfer_control=True) == {"full_1800000000000": ()}
    control(folder, f"{NEW}.info", f"{NEW}001.sync")
    assert found(outbound, transfer_control=True) == {"full_1800000000000": (f"{NEW}001.sync",)}


def test_other_destinations_and_other_identifiers_do_not_count(folder: Path, outbound: OutboundFiles) -> None:
    leave(folder, *(f"{name}.sync" for name in (NEW.replace("91011", "91012"), NEW.replace("5678", "1234"), "receipt")))
    control(folder, f"{NEW.replace('91011', '91012')}.info")
    assert found(outbound) == {}


def test_increments_whose_names_say_no_time_cannot_be_put_in_order(folder: Path, outbound: OutboundFiles) -> None:
    name = "<ORDER_ID>_<SYNC_MODE>SPLITNUM.csv"
    leave(folder, "91011_full.csv")
    assert found(outbound, name=name) == {"full_0": ("91011_full.csv",)}
    leave(folder, "91011_iter.csv")
    with pytest.raises(DataError, match="does not say when it was sent"):
        found(outbound, name=name)


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


def test_a_file_that_has_only_begun_to_come_is_asked_for_again_later(
    folder: Path, outbound: OutboundFiles, tmp_path: Path
) -> None:
    (folder / f"{NEW}.sync").write_bytes(LINE[:20])
    control(folder, f"{NEW}.info", f"{NEW}.sync")
    with pytest.raises(RetryLater, match=rf"{NEW}.sync: 20 of 44 bytes are there"):
        outbound.fetch(f"{NEW}.sync", tmp_path / "back.sync")
    assert not (tmp_path / "back.sync").exists()
