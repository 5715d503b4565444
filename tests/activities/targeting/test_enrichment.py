"""Enrichment: data of links and of another population, and what becomes of rows that find none, or several."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

from activities.targeting.enrichment import Enrichment
from engine.kit.errors import AuthorError, DataError
from engine.kit.population import Inputs, Population
from engine.runs.task import made
from tests.contract.world import World, activity, day, load

TWICE = [(1, "a", 10), (2, "a", 30), (3, "c", 5), (4, None, 7)]


def some(world: World) -> Population:
    return world.given("household_id integer, code text", [(1, "a"), (2, "b"), (3, None), (4, "c")])


def scores(world: World) -> Population:
    return world.given("line integer, customer text, score integer", TWICE, dimension=None)


def joined(world: World, options: str) -> tuple[list[object], list[object]]:
    """Enrich by `with`, and give the rows of both ports."""
    text = f"type: enrichment\non: {{code: customer}}\n{options}"
    done = world.run(text, some(world), **{"with": [scores(world)]})
    return world.rows(done["result"]), world.rows(done["complement"])


def test_columns_of_links_and_aggregates_are_added_and_every_row_stays(world: World) -> None:
    text = """
type: enrichment
add:
  town: upper(city)
  n: count(purchases)
  code: code || '!'
lines:
  - of: purchases
    where: amount > 6
    order: -purchased_at
    add: {last: purchased_at}
"""
    done = world.run(text, some(world))
    assert tuple(done["result"].columns) == ("household_id", "town", "n", "code", "last")
    assert world.rows(done["result"]) == [
        (1, "PARIS", 3, "a!", day(2026, 11, 20)),
        (2, "LYON", 1, "b!", day(2026, 1, 15)),
        (3, "LYON", 1, None, day(2026, 11, 22)),
        (4, "MÜNCHEN", 0, "c!", None),
    ]
    assert world.rows(done["complement"]) == []


def test_whom_refine_leaves_out_goes_to_the_complement(world: World) -> None:
    done = world.run(
        "type: enrichment\nadd: {n: count(purchases)}\nrefine: n > 0 and code != 'b'\nkeep: added", some(world)
    )
    assert world.rows(done["result"]) == [(1, 3)]
    assert world.rows(done["complement"]) == [(2, 1), (3, 1), (4, 0)]


def test_the_first_rows_that_are_found_become_columns(world: World) -> None:
    options = "keep: added\nlines: {of: with, order: -score, count: 2, add: {score: score}}"
    assert joined(world, options)[0] == [(1, 30, 10), (2, None, None), (3, None, None), (4, 5, None)]


def test_all_rows_that_are_found_can_be_aggregated(world: World) -> None:
    options = "add: {n: count(with), best: max(score of with where score > 9), dear: exists(with where score > 20)}"
    assert joined(world, options)[0] == [
        (1, "a", 2, 30, True),
        (2, "b", 0, None, False),
        (3, None, 0, None, False),
        (4, "c", 1, None, False),
    ]


def test_the_first_of_several_is_taken_by_order(world: World) -> None:
    assert joined(world, "add: {score: with.score}\norder: -score\nkeep: added") == (
        [(1, 30), (2, None), (3, None), (4, 5)],
        [],
    )
    assert joined(world, "add: {score: with.score}\norder: customer")[0][0] == (
        1,
        "a",
        10,
    )


def test_who_finds_none_where_one_must_be_goes_to_the_complement(world: World) -> None:
    assert joined(world, "finds: one\nadd: {score: with.score}\norder: score") == (
        [(1, "a", 10), (4, "c", 5)],
        [(2, "b", None), (3, None, None)],
    )


@pytest.mark.parametrize("finds", ["one", "at_most_one"])
def test_several_for_one_fail_with_their_number_where_nothing_says_which(world: World, finds: str) -> None:
    with pytest.raises(DataError, match=r"1 keys \(household_id\) stand on more than one row") as caught:
        joined(world, f"finds: {finds}\nadd: {{score: with.score}}")
    assert "write 'order' to take the first" in caught.value.fix


def test_only_many_gives_a_row_for_each_and_its_key_is_of_both(world: World) -> None:
    text = "type: enrichment\non: {code: customer}\nfinds: many\nadd: {score: with.score, n: count(purchases)}\nrefine: score > 6"
    done = world.run(text, some(world), **{"with": [scores(world)]})
    assert (done["result"].key, done["result"].dimension) == (("household_id", "line"), None)
    assert world.rows(done["result"]) == [(1, "a", 10, 3, 1), (1, "a", 30, 3, 2)]
    assert (done["complement"].key, done["complement"].dimension) == (("household_id",), "household")
    assert world.rows(done["complement"]) == [(2, "b", None, 1), (3, None, None, 1)]


def test_several_for_one_fail_even_where_refine_keeps_one_of_them(world: World) -> None:
    """A person would else be in the result by one of two rows, and be so only where nobody reads the complement."""
    written = activity(
        "type: enrichment\non: {code: customer}\nadd: {score: with.score}\nrefine: score > 20\nfrom: given\nwith: given"
    )
    assert isinstance(written, Enrichment)
    inputs = Inputs({"from": [replace(some(world), unique=True)], "with": [scores(world)]})
    table = partial(world.db.name, "w", "one")
    with (
        pytest.raises(DataError, match="1 keys"),
        made(world.db, written, inputs, world.catalog, ["result"], table),
    ):
        pass


def test_who_finds_one_by_their_whole_key_keeps_the_dimension(world: World) -> None:
    codes = world.given("customer text, score integer", [("a", 1), ("c", 2)], dimension=None)
    text = "type: enrichment\non: {code: customer}\nfinds: many\nadd: {score: with.score}"
    done = world.run(text, some(world), **{"with": [codes]})
    assert (done["result"].key, done["result"].dimension) == (("household_id",), "household")
    assert world.rows(done["result"]) == [(1, "a", 1), (4, "c", 2)]
    assert world.keys(done["complement"]) == [2, 3]


def test_columns_may_be_called_like_our_own_marks(world: World) -> None:
    text = "type: enrichment\nadd: {is_found: code, is_kept: code || '!'}\nrefine: is_found = 'a' or code = 'c'"
    done = world.run(text, some(world))
    assert world.rows(done["result"]) == [(1, "a", "a", "a!"), (4, "c", "c", "c!")]
    assert tuple(done["complement"].columns) == ("household_id", "code", "is_found", "is_kept")


def test_their_key_takes_no_column_of_ours(world: World) -> None:
    ours = world.given("household_id integer, line text, with_line text, code text", [(1, "x", "y", "c")])
    text = "type: enrichment\non: {code: customer}\nfinds: many\nadd: {score: with.score}"
    done = world.run(text, ours, **{"with": [scores(world)]})
    assert done["result"].key == ("household_id", "with_line_")
    assert world.rows(done["result"]) == [(1, "x", "y", "c", 5, 3)]


def test_expressions_of_both_sides_may_join(world: World) -> None:
    """Of the dimension's columns, of links, and of several pairs; a null on either side finds nothing."""
    people = world.given("household_id integer, code text", [(1, " A "), (2, "c"), (3, "A"), (4, None)])
    mails = world.given(
        "line integer, mail text, town text, score integer",
        [(1, "ANN@example.com", "paris", 10), (2, "BOB@EXAMPLE.COM", "Lyon", 20), (3, None, "Lyon", 30)],
        dimension=None,
    )
    text = "type: enrichment\non: {lower(email): lower(mail), upper(city): upper(town)}"
    done = world.run(f"{text}\nadd: {{score: with.score, n: count(with)}}\norder: -score", people, **{"with": [mails]})
    assert world.rows(done["result"]) == [(1, " A ", 10, 1), (2, "c", 20, 1), (3, "A", 20, 1), (4, None, None, 0)]
    many = world.run(f"{text}\nfinds: many\nadd: {{score: with.score}}", people, **{"with": [mails]})
    assert world.rows(many["result"], "household_id", "line") == [(1, 1), (2, 2), (3, 2)]
    assert tuple(many["complement"].columns) == ("household_id", "code", "score")


