"""The store of a single machine: facts in one SQLite file, beside which many may read and one may write.

The file is in WAL mode: readers never block a writer, and a process that dies loses nothing it had appended.
A loss of power may take the last facts that are not an effect's; those of an effect, and all before them, are
on the disk when `append` returns.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import sqlalchemy as sa

from engine.kit.errors import DataError
from engine.state.facts import EffectDelivered, EffectPrepared, Fact, RunStarted, from_json, to_json
from engine.state.store import RunHeld

HEAD = "0001"
"""The revision of `migrations` that the tables below are; revisions are numbers that grow."""

METADATA = sa.MetaData()

# SQLite lets a column be null in a text primary key unless told otherwise; SQLAlchemy tells it.
FACTS = sa.Table(
    "facts",
    METADATA,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("workflow", sa.Text),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Index("runs_by_workflow", "workflow", "started_at", "run"),
    sa.Index("runs_by_start", "started_at", "run"),
)

_REVISION = sa.table("alembic_version", sa.column("version_num"))
_ADD_FACTS = FACTS.insert()
_ADD_RUN = RUNS.insert()
_COUNT = sa.select(sa.func.coalesce(sa.func.max(FACTS.c.number), 0)).where(FACTS.c.run == sa.bindparam("run"))
_READ = (
    sa.select(FACTS.c.number, FACTS.c.kind, FACTS.c.at, FACTS.c.body)
    .where(FACTS.c.run == sa.bindparam("run"))
    .order_by(FACTS.c.number)
)
_NEWEST = sa.select(RUNS.c.run).order_by(RUNS.c.started_at.desc(), RUNS.c.run.desc())


class SqlStore:
    """See `engine.state.store.Store`. Several threads may share one; another process opens its own.

    Nothing is created on disk before the first append or hold. A file that another process keeps locked for
    longer than `patience` is a DataError, as is one that cannot be read or written.
    """

    def __init__(self, path: Path, *, patience: timedelta = timedelta(seconds=10)) -> None:
        self._path = path
        self._locks = path.with_name(path.name + ".locks")
        # The driver starts no transaction of its own (it commits DDL halfway); BEGIN and COMMIT are ours.
        self._engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(path)),
            isolation_level="AUTOCOMMIT",
            poolclass=sa.NullPool,
            connect_args={"timeout": patience.total_seconds(), "check_same_thread": False},
        )
        self._connection: sa.Connection | None = None
        self._one_thread = RLock()
        self._counts: dict[str, int] = {}
        """How many facts each run had when this store last read or wrote it."""

    def append(self, run: str, *facts: Fact) -> None:
        if not facts:
            return
        with self._connected() as connection:
            is_effect = any(isinstance(fact, (EffectPrepared, EffectDelivered)) for fact in facts)
            with _on_disk(connection) if is_effect else nullcontext(), _transaction(connection):
                count = self._counts.get(run)
                if count is None:
                    count = connection.execute(_COUNT, {"run": run}).scalar_one()
                rows = [_row(run, number, fact) for number, fact in enumerate(facts, count + 1)]
                try:
                    connection.execute(_ADD_FACTS, rows)
                except sa.exc.IntegrityError as taken:
                    problem = f"another process went on with run {run} meanwhile"
                    raise RunHeld(problem, "look at the run again before going on") from taken
                if count == 0:
                    connection.execute(_ADD_RUN, _run_row(run, facts[0]))
            self._counts[run] = count + len(facts)

    def facts(self, run: str) -> tuple[Fact, ...]:
        if not self._path.exists():
            self._counts[run] = 0
            return ()
        with self._connected() as connection:
            rows = connection.execute(_READ, {"run": run}).all()
            self._counts[run] = rows[-1].number if rows else 0
        return tuple(from_json({"kind": kind, "at": at, **json.loads(body)}) for _, kind, at, body in rows)

    def runs(self, workflow: str | None = None) -> Sequence[str]:
        if not self._path.exists():
            return []
        chosen = _NEWEST if workflow is None else _NEWEST.where(RUNS.c.workflow == workflow)
        with self._connected() as connection:
            return connection.execute(chosen).scalars().all()

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        path = self._locks / f"{quote(run, safe='')}.lock"
        with _explained(self._path):
            self._locks.mkdir(parents=True, exist_ok=True)
            held = _lock(path)
        if held is None:
            raise RunHeld(f"run {run} is being executed by another process", "wait for it, or stop it")
        try:
            yield
        finally:
            # Removed while still held: whoever opened it before finds, once it has the lock, that it is gone.
            path.unlink(missing_ok=True)
            os.close(held)

    def close(self) -> None:
        """Let go of the file. The next use opens it again."""
        with self._one_thread:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        with self._one_thread, _explained(self._path):
            if self._connection is None:
                self._locks.mkdir(parents=True, exist_ok=True)
                connection = self._engine.connect()
                try:
                    _prepare(connection, self._path, self._locks)
                except BaseException:
                    connection.close()
                    raise
                self._connection = connection
            yield self._connection


def _prepare(connection: sa.Connection, path: Path, locks: Path) -> None:
    """Set the modes of the connection and bring the tables of the file to HEAD."""
    connection.exec_driver_sql("PRAGMA synchronous = NORMAL")
    if _revision(connection) == HEAD:
        return
    with _one_process(locks):  # the change to WAL does not wait for others who change it: it fails
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")  # the file remembers
        _migrate(connection, path)


def _migrate(connection: sa.Connection, path: Path) -> None:
    with _transaction(connection):
        revision = _revision(connection)  # another process may have been faster
        if revision > HEAD:
            problem = f"was written by a newer audienceflow: its tables are {revision}, this one knows {HEAD}"
            raise DataError(f"{path} {problem}", "pip install --upgrade audienceflow")
        if revision < HEAD:
            # Imported here because alembic costs a command its start-up time, and almost none needs it.
            from engine.state.migrations import upgrade

            upgrade(connection)


def _revision(connection: sa.Connection) -> str:
    """Give the revision of the tables in the file; empty where there are none yet."""
    if not sa.inspect(connection).has_table(_REVISION.name):
        return ""
    return connection.execute(sa.select(_REVISION.c.version_num)).scalar_one_or_none() or ""


@contextmanager
def _transaction(connection: sa.Connection) -> Iterator[None]:
    """Write, all or nothing. IMMEDIATE: the file is waited for here and nowhere later."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        with suppress(sa.exc.OperationalError):  # SQLite has rolled back by itself after, say, a full disk
            connection.exec_driver_sql("ROLLBACK")
        raise


