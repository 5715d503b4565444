"""Receipts: the e-mail about inbound files."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from activities.connectors.audience_manager.receipt import Receipt, read_receipt

COUNTS = {
    "Records received": 100,
    "Format Errors": 0,
    "Invalid AAM ID": 0,
    "No Matching AAM ID": 0,
    "No Trait Realized": 0,
    "Records processed": 100,
    "Stored Records": 100,
    "Total devices": 21,
    "Total signals": 918878926,
    "Total unused signals": 7,
    "Total realized traits": 90,
    "Total removed traits": 10,
    "Total traits failed validation": 0,
    "Total users that have traits which failed validation": 0,
}
HEAD = "From: aam-noreply@adobe.com\nSubject: Adobe Audience Manager Server-To-Server Processing Result:\n"
FILES = ("ftp_dpm_7_901_1368806402.sync", "ftp_dpm_7_901_1368655202.sync.1.gz")


def body(**changed: object) -> str:
    counts = COUNTS | {name.replace("_", " "): value for name, value in changed.items()}
    return (
        f"Dear partner: (ID:7)\nFile name:\n s3n://bucket/2018-05-17/{FILES[0]}\n s3n://bucket/2018-05-16/{FILES[1]}\n"
        + "".join(f"{name}: {value}\n" for name, value in counts.items())
        + "Job start time: 2018-05-17 18:07:49\nJob end time: 2018-05-17 18:45:02\n"
    )


def read(file: Path, text: str) -> tuple[Receipt, list[tuple[int | None, str, str]]]:
    file.write_text(text, newline="")
    receipt, problems = read_receipt(file)
    return receipt, [(problem.line, problem.code, problem.severity) for problem in problems]


EXPECTED = Receipt(files=FILES, counts=COUNTS, started="2018-05-17 18:07:49", ended="2018-05-17 18:45:02")


@pytest.mark.contract("A5", "a receipt is read: files, counts, times")
@pytest.mark.contract("A1", "a reader of Adobe's lists demands no date folder")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_receipt_is_read(tmp_path: Path, end: str) -> None:
    assert read(tmp_path / "r.txt", (HEAD + "\n" + body()).replace("\n", end)) == (EXPECTED, [])


@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_a_whole_message_is_read(tmp_path: Path, subtype: str) -> None:
    message = EmailMessage()
    message["From"] = "Adobe <aam-noreply@adobe.com>"
    message["Subject"] = "Adobe Audience Manager Server-To-Server Processing Result:"
    text = body() if subtype == "plain" else body().replace("\n", "<br>\r\n")
    message.set_content(text, subtype=subtype, cte="base64")
    assert read(tmp_path / "r.eml", message.as_string()) == (EXPECTED, [])


def test_a_file_may_stand_behind_the_heading(tmp_path: Path) -> None:
    text = body().replace("File name:\n s3n", "File name: s3n")
    assert read(tmp_path / "r.txt", HEAD + text)[0].files == FILES


@pytest.mark.contract("A5", "stored records are the others taken off")
@pytest.mark.contract("A5", "what was lost is told")
@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        ({"Format Errors": 5, "Stored Records": 95}, [(8, "lost", "warning")]),
        ({"Invalid AAM ID": 112, "Stored Records": -12}, [(13, "count", "error"), (9, "lost", "warning")]),
        ({"Stored Records": 93}, [(13, "sum", "warning")]),
        ({"Records received": "many"}, [(7, "count", "error")]),
        ({"Total traits failed validation": 3}, [(19, "lost", "warning")]),
    ],
)
def test_what_was_lost_and_what_does_not_add_up_is_told(
    tmp_path: Path, changed: dict[str, object], problems: list[tuple[int, str, str]]
) -> None:
    assert read(tmp_path / "r.txt", HEAD + body(**changed))[1] == problems


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (body(), "subject"),
        (HEAD.replace("aam-noreply", "someone") + body(), "sender"),
        (HEAD + body().replace("Total devices", "Devices"), "field"),
        (HEAD + body().replace("2018-05-17 18:45:02", "later"), "time"),
        (HEAD + body().replace("File name:", "Files:"), "no_files"),
    ],
)
def test_what_is_no_receipt_is_told(tmp_path: Path, text: str, code: str) -> None:
    assert code in [problem[1] for problem in read(tmp_path / "r.txt", text)[1]]
