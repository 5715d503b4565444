"""The databases of a project: reached, of a version we know, with the rights a run needs; and the tables of its dimensions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from engine.app.session import Session
from engine.kit.catalog import Catalog, Dimension
from engine.kit.errors import AudienceflowError, AuthorError, DataError
from engine.kit.examination import Finding
from engine.kit.population import Population
from engine.kit.types import INTEGER
from engine.sql.database import Database
from engine.sql.snapshot import file_of

CAPITAL, SMALL = "É", "é"
TRIED = "doctor"


def examined(session: Session) -> Iterator[Finding]:
    """Look at each database."""
    for name, settings in session.project.databases.items():
        try:
            yield from _database(name, session.project.database_url(name), settings.work_schema)
        except AudienceflowError as problem:
            yield Finding("problem", f"database '{name}': {problem.message}", problem.fix)


def dimensions(session: Session) -> Iterator[Finding]:
    """Look at the table, the key and the links of each dimension of the default database; keys that are not declared unique are counted."""
    try:
        catalog = session.catalog()
    except AuthorError as problem:
        for item in problem.diagnostics:
            yield Finding("problem", f"{item.span}: {item.code} {item.message}", item.fix)
        return
    for name, dimension in catalog.dimensions.items():
        yield _key(name, dimension, session.db)
        yield from _suppressed(name, dimension, catalog)


def _database(name: str, address: str, work_schema: str) -> Iterator[Finding]:
    file = file_of(address)
    if file and not Path(file).exists():  # to connect would make it
        yield Finding(
            "problem", f"database '{name}': there is no file {file}", "make it, or correct 'url' in project.yaml"
        )
        return
    with Database(address, work_schema=work_schema) as db:
        yield _version(name, db)
        yield _language(name, db)
        yield _rights(name, db)


def _version(name: str, db: Database) -> Finding:
    capabilities = db.dialect.capabilities
    asked: Any = getattr(sa.func, capabilities.version_function)
    with db.transaction() as connection:
        told = str(connection.execute(sa.select(asked())).scalar_one())
    found = re.search(r"(\d+)\.(\d+)", told)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    shown = f"{db.dialect.name} {'.'.join(map(str, version))}"
    if version < capabilities.oldest_version:
        oldest = ".".join(map(str, capabilities.oldest_version))
        return Finding("problem", f"database '{name}' is {shown}, too old", f"use {oldest} or later")
    return Finding("ok", f"database '{name}' is reached: {shown}")


def _language(name: str, db: Database) -> Finding:
    """Ask for what depends on how the database was set up: letters beyond ASCII."""
    try:
        with db.transaction() as connection:
            small = connection.execute(sa.select(db.dialect.lower(sa.literal(CAPITAL, sa.String())))).scalar_one()
    except SQLAlchemyError as problem:
        small = _first_line(problem)
    if small == SMALL:
        return Finding("ok", f"database '{name}': letters beyond ASCII are understood")
    return Finding(
        "problem",
        f"database '{name}': the small letter of {CAPITAL} is '{small}'",
        "make the database with the encoding UTF8",
    )


def _rights(name: str, db: Database) -> Finding:
    """Make a work table as a run would, with its index and statistics, and take all back."""
    one = sa.select(sa.literal(1, sa.Integer()).label("number")).subquery()
    tried = Population(relation=one, key=("number",), columns={"number": INTEGER})
    place = f"the schema '{db.schema}'" if db.dialect.capabilities.schemas else f"tables that begin with '{db.schema}_'"
    try:
        with db.rolled_back():
            db.ensure_schema()
            db.create(db.name(TRIED), tried)
    except SQLAlchemyError as problem:
        said = f"database '{name}': no work table can be made in {place}: {_first_line(problem)}"
        return Finding("problem", said, f"let this user make {place}, and tables in it")
    return Finding("ok", f"database '{name}': work tables can be made in {place}")


def _key(name: str, dimension: Dimension, db: Database) -> Finding:
    key = ", ".join(dimension.key)
    if dimension.is_key_declared:
        return Finding("ok", f"dimension '{name}': the database keeps {key} unique in {dimension.table.name}")
    try:
        rows = db.count(dimension.population())
    except DataError as problem:
        return Finding("problem", f"dimension '{name}' (table {dimension.table.name}): {problem.message}", problem.fix)
    return Finding("ok", f"dimension '{name}': {key} is unique in the {rows:,} rows of {dimension.table.name}")


def _suppressed(name: str, dimension: Dimension, catalog: Catalog) -> Iterator[Finding]:
    for listed in dimension.suppress:
        if listed not in catalog.lists:
            yield Finding(
                "warning",
                f"dimension '{name}': the list '{listed}' to suppress does not exist yet, so shares are refused until it does",
                "fill it with 'list_import' or 'list_update'",
            )


def _first_line(problem: Exception) -> str:
    return str(getattr(problem, "orig", problem)).strip().splitlines()[0]
