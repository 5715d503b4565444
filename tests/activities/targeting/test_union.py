"""Union: one row per key, from the first population that has it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.kit.errors import AuthorError
from engine.kit.population import Population
from tests.contract.world import World

UNION = "type: union"


def people(world: World, *keys: int) -> Population:
    return world.given("household_id integer", keys)


def test_the_first_population_gives_the_row(world: World) -> None:
    first = world.given("household_id integer, note text", [(1, "first"), (2, None)])
    second = world.given("household_id integer, note text", [(2, "second"), (3, "Ünï")])
    found = world.run(UNION, first, second)["result"]
    assert world.rows(found) == [(1, "first"), (2, None), (3, "Ünï")]


def test_the_order_of_the_populations_decides(world: World) -> None:
    first = world.given("household_id integer, note text", [(2, "first")])
    second = world.given("household_id integer, note text", [(2, "second")])
    assert world.rows(world.run(UNION, second, first)["result"]) == [(2, "second")]


def test_columns_are_those_of_all_and_null_where_absent(world: World) -> None:
    first = world.given("household_id integer, spend decimal(2)", [(1, Decimal("1.50")), (2, Decimal("2.50"))])
    second = world.given("household_id integer, note text", [(2, "b"), (3, "c")])
    third = world.given("household_id integer, is_new boolean, seen timestamp", [(4, True, None)])
    found = world.run(UNION, first, second, third)["result"]
    assert tuple(found.columns) == ("household_id", "spend", "note", "is_new", "seen")
    assert world.rows(found) == [
        (1, Decimal("1.50"), None, None, None),
        (2, Decimal("2.50"), None, None, None),
        (3, None, "c", None, None),
        (4, None, None, True, None),
    ]


def test_a_single_population_stays_as_it_is(world: World) -> None:
    assert world.keys(world.run(UNION, people(world, 2, 1))["result"]) == [1, 2]


def test_the_same_population_twice_is_itself(world: World) -> None:
    some = people(world, 1, 2)
    assert world.keys(world.run(UNION, some, some)["result"]) == [1, 2]


def test_composite_keys_are_compared_whole(world: World) -> None:
    first = world.given("basket_id integer, line integer", [(100, 1), (100, 2)], key=2, dimension="purchase")
    second = world.given("basket_id integer, line integer", [(100, 2), (101, 1), (1, 100)], key=2, dimension="purchase")
    assert world.keys(world.run(UNION, first, second)["result"]) == [(1, 100), (100, 1), (100, 2), (101, 1)]


def test_a_key_with_a_null_matches_nothing_so_nothing_replaces_it(world: World) -> None:
    first = world.given("basket_id integer, line integer", [(100, None)], key=2, dimension="purchase")
    second = world.given("basket_id integer, line integer", [(101, None)], key=2, dimension="purchase")
    assert world.keys(world.run(UNION, first, second)["result"]) == [(100, None), (101, None)]


def test_decimals_of_different_scales_keep_their_digits(world: World) -> None:
    first = world.given("household_id integer, spend decimal(0)", [(1, Decimal(7))])
    second = world.given("household_id integer, spend decimal(3)", [(2, Decimal("1.125"))])
    for order in ((first, second), (second, first)):
        found = world.run(UNION, *order)["result"]
        assert world.rows(found) == [(1, Decimal("7.000")), (2, Decimal("1.125"))]
        assert str(found.columns["spend"]) == "decimal(3)"


def test_columns_of_different_kinds_are_refused(offline_world: World) -> None:
    first = offline_world.given("household_id integer, spend decimal(2)")
    second = offline_world.given("household_id integer, spend text")
    with pytest.raises(AuthorError, match=r"'spend' is decimal\(2\) in one population and text in another"):
        offline_world.run(UNION, first, second)


def test_populations_of_different_dimensions_are_refused(offline_world: World) -> None:
    purchases = offline_world.given("basket_id integer, line integer", key=2, dimension="purchase")
    with pytest.raises(AuthorError, match="household, purchase"):
        offline_world.run(UNION, people(offline_world), purchases)


def test_rows_without_a_dimension_are_refused(offline_world: World) -> None:
    lines = offline_world.given("line integer", dimension=None)
    with pytest.raises(AuthorError, match="rows without a dimension"):
        offline_world.run(UNION, lines, lines)


def test_use_case_1_three_and_two_are_five(world: World) -> None:
    """Campaign, union of two queries: 3 + 2 → 5, kept in a list; another run updates the list."""
    men = world.run("type: query\nwhere: household_id in (1, 2, 3)")["result"]
    women = world.run("type: query\nwhere: household_id in (7, 8)", run="q2")["result"]
    everyone = world.run(UNION, men, women)["result"]
    assert (men.count, women.count, everyone.count) == (3, 2, 5)
    world.run("type: list_update\nlist: people\nmode: replace", everyone)
    assert world.list_rows("people") == [1, 2, 3, 7, 8]
    world.run("type: list_update\nlist: people\nmode: replace", women, run="next")
    assert world.list_rows("people") == [7, 8]
