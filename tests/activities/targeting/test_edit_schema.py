"""Edit schema: columns are renamed, removed and computed; rows and keys stay."""

from __future__ import annotations

import pytest

from engine.kit.errors import AuthorError
from tests.contract.world import World

ROWS = [(1, "a", "x"), (2, None, "y")]


def edited(world: World, options: str) -> tuple[list[str], list[object]]:
    found = world.run(f"type: edit_schema\n{options}", world.given("household_id integer, code text, note text", ROWS))[
        "result"
    ]
    assert (found.key, found.dimension) == (("household_id",), "household")
    return list(found.columns), world.rows(found)


@pytest.mark.parametrize(
    ("options", "columns", "rows"),
    [
        ("rename: {code: mark}", ["household_id", "mark", "note"], [(1, "a", "x"), (2, None, "y")]),
        ("rename: {code: note, note: code}", ["household_id", "note", "code"], [(1, "a", "x"), (2, None, "y")]),
        ("remove: code", ["household_id", "note"], [(1, "x"), (2, "y")]),
        ("remove: [code, note]", ["household_id"], [1, 2]),
        ("remove: code\nadd: {both: code || note}", ["household_id", "note", "both"], [(1, "x", "ax"), (2, "y", None)]),
        ("add: {note: upper(note)}", ["household_id", "code", "note"], [(1, "a", "X"), (2, None, "Y")]),
        ("rename: {note: old}\nadd: {note: city}", ["household_id", "code", "old", "note"], [(1, "a", "x", "Paris"), (2, None, "y", "Lyon")]),
        ("keep: added", ["household_id"], [1, 2]),
        ("keep: added\nrename: {code: mark}\nadd: {n: count(purchases)}", ["household_id", "mark", "n"], [(1, "a", 3), (2, None, 1)]),
    ],
)  # fmt: skip
def test_columns_change_and_rows_stay(world: World, options: str, columns: list[str], rows: list[object]) -> None:
    assert edited(world, options) == (columns, rows)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("rename: {cod: mark}", "E301"),
        ("remove: [nobody]", "E301"),
        ("rename: {household_id: id}", "E403"),
        ("remove: household_id", "E403"),
        ("add: {household_id: note}", "E403"),
        ("rename: {code: note}", "E411"),
        ("rename: {code: household_id}", "E411"),
        ("rename: {code: both}\nadd: {both: note}", "E411"),
        ("rename: {code: mark}\nremove: code", "E414"),
    ],
)
def test_what_cannot_be_is_said_at_its_place(offline_world: World, options: str, code: str) -> None:
    with pytest.raises(AuthorError) as caught:
        edited(offline_world, options)
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line > 0) == (code, True)
