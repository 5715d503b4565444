"""The tables of a test: their columns, as the project's own database has them or as the test's rows show them, and their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.app.project import Project
from engine.app.testing import values
from engine.app.testing.written import Rows, WrittenTest
from engine.kit.catalog import Definition
from engine.kit.errors import AudienceflowError, AuthorError, Diagnostic, suggestion
from engine.kit.option import Scalar
from engine.kit.population import Population
from engine.kit.types import TEXT, Kind, Type, from_sqlalchemy, to_sqlalchemy
from engine.lang.source import Block
from engine.sql.catalog import tables_named
from engine.sql.database import Database
from engine.sql.dialects import DIALECTS
from engine.sql.ledger import Ledger

DEFAULT_DIALECT = "duckdb"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The columns of a table, and its primary key where it has one. `is_known` says that no other column exists."""

    columns: Mapping[str, Type]
    key: tuple[str, ...] = ()
    is_known: bool = False


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the project's own database says. Nothing of its rows is read."""

    tables: Mapping[str, sa.Table] = field(default_factory=dict)
    lists: Mapping[str, Population] = field(default_factory=dict)
    is_open: bool = False


def known(project: Project, names: Iterable[str], db: Database | None = None) -> Known:
    """Ask the project's database, `db` where it is open already, about tables and lists, reading only; nothing where it cannot be opened."""
    if db is not None:
        return _known(db, names)
    url = sa.make_url(project.database_url())
    if _is_file(url) and not (url.database and Path(url.database).is_file()):
        return Known()
    settings = project.databases["default"]
    try:
        with Database(project.database_url(), work_schema=settings.work_schema, read_only=True) as db:
            return _known(db, names)
    except (AudienceflowError, sa.exc.SQLAlchemyError):
        return Known()


def _known(db: Database, names: Iterable[str]) -> Known:
    tables = {name: table for name in names if (table := _reflected(db, name)) is not None}
    return Known(tables=tables, lists=Ledger(db).read_lists(), is_open=True)


def url_of_tests(project: Project) -> str:
    """Give the URL of a fresh database in memory: of the project's kind where that is a file, else the default."""
    url = sa.make_url(project.database_url())
    return f"{url.get_backend_name() if _is_file(url) else DEFAULT_DIALECT}:///:memory:"


def shapes(definitions: Mapping[str, Definition], known: Known, tests: Sequence[WrittenTest]) -> dict[str, Shape]:
    """Give the shape of every table that a dimension, a link or a test names.

    Where the database does not say, columns are those of keys, links and rows, and the types are inferred over all tests of the
    file. Raises AuthorError with every table and column that does not exist.
    """
    written: dict[str, list[Block]] = {}
    problems: list[Diagnostic] = []
    for test in tests:
        for name, rows in test.tables.items():
            written.setdefault(str(name), []).extend(rows)
            if name not in tables_named(definitions) and name not in known.tables:
                problems.append(
                    Diagnostic(
                        name.span,
                        "U013",
                        f"there is no table '{name}'",
                        suggestion(name, tables_named(definitions), "tables"),
                    )
                )
    reflected = {name: _shape(table, written.get(name, [])) for name, table in known.tables.items()}
    for table, shape in reflected.items():
        problems.extend(unknown_columns(written.get(table, []), shape.columns, f"the table '{table}'"))
    if problems:
        raise AuthorError(*problems)
    return {**_inferred(definitions, reflected, written, tests), **reflected}


def unknown_columns(rows: Iterable[Block], columns: Iterable[str], whose: str) -> Iterator[Diagnostic]:
    """Give a diagnostic for every column of the rows that does not exist, once each."""
    there_are = set(columns)
    for column in {str(column): column for row in rows for column in row if column not in there_are}.values():
        yield Diagnostic(
            column.span, "U014", f"{whose} has no column '{column}'", suggestion(column, there_are, "columns")
        )


def typed_tables(shapes: Mapping[str, Shape], written: Mapping[Scalar, Rows]) -> dict[str, list[dict[str, Any]]]:
    """Type the rows of all tables. Raises AuthorError for values that are not of their column's type, and keys that repeat."""
    problems: list[Diagnostic] = []
    found = {}
    for name, rows in written.items():
        found[str(name)] = typed(rows, shapes[name].columns, problems)
        problems.extend(repeated(rows, found[str(name)], shapes[name].key))
    if problems:
        raise AuthorError(*problems)
    return found


