"""Separated values, quoted where they hold separators, quotes or line ends (RFC 4180).

Well-formed text is read in blocks by Arrow. From where a quote, or what is no text, stands wrong, records are read one by one: what
begins with a quote ends with one, and a separator or a line's end follows; a record of which that is not true is rejected with the line it
begins on, and reading goes on at the next line. Quotes inside a value that does not begin with one are part of it. Lines
without anything are no records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from activities.connectors.files.feed import (
    LONGEST_LINE,
    ODD_BYTES,
    Feed,
    count_lines,
    last_line_end,
    line_ends,
    unreadable,
    why_unreadable,
)
from activities.connectors.files.records import Records, Reject, Table, Task, line_numbers, refused


@dataclass(frozen=True, kw_only=True)
class Punctuation:
    """What stands between values, and around them; there may be no quote."""

    separator: bytes
    quote: bytes

    @property
    def is_plain(self) -> bool:
        """Say that blocks can be read: Arrow knows separators of one byte."""
        return len(self.separator) == 1

    @property
    def unquoted(self) -> re.Pattern[bytes]:
        return re.compile(rb"(?:(?!%s)[^\r\n])*" % re.escape(self.separator))


@dataclass(frozen=True)
class Record:
    """A record that was read for itself: its values as they stand, or why it is none; its text, and where the next one begins."""

    values: Sequence[bytes | None]
    problem: str | None
    text: bytes
    next: int


def open_table(
    feed: Feed, marks: Punctuation, names: Sequence[str] | None, taken: Sequence[str] | None
) -> Table | Reject:
    """Open what is left of a file; its first record names the columns where `names` does not. A header that is none is a reject.

    `taken`: the columns to read, where not all of them are.
    """
    feed.fill()
    if names is None:
        line = feed.line
        found = record(feed, 0, marks)
        if found is None:
            return feed.skip_line()
        feed.take(found.next)
        if problem := found.problem or why_unreadable(found.text):
            return refused(line, found.text, problem)
        names = [(value or b"").decode().strip() for value in found.values] if found.text else []
    return Table(names=tuple(names), tasks=_tasks(feed, marks, tuple(names), taken))


def _tasks(feed: Feed, marks: Punctuation, names: Sequence[str], taken: Sequence[str] | None) -> Iterator[Task]:
    odd_bytes = ODD_BYTES
    while feed.fill():
        cut = _clean(feed, marks)
        if cut:
            line = feed.line
            yield partial(_block, feed.take(cut), line, marks, names, taken)
            odd_bytes = ODD_BYTES
        else:
            yield partial(_made, *_odd(feed, marks, names, odd_bytes), names, taken)
            odd_bytes *= 2  # what is wrong again and again is read faster so


def _clean(feed: Feed, marks: Punctuation) -> int:
    """Give how much can be read in a block: whole records, before the first thing that is wrong."""
    data = feed.data
    if not marks.is_plain:
        return 0
    wrong = [unreadable(data, last_line_end(data, len(data), feed.is_over)), _misplaced_quote(data, marks)]
    limit = min((place for place in wrong if place is not None), default=len(data))
    cut = last_line_end(data, limit, feed.is_over)
    if not marks.quote or marks.quote not in data:
        return cut
    is_inside = data.count(marks.quote, 0, cut) % 2
    while cut and is_inside:
        earlier = last_line_end(data, data.rfind(marks.quote, 0, cut))
        is_inside ^= data.count(marks.quote, earlier, cut) % 2
        cut = earlier
    return cut


def _misplaced_quote(data: bytes, marks: Punctuation) -> int | None:
    """Give where the first quote stands that neither begins nor ends a value, and is not doubled."""
    if not marks.quote or marks.quote not in data:
        return None
    raw = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(raw == marks.quote[0])
    neighbours = np.frombuffer(marks.separator + marks.quote + b"\r\n", np.uint8)
    opening, closing = quotes[::2], quotes[1::2]
    before, after = raw[np.maximum(opening - 1, 0)], raw[np.minimum(closing + 1, len(raw) - 1)]
    wrong = (
        opening[~np.isin(before, neighbours) & (opening > 0)],
        closing[~np.isin(after, neighbours) & (closing + 1 < len(raw))],
    )
    return min((int(places[0]) for places in wrong if len(places)), default=None)


def _block(data: bytes, line: int, marks: Punctuation, names: Sequence[str], taken: Sequence[str] | None) -> Records:
    """Read well-formed records; those with more or fewer values than there are columns are rejected."""
    ragged = 0

    def skip(_row: Any) -> str:
        nonlocal ragged
        ragged += 1
        return "skip"

    table = csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(column_names=list(map(str, range(len(names)))), use_threads=False, block_size=len(data) + 1),
        csv.ParseOptions(
            delimiter=marks.separator.decode(),
            quote_char=marks.quote.decode() or False,
            newlines_in_values=bool(marks.quote) and marks.quote in data,
            invalid_row_handler=skip,
        ),
        csv.ConvertOptions(
            column_types={str(number): pa.string() for number in range(len(names))},
            include_columns=[str(number) for number, name in enumerate(names) if taken is None or name in taken],
            null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False, check_utf8=False,
        ),
    )  # fmt: skip
    wanted = [name for name in names if taken is None or name in taken]
    columns = {name: _whole(column) for name, column in zip(wanted, table.columns, strict=True)}
    ends = count_lines(data) + (not data.endswith((b"\n", b"\r")))
    if not ragged and table.num_rows == ends:  # no record of several lines, and none of nothing
        return Records(lines=line_numbers(np.arange(line, line + ends)), columns=columns)
    starts, stops, lines, values = _layout(data, marks)
    is_record = stops > starts
    is_ragged = is_record & (values != len(names))
    assert int(is_ragged.sum()) == ragged  # noqa: S101  (two counts of one thing)
    rejects = (
        refused(
            line + int(lines[place]), data[starts[place] : stops[place]], _miscounted(int(values[place]), len(names))
        )
        for place in np.flatnonzero(is_ragged)
    )
    return Records(lines=line_numbers(line + lines[is_record & ~is_ragged]), columns=columns, rejects=tuple(rejects))


def _layout(data: bytes, marks: Punctuation) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Give of every record of well-formed text where it starts and stops, on which line from 0 it starts, and how many values it has."""
    raw = np.frombuffer(data, np.uint8)
    ends, separators = line_ends(raw), np.flatnonzero(raw == marks.separator[0])
    breaks = ends
    if marks.quote:
        quotes = np.flatnonzero(raw == marks.quote[0])
        breaks = ends[np.searchsorted(quotes, ends) % 2 == 0]
        separators = separators[np.searchsorted(quotes, separators) % 2 == 0]
    if not len(breaks) or breaks[-1] != len(raw) - 1:
        breaks = np.append(breaks, len(raw))
    starts = np.concatenate([[0], breaks[:-1] + 1])
    stops = breaks - ((breaks > starts) & (raw[np.minimum(breaks, len(raw)) - 1] == ord("\r")) & (breaks < len(raw)))
    values = np.searchsorted(separators, stops) - np.searchsorted(separators, starts) + 1
    return starts, stops, np.searchsorted(ends, starts), values


