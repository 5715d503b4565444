"""The worlds of the contract suite, and connections that many small tests share."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from engine.sql.dialects import DIALECTS
from tests.contract.fixtures import bare_world as world  # noqa: F401
from tests.contract.fixtures import (  # noqa: F401
    database,
    duckdb_database,
    empty_world,
    offline_world,
    postgres_database,
    sqlite_database,
)
from tests.databases import DATABASES


@pytest.fixture(scope="module", params=DATABASES)
def calculator(request: pytest.FixtureRequest) -> Iterator[sa.Connection]:
    """Give a connection to each database in turn, for statements that read no table; each is a transaction of its own."""
    engine = sa.create_engine(request.getfixturevalue(f"{request.param}_url"), poolclass=sa.NullPool)
    dialect = DIALECTS[engine.dialect.name]
    dialect.configure(engine)
    sa.event.listen(engine, "connect", lambda opened, _record: dialect.on_connect(opened))
    with engine.connect() as opened:
        yield opened.execution_options(isolation_level="AUTOCOMMIT")
    engine.dispose()
