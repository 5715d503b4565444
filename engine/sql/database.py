"""A database: its connection, its dialect, the tables a project refers to, and the work tables we make in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from engine.kit.dialect import Dialect, TableShape
from engine.kit.errors import AuthorError, DataError, RetryLater, Span, suggestion
from engine.kit.population import Population
from engine.kit.types import Type, to_sqlalchemy
from engine.sql import names
from engine.sql.ddl import CreateTableAs, IndexKey, analyze, count_rows, drop_table
from engine.sql.dialects import DIALECTS

if TYPE_CHECKING:  # Arrow is heavy, and most commands read no rows
    import pyarrow as pa

BATCH_ROWS = 50_000


class Database:
    """One connection to a database, used by one thread, and the schema in which our own tables live."""

    def __init__(self, url: str, *, work_schema: str = "audienceflow", read_only: bool = False) -> None:
        """Connect at first use. Raises AuthorError when there is no dialect for the URL."""
        try:
            self.url = sa.make_url(url)
            name = self.url.get_backend_name()
            if name not in DIALECTS:
                raise AuthorError.at(
                    None,
                    "P010",
                    f"the engine does not know the database '{name}'",
                    suggestion(name, DIALECTS, "databases"),
                )
            self.dialect: Dialect = DIALECTS[name]
            self.engine = sa.create_engine(
                self.dialect.address(self.url, read_only=read_only),
                poolclass=sa.pool.StaticPool,
                connect_args=self._connect_arguments(read_only),
                max_identifier_length=self.dialect.capabilities.longest_name,  # duckdb's dialect has PostgreSQL's 63
                enable_from_linting=False,  # it takes a join to totals inside CREATE TABLE AS for a cartesian product
            )
        except (sa.exc.ArgumentError, NoSuchModuleError) as problem:
            is_url = isinstance(problem, NoSuchModuleError)
            raise AuthorError.at(
                None,
                "P010",
                f"the database URL cannot be used: {problem}" if is_url else "this is no URL of a database",
                "write duckdb:///file, sqlite:///file or postgresql://…",
            ) from None
        self.schema = work_schema
        self._tables: dict[str, sa.Table] = {}
        self._open: sa.Connection | None = None
        self._is_rehearsing = False
        self._rehearsed: sa.Transaction | None = None
        self._passing: set[str] = set()
        self.dialect.configure(self.engine)
        sa.event.listen(self.engine, "connect", lambda opened, _record: self.dialect.on_connect(opened))
        if begin := self.dialect.begin(read_only=read_only):
            sa.event.listen(self.engine, "begin", lambda connection: connection.exec_driver_sql(begin) and None)

    def _connect_arguments(self, read_only: bool) -> Mapping[str, Any]:
        is_file = self.dialect.capabilities.is_file and self.url.database not in (None, "", ":memory:")
        if is_file and not read_only:
            Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True)
        return self.dialect.connect_arguments(read_only=read_only)

    @property
    def connection(self) -> sa.Connection:
        """Give the one connection; DataError when the database cannot be reached or is held by another process."""
        if self._open is None or self._open.closed:
            try:
                self._open = self.engine.connect()
            except SQLAlchemyError as problem:
                is_there = not self.dialect.capabilities.is_file or Path(str(self.url.database)).exists()
                raise DataError(
                    f"the database {self.url.render_as_string(hide_password=True)} cannot be opened: "
                    f"{_first_line(problem) if is_there else 'there is no such file'}",
                    f"{'close the program that holds it' if is_there else 'make it'}, or check the URL in project.yaml",
                ) from None
        return self._open

    def close(self) -> None:
        """Let the connection go."""
        if self._open is not None:
            self._open.close()
            self._open = None
        self.engine.dispose()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def rolled_back(self) -> Iterator[None]:
        """Undo in the end all that is done inside; the transactions inside are parts of one. An error of the database ends it.

        Where there are tables that pass with the connection, the one transaction begins when something else than those is
        written: what a transaction made itself, the database reads with a bad plan.
        """
        self._is_rehearsing = True
        try:
            if not self.dialect.capabilities.passing:
                self._whole()
            yield
        finally:
            whole, self._rehearsed, self._is_rehearsing = self._rehearsed, None, False
            if whole is not None and whole.is_active:
                whole.rollback()
            self.drop(sa.table(name, schema=self.dialect.capabilities.passing) for name in self._passing)
            self._passing.clear()

    def _whole(self) -> sa.Transaction:
        """Give the one transaction that will be rolled back."""
        if self._rehearsed is None:
            self._rehearsed = self._begun(self.connection)
            if self.dialect.at_one_moment:
                self.connection.exec_driver_sql(self.dialect.at_one_moment)
        return self._rehearsed

    @contextmanager
    def transaction(self, *, at_one_moment: bool = False) -> Iterator[sa.Connection]:
        """Do all or nothing. A lost connection is opened anew by the next transaction.

        `at_one_moment`: all of its statements see the rows of others as they are when it begins.
        """
        connection = self.connection
        if self._is_rehearsing:
            with self._as_part(self._whole()):
                yield connection
            return
        try:
            with self._begun(connection):
                if at_one_moment and self.dialect.at_one_moment:
                    connection.exec_driver_sql(self.dialect.at_one_moment)
                yield connection
        except DBAPIError as problem:
            if problem.connection_invalidated:
                self.close()
            raise

    @contextmanager
    def making(self) -> Iterator[None]:
        """Make work tables, all or none, of the rows of others as they are at one moment."""
        if self._is_rehearsing and self._rehearsed is None:
            yield
        else:
            with self.transaction(at_one_moment=True):
                yield

    @contextmanager
    def making_from(self, stage: sa.TableClause, population: Population) -> Iterator[Population]:
        """Make work tables, as `making`, out of one that is made before and dropped then."""
        passing = self.dialect.capabilities.passing
        if passing is None:
            with self.making():
                yield self.create(stage, population)
                self.drop([stage])
            return
        passing_stage = sa.table(stage.name, schema=passing)
        made = self.create(passing_stage, population)
        try:
            with self.making():
                yield made
        finally:
            if not self._is_over:
                self.drop([passing_stage])

    @contextmanager
    def _as_part(self, whole: sa.Transaction) -> Iterator[None]:
        """Do a part of a transaction that will be rolled back."""
        self._hold_open()
        try:
            yield
        except DBAPIError:
            whole.rollback()
            raise

    @property
    def _is_over(self) -> bool:
        """Say whether an error has ended the transaction that was to be rolled back; no database goes on with it."""
        return self._rehearsed is not None and not self._rehearsed.is_active

    def _hold_open(self) -> None:
        if self._is_over:
            raise DataError("nothing more can be known, since the database refused what came before", "mend that first")

    def reflect(self, table: str, span: Span | None = None) -> sa.Table:
        """Give a table with its columns, `schema.table` or `table`; AuthorError when it does not exist."""
        if table not in self._tables:
            schema, _, name = table.rpartition(".")
            connection = self.connection
            try:
                with self.reading():
                    shape = self.dialect.reflect(connection, name, schema or None)
                self._tables[table] = shaped(table, shape)
            except NoSuchTableError:
                with self.reading():
                    existing = sa.inspect(connection).get_table_names(schema or None)
                raise AuthorError.at(
                    span,
                    "E202",
                    f"the table '{table}' does not exist in the database",
                    suggestion(name, existing, "tables"),
                ) from None
        return self._tables[table]

    @property
    def reflected(self) -> Mapping[str, sa.Table]:
        """Give the tables that were read so far, by the names they were asked for."""
        return self._tables

    def ensure_schema(self, tables: Iterable[sa.Table] = ()) -> None:
        """Make what is not there of the schema of our own tables, and of these tables in it; many programs may do so at once."""
        with self.transaction() as connection:
            self.dialect.take_turns(connection, f"make tables in {self.schema}")
            if self.dialect.capabilities.schemas:
                connection.execute(sa.schema.CreateSchema(self.schema, if_not_exists=True))
            for table in tables:
                connection.execute(sa.schema.CreateTable(table, if_not_exists=True))

    def name(self, kind: str, *parts: str) -> sa.TableClause:
        """Name a table of ours. Work tables that will be rolled back pass with the connection, where there are such tables."""
        capabilities = self.dialect.capabilities
        named = names.table(kind, parts, self.schema, capabilities)
        passes = kind == names.WORK and self._is_rehearsing and capabilities.passing
        return sa.table(named.name, schema=capabilities.passing) if passes else named

    def tables(self, kind: str) -> set[str]:
        """Name the tables of ours of a kind that there are."""
        capabilities = self.dialect.capabilities
        with self.reading() as connection:
            found = sa.inspect(connection).get_table_names(self.schema if capabilities.schemas else None)
        return {name for name in found if name.startswith(f"{names.beginning(kind, (), self.schema, capabilities)}_")}

    def is_of(self, name: str, kind: str, *parts: str) -> bool:
        """Say that a table's name may be of these parts; see `names.beginning`."""
        return name.startswith(names.beginning(kind, parts, self.schema, self.dialect.capabilities))

    def named(self, name: str) -> sa.TableClause:
        """Give a table of ours by the whole name it was given before."""
        return sa.table(name, schema=self.schema if self.dialect.capabilities.schemas else None)

    def create(self, target: sa.TableClause, population: Population, *, kept: bool = False) -> Population:
        """Make a table of the population and give the population over it, counted; rows whose key repeats are a DataError.

        Made in the transaction that is open, or in one of its own. `kept`: the table outlives the run and is logged.
        """
        connection = self.connection
        capabilities = self.dialect.capabilities
        with self.reading():
            if not capabilities.or_replace:
                connection.execute(drop_table(target))
            prefixes = self._prefixes(target, kept=kept)
            created = CreateTableAs(target, _statement(population), prefixes, replaces=capabilities.or_replace)
            connection.execute(created)
            if capabilities.index_keys:
                connection.execute(IndexKey(target, population.key))
            if capabilities.analyze_after_create:
                connection.execute(analyze(target))
            stored = stored_population(target, population)
            count = connection.execute(count_rows(target)).scalar_one() if population.unique else self.count(stored)
            return replace(stored, count=int(count), unique=True)

    def count(self, population: Population) -> int:
        """Count the rows, and hold them against the key where it is not known to be unique, in one scan."""
        if population.unique:
            return int(self._scalar(sa.select(sa.func.count()).select_from(population.relation)))
        groups = (
            sa.select(sa.func.count().label("rows"))
            .select_from(population.relation)
            .group_by(*population.key_columns)
            .subquery()
        )
        total, repeated = self._row(
            sa.select(
                sa.func.coalesce(sa.func.sum(groups.c.rows), 0), sa.func.count().filter(groups.c.rows > 1)
            ).select_from(groups)
        )
        if repeated:
            raise DataError(
                f"{int(repeated):,} keys ({', '.join(population.key)}) stand on more than one row", population.mend
            )
        return int(total)

    def rows_of(self, table: sa.TableClause) -> int | None:
        """Count a table of ours; absent when it is not there."""
        connection = self.connection
        with self.reading():
            if not self.dialect.has_table(connection, table.name, table.schema):
                return None
            return int(self._scalar(sa.select(sa.func.count()).select_from(table)))

    def drop(self, tables: Iterable[sa.TableClause]) -> None:
        with self.reading() as connection:
            for table in tables:
                connection.execute(drop_table(table))

    def load(
        self,
        target: sa.TableClause,
        columns: Mapping[str, Type],
        batches: Iterable[pa.RecordBatch],
        *,
        key: Sequence[str] = (),
    ) -> int:
        """Fill a new table with rows from outside and give their number, all or nothing; with a key, it is kept as `create` keeps."""
        table = sa.Table(
            target.name,
            sa.MetaData(),
            *(sa.Column(name, to_sqlalchemy(type_)) for name, type_ in columns.items()),
            schema=target.schema,
            prefixes=self._prefixes(target, kept=bool(key)),
        )
        with self.reading() as connection:
            connection.execute(drop_table(target))
            table.create(connection)
            rows = self.dialect.bulk().load(connection, table, iter(batches))
            if key and self.dialect.capabilities.index_keys:
                connection.execute(IndexKey(target, tuple(key)))
            if self.dialect.capabilities.analyze_after_create:
                connection.execute(analyze(target))
        return rows

    def _prefixes(self, table: sa.TableClause, *, kept: bool) -> list[str]:
        """Give the words before TABLE for one that is about to be made. A rehearsal notes what it has to drop in the end."""
        capabilities = self.dialect.capabilities
        if capabilities.passing and table.schema == capabilities.passing:
            if self._is_rehearsing:
                self._passing.add(table.name)
            return ["TEMPORARY"]
        return ["UNLOGGED"] if capabilities.unlogged_tables and not kept else []

    def batches(self, statement: sa.Select[Any]) -> Iterator[pa.RecordBatch]:
        """Read the rows of a statement in batches of bounded size."""
        with self.reading() as connection:
            yield from self.dialect.bulk().read(connection, statement, BATCH_ROWS)

    def _scalar(self, statement: sa.Select[Any]) -> Any:
        with self.reading() as connection:
            return connection.execute(statement).scalar_one()

    def _row(self, statement: sa.Select[Any]) -> Any:
        with self.reading() as connection:
            return connection.execute(statement).one()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Join the transaction that is open, or make one."""
        self._hold_open()
        connection = self.connection
        if connection.in_transaction():
            yield connection
        else:
            with self._begun(connection):
                yield connection

    def _begun(self, connection: sa.Connection) -> sa.Transaction:
        """Begin a transaction; RetryLater where another program keeps the whole database locked."""
        try:
            return connection.begin()
        except DBAPIError as problem:
            if not (problem.orig and self.dialect.is_busy(problem.orig)):
                raise
            raise RetryLater(
                f"the database {self.url.render_as_string(hide_password=True)} is locked by another program",
                "end what that program writes, then resume the run",
            ) from None


def _statement(population: Population) -> sa.Select[Any]:
    """Select a population; by the statement it stands for, where a select around that would change nothing but cost time."""
    match population.relation:
        case sa.Subquery(element=sa.Select() as statement) if statement.selected_columns.keys() == list(
            population.columns
        ):
            return statement
    return population.select()


def shaped(table: str, shape: TableShape) -> sa.Table:
    """Give a table, `schema.table` or `table`, of a shape that is known."""
    schema, _, bare = table.rpartition(".")
    columns = (sa.Column(name, type_, primary_key=name in shape.key) for name, type_ in shape.columns.items())
    keys = (sa.UniqueConstraint(*names) for names in shape.unique)
    return sa.Table(bare, sa.MetaData(), *columns, *keys, schema=schema or None)


def stored_population(table: sa.TableClause, population: Population) -> Population:
    """Give the population as it lies in a table of ours."""
    columns = (sa.column(name, to_sqlalchemy(type_)) for name, type_ in population.columns.items())
    relation = sa.table(table.name, *columns, schema=table.schema)
    return replace(population, relation=relation)


def _first_line(problem: Exception) -> str:
    return str(getattr(problem, "orig", problem)).strip().splitlines()[0]
