"""`plan --counts` and `preview`: what a run would find, on every database, and not a trace of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

import engine
from engine.app import api
from engine.app.cli import app
from engine.app.options import Options
from engine.app.planning import Preview
from engine.app.result import RunResult
from engine.app.session import Session
from engine.kit.errors import DataError
from engine.registry import load
from engine.sql.names import WORK

PROJECT = """\
databases: {default: {url: "%s", work_schema: %s}}
dimensions:
  person: {table: rehearsal_people, key: id, consent: {advertising: consent = true}, suppress: [opted_out], personal: [crm_id]}
data_sources:
  crm: {kind: declared_id, dimension: person, key: crm_id, id: "1234", destination: "91012", normalise: [], hash: none}
audiences:
  young: {name: Young, data_source: crm, purpose: advertising, trait: "101", segment: "102"}
experience_cloud: {organization: 0123456789ABCDEF01234567@AdobeOrg, sandbox: true}
"""

WORKFLOW = """\
workflow: w
dimension: person
activities:
  out:
    type: list_import
    list: opted_out
    file: out.csv
  adults:
    type: query
    after: out
    where: age >= 18
  share:
    type: update_shared_audience
    from: adults
    audience: young
  unsent:
    type: list_update
    from: share.complement
    list: unsent
    mode: replace
  again:
    type: read_list
    after: unsent
    list: unsent
  sizes:
    type: split
    from: again
    subsets:
      first: {limit: {count: 1, by: id}}
  kept:
    type: list_update
    from: sizes.complement
    list: rest
