"""Runs through Python: keys, arrows that wait, inputs that do not come, and keys that are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

import engine
from engine import registry
from engine.app import api
from engine.app.options import Options
from engine.app.result import RunResult
from engine.app.session import Session
from engine.kit.component import Component
from engine.kit.errors import AuthorError, DataError
from engine.kit.expression import Expr
from engine.kit.expression.functions import INTEGERS, Function, Parameter
from engine.kit.types import INTEGER

PROJECT = """
databases: {default: {url: "sqlite:///people.sqlite"}}
dimensions:
  person: {table: people, key: id, links: {orders: {table: orders, on: {id: person_id}, many: true}}}
environments:
  dev: {}
  prod: {}
"""

Run = Callable[..., RunResult]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Give what runs a workflow of these activities over people 1 to 6, in a folder of the test's own."""
    (tmp_path / "project.yaml").write_text(PROJECT, encoding="utf-8")
    connection = sa.create_engine(f"sqlite:///{tmp_path / 'people.sqlite'}")
    with connection.begin() as opened:
        opened.exec_driver_sql("CREATE TABLE people (id INTEGER, name TEXT)")
        opened.exec_driver_sql("CREATE TABLE orders (person_id INTEGER, amount NUMERIC(10, 2))")
        opened.exec_driver_sql("INSERT INTO people VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e'), (6, 'f')")
    connection.dispose()

    def run(activities: str, name: str = "w", **options: object) -> RunResult:
        path = tmp_path / f"{name}.yaml"
        header = f"workflow: {name}\ndimension: person\nvariables:\n  n: {{type: integer, default: 3}}\nactivities:\n"
        path.write_text(header + activities, encoding="utf-8")
        return engine.run(path, **options)  # type: ignore[arg-type]

    return run


def counts(result: RunResult) -> dict[str, int]:
    return {
        f"{name}.{port}": count
        for name, activity in result.activities.items()
        for port, count in activity.outputs.items()
    }


KEEP = "  some: {type: query, where: id <= vars.n}\n  keep: {type: list_update, from: some, list: %s, mode: replace}\n"


def test_a_key_names_a_run_of_one_workflow_only(run: Run) -> None:
    first = run(KEEP % "one", name="share", key="vip_1")
    other = run(KEEP % "two", name="share_vip", key="1")
    assert first.run != other.run
    assert counts(other) == {"some.result": 3, "keep.result": 3}


def test_the_same_key_does_nothing_twice(run: Run) -> None:
    first = run(KEEP % "one", key="2026-11-23")
    assert run(KEEP % "one", key="2026-11-23") == first


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vars": {"n": "4"}}, "without --var, not with --var n=4"),
        ({"at": datetime(2018, 1, 1, tzinfo=UTC)}, r"with --at \S+, not with --at 2018-01-01T00:00:00\+00:00"),
        ({"env": "prod"}, "without --env, not with --env prod"),
    ],
)
def test_a_key_is_not_taken_for_a_run_that_began_with_other_words(
    run: Run, options: dict[str, object], words: str
) -> None:
    run(KEEP % "one", key="k")
    with pytest.raises(AuthorError, match=f"V005 the run of key 'k' began {words}"):
        run(KEEP % "one", key="k", **options)


def test_an_arrow_without_a_population_waits_for_the_port_it_names(run: Run) -> None:
    split = "  s:\n    type: split\n    from: some\n    subsets: {x: {where: id = 1}, old: {where: id = 2}}\n"
    late = "  late: {type: list_update, from: s.old, list: late, after: s.x}\n"
    result = run("  some: {type: query}\n" + split + late)
    assert result.activities["late"].status == "succeeded"
    assert counts(result)["s.x"] == 1


def test_an_intersection_with_nobody_is_nobody(run: Run) -> None:
    body = "  a: {type: query}\n  b: {type: query, enabled: false}\n  both: {type: intersection, from: [a, b], when_missing: empty}\n"
    assert counts(run(body))["both.result"] == 0


def test_an_exclusion_goes_on_without_a_list_where_the_author_says_so(run: Run) -> None:
    body = (
        "  a: {type: query}\n  b: {type: query, enabled: false}\n  rest: {type: exclusion, from: a, exclude: [b]%s}\n"
    )
    assert counts(run(body % ", when_missing: empty"))["rest.result"] == 6
    assert run(body % "").errors[0].message == "'exclude' waits for 'b.result', which did not fire"


