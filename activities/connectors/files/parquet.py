"""Parquet files. A row's line is its number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial, reduce
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from activities.connectors.files.held import portable, written
from activities.connectors.files.records import Records, Reject, Table, Task, line_numbers
from engine.kit.errors import DataError
from engine.kit.types import TEXT

BATCH_ROWS = 100_000


def open_table(path: Path, taken: Sequence[str] | None) -> Table:
    """Open a file; its columns have the types they were written with."""
    try:
        file = parquet.ParquetFile(path)
        types = {field.name: field.type for field in file.schema_arrow}
    except (pa.ArrowException, OSError, UnicodeError) as problem:
        raise DataError(f"{path}: the file cannot be read as Parquet: {problem}", "have it written again") from None
    wanted = [name for name in types if taken is None or name in taken]
    return Table(names=tuple(file.schema_arrow.names), tasks=_tasks(path, file, wanted), types=types)


def _tasks(path: Path, file: parquet.ParquetFile, wanted: Sequence[str]) -> Iterator[Task]:
    line = 1
    with file:
        try:
            for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
                yield partial(_records, batch, line)
                line += batch.num_rows
        except (pa.ArrowException, OSError, UnicodeError) as problem:
            raise DataError(f"{path}:{line}: the file cannot be read on: {problem}", "have it written again") from None


def _records(batch: pa.RecordBatch, line: int) -> Records:
    """Number the rows; one with a NUL in a text is rejected, since no database holds it."""
    columns = {
        name: written(array) if portable(array.type) == TEXT else array
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
    }
    lines = line_numbers(np.arange(line, line + batch.num_rows))
    texts = (array for array in columns.values() if pa.types.is_string(array.type))
    found = [pc.fill_null(pc.match_substring(array, "\0"), False) for array in texts]
    holds_nul = reduce(pc.or_, found) if found else None
    if holds_nul is None or not pc.any(holds_nul).as_py():
        return Records(lines=lines, columns=columns)
    rejects = (
        Reject(line + place, None, None, "the row holds the character NUL")
        for place in pc.indices_nonzero(holds_nul).to_pylist()
    )
    kept = pc.invert(holds_nul)
    columns = {name: array.filter(kept) for name, array in columns.items()}
    return Records(lines=lines.filter(kept), columns=columns, rejects=tuple(rejects))
