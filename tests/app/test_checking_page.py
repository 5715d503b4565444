"""docs/checking.md shows what really comes."""

from __future__ import annotations

import re
import shlex
import sqlite3
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from engine.app import api
from engine.app.cli import app
from engine.app.diagnostics import text
from engine.app.diagnostics.codes import FAMILIES
from engine.app.diagnostics.excerpts import excerpts

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "checking.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)(?: title=\S+)?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = sqlite3.connect(tmp_path / "data.sqlite")
    data.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, age INTEGER)")
    data.close()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_on_the_page_prints_what_the_page_says(folder: Path) -> None:
    """An output that ends with … may go on; paths are shown from the folder."""
    ran = 0
    for kind, block in BLOCKS:
        if kind == "yaml" and (name := re.match(r"# (\w+\.yaml)\n", block)):
            (folder / name[1]).write_text(block, encoding="utf-8")
        if kind == "text":
            assert (
                block
                == f"{text.shown(first := api.check([folder / 'grown_ups.yaml'])[0], excerpts()(first.span), 80)}\n"
            )
        for command, expected in re.findall(
            r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block if kind == "console" else "", re.MULTILINE
        ):
            result = CliRunner().invoke(app, shlex.split(command)[1:], prog_name="audienceflow")
            printed = (result.stdout or result.stderr).replace(f"{folder}/", "")
            whole, goes_on, _ = expected.partition("…\n")
            assert printed.startswith(whole) if goes_on else printed == expected, command
            ran += 1
    assert ran == 8


def test_the_page_names_every_family_of_codes() -> None:
    assert re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE) == list(FAMILIES.items())


def test_the_page_names_hooks_and_inputs_that_there_are() -> None:
    shown = [yaml.safe_load(block) for kind, block in BLOCKS if kind == "yaml"]
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    inputs = yaml.safe_load((ROOT / ".github/actions/check/action.yml").read_text())["inputs"]
    (config,) = (block for block in shown if "repos" in block)
    (job,) = (block for block in shown if "steps" in block)
    assert [hook["id"] for hook in config["repos"][0]["hooks"]] == [hook["id"] for hook in hooks]
    assert set(job["steps"][1]["with"]) | {"project", "extras", "sarif-file"} == set(inputs)
