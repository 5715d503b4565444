"""`check` without a database: what was last seen of it stands in while it is held, gone, or not to be asked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import engine
from engine.app import findings as module
from engine.kit.errors import Diagnostic
from engine.sql.database import Database

PROJECT = """\
databases: {default: {url: "duckdb:///people.duckdb"}}
dimensions:
  person: {table: people, key: id}
"""
WORKFLOW = """\
workflow: w
dimension: person
activities:
  some:
    type: query
    where: %s
  kept:
    type: list_update
    from: some
    list: kept
"""


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """Give a workflow over a DuckDB file, that compares a text with a number."""
    (tmp_path / "project.yaml").write_text(PROJECT, encoding="utf-8")
    with duckdb.connect(str(tmp_path / "people.duckdb")) as connection:
        connection.execute("CREATE TABLE people (id BIGINT PRIMARY KEY, name VARCHAR, age INTEGER)")
    path = tmp_path / "w.yaml"
    path.write_text(WORKFLOW % "age < 'abc'", encoding="utf-8")
    return path


def places(found: list[Diagnostic]) -> list[tuple[str, int, int]]:
    return [(problem.code, problem.span.line, problem.span.column) for problem in found]


MISTAKE = [("E305", 6, 16)]


def test_a_database_that_another_process_holds_is_as_it_was_last_seen(workflow: Path) -> None:
    assert places(engine.check([workflow])) == MISTAKE
    with duckdb.connect(str(workflow.with_name("people.duckdb"))) as connection:
        connection.execute("CREATE TABLE other (id BIGINT)")
    holding = "import sys, duckdb; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", holding, str(workflow.with_name("people.duckdb"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:  # noqa: S603
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert places(engine.check([workflow])) == MISTAKE


def test_offline_never_connects(workflow: Path) -> None:
    assert places(engine.check([workflow], offline=True)) == [("W901", 1, 1)]
    engine.check([workflow])
    workflow.with_name("people.duckdb").unlink()
    assert places(engine.check([workflow], offline=True)) == MISTAKE


def test_a_file_that_has_not_changed_is_not_opened_again(workflow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.check([workflow])

    def opened(_database: Database) -> None:
        raise AssertionError("the database was opened")

    monkeypatch.setattr(Database, "connection", property(opened))
    assert places(engine.check([workflow])) == MISTAKE


def test_a_file_that_has_changed_is_read_again(workflow: Path) -> None:
    engine.check([workflow])
    with duckdb.connect(str(workflow.with_name("people.duckdb"))) as connection:
        connection.execute("ALTER TABLE people ALTER age TYPE VARCHAR")
    assert places(engine.check([workflow])) == []


@pytest.mark.parametrize("damaged", ["[]", "null", "{", '"x"'])
def test_what_was_found_before_may_be_damaged(workflow: Path, damaged: str) -> None:
    engine.check([workflow])
    (file,) = workflow.parent.rglob("findings.json")
    file.write_text(damaged, encoding="utf-8")
    assert places(engine.check([workflow])) == MISTAKE


def test_a_table_that_was_not_seen_is_no_mistake_of_the_author(workflow: Path) -> None:
    engine.check([workflow])
    project = workflow.with_name("project.yaml")
    project.write_text(PROJECT + "  order: {table: orders, key: id}\n", encoding="utf-8")
    assert places(engine.check([workflow], offline=True)) == [("W901", 1, 1)]


def test_lists_are_seen_too(workflow: Path) -> None:
    workflow.write_text(WORKFLOW % "age > 1", encoding="utf-8")
    assert engine.run(workflow).status == "succeeded"
    reader = """\
workflow: r
activities:
  read: {type: read_list, list: kept}
  again: {type: query, from: read, where: %s > 1}
  keep: {type: list_update, from: again, list: older}
"""
    workflow.write_text(reader % "id", encoding="utf-8")
    assert engine.check([workflow]) == []
    workflow.write_text(reader % "row.age", encoding="utf-8")
    assert places(engine.check([workflow], offline=True)) == [("E301", 4, 43)]


def test_three_hundred_files_open_their_project_once(workflow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    whole = Database.__init__
    monkeypatch.setattr(Database, "__init__", lambda *given, **named: opened.append(1) or whole(*given, **named))
    files = [workflow.with_name(f"w{number}.yaml") for number in range(300)]
    for file in files:
        file.write_text(WORKFLOW % "age < 'abc'", encoding="utf-8")
    assert len(engine.check(files)) == 300
    assert len(opened) == 1


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give how many files each check looked into, rather than remembered."""
    looks: list[int] = []
    whole = module.findings

    def counted(paths: list[Path], *given: object, **named: object) -> object:
        looks.append(len(paths))
        return whole(paths, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "findings", counted)
    return looks


