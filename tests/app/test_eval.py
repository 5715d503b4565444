"""Expressions evaluated from the command line: values, types, SQL and mistakes."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from engine.app import api
from engine.app.cli import app

PROJECT = """
databases:
  default: {url: "sqlite:///data.sqlite"}
  other: {url: "duckdb:///other.duckdb"}
"""


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder without a project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(empty: Path) -> Path:
    import duckdb

    sqlite3.connect(empty / "data.sqlite").close()
    (empty / "data.sqlite").touch()
    duckdb.connect(empty / "other.duckdb").close()
    (empty / "project.yaml").write_text(PROJECT)
    return empty


def evaluated(*words: str) -> Result:
    return CliRunner().invoke(app, ["eval", *words], prog_name="audienceflow")


def found(*words: str) -> Any:
    result = evaluated(*words, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("kind", ["memory", "default", "other", "third"])
@pytest.mark.parametrize(
    ("expression", "value", "type_"),
    [
        ("add_months(date '2024-01-31', 1)", "2024-02-29", "date"),
        ("timestamp '2026-11-23T08:30:00+02:00'", "2026-11-23T06:30:00+00:00", "timestamp"),
        ("timestamp '2026-11-23T08:30:00.5Z'", "2026-11-23T08:30:00.500000+00:00", "timestamp"),
        ("-1 + 2", 1, "integer"),
        ("1.50", "1.50", "decimal(2)"),
        ("1 / 3", "0.333333", "decimal(6)"),
        ("2147483647 * 4", 8589934588, "integer"),
        ("1 = 1", True, "boolean"),
        ("1 > 2", False, "boolean"),
        ("null", None, "null"),
        ("1 / 0", None, "decimal(6)"),
        ("'it''s é'", "it's é", "text"),
        ("case when\n  1 = 1 then 'None' end", "None", "text"),
    ],
)
def test_values_are_the_same_everywhere(
    request: pytest.FixtureRequest, kind: str, expression: str, value: object, type_: str
) -> None:
    request.getfixturevalue("empty" if kind == "memory" else "project")
    if kind == "third":
        url = request.getfixturevalue("postgres_url")
        Path("project.yaml").write_text(f'{PROJECT}  third: {{url: "{url}"}}\n')
    result = found(expression, *(("--database", kind) if kind in ("other", "third") else ()))
    assert (result["value"], type(result["value"]), result["type"]) == (value, type(value), type_)


def test_json_is_one_object_with_sql_and_its_values(empty: Path) -> None:  # noqa: ARG001
    assert found("1 = 2") == {
        "value": False,
        "type": "boolean",
        "sql": "$1 = $2",
        "values": {"param_1": 1, "param_2": 2},
    }


def test_the_database_is_the_projects_default_or_the_one_named(project: Path) -> None:  # noqa: ARG001
    assert found("1 = 2")["sql"] == "? = ?"
    assert found("1 = 2", "--database", "other")["sql"] == "$1 = $2"


def test_a_database_whose_file_is_not_made_yet_is_not_made(project: Path) -> None:
    (project / "data.sqlite").unlink()
    assert found("1 = 2")["sql"] == "? = ?"
    assert not (project / "data.sqlite").exists()


def test_text_tells_value_type_and_sql(empty: Path) -> None:  # noqa: ARG001
    result = evaluated("'a' || 'b'")
    assert result.stdout == "ab\n  type: text\n  sql: $1 || $2\n  with: param_1 = a, param_2 = b\n"
    assert evaluated("1 = 1").stdout.startswith("true\n")
    assert evaluated("null").stdout == "null\n  type: null\n  sql: NULL\n"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("run.date", "2026-11-23"),
        ("run.time", "2026-11-23T09:00:00+00:00"),
        ("now()", "2026-11-23T09:00:00+00:00"),
        ("days_ago(3)", "2026-11-20"),
    ],
)
def test_time_is_the_moment_given(empty: Path, expression: str, value: str) -> None:  # noqa: ARG001
    assert found(expression, "--at", "2026-11-23T10:00:00+01:00")["value"] == value


def test_time_is_now_when_none_is_given(empty: Path) -> None:  # noqa: ARG001
    before = datetime.now(UTC)
    assert before <= datetime.fromisoformat(found("run.time")["value"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("1 +", ["expression:1:4: X003 the expression ends too early: '1 +'", "    1 │ 1 +", "      │    ^"]),
        ("1 + agee", ["expression:1:5: E301 there is no column 'agee'", "    1 │ 1 + agee", "      │     ^^^^",
                      "  fix: there are no rows here: write a value in its place"]),
        ("1 >\n 'é' ", ["expression:1:3: E305 '>' cannot compare integer with text", "    1 │ 1 >  'é' ", "      │   ^"]),
        ("exists(purchases)", ["expression:1:8: E302 the rows belong to no dimension here, so there are no links", "    1 │ exists(purchases)",
                               "      │        ^^^^^^^^^", "  fix: there are no rows here: write a value in its place"]),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_with_carets_and_ends_with_2(empty: Path, expression: str, said: list[str]) -> None:  # noqa: ARG001
    result = evaluated(expression)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[: len(said)] == said


def test_json_gives_a_mistake_as_check_does(empty: Path) -> None:  # noqa: ARG001
    result = evaluated("add_month(run.date, 1)", "--format", "json")
    (problem,) = json.loads(result.stdout)["diagnostics"]
    assert result.exit_code == 2
    assert [problem[name] for name in ("file", "line", "column", "end_column", "code")] == [
        "expression",
        1,
        1,
        10,
        "E303",
    ]
    assert problem["fix"].startswith("write 'add_months'")


def test_a_database_that_is_not_there_is_a_mistake(project: Path) -> None:
    unknown = evaluated("1", "--database", "third")
    assert (unknown.exit_code, "there is no database 'third'" in unknown.stderr) == (2, True)
    (project / "project.yaml").unlink()
    without_project = evaluated("1", "--database", "other")
    assert (without_project.exit_code, "P001" in without_project.stderr) == (2, True)


def test_a_wrong_project_is_told_and_not_passed_over(project: Path) -> None:
    (project / "project.yaml").write_text("databases: {default: {url: [}}\n")
    result = evaluated("1")
    assert (result.exit_code, "project.yaml:1:" in result.stderr) == (2, True)


def test_nothing_is_written(project: Path) -> None:
    before = sorted(path.name for path in project.iterdir())
    found("1 + 1")
    assert sorted(path.name for path in project.iterdir()) == before


def test_python_evaluates_too(empty: Path) -> None:
    evaluation = api.evaluate("run.date", near=empty, at=datetime(2026, 11, 23))  # noqa: DTZ001  (no zone is UTC)
    assert (evaluation.value, evaluation.type) == ("2026-11-23", "date")
