"""Receipts: the e-mail that says what became of inbound files. Nothing else acknowledges them.

Adobe, Audience Manager documentation, "Sample Message to Partners after Inbound Processing".
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

from activities.connectors.audience_manager.problem import Problem

SENDER = "aam-noreply@adobe.com"
SUBJECT = "Adobe Audience Manager Server-To-Server Processing Result"
LARGEST = 16 << 20
COUNTS = (
    "Records received", "Format Errors", "Invalid AAM ID", "No Matching AAM ID", "No Trait Realized", "Records processed",
    "Stored Records", "Total devices", "Total signals", "Total unused signals", "Total realized traits", "Total removed traits",
    "Total traits failed validation", "Total users that have traits which failed validation",
)  # fmt: skip
TIMES = ("Job start time", "Job end time")
LOST = ("Format Errors", "Invalid AAM ID", "No Matching AAM ID", "No Trait Realized", "Total traits failed validation")


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What a receipt says: the files it is of, counts by Adobe's names, and when the job ran (as written, no zone is said)."""

    files: tuple[str, ...]
    counts: Mapping[str, int]
    started: str | None
    ended: str | None


def read_receipt(path: Path) -> tuple[Receipt, tuple[Problem, ...]]:
    """Read a receipt, whole or its text alone, with all that is wrong with it, and all it says was lost."""
    with path.open("rb") as file:
        raw = file.read(LARGEST)
    text = _text(raw)
    lines = [line.strip() for line in text.splitlines()]
    values = dict(_values(lines))
    counts = {
        name: int(values[name][1].replace(",", "")) for name in COUNTS if name in values and _is_count(values[name][1])
    }
    receipt = Receipt(
        files=tuple(_files(lines)), counts=counts,
        started=values.get(TIMES[0], (0, None))[1], ended=values.get(TIMES[1], (0, None))[1],
    )  # fmt: skip
    return receipt, tuple(_about(receipt, values, text))


def is_receipt(beginning: str) -> bool:
    """Say whether a file that begins so is a receipt."""
    return SUBJECT in beginning or "Server-To-Server file delivery" in beginning


def _text(raw: bytes) -> str:
    message = email.message_from_bytes(raw, _class=EmailMessage, policy=email.policy.default)
    text = raw.decode("utf-8", "replace")
    if message["Content-Type"] is None:
        return text
    part = message.get_body(("plain", "html"))
    content = str(part.get_content()) if part is not None else ""
    if part is not None and part.get_content_subtype() == "html":
        content = re.sub(r"<[^>]*>", "", re.sub(r"(?i)<(?:br|/p|/div|/tr)[^>]*>", "\n", content))
    return f"From: {message['From']}\nSubject: {message['Subject']}\n\n{content}"


def _values(lines: list[str]) -> Iterator[tuple[str, tuple[int, str]]]:
    """Give what stands behind each name, and in which line."""
    names = {name.lower(): name for name in (*COUNTS, *TIMES)}
    for number, line in enumerate(lines, start=1):
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() in names:
            yield names[name.strip().lower()], (number, value.strip())


def _files(lines: list[str]) -> Iterator[str]:
    """Give the files listed from `File name:` on, without folders: a receipt shows others than the key has."""
    is_within = False
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() == "file name":
            is_within, line = True, value.strip()
        elif is_within and colon and name.strip() in COUNTS:
            return
        if is_within and line:
            yield line.rpartition("/")[2]


def _is_count(value: str) -> bool:
    return value.isascii() and value.replace(",", "").isdigit()


def _about(receipt: Receipt, values: Mapping[str, tuple[int, str]], text: str) -> Iterator[Problem]:
    if SUBJECT not in text:
        yield Problem(code="subject", message=f"the subject is not '{SUBJECT}:'")
    if SENDER not in text:
        yield Problem(code="sender", message=f"it is not from {SENDER}")
    if not receipt.files:
        yield Problem(code="no_files", message="no file is named")
    for name in (*COUNTS, *TIMES):
        if name not in values:
            yield Problem(code="field", message=f"'{name}' is missing")
        elif name in COUNTS and name not in receipt.counts:
            yield Problem(line=values[name][0], code="count", message=f"'{name}' is no number")
        elif name in TIMES and not _is_time(values[name][1]):
            yield Problem(line=values[name][0], code="time", message=f"'{name}' is no time")
    counts = receipt.counts
    for name in LOST:
        if counts.get(name):
            message = f"'{name}' is {counts[name]:,}: so much was not stored"
            yield Problem(line=values[name][0], code="lost", message=message, severity="warning")
    parts = ("Records processed", "Format Errors", "Invalid AAM ID", "No Matching AAM ID", "No Trait Realized")
    if {*parts, "Stored Records"} <= counts.keys():
        stored = counts[parts[0]] - sum(counts[part] for part in parts[1:])
        if stored != counts["Stored Records"]:
            message = f"'Stored Records' is {counts['Stored Records']:,}, and the other counts come to {stored:,}"
            yield Problem(line=values["Stored Records"][0], code="sum", message=message, severity="warning")


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
