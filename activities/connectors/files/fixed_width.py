"""Columns of fixed widths, in characters. The blanks that fill a column up do not count."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import accumulate

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from activities.connectors.files.feed import Feed, line_ends, pieces
from activities.connectors.files.records import Records, Table, line_numbers, refused


def open_table(feed: Feed, widths: Mapping[str, int]) -> Table:
    """Open what is left of a file.

    A line has a character for each place, but that its last column may be shorter, or missing; others are rejected.
    """
    return Table(names=tuple(widths), tasks=pieces(feed, partial(_block, widths=widths)))


def _block(data: bytes, line: int, widths: Mapping[str, int]) -> Records:
    ends = line_ends(np.frombuffer(data, np.uint8)) + 1
    if not len(ends) or ends[-1] != len(data):
        ends = np.append(ends, len(data))
    offsets = pa.py_buffer(np.concatenate([[0], ends]).astype(np.int32))
    texts = pc.utf8_rtrim(pa.StringArray.from_buffers(len(ends), offsets, pa.py_buffer(data)), characters="\r\n")
    lengths = pc.utf8_length(texts)
    stops = list(accumulate(widths.values()))
    longest, shortest = stops[-1], stops[-2] if len(stops) > 1 else 1
    is_record = pc.greater(lengths, 0)
    is_wrong = pc.and_(is_record, pc.or_(pc.greater(lengths, longest), pc.less(lengths, shortest)))
    rejects = (
        refused(line + place, texts[place].as_py().encode(), f"{lengths[place]} characters instead of {longest}")
        for place in pc.indices_nonzero(is_wrong).to_pylist()
    )
    is_good = pc.and_not(is_record, is_wrong)
    good = texts.filter(is_good)
    columns = {
        name: _or_null(pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(good, stop - width, stop)))
        for (name, width), stop in zip(widths.items(), stops, strict=True)
    }
    lines = line_numbers(np.arange(line, line + len(texts))).filter(is_good)
    return Records(lines=lines, columns=columns, rejects=tuple(rejects))


def _or_null(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
