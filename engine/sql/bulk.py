"""Many rows in and out at an edge, the fastest way each database has; in Arrow batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from pyarrow import csv


class RowByRow:
    """What every database can do: rows as parameters of an insert, and a cursor that streams."""

    def load(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        names = batch.schema.names
        if batch.num_rows:
            connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in _rows(batch)])

    def read(self, connection: sa.Connection, statement: sa.Select[Any], rows: int) -> Iterator[pa.RecordBatch]:
        # Told to this statement alone: options given to a connection stay, and an INSERT cannot be streamed.
        result = connection.execute(statement, execution_options={"stream_results": True, "yield_per": rows})
        names: Sequence[str] = list(result.keys())
        for partition in result.partitions(rows):
            columns = zip(*partition, strict=True)
            yield pa.RecordBatch.from_arrays([pa.array(column) for column in columns], names=list(names))


class InProcess:
    """DuckDB, which reads Arrow where it lies."""

    def load(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        driver = _driver(connection)
        driver.register("audienceflow_batch", pa.Table.from_batches([batch]))
        rows = sa.table("audienceflow_batch", *(sa.column(name, table.c[name].type) for name in batch.schema.names))
        columns = [sa.cast(rows.c[column.name], column.type) for column in table.columns]
        connection.execute(table.insert().from_select(list(table.columns), sa.select(*columns)))
        driver.unregister("audienceflow_batch")

    def read(self, connection: sa.Connection, statement: sa.Select[Any], rows: int) -> Iterator[pa.RecordBatch]:
        compiled = statement.compile(dialect=connection.dialect)
        parameters = [compiled.params[name] for name in compiled.positiontup or ()] or compiled.params
        yield from _driver(connection).execute(str(compiled), parameters).to_arrow_reader(rows)


class ByCopy(RowByRow):
    """PostgreSQL, by COPY. Arrow writes the CSV: texts in quotes, nulls as nothing, which is how COPY reads it."""

    def load(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        preparer = sa.select(table).compile(dialect=connection.dialect).preparer
        columns = ", ".join(map(preparer.quote, batch.schema.names))
        written = pa.BufferOutputStream()
        csv.write_csv(batch, written, csv.WriteOptions(include_header=False, quoting_style="needed"))
        copy = f"COPY {preparer.format_table(table)} ({columns}) FROM STDIN (FORMAT csv)"
        with _driver(connection).cursor() as cursor, cursor.copy(copy) as stream:
            stream.write(memoryview(written.getvalue()))


class ByDriver(RowByRow):
    """SQLite, whose driver takes tuples; values are written as SQLAlchemy would write them."""

    def load(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        preparer = sa.select(table).compile(dialect=connection.dialect).preparer
        columns = ", ".join(map(preparer.quote, batch.schema.names))
        places = ", ".join("?" for _ in batch.schema.names)
        insert = f"INSERT INTO {preparer.format_table(table)} ({columns}) VALUES ({places})"  # noqa: S608  (quoted names)
        rows = zip(*(_as_kept(column).to_pylist() for column in batch.columns), strict=True)
        _driver(connection).executemany(insert, rows)


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


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)
