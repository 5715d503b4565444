"""Union: one row per key, from the first population that has it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.kit.activity import Staged
from engine.kit.errors import AuthorError
from engine.kit.matching import laid
from engine.kit.population import Inputs, Population
from engine.kit.types import from_sqlalchemy
from tests.contract.world import TESTED, World

UNION = "type: union"


def people(world: World, *keys: int) -> Population:
    return world.given("household_id integer", keys)


def test_the_first_population_gives_the_row(world: World) -> None:
    first = world.given("household_id integer, note text", [(1, "first"), (2, None)])
    second = world.given("household_id integer, note text", [(2, "second"), (3, "Ünï")])
    found = world.run(UNION, first, second)["result"]
    assert world.rows(found) == [(1, "first"), (2, None), (3, "Ünï")]


def test_the_order_of_the_populations_decides(world: World) -> None:
    first = world.given("household_id integer, note text", [(2, "first")])
    second = world.given("household_id integer, note text", [(2, "second")])
    assert world.rows(world.run(UNION, second, first)["result"]) == [(2, "second")]


def test_columns_are_those_of_all_and_null_where_absent(world: World) -> None:
    first = world.given("household_id integer, spend decimal(2)", [(1, Decimal("1.50")), (2, Decimal("2.50"))])
    second = world.given("household_id integer, note text", [(2, "b"), (3, "c")])
    third = world.given("household_id integer, is_new boolean, seen timestamp", [(4, True, None)])
    found = world.run(UNION, first, second, third)["result"]
    assert tuple(found.columns) == ("household_id", "spend", "note", "is_new", "seen")
    assert world.rows(found) == [
        (1, Decimal("1.50"), None, None, None),
        (2, Decimal("2.50"), None, None, None),
        (3, None, "c", None, None),
        (4, None, None, True, None),
    ]


def test_a_single_population_stays_as_it_is(world: World) -> None:
    assert world.keys(world.run(UNION, people(world, 2, 1))["result"]) == [1, 2]


def test_the_same_population_twice_is_itself(world: World) -> None:
    some = people(world, 1, 2)
    assert world.keys(world.run(UNION, some, some)["result"]) == [1, 2]


def test_composite_keys_are_compared_whole(world: World) -> None:
    first = world.given("basket_id integer, line integer", [(100, 1), (100, 2)], key=2, dimension="purchase")
    second = world.given("basket_id integer, line integer", [(100, 2), (101, 1), (1, 100)], key=2, dimension="purchase")
    assert world.keys(world.run(UNION, first, second)["result"]) == [(1, 100), (100, 1), (100, 2), (101, 1)]


def test_a_key_with_a_null_matches_nothing_so_nothing_replaces_it(world: World) -> None:
    first = world.given("basket_id integer, line integer", [(100, None)], key=2, dimension="purchase")
    second = world.given("basket_id integer, line integer", [(101, None)], key=2, dimension="purchase")
    assert world.keys(world.run(UNION, first, second)["result"]) == [(100, None), (101, None)]


def test_decimals_of_different_scales_keep_their_digits(world: World) -> None:
    first = world.given("household_id integer, spend decimal(0)", [(1, Decimal(7))])
    second = world.given("household_id integer, spend decimal(3)", [(2, Decimal("1.125"))])
    for order in ((first, second), (second, first)):
        found = world.run(UNION, *order)["result"]
        assert world.rows(found) == [(1, Decimal("7.000")), (2, Decimal("1.125"))]
        assert str(found.columns["spend"]) == "decimal(3)"


def test_a_column_that_is_only_null_has_the_type_of_the_others(world: World) -> None:
    nobody = world.run("type: query\nwhere: household_id = 4\nadd: {spent: 'null', town: 'null', none: 'null'}")[
        "result"
    ]
    others = world.run("type: query\nwhere: household_id < 3\nadd: {spent: spend, town: city}", run="others")["result"]
    for populations in ((nobody, others), (others, nobody)):
        found = world.run(UNION, *populations)["result"]
        assert {name: str(type_) for name, type_ in found.columns.items() if name != "none"} == {
            "household_id": "integer", "spent": "decimal(2)", "town": "text",
        }  # fmt: skip
        assert world.rows(found, "household_id", "spent", "town", "none") == [
            (1, Decimal("1200.00"), "Paris", None),
            (2, Decimal("50.50"), "Lyon", None),
            (4, None, None, None),
        ]


def test_what_is_only_carried_stays_and_is_null_where_absent(world: World) -> None:
    type_ = {"duckdb": "INTEGER[]", "sqlite": "BLOB", "postgresql": "JSON"}[world.db.dialect.name]
    with world.db.rolled_back(), world.db.transaction() as connection:
        connection.exec_driver_sql(f"CREATE TABLE carried (id INTEGER PRIMARY KEY, data {type_})")
        connection.exec_driver_sql("INSERT INTO carried VALUES (3, NULL)")
        table = world.db.reflect("carried")
        columns = {column.name: from_sqlalchemy(column.type) for column in table.columns}
        carried = world.keep(Population(relation=table, key=("id",), columns=columns, dimension="carried"))
        without = [world.given("id integer", [key], dimension="carried") for key in (1, 2)]
        for populations in ((*without, carried), (carried, *without)):
            assert world.rows(laid(populations)) == [(1, None), (2, None), (3, None)]


def test_columns_of_different_kinds_are_refused(offline_world: World) -> None:
    first = offline_world.given("household_id integer, spend decimal(2)")
    second = offline_world.given("household_id integer, spend text")
    with pytest.raises(AuthorError, match=r"'spend' is decimal\(2\) in one population and text in another"):
        offline_world.run(UNION, first, second)


def test_populations_of_different_dimensions_are_refused(offline_world: World) -> None:
    purchases = offline_world.given("basket_id integer, line integer", key=2, dimension="purchase")
    with pytest.raises(AuthorError, match="household, purchase"):
        offline_world.run(UNION, people(offline_world), purchases)


def test_rows_without_a_dimension_are_refused(offline_world: World) -> None:
    lines = offline_world.given("line integer", dimension=None)
    with pytest.raises(AuthorError, match="rows without a dimension"):
        offline_world.run(UNION, lines, lines)


def test_use_case_1_three_and_two_are_five(world: World) -> None:
    """Campaign, union of two queries: 3 + 2 → 5, kept in a list; another run updates the list."""
    men = world.run("type: query\nwhere: household_id in (1, 2, 3)")["result"]
    women = world.run("type: query\nwhere: household_id in (7, 8)", run="q2")["result"]
    everyone = world.run(UNION, men, women)["result"]
    assert (men.count, women.count, everyone.count) == (3, 2, 5)
    world.run("type: list_update\nlist: people\nmode: replace", everyone)
    assert world.list_rows("people") == [1, 2, 3, 7, 8]
    world.run("type: list_update\nlist: people\nmode: replace", women, run="next")
    assert world.list_rows("people") == [7, 8]


# by values


MAILED = "household_id integer, email text, note text"


def test_rows_that_match_an_earlier_population_are_not_taken_again(world: World) -> None:
    first = world.given(MAILED, [(1, "A@x", "a"), (2, None, "a")])
    second = world.given(MAILED, [(3, "a@X", "b"), (4, None, "b"), (5, "c@x", "b")])
    third = world.given(MAILED, [(6, "C@X", "c"), (7, "d@x", "c")])
    found = world.run(f"{UNION}\nmatch: lower(row.email)", first, second, third)["result"]
    assert world.rows(found, "household_id", "note") == [(1, "a"), (2, "a"), (4, "b"), (5, "b"), (7, "c")]
    assert found.dimension == "household"


def test_rows_that_match_within_one_population_all_stay(world: World) -> None:
    first = world.given(MAILED, [(1, "a", "a"), (2, "a", "a")])
    second = world.given(MAILED, [(3, "b", "b"), (4, "b", "b"), (5, "a", "b")])
    assert world.keys(world.run(f"{UNION}\nmatch: row.email", first, second)["result"]) == [1, 2, 3, 4]


def test_a_key_stands_once_whatever_else_is_matched(world: World) -> None:
    first = world.given(MAILED, [(1, "a", "a"), (2, None, "a")])
    second = world.given(MAILED, [(1, "z", "b"), (2, "y", "b"), (3, "x", "b"), (4, "a", "b")])
    found = world.run(f"{UNION}\nmatch: row.email", first, second)["result"]
    assert world.rows(found, "household_id", "note") == [(1, "a"), (2, "a"), (3, "b")]


def test_several_values_must_all_be_equal(world: World) -> None:
    first = world.given(MAILED, [(1, "a", "x"), (2, "b", None)])
    second = world.given(MAILED, [(3, "a", "x"), (4, "a", "y"), (5, "b", None)])
    assert world.keys(world.run(f"{UNION}\nmatch: [row.email, note]", first, second)["result"]) == [1, 2, 4, 5]


def test_values_may_be_read_from_the_dimension(world: World) -> None:
    assert world.keys(
        world.run(f"{UNION}\nmatch: lower(email)", people(world, 1, 2), people(world, 3, 5, 7, 8))["result"]
    ) == [1, 2, 5, 8]


def test_rows_of_several_dimensions_become_rows_of_none_with_a_key_of_their_own(world: World) -> None:
    households = world.given(
        "household_id integer, email text, spend decimal(1)", [(1, "a", Decimal("1.5")), (2, "b", None)]
    )
    lines = world.given(
        "line integer, email text, spend decimal(2)", [(1, "c", Decimal("2.25")), (2, "b", None)], dimension=None
    )
    purchases = world.given(
        "basket_id integer, line integer, email text", [(9, 1, "d"), (9, 2, "a")], key=2, dimension="purchase"
    )
    found = world.run(f"{UNION}\nmatch: row.email", households, lines, purchases)["result"]
    assert (found.dimension, found.key) == (None, ("row_id",))
    assert world.rows(found) == [
        ("1:1", 1, "a", Decimal("1.50"), None, None),
        ("1:2", 2, "b", None, None, None),
        ("2:1", None, "c", Decimal("2.25"), 1, None),
        ("3:9:1", None, "d", None, 1, 9),
    ]


def test_a_null_in_a_key_is_written_into_the_new_one(world: World) -> None:
    purchases = world.given(
        "basket_id integer, line integer, code text", [(9, None, "a"), (8, None, "b")], key=2, dimension="purchase"
    )
    lines = world.given("line integer, code text", [(1, "a"), (2, "c")], dimension=None)
    found = world.run(f"{UNION}\nmatch: code", purchases, lines)["result"]
    assert world.rows(found, "row_id", "code") == [("1:8:%", "b"), ("1:9:%", "a"), ("2:2", "c")]


def test_the_new_key_gives_way_to_a_column_of_its_name(world: World) -> None:
    lines = world.given("line integer, row_id text", [(1, "x"), (2, "y")], dimension=None)
    found = world.run(f"{UNION}\nmatch: row_id", lines, lines)["result"]
    assert world.rows(found) == [("1:1", 1, "x"), ("1:2", 2, "y")]
    assert tuple(found.columns) == ("row_id_", "line", "row_id")


def test_all_columns_in_common_match_and_a_null_in_one_matches_nothing(world: World) -> None:
    first = world.given(
        "household_id integer, email text, city text, spend decimal(1)", [(1, "a", "P", 1), (2, "b", None, 1)]
    )
    second = world.given(
        "line integer, city text, email text", [(1, "P", "a"), (2, None, "b"), (3, "L", "a")], dimension=None
    )
    found = world.run(f"{UNION}\nmatch: columns", first, second)["result"]
    assert world.rows(found, "row_id") == ["1:1", "1:2", "2:2", "2:3"]


def test_line_numbers_have_only_their_name_in_common(world: World) -> None:
    lines = [world.given("line integer, email text", [(1, email), (2, "b")], dimension=None) for email in "ac"]
    assert world.rows(world.run(f"{UNION}\nmatch: columns", *lines)["result"], "row_id") == ["1:1", "1:2", "2:1"]


def test_a_key_that_is_a_plain_column_elsewhere_is_in_common(world: World) -> None:
    lines = world.given("line integer, household_id integer", [(1, 2), (2, 3)], dimension=None)
    found = world.run(f"{UNION}\nmatch: columns", people(world, 1, 2), lines)["result"]
    assert world.rows(found, "household_id") == [1, 2, 3]


def test_the_columns_may_be_the_common_ones(world: World) -> None:
    first = world.given("household_id integer, note text, a text", [(1, "x", "a")])
    second = world.given("household_id integer, b text, note text", [(2, "b", "y")])
    found = world.run(f"{UNION}\ncolumns: common", first, second)["result"]
    assert world.rows(found) == [(1, "x"), (2, "y")]
    assert tuple(found.columns) == ("household_id", "note")


@pytest.mark.parametrize(
    ("columns", "match", "code", "fix"),
    [
        ("line integer, email integer", "email", "E402", "to_integer"),
        ("line integer, email decimal(?)", "email", "E305", "round"),
        ("line integer, email decimal(?)", "columns", "E305", "round"),
        ("line integer, mail text", "columns", "E407", "write expressions"),
        ("line integer, mail text", "email", "E301", "write 'mail'"),
        ("line integer, email text", "[key, email]", "E407", "write 'match: key', or row.key"),
        ("line integer, email text", "[columns, key]", "E407", "write 'match: columns', or row.columns"),
    ],
)
def test_values_that_cannot_be_held_equal_are_refused_at_their_place(
    offline_world: World, columns: str, match: str, code: str, fix: str
) -> None:
    lines = offline_world.given("line integer, email text", dimension=None)
    others = offline_world.given(columns, dimension=None)
    with pytest.raises(AuthorError) as caught:
        offline_world.run(f"{UNION}\nmatch: {match}", lines, others)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line, problem.span.column) == (code, 6, 13 if match[0] == "[" else 12)
    assert fix in problem.fix


# a limit


SPENT = "household_id integer, spend integer"


def test_a_limit_is_filled_in_the_order_of_the_populations(world: World) -> None:
    first, second, third = people(world, 9, 8), people(world, 1, 8, 7), people(world, 2)
    done = world.run(f"{UNION}\nlimit: {{count: 3}}", first, second, third)
    assert (world.keys(done["result"]), world.keys(done["complement"])) == ([1, 8, 9], [2, 7])


def test_within_one_population_the_sort_key_decides_who_fits(world: World) -> None:
    first = world.given(SPENT, [(1, 5)])
    second = world.given(SPENT, [(2, None), (3, 70), (4, 70), (5, 90), (1, 99)])
    for count, kept in ((0, []), (1, [1]), (2, [1, 5]), (3, [1, 3, 5]), (4, [1, 3, 4, 5]), (9, [1, 2, 3, 4, 5])):
        done = world.run(f"{UNION}\nlimit: {{count: {count}, by: -row.spend}}", first, second)
        assert world.keys(done["result"]) == kept
        assert sorted(world.keys(done["result"]) + world.keys(done["complement"])) == [1, 2, 3, 4, 5]


def test_the_result_alone_holds_the_same_rows_as_beside_its_complement(world: World) -> None:
    first, second = (world.given(SPENT, [(key, key % 3) for key in keys]) for keys in (range(1, 5), range(3, 12)))
    union = world.load(f"{UNION}\nlimit: {{count: 6, by: spend}}", {"from": 2}).activities[TESTED].activity
    assert isinstance(union, Staged)
    inputs = Inputs({"from": [first, second]})
    alone = union.select(inputs, world.catalog)
    beside = union.cut(world.keep(union.stage(inputs, world.catalog)), inputs, world.catalog)
    assert world.keys(alone["result"]) == world.keys(beside["result"]) == [1, 2, 3, 4, 6, 9]
    assert world.keys(alone["complement"]) == world.keys(beside["complement"])


def test_a_column_may_be_called_like_our_own_marks(world: World) -> None:
    first = world.given("household_id integer, origin text, is_kept text", [(2, "a", "b"), (3, "z", "b")])
    second = world.given("household_id integer, origin text", [(1, "zz")])
    done = world.run(f"{UNION}\nlimit: {{count: 1, by: -origin}}", first, second)
    assert world.rows(done["result"]) == [(3, "z", "b")]
    assert world.rows(done["complement"]) == [(1, "zz", None), (2, "a", "b")]


def test_our_own_mark_is_no_column_that_can_be_named(offline_world: World) -> None:
    with pytest.raises(AuthorError, match="there is no column 'origin'"):
        offline_world.run(f"{UNION}\nlimit: {{count: 1, by: origin}}", people(offline_world, 1))


def test_our_own_mark_clashes_with_no_column_that_is_left_out(world: World) -> None:
    first = world.given("household_id integer, Origin text", [(2, "a")])
    done = world.run(f"{UNION}\ncolumns: common\nlimit: {{count: 1}}", first, people(world, 1))
    assert (world.rows(done["result"]), world.rows(done["complement"])) == ([2], [1])


def test_there_is_a_complement_only_where_a_limit_cuts(offline_world: World) -> None:
    ports = [port.name for port in offline_world.load(UNION, {"from": 1}).activities[TESTED].activity.outputs()]
    assert ports == ["result"]
