"""Change dimension: from lines to their households and back, what is kept of who leads there, and who leads nowhere."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.kit.catalog import Link
from engine.kit.errors import AuthorError
from engine.kit.population import Population
from tests.contract.world import World

OWNER = Link(name="owner", target="household", on=(("household_id", "household_id"),))
NEIGHBOURS = Link(name="neighbours", target="household", on=(("city", "city"),), many=True)


@pytest.fixture(autouse=True)
def _owned(world: World) -> None:
    world.link("purchase", OWNER)
    world.link("household", NEIGHBOURS)


def lines(world: World) -> Population:
    rows = [(100, 1, "a"), (100, 2, "b"), (101, 1, "c"), (102, 1, "d"), (103, 1, "e"), (999, 1, "f")]
    return world.given("basket_id integer, line integer, note text", rows, key=2, dimension="purchase")


def test_lines_lead_to_their_households_each_once(world: World) -> None:
    done = world.run("type: change_dimension\nto: owner", lines(world))
    assert (done["result"].key, done["result"].dimension) == (("household_id",), "household")
    assert world.rows(done["result"]) == [1, 2, 3]
    assert done["complement"].dimension == "purchase"
    assert world.rows(done["complement"]) == [(103, 1, "e"), (999, 1, "f")]


def test_what_is_added_is_of_the_first_by_order_and_aggregates_are_of_all(world: World) -> None:
    text = """
type: change_dimension
to: owner
order: -note
add:
  last: upper(note)
  n: count(*)
  total: sum(amount) + 1
  best: max(product.name)
  place: owner.city
"""
    assert world.rows(world.run(text, lines(world))["result"]) == [
        (1, "B", 2, Decimal("26.50"), "Thé vert", "Paris"),
        (2, "C", 1, Decimal("21.00"), "Coffee", "Lyon"),
        (3, "D", 1, Decimal("8.25"), None, "Lyon"),
    ]


def test_a_count_inside_a_collection_is_of_that_collection(world: World) -> None:
    often = "exists(owner.purchases group by basket_id having count(*) > 1)"
    text = (
        f"type: change_dimension\nto: owner\nadd:\n  often: case when {often} then 'yes' else 'no' end\n  n: count(*)"
    )
    assert world.rows(world.run(text, lines(world))["result"]) == [(1, "yes", 2), (2, "no", 1), (3, "no", 1)]


def test_the_key_decides_between_those_that_lead_there(world: World) -> None:
    text = "type: change_dimension\nto: owner\norder: owner.city\nadd: {note: note}"
    assert world.rows(world.run(text, lines(world))["result"]) == [(1, "a"), (2, "c"), (3, "d")]


def test_households_lead_to_all_their_lines(world: World) -> None:
    households = world.given("household_id integer, code text", [(1, "x"), (3, "y"), (4, "z")])
    done = world.run("type: change_dimension\nto: purchases\nadd: {code: code, town: city}", households)
    assert done["result"].dimension == "purchase"
    assert world.rows(done["result"]) == [
        (100, 1, "x", "Paris"),
        (100, 2, "x", "Paris"),
        (102, 1, "y", "Lyon"),
        (105, 1, "x", "Paris"),
    ]
    assert world.rows(done["complement"]) == [(4, "z")]


@pytest.mark.parametrize(
    ("keep", "notes"), [(0, ["a", "b", "c", "d"]), (2, ["a", "b", "c", "d"]), (1, ["b", "c", "d"])]
)
def test_several_of_those_that_lead_to_one_can_be_kept(world: World, keep: int, notes: list[str]) -> None:
    text = f"type: change_dimension\nto: owner\nkeep: {keep}\norder: -note\nadd: {{note: note}}"
    result = world.run(text, lines(world))["result"]
    assert world.rows(result, "note") == notes
    assert result.key == (("household_id",) if keep == 1 else ("household_id", "basket_id", "line"))
    assert result.dimension == ("household" if keep == 1 else None)


def test_over_several_links_who_reaches_another_twice_counts_once(world: World) -> None:
    """Household 1 has three lines; over them it reaches itself three times, and is one row."""
    text = "type: change_dimension\nto: purchases.owner\nadd: {n: count(*)}"
    done = world.run(text, world.given("household_id integer", [1, 2, 4]))
    assert world.rows(done["result"]) == [(1, 1), (2, 1)]
    assert world.rows(done["complement"]) == [4]


def test_a_dimension_may_lead_to_itself(world: World) -> None:
    done = world.run("type: change_dimension\nto: neighbours\nkeep: 0", world.given("household_id integer", [2, 4, 7]))
    assert done["result"].key == ("household_id", "household_household_id")
    assert world.rows(done["result"]) == [(2, 2), (3, 2), (4, 4)]
    assert world.rows(done["complement"]) == [7]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("to: product", "E413"),
        ("to: 1 + 1", "E302"),
        ("to: buyer", "E302"),
        ("to: owner.home", "E302"),
        ("to: owner\nadd: {n: sum(amount) + line}", "E309"),
        ("to: owner\nadd: {household_id: line}", "E403"),
    ],
)
def test_what_leads_nowhere_is_said_at_its_place(world: World, options: str, code: str) -> None:
    with pytest.raises(AuthorError) as caught:
        world.run(f"type: change_dimension\n{options}", lines(world))
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line > 0) == (code, True)


def test_who_leads_only_to_a_row_whose_key_holds_a_null_is_not_lost(towns: World) -> None:
    done = towns.run("type: change_dimension\nto: towns", towns.given("household_id integer", [1, 2, 4, 7]))
    assert towns.keys(done["result"]) == [(1, False), (1, True)]
    assert towns.keys(done["complement"]) == [4, 7]


def test_parts_of_the_old_key_have_names_of_their_own(world: World) -> None:
    text = "type: change_dimension\nto: neighbours\nkeep: 0\nadd: {household_household_id: 1}"
    done = world.run(text, world.given("household_id integer", [4]))["result"]
    assert done.key == ("household_id", "household_household_id_")
    assert world.rows(done) == [(4, 4, 1)]
