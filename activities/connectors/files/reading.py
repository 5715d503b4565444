"""A file of rows, read from its beginning to its end: batches of values, and the lines that were rejected."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile

import pyarrow as pa

from activities.connectors.files import delimited, fixed_width, json_lines, parquet
from activities.connectors.files.blocks import Block, Declared, block
from activities.connectors.files.content import chunks
from activities.connectors.files.delimited import Punctuation
from activities.connectors.files.feed import Feed
from activities.connectors.files.format import REJECTS, Errors, FileColumn, FileFormat, number_of
from activities.connectors.files.held import is_written, portable
from activities.connectors.files.records import Reject, Table, Task, done_ahead
from activities.connectors.files.values import arrow_type
from engine.kit.errors import DataError, suggested_file
from engine.kit.types import INTEGER, Type

MOST_PROBLEMS = 5
MOST_WAITING = 10_000
MOST_COLUMNS = 1_000


class Reading:
    """A file that is open, until it is closed: `columns` says of which types its rows are, `number` which column holds the numbers of their lines.

    The rows are read first; then the rejects are there, and what was counted. No number of lines makes it take more memory.
    """

    def __init__(
        self, path: Path, table: Table, declared: Declared, columns: Mapping[str, Type], errors: Errors, point: str
    ) -> None:
        self.columns = columns
        self.number = next(iter(columns))
        self._path = path
        self._errors = errors
        self._tasks = (partial(_made, task, declared, columns, point) for task in table.tasks)
        self._spool = _Spool()
        self._mended = {"ignored": 0, "defaulted": 0}
        self._rows = 0

    def close(self) -> None:
        """Let the file go, and what was put aside of it."""
        self._tasks.close()
        self._spool.close()

    @property
    def counts(self) -> Mapping[str, int]:
        """Give how many records there were, and where there were any, how many were rejected, and values ignored or defaulted."""
        counts = {"rejected": self._spool.count, **self._mended}
        return {
            "lines": self._rows + self._spool.count,
            **{name: count for name, count in counts.items() if count},
        }

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Read the file. Raises DataError in the end when more lines were rejected than the author allows."""
        allowed = self._errors.at_most
        with closing(done_ahead(self._tasks)) as blocks:
            for found in blocks:
                self._rows += found.rows.num_rows
                self._spool.add(found.rejects)
                self._mended = {name: count + found.mended[name] for name, count in self._mended.items()}
                if allowed.is_share or allowed.permits(self._spool.count, 0):
                    yield found.rows
        if not allowed.permits(self._spool.count, self._rows + self._spool.count):
            raise self._too_many()

    def rejects(self) -> Iterator[pa.RecordBatch]:
        """Give the rejected lines in their order, with the columns `REJECTS`."""
        return self._spool.batches()

    def _too_many(self) -> DataError:
        first = islice((row for batch in self._spool.batches() for row in batch.to_pylist()), MOST_PROBLEMS)
        problems = [
            f"{self._path}:{row['line']}: {row['column'] + ': ' if row['column'] else ''}{row['reason']}"
            for row in first
        ]
        more = self._spool.count - len(problems)
        if more:
            problems.append(f"… and {more:,} more lines")
        fix = "correct the file, or write 'errors: {at_most: 100}' to go on with so many lines rejected"
        return DataError("\n".join(problems), fix)


