"""Identifiers: what may be one."""

from __future__ import annotations

import pytest

from activities.connectors.identity import identifier
from engine.kit.errors import AuthorError, Span
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from tests.contract.world import World


@pytest.mark.parametrize("type_", ["float", "decimal(?)"])
def test_a_number_that_is_not_written_alike_everywhere_is_no_identifier(offline_world: World, type_: str) -> None:
    source = offline_world.project.sections["data_sources"]["plain"]
    keyed = source.model_copy(update={"key": Expr("row.score", Span("project.yaml", 7, 20))})
    given = offline_world.given(f"household_id integer, score {type_}", [(1, 1)])
    with pytest.raises(AuthorError) as caught:
        identifier(Frame(given, offline_world.catalog), keyed)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line, problem.span.column) == ("A010", 7, 20)
