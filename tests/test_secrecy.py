"""The search over the suite's output finds what is planted, by every way out, and leaves alone what may show it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.object_stores import VARIABLES
from tests.secrecy import Search, may_show

ROOT = Path(__file__).parents[1]
LEAKS = """
import logging, sqlite3, subprocess, sys
import pytest, typer
from typer.testing import CliRunner
from engine.app import session
from engine.kit.errors import DataError, Diagnostic
from engine.state.facts import TaskFailed
from datetime import datetime, timezone

VISITOR, ADDRESS, SECRET = f"{7:038d}", "ann@" + "example.com", "s3-secret" + "-value"
app = typer.Typer()

@app.command()
def tell(word: str) -> None:
    typer.echo(word)

def test_error():
    DataError("who is " + VISITOR)

def test_fix():
    DataError("who?", "ask " + ADDRESS)

def test_diagnostic():
    Diagnostic(message="the key " + SECRET)

def test_log():
    logging.getLogger("engine").warning("sent %s", "CRM-000" + "123")

def test_command():
    CliRunner().invoke(app, [VISITOR])

def test_process():
    subprocess.run([sys.executable, "-c", "print(38 * '1')"], capture_output=True, check=True)

def test_digits_that_are_no_visitor_id():
    DataError(39 * "1" + " " + 64 * "0" + " a@b " + VISITOR[1:])

def test_fact(tmp_path):
    (tmp_path / ".audienceflow").mkdir()
    store = session.open_store(tmp_path / "project.yaml")
    at = datetime(2026, 11, 23, tzinfo=timezone.utc)
    store.append("r", TaskFailed(at=at, activity="a", arrival="1", error="who is " + VISITOR, fix="", policy="abort"))
    store.close()

def test_page(tmp_path):
    (tmp_path / "page.html").write_text(ADDRESS)
    (tmp_path / "people.csv").write_text(ADDRESS)

def test_staged(tmp_path):
    for folder in ("staging", "seen"):
        (tmp_path / ".audienceflow" / folder).mkdir(parents=True)
        (tmp_path / ".audienceflow" / folder / "x.json").write_text(VISITOR)
"""


def test_what_is_planted_is_found(tmp_path: Path) -> None:
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    words = [
        "-p",
        "tests.secrecy",
        "-p",
        "no:cacheprovider",
        "-q",
        "--basetemp",
        str(tmp_path / "their"),
        str(tmp_path),
    ]
    done = subprocess.Popen(  # noqa: S603 - our own interpreter; not asked by `communicate`, which is searched
        [sys.executable, "-m", "pytest", "--rootdir", str(ROOT), *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.stdout is not None
    said = done.stdout.read()
    done.stdout.close()
    done.wait()
    shutil.rmtree(tmp_path / "their")  # our own search would find it, too
    assert set(re.findall(r"^ERROR .*::(\w+)", said, re.MULTILINE)) == {
        "test_error", "test_fix", "test_diagnostic", "test_log", "test_command", "test_process", "test_staged",
    }, said  # fmt: skip
    (files,) = re.findall(r"the files show\s+(.*?)\n=", said, re.DOTALL)
    found = sorted(line.strip().partition(": …")[0].rpartition("/their/")[2] for line in files.splitlines())
    assert found == [
        "test_fact0/.audienceflow/state.sqlite",
        "test_page0/page.html",
        "test_staged0/.audienceflow/seen/x.json",
    ]


@pytest.mark.parametrize("secret", [value for name, value in VARIABLES.items() if name != "STORE_ID"])
def test_a_secret_is_found_in_any_text(secret: str) -> None:
    search = Search()
    search.look("log", f"login with {secret.upper()}!")
    assert search.taken() == [f"log: …login with {secret.upper()}!…"]
    assert search.taken() == []


def test_some_commands_show_identifiers_by_design() -> None:
    assert may_show(["--project", "p.yaml", "lists", "show", "vip"])
    assert may_show(["inspect", "file"])
    assert not may_show(["run", "share", "--key", "inspected"])
    assert not may_show(["audiences", "list"])
