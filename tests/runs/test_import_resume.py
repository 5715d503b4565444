"""The import of an audience that dies at any moment is resumed, and comes to the same members: real processes, killed with SIGKILL."""

# ruff: noqa: S603 - processes of our own interpreter, with our own texts

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import sqlalchemy as sa

import engine
from engine.app.options import Options

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("crash_driver.py")
EVERY = 12
"""Every twelfth moment, on each database others. AUDIENCEFLOW_TEST_CRASHES=all: all of them."""
FIRST = {"duckdb": 1, "sqlite": 7}
PROJECT = """\
databases: {default: {url: "URL"}}
dimensions: {person: {table: people, key: id}}
data_sources: {ecid: {kind: visitor_id, dimension: person, key: ecid, id: "5678", destination: "91011"}}
audiences: {all: {name: Everybody, data_source: ecid, purpose: none, trait: "101", segment: "102"}}
environments: {prod: {experience_cloud: {import_store: {url: out}}}}
"""
WORKFLOW = """\
workflow: return
dimension: person
activities:
  back: {type: list_import, list: back, audience: all}
  strangers: {type: list_update, from: back.unmatched, list: strangers, mode: replace}
"""
TIMES = {
    "at": "2026-11-23T00:00:00+00:00",
    "now": "2026-11-23T12:00:00+00:00",
    "resumed_at": "2026-11-23T13:00:00+00:00",
}


def ecid(number: int) -> str:
    return f"{number:038d}"


def leave(folder: Path, name: str, *people: int) -> None:
    """Leave a file of those who are in the segment, and, below nought, of those who left it."""
    lines = (f"{ecid(abs(each))}\t{'102' if each > 0 else ''}\t{'102' if each < 0 else ''}\n" for each in people)
    (folder / "out").mkdir(exist_ok=True)
    (folder / "out" / f"S3_91011_5678_{name}.sync").write_text("".join(lines))


@pytest.fixture
def folder(database: str, tmp_path: Path) -> Path:
    """Give a project that has imported a full transfer, and forgotten its runs; two increments of two files each lie there."""
    made = tmp_path / "made"
    made.mkdir()
    (made / "project.yaml").write_text(PROJECT.replace("URL", f"{database}:///people.db"))
    (made / "return.yaml").write_text(WORKFLOW)
    people = sa.create_engine(f"{database}:///{made / 'people.db'}")
    with people.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE people (id INTEGER PRIMARY KEY, ecid VARCHAR)")
        for number in range(1, 10):
            connection.exec_driver_sql(f"INSERT INTO people VALUES ({number}, '{ecid(number)}')")  # noqa: S608
    people.dispose()
    leave(made, "full_1795300000000", 1, 2, 3, 70)
    before = engine.run(made / "return.yaml", options=Options(environment="prod"))
    assert (before.status, before.errors) == ("succeeded", ())
    leave(made, "iter_1795300000001", 4, 5)
    leave(made, "iter_1795300000001001", -1, 71)
    leave(made, "iter_1795300000002", 1, -4)
    leave(made, "iter_1795300000002001", -70)
    (made / ".audienceflow" / "state.sqlite").unlink()
    return made


def drive(folder: Path, *moments: int) -> Iterator[dict[str, Any]]:
    """Run the import in a copy of the folder for each moment, killed there and resumed; -1 is a run nobody kills."""
    orders = []
    for number, moment in enumerate((-1, *moments)):
        copy = folder.parent / f"{len(moments)}_{number}"
        copytree(folder, copy)
        orders.append(
            {**TIMES, "workflow": "return.yaml", "environment": "prod", "folder": str(copy), "moment": moment}
        )
    file = folder.parent / "orders.json"
    file.write_text(json.dumps(orders))
    done = subprocess.run(
        [sys.executable, "-W", "error", DRIVER, file], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    yield from map(json.loads, done.stdout.splitlines())


@pytest.mark.parametrize("database", FIRST)
def test_an_import_killed_at_any_moment_comes_to_the_same_members_when_resumed(folder: Path, database: str) -> None:
    (alone,) = drive(folder, -1)
    whole, moments = alone["outcome"], alone["moments"]
    assert (alone["ended"], whole["status"], whole["repeated_steps"]) == (0, "succeeded", [])
    assert whole["lists"]["back"] == [["1"], ["2"], ["3"], ["5"]]
    assert whole["lists"]["strangers"] == [[ecid(71)]]
    assert whole["lists"]["back (identifiers)"] == [[ecid(number)] for number in (1, 2, 3, 5, 71)]

    wrong = {}
    is_all = os.environ.get("AUDIENCEFLOW_TEST_CRASHES") == "all"
    chosen = range(len(moments)) if is_all else range(FIRST[database], len(moments), EVERY)
    for answer in drive(folder, *chosen):
        if (answer["ended"], answer["resumed"], answer["outcome"]) != (9, 0, whole):
            wrong[f"{answer['moment']} {moments[answer['moment']]}"] = answer
    assert wrong == {}
