"""The project file: what is wrong in it is found, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import registry
from engine.app import project as projects
from engine.app.project import Project
from engine.kit.errors import AuthorError

START = 'databases: {default: {url: "duckdb:///:memory:"}}\n'
REGISTRY = registry.load()


def read(text: str, environment: str | None = None) -> Project:
    return projects.read(Path("project.yaml"), START + text, REGISTRY, environment=environment, surroundings={})


def places(text: str, environment: str | None = None) -> list[str]:
    """Give 'line:column code' of every problem."""
    with pytest.raises(AuthorError) as caught:
        read(text, environment)
    return [f"{problem.span.line}:{problem.span.column} {problem.code}" for problem in sorted(caught.value.diagnostics)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("dimensions:\n  person: {table: people, key: []}\n", "3:32 E105"),
        ("dimensions:\n  person: {table: people, key: id, links: {a: {table: b, on: {}}}}\n", "3:62 E105"),
        (
            "data_sources:\n  ecid: {kind: visitor_id, dimension: person, key: ecid, id: '1', normalise: [lower]}\n",
            "3:78 E105",
        ),
    ],
)
def test_what_a_project_needs_is_asked_for(text: str, place: str) -> None:
    assert places(text) == [place]


def test_a_visitor_id_may_say_that_nothing_is_done_to_it() -> None:
    text = "data_sources:\n  ecid: {kind: visitor_id, dimension: person, key: ecid, id: '1', normalise: []}\n"
    assert read(text).sections["data_sources"]["ecid"].normalise == ()


@pytest.mark.parametrize(
    ("text", "environment", "found"),
    [
        ("environments:\n  prod: nonsense\n", "prod", ["3:9 P007"]),
        ("environments:\n  dev: [a]\n", None, ["3:8 P007"]),
        ("environments: nonsense\n", None, ["2:15 P007"]),
        ("environments: nonsense\n", "prod", ["2:1 P005", "2:15 P007"]),
    ],
)
def test_an_environment_is_a_mapping(text: str, environment: str | None, found: list[str]) -> None:
    assert [place.split(" ")[1] for place in places(text, environment)] == [place.split(" ")[1] for place in found]
    assert found[-1] in places(text, environment)


def test_an_environment_may_say_nothing() -> None:
    assert read("environments:\n  prod: {}\n", "prod").environment == "prod"
