"""docs/testing.md: every file on it is written, every command run, every Python test passes."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, Reader, blocks

pytest_plugins = ["pytester"]

PAGE = ROOT / "docs" / "testing.md"
BLOCKS = list(blocks(PAGE.read_text(encoding="utf-8")))


class Comparing(Reader):
    """Follows the page; a file that a command has written is what the page shows."""

    def write(self, block: Block, where: str) -> None:
        path = self.folder / block.title
        if path.exists():
            day = re.compile(r"recorded on [-0-9]{10}")
            assert day.sub("DAY", path.read_text(encoding="utf-8")) == day.sub("DAY", block.text), where
        else:
            super().write(block, where)


def database(folder: Path) -> None:
    data = sqlite3.connect(folder / "data.sqlite")
    data.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, crm_id TEXT, age INTEGER, agreed BOOLEAN)")
    data.execute("INSERT INTO people VALUES (1, 'ann@shop.test', 'C1', 34, true)")
    data.commit()
    data.close()


def test_every_command_on_the_page_prints_what_the_page_says(tmp_path: Path) -> None:
    database(tmp_path)
    (workflow,) = (block.text for block in BLOCKS if block.title == "letters.yaml")
    for place in ("wrong", "csv", "record"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "letters.yaml").write_text(workflow, encoding="utf-8")
    typed = list(Comparing(tmp_path).steps(PAGE))
    assert [f"{each.where}: {each.command}\n{each.printed}" for each in typed if not each.is_as_shown] == []
    assert len(typed) == 6


def test_every_python_test_on_the_page_passes(pytester: pytest.Pytester) -> None:
    database(pytester.path)
    for block in BLOCKS:
        if block.title in ("project.yaml", "letters.yaml") or block.language == "python":
            (pytester.path / block.title).write_text(block.text, encoding="utf-8")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=4)
