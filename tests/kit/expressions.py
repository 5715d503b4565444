"""The vectors of expressions, and how an expression is computed without a table."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from engine.kit.catalog import Catalog
from engine.kit.dialect import Dialect
from engine.kit.expression import Bound, Expr
from engine.kit.frame import Frame
from engine.kit.population import Population
from engine.kit.types import DATE, INTEGER, TEXT, TIMESTAMP, Type
from engine.sql.dialects import DIALECTS

FILES = sorted((Path(__file__).parent.parent / "data").glob("expressions*.yaml"))
VECTORS = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in FILES]
ANSWERS = [row for vectors in VECTORS for row in vectors["answers"]]
ERRORS = [row for vectors in VECTORS for row in vectors["errors"]]
PYTHON = {
    "integer": int, "decimal": Decimal, "float": float, "text": str, "boolean": bool, "date": date, "timestamp": datetime,
}  # fmt: skip
VALUES = {
    "run.date": Bound(date(2026, 11, 23), DATE),
    "run.time": Bound(datetime(2026, 11, 23, 8, 30, tzinfo=UTC), TIMESTAMP),
    "vars.days": Bound(30, INTEGER),
    "vars.name": Bound("Zoë", TEXT),
    "vars.rate": Bound(Decimal("0.25"), Type.parse("decimal(2)")),
    "vars.nothing": Bound(None, TEXT),
}


def frame_of_one_row(dialect: Dialect) -> Frame:
    """Give a frame whose only column is `line`, which holds 1."""
    line = sa.select(sa.literal(1, sa.BigInteger()).label("line")).subquery()
    population = Population(relation=line, key=("line",), columns={"line": INTEGER}, unique=True)
    return Frame(population, Catalog(dialect=dialect))


def with_values(frame: Frame, **written: str) -> Population:
    """Give the frame's population with a column of each expression, added or in place of the one of that name."""
    values = {name: frame.value(Expr(expression)) for name, expression in written.items()}
    population = frame.population
    kept = [population.column(name) for name in population.columns if name not in values]
    statement = frame.select(*kept, *(value.sql.label(name) for name, value in values.items()))
    return population.of(statement, {name: value.type for name, value in values.items()})


def _text(value: Any, type_: Type) -> str | None:
    """Write a value as the vectors do, and hold its Python type against what was promised."""
    if value is None:
        return None
    assert type(value) is PYTHON[type_.kind]
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat(" ", "microseconds")
        case Decimal():
            return f"{value:.{type_.scale}f}"
        case _:
            return str(value)


def answer(connection: sa.Connection, text: str) -> tuple[str | None, str]:
    """Compute an expression; give its value as the vectors write it, and its type."""
    frame = frame_of_one_row(DIALECTS[connection.dialect.name])
    value = frame.value(Expr(text).bound(VALUES), grouping=True)
    result = connection.execute(frame.select(value.sql.label("answer"))).scalar_one()
    return _text(result, value.type), str(value.type)
