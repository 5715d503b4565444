"""Read list: what a run before has kept."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.kit.errors import AuthorError, DataError
from tests.contract.world import World, day


def test_a_list_is_read_with_the_columns_it_was_kept_with(world: World) -> None:
    rows = [(1, "Ö", Decimal("1.50"), True, day(2026, 1, 2)), (2, None, None, None, None)]
    world.write_list(
        "kept", world.given("household_id integer, note text, spend decimal(2), is_new boolean, seen timestamp", rows)
    )
    found = world.run("type: read_list\nlist: kept")["result"]
    assert world.rows(found) == rows
    assert found.dimension == "household"
    assert {name: str(type_) for name, type_ in found.columns.items()} == {
        "household_id": "integer",
        "note": "text",
        "spend": "decimal(2)",
        "is_new": "boolean",
        "seen": "timestamp",
    }


def test_a_list_with_a_composite_key_keeps_it(world: World) -> None:
    world.write_list(
        "lines", world.given("basket_id integer, line integer", [(100, 2), (100, 1)], key=2, dimension="purchase")
    )
    found = world.run("type: read_list\nlist: lines")["result"]
    assert (found.key, found.dimension) == (("basket_id", "line"), "purchase")
    assert world.keys(found) == [(100, 1), (100, 2)]


def test_a_list_that_does_not_exist_is_an_error_and_names_the_near_one(world: World) -> None:
    with pytest.raises(DataError, match="there is no list 'do_not_shar'") as caught:
        world.run("type: read_list\nlist: do_not_shar")
    assert "write 'do_not_share'" in caught.value.fix
    assert "opted_out" in caught.value.fix


def test_a_list_without_rows_is_a_list(world: World) -> None:
    world.write_list("nobody", world.given("household_id integer"))
    assert world.run("type: read_list\nlist: nobody")["result"].count == 0


def test_a_lists_name_may_be_a_template(world: World) -> None:
    world.write_list("people_2026", world.given("household_id integer", [4]))
    assert world.keys(world.run('type: read_list\nlist: "people_{{ run.date.year }}"')["result"]) == [4]


def test_members_whose_row_is_gone_are_kept_apart(world: World) -> None:
    world.write_list("people", world.given("household_id integer, score integer", [(1, 10), (3, 90), (99, 50)]))
    done = world.run("type: read_list\nlist: people\nwhere: score > 20")
    assert world.rows(done["result"]) == [(3, 90)]
    assert world.rows(done["gone"]) == [(99, 50)]


def test_a_condition_may_ask_the_dimension(world: World) -> None:
    world.write_list(
        "lines",
        world.given("basket_id integer, line integer", [(100, 1), (100, 2), (7, 7)], key=2, dimension="purchase"),
    )
    done = world.run("type: read_list\nlist: lines\nwhere: amount > 10 and product.category = 'food'")
    assert world.keys(done["result"]) == [(100, 1)]
    assert world.keys(done["gone"]) == [(7, 7)]


def test_of_a_list_of_lines_nobody_is_gone(world: World) -> None:
    world.write_list("lines", world.given("line integer, note text", [(1, "a"), (2, "b")], dimension=None))
    done = world.run("type: read_list\nlist: lines\nwhere: note = 'b'")
    assert (world.keys(done["result"]), done["gone"].count) == ([2], 0)


@pytest.mark.parametrize(
    ("columns", "key", "dimension", "said"),
    [
        ("household_id text", 1, "household", "the list 'people' is by household_id text, and the dimension 'household' is by household_id integer"),
        ("id integer", 1, "household", "is by id integer, and the dimension"),
        ("household_id integer, line integer", 2, "household", "is by household_id integer, line integer, and"),
        ("id integer", 1, "customer", "rows of the dimension 'customer', which the project has not got"),
    ],
)  # fmt: skip
def test_a_list_kept_by_another_key_is_an_error_at_its_name(
    offline_world: World, columns: str, key: int, dimension: str, said: str
) -> None:
    offline_world.write_list("people", offline_world.given(columns, key=key, dimension=dimension))
    with pytest.raises(AuthorError, match=said) as caught:
        offline_world.run("type: read_list\nlist: people")
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line) == ("L006", 6)
