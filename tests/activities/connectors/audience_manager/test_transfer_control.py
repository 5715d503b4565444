"""Transfer control files: what they say, and the files held against it."""

from __future__ import annotations

import gzip
from hashlib import md5
from pathlib import Path

import pytest

from activities.connectors.audience_manager.transfer_control import (
    Transfer,
    TransferredFile,
    differences,
    read_transfer_control,
    root,
)
from activities.connectors.conventions import Conventions

NAME = "ftp_12345_67890_full_1500727351632"
MD5 = "0123456789abcdef0123456789abcdef"


def entry(number: int, lines: int = 2, digest: str = MD5) -> str:
    return (
        f'{{\n      FileByteSize: {number * 10},\n      FileLineCount: {lines},\n      FileName: "{NAME}-{number}.sync.gz",\n'
        f'      FileSequenceNumber: {number},\n      md5: "{digest}"\n    }}'
    )


def control(*entries: str, size: int, count: int, lines: int) -> str:
    return (
        f"{{\n  Files: [\n    {', '.join(entries)}\n  ],\n  Totals: {{\n"
        f'    FileName: "{NAME}.sync",\n    TotalByteSize: {size},\n    TotalNumberFiles: {count},\n    TotalNumberLines: {lines}\n    }}\n}}\n'
    )


def read(folder: Path, text: str, name: str = f"{NAME}.info") -> tuple[Transfer | None, list[tuple[int | None, str]]]:
    (folder / name).write_text(text)
    transfer, problems = read_transfer_control(folder / name)
    return transfer, [(problem.line, problem.code) for problem in problems]


@pytest.mark.contract("C3", "keys are unquoted")
@pytest.mark.contract("C3", "all files must be there, in any order")
def test_a_transfer_is_read_whatever_the_order_of_its_files(tmp_path: Path) -> None:
    transfer, problems = read(tmp_path, control(entry(2, lines=3), entry(1), size=30, count=2, lines=5))
    assert problems == []
    assert transfer == Transfer(
        name=f"{NAME}.sync", size=30, count=2, lines=5,
        files=(
            TransferredFile(name=f"{NAME}-1.sync.gz", number=1, size=10, lines=2, md5=MD5),
            TransferredFile(name=f"{NAME}-2.sync.gz", number=2, size=20, lines=3, md5=MD5),
        ),
    )  # fmt: skip
    assert transfer.missing([f"{NAME}-2.sync.gz", "other"]) == (f"{NAME}-1.sync.gz",)
    assert transfer.missing([f"{NAME}-2.sync.gz", f"{NAME}-1.sync.gz"]) == ()


def test_keys_may_be_quoted_and_a_comma_may_follow_the_last_item(tmp_path: Path) -> None:
    text = control(entry(1), size=10, count=1, lines=2).replace("  Files:", '  "Files":').replace("}\n  ]", "},\n  ]")
    assert read(tmp_path, text)[1] == []


@pytest.mark.contract("C3", "the mode in the name may be flipped")
def test_the_mode_in_the_name_may_be_flipped(tmp_path: Path) -> None:
    text = control(entry(1), size=10, count=1, lines=2)
    assert read(tmp_path, text, "ftp_12345_67890_iter_1500727351632.info")[1] == []
    assert read(tmp_path, text, "ftp_12345_11111_full_1500727351632.info")[1] == [(None, "file_name")]


@pytest.mark.contract("C3", "totals are the sums of the files")
@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (control(entry(1), size=11, count=2, lines=3), [(None, "total")] * 3),
        (control(entry(1), entry(3), size=40, count=2, lines=4), [(None, "sequence")]),
        (control(entry(1), entry(1), size=20, count=2, lines=4), [(None, "sequence"), (None, "file_name")]),
        (control(entry(1, digest="7cdfb8e74cd6cec1jy6vel21ccb4a962"), size=10, count=1, lines=2), [(None, "md5")]),
        (control(size=0, count=0, lines=0), [(None, "no_files")]),
        (control(entry(1), size=10, count=1, lines=2).replace("      FileName", "      FileNam"), [(None, "key")]),
        (control(entry(1), size=10, count=1, lines=2).replace("FileByteSize: 10", 'FileByteSize: "ten"'), [(None, "value")]),
        (control(entry(1), size=10, count=1, lines=2).replace("Files: [", "Files: "), [(10, "syntax")]),
        (control(entry(1), size=10, count=1, lines=2).replace("Totals: {", "Totals: <"), [(11, "syntax")]),
        ("", [(1, "syntax")]),
        ("[]", [(None, "value")]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(tmp_path: Path, text: str, problems: list[tuple[int | None, str]]) -> None:
    assert read(tmp_path, text)[1] == problems


CONTENT = b"header\na\t1\n\n"


def sent(**changed: object) -> TransferredFile:
    packed = gzip.compress(CONTENT, mtime=0)
    said = {"name": "f.gz", "number": 1, "size": len(packed), "lines": 3, "md5": md5(packed).hexdigest(), **changed}  # noqa: S324
    return TransferredFile(**said)  # type: ignore[arg-type]


@pytest.mark.contract("C3", "size, lines and md5 must agree")
@pytest.mark.contract("C3", "header and blank lines count")
@pytest.mark.parametrize(
    ("changed", "codes"),
    [({}, []), ({"size": 1}, ["size"]), ({"lines": 2}, ["line_count"]), ({"md5": MD5}, ["md5"])],
)
def test_a_delivered_file_is_held_against_what_is_said_of_it(
    tmp_path: Path, changed: dict[str, object], codes: list[str]
) -> None:
    (tmp_path / "f.gz").write_bytes(gzip.compress(CONTENT, mtime=0))
    assert [problem.code for problem in differences(sent(**changed), tmp_path / "f.gz")] == codes


def test_by_a_convention_size_and_md5_are_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "f.gz").write_bytes(gzip.compress(CONTENT, mtime=0))
    said = sent(size=len(CONTENT), md5=md5(CONTENT).hexdigest().upper())  # noqa: S324
    assert list(differences(said, tmp_path / "f.gz", Conventions(measured="unpacked"))) == []


def test_the_root_of_a_name_has_no_ending_no_mode_and_no_number() -> None:
    assert (
        root(f"{NAME}-2.sync.gz") == root("ftp_12345_67890_iter_1500727351632.info") == "ftp_12345_67890_1500727351632"
    )
