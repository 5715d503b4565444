"""The lint rules, through the door that `check` uses: each fires at its place with a fix, and leaves its near misses alone."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine import registry
from engine.app import api
from engine.kit.component import Component
from engine.kit.errors import Diagnostic
from engine.kit.types import Kind
from engine.lang import graph as graphs
from engine.lang import loader, rules
from engine.lang.rules import page
from engine.lang.rules.secret_in_clear import check_project

ROOT = Path(__file__).parents[2]
HEAD = "workflow: flow\ndimension: person\n"
MARK = "»"
CASES = yaml.safe_load((ROOT / "tests" / "data" / "rules.yaml").read_text(encoding="utf-8"))
FIRES = [(code, case) for code, cases in CASES.items() for case in cases["fires"]]
SILENT = [(code, text) for code, cases in CASES.items() for text in cases["silent"]]


def lint(text: str) -> list[Diagnostic]:
    loaded = registry.load()
    spec = loader.load(HEAD + text, "flow.yaml", loaded.activities)
    graph = graphs.build(spec)
    assert graphs.problems(spec, graph) == []
    return sorted(problem for rule in loaded.of("rule").values() for problem in rule(spec, graph))


def marked(text: str, found: list[Diagnostic]) -> str:
    """Give the text with a mark where each problem was found."""
    lines = (HEAD + text).splitlines(keepends=True)
    for problem in reversed(found):
        line, column = problem.span.line - 1, problem.span.column - 1
        lines[line] = lines[line][:column] + MARK + lines[line][column:]
    return "".join(lines).removeprefix(HEAD)


@pytest.mark.parametrize("case", [pytest.param(case, id=code) for code, case in FIRES])
def test_a_rule_fires_at_its_place_and_says_what_to_type(case: dict[str, Any]) -> None:
    text = case["text"].replace(MARK, "")
    found = lint(text)
    assert [problem.code for problem in found] == case["codes"]
    assert marked(text, found) == case["text"]
    assert any(case["fix"] in problem.fix for problem in found)
    assert {problem.severity for problem in found} == {"warning"}


@pytest.mark.parametrize("text", [pytest.param(text, id=code) for code, text in SILENT])
def test_a_near_miss_is_left_alone(text: str) -> None:
    assert lint(text) == []


def test_every_rule_is_shown_firing_and_silent() -> None:
    codes = list(registry.load().of("rule"))
    assert [(code, bool(cases["fires"]), bool(cases["silent"])) for code, cases in CASES.items()] == [
        (code, True, True) for code in codes
    ]
    assert [code for code, case in FIRES if code not in case["codes"]] == []


def test_a_union_of_a_disabled_branch_and_another_goes_on() -> None:
    text = """activities:
  a: {type: query, where: age > 1, enabled: false}
  b: {type: query, where: age > 2}
  u: {type: union, from: [a, b]}
  keep: {type: list_update, from: u, list: kept}
"""
    assert [problem.code for problem in lint(text)] == ["W103"]


def test_every_kind_of_variable_has_a_stand_in() -> None:
    assert set(rules.STAND_IN) == {str(kind) for kind in Kind}


@pytest.mark.parametrize("workflow", sorted((ROOT / "workflows").glob("*.yaml")), ids=lambda path: path.stem)
def test_our_own_workflows_have_no_warnings(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    if text.startswith("workflow:"):
        loaded = registry.load()
        spec = loader.load(text, workflow.name, loaded.activities)
        assert [problem for rule in loaded.of("rule").values() for problem in rule(spec, graphs.build(spec))] == []


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


@pytest.mark.parametrize("component", rules.COMPONENTS, ids=lambda component: component.name)
def test_a_rule_says_what_why_and_what_instead(component: Component) -> None:
    assert list(page.parts(component)) == ["title", *page.PARTS]
    module = component.path.partition(":")[0]
    source = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    assert source.startswith(f'"""{component.name}: ')
    assert set(re.findall(r'"(W\d+)"', source)) == {component.name}


def test_a_password_in_a_project_is_told_and_one_from_the_environment_is_not() -> None:
    text = (
        "databases:\n  default:\n    url: postgresql://me:hunter2@host/db\n"
        "  other: {url: 'postgresql://me:${PASSWORD}@host/db'}\n  # postgresql://me:secret@host\n  file: {url: 'duckdb:///a@b'}\n"
    )
    (problem,) = check_project(text, "project.yaml")
    assert (problem.code, problem.span.line, problem.span.column) == ("W123", 3, 26)
    assert problem.fix.startswith("write ${NAME} in its place")
