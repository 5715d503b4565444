"""docs/testing.md: every file on it is written, every command run, every Python test passes."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.app.cli import app

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (expected: )?([\w/]+\.\w+)\n")


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    """Give a folder with the files of the page, but those that commands write; every folder of tests has the workflow."""
    folder = pytester.path
    data = sqlite3.connect(folder / "data.sqlite")
    data.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, crm_id TEXT, age INTEGER, agreed BOOLEAN)")
    data.execute("INSERT INTO people VALUES (1, 'ann@shop.test', 'C1', 34, true)")
    data.commit()
    data.close()
    for _, block in BLOCKS:
        if (name := NAMED.match(block)) and not name[1]:
            (folder / name[2]).parent.mkdir(exist_ok=True)
            (folder / name[2]).write_text(block[name.end() :] if name[2].endswith(".csv") else block, encoding="utf-8")
    for place in ("wrong", "csv", "record"):
        (folder / place).mkdir(exist_ok=True)
        shutil.copy(folder / "letters.yaml", folder / place)
    return folder


def same(text: str) -> str:
    """Give an output without what differs from day to day."""
    return re.sub(r"recorded on [-0-9]{10}", "recorded on DAY", re.sub(r"\([0-9.]+ s\)", "(TIME)", text))


def test_every_command_on_the_page_prints_what_the_page_says(folder: Path) -> None:
    ran = 0
    for _, block in (block for block in BLOCKS if block[0] == "console"):
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            result = CliRunner().invoke(app, shlex.split(command)[1:], prog_name="audienceflow")
            printed = same(result.stdout or result.stderr).replace(f"{folder}/", "")
            assert printed == same(expected), command
            ran += 1
    assert ran == 6
    for _, block in BLOCKS:
        if (name := NAMED.match(block)) and name[1]:
            assert same((folder / name[2]).read_text()) == same(block[name.end() :])


def test_every_python_test_on_the_page_passes(pytester: pytest.Pytester, folder: Path) -> None:
    names = [name[2] for _, block in BLOCKS if (name := NAMED.match(block)) and name[2].endswith(".py")]
    pytester.runpytest_subprocess("-p", "no:cacheprovider", *(folder / name for name in names)).assert_outcomes(
        passed=4
    )