def test_lines_of_expressions_and_of_a_population_with_links_of_its_own(world: World) -> None:
    friends = world.given("household_id integer, of text", [(1, "BOB@example.com"), (2, "ann@example.com")])
    text = "type: enrichment\non: {lower(email): lower(of)}\nadd: {n: count(with.purchases)}"
    lines = "lines: {of: with, order: household_id, add: {friend: household_id}}"
    done = world.run(f"{text}\n{lines}", world.given("household_id integer", [1, 3, 4]), **{"with": [friends]})
    assert world.rows(done["result"], "household_id", "friend", "n") == [(1, 2, 1), (3, 1, 3), (4, None, 0)]


def test_a_date_finds_the_midnight_of_a_timestamp_on_every_database(world: World) -> None:
    ours = world.given("household_id integer, born date", [(1, day(2026, 1, 2).date()), (2, day(2026, 1, 3).date())])
    theirs = world.given("line integer, at timestamp", [(1, day(2026, 1, 2))], dimension=None)
    done = world.run("type: enrichment\non: {born: at}\nadd: {line: with.line}", ours, **{"with": [theirs]})
    assert world.rows(done["result"], "line") == [1, None]


def test_a_column_of_nothing_but_nulls_finds_nobody(world: World) -> None:
    ours = world.run("type: query\nadd: {none: 'null'}", some(world))["result"]
    done = world.run(
        "type: enrichment\non: {none: customer}\nadd: {line: with.line}", ours, **{"with": [scores(world)]}
    )
    assert world.rows(done["result"], "line") == [None, None, None, None]


