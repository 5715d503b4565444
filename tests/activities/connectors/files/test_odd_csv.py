"""Odd CSV files: every line is read, or rejected with its number and why; nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.connectors.files.content import CHUNK_BYTES
from activities.connectors.files.feed import LONGEST_LINE
from activities.connectors.files.format import Errors, FileFormat
from activities.connectors.files.reading import Reading, read
from engine.kit.errors import DataError
from engine.kit.option import Allowance

CASES = yaml.safe_load((Path(__file__).parents[3] / "data" / "csv" / "odd.yaml").read_text(encoding="utf-8"))
ANY = Errors(at_most=Allowance(Decimal(100), True))
ENCODINGS = {
    None: ("utf-8", "utf-8-sig", "utf-16", "cp1252"),
    "unicode": ("utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"),
    "western": ("utf-8", "utf-16", "latin-1", "cp1252"),
}
MARKED = ("utf-8", "utf-8-sig", "utf-16", "utf-32")
"""Encodings that nobody has to name."""


def ways() -> Iterator[Any]:
    """Give each case in each encoding, and in UTF-8 with each line end."""
    for case in CASES:
        if case.get("as") == "bytes":
            yield pytest.param(case, "latin-1", "\n", id=case["name"])
            continue
        for encoding in ENCODINGS[case.get("as")]:
            yield pytest.param(case, encoding, "\n", id=f"{case['name']}-{encoding}")
        for end, name in (("\r\n", "crlf"), ("\r", "cr")):
            yield pytest.param(case, "utf-8", end, id=f"{case['name']}-{name}")


def opened(folder: Path, content: bytes, **format: str) -> Reading:
    file = folder / "odd.csv"
    file.write_bytes(content)
    return read(file, FileFormat.model_validate(format), {}, ANY, {})


def outcome(reading: Reading) -> tuple[list[list[Any]], list[dict[str, Any]]]:
    rows = [list(row.values()) for batch in reading.rows() for row in batch.to_pylist()]
    rejects = [row for batch in reading.rejects() for row in batch.to_pylist()]
    reading.close()
    return rows, rejects


@pytest.mark.parametrize(("case", "encoding", "end"), list(ways()))
def test_an_odd_file_is_read_as_it_says(tmp_path: Path, case: dict[str, Any], encoding: str, end: str) -> None:
    content = case["text"].replace("\n", end).encode(encoding)
    named = {} if encoding in MARKED or case.get("as") == "bytes" else {"encoding": encoding}
    format = {**case.get("format", {}), **named}
    if "error" in case:
        with pytest.raises(DataError) as caught:
            opened(tmp_path, content, **format)
        assert caught.value.message.startswith(f"{tmp_path / 'odd.csv'}{case['error']}")
        return
    rows, rejects = outcome(opened(tmp_path, content, **format))
    expected = [
        [value.replace("\n", end) if isinstance(value, str) else value for value in row] for row in case["rows"]
    ]
    if case.get("as") == "bytes":
        expected = case["rows"]
    assert rows == expected
    wanted = case.get("rejects", [])
    assert [row["line"] for row in rejects] == [line for line, _ in wanted]
    for row, (_, reason) in zip(rejects, wanted, strict=True):
        assert row["reason"].startswith(reason)


def test_a_line_of_200_megabytes_is_rejected_and_the_next_is_read(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    with file.open("wb") as written:
        written.write(b"a,b\n1,x\n")
        for _ in range(200):
            written.write(b"y" * 1_000_000)
        written.write(b"\n2,z\n")
    rows, rejects = outcome(read(file, FileFormat(), {}, ANY, {}))
    assert rows == [[2, "1", "x"], [4, "2", "z"]]
    assert [(row["line"], row["reason"], len(row["value"])) for row in rejects] == [
        (3, "the line has more than 1,000,000 bytes", 1_000)
    ]


def test_a_quote_that_never_closes_costs_its_line_alone(tmp_path: Path) -> None:
    good = b"".join(b"%d,x\n" % number for number in range(3 * CHUNK_BYTES // 9))
    reading = opened(tmp_path, b'a,b\n1,"x\n' + good)
    rows = sum(batch.num_rows for batch in reading.rows())
    assert rows == good.count(b"\n")
    assert [row["line"] for batch in reading.rejects() for row in batch.to_pylist()] == [2]
    reading.close()


@pytest.mark.parametrize(
    "wrong", [b"1\n", b'1,"x"y\n', b"1,\0\n", b"1,\xff\n", b"1," + b"z" * (LONGEST_LINE + 1) + b"\n"]
)
def test_wrong_lines_are_found_on_both_sides_of_every_block(tmp_path: Path, wrong: bytes) -> None:
    """The lines are so many that blocks end between them, and records of several lines among them so that numbers are counted."""
    lines = [b'%06d,"x\ny"\n' % number if number % 7 == 0 else b"%06d,xxyy\n" % number for number in range(900_000)]
    places = (0, 300_000, 380_000, 380_001, 899_999)
    for place in places:
        lines[place] = wrong
    reading = opened(tmp_path, b"a,b\n" + b"".join(lines))
    read_ = [batch.column("line") for batch in reading.rows()]
    before = [2 + place + len({*range(0, place, 7)} - set(places)) for place in places]
    assert [row["line"] for batch in reading.rejects() for row in batch.to_pylist()] == before
    numbers = [number for column in read_ for number in column.to_pylist()]
    assert len(numbers) == 900_000 - len(places)
    assert numbers[:3] == [3, 4, 5]
    assert numbers == sorted(set(numbers))
    reading.close()
