"""Split: subsets in order, exact sizes, and the same people on every database."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

import engine
from engine.kit.errors import AuthorError
from engine.kit.population import Population
from tests.contract.world import TESTED, World, activity, day, load


def numbers(world: World, *keys: int) -> Population:
    return world.given("household_id integer", keys)


def split(world: World, subsets: str, population: Population, options: str = "") -> dict[str, list[object]]:
    """Split, and give the keys of every subset."""
    done = world.run(f"type: split\n{options}subsets:\n{subsets}", population)
    return {port: world.keys(rows) for port, rows in done.items()}


def test_a_row_goes_to_the_first_subset_that_takes_it(world: World) -> None:
    found = split(
        world,
        "  rich: {where: spend > 100}\n  paris: {where: city = 'Paris'}\n  rest: {where: city is not null}",
        world.everyone(),
    )
    assert found == {"rich": [1, 6, 7], "paris": [], "rest": [2, 3, 4, 5, 8], "complement": []}


def test_a_condition_knows_no_column_that_was_not_there_before(world: World) -> None:
    subsets = "  first: {limit: {count: 1, by: [-spend]}}\n  second: {where: subset_number = 0}"
    with pytest.raises(AuthorError, match="E301 there is no column 'subset_number'") as caught:
        split(world, subsets, world.everyone())
    assert "subset_number" not in caught.value.diagnostics[0].fix.partition(";")[0]


def test_a_condition_that_is_null_takes_nobody(world: World) -> None:
    found = split(world, "  rich: {where: spend > 100}\n  poor: {where: not spend > 100}", world.everyone())
    assert found == {"rich": [1, 6, 7], "poor": [2, 3, 5, 8], "complement": [4]}


def test_a_subset_without_condition_and_size_takes_all_that_remain(world: World) -> None:
    found = split(world, "  rich: {where: spend > 100}\n  rest: {}\n  late: {}", world.everyone())
    assert found == {"rich": [1, 6, 7], "rest": [2, 3, 4, 5, 8], "late": [], "complement": []}


def test_a_row_cut_by_a_limit_remains_for_later_subsets(world: World) -> None:
    rich = "where: spend > 40, limit: {count: 1, by: [-spend]}"
    found = split(world, f"  first: {{{rich}}}\n  second: {{{rich}}}", world.everyone())
    assert found == {"first": [1], "second": [7], "complement": [2, 3, 4, 5, 6, 8]}


def test_the_key_decides_between_equals_and_nulls_come_last(world: World) -> None:
    scored = world.given("household_id integer, score integer", [(4, None), (3, 7), (2, 7), (1, None)])
    assert split(world, "  a: {limit: {count: 1, by: [score]}}", scored)["a"] == [2]
    assert split(world, "  a: {limit: {count: 1, by: [-score]}}", scored)["a"] == [2]
    assert split(world, "  a: {limit: {count: 3, by: [-score]}}", scored)["a"] == [1, 2, 3]
    assert split(world, "  a: {limit: {count: 1, by: [score desc nulls first]}}", scored)["a"] == [1]


def test_text_is_ordered_by_code_point(world: World) -> None:
    cities = world.given(
        "household_id integer, city text", [(1, "Zürich"), (2, "aix"), (3, "Évry"), (4, "Paris"), (5, None)]
    )
    by_city = "  a: {limit: {count: 1, by: [city]}}\n  b: {limit: {count: 1, by: [city]}}\n  c: {limit: {count: 2, by: [city]}}"
    assert split(world, by_city, cities) == {"a": [4], "b": [1], "c": [2, 3], "complement": [5]}


@pytest.mark.parametrize(
    ("rows", "percent", "size"),
    [
        (5, "10", 1),  # 0.5
        (5, "10%", 1),
        (4, "10", 0),  # 0.4
        (15, "10", 2),  # 1.5
        (4, "12.5", 1),  # 0.5
        (12, "12.5", 2),  # 1.5
        (20, "12.5", 3),  # 2.5
        (3, "33.333", 1),  # 0.99999
        (3, "0", 0),
        (3, "100", 3),
        (8, "0.001", 0),
    ],
)
def test_a_share_is_rounded_half_up(world: World, rows: int, percent: str, size: int) -> None:
    found = split(
        world, f"  a: {{limit: {{percent: {percent}, by: [household_id]}}}}", numbers(world, *range(1, rows + 1))
    )
    assert found == {"a": list(range(1, size + 1)), "complement": list(range(size + 1, rows + 1))}


def test_a_very_small_share_of_many_is_exact(world: World) -> None:
    found = split(world, "  a: {limit: {percent: 0.05, by: [household_id]}}", numbers(world, *range(1, 2001)))
    assert found["a"] == [1]


def test_a_share_with_many_digits_is_not_cut_before_it_is_taken(world: World) -> None:
    found = split(world, "  a: {limit: {percent: 0.0025, by: [household_id]}}", numbers(world, *range(1, 20_001)))
    assert found["a"] == [1]


def test_a_share_is_of_the_inbound_unless_it_is_of_the_segment(world: World) -> None:
    everyone = world.everyone()
    paris = "where: \"lower(city) in ('paris', 'lyon')\""
    inbound = split(world, f"  a: {{{paris}, limit: {{percent: 50, by: [household_id]}}}}", everyone)
    segment = split(world, f"  a: {{{paris}, limit: {{percent: 50, of: segment, by: [household_id]}}}}", everyone)
    assert inbound["a"] == [1, 2, 3, 6]
    assert segment["a"] == [1, 2, 3]


def test_a_share_of_the_segment_is_of_what_earlier_subsets_left(world: World) -> None:
    half = "limit: {percent: 50, of: segment, by: [household_id]}"
    found = split(world, f"  a: {{{half}}}\n  b: {{{half}}}", numbers(world, *range(1, 9)))
    assert found == {"a": [1, 2, 3, 4], "b": [5, 6], "complement": [7, 8]}


def test_a_share_of_the_inbound_is_of_all_that_came(world: World) -> None:
    half = "limit: {percent: 50, by: [household_id]}"
    found = split(world, f"  a: {{{half}}}\n  b: {{{half}}}", numbers(world, *range(1, 9)))
    assert found == {"a": [1, 2, 3, 4], "b": [5, 6, 7, 8], "complement": []}


GROUPED = [(1, "FR"), (2, "FR"), (3, "FR"), (4, "DE"), (5, None), (6, None), (7, "DE"), (8, "DE"), (9, "DE")]


def test_a_count_within_groups_takes_so_many_of_each_and_null_is_a_group(world: World) -> None:
    found = split(
        world,
        "  a: {limit: {count: 1, by: [-household_id], per: [country]}}",
        world.given("household_id integer, country text", GROUPED),
    )
    assert found["a"] == [3, 6, 9]


def test_a_share_within_groups_is_of_each_group(world: World) -> None:
    countries = world.given("household_id integer, country text", GROUPED)
    found = split(world, "  a: {limit: {percent: 50, by: [household_id], per: [country]}}", countries)
    assert found["a"] == [1, 2, 4, 5, 7]
    of_segment = "  a: {where: household_id > 2, limit: {percent: 50, of: segment, by: [household_id], per: [country]}}"
    assert split(world, of_segment, countries)["a"] == [3, 4, 5, 7]
    of_inbound = "  a: {where: household_id > 2, limit: {percent: 50, by: [household_id], per: [country]}}"
    assert split(world, of_inbound, countries)["a"] == [3, 4, 5, 7]


RANDOM_TEN = [2, 5, 7, 10, 14, 15, 29, 30, 33, 39]
"""The 10 of 1…40 with the lowest md5 of `spring.a:<key>`, as md5sum says."""


def test_a_random_size_is_exact_and_takes_the_same_people_everywhere(world: World) -> None:
    found = split(world, "  a: {limit: {percent: 25, by: random}}", numbers(world, *range(1, 41)), "seed: spring\n")
    assert found["a"] == RANDOM_TEN


def test_a_random_count_is_a_beginning_of_a_larger_one(world: World) -> None:
    people = numbers(world, *range(1, 41))
    small, large = (
        split(world, f"  a: {{limit: {{count: {size}, by: random}}}}", people, "seed: spring\n")["a"]
        for size in (4, 10)
    )
    assert large == RANDOM_TEN
    assert set(small) < set(large)
    assert len(small) == 4


def test_a_random_order_reads_a_composite_key_with_text(world: World) -> None:
    rows = [("é", 1), ("é", 2), ("a", 1), ("a", 12), ("a1", 2), ("", 3)]
    found = split(
        world, "  a: {limit: {count: 3, by: random, seed: s}}", world.given("code text, line integer", rows, key=2)
    )
    assert found["a"] == [("", 3), ("a", 1), ("a1", 2)]


def test_seeds_make_different_samples(world: World) -> None:
    people = numbers(world, *range(1, 41))
    one = split(world, "  a: {limit: {count: 10, by: random}}", people)
    other = split(world, "  b: {limit: {count: 10, by: random}}", people)
    named = split(world, "  b: {limit: {count: 10, by: random, seed: w.tested.a}}", people)
    assert one["a"] != other["b"]
    assert named["b"] == one["a"]


def test_nobody_changes_sides_in_a_sticky_share_when_others_come(world: World) -> None:
    sticky = "  control: {limit: {percent: 10, by: random, sticky: true}}"
    few = split(world, sticky, numbers(world, *range(1, 1001)))
    many = split(world, sticky, numbers(world, *range(1, 4001)))
    assert set(few["control"]) == {key for key in many["control"] if key <= 1000}
    assert len(few["control"]) == 105
    assert len(many["control"]) == 384


def test_a_sticky_share_is_of_those_who_remain(world: World) -> None:
    found = split(
        world,
        "  early: {where: household_id <= 500}\n  control: {limit: {percent: 50, by: random, sticky: true}}",
        numbers(world, *range(1, 1001)),
    )
    assert found["early"] == list(range(1, 501))
    assert min(found["control"]) > 500
    assert 200 < len(found["control"]) < 300


@pytest.mark.parametrize(("options", "again"), [("", []), ("overlap: true\n", [(1, 1)])])
def test_a_key_with_a_null_has_no_hash_and_is_in_no_sticky_share(
    world: World, options: str, again: list[object]
) -> None:
    lines = world.given("basket_id integer, line integer", [(1, None), (1, 1)], key=2, dimension="purchase")
    everybody = "{limit: {percent: 100, by: random, sticky: true}}"
    found = split(world, f"  all: {everybody}\n  again: {{where: line = 1}}", lines, options)
    assert found == {"all": [(1, 1)], "again": again, "complement": [(1, None)]}


def test_with_overlap_every_subset_sees_the_whole_inbound(world: World) -> None:
    found = split(
        world,
        "  rich: {where: spend > 100}\n  paris: {where: city = 'Paris'}\n  two: {limit: {count: 2, by: [household_id]}}",
        world.everyone(),
        "overlap: true\n",
    )
    assert found == {"rich": [1, 6, 7], "paris": [1, 6], "two": [1, 2], "complement": [3, 4, 5, 8]}


def test_a_code_is_written_to_the_rows_of_its_subset_alone(world: World) -> None:
    done = world.run(
        "type: split\nsubsets:\n  a: {where: household_id < 3, code: Ü1}\n  b: {where: household_id = 3}",
        numbers(world, 1, 2, 3, 4),
    )
    assert world.rows(done["a"]) == [(1, "Ü1"), (2, "Ü1")]
    assert world.rows(done["b"]) == [3]
    assert world.rows(done["complement"]) == [4]


def test_a_later_code_replaces_an_earlier_one(world: World) -> None:
    coded = world.given("household_id integer, segment_code text", [(1, "old"), (2, "old")])
    done = world.run("type: split\nsubsets:\n  a: {where: household_id = 1, code: new}", coded)
    assert world.rows(done["a"], "segment_code") == ["new"]
    assert world.rows(done["complement"], "segment_code") == ["old"]


def test_columns_of_the_inbound_stay(world: World) -> None:
    done = world.run(
        "type: split\nsubsets:\n  a: {where: note = 'Zoë'}",
        world.given("household_id integer, note text", [(1, "Zoë"), (2, None)]),
    )
    assert world.rows(done["a"]) == [(1, "Zoë")]
    assert world.rows(done["complement"]) == [(2, None)]


def test_a_column_of_the_inbound_may_be_called_like_our_own_mark(world: World) -> None:
    marked = world.given("household_id integer, subset_number integer, in_0 integer", [(1, 0, 5), (2, 7, 6)])
    subsets = "subsets:\n  a: {where: subset_number = 7 and in_0 = 6}\n  a_: {limit: {count: 1, by: household_id}}"
    done = world.run(f"type: split\n{subsets}", marked)
    assert world.rows(done["a"]) == [(2, 7, 6)]
    assert world.rows(done["a_"]) == [(1, 0, 5)]
    beside = world.run(f"type: split\noverlap: true\n{subsets}", marked)
    assert {port: world.keys(rows) for port, rows in beside.items()} == {"a": [2], "a_": [1], "complement": []}


def test_our_own_mark_is_no_column_that_can_be_named(offline_world: World) -> None:
    subsets = "  a: {limit: {count: 1, by: household_id}}\n  b: {where: subset_number = 0}"
    with pytest.raises(AuthorError, match="there is no column 'subset_number'"):
        split(offline_world, subsets, numbers(offline_world, 1, 2))


def test_a_composite_key_is_split_by_columns_of_its_dimension(world: World) -> None:
    lines = world.given("basket_id integer, line integer", [(100, 1), (100, 2), (104, 1)], key=2, dimension="purchase")
    found = split(world, "  dear: {where: amount > 10}\n  tea: {where: product.name = 'Thé vert'}", lines)
    assert found == {"dear": [(100, 1)], "tea": [(100, 2)], "complement": [(104, 1)]}


def test_rows_without_a_dimension_can_be_split(world: World) -> None:
    lines = world.given("line integer, note text", [(2, "x"), (3, "y")], dimension=None)
    assert split(world, "  a: {where: note = 'x'}", lines) == {"a": [2], "complement": [3]}


@pytest.mark.parametrize("name", ["result", "complement", "error", "done", "A", "a-b", "1a", "é"])
def test_a_subset_has_a_free_name_in_snake_case(name: str) -> None:
    with pytest.raises(AuthorError, match=f"'{name}' is no name for a subset"):
        activity(f"type: split\nsubsets:\n  {name}: {{}}")


def test_a_split_has_a_subset() -> None:
    with pytest.raises(AuthorError, match="a split has at least one subset"):
        activity("type: split\nsubsets: {}")


# documented use cases


def test_use_case_8_winner_second_and_the_rest(world: World) -> None:
    """Campaign, competition: scores 8, 8, 10, 12 and 4; the winner has 12, the second 10, and 3 remain."""
    names = ["Leybras", "Dutrevi", "Petele", "Raymond-Boutin", "Laroques"]
    players = world.given(
        "household_id integer, name text, score integer", list(zip(range(1, 6), names, (8, 8, 10, 12, 4), strict=True))
    )
    best = "limit: {count: 1, by: [-score]}"
    done = world.run(f"type: split\nsubsets:\n  winner: {{{best}}}\n  second: {{{best}}}", players)
    assert world.rows(done["winner"]) == [(4, "Raymond-Boutin", 12)]
    assert world.rows(done["second"]) == [(3, "Petele", 10)]
    assert world.rows(done["complement"], "score") == [8, 8, 4]


def test_use_case_15_ten_percent_of_five_is_one(world: World) -> None:
    found = split(world, "  sample: {limit: {percent: 10, by: random}}", numbers(world, 11, 12, 13, 14, 15))
    assert (len(found["sample"]), len(found["complement"])) == (1, 4)


def test_sticky_shares_are_parts_of_one_whole(world: World) -> None:
    """The first keeps the members it has alone, so a share that is added later takes from the complement only."""
    one = "  a: {limit: {percent: 33, by: random, sticky: true}}"
    three = one + "".join(
        f"\n  {name}: {{limit: {{percent: {size}, by: random, sticky: true}}}}" for name, size in (("b", 33), ("c", 34))
    )
    rows = numbers(world, *range(1, 3001))
    alone, found = split(world, one, rows), split(world, three, rows)
    assert found["a"] == alone["a"]
    assert found["complement"] == []
    assert [round(len(found[name]) / 3000, 1) for name in "abc"] == [0.3, 0.3, 0.3]
    assert sorted(found["a"] + found["b"] + found["c"]) == list(range(1, 3001))


def test_sticky_shares_with_a_seed_of_their_own_are_parts_of_one_whole_too(world: World) -> None:
    sticky = "by: random, sticky: true"
    rows = numbers(world, *range(1, 101))
    alone = split(world, f"  a: {{limit: {{percent: 50, {sticky}, seed: s}}}}", rows)
    seeds = {"a": ", seed: s", "x": "", "b": ", seed: s"}
    halves = "\n".join(f"  {name}: {{limit: {{percent: 50, {sticky}{seed}}}}}" for name, seed in seeds.items())
    found = split(world, halves, rows)
    assert found["a"] == alone["a"]
    assert found["complement"] == []
    assert len(found["x"]) + len(found["b"]) == 100 - len(found["a"])
    assert found["b"]


@pytest.mark.parametrize("seed", ["", ", seed: s"])
def test_sticky_shares_beyond_the_whole_are_refused(offline_world: World, seed: str) -> None:
    shares = "".join(f"  {name}: {{limit: {{percent: 60, by: random, sticky: true{seed}}}}}\n" for name in "ab")
    with pytest.raises(AuthorError, match="the sticky shares add up to 120 percent"):
        split(offline_world, shares, numbers(offline_world, 1))


def test_a_subset_may_be_called_like_our_own_table(world: World) -> None:
    some = "limit: {count: 1, by: household_id}"
    found = split(world, f"  stage_: {{{some}}}\n  stage: {{{some}}}", numbers(world, 1, 2, 3))
    assert found == {"stage_": [1], "stage": [2], "complement": [3]}


@pytest.mark.parametrize("options", ["subsets: {a: {code: A}}", "single_output: true\nsubsets: {a: {}}"])
def test_a_code_is_not_written_over_the_key(offline_world: World, options: str) -> None:
    segments = offline_world.given("segment_code text", ["x", "y"], dimension=None)
    with pytest.raises(AuthorError, match="'segment_code' is the key, and no code can be written over it"):
        offline_world.run(f"type: split\n{options}", segments)


def test_a_hundred_subsets_are_told_apart_in_one_pass(world: World) -> None:
    """Each layer of SQL names the one before: were every subset a layer, the database would write it out twice each time."""
    subsets = "\n".join(f"  s{number}: {{where: household_id = {number}}}" for number in range(100))
    found = split(world, subsets, numbers(world, *range(120)))
    assert [found[f"s{number}"] for number in range(100)] == [[number] for number in range(100)]
    assert found["complement"] == list(range(100, 120))


def test_many_limits_one_after_the_other(world: World) -> None:
    subsets = "\n".join(
        f"  s{number}: {{where: household_id > {number}, limit: {{count: 1, by: household_id}}}}"
        for number in range(20)
    )
    found = split(world, subsets, numbers(world, *range(30)))
    assert [found[f"s{number}"] for number in range(20)] == [[number + 1] for number in range(20)]


# sizes by group, ties, one output, codes


def test_single_groups_have_sizes_of_their_own_and_null_is_among_the_others(world: World) -> None:
    countries = world.given("household_id integer, country text", GROUPED)
    sized = "limit: {count: 1, by: [-household_id], per: country, sizes: {FR: 2, DE: 3, XX: 9}}"
    assert split(world, f"  a: {{{sized}}}", countries)["a"] == [2, 3, 6, 7, 8, 9]
    none = "limit: {count: 0, by: [household_id], per: country, sizes: {DE: 1}}"
    assert split(world, f"  a: {{{none}}}", countries)["a"] == [4]


def test_shares_of_single_groups_are_of_each_group(world: World) -> None:
    countries = world.given("household_id integer, country text", GROUPED)
    sized = "limit: {percent: 0, by: [household_id], per: country, sizes: {FR: 33.4, DE: 75}}"
    assert split(world, f"  a: {{{sized}}}", countries)["a"] == [1, 4, 7, 8]


def test_the_values_of_a_group_are_read_as_what_they_are(world: World) -> None:
    rows = [(1, 7, True, day(2026, 11, 1).date()), (2, 7, False, None), (3, 8, None, day(2026, 11, 1).date())]
    people = world.given("household_id integer, n integer, is_new boolean, seen date", rows)
    for per, value, taken in (("n", "7", [1, 2]), ("is_new", "true", [1]), ("seen", "2026-11-01", [1, 3])):
        size = f"{{count: 0, by: household_id, per: row.{per}, sizes: {{{value}: 2}}}}"
        assert split(world, f"  a: {{limit: {size}}}", people)["a"] == taken


@pytest.mark.parametrize(
    ("columns", "limit", "code", "place", "fix"),
    [
        ("n integer", "{count: 1, by: random, per: n, sizes: {FR: 2}}", "E410", (7, 57), "type integer"),
        ("n decimal(?)", "{count: 1, by: random, per: n}", "E305", (7, 46), "round"),
    ],
)
def test_groups_that_cannot_be_told_apart_are_refused_at_their_place(
    offline_world: World, columns: str, limit: str, code: str, place: tuple[int, int], fix: str
) -> None:
    people = offline_world.given(f"household_id integer, {columns}")
    with pytest.raises(AuthorError) as caught:
        offline_world.run(f"type: split\nsubsets:\n  a: {{limit: {limit}}}", people)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line, problem.span.column) == (code, *place)
    assert fix in problem.fix


def test_ties_may_be_decided_at_random(world: World) -> None:
    """The two of 7, and of the four of 5 the two with the lowest md5 of `s:<key>`, as md5sum says: 2 and 6."""
    scored = world.given(
        "household_id integer, score integer", [(1, 5), (2, 5), (3, 7), (4, 7), (5, 5), (6, 5), (7, None)]
    )
    best = "limit: {count: 4, by: [-score, random], seed: s}"
    assert split(world, f"  a: {{{best}}}", scored)["a"] == [2, 3, 4, 6]


def test_all_subsets_may_leave_by_one_output(world: World) -> None:
    text = """type: split
