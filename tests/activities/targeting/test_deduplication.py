"""Deduplication: the first of each group, and everybody who is in no group."""

from __future__ import annotations

from datetime import datetime

import pytest

from engine.kit.errors import AuthorError
from engine.kit.population import Population
from tests.contract.world import World, day

EMAILS = [
    (1, "a@x.org", 10),
    (2, "A@x.org", 20),
    (3, "b@x.org", None),
    (4, "b@x.org", 5),
    (5, None, 1),
    (6, None, 2),
    (7, "", 1),
    (8, "", 2),
    (9, "é@x.org", 1),
    (10, "É@x.org", 2),
]


def mailed(world: World) -> Population:
    return world.given("household_id integer, email text, score integer", EMAILS)


def kept(world: World, options: str, population: Population | None = None) -> tuple[list[object], list[object]]:
    done = world.run(f"type: deduplication\n{options}", population or mailed(world))
    return world.keys(done["result"]), world.keys(done["complement"])


def test_the_key_decides_where_no_order_is_written(world: World) -> None:
    assert kept(world, "by: email") == ([1, 2, 3, 5, 6, 7, 9, 10], [4, 8])


def test_equality_is_of_expressions_and_case_is_unicodes(world: World) -> None:
    assert kept(world, "by: lower(email)") == ([1, 3, 5, 6, 7, 9], [2, 4, 8, 10])


def test_a_null_is_never_a_duplicate_and_the_empty_text_is_a_value(world: World) -> None:
    result, complement = kept(world, "by: email\norder: -score")
    assert {5, 6} <= set(result)
    assert 7 in complement
    assert 8 in result


def test_order_decides_with_nulls_last(world: World) -> None:
    assert kept(world, "by: lower(email)\norder: score")[1] == [2, 3, 8, 10]
    assert kept(world, "by: lower(email)\norder: -score")[1] == [1, 3, 7, 9]
    assert kept(world, "by: lower(email)\norder: score nulls first")[1] == [2, 4, 8, 10]


def test_several_expressions_must_all_be_equal_and_one_null_keeps_the_row(world: World) -> None:
    rows = [(1, "a", "x"), (2, "a", "x"), (3, "a", "y"), (4, "a", None), (5, "a", None), (6, None, "x"), (7, None, "x")]
    people = world.given("household_id integer, first text, last text", rows)
    assert kept(world, "by: [first, last]", people) == ([1, 3, 4, 5, 6, 7], [2])


def test_keeping_none_in_particular_keeps_all(world: World) -> None:
    assert kept(world, "by: email\nkeep: 0") == ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [])


def test_keeping_two_sends_the_third_away(world: World) -> None:
    rows = [(key, "Z" if key == 3 else "Y") for key in (1, 2, 3, 4)]
    people = world.given("household_id integer, name text", rows)
    assert kept(world, "by: name\nkeep: 2\norder: -household_id", people) == ([2, 3, 4], [1])


def test_columns_of_the_dimension_can_be_compared(world: World) -> None:
    people = world.given("household_id integer", [1, 2, 3, 7])
    assert kept(world, "by: lower(email)\norder: -modified", people) == ([2, 7], [1, 3])


def test_composite_keys_end_the_order(world: World) -> None:
    rows = [(2, 1, "a"), (1, 2, "a"), (1, 1, "a")]
    lines = world.given("basket_id integer, line integer, note text", rows, key=2, dimension="purchase")
    assert kept(world, "by: note", lines) == ([(1, 1)], [(1, 2), (2, 1)])


def test_rows_without_a_dimension_are_deduplicated_whatever_their_number(world: World) -> None:
    """Campaign drops rows whose key is 0 unless told otherwise; here they are rows like any other."""
    lines = world.given("line integer, email text", [(0, "a"), (1, "b"), (2, "a")], dimension=None)
    assert kept(world, "by: email", lines) == ([0, 1], [2])


def test_a_column_may_be_called_like_our_own_mark(world: World) -> None:
    people = world.given("household_id integer, is_kept text", [(1, "a"), (2, "a")])
    done = world.run("type: deduplication\nby: is_kept", people)
    assert world.rows(done["result"]) == [(1, "a")]
    assert world.rows(done["complement"]) == [(2, "a")]


def test_equal_sums_of_money_are_equal_whatever_their_scale(world: World) -> None:
    assert kept(world, "by: spend", world.given("household_id integer", [2, 3, 5])) == ([2, 5], [3])