def test_a_key_that_stands_on_two_rows_stops_the_run_before_it_begins(run: Run, tmp_path: Path) -> None:
    run("  a: {type: query}\n")
    connection = sa.create_engine(f"sqlite:///{tmp_path / 'people.sqlite'}")
    with connection.begin() as opened:
        opened.exec_driver_sql("INSERT INTO people VALUES (6, 'again')")
    connection.dispose()
    with pytest.raises(
        DataError, match=r"dimension 'person' \(table people\): 1 keys \(id\) stand on more than one row"
    ):
        run("  a: {type: query}\n")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("  a:\n    type: query\n    where:\n", "E116 'where' has no value"),
        ("  a:\n    type: split\n    subsets:\n      rest:\n", "write 'rest: {}'"),
        ("  a: {type: query, when_missing: empty}\n", "E117 'when_missing' is for inputs that take a list"),
        ("  a:\n    type: query\n    outputs: {rejects: {label: x}}\n", "E114 query has no output 'rejects'"),
        (
            "  a:\n    type: query\n    add: {Name: name, name: id}\n",
            "E404 the columns Name and name differ only in case",
        ),
    ],
)
def test_what_would_be_ignored_is_refused(run: Run, body: str, expected: str) -> None:
    with pytest.raises(AuthorError, match=expected):
        run(body)


def test_an_input_that_does_not_come_is_empty_with_the_columns_it_would_have_had(run: Run) -> None:
    activities = """
  a: {type: query, enabled: false, add: {spend: sum(amount of orders)}}
  b: {type: query}
  both: {type: union, from: [a, b], when_missing: empty}
  unknown: {type: query, from: both, where: row.spend is null}
  keep: {type: list_update, from: unknown, list: k, mode: replace}
"""
    found = run(activities)
    assert found.status == "succeeded", found.errors
    assert counts(found)["unknown.result"] == 6


def test_a_retry_whose_values_do_not_fit_is_refused_before_the_run(run: Run) -> None:
    with pytest.raises(AuthorError, match=r"V004 'attempts' as 'vars\.n': 0 is less than 1"):
        run("  a: {type: query, retry: {attempts: vars.n}}\n", vars={"n": "0"})


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("percent: vars.n, by: random, sticky: true", r":11:\d+: V004 with 'vars\.n': the sticky shares add up to 120"),
        ("count: 1, by: id, per: name, sizes: {Ann: vars.n / 7}", r":11:\d+: V004 with 'vars\.n / 7': 'Ann' is a number of rows"),
        ("percent: 1, by: id, per: name, sizes: {Ann: vars.n * 2}", r":11:\d+: V004 with 'vars\.n \* 2': 'Ann' is at most 100, not 120"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_together_are_refused_before_the_run(run: Run, limits: str, message: str) -> None:
    subsets = "\n".join(f"      {name}: {{limit: {{{limits}}}}}" for name in "ab")
    with pytest.raises(AuthorError, match=message):
        run(
            f"  all: {{type: query}}\n  parts:\n    type: split\n    from: all\n    subsets:\n{subsets}\n",
            vars={"n": "60"},
        )


def test_a_run_goes_on_whatever_became_of_the_project_file(run: Run, tmp_path: Path) -> None:
    first = run("  some: {type: query}\n  keep: {type: list_update, from: some, list: k, guard: {max: 2}}\n", key="k")
    assert first.status == "suspended"
    (tmp_path / "project.yaml").write_text("databases: nonsense\n", encoding="utf-8")
    with api.session_of_run(first.run, tmp_path, Options()) as session:
        assert api.resume(first.run, session).status == "suspended"


def test_a_long_key_names_a_run(run: Run) -> None:
    first = run(KEEP % "one", key="k" * 250)
    assert first.status == "succeeded"
    assert run(KEEP % "one", key="k" * 250).run == first.run
    assert run(KEEP % "one", key="k" * 251).run != first.run


def test_an_option_is_computed_with_the_functions_of_plugins(run: Run, tmp_path: Path) -> None:
    run(KEEP % "one")
    known = registry.load()
    plugin = Component("function", "twice", f"{__name__}:TWICE")
    extended = replace(known, components=(*known.components, plugin))
    with Session.start(tmp_path, extended, Options()) as session:
        assert session.evaluate(Expr("twice(21)")) == "42"
        assert "twice" in session.catalog().functions


TWICE = Function(
    name="twice",
    parameters=(Parameter("n", INTEGERS),),
    result=INTEGER,
    build=lambda _dialect, n: n.sql * 2,
    doc="Twice.",
)


def test_a_bound_without_an_earlier_run_says_that_it_was_not_held(run: Run) -> None:
    guarded = (
        KEEP.replace("%s", "people")
        .replace("vars.n}", "vars.n, guard: {max_drop: 20%}}")
        .replace("replace}", "replace, guard: {max_rise: 0%}}")
    )
    first, second = run(guarded), run(guarded)
    said = {name: activity.details.get("guard") for name, activity in first.activities.items()}
    assert said == {
        "some": "no earlier run with these variables succeeded, so max_drop passed",
        "keep": "no earlier run with these variables succeeded, so max_rise passed",
    }
    assert [activity.details.get("guard") for activity in second.activities.values()] == [None, None]
