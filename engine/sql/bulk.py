"""Many rows in and out at an edge, the fastest way each database has; in Arrow batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from engine.sql import binary_copy


class RowByRow:
    """What every database can do: rows as parameters of an insert, and a cursor that streams."""

    def load(self, connection: sa.Connection, table: sa.Table, batches: Iterator[pa.RecordBatch]) -> int:
        rows = 0
        for batch in batches:
            if batch.num_rows:
                connection.execute(table.insert(), batch.to_pylist())
            rows += batch.num_rows
        return rows

    def read(self, connection: sa.Connection, statement: sa.Select[Any], rows: int) -> Iterator[pa.RecordBatch]:
        # Told to this statement alone: options given to a connection stay, and an INSERT cannot be streamed.
        result = connection.execute(statement, execution_options={"stream_results": True, "yield_per": rows})
        names: Sequence[str] = list(result.keys())
        for partition in result.partitions(rows):
            columns = zip(*partition, strict=True)
            yield pa.RecordBatch.from_arrays([pa.array(column) for column in columns], names=list(names))


class InProcess:
    """DuckDB, which reads Arrow where it lies; in one statement, so that it writes what it has while more comes."""

    def load(self, connection: sa.Connection, table: sa.Table, batches: Iterator[pa.RecordBatch]) -> int:
        first = next(batches, None)
        if first is None:
            return 0
        counted = _Counted(chain([first], batches))
        driver = _driver(connection)
        driver.register("audienceflow_batches", pa.RecordBatchReader.from_batches(first.schema, counted.stream()))
        rows = sa.table("audienceflow_batches", *(sa.column(column.name, column.type) for column in table.columns))
        columns = [sa.cast(rows.c[column.name], column.type) for column in table.columns]
        connection.execute(table.insert().from_select(list(table.columns), sa.select(*columns)))
        driver.unregister("audienceflow_batches")
        if counted.problem is not None:
            raise counted.problem
        return counted.rows

    def read(self, connection: sa.Connection, statement: sa.Select[Any], rows: int) -> Iterator[pa.RecordBatch]:
        compiled = statement.compile(dialect=connection.dialect)
        parameters = [compiled.params[name] for name in compiled.positiontup or ()] or compiled.params
        yield from _driver(connection).execute(str(compiled), parameters).to_arrow_reader(rows)


class _Counted:
    """Batches on their way through Arrow's stream, which would bring an exception back as a text: the stream ends with it instead."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self.rows = 0
        self.problem: BaseException | None = None
        self._batches = batches

    def stream(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._batches:
                self.rows += batch.num_rows
                yield batch
        except BaseException as problem:
            self.problem = problem


class ByCopy(RowByRow):
    """PostgreSQL, by COPY in its binary format, which costs both sides less than a text."""

    def load(self, connection: sa.Connection, table: sa.Table, batches: Iterator[pa.RecordBatch]) -> int:
        quoted, columns = _quoted(connection, table)
        rows = 0
        # Names come with their percent signs doubled, for statements with parameters; this one has none.
        copy = f"COPY {quoted} ({columns}) FROM STDIN (FORMAT binary)".replace("%%", "%")
        names = [column.name for column in table.columns]
        with (
            _driver(connection).cursor() as cursor,
            cursor.copy(copy) as stream,
            ThreadPoolExecutor(1) as pool,  # sends a batch while the next one is read
        ):
            sent = pool.submit(stream.write, binary_copy.HEAD)
            for batch in batches:
                written = binary_copy.rows(batch.select(names))
                sent.result()
                sent = pool.submit(stream.write, written)
                rows += batch.num_rows
            sent.result()
            stream.write(binary_copy.TAIL)
        return rows


class ByDriver(RowByRow):
    """SQLite, whose driver takes tuples; values are written as SQLAlchemy would write them."""

    def load(self, connection: sa.Connection, table: sa.Table, batches: Iterator[pa.RecordBatch]) -> int:
        quoted, columns = _quoted(connection, table)
        places = ", ".join("?" for _ in table.columns)
        insert = f"INSERT INTO {quoted} ({columns}) VALUES ({places})"  # noqa: S608  (names, quoted)
        rows = 0
        for batch in batches:
            values = (_as_kept(batch.column(column.name)).to_pylist() for column in table.columns)
            _driver(connection).executemany(insert, zip(*values, strict=True))
            rows += batch.num_rows
        return rows


def _quoted(connection: sa.Connection, table: sa.Table) -> tuple[str, str]:
    """Give the quoted names of a table and of its columns."""
    preparer = connection.dialect.identifier_preparer
    return preparer.format_table(table), ", ".join(preparer.quote(column.name) for column in table.columns)


def _as_kept(column: pa.Array) -> pa.Array:
    """Give a column as SQLite keeps it: decimals as the nearest double, times as text, truth as 1 and 0."""
    if pa.types.is_decimal(column.type):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column.cast(pa.timestamp("us")), format="%Y-%m-%d %H:%M:%S")
    if pa.types.is_date(column.type):
        return column.cast(pa.string())
    return column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection
