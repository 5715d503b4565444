"""List update: append, replace, and never a part of a list."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from activities.lists.list_update import ListUpdate
from engine.kit.activity import EffectPlan
from engine.kit.errors import AuthorError, DataError
from engine.kit.population import Inputs
from engine.runs.effects import SkipEffect
from engine.runs.guard import GuardTrip
from tests.contract.world import World

REPLACE = "type: list_update\nlist: people\nmode: replace"
APPEND = "type: list_update\nlist: people"


def old_list(world: World) -> None:
    world.write_list("people", world.given("household_id integer, note text", [(1, "old"), (2, "old")]))


def test_the_mode_replace_puts_the_population_in_the_place_of_the_list(world: World) -> None:
    old_list(world)
    world.run(REPLACE, world.given("household_id integer, score integer", [(2, 20), (3, None)]))
    assert world.list_rows("people") == [(2, 20), (3, None)]


def test_appending_adds_new_keys_and_leaves_the_others_as_they_are(world: World) -> None:
    old_list(world)
    world.run(APPEND, world.given("household_id integer, note text, score integer", [(2, "new", 2), (3, "Ñew", 3)]))
    assert world.list_rows("people") == [(1, "old", None), (2, "old", None), (3, "Ñew", 3)]


def test_a_list_that_does_not_exist_is_made(world: World) -> None:
    world.run(APPEND, world.given("household_id integer", [7]))
    assert world.list_rows("people") == [7]


def test_the_result_is_the_inbound_population(world: World) -> None:
    old_list(world)
    done = world.run(APPEND, world.given("household_id integer, note text", [(2, "came")]))
    assert world.rows(done["result"]) == [(2, "came")]


def test_a_name_may_be_a_template(world: World) -> None:
    world.run('type: list_update\nlist: "people_{{ run.date }}"', world.given("household_id integer", [7]))
    assert world.list_rows("people_2026-11-23") == [7]


def test_composite_keys_are_appended_whole(world: World) -> None:
    columns = "basket_id integer, line integer"
    world.run(APPEND, world.given(columns, [(1, 1), (1, 2)], key=2, dimension="purchase"))
    world.run(APPEND, world.given(columns, [(1, 2), (2, 1)], key=2, dimension="purchase"))
    assert world.list_rows("people") == [(1, 1), (1, 2), (2, 1)]


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_write_that_fails_leaves_the_old_list(world: World, mode: str) -> None:
    old_list(world)
    twice = world.given("household_id integer, note text", [(3, "a"), (3, "b")])
    with pytest.raises(DataError, match=r"1 keys \(household_id\) stand on more than one row"):
        world.run(f"type: list_update\nlist: people\nmode: {mode}", twice)
    assert world.list_rows("people") == [(1, "old"), (2, "old")]


def test_a_write_that_fails_in_its_transaction_leaves_the_old_list_and_no_table(world: World) -> None:
    old_list(world)
    before = world.ledger.read_lists()["people"]
    with pytest.raises(DataError, match="stand on more than one row"):
        world.write_list("people", world.given("household_id integer", [3, 3]))
    assert world.ledger.read_lists()["people"].relation.compare(before.relation)
    assert world.list_rows("people") == [(1, "old"), (2, "old")]


def test_a_population_of_another_dimension_cannot_be_appended(world: World) -> None:
    old_list(world)
    lines = world.given("basket_id integer, line integer", [(1, 1)], key=2, dimension="purchase")
    with pytest.raises(DataError, match="holds household by household_id, the population purchase by basket_id, line"):
        world.run(APPEND, lines)
    world.run(REPLACE, lines)
    assert world.list_rows("people") == [(1, 1)]


def test_a_column_of_another_type_cannot_be_appended(world: World) -> None:
    old_list(world)
    with pytest.raises(DataError, match="holds other types in note"):
        world.run(APPEND, world.given("household_id integer, note integer", [(3, 1)]))
    assert world.list_rows("people") == [(1, "old"), (2, "old")]


def test_decimals_are_kept_as_decimals(world: World) -> None:
    world.run(
        REPLACE,
        world.given("household_id integer, spend decimal(2)", [(1, Decimal("0.10")), (2, Decimal("12345678.90"))]),
    )
    assert world.list_rows("people", "spend") == [Decimal("0.10"), Decimal("12345678.90")]


def test_replacing_by_nobody_fails_unless_the_author_says_otherwise(world: World) -> None:
    old_list(world)
    nobody = world.given("household_id integer")
    with pytest.raises(GuardTrip, match="0 rows would be written"):
        world.run(REPLACE, nobody)
    with pytest.raises(SkipEffect):
        world.run(f"{REPLACE}\nguard: {{on_empty: skip}}", nobody)
    assert world.list_rows("people", "household_id") == [1, 2]
    world.run(f"{REPLACE}\nguard: {{on_empty: allow}}", nobody)
    assert world.list_rows("people") == []


def test_appending_nobody_changes_nothing(world: World) -> None:
    old_list(world)
    world.run(APPEND, world.given("household_id integer, note text"))
    assert world.list_rows("people") == [(1, "old"), (2, "old")]


def test_a_guard_holds_the_list_back(world: World) -> None:
    old_list(world)
    with pytest.raises(GuardTrip, match="1 rows are fewer than the guard's min of 2"):
        world.run(f"{REPLACE}\nguard: {{min: 2}}", world.given("household_id integer", [3]))
    assert world.list_rows("people", "household_id") == [1, 2]


def test_the_same_run_appends_once_and_another_run_again(world: World) -> None:
    population = world.given("household_id integer, note text", [(3, "a")])
    world.run(APPEND, population, run="one")
    world.write_list("people", world.given("household_id integer, note text", [(9, "later")]))
    world.run(APPEND, population, run="one")
    assert world.list_rows("people") == [(9, "later")]
    world.run(APPEND, population, run="two")
    assert world.list_rows("people") == [(3, "a"), (9, "later")]


def test_a_list_can_be_replaced_from_itself(world: World) -> None:
    old_list(world)
    own = world.run("type: read_list\nlist: people")["result"]
    world.run(REPLACE, world.run("type: query\nwhere: household_id = 2", own)["result"])
    assert world.list_rows("people") == [(2, "old")]


def test_removing_takes_out_the_keys_that_came(world: World) -> None:
    old_list(world)
    done = world.run("type: list_update\nlist: people\nmode: remove", world.given("household_id integer", [2, 7]))
    assert world.list_rows("people") == [(1, "old")]
    assert world.rows(done["result"]) == [2, 7]


def test_nothing_can_be_removed_from_no_list_or_by_another_dimension(world: World) -> None:
    remove = "type: list_update\nlist: people\nmode: remove"
    with pytest.raises(DataError, match="there is no list 'people'"):
        world.run(remove, world.given("household_id integer", [1]))
    old_list(world)
    lines = world.given("basket_id integer, line integer", [(1, 1)], key=2, dimension="purchase")
    with pytest.raises(DataError, match="holds household by household_id, the population purchase"):
        world.run(remove, lines)
    assert world.list_rows("people", "household_id") == [1, 2]


def test_a_list_ends_when_its_time_is_over_and_lives_again_when_it_is_written(world: World) -> None:
    kept = world.given("household_id integer", [1])
    world.run(f"{REPLACE}\nexpires: 30d", kept)
    just, over = world.now + timedelta(days=29, hours=23), world.now + timedelta(days=30)
    assert world.ledger.lists_when_asked(just)["people"].count == 1
    with pytest.raises(DataError, match="the time of the list 'people' was over on 2026-12-23 08:30 UTC"):
        world.ledger.lists_when_asked(over)["people"]
    assert "people" not in list(world.ledger.lists_when_asked(over))
    (row,) = (row for row in world.ledger.list_rows() if row["name"] == "people")
    assert row["expires_at"] == "2026-12-23T08:30:00+00:00"
    world.run(APPEND, world.given("household_id integer", [2]))
    assert world.ledger.lists_when_asked(over)["people"].count == 2


def test_whoever_appends_to_a_list_whose_time_is_over_begins_a_new_one(world: World) -> None:
    world.run(f"{APPEND}\nexpires: 1d", world.given("household_id integer, note text", [(1, "old")]))
    world.now += timedelta(days=1)
    with pytest.raises(DataError, match="there is no list 'people'"):
        world.run("type: list_update\nlist: people\nmode: remove", world.given("household_id integer", [1]))
    world.run(APPEND, world.given("household_id integer, note integer", [(2, 3)]))
    assert world.list_rows("people") == [(2, 3)]


@pytest.mark.parametrize("expires", ["0s", "36526d", "999999999d"])
def test_a_list_ends_in_a_time_to_come(offline_world: World, expires: str) -> None:
    with pytest.raises(AuthorError, match=r"w\.yaml:8:\d+: E105 'expires' is a time to come, within a hundred years"):
        offline_world.load(f"{REPLACE}\nexpires: {expires}", {"from": 1})


@pytest.mark.parametrize("name", ["''", "' people'", "\"{{ vars.x | default('') }}\"", '"{% if false %}a{% endif %}"'])
def test_a_list_has_a_name(offline_world: World, name: str) -> None:
    with pytest.raises(AuthorError, match="L005 a list cannot be called"):
        offline_world.run(f"type: list_update\nlist: {name}", offline_world.given("household_id integer", [1]))


def test_a_key_of_another_type_neither_adds_nor_removes(world: World) -> None:
    old_list(world)
    texts = world.given("household_id text", ["1"])
    for mode in ("append", "remove"):
        with pytest.raises(
            DataError, match="holds household by household_id integer, the population household by household_id text"
        ):
            world.run(f"type: list_update\nlist: people\nmode: {mode}", texts)
    assert world.list_rows("people", "household_id") == [1, 2]


def test_rows_without_a_dimension_cannot_be_appended(offline_world: World) -> None:
    lines = offline_world.given("line integer, note text", [(1, "a")], dimension=None)
    inputs = Inputs({"from": [lines]})
    with pytest.raises(AuthorError, match="E406 rows without a dimension cannot be appended"):
        planned(APPEND, inputs, offline_world)
    planned(REPLACE, inputs, offline_world)
    offline_world.run(REPLACE, lines)
    assert offline_world.list_rows("people") == [(1, "a")]


def test_a_column_of_nothing_but_nulls_takes_the_type_it_has_elsewhere(world: World) -> None:
    nothing = world.run("type: query\nadd: {note: 'null'}", world.given("household_id integer", [1]))["result"]
    world.run(REPLACE, nothing)
    world.run(APPEND, world.given("household_id integer, note text", [(2, "b")]))
    nobody = world.run("type: query\nadd: {note: 'null'}", world.given("household_id integer", [3]))["result"]
    world.run(APPEND, nobody)
    assert world.list_rows("people") == [(1, None), (2, "b"), (3, None)]
    assert str(world.ledger.read_lists()["people"].columns["note"]) == "text"


def planned(text: str, inputs: Inputs, world: World) -> EffectPlan:
    effect = world.load(text, {"from": 1}).activities["tested"].activity
    assert isinstance(effect, ListUpdate)
    return effect.plan(inputs, world.catalog)
