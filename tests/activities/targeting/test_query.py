"""Query: conditions and columns over links, one row per key."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.kit.catalog import Link
from engine.kit.errors import AuthorError
from tests.contract.world import World, day


def test_without_a_condition_everybody_is_selected_with_the_key_alone(world: World) -> None:
    found = world.run("type: query")["result"]
    assert world.rows(found) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert tuple(found.columns) == ("household_id",)


def test_a_condition_that_is_null_keeps_no_row(world: World) -> None:
    assert world.keys(world.run("type: query\nwhere: spend > 40")["result"]) == [1, 2, 3, 6, 7]
    assert world.keys(world.run("type: query\nwhere: not spend > 40")["result"]) == [5, 8]
    assert world.keys(world.run("type: query\nwhere: spend is null")["result"]) == [4]
    assert world.keys(world.run("type: query\nwhere: 'null'")["result"]) == []


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ("exists(purchases)", [1, 2, 3, 5]),
        ("not exists(purchases)", [4, 6, 7, 8]),
        ("exists(purchases where amount > 10)", [1, 2]),
        ("exists(purchases where product.category = 'food')", [1, 2]),
        ("exists(purchases where product.name = 'Thé vert' and amount < 10)", [1]),
        ("exists(purchases where product_id is null)", [3]),
        ("count(purchases) > 1", [1]),
        ("count(purchases) = 0", [4, 6, 7, 8]),
        ("count(purchases where purchased_at >= timestamp '2026-11-01T00:00:00Z') = 2", [1]),
        ("sum(amount of purchases) >= 20", [1, 2]),
        ("sum(amount of purchases) is null", [4, 5, 6, 7, 8]),
        ("count_distinct(product_id of purchases) = 2", [1]),
        ("exists(purchases where amount > 10) and exists(purchases where amount < 10)", [1]),
        ("exists(purchases where amount > 10 and amount < 10)", []),
    ],
)
def test_collections_keep_who_they_say(world: World, where: str, keys: list[int]) -> None:
    assert world.keys(world.run(f'type: query\nwhere: "{where}"')["result"]) == keys


def test_columns_are_added_without_multiplying_rows(world: World) -> None:
    text = """
type: query
where: city = 'Paris' or city = 'Lyon'
add:
  lines: count(purchases)
  total: sum(amount of purchases)
  last_seen: max(purchased_at of purchases)
  products: string_agg(product.name, ', ' of purchases)
  name: upper(email)
"""
    found = world.run(text)["result"]
    assert world.rows(found) == [
        (1, 3, Decimal("31.00"), day(2026, 11, 20), "Coffee, Thé vert, Thé vert", "ANN@EXAMPLE.COM"),
        (2, 1, Decimal("20.00"), day(2026, 1, 15), "Coffee", "BOB@EXAMPLE.COM"),
        (3, 1, Decimal("7.25"), day(2026, 11, 22), None, "BOB@EXAMPLE.COM"),
        (6, 0, None, None, None, ""),
    ]


def test_a_count_over_no_lines_is_0_and_other_aggregates_are_null(world: World) -> None:
    text = """
type: query
where: household_id = 4
add:
  n: count(purchases)
  s: sum(amount of purchases)
  m: min(amount of purchases)
  a: avg(amount of purchases)
