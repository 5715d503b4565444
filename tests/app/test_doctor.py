"""`doctor`: what is not well is found, with what to do; nothing is changed and no secret is shown."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from engine.app.cli import app

Call = Callable[..., Result]

PROJECT = """
databases:
  default: {url: "URL"}
dimensions:
  person:
    table: people
    key: id
    suppress: [never]
data_sources:
  crm: {kind: declared_id, dimension: person, key: crm, normalise: [trim, lower], hash: sha256, id: "1234", destination: "91012"}
  web: {kind: visitor_id, dimension: person, key: crm, id: "5678"}
audiences:
  young: {name: Young people, data_source: crm, purpose: none, trait: "101", segment: "102"}
experience_cloud: {sandbox: true}
"""
WORKFLOW = """
workflow: keep
dimension: person
activities:
  all: {type: query, where: id > 0}
  kept: {type: list_update, from: all, list: kept}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project.yaml").write_text(PROJECT.replace("URL", "sqlite:///data.sqlite"))
    (tmp_path / "keep.yaml").write_text(WORKFLOW)
    with sqlite3.connect(tmp_path / "data.sqlite") as db:
        db.execute("CREATE TABLE people (id INTEGER, crm TEXT)")
        db.executemany("INSERT INTO people VALUES (?, ?)", [(1, "a"), (2, "b")])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def call(folder: Path) -> Call:
    def run(*words: str) -> Result:
        assert Path.cwd() == folder
        return CliRunner().invoke(app, list(words))

    return run


