"""The reference is written from the code: as it is committed, whole, and with what plugins add."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine import registry
from engine.app import reference
from engine.app.cli import app
from engine.app.reference import activities, campaign, functions
from engine.app.reference.options import block_style, flow
from engine.kit.component import Component
from engine.kit.errors import DataError
from engine.registry import Registry

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SAMPLE = ROOT / "tests" / "plugins" / "sample"
PLUGIN = (
    Component("activity", "leave_note", "audienceflow_sample.leave_note:LeaveNote"),
    Component("function", "first_word", "audienceflow_sample.first_word:FIRST_WORD"),
    Component("section", "caps", "audienceflow_sample.caps:CAPS"),
    Component("rule", "S101", "audienceflow_sample.unlabelled:check"),
)


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Give a registry that holds what one plugin offers, and nothing else."""
    monkeypatch.syspath_prepend(SAMPLE)
    return Registry(PLUGIN, {}, {"sample": PLUGIN})


def test_the_page_of_an_activity_is_printed() -> None:
    printed = CliRunner().invoke(app, ["reference", "union"])
    assert printed.stdout == (DOCS / "reference" / "activities" / "union.md").read_text(encoding="utf-8")
    wrong = CliRunner().invoke(app, ["reference", "unoin"])
    assert "fix: write 'union' (activities: " in wrong.stderr


def test_the_pages_are_as_the_code_says() -> None:
    checked = CliRunner().invoke(app, ["reference", "--check", "--output", str(DOCS)])
    assert checked.exit_code == 0, f"run: audienceflow reference --output docs\n{checked.stderr}"


def test_a_page_that_is_missing_changed_or_of_nothing_is_stale(plugged: Registry, tmp_path: Path) -> None:
    written = {each.path.relative_to(tmp_path).as_posix(): each.why for each in reference.write(tmp_path, plugged)}
    assert written["reference/activities/leave_note.md"] == "missing"
    assert reference.stale(tmp_path, plugged) == []
    folder = tmp_path / "reference"
    (folder / "functions.md").write_text("# Functions\n", encoding="utf-8")
    (folder / "project.md").unlink()
    (folder / "activities" / "gone.md").write_text("# gone\n", encoding="utf-8")
    found = {each.path.relative_to(folder).as_posix(): each.why for each in reference.stale(tmp_path, plugged)}
    assert found == {"activities/gone.md": "extra", "functions.md": "changed", "project.md": "missing"}
    reference.write(tmp_path, plugged)
    assert reference.stale(tmp_path, plugged) == []


def test_a_stale_folder_is_said_with_what_to_type(tmp_path: Path) -> None:
    checked = CliRunner().invoke(app, ["reference", "--check", "--output", str(tmp_path)])
    assert checked.exit_code == 2
    assert f"{tmp_path / 'reference' / 'commands.md'}: missing" in checked.stderr
    assert f"fix: audienceflow reference --output {tmp_path}" in checked.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_a_plugin_adds_has_its_place(plugged: Registry) -> None:
    page = activities.pages(plugged)["leave_note.md"]
    assert "It comes from the plugin `sample`." in page
    assert "| `note` | name | required | The note's name. | `came` |" in page
    assert "Without an example that is run: `leave_note`." in activities.pages(plugged)["index.md"]
    assert "## From plugins" in functions.page(plugged)
    assert "| `S101` |" in reference.pages(plugged)["diagnostics.md"].replace("[`S101`](rules.md#s101)", "`S101`")


def test_every_code_that_the_sources_name_is_on_the_page() -> None:
    sources = [path for room in ("engine", "activities") for path in (ROOT / room).rglob("*.py")]
    named = {code for path in sources for code in re.findall(r'"([A-Z][0-9]{3})"', path.read_text(encoding="utf-8"))}
    page = (DOCS / "reference" / "diagnostics.md").read_text(encoding="utf-8")
    assert {code for code in named if f"`{code}`" not in page} == set()


def test_an_activity_of_campaign_is_not_yet_here_until_it_is_registered() -> None:
    whole = registry.load()
    bare = Registry(tuple(each for each in whole.components if each.name != "split"), {}, {})
    assert "| Cells | [`split`](activities/split.md) |" in campaign.page(whole)
    assert "| Cells | **not yet** (`split`) |" in campaign.page(bare)


def test_an_example_that_does_not_hold_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "wrong_package" / "examples"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    for name in ("project.yaml", "union.yaml"):
        (folder / name).write_text((ROOT / "activities" / "examples" / name).read_text(), encoding="utf-8")
    (folder / "union_test.yaml").write_text(
        "tests:\n  - name: wrong\n    activity: both\n    given: {vip: [{id: 1}], newcomers: []}\n    expect: {result: []}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DataError, match=r"the example 'wrong' .* does not hold: both\.result: "):
        reference.activities.executed.examples(Component("activity", "union", "wrong_package.union:Union"))


def test_a_value_is_written_as_yaml_that_can_be_read() -> None:
    assert flow({"a": ["x", "b: c"], "n": "1"}) == '{a: [x, "b: c"], n: 1}'
    written = {"subsets": {"vip": {"where": "spend > 1"}, "rest": {"code": "A"}}}
    assert block_style(written) == "subsets:\n  vip:\n    where: spend > 1\n  rest: {code: A}"
