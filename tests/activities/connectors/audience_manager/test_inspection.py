"""`inspect`: any file, what it is, what it says, and all that is wrong with it."""

from __future__ import annotations

import gzip
import json
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from activities.connectors.audience_manager.inspection import MOST_PROBLEMS, inspect
from activities.connectors.conventions import Conventions
from engine.app.cli import app

ECID = "59767559181262060060278870901087098252"
HIDDEN = "do-not-show"
INBOUND = "ftp_dpm_21_1795422600.sync"
OUTBOUND = "S3_91012_1234_full_1795422600123.sync"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["inspect", *words])


def told(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def codes(found: dict[str, Any]) -> list[tuple[int | None, str]]:
    return [(problem["line"], problem["code"]) for problem in found["problems"]]


def test_an_object_a_line_says_what_each_file_is(folder: Path) -> None:
    (folder / INBOUND).write_text(f"{ECID}\td_sid=24,d_unsid=28\nabc\tage=32\n")
    (folder / "bad").write_text("x:1\td_sid=1\nno tab\nfine\td_sid=1\n")
    result = call(INBOUND, "bad", "--format", "json")
    assert result.exit_code == 2
    first, second = told(result)
    assert first == {
        "file": INBOUND,
        "kind": "inbound",
        "valid": True,
        "name": {
            "data_source": "21", "second": 1795422600, "target": None, "mode": "sync", "split": None, "packing": None,
            "is_of_oracle": False,
        },
        "lines": 2,
        "problems": [],
        "records": [
            {"line": 1, "identifier": ECID, "added": ["24"], "removed": ["28"], "signals": []},
            {"line": 2, "identifier": "abc", "added": [], "removed": [], "signals": [["age", "32"]]},
        ],
    }  # fmt: skip
    assert (second["kind"], second["valid"], second["name"], second["lines"]) == ("inbound", False, None, 3)
    assert codes(second) == [(None, "name"), (1, "colon"), (2, "no_tab")]
    assert [record["identifier"] for record in second["records"]] == ["fine"]


def test_all_valid_files_end_with_zero_though_some_have_warnings(folder: Path) -> None:
    (folder / INBOUND).write_text("a\td_sid=1,,d_sid=2\n")
    result = call(INBOUND, "--format", "json")
    assert result.exit_code == 0
    (found,) = told(result)
    assert found["valid"] is True
    assert [(problem["code"], problem["severity"]) for problem in found["problems"]] == [("empty_item", "warning")]


KINDS = {
    "adobe_id_0_12345_1476312152.sync": (f"{ECID}\tXYZ\n", "id_sync", {"line": 1, "identifiers": [ECID, "XYZ"]}),
    OUTBOUND: ("a\t1,2\t3\n", "outbound", {"line": 1, "identifier": "a", "segments": ["1", "2"], "removed": ["3"], "others": {}}),
    "S3_1234_20914_XYZCustomer_iter_1486140844000001.sync": (
        f"{ECID} 1 2\n", "outbound", {"line": 1, "identifier": ECID, "segments": ["1"], "removed": ["2"], "others": {}},
    ),
    "ftp_215_888_20915_iter_1449756724.sync": (
        "a\t1\n", "outbound", {"line": 1, "identifier": "a", "segments": ["1"], "removed": [], "others": {}},
    ),
    "requests.txt": (
        "d_cid=12%01x%011\n", "declared_id",
        {"line": 1, "declared_ids": [{"identifier": "x", "data_source": "12", "integration_code": None, "state": 1}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_file_is_known_by_its_name_and_lines(folder: Path, name: str) -> None:
    content, kind, record = KINDS[name]
    (folder / name).write_text(content)
    (found,) = told(call(name, "--format", "json"))
    assert (found["kind"], found["valid"], found["problems"], found["records"]) == (kind, True, [], [record])


@pytest.mark.parametrize(
    ("name", "content", "kind", "problems"),
    [
        ("notes.txt", b"hello\n", None, [(None, "unknown")]),
        ("notes.txt", b"", None, [(None, "unknown")]),
        (INBOUND, b"", "inbound", [(None, "empty_file")]),
        (INBOUND, b"\n\n", "inbound", [(None, "empty_file")]),
        (f"{INBOUND}.gz", b"a\td_sid=1\n", "inbound", [(None, "packing")]),
        (INBOUND, gzip.compress(b"a\td_sid=1\n", mtime=0), "inbound", [(None, "packing")]),
        (f"{INBOUND}.gz", gzip.compress(b"a\td_sid=1\n" * 9, mtime=0)[:-9], "inbound", [(None, "packing")]),
        (f"{INBOUND}.gpg", b"\x85\x02", "inbound", [(None, "encrypted")]),
        ("adobe_id_0_1.sync", b"a\tb\n", "id_sync", [(None, "name")]),
        (OUTBOUND, b"", "outbound", []),
        (OUTBOUND, b"a,b\n", "outbound", [(1, "template")]),
    ],
)
@pytest.mark.contract("A3", "an empty file is invalid")
@pytest.mark.contract("A6", "gzip only, and not together with PGP")
@pytest.mark.contract("A6", "an encrypted file is told, and not read")
def test_what_is_wrong_with_a_file_is_told(
    folder: Path, name: str, content: bytes, kind: str | None, problems: list[tuple[int | None, str]]
) -> None:
    (folder / name).write_bytes(content)
    found = inspect(folder / name).as_json()
    assert (found["kind"], codes(found)) == (kind, problems)


@pytest.mark.contract("A3", "a file is at most 3 GB packed and 5 GB plain")
def test_a_file_that_is_too_large_is_told(folder: Path) -> None:
    (folder / INBOUND).write_text("a\td_sid=1\n")
    (folder / f"{INBOUND}.gz").write_bytes(gzip.compress(b"a\td_sid=1\n", mtime=0))
    limits = Conventions(plain_bytes=9, packed_bytes=9)
    found = [inspect(folder / name, conventions=limits) for name in (INBOUND, f"{INBOUND}.gz")]
    assert [problem.code for each in found for problem in each.problems] == ["large_file", "large_file"]
    assert (Conventions().plain_bytes, Conventions().packed_bytes) == (5_000_000_000, 3_000_000_000)


def test_a_file_that_is_not_there_is_one_of_the_objects(folder: Path) -> None:
    (folder / INBOUND).write_text("a\td_sid=1\n")
    result = call("gone.sync", INBOUND, "--format", "json")
    assert result.exit_code == 2
    assert [(found["valid"], codes(found)) for found in told(result)] == [(False, [(None, "unreadable")]), (True, [])]


def test_another_name_is_judged_in_place_of_its_own(folder: Path) -> None:
    (folder / "upload").write_text("a\td_sid=1\n")
    key = f"partner/date=2026-11-23/{INBOUND}"
    (found,) = told(call("upload", "--name", key, "--format", "json"))
    assert (found["file"], found["kind"], found["valid"]) == ("upload", "inbound", True)
    assert call("upload", "upload", "--name", key).exit_code == 2


# templates

MCID = '<MCID>|<SEGMENT_LIST; separator=",">'


def test_a_template_says_how_lines_and_names_are_read(folder: Path) -> None:
    (folder / "any.csv").write_text(f"{ECID}|1,2\n")
    (found,) = told(call("any.csv", "--template", MCID, "--format", "json"))
    assert (found["kind"], codes(found)) == ("outbound", [(None, "name")])
    assert found["records"][0]["segments"] == ["1", "2"]
    named = call("any.csv", "--name", "77_full.csv", "--template", MCID, "--template", "<ORDER_ID>_<SYNC_MODE>.csv", "--format", "json")  # fmt: skip
    (found,) = told(named)
    assert (found["valid"], found["name"]["destination"], found["name"]["mode"]) == (True, "77", "full")


PROJECT = """
databases:
  default: {{url: "sqlite:///data.sqlite"}}
dimensions:
  person: {{table: people, key: id}}
data_sources:
  web:
    kind: visitor_id
    dimension: person
    key: ecid
    id: "5678"
    template:
      content: '{content}'
      header_lines: 1
  bare: {{kind: visitor_id, dimension: person, key: ecid, id: "5678"}}
"""


@pytest.mark.contract("C1", "the template of names is configuration")
def test_a_data_source_of_the_project_has_templates(folder: Path) -> None:
    (folder / "project.yaml").write_text(PROJECT.format(content=MCID))
    (folder / OUTBOUND).write_text(f"header\n{ECID}|1\n")
    assert call(OUTBOUND, "--template", "web").exit_code == 0
    assert "has no template" in call(OUTBOUND, "--template", "bare").stderr
    assert "the project has no data source 'wep'" in call(OUTBOUND, "--template", "wep").stderr


def test_a_template_that_cannot_be_read_is_said_where_it_is_written(folder: Path) -> None:
    (folder / "project.yaml").write_text(PROJECT.format(content="<MCIDS>"))
    (folder / OUTBOUND).write_text(f"{ECID}|1\n")
    result = call(OUTBOUND, "--template", "web")
    assert result.exit_code == 2
    assert "project.yaml:13:17:" in result.stderr
    assert "there is no macro 'MCIDS'" in result.stderr
    assert "there is no macro 'MCIDS'" in call(OUTBOUND, "--template", "<MCIDS>").stderr


# what a file is held against


def info(folder: Path, **files: bytes) -> Path:
    """Write the transfer control file of files, and them."""
    entries, names = [], [f"S3_91012_1234_full_1795422600123{part}.sync" for part in files]
    for number, (name, content) in enumerate(zip(names, files.values(), strict=True), start=1):
        (folder / name).write_bytes(content)
        digest, lines = md5(content).hexdigest(), content.count(b"\n")  # noqa: S324
        counts = f"FileByteSize: {len(content)}, FileLineCount: {lines}, FileSequenceNumber: {number}"
        entries.append(f'{{{counts}, FileName: "{name}", md5: "{digest}"}}')
    size, lines = (sum(each) for each in ([len(c) for c in files.values()], [c.count(b"\n") for c in files.values()]))
    path = folder / "S3_91012_1234_full_1795422600123.info"
    path.write_text(
        f'{{Files: [{", ".join(entries)}], Totals: {{FileName: "S3_91012_1234_full_1795422600123.sync", TotalByteSize: {size}, '
        f"TotalNumberFiles: {len(files)}, TotalNumberLines: {lines}}}}}"
    )
    return path


@pytest.mark.contract("C3", "all files must be there, in any order")
@pytest.mark.contract("C3", "size, lines and md5 must agree")
def test_a_file_is_held_against_its_transfer_control_file(folder: Path) -> None:
    control = info(folder, **{"001": b"a\t1\t\n", "002": b"b\t1\t\n"})
    first, second = (folder / f"S3_91012_1234_full_179542260012300{number}.sync" for number in (1, 2))
    assert inspect(first, against=control).is_valid
    assert inspect(control, against=second).is_valid
    assert inspect(control, against=folder).is_valid
    first.write_bytes(b"x\t1\t\n")
    second.unlink()
    assert [problem.code for problem in inspect(first, against=control).problems] == ["md5"]
    assert [problem.code for problem in inspect(control, against=folder).problems] == ["missing", "md5"]
    (folder / OUTBOUND).write_bytes(b"x\t1\t\n")
    assert [problem.code for problem in inspect(folder / OUTBOUND, against=control).problems] == ["not_listed"]


def test_a_file_is_held_against_another_line_by_line(folder: Path) -> None:
    (folder / INBOUND).write_text("a\td_sid=1\nb\td_sid=1\n")
    for name, content, problems in (
        ("same.gz", b"a\td_sid=1\nb\td_sid=1\n", []),
        ("other.gz", b"a\td_sid=1\nc\td_sid=1\n", [(2, "different")]),
        ("longer.gz", b"a\td_sid=1\nb\td_sid=1\nc\td_sid=1\n", [(3, "different")]),
    ):
        (folder / name).write_bytes(gzip.compress(content))
        assert codes(inspect(folder / INBOUND, against=folder / name).as_json()) == problems
    assert codes(inspect(folder / INBOUND, against=folder / "gone").as_json()) == [(None, "against")]


@pytest.mark.contract("A5", "a receipt is read: files, counts, times")
def test_a_file_is_held_against_its_receipt(folder: Path) -> None:
    (folder / INBOUND).write_text("a\td_sid=1\n")
    head = "From: aam-noreply@adobe.com\nSubject: Adobe Audience Manager Server-To-Server Processing Result:\n"
    (folder / "r.txt").write_text(f"{head}File name:\n{INBOUND}\nRecords received: 2\n")
    assert codes(inspect(folder / INBOUND, against=folder / "r.txt").as_json()) == [(None, "line_count")]
    (folder / "r.txt").write_text(f"{head}File name:\nother.sync\nRecords received: 2\n")
    assert codes(inspect(folder / INBOUND, against=folder / "r.txt").as_json()) == [(None, "not_listed")]


# what is shown


def test_problems_never_show_who_they_are_of(folder: Path) -> None:
    lines = [
        f"{HIDDEN}:1\td_sid=1",
        f"{HIDDEN} d_sid=1",
        f"{HIDDEN}@x\td_sid=1",
        f"a\t{HIDDEN}",
        f"a\t{HIDDEN}=",
        f"{HIDDEN}\t\t",
    ]
    names = [INBOUND, OUTBOUND, "c2c_id_1_2_1795422600.sync", "x.info"]
    for name in names:
        (folder / name).write_text("\n".join(lines) + "\n")
    (folder / "other").write_text(f"{HIDDEN}:2\n")
    for words in ([], ["--against", "other"]):
        result = call(*names, *words, "--records", "0", "--format", "json")
        assert [found["valid"] for found in told(result)] == [False] * len(names)
        assert HIDDEN not in result.output
        assert HIDDEN not in call(*names, *words, "--records", "0").output


def test_the_first_records_are_printed_as_many_as_wanted(folder: Path) -> None:
    (folder / INBOUND).write_text("".join(f"{number}\td_sid=1\n" for number in range(9)))
    assert [
        len(told(call(INBOUND, "--format", "json", *words))[0]["records"]) for words in ([], ["--records", "7"])
    ] == [5, 7]


def test_of_too_many_problems_the_rest_is_counted(folder: Path) -> None:
    (folder / INBOUND).write_text("wrong\n" * (MOST_PROBLEMS + 3))
    found = inspect(folder / INBOUND)
    assert len(found.problems) == MOST_PROBLEMS + 1
    assert [problem.message for problem in found.problems if problem.code == "more"] == ["and 3 more problems"]


def test_a_person_reads_a_line_a_problem(folder: Path) -> None:
    (folder / INBOUND).write_text("a\td_sid=1\nno tab\n")
    assert call(INBOUND).output == (
        f"{INBOUND}: inbound, 2 lines, not valid\n"
        f"{INBOUND}:2: error: no_tab: no tab stands between the identifier and the traits\n"
        '  {"line": 1, "identifier": "a", "added": ["1"], "removed": [], "signals": []}\n'
    )
