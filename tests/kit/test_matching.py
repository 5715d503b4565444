"""Holding populations against each other: keys must mean the same, and a key stands once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.kit.errors import AuthorError
from engine.kit.matching import agree, stacked
from tests.contract.world import World


def test_populations_of_one_dimension_agree(offline_world: World) -> None:
    rows = offline_world.given("household_id integer")
    agree((rows, rows))


def test_populations_of_two_dimensions_do_not(offline_world: World) -> None:
    households = offline_world.given("household_id integer")
    lines = offline_world.given("basket_id integer, line integer", key=2, dimension="purchase")
    with pytest.raises(AuthorError, match="cannot be compared by key: household, purchase") as caught:
        agree((households, lines))
    assert "bring them to one dimension first" in str(caught.value)


def test_rows_without_a_dimension_never_agree(offline_world: World) -> None:
    """Line 3 of one file is nobody in another file."""
    lines = offline_world.given("line integer", dimension=None)
    with pytest.raises(AuthorError, match="rows without a dimension"):
        agree((lines,))


def test_a_stack_says_that_it_is_unique_only_if_every_part_is(offline_world: World) -> None:
    loose = offline_world.given("household_id integer")
    sure = offline_world.everyone()
    assert stacked((sure, sure)).unique
    assert not stacked((sure, loose)).unique


def test_of_three_the_first_that_holds_a_key_gives_its_row(world: World) -> None:
    columns = "household_id integer, note text"
    parts = [
        world.given(columns, [(key, name) for key in keys])
        for name, keys in (("a", [1]), ("b", [1, 2]), ("c", [1, 2, 3]))
    ]
    assert world.rows(stacked(parts)) == [(1, "a"), (2, "b"), (3, "c")]


def test_columns_in_another_order_are_stacked_by_name(world: World) -> None:
    first = world.given("household_id integer, a text, b text", [(1, "a1", "b1")])
    second = world.given("household_id integer, b text, a text", [(2, "b2", "a2")])
    assert world.rows(stacked((first, second))) == [(1, "a1", "b1"), (2, "a2", "b2")]


def test_a_decimal_has_the_digits_of_the_longest(world: World) -> None:
    parts = [
        world.given(
            f"household_id integer, n decimal({scale})", [(scale, Decimal("1.125").quantize(Decimal(1).scaleb(-scale)))]
        )
        for scale in (1, 3, 2)
    ]
    assert world.rows(stacked(parts), "n") == [Decimal("1.100"), Decimal("1.120"), Decimal("1.125")]
