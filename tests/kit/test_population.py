"""A population: an immutable relation whose methods touch no database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from engine.kit.errors import EngineBug
from engine.kit.population import Inputs, Population
from engine.kit.types import INTEGER, TEXT
from tests.contract.world import World

TABLE = sa.table("t", sa.column("id", sa.Integer), sa.column("note", sa.String))


def population() -> Population:
    return Population(relation=TABLE, key=("id",), columns={"id": INTEGER, "note": TEXT}, count=3)


@pytest.mark.parametrize("key", [(), ("missing",), ("id", "missing")])
def test_a_population_has_its_key(key: tuple[str, ...]) -> None:
    with pytest.raises(EngineBug, match="without its key"):
        Population(relation=TABLE, key=key, columns={"id": INTEGER, "note": TEXT})


def test_a_changed_population_is_another_and_its_count_is_not_known() -> None:
    before = population()
    after = before.where(before.column("id") > 1)
    assert before.count == 3
    assert after.count is None
    assert before.relation is TABLE
    assert tuple(after.columns) == ("id", "note")


def test_where_keeps_what_is_true_and_not_what_is_null(world: World) -> None:
    rows = world.given("id integer, note text", [(1, "a"), (2, None), (3, "b")])
    assert world.keys(rows.where(rows.column("note") != "a")) == [3]


def test_a_column_is_added_or_takes_the_place_of_another(world: World) -> None:
    rows = world.given("id integer, note text", [(1, "a"), (2, None)])
    assert world.rows(rows.with_column("size", sa.literal(5, sa.Integer()), INTEGER)) == [(1, "a", 5), (2, None, 5)]
    replaced = rows.with_column("note", sa.literal("x", sa.String()), TEXT)
    assert world.rows(replaced) == [(1, "x"), (2, "x")]
    assert tuple(replaced.columns) == ("id", "note")


def test_only_keeps_the_key_and_what_is_named(world: World) -> None:
    rows = world.given("id integer, note text, more text", [(1, "a", "b")])
    assert world.rows(rows.only(["more"])) == [(1, "b")]
    assert world.rows(rows.only(["id"])) == [1]


def test_without_leaves_out_the_keys_of_the_others_and_a_null_matches_nothing(world: World) -> None:
    rows = world.given("a integer, b integer", [(1, 1), (1, 2), (2, None)], key=2)
    others = [
        world.given("a integer, b integer", [(1, 1), (2, None)], key=2),
        world.given("a integer, b integer", key=2),
    ]
    assert world.keys(rows.without(*others)) == [(1, 2), (2, None)]
    assert world.keys(rows.without()) == [(1, 1), (1, 2), (2, None)]


def test_keys_are_compared_in_their_order_whatever_their_names(world: World) -> None:
    rows = world.given("a integer, b integer", [(1, 2), (2, 1)], key=2)
    other = world.given("x integer, y integer", [(1, 2)], key=2)
    assert world.keys(rows.where(rows.matches(other))) == [(1, 2)]


def test_a_population_can_be_held_against_itself(world: World) -> None:
    rows = world.given("id integer", [1, 2])
    assert world.keys(rows.where(rows.matches(rows))) == [1, 2]
    assert world.keys(rows.without(rows)) == []


def test_an_unused_name_is_the_one_asked_for_or_a_longer_one() -> None:
    assert population().unused("mark") == "mark"
    assert population().unused("note") == "note_"


def test_the_target_is_the_key_alone(world: World) -> None:
    assert tuple(world.given("id integer, note text", [(1, "a")]).target().columns) == ("id",)


def test_inputs_give_one_population_or_those_of_a_set_port() -> None:
    one, two = population(), population()
    inputs = Inputs({"from": [one], "exclude": [one, two], "none": []})
    assert inputs["from"] is one
    assert inputs.many("exclude") == (one, two)
    assert inputs.many("nowhere") == ()
    assert (list(inputs), len(inputs)) == (["from", "exclude", "none"], 3)
    with pytest.raises(ValueError, match="too many"):
        inputs["exclude"]


def test_inputs_of_a_set_port_have_the_names_of_their_references() -> None:
    one, two = population(), population()
    named = Inputs({"exclude": [one, two]}, {"exclude": ["buyers", "groups.vip"]})
    assert named.named("exclude") == (("buyers", one), ("groups.vip", two))
    assert Inputs({"exclude": [one]}).named("exclude") == (("", one),)
    assert named.named("from") == ()