def _odd(feed: Feed, marks: Punctuation, names: Sequence[str], size: int) -> tuple[list[int], list[Any], list[Reject]]:
    """Read records one by one, and use as much of the feed."""
    lines: list[int] = []
    rows: list[Any] = []
    rejects: list[Reject] = []
    line, start = feed.line, 0
    while start < min(size, len(feed.data)) and (feed.is_over or start <= len(feed.data) - LONGEST_LINE):
        found = record(feed, start, marks)
        if found is None:
            if not start:
                return [], [], [feed.skip_line()]
            break
        problem = found.problem or why_unreadable(found.text)
        if not problem and len(found.values) != len(names):
            problem = _miscounted(len(found.values), len(names))
        if problem and found.text:
            rejects.append(refused(line, found.text, problem))
        elif found.text:
            lines.append(line)
            rows.append(found.values)
        line += len(re.findall(rb"\r\n|\n|\r", feed.data[start : found.next]))
        start = found.next
    feed.take(start)
    return lines, rows, rejects


def record(feed: Feed, start: int, marks: Punctuation) -> Record | None:
    """Read the record that begins at `start`; None where its line is too long."""
    data, place, unquoted = feed.data, start, marks.unquoted
    values: list[bytes | None] = []
    while True:
        if marks.quote and data.startswith(marks.quote, place):
            closing = _closing(data, place + 1, start + LONGEST_LINE, marks.quote)
            if closing is None:
                return _broken(feed, start, "a quote opens a value, and no quote closes it")
            values.append(data[place + 1 : closing].replace(marks.quote * 2, marks.quote))
            place = closing + 1
            if place < len(data) and not data.startswith((marks.separator, b"\n", b"\r"), place):
                return _broken(feed, start, "there is text behind the quote that closes a value")
        else:
            found = unquoted.match(data, place)
            assert found is not None  # noqa: S101  (it matches nothing, too)
            values.append(found.group() or None)
            place = found.end()
        if place - start > LONGEST_LINE:
            return None
        if not data.startswith(marks.separator, place):
            break
        place += len(marks.separator)
    if place == len(data) and not feed.is_over:
        return None
    following = place + (2 if data.startswith(b"\r\n", place) else 1)
    return Record(values, None, data[start:place], min(following, len(data)))


def _closing(data: bytes, place: int, limit: int, quote: bytes) -> int | None:
    while (place := data.find(quote, place, limit)) >= 0:
        if not data.startswith(quote, place + 1):
            return place
        place += 2
    return None


def _broken(feed: Feed, start: int, problem: str) -> Record | None:
    """Give up a record with the end of its first line."""
    ends = feed.end_of_line(start)
    return ends and Record((), problem, feed.data[start : ends[0]], ends[1])


def _made(
    lines: list[int], rows: list[Any], rejects: list[Reject], names: Sequence[str], taken: Sequence[str] | None
) -> Records:
    """Make records of rows that were read one by one."""
    columns = {
        name: pa.array([row[number] for row in rows], pa.binary()).cast(pa.string())
        for number, name in enumerate(names)
        if taken is None or name in taken
    }
    return Records(lines=pa.array(lines, pa.int64()), columns=columns, rejects=tuple(rejects))


def _miscounted(values: int, columns: int) -> str:
    return f"{values} values instead of {columns}"


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
