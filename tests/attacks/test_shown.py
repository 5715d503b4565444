"""Hostile texts in messages: what moves a terminal's cursor, forges a line or turns letters round is shown as an escape."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine.kit.errors import AuthorError, DataError, Diagnostic, Span

HOSTILE = [
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "\x9b2J",
    "a\rb",
    "a\bb",
    "\u202eevil",
    "\u2028",
    "\u200b",
    "\ud800",
    "\x7f",
    "\0",
    "\ufeff",
]
TITLE = r"\e]0;owned\a\e[2Ja\nw.yaml:1:1: Y001 forged"  # as a text of YAML writes it


@pytest.mark.parametrize("text", HOSTILE)
def test_a_message_shows_an_escape(text: str) -> None:
    for problem in (AuthorError.at(Span(text, 1, 1), "E000", text, text), DataError(f"a {text}", f"b {text}")):
        assert text not in str(problem)
        assert all(letter.isprintable() for letter in str(problem).replace("\n", ""))


def test_a_diagnostic_is_one_line_and_a_fix() -> None:
    problem = Diagnostic(Span("a\nb.yaml", 1, 1), "E000", "a\nw.yaml:1:1: Y001 forged", "c\nd")
    assert str(problem) == "a\\nb.yaml:1:1: E000 a\\nw.yaml:1:1: Y001 forged\n  fix: c\\nd"


def test_letters_of_every_language_stay_as_they_are() -> None:
    text = "é ﬁ 中文 \u3000 नमस्ते می\u200cخواهم 👩\u200d👧 𝔘"
    assert str(DataError(text)) == text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project.yaml").write_text("databases: {default: {url: 'sqlite:///data.sqlite'}}\n")
    (tmp_path / "w.yaml").write_text(f'workflow: w\n"{TITLE}": 1\nactivities:\n  a: {{type: "{TITLE}"}}\n')
    return tmp_path


def test_check_names_a_hostile_key_harmlessly(folder: Path) -> None:
    problems = engine.check([folder / "w.yaml"])
    assert len(problems) == 3
    assert all(str(problem).replace("\n  fix: ", "").isprintable() for problem in problems)


@pytest.mark.parametrize("words", [["check", "w.yaml"], ["run", "w.yaml"], ["run", "w.yaml", "--var", "\x1b[2J=1"]])
def test_the_command_line_writes_no_control_characters(folder: Path, words: list[str]) -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "engine", *words],
        cwd=folder,
        capture_output=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 2
    assert "owned" in said
    assert all(line.isprintable() for line in said.split("\n"))
    assert not any(line.startswith("w.yaml:1:1: Y001") for line in said.split("\n"))