single_output: true
subsets:
  vip: {where: household_id < 3, code: V}
  some: {where: household_id < 5, limit: {count: 1, by: -household_id}}
complement: {code: rest}"""
    done = world.run(text, world.given("household_id integer, note text", [(key, f"n{key}") for key in range(1, 6)]))
    assert sorted(done) == ["complement", "result"]
    assert world.rows(done["result"]) == [(1, "n1", "V"), (2, "n2", "V"), (4, "n4", "some")]
    assert world.rows(done["complement"]) == [(3, "n3", "rest"), (5, "n5", "rest")]
    assert tuple(done["result"].columns) == ("household_id", "note", "segment_code")


def test_codes_may_stand_behind_those_that_rows_have(world: World) -> None:
    coded = world.given("household_id integer, segment_code text", [(1, "X"), (2, None), (3, "X"), (4, "Y"), (5, None)])
    text = "type: split\ncodes: append\nsubsets:\n  a: {where: household_id < 3, code: -A}\n  b: {where: household_id = 3}\ncomplement: {code: -R}"
    done = world.run(text, coded)
    assert {port: world.rows(rows, "segment_code") for port, rows in done.items()} == {
        "a": ["X-A", "-A"],
        "b": ["X"],
        "complement": ["Y-R", "-R"],
    }
    together = world.run(f"{text}\nsingle_output: true", coded)["result"]
    assert world.rows(together, "segment_code") == ["X-A", "-A", "Xb"]


def test_a_code_behind_none_is_the_code(world: World) -> None:
    done = world.run("type: split\ncodes: append\nsubsets:\n  a: {code: A}", numbers(world, 1))
    assert world.rows(done["a"]) == [(1, "A")]


def test_a_code_stands_behind_texts_only(offline_world: World) -> None:
    coded = offline_world.given("household_id integer, segment_code integer")
    with pytest.raises(AuthorError, match="'segment_code' is integer, and a code cannot stand behind it"):
        offline_world.run("type: split\ncodes: append\nsubsets:\n  a: {code: A}", coded)


def test_subsets_that_overlap_have_outputs_of_their_own() -> None:
    with pytest.raises(AuthorError, match="a row would stand there twice"):
        activity("type: split\noverlap: true\nsingle_output: true\nsubsets:\n  a: {}")


def test_use_case_24_ten_percent_of_each_email_domain(world: World) -> None:
    """Campaign, local approval: 10 % per domain; 340 → 34."""
    rows = [(key, f"p{key}@d{key % 4}.org") for key in range(340)]
    found = split(
        world,
        "  some: {limit: {percent: 10, by: random, per: get_email_domain(row.email)}}",
        world.given("household_id integer, email text", rows),
    )
    assert (len(found["some"]), len(found["complement"])) == (36, 304)
    assert [sum(key % 4 == rest for key in found["some"]) for rest in range(4)] == [9, 9, 9, 9]


def test_use_case_47_age_groups_of_at_most_so_many_at_random(world: World) -> None:
    aged = world.given("household_id integer, age integer", [(key, 15 + key % 30) for key in range(300)])
    subsets = "\n".join(
        f"  {name}: {{where: {where}, limit: {{count: 50, by: random}}}}"
        for name, where in (
            ("young", "age between 18 and 25"),
            ("middle", "age between 26 and 32"),
            ("old", "age > 32"),
        )
    )
    found = split(world, subsets, aged)
    assert [len(found[name]) for name in ("young", "middle", "old", "complement")] == [50, 50, 50, 150]


def test_an_output_without_a_row_may_stay_silent(tmp_path: Path) -> None:
    """What reads it is skipped, and the run succeeds; without the option it fires with 0 rows."""
    connection = sa.create_engine(f"sqlite:///{tmp_path / 'data.sqlite'}")
    with connection.begin() as opened:
        opened.exec_driver_sql("CREATE TABLE people (id INTEGER PRIMARY KEY)")
        opened.exec_driver_sql("INSERT INTO people VALUES (1), (2)")
    connection.dispose()
    (tmp_path / "project.yaml").write_text(
        f"databases: {{default: {{url: 'sqlite:///{tmp_path / 'data.sqlite'}'}}}}\ndimensions: {{person: {{table: people, key: id}}}}\n"
    )
    file = tmp_path / "w.yaml"
    file.write_text("""workflow: w
