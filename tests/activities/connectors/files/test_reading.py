"""Files of every format, packed and not, and what their columns make of the values."""

from __future__ import annotations

import gzip
import io
import zipfile
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from pydantic import ValidationError

from activities.connectors.files.format import Errors, FileColumn, FileFormat
from activities.connectors.files.reading import MOST_WAITING, read
from engine.kit.errors import DataError
from engine.kit.option import Allowance
from tests.contract.world import activity

ANY = Errors(at_most=Allowance(Decimal(100), True))


def rows_of(path: Path, format: dict[str, Any] | None = None, **columns: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Read a file with these columns: its rows, and behind them its rejects as (line, column, value, reason)."""
    declared = {name: FileColumn.model_validate(options) for name, options in columns.items()}
    with closing(read(path, FileFormat.model_validate(format or {}), declared, ANY, {})) as reading:
        rows = [tuple(row.values()) for batch in reading.rows() for row in batch.to_pylist()]
        return rows + [tuple(row.values()) for batch in reading.rejects() for row in batch.to_pylist()]


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
        ("people.csv.gz", gzip.compress(TEXT.encode(), mtime=0), {}),
        ("people.tab.gz", gzip.compress(TEXT.replace(",", "\t").encode(), mtime=0), {}),
        ("people", gzip.compress(TEXT.encode("latin-1"), mtime=0), {"encoding": "latin-1"}),
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
    with pytest.raises(DataError, match=r"people\.csv\.gz: the file cannot be read to its end"):
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
    ({"type": "float"}, {"1.5": 1.5, "1e3": 1000.0, "1e999": None, "inf": None, "nan": None, ".5": None}),
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
        ({"type": "date", "format": "%d/%m"}, "'%d/%m' does not say which day it is"),
        ({"type": "date", "format": "%Q"}, "'%Q' does not say which day it is"),
        ({"type": "date", "on_error": "default", "default": "20261123"}, "'20261123' is no date"),
        ({"type": "decimal(2)", "on_error": "default", "default": "1" * 16}, "is no decimal"),
        ({"length": "2", "on_error": "default", "default": "abc"}, "'abc' is no text that this column takes"),
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
        ('{quote: ","}', "values are separated by neither line ends nor quotes"),
        ("{encoding: idna}", "there is no encoding 'idna'"),
        ("{type: parquet, encoding: utf-8}", "a file of type parquet has no 'encoding'"),
        ("{type: json_lines, header: false}", "a file of type json_lines has no 'header'"),
    ],
)
def test_a_format_that_cannot_be_is_refused_with_its_place(format: str, message: str) -> None:
    with pytest.raises(Exception, match=message):
        activity(f"type: list_import\nlist: x\nfile: a.csv\nformat: {format}")


def archive(content: str, method: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as written_:
        written_.writestr("people.csv", content)
    return made.getvalue()


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT.encode(), mtime=0),
        archive(TEXT, zipfile.ZIP_DEFLATED),
        archive(TEXT, zipfile.ZIP_BZIP2),
        archive(TEXT, zipfile.ZIP_LZMA),
    ],
    ids=["gzip", "deflate", "bzip2", "lzma"],
)
def test_a_packed_file_with_a_wrong_byte_is_read_as_it_was_or_refused(tmp_path: Path, packed: bytes) -> None:
    refused = 0
    for place in range(4, len(packed)):  # the first four say that it is packed
        try:
            assert (
                rows_of(written(tmp_path, "a", packed[:place] + bytes([packed[place] ^ 0x41]) + packed[place + 1 :]))
                == ROWS
            )
        except DataError:
            refused += 1
    assert refused > 20


def test_an_archive_without_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    zipfile.ZipFile(path, "w").close()
    with pytest.raises(DataError, match="the archive holds 0 files"):
        rows_of(path)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [(TEXT.encode("utf-16-le"), "utf-16"), (TEXT.encode(), "utf-32"), (TEXT.encode("utf-8-sig"), "cp1252")],
)
def test_a_file_of_another_encoding_as_a_whole_is_refused(tmp_path: Path, content: bytes, encoding: str) -> None:
    with pytest.raises(DataError, match=rf"a\.csv: the file is not written in {encoding}"):
        rows_of(written(tmp_path, "a.csv", content), {"encoding": encoding})


def test_a_mark_is_no_letter_of_the_header_whatever_the_encoding(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", ("\ufeff" + TEXT).encode("utf-16-le"))
    assert rows_of(path, {"encoding": "utf-16-le"}, id={}, name={}) == ROWS


def test_values_of_a_parquet_file_that_no_list_holds_are_rejected_with_their_lines(tmp_path: Path) -> None:
    wrong: dict[str, pa.Array] = {
        "whole": pa.array([1, 2**64 - 1, None], pa.uint64()),
        "exact": pa.array([Decimal(1), Decimal("9" * 20), None], pa.decimal128(38, 2)),
        "ratio": pa.array([1.5, float("nan"), None]),
        "seen": pa.array([0, 2**60, None], pa.int64()).cast(pa.timestamp("ms")),
        "seen_there": pa.array([0, 2**60, None], pa.int64()).cast(pa.timestamp("us", "Europe/Paris")),
        "day": pa.array([0, -(10**6), None], pa.int32()).cast(pa.date32()),
    }
    moment = datetime(1970, 1, 1)  # noqa: DTZ001
    right = {
        "whole": 1,
        "exact": Decimal(1),
        "ratio": 1.5,
        "seen": moment,
        "seen_there": moment,
        "day": date(1970, 1, 1),
    }
    kinds = {"whole": "integer", "exact": "decimal(2)", "ratio": "float", "day": "date"}
    path = tmp_path / "a.parquet"
    for name, array in wrong.items():
        parquet.write_table(pa.table({name: array}), path)
        (first, last, reject) = rows_of(path)
        assert (first, last) == ((1, right[name]), (3, None))
        assert (reject[0], reject[1], reject[3]) == (2, name, f"this is no {kinds.get(name, 'timestamp')}")


def test_parquet_texts_of_every_kind_are_texts_and_a_column_of_nothing_is_one(tmp_path: Path) -> None:
    kinds = (pa.string(), pa.large_string(), pa.string_view())
    columns = {f"c{place}": pa.array(["É", None], kind) for place, kind in enumerate(kinds)}
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({**columns, "nothing": pa.nulls(2)}), path)
    assert rows_of(path) == [(1, "É", "É", "É", None), (2, None, None, None, None)]


def test_parquet_times_of_nanoseconds_are_times_where_a_column_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"seen": pa.array([1_234_567_891], pa.int64()).cast(pa.timestamp("ns"))}), path)
    moment = datetime(1970, 1, 1, 0, 0, 1, 234567)  # noqa: DTZ001
    assert rows_of(path, seen={"type": "timestamp"}) == [(1, moment)]


@pytest.mark.parametrize("values", [[[1]], [{"a": 1}], [b"\xff"]], ids=["list", "struct", "bytes"])
def test_parts_and_bytes_of_a_parquet_file_are_no_values_even_where_a_column_takes_them(
    tmp_path: Path, values: list[Any]
) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"odd": values}), path)
    with pytest.raises(DataError, match="the column 'odd' holds"):
        rows_of(path, odd={})


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"id": [1, 2], "name": ["a", None]}), path)
    whole, refused = path.read_bytes(), []
    for place in range(0, len(whole), 3):
        with pytest.raises(DataError):
            rows_of(written(tmp_path, "b.parquet", whole[:place]))
        try:
            rows_of(written(tmp_path, "b.parquet", whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]))
        except DataError as problem:
            refused.append(problem.message)
    assert len(refused) > 100
    assert all(message.startswith(str(tmp_path / "b.parquet")) for message in refused)


def test_a_header_that_no_database_can_hold_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"a\0b": [1]}), tmp_path / "a.parquet")
    for path in (
        tmp_path / "a.parquet",
        written(tmp_path, "a.jsonl", '{"a\\u0000b": 1}'),
        written(tmp_path, "b.jsonl", '{"\\ud800": 1}'),
    ):
        with pytest.raises(DataError, match=r"NUL|surrogates not allowed"):
            rows_of(path)


def test_what_json_nests_stays_as_it_is_written(tmp_path: Path) -> None:
    path = written(
        tmp_path, "a.jsonl", '\n \n{"a": {"n": [1.50, 1e400, -0], "t": "É\\"", "b": true, "z": null}, "b": -0}\n'
    )
    assert rows_of(path) == [(3, '{"n": [1.50, 1e400, -0], "t": "É\\"", "b": true, "z": null}', "-0")]


def test_an_object_that_is_too_long_is_refused_as_that(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", '{"a": "' + "x" * 1_000_001 + '"}\n')
    with pytest.raises(DataError, match=r"a\.jsonl:1: the line has more than 1,000,000 bytes"):
        rows_of(path)


def test_rejects_take_one_file_however_many_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "a\n" + "1,2\n" * (5 * MOST_WAITING + 1))
    reading = read(path, FileFormat(), {}, ANY, {})
    before = len(list(Path("/proc/self/fd").iterdir()))
    list(reading.rows())
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
    lines = [line for batch in reading.rejects() for line in batch.column("line").to_pylist()]
    reading.close()
    assert lines == list(range(2, 5 * MOST_WAITING + 3))


def test_a_default_is_no_value_of_the_file_and_written_as_iso_8601_has_it(tmp_path: Path) -> None:
    path = written(tmp_path, "a.csv", "a,b\n23/11/2026,x\nsoon,y\n")
    column = {
        "type": "date",
        "format": "%d/%m/%Y",
        "on_error": "default",
        "default": "2000-01-01",
        "remap": {"2000-01-01": ""},
    }
    assert rows_of(path, a=column, b={}) == [(2, date(2026, 11, 23), "x"), (3, date(2000, 1, 1), "y")]
