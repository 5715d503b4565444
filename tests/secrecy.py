"""Searches the whole output of the suite for what may stand in none of it: secrets, visitor ids, e-mail addresses, CRM ids.

The fixtures' secrets, and what identifies a person in their tables, have a shape that nothing else has. They are looked for in errors
and diagnostics, in the log, in what commands and processes print, in facts and in what else lies in the state folder, in pictures and
in pages. A test whose output holds one fails; what is found in files fails the last test. `BY_DESIGN` names what may show them.
"""

from __future__ import annotations

import json
import logging
import re
import shlex
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.app.options import STATE_FOLDER
from engine.kit.errors import AudienceflowError, Diagnostic
from tests.object_stores import VARIABLES

RAW = re.compile(
    "|".join(
        (
            r"(?<!\d)\d{38}(?!\d)",  # a visitor id
            r"[\w.+-]+@(?:example\.(?:com|fr|org)|x\.com|household\.example)\b",
            r"\bCRM-?\d{4,}\b",  # the demo's
            r"PRIVATE KEY-----",
            *(re.escape(value) for name, value in VARIABLES.items() if name != "STORE_ID"),
        )
    ),
    re.IGNORECASE,
)
SEARCH = pytest.StashKey["Search"]()
BY_DESIGN = {
    ("inspect",): "shows the first records of a file",
    ("audiences", "show"): "shows the members",
    ("doctor", "data-source"): "shows what was typed",
    ("eval",): "shows what was typed",
    ("lists", "show"): "shows columns that the project does not call personal",
    ("preview",): "shows columns that the project does not call personal",
}
"""By the beginning of a command: why its output may hold identifiers, though no secret."""
REPORTER = "crash_driver.py"
"""Tells its test on standard output who is where; what it says elsewhere is searched."""
ELSEWHERE = ("experience_cloud", "staging", ".site")
"""Folders whose files are delivered ones, or the site of our documents, whose examples are nobody."""
PAGES = (".svg", ".html", ".txt", ".log", ".sarif")
Look = Callable[[str, str], None]


class Search:
    """What was found, since it was last asked."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def look(self, outlet: str, text: str) -> None:
        """Look at what went out of an outlet; the finding shows enough to know which one it is."""
        for match in RAW.finditer(text):
            around = text[max(0, match.start() - 40) : match.end() + 10].replace("\n", " ")
            self._found.append(f"{outlet}: …{around}…")

    def look_into(self, folder: Path) -> None:
        """Look at all files the engine wrote below a folder: facts, the state, pictures, pages. Delivered files and databases are not."""
        for path in folder.rglob("*"):
            if set(ELSEWHERE) & set(path.parts):
                continue
            is_ours = STATE_FOLDER in path.parts
            if path.name == "state.sqlite":
                self._look_at_facts(path)
            elif path.is_file() and (path.suffix in PAGES or (is_ours and path.suffix in (".json", ".jsonl", ""))):
                self.look(str(path), path.read_text(encoding="utf-8", errors="replace"))

    def _look_at_facts(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as db:
            is_there = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'facts'").fetchall()
            for kind, body in db.execute("SELECT kind, body FROM facts") if is_there else ():
                said = json.loads(body)
                said = {
                    name: value for name, value in said.items() if not name.endswith("_text")
                }  # the author's own words
                self.look(f"fact {kind} in {path}", json.dumps(said, ensure_ascii=False))

    def taken(self) -> list[str]:
        """Give what was found, and forget it."""
        found, self._found = list(dict.fromkeys(self._found)), []
        return found


class _Log(logging.Handler):
    def __init__(self, look: Look) -> None:
        super().__init__()
        self._look = look

    def emit(self, record: logging.LogRecord) -> None:
        self._look("log", record.getMessage())


def may_show(words: Sequence[str]) -> bool:
    """Say that a command may show identifiers."""
    return any(tuple(words[at : at + len(shown)]) == shown for shown in BY_DESIGN for at in range(len(words)))


def watch(look: Look) -> None:
    """Look at every outlet of this process. Nothing that is done is changed: there is no other place that sees all that goes out."""
    begin, check = AudienceflowError.__init__, Diagnostic.__post_init__
    invoke, communicate = CliRunner.invoke, subprocess.Popen.communicate

    def begun(self: AudienceflowError, message: str, fix: str = "") -> None:
        begin(self, message, fix)
        look("error", str(self))

    def checked(self: Diagnostic) -> None:
        check(self)
        look("diagnostic", f"{self.message} {self.fix}")

    def invoked(self: CliRunner, app: Any, args: Any = None, *rest: Any, **named: Any) -> Any:
        result = invoke(self, app, args, *rest, **named)
        words = shlex.split(args) if isinstance(args, str) else [str(word) for word in args or ()]
        if not may_show(words):
            look(f"audienceflow {' '.join(words)}", result.output)
        return result

    def communicated(self: Any, *given: Any, **named: Any) -> Any:
        said = communicate(self, *given, **named)
        words = [str(word) for word in self.args] if isinstance(self.args, list | tuple) else [str(self.args)]
        if not may_show(words):
            for text in said[1:] if any(word.endswith(REPORTER) for word in words) else said:
                look(
                    f"process {' '.join(words)[:200]}",
                    text.decode(errors="replace") if isinstance(text, bytes) else text or "",
                )
        return said

    for kind, name, seen in (
        (AudienceflowError, "__init__", begun), (Diagnostic, "__post_init__", checked),
        (CliRunner, "invoke", invoked), (subprocess.Popen, "communicate", communicated),
    ):  # fmt: skip
        setattr(kind, name, seen)
    logging.getLogger().addHandler(_Log(look))


def pytest_configure(config: pytest.Config) -> None:
    search = Search()
    watch(search.look)
    config.stash[SEARCH] = search
    config.addinivalue_line("markers", "shows(why): the output of this test may show what the suite searches for")


@pytest.fixture(autouse=True)
def nothing_shown(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[None]:
    """Fail the test whose output shows what it may not."""
    yield
    found = pytestconfig.stash[SEARCH].taken()
    if found and request.node.get_closest_marker("shows") is None:
        pytest.fail("the output shows " + "\n  ".join(("", *found)), pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def nothing_written(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[None]:
    """Fail when a file that the suite left behind shows what it may not."""
    yield
    search = pytestconfig.stash[SEARCH]
    search.look_into(tmp_path_factory.getbasetemp())
    if found := search.taken():
        pytest.fail("the files show " + "\n  ".join(("", *found)), pytrace=False)