"""
    assert world.rows(world.run(text)["result"]) == [(4, 0, None, None, None)]


def test_an_aggregate_passes_over_nulls(world: World) -> None:
    text = "type: query\nwhere: household_id = 5\nadd:\n  n: count(purchases)\n  s: sum(amount of purchases)"
    assert world.rows(world.run(text)["result"]) == [(5, 1, None)]


def test_a_dimension_with_a_composite_key_is_queried_over_a_to_one_link(world: World) -> None:
    found = world.run("type: query\ndimension: purchase\nwhere: product.category = 'food'\nadd:\n  name: product.name")[
        "result"
    ]
    assert found.key == ("basket_id", "line")
    assert world.rows(found) == [
        (100, 1, "Coffee"),
        (100, 2, "Thé vert"),
        (101, 1, "Coffee"),
        (103, 1, "Coffee"),
        (105, 1, "Thé vert"),
    ]


def test_a_to_one_link_that_finds_nobody_gives_null(world: World) -> None:
    found = world.run("type: query\ndimension: purchase\nwhere: product.name is null\nadd:\n  name: product.name")[
        "result"
    ]
    assert world.rows(found) == [(102, 1, None)]


def test_with_from_its_rows_are_filtered_and_keep_their_columns(world: World) -> None:
    some = world.given("household_id integer, note text", [(1, "Ä"), (2, None), (6, "x")])
    found = world.run("type: query\nwhere: city = 'Paris'\nadd:\n  town: city", some)["result"]
    assert world.rows(found) == [(1, "Ä", "Paris"), (6, "x", "Paris")]


def test_with_from_a_column_of_the_population_goes_before_its_dimensions(world: World) -> None:
    some = world.given("household_id integer, city text", [(1, "Rome"), (2, "Paris")])
    assert world.keys(world.run("type: query\nwhere: city = 'Paris'", some)["result"]) == [2]
    assert world.keys(world.run("type: query\nwhere: target.city = 'Paris'", some)["result"]) == [1]


def test_with_from_a_row_the_dimension_has_no_more_stays_where_the_condition_allows(world: World) -> None:
    gone = world.given("household_id integer, note text", [(1, "a"), (99, "b")])
    assert world.keys(world.run("type: query\nwhere: note is not null", gone)["result"]) == [1, 99]
    assert world.keys(world.run("type: query\nwhere: city = 'Paris'", gone)["result"]) == [1]


def test_an_added_column_may_replace_one_that_came(world: World) -> None:
    some = world.given("household_id integer, note text", [(1, "a"), (2, None)])
    assert world.rows(world.run("type: query\nadd:\n  note: upper(note)", some)["result"]) == [(1, "A"), (2, None)]


def test_the_key_cannot_be_replaced(world: World) -> None:
    with pytest.raises(AuthorError, match="'household_id' is the key and cannot be computed"):
        world.run("type: query\nadd:\n  household_id: household_id + 1")


def test_text_beyond_ascii_is_compared_as_written(world: World) -> None:
    assert world.keys(world.run("type: query\nwhere: city = 'München'")["result"]) == [4]
    assert world.keys(world.run("type: query\nwhere: lower(email) = 'élodie@example.fr'")["result"]) == [5, 8]


def test_an_empty_dimension_gives_nobody(empty_world: World) -> None:
    found = empty_world.run("type: query\nwhere: exists(purchases)\nadd:\n  total: sum(amount of purchases)")["result"]
    assert empty_world.rows(found) == []
    assert found.count == 0


def test_a_dimension_that_does_not_exist_is_named(offline_world: World) -> None:
    with pytest.raises(AuthorError, match="there is no dimension 'houshold'") as caught:
        offline_world.run("type: query\ndimension: houshold")
    assert "write 'household'" in str(caught.value)
    assert str(caught.value).startswith("w.yaml:")


def test_use_case_25_both_deliveries(world: World) -> None:
    """Campaign, duplicates across deliveries: two conditions on one collection are two lines, not one."""
    both = "exists(purchases where basket_id = 100) and exists(purchases where basket_id = 105)"
    assert world.keys(world.run(f"type: query\nwhere: {both}")["result"]) == [1]
    assert (
        world.keys(
            world.run("type: query\nwhere: exists(purchases where basket_id = 100 and basket_id = 105)")["result"]
        )
        == []
    )


@pytest.mark.parametrize("dimension", ["nonsense", "purchase"])
def test_rows_that_arrive_keep_their_dimension(offline_world: World, dimension: str) -> None:
    with pytest.raises(AuthorError) as caught:
        offline_world.run(f"type: query\ndimension: {dimension}", offline_world.everyone())
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line) == ("E406", 6)


def test_rows_of_another_dimension_than_the_workflows_are_filtered(offline_world: World) -> None:
    found = offline_world.run("type: query\nwhere: line = 2", offline_world.everyone("purchase"))
    assert offline_world.keys(found["result"]) == [(100, 2)]


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ("exists(purchases group by purchased_at having count(*) >= 2)", [1]),
        ("exists(purchases group by product_id having count(*) >= 2)", [1]),
        ("exists(purchases group by product_id having sum(amount) > 11)", [1, 2]),
        ("exists(purchases where amount < 10 group by product_id having count(*) >= 2)", [1]),
        ("exists(purchases where amount < 10 group by product_id, purchased_at having count(*) >= 2)", []),
        ("exists(purchases group by product_id having product_id is null)", [3]),
        ("exists(purchases group by product.category having count(*) >= 3 and product.category = 'food')", [1]),
        ("not exists(purchases group by product_id having count(amount) = 1)", [4, 5, 6, 7, 8]),
        ("exists(purchases where amount < target.spend group by product_id having count(*) >= 2)", [1]),
    ],
)
def test_a_group_of_linked_rows_can_be_asked_for(world: World, where: str, keys: list[int]) -> None:
    assert world.keys(world.run(f'type: query\nwhere: "{where}"')["result"]) == keys
    assert world.keys(world.run(f'type: query\nwhere: "{where}"', world.everyone())["result"]) == keys


def test_the_first_lines_of_a_link_become_columns(world: World) -> None:
    text = """
