"""One expression without rows: its value, its type and its SQL, on the database where it would run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.app.options import Options
from engine.app.session import Session
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError, Diagnostic, Span
from engine.kit.expression import Expr
from engine.kit.frame import Value
from engine.kit.types import Kind
from engine.lang.spec import WorkflowSpec
from engine.registry import Registry
from engine.runs import bind
from engine.runs.plan import frame_without_rows
from engine.sql.database import Database

PLACE = "expression"
"""Stands for the file in the places of an expression's problems."""
IN_MEMORY = ":memory:"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What an expression gives. Dates and times are ISO 8601, decimals text with all their digits; `values` are bound in the SQL."""

    value: str | int | float | bool | None
    type: str
    sql: str
    values: Mapping[str, object]


def evaluate(
    expression: str, registry: Registry, options: Options, *, near: Path, database: str | None, at: datetime | None
) -> Evaluation:
    """Evaluate an expression in a database of the project: `default`, when none is named. Without a project, in one in memory.

    A database whose file is not made yet is stood for by one of its kind in memory, which gives the same.
    `run.time` and what is measured from it are `at`, else now. Raises AuthorError for what is wrong in the expression or the project.
    """
    now = options.clock()
    nothing = WorkflowSpec(
        name="eval", span=Span(PLACE, 1, 1), label="", dimension=None, timezone="UTC", on_error="suspend",
        variables={}, activities={},
    )  # fmt: skip
    known = bind.values(nothing, {}, run="eval", time=at or now, started_at=now)
    written = Expr(" ".join(expression.splitlines()), Span(PLACE, 1, 1)).bound(known)
    with _database(near, registry, options, database) as db:
        catalog = Catalog(dialect=db.dialect)
        catalog = replace(catalog, functions={**catalog.functions, **registry.of("function")})
        frame = frame_without_rows(catalog)
        try:
            value = frame.value(written)
        except AuthorError as problem:
            raise AuthorError(*map(_without_rows, problem.diagnostics)) from None
        read, convert = _reading(value, db)
        with db.transaction() as connection:
            found = connection.execute(frame.select(read.label("value"))).scalar_one()
        compiled = value.sql.compile(dialect=db.engine.dialect)
    result = None if found is None else convert(found)
    return Evaluation(value=result, type=str(value.type), sql=str(compiled), values=dict(compiled.params))


def _database(near: Path, registry: Registry, options: Options, name: str | None) -> Database:
    try:
        project = Session.start(near, registry, options).project
    except AuthorError as problem:
        is_without_project = [item.code for item in problem.diagnostics] == ["P001"]
        if not is_without_project or name is not None:
            raise
        return Database(f"{'duckdb' if find_spec('duckdb') else 'sqlite'}:///{IN_MEMORY}")
    db = Database(project.database_url(name or "default"), read_only=True)
    is_made = not db.dialect.capabilities.is_file or Path(db.url.database or "").is_file()
    return db if is_made else Database(db.url.set(database=IN_MEMORY).render_as_string())


def _reading(value: Value, db: Database) -> tuple[Any, Callable[[Any], Any]]:
    """Give the SQL that is read, and what makes our value of it: by its canonical text, the same on every database."""
    canonical = db.dialect.text(value.sql, value.type)
    match value.type.kind:
        case Kind.INTEGER:
            return canonical, int
        case Kind.BOOLEAN:
            return canonical, lambda text: text == "true"
        case Kind.TIMESTAMP:
            return canonical, lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat()
        case Kind.DECIMAL | Kind.DATE:
            return canonical, str
        case Kind.FLOAT:
            return value.sql, lambda number: float(number) if math.isfinite(number) else str(number)
        case _:
            return value.sql, str


def _without_rows(problem: Diagnostic) -> Diagnostic:
    """Tell who names a column that there are no rows here."""
    is_of_rows = problem.code in ("E301", "E302")
    return replace(problem, fix="there are no rows here: write a value in its place") if is_of_rows else problem