def read(
    path: Path, written: FileFormat, columns: Mapping[str, FileColumn], errors: Errors, needed: Mapping[str, str]
) -> Reading:
    """Open a file; `columns` are those to take, all of them where there are none; `needed` says of some what they are.

    Raises DataError when it is not there, or has not these columns.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}", suggested_file(path))
    header, table = _open(path, written, columns)
    _check_header(path, header, table.names, {**dict.fromkeys(columns, ""), **needed})
    declared: Declared = columns or dict.fromkeys(table.names)
    types: dict[str, Type] = {number_of(declared): INTEGER}
    for name, column in declared.items():
        types[name] = _type(path, name, column, table.types.get(name, pa.string()))
    return Reading(path, table, declared, types, errors, written.decimal_separator)


def _open(path: Path, written: FileFormat, columns: Mapping[str, FileColumn]) -> tuple[int, Table]:
    """Give the line of the header, and the table."""
    kind = written.kind(path)
    taken = list(columns) or None
    if kind == "parquet":
        return 1, parquet.open_table(path, taken)
    feed = Feed(chunks(path, written.encoding))
    feed.skip_lines(written.skip_lines)
    line = feed.line
    if kind == "fixed_width":
        return line, fixed_width.open_table(feed, _widths(path, columns))
    if kind == "json_lines":
        table = json_lines.open_table(feed, taken)
    else:
        quote = "" if written.quote == "none" else written.quote
        marks = Punctuation(separator=written.separator_of(path).encode(), quote=quote.encode())
        if not written.header and not columns:
            raise DataError(f"{path}: nothing names the columns", "write 'columns:' with their names in order")
        table = delimited.open_table(feed, marks, None if written.header else taken, taken)
    if isinstance(table, Reject):
        raise DataError(f"{path}:{table.line}: {table.reason}", "correct the line, or write 'skip_lines: 1'")
    return line, table


def _widths(path: Path, columns: Mapping[str, FileColumn]) -> Mapping[str, int]:
    without = next((name for name, column in columns.items() if column.width is None), None)
    if without is not None or not columns:
        what = f"the column '{without}' has no width" if without else "nothing says where its columns are"
        raise DataError(f"{path}: {what}", "write 'columns:' with a 'width' each, in order")
    return {name: column.width for name, column in columns.items() if column.width is not None}


def _other_separator(header: Sequence[str], missing: str) -> str:
    """Say what to type where the one name of a header is several between other marks, the missing one among them."""
    marks = (mark for mark in (";", "\t", "|", ",") if len(header) == 1 and missing in header[0].split(mark))
    return next((f"write 'format: {{separator: {json.dumps(mark)}}}'" for mark in marks), "")


def _check_header(path: Path, line: int, header: Sequence[str], needed: Mapping[str, str]) -> None:
    if len(header) > MOST_COLUMNS:
        raise DataError(f"{path}:{line}: the header has {len(header):,} columns", f"keep {MOST_COLUMNS:,} at most")
    missing = next((name for name in needed if name not in header), None)
    if missing is not None:
        what = f", {needed[missing]}" if needed[missing] else ""
        raise DataError(
            f"{path}:{line}: the header has no column '{missing}'{what}",
            _other_separator(header, missing)
            or f"name it in the header (there: {', '.join(header) or 'nothing'}), or say with 'format' how the file is written",
        )
    if not header:
        raise DataError(f"{path}:{line}: the header names no column", "write the names of the columns")
    if any("\0" in name for name in header):
        raise DataError(f"{path}:{line}: the header names a column with the character NUL", "give it another name")
    first = {_told_apart(name): place for place, name in reversed(list(enumerate(header)))}
    repeated = [name for place, name in enumerate(header) if not name or first[_told_apart(name)] < place]
    if repeated:
        what = f"names the column '{repeated[0]}' twice" if repeated[0] else "has a column without a name"
        raise DataError(f"{path}:{line}: the header {what}", "give every column a name of its own")


def _told_apart(name: str) -> bytes:
    """Give what databases tell columns apart by: no case, and in PostgreSQL the first 63 bytes."""
    return name.lower().encode()[:63]


def _type(path: Path, name: str, column: FileColumn | None, held: pa.DataType) -> Type:
    """Give the type of a column: the one that the author says, or the one it has."""
    found = portable(held) if column is None else column.type if is_written(held) else None
    if found is None:
        fix = "say with 'columns' which other columns to take"
        raise DataError(f"{path}: the column '{name}' holds {held}, which no list does", fix)
    return found


def _made(task: Task, declared: Declared, columns: Mapping[str, Type], point: str) -> Block:
    return block(task(), declared, columns, point)


class _Spool:
    """Rejected lines, in one file without a name as soon as there are many."""

    def __init__(self) -> None:
        self.count = 0
        self._schema = pa.schema([(name, arrow_type(type_)) for name, type_ in REJECTS.items()])
        self._waiting: list[Reject] = []
        self._file = SpooledTemporaryFile(max_size=1)  # noqa: SIM115  (it lives as long as the rejects are asked for)
        self._stream: pa.ipc.RecordBatchStreamWriter | None = None

    def add(self, rejects: Sequence[Reject]) -> None:
        self.count += len(rejects)
        self._waiting += rejects
        if len(self._waiting) >= MOST_WAITING:
            if self._stream is None:
                self._stream = pa.ipc.new_stream(self._file, self._schema)
            self._stream.write_batch(self._batch())
            self._waiting = []

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Give what was added, when nothing more will be."""
        if self._stream is not None:
            self._stream.close()
            self._file.seek(0)
            yield from pa.ipc.open_stream(self._file)
        yield self._batch()

    def close(self) -> None:
        self._file.close()

    def _batch(self) -> pa.RecordBatch:
        columns = list(zip(*((each.line, each.column, each.value, each.reason) for each in self._waiting), strict=True))
        arrays = [pa.array(column, field.type) for column, field in zip(columns or [()] * 4, self._schema, strict=True)]
        return pa.record_batch(arrays, schema=self._schema)
