"""Expressions as those write them who know SQL, Campaign or another language: told at their place, with what is written here."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
import yaml

import engine
from engine.kit.errors import Diagnostic

DATA = Path(__file__).parents[1] / "data"
MARK = "»"
ROWS = yaml.safe_load((DATA / "mistakes.yaml").read_text(encoding="utf-8"))
INDENTATION = 6


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, Diagnostic]]]:
    """Give what is told of each expression, all of them in one workflow, as the expression with a mark and the problem."""
    folder = tmp_path_factory.mktemp("mistakes")
    with duckdb.connect(folder / "data.duckdb") as db:
        db.execute((DATA / "broken" / "project.sql").read_text(encoding="utf-8"))
    project = (DATA / "broken" / "project.yaml").read_text(encoding="utf-8")
    (folder / "project.yaml").write_text(project.replace("duckdb:///", f"duckdb:///{folder}/"), encoding="utf-8")
    texts = [text.replace(MARK, "") for text, _, _ in ROWS]
    activities = (f"  a{n}:\n    type: query\n    where: |-\n      {text}\n" for n, text in enumerate(texts))
    (folder / "flow.yaml").write_text(
        f"workflow: flow\ndimension: person\nactivities:\n{''.join(activities)}", encoding="utf-8"
    )
    told: dict[str, list[tuple[str, Diagnostic]]] = {text: [] for text in texts}
    for problem in engine.check([folder / "flow.yaml"]):
        text = texts[(problem.span.line - 4) // 4]
        at = problem.span.column - 1 - INDENTATION
        told[text].append((f"{text[:at]}{MARK}{text[at:]}", problem))
    return told


@pytest.mark.parametrize(("text", "code", "fix"), ROWS)
def test_what_is_right_elsewhere_is_told_with_what_is_written_here(
    found: dict[str, list[tuple[str, Diagnostic]]], text: str, code: str, fix: str
) -> None:
    ((marked, problem),) = found[text.replace(MARK, "")]
    assert (marked, problem.code) == (text, code)
    assert fix in problem.fix