type: query
where: household_id < 6
lines:
  - of: purchases
    order: [-purchased_at, -amount]
    count: 2
    add:
      amount: amount
      product: product.name
  - of: purchases
    where: amount > 10
    order: purchased_at
    add:
      dear: amount
"""
    found = world.run(text)["result"]
    assert tuple(found.columns) == ("household_id", "amount_1", "product_1", "amount_2", "product_2", "dear")
    assert world.rows(found) == [
        (1, Decimal("20.00"), "Coffee", Decimal("5.50"), "Thé vert", Decimal("20.00")),
        (2, Decimal("20.00"), "Coffee", None, None, Decimal("20.00")),
        (3, Decimal("7.25"), None, None, None, None),
        (4, None, None, None, None, None),
        (5, None, "Lamp", None, None, None),
    ]


@pytest.mark.parametrize("type_", ["query", "incremental_query"])
def test_lines_meet_where_stand_in_their_order_and_add_their_columns_up_to_the_count(world: World, type_: str) -> None:
    text = f"""
type: {type_}
where: household_id = 1
lines:
  - of: purchases
    where: amount < 10
    order: -purchased_at
    count: 2
    add: {{at: purchased_at, line: line}}
"""
    assert world.rows(world.run(text)["result"]) == [(1, day(2026, 11, 20), 2, day(2025, 6, 1), 1)]


def test_lines_that_are_equal_are_told_apart_by_the_key(world: World) -> None:
    text = """
type: query
where: household_id = 1
lines:
  - of: purchases
    order: household_id
    count: 3
    add: {basket: basket_id, line: line, is_dear: amount > 10}
"""
    found = world.run(text)["result"]
    assert world.rows(found) == [(1, 100, 1, True, 100, 2, False, 105, 1, False)]


@pytest.mark.parametrize("source", ["", "from"])
def test_lines_may_look_at_the_targeted_row(world: World, source: str) -> None:
    text = """
type: query
lines:
  - of: purchases
    where: purchased_at >= target.modified
    order: purchased_at
    add:
      since: purchased_at
refine: since is not null
"""
    found = world.run(text, *([world.given("household_id integer", [1, 3, 4])] if source else []))["result"]
    assert world.rows(found) == [(1, day(2026, 11, 20)), (3, day(2026, 11, 22))] + (
        [] if source else [(5, day(2026, 11, 22))]
    )


def test_lines_may_lie_behind_a_to_one_link(world: World) -> None:
    text = """
type: query
dimension: purchase
where: household_id = 1 and line = 1
lines:
  - of: product
    order: name
    add:
      name: upper(name)
