"""Exclusion: a population without the people of others."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from engine.kit.catalog import Link
from engine.kit.errors import AuthorError
from engine.kit.population import Population
from tests.contract.world import World, day

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


# by values, and by rules


def test_rows_are_left_out_by_values_they_have_in_common(world: World) -> None:
    main = world.given("household_id integer, email text", [(1, "a"), (2, "B"), (3, None), (4, "c")])
    lines = world.given("line integer, email text", [(1, "b"), (2, None), (3, "a")], dimension=None)
    done = world.run(f"{EXCLUSION}\nmatch: lower(row.email)", main, exclude=[lines])
    assert (world.keys(done["result"]), world.keys(done["complement"])) == ([3, 4], [1, 2])
    assert tuple(done["result"].columns) == ("household_id", "email")


def test_all_columns_in_common_must_be_equal(world: World) -> None:
    main = world.given("household_id integer, email text, city text", [(1, "a", "P"), (2, "a", "L"), (3, "b", None)])
    lines = world.given("line integer, city text, email text", [(1, "P", "a"), (2, None, "b")], dimension=None)
    done = world.run(f"{EXCLUSION}\nmatch: columns", main, exclude=[lines])
    assert (world.keys(done["result"]), world.keys(done["complement"])) == ([2, 3], [1])


def test_a_date_is_the_midnight_of_a_timestamp(world: World) -> None:
    seen = world.given("household_id integer, seen timestamp", [(1, day(2026, 11, 1)), (2, datetime(2026, 11, 1, 8))])  # noqa: DTZ001
    days = world.given("line integer, seen date", [(1, day(2026, 11, 1).date())], dimension=None)
    assert world.keys(world.run(f"{EXCLUSION}\nmatch: seen", seen, exclude=[days])["result"]) == [2]


def test_decimals_are_equal_whatever_their_digits(world: World) -> None:
    main = world.given("household_id integer, paid decimal(1)", [(1, Decimal("1.5")), (2, Decimal("2.5"))])
    lines = world.given("line integer, paid decimal(3)", [(1, Decimal("1.500")), (2, Decimal("2.501"))], dimension=None)
    assert world.keys(world.run(f"{EXCLUSION}\nmatch: paid", main, exclude=[lines])["result"]) == [2]


def test_a_rule_pairs_expressions_of_ours_with_theirs(world: World) -> None:
    """Use case 4 of Campaign: a list of addresses from elsewhere; main columns are kept."""
    main = world.given("household_id integer, note text", [(1, "a"), (2, "b"), (3, "c"), (4, "d")])
    lines = world.given("line integer, mail text", [(1, " BOB@example.com"), (2, None), (3, "nobody")], dimension=None)
    rule = "rules:\n  given_1:\n    on:\n      lower(email): lower(trim(mail))"
    done = world.run(f"{EXCLUSION}\n{rule}", main, exclude=[lines])
    assert world.rows(done["result"]) == [(1, "a"), (4, "d")]
    assert world.rows(done["complement"]) == [(2, "b"), (3, "c")]


def test_all_pairs_of_a_rule_must_be_equal(world: World) -> None:
    main = world.given("household_id integer, a text, b integer", [(1, "x", 1), (2, "x", 2), (3, "y", 1), (4, None, 1)])
    lines = world.given("line integer, c integer, d text", [(1, 1, "x"), (2, 1, None), (3, 9, "y")], dimension=None)
    done = world.run(f"{EXCLUSION}\nrules: {{given_1: {{on: {{a: d, b: c}}}}}}", main, exclude=[lines])
    assert world.keys(done["complement"]) == [1]


def test_a_rule_is_for_one_excluded_population_and_match_for_the_others(world: World) -> None:
    lines = world.given("line integer, id integer", [(1, 2)], dimension=None)
    done = world.run(
        f"{EXCLUSION}\nrules: {{given_2: {{on: {{household_id: id}}}}}}",
        people(world, 1, 2, 3, 4),
        exclude=[people(world, 4), lines],
    )
    assert world.keys(done["result"]) == [1, 3]


def test_a_link_to_many_leaves_out_whoever_has_one_row_excluded(world: World) -> None:
    purchases = world.given(
        "basket_id integer, line integer", [(100, 2), (102, 1), (103, 1)], key=2, dimension="purchase"
    )
    done = world.run(
        f"{EXCLUSION}\nrules: {{given_1: {{link: purchases}}}}", people(world, 1, 2, 3, 4, 5), exclude=[purchases]
    )
    assert (world.keys(done["result"]), world.keys(done["complement"])) == ([2, 4, 5], [1, 3])


LINKED = {"buyer": ("household", "household_id"), "thing": ("product", "product_id")}


@pytest.fixture
def linked(world: World) -> World:
    """Give the world with products as a dimension, to which the lines of purchases lead, as they lead to households."""
    purchase = world.catalog.dimension("purchase")
    products = replace(world.catalog.behind(purchase.links["product"]), name="product", key=("product_id",))
    links = {name: Link(name=name, target=to, on=((column, column),)) for name, (to, column) in LINKED.items()}
    purchases = replace(purchase, links={**purchase.links, **links})
    world._tables = replace(
        world._tables, dimensions={**world.catalog.dimensions, "product": products, "purchase": purchases}
    )
    return world


def test_a_link_to_one_leaves_out_whoever_leads_there(linked: World) -> None:
    everything = linked.everyone("purchase")
    done = linked.run(
        f"{EXCLUSION}\nrules: {{given_1: {{link: buyer}}}}", everything, exclude=[people(linked, 1, 5, 9)]
    )
    assert linked.keys(done["result"]) == [(101, 1), (102, 1), (103, 1)]
    assert linked.keys(done["complement"]) == [(100, 1), (100, 2), (104, 1), (105, 1)]


def test_a_path_goes_through_tables_in_between(linked: World) -> None:
    tea = linked.given("product_id integer", [11], dimension="product")
    done = linked.run(
        f"{EXCLUSION}\nrules: {{given_1: {{link: purchases.thing}}}}", people(linked, 1, 2, 3), exclude=[tea]
    )
    assert (linked.keys(done["result"]), linked.keys(done["complement"])) == ([2, 3], [1])


def test_a_path_may_come_back_to_the_dimension_it_began_with(linked: World) -> None:
    done = linked.run(
        f"{EXCLUSION}\nrules: {{given_1: {{link: purchases.buyer}}}}",
        people(linked, 1, 2, 3),
        exclude=[people(linked, 2, 4)],
    )
    assert linked.keys(done["complement"]) == [2]


@pytest.mark.parametrize(
    ("rules", "code", "column", "fix"),
    [
        ("{given_2: {link: purchases}}", "E409", 13, "write 'given_1'"),
        ("{given_1: {link: purchase}}", "E302", 29, "write 'purchases'"),
        ("{given_1: {link: purchases.product}}", "E408", 29, "write 'purchases'"),
        ("{given_1: {on: {emial: basket_id}}}", "E301", 28, "write 'email'"),
        ("{given_1: {on: {household_id: basket}}}", "E301", 42, "write 'basket_id'"),
        ("{given_1: {on: {email: basket_id}}}", "E402", 28, "to_integer"),
    ],
)
def test_a_rule_that_cannot_hold_is_told_at_its_place(
    offline_world: World, rules: str, code: str, column: int, fix: str
) -> None:
    purchases = offline_world.given("basket_id integer, line integer", key=2, dimension="purchase")
    with pytest.raises(AuthorError) as caught:
        offline_world.run(f"{EXCLUSION}\nrules: {rules}", people(offline_world), exclude=[purchases])
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line, problem.span.column) == (code, 6, column)
    assert fix in problem.fix


@pytest.mark.parametrize("key", [1, 2])
def test_a_link_leads_to_no_rows_of_another_key(offline_world: World, key: int) -> None:
    """A list may be older than the key of its dimension."""
    older = offline_world.given("line integer, basket_id integer", key=key, dimension="purchase")
    with pytest.raises(AuthorError, match=r"E405 purchase and the population have other keys: \(basket_id, line\) and"):
        offline_world.run(
            f"{EXCLUSION}\nrules: {{given_1: {{link: purchases}}}}", people(offline_world), exclude=[older]
        )


@pytest.mark.parametrize(
    "rule", ["{}", "{link: a, on: {a: b}}", "{on: {}}", "{on: [a]}", "{on: {a: {b: c}}}", "{on: {a: 'b +'}}"]
)
def test_a_rule_that_says_nothing_is_refused(offline_world: World, rule: str) -> None:
    with pytest.raises(AuthorError):
        offline_world.load(f"{EXCLUSION}\nrules: {{given_1: {rule}}}", {"from": 1, "exclude": 1})
