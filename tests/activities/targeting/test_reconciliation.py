"""Reconciliation: every line goes to one output, and no row is found twice."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import engine
from engine.kit.errors import AuthorError
from engine.kit.population import Population
from tests.contract.world import World, load

TO_HOUSEHOLD = "type: reconciliation\ndimension: household"
BY_EMAIL = f"{TO_HOUSEHOLD}\nkeys: {{lower(row.email): lower(email)}}"


def lines(world: World, columns: str, *rows: tuple[Any, ...]) -> Population:
    return world.given(
        f"line integer, {columns}", [(number, *row) for number, row in enumerate(rows, 1)], dimension=None
    )


def reconciled(world: World, text: str, arrived: Population) -> dict[str, list[Any]]:
    """Reconcile, and give the keys of every output."""
    done = world.run(text, arrived)
    keys = {port: world.keys(population) for port, population in done.items()}
    assert sum(map(len, keys.values())) == arrived.count
    return keys


def test_a_line_finds_one_row_none_or_several(world: World) -> None:
    mails = lines(
        world, "email text", ("ANN@example.com",), ("élodie@EXAMPLE.fr",), ("nobody",), (None,), ("bob@example.com",)
    )
    found = reconciled(world, f"{TO_HOUSEHOLD}\nkeys: {{row.email: email}}", mails)
    assert found == {"result": [3], "unmatched": [1, 2, 3, 4], "ambiguous": [], "duplicates": []}
    found = reconciled(world, BY_EMAIL, mails)
    assert found == {"result": [], "unmatched": [3, 4], "ambiguous": [1, 2, 5], "duplicates": []}


def test_the_rows_found_have_the_columns_of_their_lines(world: World) -> None:
    some = lines(
        world, "crm text, spent decimal(2), household_id integer", ("A-001", Decimal("1.50"), 77), ("B-003", None, None)
    )
    done = world.run(f"{TO_HOUSEHOLD}\nkeys: {{crm: crm_id}}", some)["result"]
    assert (done.dimension, done.key, done.unique) == ("household", ("household_id",), True)
    assert tuple(done.columns) == ("household_id", "line", "crm", "spent")
    assert world.rows(done) == [(1, 1, "A-001", Decimal("1.50")), (3, 2, "B-003", None)]


def test_the_other_outputs_are_lines_as_they_came(world: World) -> None:
    some = lines(
        world,
        "email text, note text",
        ("x", "a"),
        ("ann@example.com", "b"),
        ("bob@example.com", "c"),
        ("bob@example.com", "d"),
    )
    done = world.run(f"{TO_HOUSEHOLD}\nkeys: {{row.email: email}}\ncolumns: note", some)
    assert world.rows(done["result"]) == [(3, "c")]
    assert {port: world.rows(done[port]) for port in ("unmatched", "ambiguous", "duplicates")} == {
        "unmatched": [(1, "x", "a")],
        "ambiguous": [(2, "ann@example.com", "b")],
        "duplicates": [(4, "bob@example.com", "d")],
    }


def test_a_later_key_is_for_lines_that_leave_the_earlier_ones_empty(world: World) -> None:
    """A line whose first key is filled in, and wrong, is not found by its second one: it may be somebody else's."""
    some = lines(
        world, "crm text, mail text, city text",
        ("A-001", "bob@example.com", "Lyon"), (None, "bob@example.com", "Lyon"), ("", "Bob@Example.com", "Lyon"),
        ("wrong", "bob@example.com", "Lyon"), (None, "bob@example.com", None), (None, None, "Paris"), (None, "ann@example.com", "Paris"),
    )  # fmt: skip
    found = reconciled(world, f"{TO_HOUSEHOLD}\nkeys: [{{crm: crm_id}}, {{mail: email, row.city: city}}]", some)
    assert found == {"result": [1, 2, 3], "unmatched": [4, 5, 6], "ambiguous": [], "duplicates": [7]}


def test_an_empty_text_finds_nobody(world: World) -> None:
    """Household 6 has no address, and nobody who has none is household 6."""
    assert reconciled(world, BY_EMAIL, lines(world, "email text", ("",)))["unmatched"] == [1]


def test_the_first_line_by_order_of_those_that_find_one_row_is_taken(world: World) -> None:
    some = lines(
        world, "crm text, score integer", ("A-001", 1), ("A-001", None), ("B-003", 5), ("A-001", 9), ("A-001", 9)
    )
    for order, kept in (
        ("", [1, 3]),
        ("order: -line", [5, 3]),
        ("order: -score", [4, 3]),
        ("order: [score desc nulls first]", [2, 3]),
    ):
        done = world.run(f"{TO_HOUSEHOLD}\nkeys: {{crm: crm_id}}\n{order}", some)
        assert world.rows(done["result"], "line") == kept
        assert sorted(world.keys(done["duplicates"]) + kept) == [1, 2, 3, 4, 5]


def test_a_key_that_the_database_keeps_unique_finds_one_row_at_most(world: World) -> None:
    some = lines(world, "id text", ("007",), ("9",), ("x",), ("1",), ("7",))
    found = reconciled(world, f"{TO_HOUSEHOLD}\nkeys: {{to_integer(id): household_id}}", some)
    assert found == {"result": [1, 7], "unmatched": [2, 3], "ambiguous": [], "duplicates": [5]}