BOBS = [
    (1, "Bob", "bob@mycompany.com", day(2020, 2, 3), "888-888-8888"),
    (2, "Robert", "bob@mycompany.com", day(2020, 5, 19), "777-777-7777"),
    (3, "Bobby", "bob@mycompany.com", day(2020, 7, 22), "777-777-7777"),
]


@pytest.mark.parametrize(
    ("order", "result", "complement"),
    [("created", ["Bob"], ["Robert", "Bobby"]), ("-created", ["Bobby"], ["Bob", "Robert"])],
)
def test_use_case_5_the_oldest_bob_stays(world: World, order: str, result: list[str], complement: list[str]) -> None:
    """Campaign: three rows of bob@mycompany.com; the smallest date is kept unchanged, the other two are the complement."""
    bobs = world.given("household_id integer, name text, email text, created timestamp, phone text", BOBS)
    done = world.run(f"type: deduplication\nby: email\norder: {order}", bobs)
    assert world.rows(done["result"], "name") == result
    assert world.rows(done["complement"], "name") == complement
    if order == "created":
        assert world.rows(done["result"]) == [(1, "Bob", "bob@mycompany.com", datetime(2020, 2, 3), "888-888-8888")]  # noqa: DTZ001


def test_use_case_6_one_row_for_each_address_before_a_delivery(world: World) -> None:
    """Campaign: three queries, a union, one row per address; all others go to a list of duplicates."""
    columns = "household_id integer, email text"
    queries = [
        world.given(columns, [(1, "a"), (2, "b"), (3, "a")]),
        world.given(columns, [(3, "a"), (4, "c"), (5, None)]),
        world.given(columns, [(6, "b"), (7, "d"), (8, None)]),
    ]
    everyone = world.run("type: union", *queries)["result"]
    done = world.run("type: deduplication\nby: email\nkeep: 1", everyone, run="dedup")
    world.run("type: list_update\nlist: duplicates", done["complement"], run="list")
    assert world.rows(done["result"]) == [(1, "a"), (2, "b"), (4, "c"), (5, None), (7, "d"), (8, None)]
    assert world.list_rows("duplicates") == [(3, "a"), (6, "b")]


def test_records_are_compared_by_something(offline_world: World) -> None:
    with pytest.raises(AuthorError, match="at least one is wanted here"):
        offline_world.load("type: deduplication\nby: []", {"from": 1})


# methods, places and merging


@pytest.mark.parametrize(
    ("order", "kept_first"),
    [
        ("case source when 'shop' then 1 when 'web' then 2 end", [3]),
        ("[case source when 'mail' then 1 end, -source]", [4]),
        ("[case source when 'none' then 1 end, -source]", [2]),
        ("[mobile is null, source]", [1]),
        ("['mobile is null', source desc]", [2]),
        ("[\"coalesce(mobile, '') = ''\", case source when 'web' then 1 end, source]", [2]),
    ],
)
def test_methods_are_sort_keys(world: World, order: str, kept_first: list[int]) -> None:
    """An order of one's own, others behind in either direction; filled ones first; and both together."""
    columns = "household_id integer, email text, source text, mobile text"
    rows = [
        (1, "a", "app", "1"),
        (2, "a", "web", "2"),
        (3, "a", "shop", None),
        (4, "a", "mail", None),
        (5, "a", None, None),
    ]
    assert kept(world, f"by: row.email\norder: {order}", world.given(columns, rows))[0] == kept_first


def test_the_place_of_a_record_is_told_in_both_outputs(world: World) -> None:
    rows = [(1, "a", 5), (2, "a", 7), (3, "b", 1), (4, None, 1), (5, "a", 6), (6, None, 2)]
    people = world.given("household_id integer, email text, score integer", rows)
    done = world.run("type: deduplication\nby: row.email\norder: -score\nkeep: 2\nrank: place", people)
    assert world.rows(done["result"], "household_id", "place") == [(2, 1), (3, 1), (4, 1), (5, 2), (6, 1)]
    assert world.rows(done["complement"]) == [(1, "a", 5, 3)]
    everyone = world.run("type: deduplication\nby: row.email\norder: -score\nkeep: 0\nrank: score", people)["result"]
    assert world.rows(everyone, "score") == [3, 1, 1, 1, 2, 1]