"""


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> Path:
    """Give a project over eight people: of the six adults one opted out, one consents not, two have no CRM id."""
    (tmp_path / "project.yaml").write_text(PROJECT % (database_url, f"rehearsed_{uuid4().hex[:8]}"), encoding="utf-8")
    (tmp_path / "w.yaml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "out.csv").write_text("id\n3\n99\n", encoding="utf-8")
    made = sa.create_engine(database_url)
    with made.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS rehearsal_people")
        connection.exec_driver_sql(
            "CREATE TABLE rehearsal_people (id INTEGER PRIMARY KEY, age INTEGER, crm_id VARCHAR(9), consent BOOLEAN)"
        )
        connection.exec_driver_sql(
            "INSERT INTO rehearsal_people VALUES (1, 20, 'a', true), (2, 30, 'b', true), (3, 40, 'c', true), (4, 50, 'd', false),"
            " (5, 60, NULL, true), (6, 70, NULL, true), (7, 8, 'g', true), (8, NULL, 'h', true)"
        )
    made.dispose()
    return tmp_path


def tables(url: str) -> list[str]:
    made = sa.create_engine(url)
    with made.connect() as connection:
        inspector = sa.inspect(connection)
        found = sorted(
            f"{schema}.{name}"
            for schema in inspector.get_schema_names()
            if schema not in ("information_schema", "pg_catalog")
            for name in inspector.get_table_names(schema)
        )
    made.dispose()
    return found


def rehearse(project: Path) -> RunResult:
    with Session.start(project, load(), Options()) as session:
        counted = api.plan(project / "w.yaml", session, {}, None, counts=True).counted
    assert counted is not None
    return counted


def test_the_counts_are_those_of_the_run_and_nothing_is_left(project: Path, database_url: str) -> None:
    before = tables(database_url)
    counted = rehearse(project)
    assert counted.status == "succeeded", counted.errors
    assert tables(database_url) == before
    assert sorted(path.name for path in project.rglob("*") if "people" not in path.name) == [
        "out.csv",
        "project.yaml",
        "w.yaml",
    ]
    assert {arrow.source: arrow.count for arrow in counted.transitions} == {
        "adults.result": 6,
        "share.complement": 2,
        "again.result": 2,
        "sizes.complement": 1,
    }
    assert counted.activities["share"].outputs == {"result": 2, "complement": 2, "suppressed": 2}
    assert counted.activities["share"].details == {"added": 2, "removed": 0, "kept": 0}
    done = engine.run(project / "w.yaml")
    assert done.transitions == counted.transitions
    assert rehearse(project).activities["share"].details == {"added": 0, "removed": 0, "kept": 2}
    (project / "w.yaml").write_text(
        WORKFLOW.replace("age >= 18", "age >= 30").replace(
            "    audience: young\n", "    audience: young\n    mode: replace\n"
        )
    )
    assert rehearse(project).activities["share"].details == {"added": 0, "removed": 1, "kept": 1}
    replaced = engine.run(project / "w.yaml").activities["share"].details
    assert {name: replaced[name] for name in ("added", "removed", "kept", "identifiers")} == {
        "added": 0, "removed": 1, "kept": 1, "identifiers": 1,
    }  # fmt: skip


@pytest.mark.usefixtures("database_url")
def test_a_session_goes_on_without_the_tables_of_its_rehearsals(project: Path) -> None:
    """Those of DuckDB pass with the connection, and would keep their memory until then."""
    with Session.start(project, load(), Options()) as session:
        for _ in range(2):
            counted = api.plan(project / "w.yaml", session, {}, None, counts=True).counted
            assert counted is not None
            assert counted.activities["adults"].outputs == {"result": 6}
        with session.db.reading() as connection:
            inspector = sa.inspect(connection)
            assert inspector.get_temp_table_names() == []
        assert session.db.tables(WORK) == set()


def test_what_only_the_outside_knows_is_not_counted_nor_what_follows(project: Path, database_url: str) -> None:
    text = WORKFLOW.replace(
        "    list: opted_out\n    file: out.csv", "    list: opted_out\n    audience: young"
    ).replace("    after: out\n", "")
    (project / "w.yaml").write_text(text, encoding="utf-8")
    before = tables(database_url)
    counted = rehearse(project)
    assert tables(database_url) == before
    assert counted.activities["out"].outputs == {}
    assert "not known before" in counted.activities["out"].message
    assert counted.activities["adults"].outputs == {"result": 6}


def test_ports_behind_a_missing_file_are_not_known(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "out.csv").unlink()
    monkeypatch.chdir(project)
    lines = CliRunner().invoke(app, ["plan", "w", "--counts"]).stdout.split("\n\n")[0].splitlines()
    counts = {line.split()[0]: line.split()[-1] for line in lines[1:]}
    assert {name for name in counts if name.startswith("out")} == {
        "out",
        "out.unmatched",
        "out.ambiguous",
        "out.rejects",
    }
    assert set(counts.values()) == {"?"}
    assert {"adults", "share.complement", "unsent"} <= set(counts)


def test_an_error_of_the_database_ends_it_and_leaves_nothing(project: Path, database_url: str) -> None:
    """A sum beyond 64 bits is refused where the rows are read, not where the SQL is written."""
    huge = "adults:\n    type: query\n    where: id * 900000000000000000 * 100 > 1\n"
    (project / "w.yaml").write_text(
        WORKFLOW.replace("adults:\n    type: query\n", huge).replace("    where: age >= 18\n", ""), encoding="utf-8"
    )
    before = tables(database_url)
    counted = rehearse(project)
    assert tables(database_url) == before
    if "sqlite" not in database_url:  # which makes a float of it
        assert counted.activities["adults"].status == "suspended"
        assert counted.activities["share"].outputs == {}


@pytest.fixture
def call(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    monkeypatch.chdir(project)

    def call(*words: str) -> str:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, done.output
        return done.stdout

    return call


def test_a_person_sees_every_arrow_and_a_program_every_port(call: Callable[..., str]) -> None:
    lines = [line.split() for line in call("plan", "w.yaml", "--counts").splitlines()]
    assert ["adults", "→", "share", "6"] in lines
    assert ["share.suppressed", "2"] in lines
    found = json.loads(call("plan", "w.yaml", "--counts", "--format", "json"))
    assert found["activities"]["share"]["outputs"]["suppressed"]["count"] == 2
    assert found["activities"]["share"]["rehearsed"]["added"] == 2
    assert {"from": "adults.result", "to": "share.from", "count": 6} in found["transitions"]


def preview(project: Path, target: str, *, limit: int = 20, where: str | None = None) -> Preview:
    with Session.start(project, load(), Options()) as session:
        return api.preview(project / "w.yaml", session, target, {}, None, limit=limit, where=where)


def test_a_preview_shows_the_first_rows_by_key(project: Path, database_url: str) -> None:
    before = tables(database_url)
    found = preview(project, "adults", limit=2, where="age > 35")
    assert (found.port, found.count, found.rows) == ("adults.result", 6, [(3,), (4,)])
    assert tables(database_url) == before


def test_what_is_computed_from_a_personal_column_is_masked(project: Path) -> None:
    text = WORKFLOW.replace("where: age >= 18", "where: age >= 18\n    add: {code: upper(crm_id), years: age}")
    (project / "w.yaml").write_text(text, encoding="utf-8")
    assert preview(project, "share").masked == {"code", "identifier"}
    assert preview(project, "share.complement").rows == [(5, None, 60), (6, None, 70)]
    assert preview(project, "again").masked == {
        "code",
        "years",
    }  # of a list, the dimension's columns are known, no others
    assert preview(project, "out.unmatched").masked == {"line", "id"}


def test_a_preview_that_cannot_be_known_says_why(project: Path) -> None:
    with pytest.raises(DataError, match=r"there is no activity 'adult'\n  fix: write 'adults'"):
        preview(project, "adult")
    with pytest.raises(DataError, match=r"'share' has no output 'sent'"):
        preview(project, "share.sent")


def test_a_person_sees_dots_and_a_program_which_columns_are_masked(call: Callable[..., str]) -> None:
    lines = call("preview", "w.yaml", "share").splitlines()
    assert [line.split() for line in lines] == [
        ["id", "identifier"],
        ["1", "•••"],
        ["2", "•••"],
        ["share.result:", "2", "rows;", "the", "first", "2"],
        ["other", "outputs:", "share.complement,", "share.suppressed"],
    ]
    assert "other outputs" not in call("preview", "w.yaml", "share.complement")
    found = json.loads(call("preview", "w.yaml", "share.complement", "--format", "json", "--limit", "1"))
    assert (found["count"], found["masked"], found["rows"]) == (2, [], [{"id": 5}])


def test_a_plan_says_where_columns_come_from(call: Callable[..., str]) -> None:
    found = json.loads(call("plan", "w.yaml", "--counts", "--format", "json"))["activities"]
    assert found["share"]["outputs"]["result"]["lineage"] == {
        "id": ["rehearsal_people.id"],
        "identifier": ["rehearsal_people.crm_id"],
    }
