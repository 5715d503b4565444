"""Broken workflows and projects, each told at its place with what to type; no mistake hides another.

`tests/data/broken/*.yaml` hold them by layer, over `project.yaml` and the tables of `project.sql` there. A mark » stands where a problem
is told; `project` is a change of the project file, `marked` its lines with problems.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

import engine
from engine.kit.errors import Diagnostic

ROOT = Path(__file__).parents[2]
BROKEN = ROOT / "tests" / "data" / "broken"
MARK = "»"
WORKFLOW, PROJECT = "flow.yaml", "project.yaml"
LAYERS = ("yaml", "shape", "arrows", "expressions", "names", "templates", "projects", "several", "mixed")
CASES = {layer: yaml.safe_load((BROKEN / f"{layer}.yaml").read_text(encoding="utf-8")) for layer in LAYERS}
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def cases(*layers: str) -> list[Any]:
    return [pytest.param(case, id=f"{layer}: {case['name']}") for layer in layers for case in CASES[layer]]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("broken") / "data.duckdb"
    with duckdb.connect(file) as db:
        db.execute((BROKEN / "project.sql").read_text(encoding="utf-8"))
    return file


@pytest.fixture
def folder(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data.duckdb").symlink_to(database)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, case: dict[str, Any]) -> dict[str, str]:
    """Write the files of a case, without their marks, and give their texts."""
    project = (BROKEN / PROJECT).read_text(encoding="utf-8")
    if "project" in case:
        old, new = case["project"]
        assert project.count(old) == 1
        project = project.replace(old, new)
    texts = {WORKFLOW: case["workflow"].replace(MARK, ""), PROJECT: project}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return texts


def held(case: dict[str, Any], texts: dict[str, str], found: list[Diagnostic]) -> None:
    """Hold what was found against what a case says."""
    assert [problem.code for problem in found] == [problem["code"] for problem in case["problems"]]
    assert marked(texts[WORKFLOW], WORKFLOW, found) == case["workflow"]
    lines = [line for line in marked(texts[PROJECT], PROJECT, found).splitlines() if MARK in line]
    assert lines == case.get("marked", [])
    for problem, wanted in zip(found, case["problems"], strict=True):
        assert wanted["fix"] in problem.fix
        assert problem.message
        assert "\n" not in problem.message + problem.fix


def marked(text: str, file: str, found: list[Diagnostic]) -> str:
    lines = text.split("\n")
    for problem in sorted(found, reverse=True):
        if problem.span.file == file:
            line, column = problem.span.line - 1, problem.span.column - 1
            lines[line] = lines[line][:column] + MARK + lines[line][column:]
    return "\n".join(lines)


@pytest.mark.parametrize("case", cases(*LAYERS))
def test_a_mistake_is_told_at_its_place_with_what_to_type(folder: Path, case: dict[str, Any]) -> None:
    texts = written(folder, case)
    held(case, texts, engine.check([WORKFLOW]))


def test_there_are_more_than_a_hundred() -> None:
    assert sum(map(len, CASES.values())) > 100
