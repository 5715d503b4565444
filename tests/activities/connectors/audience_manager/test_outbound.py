"""Outbound files: names and lines by a template, and what is told of those that are not of it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from activities.connectors.audience_manager import (
    OutboundName,
    read_outbound,
    read_outbound_changes,
    read_outbound_name,
)
from activities.connectors.audience_manager.lines import Line
from activities.connectors.audience_manager.outbound import (
    DEFAULT_CONTENT,
    Content,
    DefaultContent,
    OutboundRecord,
    Templates,
    by_template,
)
from activities.connectors.audience_manager.template import WrongTemplate
from activities.connectors.conventions import Conventions
from engine.kit.errors import DataError

ECID = "59767559181262060060278870901087098252"

# names


@pytest.mark.contract("C1", "the split number is glued to the time, three digits or more")
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


SECONDS = Conventions(timestamp="seconds")


@pytest.mark.contract("C1", "the template of names is configuration")
@pytest.mark.contract("C1", "times are 13 digits, 10, or formatted")
@pytest.mark.contract("C1", "the split number is glued to the time, three digits or more")
@pytest.mark.contract("C1", "the .info page's -1 is read, too")
@pytest.mark.contract("C1", "the type is S3, s3, ftp or http, and an alias may stand there")
@pytest.mark.parametrize(
    ("template", "name", "conventions", "stamp", "split"),
    [
        ("<SYNC_TYPE>_<ORDER_ID>_<DPID>_<SYNC_MODE>_<TIMESTAMP>SPLITNUM.csv", "s3_12_34_full_1566906141001.csv", SECONDS, 1566906141000, 1),
        ("<SYNC_TYPE>_<ORDER_ID>_<DPID>_<SYNC_MODE>_<TIMESTAMP>SPLITNUM.csv", "s3_12_34_full_1566906141001.csv", Conventions(), 1566906141001, 0),
        ("<SYNC_TYPE>_<ORDER_ID>_<DPID>_<SYNC_MODE>_<TIMESTAMP>SPLITNUM.csv", "http_12_34_full_15669061411234.csv.gz", SECONDS, 1566906141000, 1234),
        ('<ORDER_ID>.<DPID>.<SYNC_MODE>.<TIMESTAMP; format="YYYYMMDDhhmmss">', "12.34.full.20261123140501", SECONDS, 1795442701000, 0),
        ("<SYNC_TYPE>_<ORDER_ID>_<MASTER_DPID>_<PIDALIAS>_<SYNC_MODE>_<TIMESTAMP>SPLITNUM.sync", "ftp_12_34_X_Y_full_1566906141001-2.sync",
         Conventions(), 1566906141001, 2),
    ],
)  # fmt: skip
def test_a_name_is_read_by_its_template(
    template: str, name: str, conventions: Conventions, stamp: int, split: int
) -> None:
    found = read_outbound_name(name, template, conventions)
    assert found == OutboundName(
        destination="12", data_source="34", mode="full", stamp=stamp, split=split, is_compressed=name.endswith(".gz")
    )


def test_a_time_that_is_none_is_no_name() -> None:
    template = '<ORDER_ID>.<TIMESTAMP; format="dd-MM-yyyy">'
    found = read_outbound_name("12.23-11-2026", template)
    assert found is not None
    assert found.stamp == 1795392000000
    assert read_outbound_name("12.31-02-2026", template) is None


# files


def outbound(path: Path, content: bytes) -> list[str]:
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return [found for batch in read_outbound(path, "106") for found in batch.column("identifier").to_pylist()]


@pytest.mark.parametrize("file", ["S3_1_2_full_1795422600123.sync", "S3_1_2_full_1795422600123.sync.gz"])
def test_the_identifiers_in_the_segment_are_given(tmp_path: Path, file: str) -> None:
    lines = "a\t106\t\nb\t105,106\t107\nc\t\t106\nd\t1060\t1\né\t106\r\n\nf\t 106 ,105\t\ng\t106\n"
    assert outbound(tmp_path / file, lines.encode()) == ["a", "b", "é", "f", "g"]


@pytest.mark.contract("C3", "header and blank lines count")
@pytest.mark.parametrize("header", [0, 1, 2, 3, 9])
def test_lines_of_a_header_are_no_members_and_count(tmp_path: Path, header: int) -> None:
    file = tmp_path / "f.sync"
    file.write_text("a\t106\t\nb\t106\t\nwrong")
    if header < 3:
        with pytest.raises(DataError, match=r"^f\.sync:3:"):
            list(read_outbound(file, "106", header_lines=header))
    file.write_text("a\t106\t\nb\t106\t\nc\t106\t\n")
    batches = read_outbound(file, "106", header_lines=header)
    assert [each for batch in batches for each in batch.column("identifier").to_pylist()] == ["a", "b", "c"][header:]


def test_an_empty_file_holds_nobody(tmp_path: Path) -> None:
    assert outbound(tmp_path / "S3_1_2_full_1795422600123.sync.gz", b"") == []


@pytest.mark.parametrize("line", ["a", "\t106\t", "a\t106\t\t", "a 106"])
def test_a_line_of_another_template_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(DataError, match=r"^S3_1_2_full_1795422600123\.sync:2: this is no line of an outbound file"):
        outbound(tmp_path / "S3_1_2_full_1795422600123.sync", f"x\t106\t\n{line}\n".encode())


# lines


def parsed(text: str, content: Content) -> OutboundRecord | None:
    found = content.read(Line(number=3, text=text), None)
    assert all(problem.line == 3 for problem in found.problems)
    record = found.record
    assert record is None or isinstance(record, OutboundRecord)
    return record


@pytest.mark.contract("C2", "default lines are read with tabs, with one blank and with two")
@pytest.mark.parametrize(
    ("text", "segments", "removed"),
    [
        (f"{ECID}\t24,26\t25", ("24", "26"), ("25",)),
        (f"{ECID}\t24", ("24",), ()),
        (f"{ECID}\t\t25", (), ("25",)),
        (f"{ECID} 24,26,27 25,28", ("24", "26", "27"), ("25", "28")),
        (f"{ECID}  24,26,27  25,28", ("24", "26", "27"), ("25", "28")),
        (f"{ECID} 24", ("24",), ()),
        (f"{ECID} 24 ", ("24",), ()),
    ],
)
def test_a_line_of_no_known_template_is_read(text: str, segments: tuple[str, ...], removed: tuple[str, ...]) -> None:
    assert parsed(text, DefaultContent()) == OutboundRecord(identifier=ECID, segments=segments, removed=removed)


@pytest.mark.contract("C2", "blanks that may mean either are refused")
def test_blanks_that_may_mean_either_are_refused() -> None:
    found = DefaultContent().read(Line(number=3, text=f"{ECID}  25,28"), None)
    assert found.record is None
    assert [problem.code for problem in found.problems] == ["ambiguous_blanks"]


JSON = (
    '{"TDID":"<DP_UUID>","Data":[<SEGMENT_LIST:{seg|<OPEN_CURLY_BRACKET>"Name":"<seg.alias>"<CLOSE_CURLY_BRACKET>}; separator=",">'
    "<if(SEGMENT_LIST && REMOVED_SEGMENT_LIST)><COMMA><endif>"
    '<REMOVED_SEGMENT_LIST:{seg|<OPEN_CURLY_BRACKET>"Name":"<seg.alias>","Ttl":0<CLOSE_CURLY_BRACKET>}; separator=",">]}'
)
BY_MACROS = [
    ("<MCID><TAB><SEGMENT_LIST; separator=\",\">", f"{ECID}\t1,2", ECID, ("1", "2"), (), {}),
    ("<DP_UUID> <SEGMENT_LIST;separator=\" \">", "a-1 105955 101183", "a-1", ("105955", "101183"), (), {}),
    ("<UUID><ASCII_SOH><REMOVED_SEGMENT_LIST;separator=\"|\">", f"{ECID}\x017|8", ECID, (), ("7", "8"), {}),
    (
        "<PID><TAB><UUID><TAB><DP_UUID><TAB><SET_ATTRIBUTES><TAB><OPT_OUT><TAB>"
        "<SEGMENT_LIST:{seg|<seg.type>,<seg.alias>,<OUTPUT_ATTRIBUTE_VALUE>,<seg.lastUpdateTime>&}>",
        f"1159\t{ECID}\t17t0\t1\t0\t5,103714,1,1344114661000&5,103713,1,1343250661000",
        "17t0", ("103714", "103713"), (), {"PID": "1159", "SET_ATTRIBUTES": "1", "OPT_OUT": "0"},
    ),
    ("<DP_UUID><TAB><DP_UUID_LIST;separator=TAB>", "a\tb\tc", "a", (), (), {"DP_UUID_LIST": ("b", "c")}),
    (
        "<PID>,<ORDER_ID>,<DPID>,<PIDALIAS>;<MCID>;<TRAIT_LIST:{trait|<trait.Id>,<trait.lastRealized>};separator=\"|\">",
        f"1,2,3,Me;{ECID};9,1344114661|8,1344114662", ECID, (), (),
        {"PID": "1", "ORDER_ID": "2", "DPID": "3", "PID_ALIAS": "Me", "TRAIT_LIST": ("9", "8")},
    ),
    (
        '<MCID>:<DPUUIDS; format="dpids=1,2|maxMappings=0|format=json">', f'{ECID}:[["1","A"],["2","B"]]', ECID, (), (),
        {"DPUUIDS": '[["1","A"],["2","B"]]'},
    ),
    (JSON, '{"TDID":"x","Data":[{"Name":"1"}]}', "x", ("1",), (), {}),
    (JSON, '{"TDID":"x","Data":[{"Name":"1"},{"Name":"2","Ttl":0},{"Name":"3","Ttl":0}]}', "x", ("1",), ("2", "3"), {}),
    (JSON, '{"TDID":"x","Data":[{"Name":"2","Ttl":0}]}', "x", (), ("2",), {}),
]  # fmt: skip


@pytest.mark.contract("C2", "macros are read by the template")
@pytest.mark.contract("C2", "lists may have items of fields")
@pytest.mark.contract("C2", "what an if holds is there when its lists are")
@pytest.mark.contract("C2", "MCID writes the Experience Cloud ID")
@pytest.mark.parametrize(("template", "line", "identifier", "segments", "removed", "others"), BY_MACROS)
def test_a_line_is_read_by_its_template(
    template: str, line: str, identifier: str, segments: tuple[str, ...], removed: tuple[str, ...], others: object
) -> None:
    record = parsed(line, by_template(template))
    assert record is not None
    found = record.identifier, record.segments, record.removed
    assert found == (identifier, segments, removed)
    assert {name: value for name, value in record.others.items() if name not in ("UUID", "DP_UUID")} == others


@pytest.mark.contract("C2", "what an if holds is there when its lists are")
@pytest.mark.parametrize(
    ("template", "line"),
    [
        ('<MCID><TAB><SEGMENT_LIST; separator=",">', f"{ECID[1:]}\t1"),
        ('<MCID><TAB><SEGMENT_LIST; separator=",">', f"{ECID}\t1;2"),
        ('<MCID><TAB><SEGMENT_LIST; separator=",">', f"{ECID} 1"),
        ("<UUID><TAB><UUID>", f"{ECID}\t{ECID[:-1]}3"),
        (JSON, '{"TDID":"x","Data":[{"Name":"1"},]}'),
    ],
)
def test_a_line_of_another_template_is_dropped(template: str, line: str) -> None:
    found = by_template(template).read(Line(number=3, text=line), None)
    assert found.record is None
    assert [problem.code for problem in found.problems] == ["template"]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("<FOO>", "there is no macro 'FOO'"),
        ("<UUID", "not closed"),
        ("<UUID><TAB><SEGMENT_LIST>", "needs a separator"),
        ("<UUID><if(SEGMENT_LIST)>x", "no <endif>"),
        ("<UUID><endif>", "ends nothing"),
        ("<UUID><if(PID)>x<endif>", "'if' asks for 'PID'"),
        ('<UUID><SEGMENT_LIST:{s|x}; separator=",">', "does not say its id"),
        ('<UUID><SEGMENT_LIST:{s|<PID>}; separator=",">', "may hold text"),
        ("<UUID><SYNC_MODE>", "SYNC_MODE has no place"),
        ("a<b", "begins no macro"),
        ('<SEGMENT_LIST:{s|<s.sid>; separator=",">', "not closed"),
        ('<ORDER_ID><TIMESTAMP; format="EEE">', "the time format 'EEE' has 'E'"),
        ("<ORDER_ID><NEW_LINE><OPT_OUT>", "OPT_OUT has no place in a file name"),
    ],
)
def test_a_template_that_cannot_be_read_is_refused(template: str, message: str) -> None:
    with pytest.raises(WrongTemplate, match=message):
        Templates.of([template])


def test_templates_of_names_and_of_lines_are_told_apart() -> None:
    name = "<ORDER_ID>_<TIMESTAMP>.csv"
    assert Templates.of([DEFAULT_CONTENT, name]) == Templates(name=name, content=DEFAULT_CONTENT)


@pytest.mark.parametrize("lines", [3, 60_000])
def test_a_file_of_a_template_is_read_alike_in_columns_and_line_by_line(tmp_path: Path, lines: int) -> None:
    columns = '<MCID><TAB><SEGMENT_LIST; separator=",">'
    one_by_one = '<MCID><TAB>:<SEGMENT_LIST; separator=",">'
    wanted = [f"{number:038d}" for number in range(0, lines, 2)]
    for template, mark in ((columns, ""), (one_by_one, ":")):
        file = tmp_path / f"{mark}.sync"
        file.write_text("".join(f"{n:038d}\t{mark}{7 if n % 2 else 106}\n" for n in range(lines)))
        batches = read_outbound(file, "106", template)
        assert [each for batch in batches for each in batch.column("identifier").to_pylist()] == wanted


@pytest.mark.parametrize("lost_tab", ["", "e\t106\n"], ids=["columns", "line-by-line"])
def test_an_incremental_file_says_who_came_and_who_left(tmp_path: Path, lost_tab: str) -> None:
    file = tmp_path / "S3_1_2_iter_1795422600123.sync"
    file.write_text(f"head\t1\t\na\t106\t\nb\t105\t107, 106\nc\t\t1060\nd\t106\t106\n{lost_tab}")
    found = [
        pair
        for batch in read_outbound_changes(file, "106", 3, header_lines=1)
        for pair in zip(batch.column("identifier").to_pylist(), batch.column("mark").to_pylist(), strict=True)
    ]
    assert found == [("a", 6), ("d", 6), *([("e", 6)] if lost_tab else []), ("b", 7), ("d", 7)]


def test_a_file_that_ends_too_early_is_told(tmp_path: Path) -> None:
    file = tmp_path / "S3_1_2_full_1795422600123.sync.gz"
    file.write_bytes(gzip.compress(b"a\t106\t\n" * 100)[:-10])
    with pytest.raises(DataError, match="cannot be unpacked to its end"):
        list(read_outbound(file, "106"))


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ('<DP_UUID> <SEGMENT_LIST;separator=" ">', "a" + " 1 " * 30_000 + "x"),
        (DEFAULT_CONTENT, "a\t" + "1 ," * 30_000 + "x"),
        (None, "a" + " " * 90_000 + "x"),
    ],
)
def test_a_hostile_line_takes_no_longer_than_it_is_long(template: str | None, line: str) -> None:
    content = by_template(template) if template else DefaultContent()
    assert content.read(Line(number=1, text=line), None).record is None
