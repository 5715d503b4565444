"""The lines of a file, packed or not, one after the other in little memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isal import igzip, igzip_lib

from activities.connectors.audience_manager.problem import Problem, Severity

LONGEST_LINE = 102_400
"""Bytes of a line; Adobe leaves out the longer ones (Audience Manager, inbound data ingestion FAQ)."""
LINES_PER_USER = 200
CHUNK_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_BUCKETS = 1 << 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line without its end. `text` is empty where it is no text, and `problem` says why."""

    number: int
    text: str
    problem: Problem | None = None


class Unpackable(Exception):
    """A packed file ends too early, or is damaged."""


def is_packed(path: Path) -> bool:
    """Say whether the bytes are those of gzip."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def chunks(path: Path) -> Iterator[bytes]:
    """Give the bytes of a file, unpacked. Raises Unpackable."""
    try:
        with igzip.open(path, "rb") if is_packed(path) else path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
    except (EOFError, zlib.error, igzip.BadGzipFile, igzip_lib.IsalError) as problem:  # type: ignore[misc]  # isal's stub takes it for a value
        raise Unpackable(str(problem)) from None


def raw_lines(path: Path) -> Iterator[bytes]:
    """Give each line without its end; of one that is too long no more than shows that it is. The end of the file ends a line, too."""
    line = b""
    for chunk in chunks(path):
        first, *others = chunk.split(b"\n")
        if len(line) <= LONGEST_LINE:
            line += first
        for other in others:
            yield line
            line = other
    if line:
        yield line


def read_lines(path: Path) -> Iterator[Line]:
    """Give the lines as text. CR LF ends a line as LF does; blank lines at the end are none."""
    blanks: list[int] = []
    for number, raw in enumerate(raw_lines(path), start=1):
        line = raw[:-1] if raw.endswith(b"\r") else raw
        if not line:
            blanks.append(number)
            continue
        for blank in blanks:
            yield _wrong(blank, "blank_line", "the line is blank", "warning")
        blanks = []
        yield _line(number, line)


def count_lines(path: Path) -> int:
    """Count the lines of a file, blank ones too."""
    count, last = 0, b""
    for chunk in chunks(path):
        count += chunk.count(b"\n")
        last = chunk[-1:]
    return count + (last not in (b"", b"\n"))


def crowds(path: Path, most: int) -> Crowds:
    """Look for first columns that stand on more lines than they may, in little memory."""
    counts, full = bytearray(_BUCKETS), set()
    for raw in raw_lines(path):
        bucket = hash(raw.partition(b"\t")[0]) % _BUCKETS
        if counts[bucket] == most:
            full.add(bucket)
        else:
            counts[bucket] += 1
    return Crowds(full, most)


class Crowds:
    """Counts the lines of the values that may stand on too many; the others cost nothing."""

    def __init__(self, buckets: set[int], most: int) -> None:
        self._buckets, self._most = buckets, most
        self._counts: dict[bytes, int] = {}

    def is_beyond(self, value: str) -> bool:
        """Count a line of a value; say whether it is one too many."""
        if not self._buckets:
            return False
        raw = value.encode()
        if hash(raw) % _BUCKETS not in self._buckets:
            return False
        self._counts[raw] = self._counts.get(raw, 0) + 1
        return self._counts[raw] > self._most


def _line(number: int, line: bytes) -> Line:
    if len(line) > LONGEST_LINE:
        return _wrong(number, "long_line", f"the line has more than {LONGEST_LINE:,} bytes")
    if number == 1 and line.startswith(_BOM):
        return _wrong(
            number,
            "byte_order_mark",
            "the file begins with a byte order mark, which is read as a part of its first line",
        )
    try:
        text = line.decode()
    except UnicodeDecodeError as wrong:
        return _wrong(number, "encoding", f"byte {wrong.start + 1} of the line is no UTF-8")
    return Line(number=number, text=text)


def _wrong(number: int, code: str, message: str, severity: Severity = "error") -> Line:
    return Line(number=number, text="", problem=Problem(line=number, code=code, message=message, severity=severity))
