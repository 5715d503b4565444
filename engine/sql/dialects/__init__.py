"""What each database does differently, as data: one record a database, by SQLAlchemy's name for it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.kit.dialect import Dialect
from engine.sql.dialects.duckdb import DuckDb
from engine.sql.dialects.postgresql import PostgreSql
from engine.sql.dialects.sqlite import Sqlite

DIALECTS: Mapping[str, Dialect] = {dialect.name: dialect for dialect in (DuckDb(), PostgreSql(), Sqlite())}
