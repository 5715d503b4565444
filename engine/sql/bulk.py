"""Many rows in and out at an edge, the fastest way each database has; in Arrow batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa


class Bulk(Protocol):
    """How one database takes and gives many rows."""

    def load(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        """Append the rows of a batch to a table that has its columns, in their order."""

    def read(self, connection: sa.Connection, statement: sa.Select[Any], rows: int) -> Iterator[pa.RecordBatch]:
        """Give the rows of a statement, at most `rows` in a batch."""


class _DuckDB:
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


class _PostgreSQL:
    def load(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        compiled = sa.select(table).compile(dialect=connection.dialect)
        name = compiled.preparer.format_table(table)
        with _driver(connection).cursor() as cursor, cursor.copy(f"COPY {name} FROM STDIN") as copy:
            for row in _rows(batch):
                copy.write_row(row)

    def read(self, connection: sa.Connection, statement: sa.Select[Any], rows: int) -> Iterator[pa.RecordBatch]:
        return _streamed(connection, statement, rows)


class _SQLite:
    def load(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        names = batch.schema.names
        if batch.num_rows:
            connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in _rows(batch)])

    def read(self, connection: sa.Connection, statement: sa.Select[Any], rows: int) -> Iterator[pa.RecordBatch]:
        return _streamed(connection, statement, rows)


BULK: Mapping[str, Bulk] = {"duckdb": _DuckDB(), "postgresql": _PostgreSQL(), "sqlite": _SQLite()}


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _streamed(connection: sa.Connection, statement: sa.Select[Any], rows: int) -> Iterator[pa.RecordBatch]:
    # Told to this statement alone: options given to a connection stay, and an INSERT cannot be streamed.
    result = connection.execute(statement, execution_options={"stream_results": True, "yield_per": rows})
    names: Sequence[str] = list(result.keys())
    for partition in result.partitions(rows):
        columns = zip(*partition, strict=True)
        yield pa.RecordBatch.from_arrays([pa.array(column) for column in columns], names=list(names))
