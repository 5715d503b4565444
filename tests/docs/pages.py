"""Pages as a reader follows them: files are written, commands are typed, and what is printed is compared with what the page shows.

A block with `title="name"` is that file; a YAML block that is no whole file is a part, laid into the file of its title. In an output, `…`
stands for the rest of a line, and alone on a line for any lines. `<!-- project: workflows -->` says that the page's files lie beside
those of that folder.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from engine.app.cli import app

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_PROJECT = re.compile(r"<!-- project: (\S+) -->")
_WHOLE = {"workflow", "databases", "tests"}
"""Keys of which one is in every whole file of ours."""


@dataclass(frozen=True)
class Block:
    """A block of code: its language, the file it is or is a part of, its text, and its line."""

    language: str
    title: str
    text: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    for match in _FENCE.finditer(page):
        yield Block(match[1], match[2] or "", match[3], page.count("\n", 0, match.start()) + 1)


def pictures(page: Path) -> list[Path]:
    """Give the pictures that a page shows."""
    return [
        page.parent / name for name in re.findall(r"^!\[.*\]\((\S+)\)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    ]


@dataclass(frozen=True)
class Typed:
    """A command of a page, what the page says it prints, and what it printed."""

    where: str
    command: str
    expected: str
    printed: str

    @property
    def is_as_shown(self) -> bool:
        lines = (
            r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r"\n"
            for line in self.expected.splitlines()
        )
        return re.fullmatch("".join(lines), self.printed) is not None


class Reader:
    """Follows a page in a folder; `cd` goes to another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def follow(self, page: Path) -> Iterator[Typed]:
        """Write the page's files and type its commands, in their order."""
        text = page.read_text(encoding="utf-8")
        if beside := _PROJECT.search(text):
            shutil.copytree(ROOT / beside[1], self.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
        for block in blocks(text):
            where = f"{page.name}:{block.line}"
            if block.language == "console":
                for command, expected in _COMMAND.findall(block.text):
                    yield Typed(where, command, expected, self.type(command, where))
            elif block.title:
                self.write(block, where)
            else:
                assert block.language != "yaml" or yaml.safe_load(block.text) is None, (
                    f"{where}: of which file is this?"
                )
                assert block.language != "sh" or page.name == "README.md", f"{where}: show what it prints, as console"

    def write(self, block: Block, where: str) -> None:
        path = self.folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        written = yaml.load(block.text, yaml.BaseLoader) if block.language == "yaml" else None  # noqa: S506  (texts only)
        if block.language != "yaml" or _WHOLE & set(written) or path.suffix != ".yaml" or path.name.startswith("."):
            path.write_text(block.text, encoding="utf-8")
            return
        assert path.exists(), f"{where}: a part of a file that is not there"
        whole = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)  # noqa: S506
        path.write_text(
            yaml.safe_dump(_laid_over(whole, written), sort_keys=False, allow_unicode=True), encoding="utf-8"
        )

    def type(self, command: str, where: str) -> str:
        """Type a command, and give what it prints: paths from the folder, no blanks at ends of lines."""
        program, *words = shlex.split(os.path.expandvars(command))
        if program == "cd":
            self.folder /= words[0]
            return ""
        assert program == "audienceflow", f"{where}: {program} is not ours"
        with chdir(self.folder):
            result = CliRunner().invoke(app, words, prog_name="audienceflow")
        printed = (result.stdout or result.stderr).replace(f"{self.folder}/", "")
        return re.sub(r"[ \t]+$", "", printed, flags=re.MULTILINE)


def _laid_over(whole: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(whole)
    for key, value in part.items():
        old = result.get(key)
        result[key] = _laid_over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result
