"""One meaning on every database: the vectors of tests/data/expressions*.yaml."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from engine.kit.catalog import Catalog
from engine.kit.dialect import Dialect
from engine.kit.errors import AuthorError, Span
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


def _frame(dialect: Dialect) -> Frame:
    line = sa.select(sa.literal(1, sa.BigInteger()).label("line")).subquery()
    population = Population(relation=line, key=("line",), columns={"line": INTEGER}, unique=True)
    return Frame(population, Catalog(dialect=dialect))


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


def _answer(connection: sa.Connection, dialect: Dialect, text: str) -> tuple[str | None, str]:
    frame = _frame(dialect)
    value = frame.value(Expr(text).bound(VALUES))
    result = connection.execute(frame.select(value.sql.label("answer"))).scalar_one()
    return _text(result, value.type), str(value.type)


@pytest.mark.parametrize(("text", "answer", "type_"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_an_expression_gives_the_same_everywhere(
    connection: sa.Connection, dialect: Dialect, text: str, answer: str | None, type_: str
) -> None:
    assert _answer(connection, dialect, text) == (answer, type_)


@pytest.mark.parametrize("kind", ["condition", "negation"])
def test_every_condition_can_stand_in_where(connection: sa.Connection, dialect: Dialect, kind: str) -> None:
    for text, answer, type_ in ANSWERS:
        if type_ == "boolean" and " over " not in text:
            frame = _frame(dialect)
            condition = frame.condition(Expr(text if kind == "condition" else f"not ({text})").bound(VALUES))
            found = connection.execute(frame.select(sa.literal(1)).where(condition)).all()
            assert bool(found) == (answer == ("true" if kind == "condition" else "false")), text


@pytest.mark.parametrize(("text", "code", "column"), ERRORS, ids=[row[0] for row in ERRORS])
@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_mistake_is_told_at_its_place(name: str, text: str, code: str, column: int) -> None:
    with pytest.raises(AuthorError) as caught:
        _frame(DIALECTS[name]).value(Expr(text, Span("w.yaml", 7, 11)).bound(VALUES))
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span) == (code, Span("w.yaml", 7, 10 + column))
    assert problem.message
    assert problem.fix


def test_no_value_is_written_into_the_sql() -> None:
    for dialect in DIALECTS.values():
        frame = _frame(dialect)
        text = "line = 4711 or 'secret' in (vars.name, 'other') or run.date > date '2001-02-03' or line > 47.11"
        sql = str(frame.select(frame.condition(Expr(text).bound(VALUES))))
        assert not any(word in sql for word in ("4711", "secret", "Zoë", "2001", "2026", "47.11"))
