"""The layout of files: what `fmt` writes, what it never changes, and how it treats files."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from typer.testing import CliRunner, Result

from engine import registry
from engine.app.cli import app
from engine.kit.errors import AuthorError
from engine.lang import loader, source
from engine.lang.formatting import formatted
from engine.lang.parts import comments
from engine.lang.spec import WorkflowSpec
from tests.app.written_yaml import texts

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "workflows").glob("*.yaml"))


def fmt(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["fmt", *map(str, words)], prog_name="audienceflow")


def laid_out(text: str) -> str:
    return formatted(text, "w.yaml")


def without_places(spec: WorkflowSpec) -> object:
    activities = {
        name: (activity.activity, activity.common, {port: list(map(str, at)) for port, at in activity.inputs.items()},
               list(map(str, activity.after.activities)), activity.after.any)
        for name, activity in spec.activities.items()
    }  # fmt: skip
    variables = [(name, variable.type, variable.default) for name, variable in spec.variables.items()]
    return spec.name, spec.label, spec.dimension, variables, list(activities), activities, spec.canvas


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: {type: query, where: age > 1}\n", "a:\n  type: query\n  where: age > 1\n"),
        ("a: {list: x, add: {y: lower(z)}}\n", "a:\n  list: x\n  add:\n    y: lower(z)\n"),
        ('a: {where: "age > 1, 2"}\n', 'a:\n  where: "age > 1, 2"\n'),
        ("a: {percent: 10, by: [-spend, name]}\n", "a: {percent: 10, by: [-spend, name]}\n"),
        ('a: {"id": "1,2" , kind: x }\n', 'a: {"id": "1,2", kind: x}\n'),
        ("from: [a,\n  b]\n", "from: [a, b]\n"),
        ("from:\n- a\n-   b: 1\n    c: 2\n", "from:\n  - a\n  - b: 1\n    c: 2\n"),
        ("a:\n      b:\n        c:    1\n", "a:\n  b:\n    c: 1\n"),
        ("a: 1\n\n\n\nb: 2\n", "a: 1\n\nb: 2\n"),
        ("\n\na: 1", "a: 1\n"),
        ("a:   |4\n      one\n        two\n", "a: |2\n    one\n      two\n"),
        ("a: |\n  one", "a: |-\n  one\n"),
        ("a: some\n     more\n       words\n", "a: some\n  more\n    words\n"),
        ("a: &x {b: 1}\nc: *x\n", "a: &x {b: 1}\nc: *x\n"),
        ("a: &x {b: c > 1}\nc: *x\n", "a: &x\n  b: c > 1\nc: *x\n"),
        ("a: []\nb: {}\nc:\nd: ~\n", "a: []\nb: {}\nc:\nd: ~\n"),
        ("\ufeffa: 1\n", "a: 1\n"),
        ("a: 'it''s'\nb: \"\\u00e9\"\nc: \"10\"\n", "a: 'it''s'\nb: \"\\u00e9\"\nc: \"10\"\n"),
    ],
)  # fmt: skip
def test_the_layout(before: str, after: str) -> None:
    assert laid_out(before) == after
    assert laid_out(after) == after


def test_braces_that_reach_beyond_column_100_are_written_out() -> None:
    words = ", ".join(f"name_{number:02}" for number in range(10))
    fits, long = f"from: [{words}{'x' * 4}]\n", f"from: [{words}{'x' * 5}]\n"
    assert len(fits) - 1 == 100
    assert laid_out(fits) == fits
    assert laid_out(long).splitlines()[:2] == ["from:", "  - name_00"]


def test_a_row_of_a_list_stays_a_row() -> None:
    row = "rows:\n  - {" + ", ".join(f"column_{number:02}: value" for number in range(9)) + "}\n"
    assert len(row.splitlines()[1]) > 100
    assert laid_out(row) == row


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# head\n\na: 1 # beside\n# last\n", "# head\n\na: 1  # beside\n# last\n"),
        ("a: 1           # set off\nbc: 2          # set off\n", "a: 1           # set off\nbc: 2          # set off\n"),
        ("a: [b, # first\n  c] # second\n", "a:\n  - b  # first\n  - c  # second\n"),
        ("a: {b: x > 1} # noqa: W101\n", "a:  # noqa: W101\n  b: x > 1\n"),
        ("a: {b: x > 1, # one\n  # two\n  c: 1}\n", "a:\n  b: x > 1  # one\n  # two\n  c: 1\n"),
        ("a:\n    b: 1\n    # of a\n# of c\nc: 2\n", "a:\n  b: 1\n  # of a\n# of c\nc: 2\n"),
        ("a:\n- 1\n# of b\nb: 2\n", "a:\n  - 1\n# of b\nb: 2\n"),
        ("a:\n    # b: 1\nc: 2\n", "a:\n  # b: 1\nc: 2\n"),
        ("a: # why\n    b\n", "a: b  # why\n"),
        ("a:\n    # why\n    b\n", "# why\na: b\n"),
        ("a: |   # why\n    b # no comment\n", "a: |   # why\n  b # no comment\n"),
        ("a:\n- # why\n  b: 1\n", "a:\n  -  # why\n    b: 1\n"),
        ("a: '# no comment'\n", "a: '# no comment'\n"),
    ],
)  # fmt: skip
def test_comments_stay_with_what_they_are_about(before: str, after: str) -> None:
    assert laid_out(before) == after
    assert laid_out(after) == after


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts())
def test_values_and_comments_survive_and_a_second_time_changes_nothing(text: str) -> None:
    result = laid_out(text)
    assert source.read(result, "") == source.read(text, "")
    assert Counter(comment.text for comment in comments(result)) == Counter(comment.text for comment in comments(text))
    assert laid_out(result) == result


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_the_examples_are_laid_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert laid_out(text) == text


@pytest.mark.parametrize("path", [path for path in EXAMPLES if "activities:" in path.read_text()], ids=lambda path: path.name)  # fmt: skip
def test_a_workflow_written_in_braces_is_loaded_as_the_same(path: Path) -> None:
    activities = registry.load().activities
    text = path.read_text(encoding="utf-8")
    braces = in_braces(source.read(text, ""))
    result = laid_out(braces)
    assert without_places(loader.load(result, "", activities)) == without_places(loader.load(text, "", activities))


def in_braces(value: object) -> str:
    """Write a value in flow style, its top key a line each."""
    match value:
        case dict():
            return "\n".join(f"{key}: {quoted(item)}" for key, item in value.items()) + "\n"
    raise AssertionError(value)


def quoted(value: object) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {quoted(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(quoted, value)) + "]"
        case _:
            return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_what_cannot_be_read_is_reported_as_check_does() -> None:
    with pytest.raises(AuthorError) as caught:
        laid_out("a: 1\na: 2\n")
    assert [(item.code, item.span.line) for item in caught.value.diagnostics] == [("Y004", 2)]


def test_what_would_change_its_meaning_is_refused() -> None:
    with pytest.raises(AuthorError) as caught:
        laid_out("? a key\n  of two lines\n: b\n")
    assert [item.code for item in caught.value.diagnostics] == ["Y012"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project.yaml").write_text('databases: {default: {url: "sqlite://"}}\n')
    (tmp_path / "w.yaml").write_text("workflow: w\nactivities:\n  a: {type: query, where: x > 1}\n")
    (tmp_path / "w_test.yaml").write_text("tests:\n- name: x\n")
    (tmp_path / "other.yaml").write_text("a:   1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_fmt_lays_out_workflows_tests_and_the_project_of_a_folder(folder: Path) -> None:
    result = fmt()
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["laid out w.yaml", "laid out w_test.yaml", "2 changed, 1 unchanged"]
    assert (folder / "w.yaml").read_text() == "workflow: w\nactivities:\n  a:\n    type: query\n    where: x > 1\n"
    assert (folder / "w_test.yaml").read_text() == "tests:\n  - name: x\n"
    assert (folder / "other.yaml").read_text() == "a:   1\n"
    assert sorted(path.name for path in folder.iterdir()) == ["other.yaml", "project.yaml", "w.yaml", "w_test.yaml"]
    assert fmt("--check").exit_code == 0


def test_check_writes_nothing_and_ends_with_1(folder: Path) -> None:
    before = (folder / "w.yaml").read_text()
    result = fmt("w.yaml", "--check")
    assert (result.exit_code, result.stdout) == (1, "would lay out w.yaml\n1 changed, 0 unchanged\n")
    assert (folder / "w.yaml").read_text() == before


def test_diff_shows_what_would_change_and_writes_nothing(folder: Path) -> None:
    before = (folder / "w.yaml").read_text()
    result = fmt("w.yaml", "--diff")
    assert result.exit_code == 0
    assert result.stdout == (
        "--- w.yaml\n+++ w.yaml\n@@ -1,3 +1,5 @@\n workflow: w\n activities:\n"
        "-  a: {type: query, where: x > 1}\n+  a:\n+    type: query\n+    where: x > 1\n"
    )
    assert (folder / "w.yaml").read_text() == before
    assert fmt("w.yaml", "--diff", "--check").exit_code == 1


def test_a_file_that_cannot_be_read_is_left_alone_and_hides_no_other(folder: Path) -> None:
    (folder / "bad.yaml").write_text("workflow: bad\na: [\n")
    result = fmt("bad.yaml", "w.yaml", "gone.yaml")
    assert result.exit_code == 2
    assert "laid out w.yaml" in result.stdout
    assert "bad.yaml:3:1: Y001" in result.stdout
    assert "gone.yaml:1:1: Y009 there is no such file" in result.stdout
    assert result.stdout.splitlines()[-1] == "1 changed, 0 unchanged"
    assert (folder / "bad.yaml").read_text() == "workflow: bad\na: [\n"


def test_line_ends_rights_and_links_stay(folder: Path) -> None:
    path = folder / "w.yaml"
    path.write_bytes(b"workflow:   w\r\nlabel: x\r\n")
    path.chmod(0o640)
    (folder / "link.yaml").symlink_to(path)
    assert fmt("link.yaml").exit_code == 0
    assert path.read_bytes() == b"workflow: w\r\nlabel: x\r\n"
    assert (folder / "link.yaml").is_symlink()
    assert os.stat(path).st_mode & 0o777 == 0o640  # noqa: PTH116  (the link must not be followed by chance)


def test_a_folder_without_yaml_of_ours_is_misuse(tmp_path: Path) -> None:
    result = fmt(tmp_path)
    assert (result.exit_code, "nothing to lay out" in result.stderr) == (2, True)
