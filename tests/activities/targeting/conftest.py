"""Targeting needs no lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from engine.kit.catalog import Dimension, Link
from tests.contract.fixtures import bare_world as world  # noqa: F401
from tests.contract.world import World

TOWNS = [(1, True, "Paris"), (2, None, "Lyon"), (1, False, "Lyon"), (3, None, "München")]


@pytest.fixture
def towns(world: World) -> Iterator[World]:  # noqa: F811
    """Give a world with one more dimension, a link to it, and rows there whose key holds a null."""
    columns = (
        sa.Column(name, type_) for name, type_ in (("no", sa.Integer), ("is_old", sa.Boolean), ("city", sa.String))
    )
    table = sa.Table("towns", sa.MetaData(), *columns)
    with world.db.transaction() as connection:
        table.create(connection)
        connection.execute(table.insert(), [dict(zip(("no", "is_old", "city"), row, strict=True)) for row in TOWNS])
    town = Dimension(name="town", table=table, key=("no", "is_old"))
    world._tables = replace(world._tables, dimensions={**world._tables.dimensions, "town": town})
    world.link("household", Link(name="towns", target="town", on=(("city", "city"),), many=True))
    yield world
    with world.db.transaction() as connection:
        table.drop(connection)
