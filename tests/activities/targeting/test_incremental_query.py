"""Incremental query: who was returned before is left out. Runs, failures and times are in tests/runs/test_history.py."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.kit.activity import Transform
from engine.kit.errors import AuthorError
from tests.contract.world import World, activity


def test_it_selects_as_a_query_does_without_those_returned_before(world: World) -> None:
    some = "type: incremental_query\nwhere: spend > 40\nadd:\n  n: count(purchases)\nrefine: n > 0"
    assert world.rows(world.run(some)["result"]) == [(1, 3), (2, 1), (3, 1)]
    everybody = world.run("type: incremental_query\nadd:\n  town: city")["result"]
    assert world.rows(everybody) == [(4, "München"), (5, "Besançon"), (6, "Paris"), (7, None), (8, "paris")]


def test_lines_of_those_who_are_new_become_columns(world: World) -> None:
    text = """
type: incremental_query
dimension: household
commit: activity
where: spend > 40
lines:
  - of: purchases
    where: amount > 5
    order: amount
    count: 2
    add: {amount: amount}
"""
    world.run("type: incremental_query\ncommit: activity", world.given("household_id integer", [2, 6, 7]))
    assert world.rows(world.run(text)["result"]) == [(1, Decimal("5.50"), Decimal("5.50")), (3, Decimal("7.25"), None)]


@pytest.mark.parametrize(
    ("add", "rows"),
    [
        ("", [1, 2, 3]),
        ("\nadd: {total: sum(amount of purchases)}", [(1, Decimal("31.00")), (2, Decimal("20.00")), (3, Decimal("7.25"))]),
    ],
    ids=["nothing", "add"],
)  # fmt: skip
def test_a_window_in_the_condition_looks_at_all_rows_whatever_is_added(world: World, add: str, rows: list[Any]) -> None:
    text = f"type: incremental_query\nwhere: row_number() over (order by household_id) <= 3{add}"
    assert world.rows(world.run(text)["result"]) == rows
    assert world.rows(world.run(text)["result"]) == []


def test_after_history_days_somebody_is_returned_again(world: World) -> None:
    text = "type: incremental_query\nhistory_days: 3"
    some = world.given("household_id integer", [1, 2])
    assert world.keys(world.run(text, some)["result"]) == [1, 2]
    world.now += timedelta(days=3, microseconds=-1)
    assert world.keys(world.run(text, some)["result"]) == []
    world.now += timedelta(microseconds=1)
    assert world.keys(world.run(text, some)["result"]) == [1, 2]


@pytest.mark.parametrize(("options", "commit"), [("", "run"), ("\ncommit: activity", "activity")])
def test_it_says_with_whose_success_its_history_is_to_commit(options: str, commit: str) -> None:
    """What comes of it is in tests/runs/test_history.py."""
    query = activity(f"type: incremental_query{options}")
    assert isinstance(query, Transform)
    assert query.memory is not None
    assert query.memory.commit == commit


def test_another_dimension_is_queried(world: World) -> None:
    purchases = world.run("type: incremental_query\ndimension: purchase\nwhere: basket_id = 100")["result"]
    assert world.keys(purchases) == [(100, 1), (100, 2)]


def test_rows_that_arrive_are_filtered_and_keep_their_columns(world: World) -> None:
    text = "type: incremental_query\nhistory_days: 3"
    assert world.keys(world.run(text, world.given("household_id integer", [1, 2]))["result"]) == [1, 2]
    more = world.given("household_id integer, note text", [(2, "b"), (3, "c")])
    assert world.rows(world.run(text, more)["result"]) == [(3, "c")]


def test_composite_keys_are_told_apart_whatever_is_in_them(world: World) -> None:
    text = "type: incremental_query"
    columns = "code text, shop text"
    first = world.given(columns, [("a:b", "c"), ("%3A", "x"), (None, "y")], key=2, dimension=None)
    world.run(text, first)
    second = world.given(columns, [("a", "b:c"), ("a:b", "c"), (":", "x"), (None, "y")], key=2, dimension=None)
    found = world.run(text, second)["result"]
    assert world.keys(found) == [(":", "x"), ("a", "b:c"), (None, "y")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("date_field: city", "a date or timestamp is wanted here, and this is text"),
        ("date_field: max(modified) over ()", "the window of max cannot stand"),
        ("date_field: modified\nhistory_days: 3", "do not go together"),
        ("history_days: 0", "0 is less than 1"),
        ("history_days: 36501", "36501 is more than 36500, a hundred years"),
    ],
)
def test_what_cannot_be_is_said_at_its_place(offline_world: World, options: str, message: str) -> None:
    with pytest.raises(AuthorError, match=message) as caught:
        offline_world.run(f"type: incremental_query\n{options}")
    assert str(caught.value).startswith("w.yaml:")