def fill(db: Database, shapes: Mapping[str, Shape], rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Make all tables that are not there and put the rows in."""
    metadata = sa.MetaData()
    tables = {name: _table(name, shape, metadata) for name, shape in shapes.items()}
    with db.transaction() as connection:
        for schema in sorted({table.schema for table in tables.values() if table.schema}):
            connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
        metadata.create_all(connection)
        for name, found in rows.items():
            if found:
                connection.execute(tables[name].insert(), list(found))


def drop(db: Database, names: Iterable[str]) -> None:
    """Drop the tables that are there, so that they are made again."""
    with db.transaction() as connection:
        for name in names:
            _table(name, Shape(columns={}), sa.MetaData()).drop(connection, checkfirst=True)


def work_table(
    db: Database, target: sa.TableClause, columns: Mapping[str, Type], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Make a table of ours that holds the rows."""
    table = sa.Table(target.name, sa.MetaData(), *_columns(columns), schema=target.schema)
    with db.transaction() as connection:
        table.create(connection)
        if rows:
            connection.execute(table.insert(), list(rows))


def typed(rows: Rows, columns: Mapping[str, Type], problems: list[Diagnostic]) -> list[dict[str, Any]]:
    """Give rows with a value for every column, null where the row says nothing; texts that are no such value are `problems`."""
    return [{name: _value(row, name, type_, problems) for name, type_ in columns.items()} for row in rows]


def repeated(rows: Rows, typed: Sequence[Mapping[str, Any]], key: tuple[str, ...]) -> Iterator[Diagnostic]:
    """Give a diagnostic for every row without its key, or with that of an earlier row."""
    seen: dict[tuple[Any, ...], Block] = {}
    for row, values_ in zip(rows, typed, strict=True):
        found = tuple(values_[name] for name in key)
        if None in found:
            yield Diagnostic(row.span, "U016", "this row has no key", f"add '{key[found.index(None)]}: …'")
        elif key and found in seen:
            yield Diagnostic(row.span, "U016", f"the key {', '.join(map(values.shown, found))} stands here twice",
                             f"change one; the first is in line {seen[found].span.line}")  # fmt: skip
        seen.setdefault(found, row)


def texts(rows: Iterable[Block], column: str) -> list[str | None]:
    """Give what the rows say of a column."""
    return [row[column] for row in rows if column in row]


def _is_file(url: sa.URL) -> bool:
    name = url.get_backend_name()
    return name in DIALECTS and DIALECTS[name].capabilities.is_file


def _reflected(db: Database, name: str) -> sa.Table | None:
    try:
        return db.reflect(name)
    except AuthorError:
        return None


def _shape(table: sa.Table, rows: Iterable[Block]) -> Shape:
    columns = {column.name: from_sqlalchemy(column.type) for column in table.columns}
    for name, type_ in columns.items():
        if type_.kind == Kind.OTHER:
            columns[name] = values.infer(texts(rows, name)) or TEXT
    return Shape(columns=columns, key=tuple(column.name for column in table.primary_key.columns), is_known=True)


def _inferred(
    definitions: Mapping[str, Definition],
    reflected: Mapping[str, Shape],
    written: Mapping[str, Sequence[Block]],
    tests: Sequence[WrittenTest],
) -> dict[str, Shape]:
    """Infer the shapes of the tables that the database does not know."""
    columns: dict[str, dict[str, Type | None]] = {name: {} for name in tables_named(definitions) | set(written)}
    for definition in definitions.values():
        for name in (*definition.key, *definition.personal):
            columns[definition.table].setdefault(name, None)
    pairs = list(_links(definitions))
    for side in (side for pair in pairs for side in pair):
        columns[side[0]].setdefault(side[1], None)
    for table, rows in written.items():
        for name in dict.fromkeys(str(column) for row in rows for column in row):
            columns[table][name] = values.infer(texts(rows, name))
    for table, shape in reflected.items():
        columns[table] = dict(shape.columns)
    for definition in definitions.values():
        for name in definition.key:
            columns[definition.table][name] = columns[definition.table][name] or values.infer(
                _keys_elsewhere(tests, definition.key, name)
            )
    for _ in pairs:  # a type travels along a chain of links, one link a round
        for (table, name), (other, theirs) in (*pairs, *((right, left) for left, right in pairs)):
            columns[table][name] = columns[table][name] or columns[other][theirs]
    return {
        table: Shape(columns={name: type_ or TEXT for name, type_ in found.items()} or {"nothing": TEXT})
        for table, found in columns.items()
        if table not in reflected
    }


def _links(definitions: Mapping[str, Definition]) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
    """Give the pairs of table and column that links hold equal."""
    for definition in definitions.values():
        for link in definition.links.values():
            if link.is_table or link.target in definitions:
                theirs = link.target if link.is_table else definitions[link.target].table
                yield from (((definition.table, ours), (theirs, their)) for ours, their in link.on)


def _keys_elsewhere(tests: Iterable[WrittenTest], key: tuple[str, ...], name: str) -> Iterator[str | None]:
    """Give what inputs and lists say of a column of a key: rows with the whole key."""
    for test in tests:
        for rows in (*test.given.values(), *test.lists.values()):
            yield from (row[name] for row in rows or () if set(key) <= set(row))


def _table(name: str, shape: Shape, metadata: sa.MetaData) -> sa.Table:
    schema, _, bare = name.rpartition(".")
    return sa.Table(bare, metadata, *_columns(shape.columns, shape.key), schema=schema or None)


def _columns(columns: Mapping[str, Type], key: tuple[str, ...] = ()) -> Iterator[sa.Column[Any]]:
    for name, type_ in columns.items():
        stored = to_sqlalchemy(TEXT if type_.kind == Kind.OTHER else type_)
        yield sa.Column(name, stored, primary_key=name in key, autoincrement=False)


def _value(row: Block, name: str, type_: Type, problems: list[Diagnostic]) -> Any:
    text: Scalar | None = row.get(name)
    try:
        return values.stored(text, type_)
    except ValueError as wanted:
        problems.append(
            Diagnostic(
                text.span if text is not None else row.span,
                "U015",
                f"'{text}' is no value of '{name}', which is {type_}",
                f"write {_said(wanted, type_)}",
            )
        )
        return None


def _said(wanted: ValueError, type_: Type) -> str:
    said = str(wanted)
    return said if said.startswith(("a ", "true")) else f"a {type_.kind}"
