"""Identifiers: what may be one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.connectors.experience_cloud import DataSourceSettings
from activities.connectors.identity import identifier, steps
from engine.kit.errors import AuthorError, Span
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from engine.sql.database import Database
from tests.contract.world import World

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "email_hash_vectors.json").read_text())


@pytest.mark.parametrize("type_", ["float", "decimal(?)"])
def test_a_number_that_is_not_written_alike_everywhere_is_no_identifier(offline_world: World, type_: str) -> None:
    source = offline_world.project.sections["data_sources"]["plain"]
    keyed = source.model_copy(update={"key": Expr("row.score", Span("project.yaml", 7, 20))})
    given = offline_world.given(f"household_id integer, score {type_}", [(1, 1)])
    with pytest.raises(AuthorError) as caught:
        identifier(Frame(given, offline_world.catalog), keyed)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line, problem.span.column) == ("A010", 7, 20)


@pytest.mark.contract("B5", "trimmed, lower-cased, SHA-256 in lower-case hex")
@pytest.mark.parametrize("url", ["sqlite://", "duckdb:///:memory:"])
@pytest.mark.parametrize("vector", VECTORS["published"], ids=lambda vector: vector["input"])
def test_an_address_is_hashed_as_adobe_publishes_it(vector: dict[str, str], url: str) -> None:
    written = {
        "kind": "declared_id",
        "dimension": "d",
        "key": "email",
        "id": "1",
        "normalise": ["trim", "lower"],
        "hash": "sha256",
    }
    source = DataSourceSettings.model_validate(written)
    with Database(url) as db, db.transaction() as connection:
        value = steps(db.dialect, sa.literal(f"  {vector['input']} ", sa.String()), source)[-1][1]
        assert connection.execute(sa.select(value)).scalar_one() == vector["sha256_of_trim_lower"]
