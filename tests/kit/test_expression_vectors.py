"""One meaning on every database: the vectors of tests/data/expressions*.yaml."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from engine.kit.errors import AuthorError, Span
from engine.kit.expression import Expr
from engine.sql.dialects import DIALECTS
from tests.kit.expressions import ANSWERS, ERRORS, VALUES, answer, frame_of_one_row


@pytest.mark.parametrize(("text", "expected", "type_"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_an_expression_gives_the_same_everywhere(
    calculator: sa.Connection, text: str, expected: str | None, type_: str
) -> None:
    assert answer(calculator, text) == (expected, type_)


@pytest.mark.parametrize("kind", ["condition", "negation"])
def test_every_condition_can_stand_in_where(calculator: sa.Connection, kind: str) -> None:
    dialect = DIALECTS[calculator.dialect.name]
    for text, expected, type_ in ANSWERS:
        if type_ == "boolean" and " over " not in text:
            frame = frame_of_one_row(dialect)
            condition = frame.condition(Expr(text if kind == "condition" else f"not ({text})").bound(VALUES))
            found = calculator.execute(frame.select(sa.literal(1)).where(condition)).all()
            assert bool(found) == (expected == ("true" if kind == "condition" else "false")), text


@pytest.mark.parametrize(("text", "code", "column"), ERRORS, ids=[row[0] for row in ERRORS])
@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_mistake_is_told_at_its_place(name: str, text: str, code: str, column: int) -> None:
    with pytest.raises(AuthorError) as caught:
        frame_of_one_row(DIALECTS[name]).value(Expr(text, Span("w.yaml", 7, 11)).bound(VALUES))
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span) == (code, Span("w.yaml", 7, 10 + column))
    assert problem.message
    assert problem.fix


def test_no_value_is_written_into_the_sql() -> None:
    for dialect in DIALECTS.values():
        frame = frame_of_one_row(dialect)
        text = "line = 4711 or 'secret' in (vars.name, 'other') or run.date > date '2001-02-03' or line > 47.11"
        sql = str(frame.select(frame.condition(Expr(text).bound(VALUES))))
        assert not any(word in sql for word in ("4711", "secret", "Zoë", "2001", "2026", "47.11"))
