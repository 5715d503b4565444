"""The page of use cases says what there is."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import engine
from activities import COMPONENTS
from tests.use_cases.cases import CASES, FOLDER, PAGE, page

PROJECT = """\
databases: {default: {url: "duckdb:///quarters.duckdb"}}
dimensions: {recipient: {table: recipients, key: id}}
"""
ACTIVITIES = {row.name for row in COMPONENTS if row.kind == "activity"}


def test_all_48_are_there_each_in_its_folder_or_with_what_it_needs() -> None:
    assert list(CASES) == list(range(1, 49))
    folders = {path.parent.name for path in FOLDER.glob("*/*_test.yaml")}
    assert folders == {case.folder for case in CASES.values() if case.folder}
    assert all(case.folder.startswith(f"{number:02d}_") for number, case in CASES.items() if case.folder)
    assert all(case.missing for case in CASES.values() if not case.folder)


def test_what_is_said_to_be_missing_is_no_activity() -> None:
    assert {name for case in CASES.values() for name in case.missing} & ACTIVITIES == set()


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.use_cases.cases writes it"


def test_who_is_in_the_list_of_march_is_not_in_those_of_june_and_september_and_again_in_that_of_december(
    tmp_path: Path,
) -> None:
    (tmp_path / "project.yaml").write_text(PROJECT)
    workflow = shutil.copy(FOLDER / "13_quarterly_list" / "quarterly_list.yaml", tmp_path)
    with duckdb.connect(str(tmp_path / "quarters.duckdb")) as connection:
        connection.execute("create table recipients as select 1 as id, 'FR' as country")
    found = [engine.run(workflow, at=datetime(2026, month, 20, 6, tzinfo=UTC)).activities for month in (3, 6, 9, 12)]
    assert [run["fresh"].outputs.get("result") for run in found] == [1, None, None, 1]
    assert [run["keep"].status for run in found] == ["succeeded", "skipped", "skipped", "succeeded"]