def told(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def problems(result: Result) -> list[str]:
    return [found["what"] for found in told(result)["findings"] if found["status"] == "problem"]


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_all_is_well_and_nothing_is_changed(call: Call, folder: Path) -> None:
    before = (folder / "data.sqlite").read_bytes()
    result = call("doctor", "--format", "json")
    assert result.exit_code == 0
    assert problems(result) == []
    said = [found["what"] for found in told(result)["findings"]]
    assert "dimension 'person': id is unique in the 2 rows of people" in said
    assert "database 'default': work tables can be made in tables that begin with 'audienceflow_'" in said
    assert (folder / "data.sqlite").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["data.sqlite", "keep.yaml", "project.yaml"]


@pytest.mark.parametrize("database", ["duckdb", "postgres"])
def test_other_databases_are_looked_at_too(
    call: Call, folder: Path, database: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{database}_url")
    engine = sa.create_engine(url)
    people = sa.Table("people", sa.MetaData(), sa.Column("id", sa.Integer), sa.Column("crm", sa.String))
    people.drop(engine, checkfirst=True)
    people.create(engine)
    engine.dispose()
    rewrite(folder / "project.yaml", "sqlite:///data.sqlite", url)
    result = call("doctor", "--format", "json")
    assert problems(result) == []
    said = [found["what"] for found in told(result)["findings"]]
    assert "database 'default': work tables can be made in the schema 'audienceflow'" in said
    engine = sa.create_engine(url)
    assert "audienceflow" not in sa.inspect(engine).get_schema_names()
    engine.dispose()


def test_a_file_that_a_workflow_reads_and_that_is_not_there_is_told(call: Call, folder: Path) -> None:
    flow = "workflow: w\ndimension: person\nactivities:\n  a: {type: list_import, list: l, file: out.csv}\n"
    (folder / "w.yaml").write_text(flow)
    (folder / "broken.yaml").write_text("workflow: [")
    found = [each for each in told(call("doctor", "--format", "json"))["findings"] if each["status"] == "warning"]
    assert [each["what"] for each in found if "broken" in each["what"]] == ["broken.yaml has errors"]
    (missing,) = [each for each in found if "w.yaml" in each["what"]]
    assert missing["what"].endswith("w.yaml:4:41: there is no file 'out.csv' yet, and 'a' reads it")
    assert missing["fix"].startswith("put it there")


def test_a_key_on_two_rows_is_a_problem(call: Call, folder: Path) -> None:
    with sqlite3.connect(folder / "data.sqlite") as db:
        db.execute("INSERT INTO people VALUES (2, 'c')")
    result = call("doctor", "--format", "json")
    assert result.exit_code == 1
    assert problems(result) == ["dimension 'person' (table people): 1 keys (id) stand on more than one row"]


def test_a_database_that_is_not_there_is_a_problem_and_is_not_made(call: Call, folder: Path) -> None:
    rewrite(folder / "project.yaml", "data.sqlite", "other.sqlite")
    result = call("doctor")
    assert result.exit_code == 1
    assert f"database 'default': there is no file {folder / 'other.sqlite'}" in result.stdout
    assert "fix: make it, or correct 'url'" in result.stdout
    assert not (folder / "other.sqlite").exists()


def test_a_password_is_never_shown(call: Call, folder: Path) -> None:
    address = "postgresql+psycopg://someone:s3cr3t@127.0.0.1:1/shop?connect_timeout=1"
    rewrite(folder / "project.yaml", "sqlite:///data.sqlite", address)
    result = call("doctor")
    assert result.exit_code == 1
    assert "someone:***@127.0.0.1" in result.stdout
    assert "s3cr3t" not in result.stdout + result.stderr


def test_a_schema_that_may_not_be_made_is_a_problem(call: Call, folder: Path, postgres_url: str) -> None:
    url = sa.make_url(postgres_url)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS people"))
        connection.execute(sa.text("CREATE TABLE people (id integer PRIMARY KEY, crm text)"))
        connection.execute(sa.text("CREATE ROLE reader LOGIN PASSWORD 'reader'"))
        connection.execute(sa.text("GRANT SELECT ON people TO reader"))
    try:
        mine = url.set(username="reader", password="reader").render_as_string(hide_password=False)  # noqa: S106
        rewrite(folder / "project.yaml", "sqlite:///data.sqlite", mine)
        (found,) = problems(call("doctor", "--format", "json"))
        assert found.startswith(
            "database 'default': no work table can be made in the schema 'audienceflow': permission denied"
        )
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text("DROP TABLE people"))
            connection.execute(sa.text("DROP ROLE reader"))
        engine.dispose()


def test_a_list_whose_table_is_gone_or_whose_dimension_is_another_is_a_problem(call: Call, folder: Path) -> None:
    assert call("run", "keep").exit_code == 0
    assert problems(call("doctor", "--format", "json")) == []
    rewrite(folder / "project.yaml", "  person:\n", "  human:\n")
    (found,) = problems(call("doctor", "--format", "json"))
    assert found == "list 'kept' is of the dimension 'person', which the project has not got"
    rewrite(folder / "project.yaml", "  human:\n", "  person:\n")
    with sqlite3.connect(folder / "data.sqlite") as db:
        ((table,),) = db.execute("SELECT stored_in FROM audienceflow_lists").fetchall()
        db.execute(f'DROP TABLE "{table}"')
    assert problems(call("doctor", "--format", "json")) == [f"list 'kept': its table {table} is gone"]


def test_the_checklist_names_what_must_be_set_up_with_its_ids(call: Call) -> None:
    (asked,) = told(call("doctor", "--format", "json"))["checklist"].values()
    assert "Data source 1234 ('crm'): inbound on, with the ID type Customer ID" in asked
    assert "Data source 5678 ('web'): inbound on, with the ID type Experience Cloud ID" in asked
    assert "Segment 102 ('Young people'): rule 101T" in asked
    for word in ("Destination 91012", "Trait 101", "integration code", "merge rule", "scopes"):
        assert any(word in sentence for sentence in asked), word


@pytest.mark.parametrize(
    ("value", "steps", "fault"),
    [
        (
            " Ada@Example.com",
            [" Ada@Example.com", "Ada@Example.com", "ada@example.com", "b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"],
            None,
        ),
        ("  ", ["  ", "", "", None], None),
    ],
)  # fmt: skip
def test_data_source_shows_what_would_travel(
    call: Call, value: str, steps: list[str | None], fault: str | None
) -> None:
    found = told(call("doctor", "data-source", "crm", "--value", value, "--format", "json"))
    assert [step["value"] for step in found["steps"]] == steps
    assert [step["step"] for step in found["steps"]] == ["key", "trim", "lower", "sha256"]
    assert (found["travels"], found["fault"]) == (steps[-1], fault)


def test_data_source_says_what_would_be_dropped(call: Call) -> None:
    assert "but it is not 38 digits" in call("doctor", "data-source", "web", "--value", "12").stdout
    right = call("doctor", "data-source", "web", "--value", "0" * 38)
    assert right.exit_code == 0
    assert "but it is" not in right.stdout


def test_data_source_encrypts_what_would_travel(call: Call, folder: Path) -> None:
    secrets = "encrypt: {key: {file: aes.key}, iv: {file: aes.iv}, encoding: hex}"
    rewrite(folder / "project.yaml", "hash: sha256", f"hash: none, {secrets}")
    (folder / "aes.key").write_text("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    (folder / "aes.iv").write_text("000102030405060708090a0b0c0d0e0f")
    shown = told(call("doctor", "data-source", "crm", "--value", " A-001 ", "--format", "json"))
    assert [step["step"] for step in shown["steps"]] == ["key", "trim", "lower", "aes_cbc in hex"]
    assert shown["travels"] == "2d9aa9dd3bfbc94b4cf68c2678ede6a9"


def test_data_source_of_another_name_suggests_one(call: Call) -> None:
    result = call("doctor", "data-source", "cmr", "--value", "x")
    assert result.exit_code == 2
    assert "write 'crm'" in result.stderr


def test_without_a_project_only_the_installation_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    assert "there is no project here" in result.stdout


def test_another_package_of_our_name_is_a_problem(folder: Path) -> None:
    (folder / "activities").mkdir()
    (folder / "activities" / "__init__.py").write_text("")
    command = [sys.executable, "-m", "engine"]
    for words, code in ((["doctor"], 1), (["run", "keep"], 1)):
        found = subprocess.run([*command, *words], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        assert found.returncode == code, found.stdout + found.stderr
        assert "the package 'activities' is" in found.stdout + found.stderr
    assert (
        f"is imported from {folder / 'activities'}"
        in subprocess.run(  # noqa: S603
            [*command, "doctor"], cwd=folder, capture_output=True, text=True, check=False
        ).stdout
    )