def test_what_was_found_is_remembered_until_something_changes(workflow: Path, looks: list[int]) -> None:
    first = engine.check([workflow])
    assert engine.check([workflow]) == first
    assert engine.check([workflow], offline=True) == first
    assert looks == [1]
    workflow.write_text(WORKFLOW % "age > 1", encoding="utf-8")
    assert engine.check([workflow]) == []
    with duckdb.connect(str(workflow.with_name("people.duckdb"))) as connection:
        connection.execute("ALTER TABLE people RENAME age TO years")
    assert places(engine.check([workflow])) == [("E301", 6, 12)]
    workflow.with_name("project.yaml").write_text(PROJECT.replace("people.", "${DATA:-people}."), encoding="utf-8")
    assert places(engine.check([workflow])) == [("E301", 6, 12)]
    assert looks == [1, 1, 1, 1]


def test_only_the_files_that_changed_are_looked_into(workflow: Path, looks: list[int]) -> None:
    other = workflow.with_name("other.yaml")
    other.write_text(WORKFLOW % "age > 1", encoding="utf-8")
    engine.check([workflow, other])
    other.write_text(WORKFLOW % "age > 2", encoding="utf-8")
    assert places(engine.check([workflow, other])) == MISTAKE
    assert looks == [2, 1]


def test_nothing_is_remembered_of_a_database_that_could_not_be_asked(workflow: Path, looks: list[int]) -> None:
    engine.check([workflow], offline=True)
    assert places(engine.check([workflow])) == MISTAKE
    assert looks == [1, 1]


def test_a_variable_of_the_surroundings_is_part_of_what_is_remembered(
    workflow: Path, looks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    workflow.with_name("project.yaml").write_text(PROJECT.replace("people.", "${PEOPLE:-people}."), encoding="utf-8")
    engine.check([workflow])
    monkeypatch.setenv("PEOPLE", "nobody")
    assert [problem.code for problem in engine.check([workflow])] == ["W901"]
    assert looks == [1, 1]


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("guard: {where: inputs.frm.count > 0}", ("E308", 11, 20)),
        ("guard: {where: inputs.from.count}", ("E306", 11, 20)),
        ("guard: {max: vars.nothing}", ("E308", 11, 18)),
        ("retry: {attempts: vars.nothing}", ("E308", 11, 23)),
    ],
)
def test_what_a_guard_or_a_retry_says_wrongly_is_found(
    workflow: Path, written: str, place: tuple[str, int, int]
) -> None:
    workflow.write_text(WORKFLOW % "age < 9" + f"    {written}\n", encoding="utf-8")
    assert places(engine.check([workflow])) == [place]


def test_a_guard_of_counts_is_right(workflow: Path) -> None:
    workflow.write_text(
        WORKFLOW % "age < 9" + "    guard: {where: inputs.from.count > 0, max_drop: 10%}\n", encoding="utf-8"
    )
    assert engine.check([workflow]) == []


def test_a_database_that_is_not_there_is_not_made(workflow: Path) -> None:
    project = workflow.with_name("project.yaml")
    project.write_text(PROJECT.replace("duckdb:///people.duckdb", "sqlite:///people.sqlite"), encoding="utf-8")
    assert [problem.code for problem in engine.check([workflow])] == ["W901"]
    assert not workflow.with_name("people.sqlite").exists()


READER = """\
workflow: reader
dimension: person
activities:
  left_out: {type: read_list, list: left_out}
  some:
    type: query
    from: left_out
    where: %s
  kept: {type: list_update, from: some, list: kept}
"""
FILLER = """\
workflow: filler
dimension: person
activities:
  old: {type: query, where: age > 80, add: {decade: age / 10}}
  kept: {type: list_update, from: old, list: %s}
"""


@pytest.fixture
def reader(workflow: Path) -> Path:
    """Give the path of a workflow beside the other one, of which nothing is written yet."""
    workflow.write_text(WORKFLOW % "age > 1", encoding="utf-8")
    return workflow.with_name("reader.yaml")


def told(path: Path) -> list[tuple[str, int, int]]:
    return places(engine.check([path]))


