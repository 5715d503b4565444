"""Lists that project.yaml declares: what is read and written is held against it, with its place and a fix."""

from __future__ import annotations

from dataclasses import replace

import pytest

from activities.connectors.lists import ListSettings
from engine.kit.errors import AuthorError, Span
from engine.kit.option import Scalar
from tests.contract.world import World

PLACE = Span("project.yaml", 7, 16)


@pytest.fixture
def declaring(offline_world: World) -> World:
    """Give a world whose project declares the list `scored`."""
    settings = ListSettings.model_validate({
        "dimension": Scalar.at("household", PLACE), "columns": {"score": Scalar.at("integer", PLACE)}
    })  # fmt: skip
    sections = {**offline_world.project.sections, "lists": {"scored": settings}}
    offline_world.project = replace(offline_world.project, sections=sections)
    offline_world._tables = replace(offline_world._tables, sections=sections)
    return offline_world


def said(problem: AuthorError) -> tuple[str, int, str, str]:
    (found,) = problem.diagnostics
    return found.code, found.span.line, found.message, found.fix


def test_what_fits_is_written_and_read(declaring: World) -> None:
    rows = declaring.given("household_id integer, score integer, note text", [(1, 5, "a")])
    declaring.run("type: list_update\nlist: scored\nmode: replace", rows)
    assert declaring.rows(declaring.run("type: read_list\nlist: scored")["result"]) == [(1, 5, "a")]


@pytest.mark.parametrize(
    ("columns", "dimension", "expected"),
    [
        (
            "basket_id integer, line integer, score integer",
            "purchase",
            ("L002", "declares the list 'scored' as rows of household, and these are rows of purchase", "project.yaml:7"),
        ),
        ("household_id integer, points integer", "household", ("L003", "declares a column 'score'", "columns of the rows")),
        (
            "household_id integer, score text",
            "household",
            ("L004", "the column 'score' of the list 'scored' as integer, and here it is text", "write 'score: text'"),
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_with_its_place(
    declaring: World, columns: str, dimension: str, expected: tuple[str, str, str]
) -> None:
    rows = declaring.given(columns, key=2 if dimension == "purchase" else 1, dimension=dimension)
    with pytest.raises(AuthorError) as caught:
        declaring.run("type: list_update\nlist: scored", rows)
    code, line, message, fix = said(caught.value)
    assert (code, line) == (expected[0], 6)
    assert expected[1] in message
    assert expected[2] in fix
    assert "scored" not in declaring.ledger.read_lists()


def test_a_list_kept_before_it_was_declared_is_held_against_it_when_it_is_read(declaring: World) -> None:
    declaring.write_list("scored", declaring.given("household_id integer, score text", [(1, "x")]))
    with pytest.raises(AuthorError, match=r"L004 project\.yaml declares the column 'score'"):
        declaring.run("type: read_list\nlist: scored")


def test_an_import_is_held_against_it_too(declaring: World) -> None:
    declaring.write("scored.csv", "household_id,score\n1,5\n")
    with pytest.raises(AuthorError, match="as rows of household, and these are lines"):
        declaring.run("type: list_import\nlist: scored\nfile: scored.csv\nkey: line")


def test_columns_that_leave_the_key_out_are_named(offline_world: World) -> None:
    offline_world.write("people.csv", "household_id,note\n1,a\n")
    with pytest.raises(AuthorError) as caught:
        offline_world.run("type: list_import\nlist: x\nfile: people.csv\ncolumns:\n  note: {type: text}")
    code, line, message, fix = said(caught.value)
    assert (code, line) == ("L001", 6)
    assert message == "'columns' does not take 'household_id', the key of household"
    assert "write 'household_id: {type: integer}' among them" in fix
