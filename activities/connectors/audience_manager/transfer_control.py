"""Transfer control files: which files a transfer has, and what each must be.

Adobe, Audience Manager documentation, "Transfer-Control Files". Such a file may come before those it tells of.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from activities.connectors.audience_manager.lines import CHUNK_BYTES, chunks, count_lines
from activities.connectors.audience_manager.problem import Problem
from activities.connectors.conventions import CONVENTIONS, Conventions
from activities.connectors.files.content import md5_of

ENDING = ".info"
LARGEST = 64 << 20

_TOKEN = re.compile(
    r'(?P<blank>\s+)|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<number>-?[0-9]+)|(?P<key>[A-Za-z_]\w*)|(?P<mark>[{}\[\]:,])'
)
_MD5 = re.compile("[0-9a-fA-F]{32}")


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferredFile:
    """A file of a transfer, as it was sent."""

    name: str
    number: int
    size: int
    lines: int
    md5: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """What a transfer control file says: its files in their order, and what they come to."""

    files: tuple[TransferredFile, ...]
    name: str
    size: int
    count: int
    lines: int

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Give the files that are not among these; none may be used before all are there."""
        there = set(names)
        return tuple(file.name for file in self.files if file.name not in there)


def read_transfer_control(path: Path) -> tuple[Transfer | None, tuple[Problem, ...]]:
    """Read a transfer control file, with all that is wrong with it. None when nothing can be made of it."""
    text = b"".join(islice(chunks(path), LARGEST // CHUNK_BYTES)).decode("utf-8", "replace")
    try:
        content = json.loads(_as_json(text))
        files = [_file(each) for each in content["Files"]]
        totals = content["Totals"]
        transfer = Transfer(
            files=tuple(sorted(files, key=lambda file: file.number)), name=str(totals["FileName"]),
            size=int(totals["TotalByteSize"]), count=int(totals["TotalNumberFiles"]), lines=int(totals["TotalNumberLines"]),
        )  # fmt: skip
    except _Unreadable as wrong:
        return None, (Problem(line=wrong.line, code="syntax", message=str(wrong)),)
    except json.JSONDecodeError as wrong:
        return None, (Problem(line=wrong.lineno, code="syntax", message=f"{wrong.msg} (column {wrong.colno})"),)
    except KeyError as wrong:
        return None, (Problem(code="key", message=f"the key {wrong.args[0]} is missing"),)
    except (TypeError, ValueError, AttributeError, RecursionError):
        return None, (
            Problem(
                code="value", message="a value is of the wrong kind: Files is a list, sizes and counts are numbers"
            ),
        )
    return transfer, tuple(_about(transfer, path.name))


def differences(file: TransferredFile, path: Path, conventions: Conventions = CONVENTIONS) -> Iterator[Problem]:
    """Hold a delivered file against what is said of it: size, lines, md5. Raises Unpackable when it is packed and damaged."""
    is_delivered = conventions.measured == "delivered"
    size = path.stat().st_size if is_delivered else sum(map(len, chunks(path)))
    if size != file.size:
        yield Problem(
            code="size", message=f"the file has {size:,} bytes, and the transfer control file says {file.size:,}"
        )
    lines = count_lines(path)
    if lines != file.lines:
        yield Problem(
            code="line_count",
            message=f"the file has {lines:,} lines, and the transfer control file says {file.lines:,}",
        )
    if (md5_of(path) if is_delivered else _md5_of(chunks(path))) != file.md5.lower():
        yield Problem(code="md5", message="the md5 of the file is not the one of the transfer control file")


def root(name: str) -> str:
    """Give what the files of a transfer have in common with its control file: no ending, no mode, no number."""
    stem = re.sub(r"(?:\.sync|\.csv|\.info|\.gz)+$", "", name)
    return re.sub(r"_(?:full|iter)_", "_", re.sub(r"-[0-9]+$", "", stem))


def _as_json(text: str) -> str:
    """Put the keys in quotes; everything stays on its line."""
    found, place = [], 0
    while token := _TOKEN.match(text, place):
        found.append(f'"{token[0]}"' if token.lastgroup == "key" else token[0])
        place = token.end()
    if place < len(text):
        raise _Unreadable(text.count("\n", 0, place) + 1)
    return re.sub(r",(\s*[}\]])", r"\1", "".join(found))


class _Unreadable(Exception):
    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__("what stands here is no key, text, number, bracket, colon or comma")


def _file(said: Mapping[str, Any]) -> TransferredFile:
    return TransferredFile(
        name=str(said["FileName"]), number=int(said["FileSequenceNumber"]), size=int(said["FileByteSize"]),
        lines=int(said["FileLineCount"]), md5=str(said["md5"]),
    )  # fmt: skip


def _about(transfer: Transfer, name: str) -> Iterator[Problem]:
    if not transfer.files:
        yield Problem(code="no_files", message="the transfer has no files")
    numbers = [file.number for file in transfer.files]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Problem(code="sequence", message=f"the files are numbered {numbers[:10]}, and must be numbered from 1")
    if len({file.name for file in transfer.files}) < len(numbers):
        yield Problem(code="file_name", message="a file is named twice")
    for file in transfer.files:
        if not _MD5.fullmatch(file.md5):
            yield Problem(code="md5", message=f"the md5 of file {file.number} is not 32 hex digits")
        if root(file.name)[: len(root(name))] != root(name):
            yield Problem(
                code="file_name",
                message=f"file {file.number} is of another transfer than this name says",
                severity="warning",
            )
    for word, total, found in (
        ("TotalNumberFiles", transfer.count, len(numbers)),
        ("TotalByteSize", transfer.size, sum(file.size for file in transfer.files)),
        ("TotalNumberLines", transfer.lines, sum(file.lines for file in transfer.files)),
    ):
        if total != found:
            yield Problem(code="total", message=f"{word} is {total:,}, and the files come to {found:,}")


def _md5_of(parts: Iterable[bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
