"""The text of a file as it is read: pieces of whole lines, and what in them is no text.

A line ends with a line feed, a carriage return, or both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pyarrow as pa

from activities.connectors.files.content import CHUNK_BYTES
from activities.connectors.files.records import Records, Reject, Task, refused

LONGEST_LINE = 1_000_000
"""A line of more bytes is none; most likely the line ends are missing, or a quote."""
ODD_BYTES = 1 << 16
"""So much is read line by line from where something is wrong."""

_LINE_END = re.compile(rb"\r\n|\n|\r")
_MARK = "\ufeff".encode()


class Feed:
    """What is read of a file and not used yet, and the number of the line it begins with."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.data = b""
        self.line = 1
        self.is_over = False
        self._chunks = chunks

    def fill(self) -> bool:
        """Read on until a whole line is sure to be there, or the file is over; say whether anything is."""
        parts, size = [self.data], len(self.data)
        while size < CHUNK_BYTES and not self.is_over:
            chunk = next(self._chunks, None)
            self.is_over = chunk is None
            parts.append(chunk or b"")
            size += len(parts[-1])
        self.data = b"".join(parts)
        return size > 0

    def take(self, size: int) -> bytes:
        """Use so much, which is whole lines."""
        taken, self.data = self.data[:size], self.data[size:]
        self.line += count_lines(taken)
        return taken

    def end_of_line(self, start: int) -> tuple[int, int] | None:
        """Give where the line that begins at `start` ends, and where the next one begins; None for a line that is too long."""
        found = _LINE_END.search(self.data, start, start + LONGEST_LINE + 2)
        if found is None:
            size = len(self.data)
            return (size, size) if self.is_over and size - start <= LONGEST_LINE else None
        return found.span()

    def skip_lines(self, count: int) -> None:
        """Read over lines that say nothing."""
        for _ in range(count):
            self.fill()
            ends = self.end_of_line(0)
            if ends is None:
                self.skip_line()
            else:
                self.take(ends[1])

    def skip_line(self) -> Reject:
        """Read over the line that is too long, and reject it."""
        beginning, line = self.data[:LONGEST_LINE], self.line
        while (found := _LINE_END.search(self.data)) is None and not self.is_over:
            self.data = b""
            self.fill()
        self.take(found.end() if found else len(self.data))
        return refused(line, beginning, f"the line has more than {LONGEST_LINE:,} bytes")


def pieces(feed: Feed, read: Callable[[bytes, int], Records]) -> Iterator[Task]:
    """Have whole lines read, many at a time; those that cannot be, are rejected."""
    while feed.fill():
        wrong = unreadable(feed.data, last_line_end(feed.data, len(feed.data), feed.is_over))
        cut = last_line_end(feed.data, wrong if wrong is not None else len(feed.data), feed.is_over and wrong is None)
        if cut:
            line = feed.line
            yield partial(read, feed.take(cut), line)
        else:
            yield partial(_rejected, _single(feed))


def _single(feed: Feed) -> Reject:
    ends = feed.end_of_line(0)
    if ends is None:
        return feed.skip_line()
    line, text = feed.line, feed.take(ends[1])[: ends[0]]
    return refused(line, text, why_unreadable(text) or "the line begins with a byte order mark")


def _rejected(reject: Reject) -> Records:
    return Records(lines=pa.array([], pa.int64()), columns={}, rejects=(reject,))


def unreadable(data: bytes, end: int) -> int | None:
    """Give where the first thing stands before `end` that is no text, a line that is too long, or what readers of blocks take for a mark."""
    found = [] if (nul := data.find(b"\0", 0, end)) < 0 else [nul]
    if data.startswith(_MARK):
        found.append(0)
    if (long := _long_line(data, end)) is not None:
        found.append(long)
    whole = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, end], np.int32)), pa.py_buffer(data))
    try:
        whole.validate(full=True)
    except pa.ArrowInvalid:
        try:
            data[:end].decode()
        except UnicodeDecodeError as problem:
            found.append(problem.start)
    return min(found, default=None)


def _long_line(data: bytes, end: int) -> int | None:
    """Give where the first line begins that may be too long."""
    half = LONGEST_LINE // 2  # without a line end in one of the halves, none is too long
    places = range(0, end - half, half)
    if all(
        data.find(b"\n", place, place + half) >= 0 or data.find(b"\r", place, place + half) >= 0 for place in places
    ):
        return None
    ends = line_ends(np.frombuffer(data, np.uint8)[:end])
    starts = np.concatenate([[0], ends + 1])
    long = np.flatnonzero(np.append(ends, end) - starts > LONGEST_LINE)
    return int(starts[long[0]]) if len(long) else None


def why_unreadable(text: bytes) -> str | None:
    """Say why a line is no text; None where it is."""
    if b"\0" in text:
        return "the line holds the character NUL"
    try:
        text.decode()
    except UnicodeDecodeError as problem:
        return f"the line is not of the file's encoding at its byte {problem.start + 1}"
    return None


def count_lines(data: bytes) -> int:
    feeds = int(np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n")))
    return feeds + (data.count(b"\r") - data.count(b"\r\n") if b"\r" in data else 0)


def last_line_end(data: bytes, limit: int, is_over: bool = False) -> int:
    """Give where the last line ends that ends up to `limit`, its end included; `is_over`: the last one need not have an end."""
    if is_over and limit == len(data):
        return limit
    feed, back = data.rfind(b"\n", 0, limit), data.rfind(b"\r", 0, limit)
    while back > feed and data[back + 1 : back + 2] in (
        b"\n",
        b"",
    ):  # what is parted is no end, and what is last may be
        back = data.rfind(b"\r", 0, back)
    return max(feed, back) + 1


def line_ends(raw: np.ndarray) -> np.ndarray:
    """Give the last byte of every line's end."""
    is_end = raw == ord("\n")
    back = np.flatnonzero(raw == ord("\r"))
    if len(back):
        following = raw[np.minimum(back + 1, len(raw) - 1)]
        is_end[back[(following != ord("\n")) | (back + 1 == len(raw))]] = True
    return np.flatnonzero(is_end)