MERGED = """type: deduplication
by: row.email
order: created
merge:
  - where: first is not null and last is not null
    order: -created
    columns: {first: first, last: last}
  - where: mobile is not null
    order: -created
    columns: {mobile: mobile}
  - order: created
    columns: {oldest_phone: phone}
"""


def test_use_case_7_fields_are_merged_from_the_duplicates(world: World) -> None:
    """Campaign: the latest whole name, the latest mobile, the oldest phone. Its example says 888, of the record of 10/03, which is the
    oldest only as 10 March; dates here are ISO, and the rule is what is held."""
    columns = "household_id integer, email text, created date, first text, last text, mobile text, phone text"
    rows = [
        (1, "bob@x", day(2020, 5, 19).date(), "Robert", "Tisner", "444-444-4444", "777-777-7777"),
        (2, "bob@x", day(2020, 7, 22).date(), "Bobby", "Tisner", None, "777-777-7777"),
        (3, "bob@x", day(2020, 3, 10).date(), "Bob", None, None, "888-888-8888"),
        (4, "eve@x", day(2020, 1, 1).date(), "Eve", None, None, None),
        (5, None, day(2020, 1, 1).date(), "Ann", "Lee", None, "1"),
        (6, None, day(2020, 2, 1).date(), None, "Lee", "2", None),
    ]
    done = world.run(MERGED, world.given(columns, rows))
    assert world.rows(done["result"], "household_id", "first", "last", "mobile", "phone", "oldest_phone") == [
        (3, "Bobby", "Tisner", "444-444-4444", "888-888-8888", "888-888-8888"),
        (4, None, None, None, None, None),
        (5, "Ann", "Lee", None, "1", "1"),
        (6, None, None, "2", None, None),
    ]
    assert world.rows(done["complement"]) == rows[:2]
    assert tuple(done["result"].columns) == (*done["complement"].columns, "oldest_phone")


def test_all_records_kept_of_a_group_take_the_same(world: World) -> None:
    rows = [(1, "a", 1, None), (2, "a", 2, 20), (3, "a", 3, 30)]
    people = world.given("household_id integer, email text, n integer, score integer", rows)
    text = "type: deduplication\nby: row.email\nkeep: 2\nmerge: {where: score > 0, columns: {score: score * 2, best: n + score}}"
    assert world.rows(world.run(text, people)["result"], "household_id", "score", "best") == [(1, 40, 22), (2, 40, 22)]


def test_the_dimension_may_give_too(world: World) -> None:
    people = world.given("household_id integer", [1, 2, 3, 7])
    text = "type: deduplication\nby: lower(email)\nmerge: {order: -modified, columns: {city: city}}"
    assert world.rows(world.run(text, people)["result"]) == [(1, None), (2, "Lyon")]


@pytest.mark.parametrize("options", ["rank: household_id", "merge: {columns: {household_id: '1'}}"])
def test_the_key_stays_what_it_is(offline_world: World, options: str) -> None:
    with pytest.raises(AuthorError, match="E403 'household_id' is the key"):
        offline_world.run(f"type: deduplication\nby: email\n{options}", mailed(offline_world))


@pytest.mark.parametrize(
    "options",
    ["rank: a\nmerge: {columns: {a: email}}", "merge: [{columns: {a: email}}, {columns: {b: email, a: score}}]"],
)
def test_a_column_is_written_once(offline_world: World, options: str) -> None:
    with pytest.raises(AuthorError, match="the column 'a' is written twice"):
        offline_world.load(f"type: deduplication\nby: email\n{options}", {"from": 1})


def test_columns_may_be_called_like_our_own_marks(world: World) -> None:
    people = world.given("household_id integer, rank text, merged_0 text", [(1, "a", "x"), (2, "a", "y")])
    text = "type: deduplication\nby: rank\nrank: place\nmerge: {order: -merged_0, columns: {merged_0: merged_0}}"
    assert world.rows(world.run(text, people)["result"]) == [(1, "a", "y", 1)]


def test_a_merge_has_columns(offline_world: World) -> None:
    with pytest.raises(AuthorError, match="at least one is wanted here"):
        offline_world.load("type: deduplication\nby: email\nmerge: {columns: {}}", {"from": 1})


def test_a_column_may_become_null(world: World) -> None:
    people = world.given("household_id integer, email text", [(1, "a"), (2, "a")])
    text = "type: deduplication\nby: row.email\nmerge: {where: household_id = 1, columns: {note: 'null'}}"
    assert world.rows(world.run(text, people)["result"]) == [(1, "a", None)]
