"""CREATE TABLE AS that keeps bound parameters; SQLAlchemy's own turns them into literal text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler


class CreateTableAs(sa.Executable, sa.ClauseElement):
    """Create `table` from the rows of `statement`. Only the table's name and schema are used.

    `prefixes` are the words before TABLE, such as UNLOGGED. `replaces` puts it in the place of a table of that name, where the database can.
    """

    inherit_cache = False

    def __init__(
        self,
        table: sa.TableClause,
        statement: sa.Select[Any],
        prefixes: Sequence[str] = (),
        *,
        replaces: bool = False,
    ) -> None:
        self.table = table
        self.replaces = replaces
        self.statement = statement
        self.prefixes = prefixes


@compiles(CreateTableAs)
def _create_table_as(element: CreateTableAs, compiler: SQLCompiler, **kw: Any) -> str:
    name = compiler.preparer.format_table(element.table)
    create = "CREATE OR REPLACE" if element.replaces else "CREATE"
    return f"{' '.join((create, *element.prefixes))} TABLE {name} AS {compiler.process(element.statement, **kw)}"


class TableStatement(sa.Executable, sa.ClauseElement):
    """A statement about one table, whose quoted name takes the place of `{}`."""

    inherit_cache = False

    def __init__(self, sql: str, table: sa.TableClause) -> None:
        self.sql = sql
        self.table = table


@compiles(TableStatement)
def _table_statement(element: TableStatement, compiler: SQLCompiler, **_kw: Any) -> str:
    return element.sql.format(compiler.preparer.format_table(element.table))


def drop_table(table: sa.TableClause) -> TableStatement:
    """Drop a table if it is there."""
    return TableStatement("DROP TABLE IF EXISTS {}", table)


def count_rows(table: sa.TableClause) -> TableStatement:
    """Count the rows of a table. A select does too, but its compiling costs as much as a small table's making."""
    return TableStatement("SELECT count(*) FROM {}", table)


def analyze(table: sa.TableClause) -> TableStatement:
    """Refresh the statistics of a table."""
    return TableStatement("ANALYZE {}", table)


class IndexKey(sa.Executable, sa.ClauseElement):
    """Index a table by some of its columns."""

    inherit_cache = False

    def __init__(self, table: sa.TableClause, columns: tuple[str, ...]) -> None:
        self.table = table
        self.columns = columns


@compiles(IndexKey)
def _index_key(element: IndexKey, compiler: SQLCompiler, **_kw: Any) -> str:
    quote = compiler.preparer.quote
    columns = ", ".join(map(quote, element.columns))
    return f"CREATE INDEX {quote(element.table.name + '_key')} ON {quote(element.table.name)} ({columns})"
