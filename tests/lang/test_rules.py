"""The lint rules, through the door that `check` uses."""

import sqlite3
from pathlib import Path

import pytest

from engine import registry
from engine.app import api
from engine.kit.errors import Diagnostic
from engine.kit.types import Kind
from engine.lang import graph as graphs
from engine.lang import loader, rules

HEAD = "workflow: flow\ndimension: person\n"
READ = "  a: {type: query, where: age > 1}\n  keep: {type: list_update, from: a, list: kept}\n"


def lint(text: str) -> list[Diagnostic]:
    loaded = registry.load()
    spec = loader.load(HEAD + text, "flow.yaml", loaded.activities)
    return [problem for rule in loaded.of("rule").values() for problem in rule(spec, graphs.build(spec))]


def codes(text: str) -> list[tuple[str, int]]:
    return [(problem.code, problem.span.line) for problem in lint(text)]


def test_a_workflow_without_oddities_has_no_warnings() -> None:
    assert codes(f"activities:\n{READ}") == []


def test_w101_warns_of_a_result_nobody_reads() -> None:
    assert codes(f"activities:\n{READ}  b: {{type: query, where: age > 2}}\n") == [("W101", 6)]


def test_w101_counts_control_as_no_reader() -> None:
    assert codes(
        "activities:\n  b: {type: query, where: age > 2}\n  c: {type: list_import, list: l, file: f, after: b}\n"
    ) == [("W101", 4)]


def test_w101_leaves_a_guarded_activity_and_an_effect_alone() -> None:
    assert codes(f"activities:\n{READ}  b: {{type: query, where: age > 2, guard: {{min: 1}}}}\n") == []


def test_w102_warns_of_a_variable_nothing_uses() -> None:
    found = lint(f"variables:\n  days: {{type: integer, default: 3}}\nactivities:\n{READ}")
    assert [(problem.code, problem.span.line, problem.severity) for problem in found] == [("W102", 4, "warning")]
    assert "'days'" in found[0].message
    assert found[0].fix


@pytest.mark.parametrize(
    "used",
    [
        "  a: {type: query, where: age > vars.days}\n  keep: {type: list_update, from: a, list: kept}\n",
        "  a: {type: query, where: age > 1}\n  keep: {type: list_update, from: a, list: 'kept_{{ vars.days }}'}\n",
        "  a: {type: query, where: age > 1}\n  keep:\n    type: list_update\n    from: a\n    list: kept_{{ vars['days'] }}\n",
        "  a: {type: query, where: age > 1, add: {x: vars.days + 1}}\n  keep: {type: list_update, from: a, list: k}\n",
        "  a: {type: query, where: age > 1}\n  b: {type: deduplication, from: a, by: age, keep: vars.days}\n"
        "  keep: {type: list_update, from: b, list: k}\n",
        "  a: {type: query, where: age > 1}\n  b:\n    type: split\n    from: a\n    subsets:\n"
        "      s: {limit: {count: vars.days, by: -age}}\n  keep: {type: list_update, from: b.s, list: k}\n",
        "  a: {type: query, where: age > 1, label: 'Since {{ vars.days }}'}\n  keep: {type: list_update, from: a, list: k}\n",
    ],
)
def test_w102_finds_a_variable_wherever_it_may_stand(used: str) -> None:
    assert codes(f"variables:\n  days: {{type: integer, default: 3}}\nactivities:\n{used}") == []


@pytest.mark.parametrize("enabled", ["false", "hold"])
def test_w103_warns_of_an_activity_left_disabled_or_held(enabled: str) -> None:
    text = f"activities:\n{READ}  b: {{type: list_update, from: a, list: l, enabled: {enabled}}}\n"
    assert codes(text) == [("W103", 6)]


def test_every_kind_of_variable_has_a_stand_in() -> None:
    assert set(rules.STAND_IN) == {str(kind) for kind in Kind}


@pytest.mark.parametrize("kind", ["integer", "decimal", "float", "text", "boolean", "date", "timestamp"])
def test_a_workflow_is_checked_with_stand_ins_for_variables_without_default(tmp_path: Path, kind: str) -> None:
    data = sqlite3.connect(tmp_path / "data.sqlite")
    data.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, age INTEGER)")
    data.close()
    (tmp_path / "project.yaml").write_text(
        'databases: {default: {url: "sqlite:///data.sqlite"}}\ndimensions: {person: {table: people, key: id}}\n'
    )
    workflow = tmp_path / "flow.yaml"
    workflow.write_text(
        f"{HEAD}variables:\n  x: {{type: {kind}}}\nactivities:\n  a:\n    type: query\n    where: vars.x is not null\n"
        "  keep: {type: list_update, from: a, list: kept}\n"
    )
    assert api.check([workflow]) == []