def test_a_unique_key_and_one_that_is_not_work_together(world: World) -> None:
    some = lines(
        world,
        "id integer, mail text",
        (1, "x"),
        (None, "bob@example.com"),
        (None, "ann@example.com"),
        (3, None),
        (8, None),
    )
    found = reconciled(world, f"{TO_HOUSEHOLD}\nkeys: [{{id: household_id}}, {{mail: email}}]", some)
    assert found == {"result": [1, 3, 8], "unmatched": [], "ambiguous": [3], "duplicates": [4]}


def test_a_composite_key_is_found_whole(world: World) -> None:
    some = lines(
        world, "basket integer, paid decimal(1)", (100, Decimal("5.5")), (100, Decimal("20.0")), (102, Decimal("7.0"))
    )
    text = "type: reconciliation\ndimension: purchase\nkeys: {basket: basket_id, paid: amount}"
    done = world.run(text, some)
    assert world.rows(done["result"], "basket_id", "line", "paid") == [
        (100, 1, Decimal("20.0")),
        (100, 2, Decimal("5.5")),
    ]
    assert world.keys(done["unmatched"]) == [3]
    by_key = "type: reconciliation\ndimension: purchase\nkeys: {basket: basket_id, row.line: line}"
    assert world.keys(world.run(by_key, some)["result"]) == [(100, 1), (100, 2)]


def test_rows_of_one_dimension_find_those_of_another(world: World) -> None:
    purchases = world.everyone("purchase")
    done = world.run(f"{TO_HOUSEHOLD}\nkeys: {{household_id: household_id}}\norder: -purchased_at", purchases)
    assert world.rows(done["result"], "household_id", "basket_id", "line") == [
        (1, 100, 1),
        (2, 101, 1),
        (3, 102, 1),
        (5, 104, 1),
    ]
    assert world.keys(done["duplicates"]) == [(100, 2), (105, 1)]
    assert world.keys(done["unmatched"]) == [(103, 1)]


def test_columns_may_be_called_like_our_own_marks(world: World) -> None:
    some = lines(world, "found text, found_0 text, place text, key_0_0 text", ("A-001", "a", "b", "c"))
    done = world.run(f"{TO_HOUSEHOLD}\nkeys: {{found: crm_id}}\norder: place", some)
    assert world.rows(done["result"]) == [(1, 1, "A-001", "a", "b", "c")]


PROJECT = """\
databases: {default: {url: "sqlite:///people.sqlite"}}
dimensions: {person: {table: people, key: id}}
"""
WORKFLOW = """\
workflow: w
dimension: person
activities:
  lines: {type: list_import, list: lines, file: lines.csv, key: line, columns: {mail: {}}}
  known: {type: reconciliation, from: lines, dimension: person, keys: {mail: mail}}
  kept: {type: list_update, from: known, list: kept, mode: replace}
"""


def test_lines_that_nobody_reads_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect("people.sqlite") as connection:
        connection.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, mail TEXT)")
        connection.execute("INSERT INTO people VALUES (1, 'a'), (2, 'b'), (3, 'b')")
    for name, text in (("project", PROJECT), ("w", WORKFLOW)):
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "lines.csv").write_text("mail\na\na\nb\nnobody\n")
    run = engine.run(tmp_path / "w.yaml")
    assert run.status == "succeeded"
    assert run.activities["known"].outputs == {"result": 1, "unmatched": 1, "ambiguous": 1, "duplicates": 1}


@pytest.mark.parametrize(
    ("options", "code", "line", "fix"),
    [
        ("dimension: houshold\nkeys: {email: email}", "E201", 6, "write 'household'"),
        ("dimension: household\nkeys: {mail: email}", "E301", 7, "write 'email'"),
        ("dimension: household\nkeys: {email: mail}", "E301", 7, "write 'email'"),
        ("dimension: household\nkeys: {email: household_id}", "E402", 7, "to_integer"),
        ("dimension: household\nkeys: {email: email}\ncolumns: [nte]", "E301", 8, "write 'note'"),
    ],
)
def test_what_does_not_exist_is_told_at_its_place(
    offline_world: World, options: str, code: str, line: int, fix: str
) -> None:
    some = lines(offline_world, "email text, note text")
    with pytest.raises(AuthorError) as caught:
        offline_world.run(f"type: reconciliation\n{options}", some)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line) == (code, line)
    assert fix in problem.fix


@pytest.mark.parametrize("keys", ["[]", "{}", "[{}]", "email", "[{email: [a]}]"])
def test_a_reconciliation_has_a_key(keys: str) -> None:
    with pytest.raises(AuthorError, match="wanted here"):
        load(f"{TO_HOUSEHOLD}\nkeys: {keys}", {"from": 1})


def test_a_row_whose_key_holds_a_null_is_found_by_nobody(towns: World) -> None:
    """Key columns may be booleans, of which PostgreSQL has no least one."""
    some = lines(towns, "city text", ("Paris",), ("Lyon",), ("München",))
    done = towns.run("type: reconciliation\ndimension: town\nkeys: {row.city: city}", some)
    assert towns.rows(done["result"], "no", "is_old", "line") == [(1, False, 2), (1, True, 1)]
    assert towns.keys(done["unmatched"]) == [3]
