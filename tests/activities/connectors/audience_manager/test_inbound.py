"""Inbound files: names, lines, bytes, what is refused before it leaves, and what is told of those that others wrote."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta, timezone
from hashlib import md5
from pathlib import Path

import pyarrow as pa
import pytest

from activities.connectors.audience_manager import (
    WrittenFile,
    inbound_key,
    inbound_name,
    write_inbound,
)
from activities.connectors.audience_manager.inbound import InboundName, parse_line, read_inbound, read_inbound_name
from activities.connectors.audience_manager.lines import Line
from activities.connectors.audience_manager.problem import Parsed
from activities.connectors.conventions import CONVENTIONS, Conventions
from engine.kit.errors import DataError, EngineBug

VISITOR = "1" * 38


def batches(*identifiers: list[str]) -> list[pa.RecordBatch]:
    return [pa.record_batch({"identifier": pa.array(each, pa.string())}) for each in identifiers]


def write(path: Path, *identifiers: list[str], is_visitor_id: bool = False) -> WrittenFile:
    (file,) = write_inbound(path, batches(*identifiers), "10603116", is_visitor_id=is_visitor_id)
    return file


# what leaves


@pytest.mark.contract("A1", "a name says the data source and the second, in ten digits")
@pytest.mark.contract("A1", "a time of nine digits is never written, and is told")
def test_a_name_says_the_data_source_and_the_second_in_ten_digits() -> None:
    assert inbound_name("1234", 1795422600) == "ftp_dpm_1234_1795422600.sync.gz"
    assert inbound_name("1234", 7) == "ftp_dpm_1234_0000000007.sync.gz"


@pytest.mark.contract("A1", "the object key has the UTC date of sending")
def test_a_key_begins_with_the_date_of_sending() -> None:
    assert inbound_key("f.sync.gz", datetime(2026, 1, 2, 23, 59, tzinfo=UTC)) == "date=2026-01-02/f.sync.gz"
    east = timezone(timedelta(hours=2))
    assert inbound_key("f.sync.gz", datetime(2026, 1, 3, 1, 59, tzinfo=east)) == "date=2026-01-02/f.sync.gz"


@pytest.mark.contract("A2", "LF is written, at the end, too")
@pytest.mark.contract("A2", "d_sid adds a trait")
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


@pytest.mark.contract("B3", "a visitor id is 38 digits, as text")
def test_a_visitor_id_is_38_digits(tmp_path: Path) -> None:
    assert write(tmp_path / "f.gz", [VISITOR], is_visitor_id=True).lines == 1


@pytest.mark.contract("B3", "a visitor id is 38 digits, as text")
@pytest.mark.parametrize(
    "wrong",
    [VISITOR[:-1], VISITOR + "1", VISITOR[:-1] + "a", " " + VISITOR[1:], VISITOR[:-1] + "\n", VISITOR + "\n", ""],
)
def test_any_other_visitor_id_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(DataError, match="1 identifiers are not 38 digits"):
        write(tmp_path / "f.gz", [VISITOR, wrong], is_visitor_id=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.contract("A2", "an identifier has no ':' and no '%3A'")
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


@pytest.mark.contract("A1", "a target data source follows the data source")
@pytest.mark.contract("A1", "a global data source needs a target")
def test_a_target_follows_the_data_source_and_a_global_one_needs_it() -> None:
    assert inbound_name("20914", 1795422600, "21", "overwrite") == "ftp_dpm_20914_21_1795422600.overwrite.gz"
    with pytest.raises(EngineBug, match="the owner of the traits must be named"):
        inbound_name("20914", 1795422600)


@pytest.mark.contract("A2", "d_unsid, :0 and :-1 remove a trait")
def test_a_second_column_says_from_whom_the_trait_is_taken(tmp_path: Path) -> None:
    batch = pa.record_batch({"identifier": ["a", "b", "c"], "is_member": [True, False, True]})
    write_inbound(tmp_path / "f.sync", [batch], "24", is_visitor_id=False)
    assert (tmp_path / "f.sync").read_bytes() == b"a\td_sid=24\nb\td_unsid=24\nc\td_sid=24\n"


@pytest.mark.contract("A3", "a written user has one line")
@pytest.mark.parametrize("identifiers", [[["a", "a"]], [["b", "a"]], [["a"], ["a"]], [["a", "b"], [], ["a"]]])
def test_nobody_is_written_twice(tmp_path: Path, identifiers: list[list[str]]) -> None:
    with pytest.raises(EngineBug, match="stand twice, or not in their order"):
        write(tmp_path / "f.gz", *identifiers)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.contract("A3", "an empty file is invalid")
def test_a_file_without_lines_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a file without lines is not processed"):
        write(tmp_path / "f.gz", [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.contract("A3", "a line has 102,400 bytes at most")
def test_a_line_that_is_too_long_is_not_written(tmp_path: Path) -> None:
    fits = "x" * (102_400 - len("\td_sid=10603116"))
    assert write(tmp_path / "f.gz", [fits]).lines == 1
    with pytest.raises(DataError, match="102,401 bytes"):
        write(tmp_path / "g.gz", [fits + "x"])
    assert [file.name for file in tmp_path.iterdir()] == ["f.gz"]


@pytest.mark.contract("A3", "a file is split before it is too large")
@pytest.mark.parametrize("batched", [[["a", "b", "c", "d", "e"]], [["a"], ["b", "c", "d"], ["e"]]])
def test_a_file_is_split_between_lines(tmp_path: Path, batched: list[list[str]]) -> None:
    name = str(InboundName(data_source="21", second=1795422600))
    line = len("a\td_sid=1\n")
    small = Conventions(part_bytes=2 * line + 1)
    parts = write_inbound(tmp_path / name, batches(*batched), "1", is_visitor_id=False, conventions=small)
    assert [(part.name, part.lines) for part in parts] == [
        ("ftp_dpm_21_1795422600.sync.1.gz", 2),
        ("ftp_dpm_21_1795422600.sync.2.gz", 2),
        ("ftp_dpm_21_1795422600.sync.3.gz", 1),
    ]
    contents = [gzip.decompress((tmp_path / part.name).read_bytes()) for part in parts]
    assert contents == [b"a\td_sid=1\nb\td_sid=1\n", b"c\td_sid=1\nd\td_sid=1\n", b"e\td_sid=1\n"]
    assert sorted(file.name for file in tmp_path.iterdir()) == [part.name for part in parts]


def test_blocks_that_are_packed_apart_make_one_file(tmp_path: Path) -> None:
    identifiers = [f"{number:064d}" for number in range(40_000)]  # 3 MB: several blocks
    one = write(tmp_path / "one.gz", identifiers)
    other = write(tmp_path / "other.gz", identifiers[:7], identifiers[7:30_001], identifiers[30_001:])
    assert one.md5 == other.md5
    content = "".join(f"{identifier}\td_sid=10603116\n" for identifier in identifiers).encode()
    assert gzip.decompress((tmp_path / "one.gz").read_bytes()) == content


# what others wrote: names


@pytest.mark.contract("A1", "a name ends with .sync or .overwrite, the part, .gz")
@pytest.mark.contract("A1", "the Oracle variant has a column more")
def test_a_name_is_read_and_written_alike() -> None:
    names = [
        "ftp_dpm_21_1795422600.sync",
        "ftp_dpm_33_21_1795422600.overwrite.2.gz",
        "ftp_dpm_21_1795422600.sync.12",
        "ftp_dpm_odc_21_1795422600.sync.pgp",
        "ftp_dpm_20914_21_1795422600.sync.gz",
    ]
    for name in names:
        found, problems = read_inbound_name(name)
        assert (str(found), problems) == (name, ())


NAMES = {
    "ftp_dpm_21_123456789.sync": "timestamp",
    "ftp_dpm_21_1795422600123.sync": "timestamp",
    "ftp_dpm_21.sync": "name",
    "ftp_dpm_21_1795422600.full.gz": "name",
    "ftp_dpm_21_1795422600.sync.gz.1": "name",
    "ftp_dpm_x_1795422600.sync": "name",
    "ftp_dpm_21_1795422600.sync.zip": "packing",
    "ftp_dpm_21_1795422600.sync.gz.pgp": "packing",
    "ftp_dpm_20915_1795422600.sync.gz": "target",
    "bucket/partner/ftp_dpm_21_1795422600.sync": "key_date",
    "date=2026-13-01/ftp_dpm_21_1795422600.sync": "key_date",
    "date=20260101/ftp_dpm_21_1795422600.sync": "key_date",
}


@pytest.mark.contract("A1", "a time of nine digits is never written, and is told")
@pytest.mark.contract("A1", "a global data source needs a target")
@pytest.mark.contract("A1", "the object key has the UTC date of sending")
@pytest.mark.contract("A6", "gzip only, and not together with PGP")
@pytest.mark.parametrize(("name", "code"), NAMES.items())
def test_what_is_wrong_with_a_name_is_told(name: str, code: str) -> None:
    _, problems = read_inbound_name(name)
    assert [problem.code for problem in problems] == [code]


def test_a_key_with_its_date_is_well() -> None:
    assert read_inbound_name("aws/partner/date=2026-11-23/ftp_dpm_21_1795422600.sync")[1] == ()


# what others wrote: lines

SYNC = InboundName(data_source="21", second=1795422600)
OVERWRITE = InboundName(data_source="21", second=1795422600, mode="overwrite")


def parsed(text: str, name: InboundName = SYNC, conventions: Conventions = CONVENTIONS) -> Parsed:
    return parse_line(Line(number=7, text=text), name, conventions)


ITEMS = {
    "d_sid=24, d_sid=26 ,d_unsid = 28": (("24", "26"), ("28",), ()),
    "28:0, 29:-1": ((), ("28", "29"), ()),
    "30608,ic=52": ((), (), (("ic", "30608"), ("ic", "52"))),
    'a=b, "c"=d, e = "f g", "h"="i"': ((), (), (("a", "b"), ("c", "d"), ("e", "f g"), ("h", "i"))),
    'city="Paris, Texas",d_sid=1': (("1",), (), (("city", "Paris, Texas"),)),
    '"a=b" = c=d': ((), (), (("a=b", "c=d"),)),
    "-product = camera": ((), (), (("product", "camera"),)),
    "product = tablet, product = phone": ((), (), (("product", "tablet"), ("product", "phone"))),
    ",".join(["d_sid=1"] * 3_000): (("1",) * 3_000, (), ()),
}


@pytest.mark.contract("A2", "d_sid adds a trait")
@pytest.mark.contract("A2", "d_unsid, :0 and :-1 remove a trait")
@pytest.mark.contract("A2", "a bare number is a value of ic")
@pytest.mark.contract("A2", "keys and values may be quoted, and blanks stand around")
@pytest.mark.contract("A2", "a comma in quotes separates nothing")
@pytest.mark.contract("A2", "a dash before a key is dropped")
@pytest.mark.contract("A2", "repeated keys are normal")
@pytest.mark.contract("A3", "any number of items may stand in a line")
@pytest.mark.parametrize("items", ITEMS)
def test_what_a_line_says_is_read(items: str) -> None:
    found = parsed(f"Ab-0\t{items}")
    assert found.problems == ()
    assert (found.record.added, found.record.removed, found.record.signals) == ITEMS[items]


@pytest.mark.contract("A2", "an identifier keeps its case, its zeros and its letters")
@pytest.mark.parametrize("identifier", ["AbC", "000123", "É-1", "0" * 38, "1e5", "a b"])
def test_an_identifier_is_read_as_it_stands(identifier: str) -> None:
    assert parsed(f"{identifier}\td_sid=1").record.identifier == identifier


DROPPED = {
    "a d_sid=1": "no_tab",
    "a\t\td_sid=1": "tabs",
    "a\td_sid=1\t": "tabs",
    "a\t": "no_items",
    "a\t ": "no_items",
    "a:b\td_sid=1": "colon",
    "a%3ab\td_sid=1": "colon",
    "a@example.org\td_sid=1": "email",
    "a \td_sid=1": "trailing_blank",
    "\td_sid=1": "empty_identifier",
    "a\x00b\td_sid=1": "control_character",
    "a\td_sid=1x": "trait",
    "a\td_unsid=": "trait",
    "a\tword": "item",
    'a\t"open=1': "item",
    "a\tkey=": "empty_value",
}


@pytest.mark.contract("A2", "one tab exactly")
@pytest.mark.contract("A2", "an identifier has no ':' and no '%3A'")
@pytest.mark.contract("A2", "an identifier is no e-mail address")
@pytest.mark.contract("A2", "traits are digits")
@pytest.mark.contract("A2", "a key has a value")
@pytest.mark.parametrize("text", DROPPED)
def test_a_line_that_would_be_dropped_is_told(text: str) -> None:
    found = parsed(text)
    assert found.record is None
    assert [(problem.line, problem.code, problem.severity) for problem in found.problems] == [
        (7, DROPPED[text], "error")
    ]


@pytest.mark.contract("B3", "a number that lost digits is told")
@pytest.mark.parametrize(
    ("identifier", "code"), [("5.9767559E+37", "number"), ("1" * 37, "digits"), ("1" * 43, "digits")]
)
def test_a_visitor_id_that_lost_digits_is_told_and_read_as_a_customers_own(identifier: str, code: str) -> None:
    found = parsed(f"{identifier}\td_sid=1")
    assert found.record.identifier == identifier
    assert [(problem.code, problem.severity) for problem in found.problems] == [(code, "error")]


@pytest.mark.contract("A2", "an empty item is skipped")
def test_an_empty_item_is_skipped_with_a_warning() -> None:
    found = parsed("a\td_sid=1,,d_sid=2")
    assert found.record.added == ("1", "2")
    assert [(problem.code, problem.severity) for problem in found.problems] == [("empty_item", "warning")]


def test_of_a_line_what_is_right_is_taken() -> None:
    found = parsed("a\td_sid=1,d_sid=x,word,mail=a@b")
    assert (found.record.added, found.record.signals) == (("1",), (("mail", "a@b"),))
    assert [problem.code for problem in found.problems] == ["trait", "item", "email"]


@pytest.mark.contract("A4", "d_unsid is ignored in an overwrite file")
def test_a_removal_means_nothing_in_an_overwrite_file() -> None:
    found = parsed("a\td_sid=1,d_unsid=2", OVERWRITE)
    assert (found.record.added, found.record.removed) == (("1",), ())
    assert [problem.code for problem in found.problems] == ["removal_in_overwrite"]


@pytest.mark.contract("A4", "an overwrite line without traits clears the user")
def test_an_overwrite_line_without_traits_clears_the_user_by_a_convention() -> None:
    assert parsed("a\t", OVERWRITE).record.added == ()
    assert parsed("a\t", OVERWRITE, Conventions(clears=False)).record is None


@pytest.mark.contract("A1", "the Oracle variant has a column more")
def test_a_line_of_the_oracle_variant_begins_with_the_type_of_its_id() -> None:
    odc = InboundName(data_source="21", second=1795422600, is_of_oracle=True)
    assert parsed("mobile\ta\td_sid=1", odc).record.identifier == "a"


UUID = "97987bca-ae59-4c7d-94ba-ee4f19ab8c21"


@pytest.mark.contract("B4", "device ids have the shape of their data source")
@pytest.mark.parametrize(
    ("source", "fine", "wrong"),
    [
        ("20914", UUID, UUID.upper()),
        ("20915", UUID.upper(), UUID),
        ("121963", UUID, UUID[:-1]),
        ("488258", UUID, UUID.replace("-", "")),
        ("1171485", UUID, f"{UUID} "),
        ("389146", "abc123", "abc 123"),
        ("963906", UUID, ""),
        ("1171489", "A1", "é"),
    ],
)
def test_an_identifier_of_a_device_has_its_shape(source: str, fine: str, wrong: str) -> None:
    name = InboundName(data_source=source, target="21", second=1795422600)
    assert parsed(f"{fine}\td_sid=1", name).problems == ()
    assert [problem.code for problem in parsed(f"{wrong}\td_sid=1", name).problems] == ["device"]


# what others wrote: files


def read(path: Path, content: bytes, name: InboundName = SYNC) -> tuple[list[str], list[tuple[int | None, str]]]:
    path.write_bytes(content)
    lines = list(read_inbound(path, name))
    return (
        [line.record.identifier for line in lines if line.record],
        [(problem.line, problem.code) for line in lines for problem in line.problems],
    )


@pytest.mark.contract("A2", "LF and CR LF are read, and blank lines at the end")
def test_lines_end_with_lf_or_cr_lf_and_blank_ones_may_follow(tmp_path: Path) -> None:
    assert read(tmp_path / "f", b"a\td_sid=1\r\nb\td_sid=1") == (["a", "b"], [])
    assert read(tmp_path / "f", b"a\td_sid=1\nb\td_sid=1\n\r\n\n") == (["a", "b"], [])
    assert read(tmp_path / "f", b"a\td_sid=1\n\nb\td_sid=1\n") == (["a", "b"], [(2, "blank_line")])
    assert read(tmp_path / "f", gzip.compress(b"a\td_sid=1\n")) == (["a"], [])


@pytest.mark.contract("A2", "ASCII or UTF-8, without a byte order mark")
def test_what_is_no_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    assert read(tmp_path / "f", "é\td_sid=1\n".encode() + b"\xe9\td_sid=1\na\td_sid=1\n") == (
        ["é", "a"],
        [(2, "encoding")],
    )
    assert read(tmp_path / "f", b"\xef\xbb\xbfa\td_sid=1\nb\td_sid=1\n") == (["b"], [(1, "byte_order_mark")])


@pytest.mark.contract("A3", "a line has 102,400 bytes at most")
@pytest.mark.parametrize("length", [102_401, 1_200_000, 2_500_000])
def test_a_line_that_is_too_long_is_told_and_the_next_one_read(tmp_path: Path, length: int) -> None:
    line = b"a\tk=".ljust(102_400, b"x")
    content = line + b"\n" + b"b\tk=".ljust(length, b"x") + b"\nc\td_sid=1\n"
    assert read(tmp_path / "f", content) == (["a", "c"], [(2, "long_line")])


@pytest.mark.contract("A3", "200 lines of a user are read")
def test_of_a_user_200_lines_are_read(tmp_path: Path) -> None:
    content = b"b\td_sid=1\n" + b"a\td_sid=1\n" * 202 + b"b\td_sid=2\n"
    identifiers, problems = read(tmp_path / "f", content)
    assert (identifiers.count("a"), identifiers.count("b")) == (200, 2)
    assert problems == [(202, "lines_per_user"), (203, "lines_per_user")]


@pytest.mark.parametrize(
    "items", ["," * 100_000, '"' * 99_999, '",' * 50_000, f"a{' ' * 90_000}b", "=" * 90_000, "-" * 90_000]
)
def test_a_hostile_line_takes_no_longer_than_it_is_long(items: str) -> None:
    assert parsed(f"a\t{items}").record is None
