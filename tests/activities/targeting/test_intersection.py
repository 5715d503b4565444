"""Intersection: those who are everywhere, and those who are only somewhere."""

from __future__ import annotations

import pytest

from engine.kit.errors import AuthorError
from engine.kit.population import Population
from tests.contract.world import World

INTERSECTION = "type: intersection"


def people(world: World, *keys: int) -> Population:
    return world.given("household_id integer", keys)


def test_only_those_who_are_in_every_population_remain_with_the_firsts_columns(world: World) -> None:
    first = world.given("household_id integer, note text", [(1, "a"), (2, None), (3, "Ç")])
    second = world.given("household_id integer, score integer", [(2, 20), (3, 30), (4, 40)])
    done = world.run(INTERSECTION, first, second)
    assert world.rows(done["result"]) == [(2, None), (3, "Ç")]
    assert tuple(done["result"].columns) == ("household_id", "note")


def test_the_complement_is_who_is_in_some_with_the_columns_of_all(world: World) -> None:
    first = world.given("household_id integer, note text", [(1, "a"), (2, "b")])
    second = world.given("household_id integer, score integer", [(2, 20), (4, 40)])
    third = world.given("household_id integer, note text", [(2, "c"), (4, "d"), (5, "e")])
    done = world.run(INTERSECTION, first, second, third)
    assert world.keys(done["result"]) == [2]
    assert world.rows(done["complement"]) == [(1, "a", None), (4, None, 40), (5, "e", None)]


def test_one_population_is_its_own_intersection(world: World) -> None:
    done = world.run(INTERSECTION, people(world, 1, 2))
    assert (world.keys(done["result"]), world.keys(done["complement"])) == ([1, 2], [])


def test_nobody_is_in_an_empty_population(world: World) -> None:
    done = world.run(INTERSECTION, people(world, 1, 2), people(world))
    assert (world.keys(done["result"]), world.keys(done["complement"])) == ([], [1, 2])


def test_composite_keys_are_compared_whole_and_a_null_matches_nothing(world: World) -> None:
    first = world.given(
        "basket_id integer, line integer", [(100, 1), (100, 2), (1, 100), (7, None)], key=2, dimension="purchase"
    )
    second = world.given(
        "basket_id integer, line integer", [(100, 1), (2, 100), (8, None)], key=2, dimension="purchase"
    )
    done = world.run(INTERSECTION, first, second)
    assert world.keys(done["result"]) == [(100, 1)]
    assert world.keys(done["complement"]) == [(1, 100), (2, 100), (7, None), (8, None), (100, 2)]


def test_populations_of_different_dimensions_are_refused(offline_world: World) -> None:
    purchases = offline_world.given("basket_id integer, line integer", key=2, dimension="purchase")
    with pytest.raises(AuthorError, match="household, purchase"):
        offline_world.run(INTERSECTION, people(offline_world), purchases)


def test_use_case_2_two_of_three_queries(world: World) -> None:
    """Campaign: 5 men, 3 of Paris or Seattle, 7 of 18 to 30; 2 are all of that, 5 only one or two, as the screenshots show."""
    men = people(world, 1, 2, 3, 4, 5)
    cities = people(world, 1, 2, 6)
    young = people(world, 1, 2, 3, 4, 5, 6, 7)
    done = world.run(INTERSECTION, men, cities, young)
    world.run("type: list_update\nlist: all_three", done["result"], run="l1")
    world.run("type: list_update\nlist: one_or_two", done["complement"], run="l2")
    assert (done["result"].count, done["complement"].count) == (2, 5)
    assert world.list_rows("all_three") == [1, 2]
    assert world.list_rows("one_or_two") == [3, 4, 5, 6, 7]


# by values


def test_rows_of_several_dimensions_are_held_against_each_other_by_values(world: World) -> None:
    first = world.given("household_id integer, email text", [(1, "A"), (2, "b"), (3, None), (4, "c"), (5, "a")])
    second = world.given(
        "line integer, email text, score integer", [(1, "a", 7), (2, "C", 8), (3, None, 9)], dimension=None
    )
    third = world.given("line integer, email text", [(1, "A"), (2, "b"), (3, "d"), (4, "c")], dimension=None)
    done = world.run(f"{INTERSECTION}\nmatch: lower(row.email)", first, second, third)
    assert world.rows(done["result"]) == [(1, "A"), (4, "c"), (5, "a")]
    assert done["result"].dimension == "household"
    assert world.rows(done["complement"], "row_id", "email") == [
        ("1:2", "b"),
        ("1:3", None),
        ("2:3", None),
        ("3:3", "d"),
    ]
    assert done["complement"].dimension is None


def test_in_one_dimension_result_and_complement_share_no_key(world: World) -> None:
    columns = "household_id integer, email text"
    first = world.given(columns, [(1, "a"), (2, "b"), (3, "c")])
    second = world.given(columns, [(2, "a"), (1, "z"), (4, "y"), (3, None)])
    done = world.run(f"{INTERSECTION}\nmatch: row.email", first, second)
    assert world.rows(done["result"]) == [(1, "a")]
    assert world.rows(done["complement"]) == [(2, "b"), (3, "c"), (4, "y")]


def test_common_columns_are_those_of_every_population(world: World) -> None:
    first = world.given("household_id integer, a text, note text", [(1, "x", "n"), (2, "x", "n")])
    second = world.given("household_id integer, note text, b text", [(2, "m", "y"), (3, "m", "y")])
    done = world.run(f"{INTERSECTION}\ncolumns: common", first, second)
    assert (world.rows(done["result"]), world.rows(done["complement"])) == ([(2, "n")], [(1, "n"), (3, "m")])


def test_a_row_whose_key_has_a_null_is_in_one_output_only(world: World) -> None:
    alone = world.given("basket_id integer, line integer", [(7, None)], key=2, dimension="purchase")
    done = world.run(INTERSECTION, alone)
    assert (done["result"].count, done["complement"].count) == (1, 0)