def test_a_list_that_nobody_fills_is_told_and_what_follows_is_checked_as_far_as_it_is_known(reader: Path) -> None:
    reader.write_text(READER.replace("list: left_out", "list: kpt") % "own > 1 or age > 1", encoding="utf-8")
    (problem,) = engine.check([reader])
    assert places([problem]) == [("W902", 4, 37)]
    assert "write 'kept'" in problem.fix
    reader.write_text(READER % "elder(age) > 1", encoding="utf-8")
    assert told(reader) == [("W902", 4, 37), ("E303", 8, 12)]
    reader.write_text(READER % "age > 'x'", encoding="utf-8")
    assert told(reader) == [("W902", 4, 37), ("E305", 8, 16)]


def test_a_list_that_the_workflow_fills_itself_has_the_columns_it_will_get(reader: Path) -> None:
    itself = (
        READER + "  old: {type: query, add: {own: age}}\n  filled: {type: list_update, from: old, list: left_out}\n"
    )
    reader.write_text(itself % "own > 1", encoding="utf-8")
    assert [code for code, _, _ in told(reader)] == ["W109"]
    reader.write_text(itself % "owned > 1", encoding="utf-8")
    assert ("E301", 8, 12) in told(reader)


def test_a_list_that_another_workflow_fills_has_the_columns_it_will_get(reader: Path) -> None:
    filler = reader.with_name("filler.yaml")
    filler.write_text(FILLER % "left_out", encoding="utf-8")
    reader.write_text(READER % "decade > 8", encoding="utf-8")
    assert told(reader) == []
    filler.write_text(FILLER.replace("decade", "decades") % "left_out", encoding="utf-8")
    assert told(reader) == [("E301", 8, 12)]
    filler.write_text(FILLER % "left_in", encoding="utf-8")
    assert told(reader) == [("W902", 4, 37)]
    filler.write_text(FILLER % "'left_{{ run.date }}'", encoding="utf-8")
    assert told(reader) == []


def test_a_list_that_is_declared_and_not_filled_yet_has_those_columns_and_perhaps_others(reader: Path) -> None:
    project = reader.with_name("project.yaml")
    project.write_text(
        f"{PROJECT}lists:\n  left_out: {{dimension: person, columns: {{score: integer}}}}\n", encoding="utf-8"
    )
    for condition, codes in (("score > 1", []), ("score > 'x'", ["E305"]), ("other > 1", []), ("age > 'x'", ["E305"])):
        reader.write_text(READER % condition, encoding="utf-8")
        assert [code for code, _, _ in told(reader)] == ["W902", *codes]
    reader.write_text(READER.replace("dimension: person", "dimension: shop") % "score > 1", encoding="utf-8")
    assert [code for code, _, _ in told(reader)] == ["W902"]
    project.write_text(f"{PROJECT}lists:\n  left_out: {{columns: {{score: integer}}}}\n", encoding="utf-8")
    reader.write_text(
        f"{READER}  both: {{type: union, from: [some, all]}}\n  all: {{type: query}}\n" % "score > 'x'",
        encoding="utf-8",
    )
    assert {"E305", "E401"} <= {code for code, _, _ in told(reader)}


def test_a_list_that_exists_and_one_with_a_computed_name_are_not_told(reader: Path) -> None:
    reader.write_text(READER.replace("list: left_out", "list: kept") % "age > 1", encoding="utf-8")
    engine.run(reader.with_name("w.yaml"))
    reader.with_name("w.yaml").unlink()
    assert told(reader) == []
    reader.write_text(READER.replace("list: left_out", "list: 'left_{{ run.date }}'") % "age > 1", encoding="utf-8")
    assert told(reader) == []


def test_a_list_to_suppress_that_nobody_fills_is_told_where_people_are_shared(reader: Path) -> None:
    project = reader.with_name("project.yaml")
    sections = """\
data_sources:
  crm: {kind: declared_id, dimension: person, key: name, normalise: [], hash: sha256, id: "1", destination: "2"}
audiences:
  vip: {name: VIP, data_source: crm, trait: "3", segment: "4"}
"""
    project.write_text(PROJECT.replace("key: id}", "key: id, suppress: left_out}") + sections, encoding="utf-8")
    reader.write_text(
        WORKFLOW % "age > 1" + "  share: {type: update_shared_audience, from: some, audience: vip}\n", encoding="utf-8"
    )
    (problem,) = (each for each in engine.check([reader]) if each.code.startswith("W9"))
    assert (problem.code, problem.span.file, problem.span.line, problem.span.column) == ("W902", str(project), 3, 46)
    assert told(reader.with_name("w.yaml")) == []
    reader.with_name("filler.yaml").write_text(FILLER % "left_out", encoding="utf-8")
    assert "W902" not in [code for code, _, _ in told(reader)]
