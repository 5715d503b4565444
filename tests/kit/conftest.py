"""The worlds of the contract suite."""

from tests.contract.fixtures import bare_world as world  # noqa: F401
from tests.contract.fixtures import (  # noqa: F401
    database,
    duckdb_database,
    empty_world,
    offline_world,
    postgres_database,
    sqlite_database,
)