"""
    assert world.rows(world.run(text)["result"]) == [(100, 1, "COFFEE"), (105, 1, "THÉ VERT")]


def test_refining_knows_what_was_added(world: World) -> None:
    text = "type: query\nadd:\n  total: sum(amount of purchases)\nrefine: total > 10 and city = 'Lyon'"
    assert world.rows(world.run(text)["result"]) == [(2, Decimal("20.00"))]
    some = world.given("household_id integer, city text", [(1, "Lyon"), (2, "Rome"), (3, None)])
    assert world.rows(world.run(text, some)["result"]) == [(1, "Lyon", Decimal("31.00"))]


def test_use_case_10_everybody_of_the_last_day(world: World) -> None:
    """Campaign, latest created recipients: the aggregate of all rows is a window, and beside it each row is compared."""
    text = "type: query\nadd:\n  newest: max(modified) over ()\nrefine: date_only(modified) = date_only(newest)"
    assert world.keys(world.run(text)["result"]) == [6]


def test_use_case_8_the_scores_of_a_competition(world: World) -> None:
    """Campaign, competition enrichment: the best line of each, then a split by it."""
    players = world.given("household_id integer", [1, 2, 3])
    text = "type: query\nlines:\n  - of: purchases\n    where: basket_id != 105\n    order: -amount\n    add: {score: amount}"
    scored = world.run(text, players)["result"]
    assert world.rows(scored) == [(1, Decimal("20.00")), (2, Decimal("20.00")), (3, Decimal("7.25"))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("add: {n: count(purchases)}\nlines: {of: purchases, order: line, add: {n: line}}", "two columns are called 'n'"),
        ("lines: {of: purchases, order: line, add: {household_id: line}}", "'household_id' is the key"),
        ("lines: {of: 1 + 1, order: line, add: {n: line}}", "a link is wanted here"),
        ("lines: {of: purchase, order: line, add: {n: line}}", "there is no link 'purchase'"),
        ("lines: {of: purchases, order: line, add: {n: city}}", "there is no column 'city'"),
        ("where: exists(purchases group by product_id having amount > 1)", "'amount' is not one value in a group"),
        ("where: exists(purchases group by 1 having count(*) > 1)", "a value written out groups nothing"),
    ],
    ids=["twice", "key", "value", "link", "outside", "ungrouped", "constant"],
)  # fmt: skip
def test_a_column_that_cannot_be_is_said_at_its_place(offline_world: World, text: str, message: str) -> None:
    with pytest.raises(AuthorError, match=message) as caught:
        offline_world.run(f"type: query\n{text}")
    assert str(caught.value).startswith("w.yaml:")


def test_lines_have_an_order(offline_world: World) -> None:
    with pytest.raises(AuthorError, match="order"):
        offline_world.load("type: query\nlines:\n  - of: purchases\n    add: {n: line}")


@pytest.mark.parametrize("key", [("basket_id", "line"), ()])
def test_a_to_one_link_that_finds_several_gives_the_first_row_whole(world: World, key: tuple[str, ...]) -> None:
    purchases = replace(world.catalog.dimension("purchase"), name="bought", key=key, is_key_declared=False)
    world.link("household", Link(name="bought", target="bought", on=(("household_id", "household_id"),)))
    world._tables = replace(world._tables, tables={**world._tables.tables, "bought": purchases})
    text = """
type: query
where: bought.amount > 6 or bought.product.category = 'home'
add: {basket: bought.basket_id, amount: bought.amount, at: bought.purchased_at, product: bought.product.name}
"""
    expected = [
        (1, 100, Decimal("20.00"), day(2026, 11, 20), "Coffee"),
        (2, 101, Decimal("20.00"), day(2026, 1, 15), "Coffee"),
        (3, 102, Decimal("7.25"), day(2026, 11, 22), None),
        (5, 104, None, day(2026, 11, 22), "Lamp"),
    ]
    assert world.rows(world.run(text)["result"]) == expected
    assert world.rows(world.run(text, world.given("household_id integer", range(9)))["result"]) == expected


NARROWED = [
    ("city = 'Lyon' and spend > 1", [(2, Decimal("20.00"), 1), (3, Decimal("7.25"), 1)]),
    ("exists(purchases where amount > 6) and household_id != 2", [(1, Decimal("31.00"), 3), (3, Decimal("7.25"), 1)]),
    ("city = 'Lyon' and sum(amount of purchases) > 10", [(2, Decimal("20.00"), 1)]),
    ("city = 'Lyon' and exists(purchases) and count(purchases) = 1 and target.household_id > 2", [(3, Decimal("7.25"), 1)]),
    ("city in ('Lyon', 'Paris') and row_number() over (order by household_id) > 2", [(3, Decimal("7.25"), 1), (6, None, 0)]),
    ("city = null and exists(purchases)", []),
]  # fmt: skip


@pytest.mark.parametrize(("where", "rows"), NARROWED)
def test_whatever_is_held_first_comes_to_the_same(world: World, where: str, rows: list[object]) -> None:
    text = f"""
type: query
where: "{where}"
add:
  total: sum(amount of purchases)
  n: count(purchases)
refine: coalesce(total, 1) > 0
"""
    assert world.rows(world.run(text)["result"]) == rows
    assert world.rows(world.run(text, world.given("household_id integer", [1, 2, 3, 6, 99]))["result"]) == rows
