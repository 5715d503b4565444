"""The demo data in each database, and the folder with the demo's workflows, for tests that run the real thing."""

# ruff: noqa: S608 - the names in the statements are ours

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import duckdb
import psycopg
import pytest
import sqlalchemy as sa

from engine.app.demo import prepare

WORKFLOWS = Path(__file__).parents[1] / "workflows"
TABLES = ("households", "transactions", "products", "demographics", "campaigns", "campaign_descriptions", "coupon_redemptions")  # fmt: skip
BATCH_ROWS = 100_000
_DEFINITION = "SELECT sql FROM duckdb_tables() WHERE database_name = current_database() AND table_name = ?"


def demo_file(factory: pytest.TempPathFactory) -> Path:
    """Give the demo's DuckDB file, built once a session; whoever writes takes a copy."""
    path = factory.getbasetemp() / "demo_data" / "demo.duckdb"
    prepare(path, lambda _step, _done, _total: None)
    return path


def workflow_folder(target: Path, url: str, *, work_schema: str = "audienceflow") -> Path:
    """Make a folder with the demo's workflows, over the database of a URL; nothing is written into the repository."""
    target.mkdir(parents=True)
    for file in WORKFLOWS.iterdir():
        if file.suffix in (".yaml", ".csv"):
            copy(file, target)
    project = target / "project.yaml"
    text = project.read_text(encoding="utf-8")
    for written, wanted in (
        ('"duckdb:///${AUDIENCEFLOW_DATA:-.audienceflow}/demo.duckdb"', f'"{url}"'),
        ("work_schema: audienceflow", f"work_schema: {work_schema}"),
    ):
        assert text.count(written) == 1
        text = text.replace(written, wanted)
    project.write_text(text, encoding="utf-8")
    return target


def copy_to_sqlite(source: Path, target: Path) -> None:
    """Copy the tables that the project declares; times as SQLAlchemy writes them."""
    with duckdb.connect(source, read_only=True) as demo, sqlite3.connect(target, isolation_level=None) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        for table in TABLES:
            db.execute(_definition(demo, table))
            rows = demo.execute(f"SELECT {', '.join(_written_for_sqlite(demo, table))} FROM {table}")
            places = ", ".join("?" * len(rows.description or ()))
            while batch := rows.fetchmany(BATCH_ROWS):
                db.executemany(f"INSERT INTO {table} VALUES ({places})", batch)
        # SQLite reads a whole table anew for every row of an EXISTS that no index helps: five minutes instead of one second
        db.execute("CREATE INDEX transactions_by_household ON transactions (household_id)")
        db.execute("CREATE INDEX redemptions_by_household ON coupon_redemptions (household_id)")
        db.execute("CREATE INDEX campaigns_by_household ON campaigns (household_id)")
        db.execute("COMMIT")
    db.close()


def copy_to_postgres(source: Path, url: str, scratch: Path) -> None:
    """Copy the tables that the project declares, by COPY."""
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with duckdb.connect(source, read_only=True) as demo, psycopg.connect(plain) as db:
        for table in TABLES:
            db.execute(_definition(demo, table))  # type: ignore[call-overload]
            file = scratch / f"{table}.csv"
            demo.execute(f"COPY {table} TO '{file}' (HEADER false)")
            with db.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)") as stream:  # type: ignore[call-overload]
                for block in _blocks(file):
                    stream.write(block)
            file.unlink()


def _definition(demo: duckdb.DuckDBPyConnection, table: str) -> str:
    (sql,) = demo.execute(_DEFINITION, [table]).fetchone() or ("",)
    return str(sql)


def _written_for_sqlite(demo: duckdb.DuckDBPyConnection, table: str) -> Iterator[str]:
    columns = demo.execute(f"SELECT * FROM {table} LIMIT 0").description
    for name, type_, *_ in columns:
        match str(type_):
            case "TIMESTAMP":
                yield f"strftime({name}, '%Y-%m-%d %H:%M:%S.%f')"
            case "DATE":
                yield f"{name}::VARCHAR"
            case kind if kind.startswith("DECIMAL"):
                yield f"{name}::DOUBLE"
            case _:
                yield str(name)


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            yield block


def small_demo_file(demo: Path, target: Path) -> Path:
    """Make a file with every eighth household of the demo, about 300, and what they bought since October 2017."""
    kept = {
        "transactions": "household_id % 8 = 0 AND purchased_at >= '2017-10-01'",
        "products": "product_id % 100 = 0",
        "campaign_descriptions": "true",
    }
    with duckdb.connect(target) as db, duckdb.connect(demo, read_only=True) as source:
        definitions = {table: _definition(source, table) for table in TABLES}
        source.close()
        db.execute(f"ATTACH '{demo}' AS demo (READ_ONLY)")
        for table, definition in definitions.items():
            db.execute(definition)
            db.execute(
                f"INSERT INTO {table} SELECT * FROM demo.{table} WHERE {kept.get(table, 'household_id % 8 = 0')}"
            )
    return target