def test_it_says_how_many_rows_became_how_many(world: World) -> None:
    """Who finds none is counted apart, so that rows that multiply are not hidden behind rows that go."""
    many = activity("type: enrichment\non: {code: customer}\nfinds: many\nfrom: given\nwith: given")
    assert isinstance(many, Enrichment)
    inputs = Inputs({"from": [some(world)], "with": [scores(world)]})
    kept = {port: world.keep(population) for port, population in many.select(inputs, world.catalog).items()}
    assert [kept[port].count for port in ("result", "complement")] == [3, 2]
    assert many.remarks(inputs, kept) == {"multiplied": "2 rows became 3: one for each that they find in 'with'"}
    alone = {"result": inputs["from"], "complement": inputs["from"].emptied()}
    assert many.remarks(inputs, alone) == {}
    assert [port.counted for port in many.outputs()] == [False, True]


def test_parts_of_their_key_that_are_joined_on_are_not_repeated(world: World) -> None:
    lines = world.given(
        "basket_id integer, line integer, note text", [(100, 1, "x"), (105, 1, "y")], key=2, dimension="purchase"
    )
    orders = world.given("basket_id integer", [100], dimension=None)
    text = "type: enrichment\non: {basket_id: basket_id}\nfinds: many\nadd: {note: with.note}"
    done = world.run(text, orders, **{"with": [lines]})
    assert world.rows(done["result"]) == [(100, "x", 1)]
    assert done["result"].key == ("basket_id", "line")


def test_a_column_of_the_dimension_may_join_and_links_at_the_others_key_go_on(world: World) -> None:
    friends = world.given("household_id integer, of text", [(1, "bob@example.com"), (2, "ann@example.com")])
    text = "type: enrichment\non: {email: of}\nadd: {friend: with.household_id, n: count(with.purchases)}"
    done = world.run(text, world.given("household_id integer", [1, 3, 4]), **{"with": [friends]})
    assert world.rows(done["result"]) == [(1, 2, 1), (3, 1, 3), (4, None, 0)]


def test_a_multiple_of_money_joins_by_value_whatever_its_digits(world: World) -> None:
    ours = world.given("household_id integer, code decimal(2)", [(1, Decimal("1.50"))])
    theirs = world.given("line integer, customer decimal(4)", [(1, Decimal("1.5000"))], dimension=None)
    done = world.run("type: enrichment\non: {code: customer}\nadd: {line: with.line}", ours, **{"with": [theirs]})
    assert world.rows(done["result"], "line") == [1]


def test_what_is_linked_by_nothing_and_what_is_linked_to_nothing_is_an_error(offline_world: World) -> None:
    with pytest.raises(AuthorError, match=r"w\.yaml:\d+:\d+: E412 nothing arrives at 'with' to be joined on"):
        offline_world.run("type: enrichment\non: {code: customer}", some(offline_world))


@pytest.mark.parametrize(
    ("options", "ports", "code"),
    [
        ("add: {n: count(with)}", 2, "E412"),
        ("on: {code: score}", 2, "E402"),
        ("on: {code: nobody}", 2, "E301"),
        ("on: {nobody: customer}", 2, "E301"),
        ("on: {code: count(*)}", 2, "E309"),
        ("add: {n: code}\nfinds: one", 1, "E105"),
        ("add: {n: code}\nfinds: many", 1, "E105"),
        ("add: {n: code}\norder: code", 1, "E105"),
        ("on: {code: customer}\nfinds: many\norder: score", 2, "E105"),
        ("add: {household_id: code}", 1, "E403"),
    ],
)
def test_what_cannot_be_linked_is_said_at_its_place(offline_world: World, options: str, ports: int, code: str) -> None:
    others = {"with": [scores(offline_world)]} if ports == 2 else {}
    with pytest.raises(AuthorError) as caught:
        offline_world.run(f"type: enrichment\n{options}", some(offline_world), **others)
    assert [(problem.code, problem.span.line > 0) for problem in caught.value.diagnostics] == [(code, code != "E412")]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("''", "a column has no name here"),
        ("' '", "has no name"),
        ("é" * 32, "the column's name has more than 63 bytes"),
    ],
)
def test_a_column_has_a_name_that_every_database_keeps(name: str, what: str) -> None:
    """PostgreSQL cuts longer ones, so that two could be one; no database makes a column without a name."""
    options = (
        f"enrichment\nadd: {{{name}: code}}",
        f"enrichment\nlines: {{of: purchases, order: line, add: {{{name}: line}}}}",
        f"query\nadd: {{{name}: city}}",
        f"change_dimension\nto: owner\nadd: {{{name}: line}}",
        f"edit_schema\nadd: {{{name}: code}}",
        f"edit_schema\nrename: {{code: {name}}}",
        f"deduplication\nby: code\nrank: {name}",
        f"deduplication\nby: code\nmerge: {{columns: {{{name}: code}}}}",
    )
    for each in options:
        with pytest.raises(AuthorError, match=what) as caught:
            load(f"type: {each}", {"from": 1})
        assert [problem.span.line > 5 for problem in caught.value.diagnostics if problem.code == "E105"] == [True]
