"""Files of every format, packed and not, and what their columns make of the values."""

from __future__ import annotations

import gzip
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import ValidationError

from activities.connectors.files.format import Errors, FileColumn, FileFormat
from activities.connectors.files.reading import read
from engine.kit.errors import DataError
from engine.kit.option import Allowance
from tests.contract.world import activity

ANY = Errors(at_most=Allowance(Decimal(100), True))


def rows_of(path: Path, format: dict[str, Any] | None = None, **columns: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Read a file with these columns: its rows, and behind them its rejects as (line, column, value, reason)."""
    declared = {name: FileColumn.model_validate(options) for name, options in columns.items()}
    reading = read(path, FileFormat.model_validate(format or {}), declared, ANY, {})
    rows = [tuple(row.values()) for batch in reading.rows() for row in batch.to_pylist()]
    rows += [tuple(row.values()) for batch in reading.rejects() for row in batch.to_pylist()]
    reading.close()
    return rows


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


TEXT = "id,name\n1,Ann\n2,Élodie\n"
ROWS = [(2, "1", "Ann"), (3, "2", "Élodie")]


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("people.tsv", TEXT.replace(",", "\t"), {}),
        ("people.txt", TEXT.replace(",", ";"), {"separator": ";"}),
        ("people.csv", TEXT.replace(",", "||"), {"separator": "||"}),
        ("people.csv", TEXT.replace(",", "§"), {"separator": "§"}),
        ("people.csv", TEXT.encode("cp1252"), {"encoding": "cp1252"}),
        ("people.csv", TEXT.encode("utf-16"), {}),
        ("people.csv.gz", gzip.compress(TEXT.encode()), {}),
        ("people.tab.gz", gzip.compress(TEXT.replace(",", "\t").encode()), {}),
        ("people", gzip.compress(TEXT.encode("latin-1")), {"encoding": "latin-1"}),
        ("people.csv", TEXT.replace("Ann", "'Ann'"), {"quote": "'"}),
    ],
)
def test_a_csv_says_by_its_name_and_format_how_it_is_written(
    tmp_path: Path, name: str, content: str | bytes, format: dict[str, Any]
) -> None:
    assert rows_of(written(tmp_path, name, content), format) == ROWS


def test_without_quotes_a_quote_is_a_letter(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'a,b\n"x,y\n')
    assert rows_of(path, {"quote": "none"}) == [(2, '"x', "y")]


def test_lines_before_the_header_are_skipped_and_a_header_may_be_missing(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", 'made by "us\n\n1,x\n')
    assert rows_of(path, {"skip_lines": 2, "header": False}, a={"type": "integer"}, b={}) == [(3, 1, "x")]
    with pytest.raises(DataError, match="nothing names the columns"):
        rows_of(path, {"header": False})


def test_a_zip_holds_one_file(tmp_path: Path) -> None:
    path = tmp_path / "people.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("people.csv", TEXT)
    assert rows_of(path) == ROWS
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.csv", TEXT)
    with pytest.raises(DataError, match=r"the archive holds 2 files: people\.csv, more\.csv"):
        rows_of(path)


@pytest.mark.parametrize("cut", [-20, 40])
def test_a_file_that_cannot_be_unpacked_to_its_end_is_named(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path, "people.csv.gz", gzip.compress(TEXT.encode() + b"x,y\n" * 1000)[:cut])
    with pytest.raises(DataError, match=r"people\.csv\.gz: the file cannot be unpacked to its end"):
        rows_of(path)


def test_fixed_widths_are_characters_and_lines_of_another_length_are_rejected(tmp_path: Path) -> None:
    content = "0001Élodie  X\n0002Bob     \n0003Ann       \n04\n\n0005Zoë"
    path = written(tmp_path, "a.txt", content)
    widths = {"id": {"type": "integer", "width": 4}, "name": {"width": 8}, "flag": {"width": 1}}
    assert rows_of(path, {"type": "fixed_width"}, **widths) == [
        (1, 1, "Élodie", "X"),
        (2, 2, "Bob", None),
        (3, None, "0003Ann       ", "14 characters instead of 13"),
        (4, None, "04", "2 characters instead of 13"),
        (6, None, "0005Zoë", "7 characters instead of 13"),
    ]
    with pytest.raises(DataError, match="the column 'name' has no width"):
        rows_of(path, {"type": "fixed_width"}, id={"width": 4}, name={})


def test_json_lines_give_their_values_as_they_are_written(tmp_path: Path) -> None:
    lines = [
        '{"id": 1, "spend": 1.50, "new": true, "tags": ["a", 1], "name": null}',
        "",
        '{"id": 12345678901234567890, "name": "É\\n"}',
        '{"id": 3, "other": 1}',
        '{"id": 4, "id": 5}',
        "[1]",
        '{"id": NaN}',
        '{"name": "\\ud800"}',
        '{"name": "a\\u0000b"}',
        "{",
    ]
    path = written(tmp_path, "a.jsonl", "\n".join(lines))
    found = rows_of(path)
    assert found[:2] == [
        (1, "1", "1.50", "true", '["a", 1]', None),
        (3, "12345678901234567890", None, None, None, "É\n"),
    ]
    assert [(row[0], row[3].partition(":")[0]) for row in found[2:]] == [
        (4, "the first object has no 'other'; name the columns with 'columns'"),
        *((line, "the line is no JSON object") for line in (5, 6, 7, 8, 9, 10)),
    ]
    assert rows_of(path, id={"type": "integer"})[0] == (1, 1)


def test_parquet_gives_its_own_types(tmp_path: Path) -> None:
    moment = datetime(2026, 11, 23, 8, 30, 15, 123456, tzinfo=UTC)
    table = pa.table({
        "id": pa.array([1, 2], pa.int32()),
        "spend": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2)),
        "seen": pa.array([moment, None], pa.timestamp("ns", "Europe/Paris")),
        "day": pa.array([date(2026, 11, 23), None]),
        "name": pa.array(["a\0", "É"]).dictionary_encode(),
        "odd": pa.array([[1], []], pa.list_(pa.int64())),
    })  # fmt: skip
    path = tmp_path / "a.parquet"
    parquet.write_table(table, path)
    names = ("id", "spend", "seen", "day", "name")
    with pytest.raises(DataError, match="the column 'odd' holds list"):
        rows_of(path)
    plain = moment.replace(tzinfo=None)
    assert rows_of(path, **{name: {} for name in names})[0] == (2, "2", None, None, None, "É")
    parquet.write_table(table.select(["id", "spend", "seen", "day"]), path)
    assert rows_of(path) == [(1, 1, Decimal("1.50"), plain, date(2026, 11, 23)), (2, 2, None, None, None)]
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        rows_of(written(tmp_path, "b.parquet", "id\n1\n"))


READ: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "integer"}, {"7": 7, "007": 7, "+7": 7, "-7": -7, " 7\u00a0": 7, "999999999999999999": 10**18 - 1,
                           "1000000000000000000": None, "0x1F": None, "7.0": None, "1e3": None, "１": None, "1 000": None}),
    ({"type": "decimal(2)"}, {"1.5": Decimal("1.50"), "1.005": Decimal("1.01"), "-1.005": Decimal("-1.01"), "7": Decimal("7.00"),
                              "+.5": None, "5.": None, "1e3": None, "1,5": None, "1234567890123456": None,
                              "123456789012345.1": Decimal("123456789012345.10"), "0.1234567890123": None, " 2 ": Decimal("2.00")}),
    ({"type": "decimal(6)"}, {"123456789012": Decimal("123456789012.000000"), "1234567890123": None}),
    ({"type": "float"}, {"1.5": 1.5, "1e3": 1000.0, "inf": None, "nan": None, ".5": None}),
    ({"type": "boolean"}, {"true": True, "FALSE": False, "1": True, "0": False, "yes": None, "t": None}),
    ({"type": "date"}, {"2026-11-23": date(2026, 11, 23), "2026-02-30": None, "23.11.2026": None, " 2026-11-23 ": date(2026, 11, 23),
                        "2026-11-23T00:00": date(2026, 11, 23), "2026-11-23 08:30": None, "0000-01-01": None}),
    ({"type": "date", "format": "%d.%m.%Y"}, {"23.11.2026": date(2026, 11, 23), "30.2.2026": None, "2026-11-23": None}),
    ({"type": "timestamp"}, {"2026-11-23": datetime(2026, 11, 23), "2026-11-23 08:30": datetime(2026, 11, 23, 8, 30),  # noqa: DTZ001
                             "2026-11-23T08:30:15+02:00": datetime(2026, 11, 23, 6, 30, 15), "2026-11-23T08": None,  # noqa: DTZ001
                             "2026-11-23T08:30:15.1234567": None, "24:00": None}),
    ({"trim": True, "case": "upper"}, {" straße ": "STRAẞE", "\u00a0": None, "É": "É"}),
    ({"case": "capitals"}, {"ÉLODIE de la tour": "Élodie De La Tour", "o'neil": "O'neil", " a": " A"}),
    ({"length": 3}, {"Élo": "Élo", "Élod": None}),
    ({"remap": {"M": "male", "-": ""}}, {"M": "male", "-": None, "m": "m"}),
    ({"type": "integer", "remap": {"n/a": "0"}}, {"n/a": 0, "x": None, "5": 5}),
]  # fmt: skip


@pytest.mark.parametrize(("options", "values"), READ, ids=[str(options) for options, _ in READ])
def test_a_value_means_what_its_column_says(tmp_path: Path, options: dict[str, Any], values: dict[str, Any]) -> None:
    """All texts at once, and each alone: usual values are read together, others one by one."""
    wrong = [text for text, value in values.items() if value is None and text not in ("\u00a0", "-")]
    path = written(tmp_path, "a.csv", "v\n" + "".join(f'"{text}"\n' for text in values))
    found = rows_of(path, v=options)
    assert [row[1] for row in found if len(row) == 2] == [value for text, value in values.items() if text not in wrong]
    assert [row[2].strip() for row in found if len(row) == 4] == wrong
    for text, value in values.items():
        alone = rows_of(written(tmp_path, "a.csv", f'v\n"{text}"\n'), v=options)
        assert alone[0][1] == ("v" if text in wrong else value)


def test_what_becomes_of_a_wrong_value_is_for_the_column_to_say(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "a,b,c\n1,x,x\nx,x,\n2,,5\n")
    columns = {
        "a": {"type": "integer"},
        "b": {"type": "integer", "on_error": "ignore"},
        "c": {"type": "integer", "required": True, "on_error": "default", "default": "0"},
    }
    assert rows_of(path, **columns) == [(2, 1, None, 0), (4, 2, None, 5), (3, "a", "x", "this is no integer")]
    declared = {name: FileColumn.model_validate(options) for name, options in columns.items()}
    reading = read(path, FileFormat(), declared, ANY, {})
    list(reading.rows())
    assert reading.counts == {"lines": 3, "rejected": 1, "ignored": 2, "defaulted": 2}
    reading.close()


def test_a_comma_may_stand_before_the_digits_after_the_point(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "v\n1,5\n1.000,5\n7\n")
    found = rows_of(path, {"separator": ";", "decimal_separator": ","}, v={"type": "decimal(2)"})
    assert [row[1] for row in found] == [Decimal("1.50"), Decimal("7.00"), "v"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"default": "1"}, "a default is for 'on_error: default'"),
        ({"on_error": "default"}, "a default is for 'on_error: default'"),
        ({"type": "integer", "trim": True}, "'trim' is for texts"),
        ({"format": "%Y"}, "'format' is for dates and timestamps"),
        ({"type": "integer", "on_error": "default", "default": "x"}, "'x' is no integer"),
        ({"type": "number"}, "a type .* is wanted here, not 'number'"),
    ],
)
def test_a_column_that_contradicts_itself_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FileColumn.model_validate(options)


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("{encoding: klingon}", "there is no encoding 'klingon'"),
        ('{separator: "\\n"}', "values are separated by neither line ends nor quotes"),
        ("{quote: xx}", "'xx' is no quote"),
        ("{type: parquet, encoding: utf-8}", "a file of type parquet has no 'encoding'"),
        ("{type: json_lines, header: false}", "a file of type json_lines has no 'header'"),
    ],
)
def test_a_format_that_cannot_be_is_refused_with_its_place(format: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        activity(f"type: list_import\nlist: x\nfile: a.csv\nformat: {format}")