@contextmanager
def _on_disk(connection: sa.Connection) -> Iterator[None]:
    """Make the commits inside wait for the disk."""
    connection.exec_driver_sql("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA synchronous = NORMAL")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say what is the matter with the file, and what to do."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{path} cannot be used: {error.filename}: {error.strerror}", _WRITABLE) from error
    except sa.exc.DatabaseError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the rest of the number is detail
        if code not in _PROBLEMS:
            raise
        problem, fix = _PROBLEMS[code]
        raise DataError(f"{path} {problem}", fix) from error


_WRITABLE = "make its folder writable, or choose another for the state"
_PROBLEMS = {
    sqlite3.SQLITE_BUSY: (
        "is locked: another process has been writing to it for too long",
        "end that process (fuser names it), then resume the run",
    ),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", _WRITABLE),
    sqlite3.SQLITE_READONLY: ("cannot be written", "make it and its folder writable"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written: the disk reports an error", "check the disk"),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "make room on the disk, then resume the run"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "put back a copy of the file, or move it away to begin anew"),
    sqlite3.SQLITE_NOTADB: ("is not a state file", "choose another path for the state, or move it away"),
}


@contextmanager
def _one_process(folder: Path) -> Iterator[None]:
    """Wait until no other process is inside."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int | None:
    """Give a descriptor that holds the file's lock until it is closed; None when another holds it.

    The kernel lets go when the process dies, however it dies.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        os.close(descriptor)  # its holder removed it between our two steps: lock the file that is there now


def _row(run: str, number: int, fact: Fact) -> dict[str, Any]:
    body = to_json(fact)
    kind = body.pop("kind")
    del body["at"]
    text = json.dumps(body, separators=(",", ":"))
    return {"run": run, "number": number, "kind": kind, "at": _sortable(fact.at), "body": text}


def _run_row(run: str, first: Fact) -> dict[str, Any]:
    workflow = first.workflow if isinstance(first, RunStarted) else None
    return {"run": run, "workflow": workflow, "started_at": _sortable(first.at)}


def _sortable(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
