"""Sizes: what a limit may say, and what goes into the hash that decides."""

from __future__ import annotations

from decimal import Decimal
from hashlib import md5
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from engine.kit.frame import Frame
from engine.kit.limit import Limit, random_order, seeded
from engine.kit.option import Deferred
from tests.contract.world import World, day


def read(**values: Any) -> Limit:
    return Limit.model_validate({"by": "random", **values})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "either 'count' or 'percent'"),
        ({"count": "1", "percent": "1"}, "either 'count' or 'percent'"),
        ({"count": "-1"}, "-1 is less than 0"),
        ({"percent": "-0.5"}, "-0.5 is less than 0"),
        ({"count": "1", "by": []}, "at least one is wanted here"),
        ({"count": "1", "of": "segment"}, "'of' says what 'percent' is a share of"),
        ({"count": "1", "by": "spend", "seed": "s"}, "'seed' goes with 'by: random'"),
        ({"count": "1", "sizes": {"FR": "1"}}, "'sizes' are by the values of one expression"),
        ({"count": "1", "per": ["a", "b"], "sizes": {"FR": "1"}}, "'sizes' are by the values of one expression"),
        ({"count": "1", "per": "a", "sizes": {"FR": "1.5"}}, "'FR' is a number of rows, as 'count' is"),
        ({"count": "1", "per": "a", "sizes": {"FR": "-1"}}, "'FR' is a number of rows, as 'count' is"),
        ({"percent": "1", "per": "a", "sizes": {"FR": "101"}}, "'FR' is at most 100, not 101"),
        ({"percent": "1", "per": "a", "sizes": {"FR": "-1"}}, "'FR' is at least 0, not -1"),
        ({"percent": "1", "per": "a", "sizes": {"FR": "0.0000001"}}, "'FR' has at most 6 digits"),
        ({"percent": "100.5"}, "at most 100, not 100.5"),
        ({"percent": "0.0000001"}, "at most 6 digits after the point"),
        ({"percent": "0.001", "sticky": "true"}, "at most 2 .* digits after the point"),
        ({"count": "1", "sticky": "true"}, "'sticky' goes with 'percent'"),
        ({"percent": "1", "sticky": "true", "by": "spend"}, "'sticky' goes with"),
        ({"percent": "1", "sticky": "true", "per": "city"}, "'sticky' goes with"),
        ({"percent": "1", "sticky": "true", "of": "segment"}, "'sticky' goes with"),
    ],
)
def test_a_limit_that_contradicts_itself_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        read(**values)


def test_the_digits_of_a_share_are_counted_without_zeros_at_the_end() -> None:
    assert read(percent="12.500000000").percent == Decimal("12.5")
    assert read(percent="10.00", sticky="true").sticky


def test_a_size_may_be_an_expression_of_variables() -> None:
    assert isinstance(read(percent="vars.share").percent, Deferred)


def test_a_size_of_a_group_may_be_one_too() -> None:
    assert isinstance(read(count="1", per="a", sizes={"FR": "vars.n"}).sizes["FR"], Deferred)


def test_random_alone_is_random() -> None:
    assert read(count="1").is_random
    assert not read(count="1", by=["random", "spend"]).is_random
    assert not read(count="1", by="-random").is_random


def test_the_hashed_text_is_the_seed_and_the_canonical_key(world: World) -> None:
    columns = "id integer, money decimal(2), text text, flag boolean, at timestamp, on date"
    row = (7, Decimal("1.5"), "ü:b", True, day(2026, 11, 23), day(2026, 11, 23).date())
    population = world.given(columns, [row], key=6, dimension=None)
    hashed = seeded(world.catalog.dialect, population, "w.a")
    with world.db.transaction() as connection:
        text = connection.execute(sa.select(hashed).select_from(population.relation)).scalar_one()
    assert text == "w.a:7:1.50:ü:b:true:2026-11-23 00:00:00.000000:2026-11-23"


def test_the_random_order_is_that_of_the_md5(world: World) -> None:
    population = world.given("id integer", range(1, 21), dimension=None)
    frame = Frame(population, world.catalog)
    with world.db.transaction() as connection:
        found = list(
            connection.execute(frame.select(population.column("id")).order_by(*random_order(frame, "s"))).scalars()
        )
    assert found[:5] == [10, 13, 4, 15, 8]
    assert found == sorted(range(1, 21), key=lambda key: md5(f"s:{key}".encode(), usedforsecurity=False).hexdigest())


def test_a_null_in_a_key_comes_last_in_a_random_order(world: World) -> None:
    population = world.given("a integer, b integer", [(1, None), (1, 2), (None, None)], key=2, dimension=None)
    frame = Frame(population, world.catalog)
    with world.db.transaction() as connection:
        found = [
            tuple(row)
            for row in connection.execute(frame.select(*population.key_columns).order_by(*random_order(frame, "s")))
        ]
    assert found == [(1, 2), (1, None), (None, None)]
