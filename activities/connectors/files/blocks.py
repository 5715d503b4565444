"""Records made rows: every column a value of its type, and no row of which a value rejects its line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from activities.connectors.files.format import FileColumn
from activities.connectors.files.held import held, written
from activities.connectors.files.records import LONGEST_VALUE, Records, Reject
from activities.connectors.files.values import default_of, made, why_wrong
from engine.kit.types import Type

Declared = Mapping[str, FileColumn | None]
"""The columns to take, and what the author says of each."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Rows, rejected lines in their order, and how many values were ignored or defaulted."""

    rows: pa.RecordBatch
    rejects: Sequence[Reject]
    mended: Mapping[str, int]


def block(records: Records, declared: Declared, types: Mapping[str, Type], point: str) -> Block:
    """Make rows; `types` are those of the line's number and of the columns. Of a line's wrong values the first one rejects it."""
    is_rejected: pa.Array | None = None
    rejects = list(records.rejects)
    mended = {"ignored": 0, "defaulted": 0}
    arrays = [records.lines]
    for name, column in declared.items():
        array = records.columns.get(name)
        if array is None:
            array = pa.nulls(len(records.lines), pa.string())
        if column is None:
            column, found = FileColumn(type=types[name]), held(array, types[name])
        else:
            found = made(written(array), column, point)
        arrays.append(found.values)
        if found.wrong is None:
            continue
        match column.on_error:
            case "reject":
                is_new = found.wrong if is_rejected is None else pc.and_not(found.wrong, is_rejected)
                rejects += _rejects(name, column, records.lines, found.texts, is_new)
                is_rejected = found.wrong if is_rejected is None else pc.or_(found.wrong, is_rejected)
            case "ignore":
                arrays[-1] = pc.if_else(found.wrong, pa.scalar(None, found.values.type), found.values)
                mended["ignored"] += pc.sum(found.wrong).as_py()
            case "default":
                arrays[-1] = pc.if_else(found.wrong, default_of(column), found.values)
                mended["defaulted"] += pc.sum(found.wrong).as_py()
    rows = pa.RecordBatch.from_arrays(arrays, names=list(types))
    if is_rejected is not None:
        rows = rows.filter(pc.invert(is_rejected))
    return Block(rows=rows, rejects=sorted(rejects, key=lambda each: each.line), mended=mended)


def _rejects(name: str, column: FileColumn, lines: pa.Array, texts: pa.Array, is_wrong: pa.Array) -> list[Reject]:
    found = []
    for place in pc.indices_nonzero(is_wrong).to_pylist():
        text = texts[place].as_py()
        found.append(Reject(lines[place].as_py(), name, text and text[:LONGEST_VALUE], why_wrong(text, column)))
    return found