dimension: person
activities:
  all: {type: query}
  groups:
    type: split
    from: all
    subsets:
      some: {where: id < 3, skip_empty: true}
      silent: {where: id > 9, skip_empty: true}
      empty: {where: id > 99}
    complement: {skip_empty: true}
  a: {type: query, from: groups.some}
  b: {type: query, from: groups.silent}
  c: {type: query, from: groups.empty}
  d: {type: query, from: groups.complement}
""")
    found = engine.run(file)
    assert found.status == "succeeded"
    assert {name: found.activities[name].status for name in "abcd"} == {
        "a": "succeeded",
        "b": "skipped",
        "c": "succeeded",
        "d": "skipped",
    }
    assert dict(found.activities["groups"].outputs) == {"some": 2, "empty": 0}


def test_an_output_is_silent_where_all_its_subsets_skip_it_when_empty() -> None:
    subsets = (
        "subsets:\n  a: {code: A, skip_empty: true}\n  b: {code: B, skip_empty: OTHER}\ncomplement: {skip_empty: true}"
    )
    for options, other, silent in (
        ("", "true", {"a": True, "b": True, "complement": True}),
        ("", "false", {"a": True, "b": False, "complement": True}),
        ("single_output: true\n", "true", {"result": True, "complement": True}),
        ("single_output: true\n", "false", {"result": False, "complement": True}),
    ):
        spec = load(f"type: split\n{options}{subsets.replace('OTHER', other)}", {"from": 1})
        assert {name: port.silent for name, port in spec.activities[TESTED].output_ports.items()} == silent


def test_a_window_keeps_rows_whose_key_has_a_null_in_a_part(world: World) -> None:
    rows = [("a", None, 1), ("a", "%", 2), (None, "a", 3), ("a:", "b", 4), (None, None, 5)]
    given = world.given("shop text, till text, place integer", rows, key=2, dimension=None)
    text = "type: split\nsubsets:\n  late: {where: 'row_number() over (order by place) > 1 and place <> 4'}"
    done = world.run(text, given)
    assert {port: sorted(world.rows(kept, "place")) for port, kept in done.items()} == {
        "late": [2, 3, 5], "complement": [1, 4],
    }  # fmt: skip
