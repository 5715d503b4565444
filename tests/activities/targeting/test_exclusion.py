"""Exclusion: a population without the people of others."""

from __future__ import annotations

import pytest

from engine.kit.errors import AuthorError
from engine.kit.population import Population
from tests.contract.world import World

EXCLUSION = "type: exclusion"


def people(world: World, *keys: int) -> Population:
    return world.given("household_id integer", keys)


def test_the_rows_of_any_excluded_population_are_left_out(world: World) -> None:
    main = world.given("household_id integer, note text", [(1, "a"), (2, "ß"), (3, None), (4, "d")])
    done = world.run(EXCLUSION, main, exclude=[people(world, 2, 9), people(world, 2, 3)])
    assert world.rows(done["result"]) == [(1, "a"), (4, "d")]
    assert world.rows(done["complement"]) == [(2, "ß"), (3, None)]


def test_the_complement_holds_nobody_from_elsewhere(world: World) -> None:
    done = world.run(EXCLUSION, people(world, 1), exclude=[people(world, 2, 3)])
    assert (world.keys(done["result"]), world.keys(done["complement"])) == ([1], [])


def test_an_empty_exclusion_leaves_out_nobody(world: World) -> None:
    done = world.run(EXCLUSION, people(world, 1, 2), exclude=[people(world)])
    assert (world.keys(done["result"]), world.keys(done["complement"])) == ([1, 2], [])


def test_excluding_everybody_leaves_nobody(world: World) -> None:
    everyone = world.everyone()
    done = world.run(EXCLUSION, everyone, exclude=[everyone])
    assert (done["result"].count, done["complement"].count) == (0, 8)


def test_a_null_in_an_excluded_key_does_not_empty_the_result(world: World) -> None:
    main = world.given("basket_id integer, line integer", [(100, 1), (100, 2), (7, None)], key=2, dimension="purchase")
    excluded = world.given("basket_id integer, line integer", [(100, 2), (7, None)], key=2, dimension="purchase")
    done = world.run(EXCLUSION, main, exclude=[excluded])
    assert world.keys(done["result"]) == [(7, None), (100, 1)]
    assert world.keys(done["complement"]) == [(100, 2)]


def test_populations_of_different_dimensions_are_refused(offline_world: World) -> None:
    purchases = offline_world.given("basket_id integer, line integer", key=2, dimension="purchase")
    with pytest.raises(AuthorError, match="household, purchase"):
        offline_world.run(EXCLUSION, people(offline_world, 1), exclude=[purchases])


def test_rows_that_are_not_reconciled_cannot_be_excluded(offline_world: World) -> None:
    lines = offline_world.given("line integer", [1], dimension=None)
    with pytest.raises(AuthorError, match="rows without a dimension"):
        offline_world.run(EXCLUSION, people(offline_world, 1), exclude=[lines])


def test_use_case_3_seven_without_the_four_of_paris(world: World) -> None:
    """Campaign: 7 of 18 to 30, without those of Paris, 4 of whom are among them; 3 remain, 4 are the complement."""
    young, paris = people(world, 1, 2, 3, 4, 5, 6, 7), people(world, 4, 5, 6, 7)
    done = world.run(EXCLUSION, young, exclude=[paris])
    world.run("type: list_update\nlist: kept", done["result"], run="l1")
    world.run("type: list_update\nlist: left_out", done["complement"], run="l2")
    assert (done["result"].count, done["complement"].count) == (3, 4)
    assert world.list_rows("kept") == [1, 2, 3]
    assert world.list_rows("left_out") == [4, 5, 6, 7]
