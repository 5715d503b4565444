"""Read list: what a run before has kept."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.kit.errors import DataError
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
        "lines", world.given("basket_id integer, line integer", [(1, 2), (1, 1)], key=2, dimension="purchase")
    )
    found = world.run("type: read_list\nlist: lines")["result"]
    assert (found.key, found.dimension) == (("basket_id", "line"), "purchase")
    assert world.keys(found) == [(1, 1), (1, 2)]


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
