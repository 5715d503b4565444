"""CSV files: what a field means, and where what is wrong stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app import csv_file
from engine.kit.errors import AuthorError


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "people.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path) -> list[list[str | None]]:
    return [list(row) for row in csv_file.rows(path)]


def problem_of(path: Path, folder: Path) -> list[str]:
    with pytest.raises(AuthorError) as caught:
        read(path)
    assert all(item.fix for item in caught.value.diagnostics)
    return [f"{item.span}: {item.code} {item.message}".replace(f"{folder}/", "") for item in caught.value.diagnostics]


def test_an_empty_field_is_null_and_a_quoted_one_is_text(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,name,note\n1,,""\n2,"a,b","say ""x"""\n3, x ,null\n')
    assert csv_file.header(path) == ("id", "name", "note")
    assert read(path) == [["1", None, ""], ["2", "a,b", 'say "x"'], ["3", " x ", "null"]]


def test_line_ends_byte_order_marks_and_empty_lines_mean_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, b'\xef\xbb\xbfid,name\r\n1,"two\r\nlines"\r\n\r\n2,\xc3\xa9')
    assert csv_file.header(path) == ("id", "name")
    assert read(path) == [["1", "two\nlines"], ["2", "é"]]


def test_every_row_and_field_knows_its_place(tmp_path: Path) -> None:
    first, second = csv_file.rows(write(tmp_path, 'id,name\n1,"a\nb"\n22,c\n'))
    assert [(row.span.line, row.span.column) for row in (first, second)] == [(2, 1), (4, 1)]
    assert [(value.span.line, value.span.column) for value in (*first, *second)] == [(2, 1), (2, 4), (4, 1), (4, 4)]


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("id,name\n1\n2,b\n3,b,c\n",
         ["people.csv:2:1: C003 this line has 1 fields, the header 2", "people.csv:4:1: C003 this line has 3 fields, the header 2"]),
        ('id,name\n1,b"c"\n', ["people.csv:2:3: C003 a quote stands inside this field"]),
        ('id,name\n1,"b"c\n2,x\n', ["people.csv:2:3: C003 a quote stands inside this field"]),
        ('id,name\n1,"b\n2,x\n', ["people.csv:2:1: C003 a quote that begins here is never closed"]),
        (b"id,name\n1,\xff\n", ["people.csv:2:1: C003 this line is not UTF-8"]),
        ("id,ID\n", ["people.csv:1:4: C002 the header names the column 'ID' twice"]),
        ("id,,x\n", ["people.csv:1:1: C002 a column of the header has no name"]),
        ("", ["people.csv:1:1: C002 a column of the header has no name"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, content: str | bytes, problems: list[str]) -> None:
    assert problem_of(write(tmp_path, content), tmp_path) == problems


def test_a_file_that_is_not_there_is_told_from_those_that_are(tmp_path: Path) -> None:
    write(tmp_path, "id\n")
    with pytest.raises(
        AuthorError, match=r"C001 the file .*peple\.csv cannot be read: No such file.*\n  fix: write 'people\.csv'"
    ):
        csv_file.header(tmp_path / "peple.csv")
