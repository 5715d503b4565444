"""`test --record`: a test written from real data, on every database, with nothing personal in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
import yaml
from typer.testing import CliRunner

from engine.app import cli

PROJECT = """\
databases: {default: {url: "%s", work_schema: %s}}
dimensions:
  person:
    table: recorded_people
    key: id
    links:
      orders: {table: recorded_orders, on: {email: buyer}, many: true}
      home: {dimension: city, on: {city: name}}
    personal: [email, born]
  city: {table: recorded_cities, key: name}
"""
WORKFLOW = """\
workflow: letters
dimension: person
variables: {least: {type: integer, default: 10}}
activities:
  buyers:
    type: query
    where: exists(orders where amount >= vars.least) and home.country != 'XX' and created < days_ago(1)
    add:
      email: email
      spend: sum(amount of orders)
      domain: get_email_domain(email)
      note: note
  banned: {type: read_list, list: banned}
  eligible: {type: exclusion, from: buyers, exclude: banned}
  per_mail: {type: deduplication, from: eligible, by: lower(email), order: -spend}
  halves: {type: split, from: per_mail, subsets: {big: {where: spend > 25}}}
  kept: {type: list_update, from: halves.complement, list: kept}
"""
SECRET = ("@org", "@shop", "1990-0", "1980-0")


@pytest.fixture
def project(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    return laid_out(tmp_path, database_url, monkeypatch)


def laid_out(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the project and fill its database, with a list that an earlier run kept."""
    (tmp_path / "project.yaml").write_text(PROJECT % (database_url, f"recorded_{uuid4().hex[:8]}"))
    (tmp_path / "letters.yaml").write_text(WORKFLOW)
    (tmp_path / "ban.yaml").write_text(
        "workflow: ban\ndimension: person\nactivities:\n  q: {type: query, where: id = 2 or id = 9}\n"
        "  k: {type: list_update, from: q, list: banned}\n"
    )
    made = sa.create_engine(database_url)
    with made.begin() as connection:
        for table, columns in (
            (
                "people",
                "id INTEGER PRIMARY KEY, email VARCHAR(50), born DATE, city VARCHAR(20), note VARCHAR(50), created TIMESTAMP",
            ),
            ("orders", "number INTEGER, buyer VARCHAR(50), amount NUMERIC(10, 2)"),
            ("cities", "name VARCHAR(20) PRIMARY KEY, country VARCHAR(2)"),
        ):
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS recorded_{table}")
            connection.exec_driver_sql(f"CREATE TABLE recorded_{table} ({columns})")
        people = ", ".join(
            f"({id}, {mail}, '{born}-01-02', '{city}', {note}, '2020-01-01 10:00:00')"
            for id, mail, born, city, note in (
                (1, "'a@org.test'", 1990, "Rome", "'it''s: a #\"test\"'"), (2, "'b@shop.test'", 1990, "Oslo", "NULL"),
                (3, "'B@shop.test'", 1980, "Oslo", "'null'"), (4, "NULL", 1980, "Rome", "'x'"), (5, "'e@shop.test'", 1980, "Bonn", "''"),
                (6, "'b@shop.test'", 1980, "Rome", "'12'"), (9, "'i@shop.test'", 1980, "Rome", "'true'"),
            )
        )  # fmt: skip
        connection.exec_driver_sql(f"INSERT INTO recorded_people VALUES {people}")  # noqa: S608
        connection.exec_driver_sql(
            "INSERT INTO recorded_orders VALUES (1, 'a@org.test', 30), (2, 'a@org.test', 5.5), (3, 'b@shop.test', 20), "
            "(4, 'e@shop.test', 3), (5, 'i@shop.test', 50), (6, 'B@shop.test', 11)"
        )
        connection.exec_driver_sql("INSERT INTO recorded_cities VALUES ('Rome', 'IT'), ('Oslo', 'NO'), ('Bonn', 'DE')")
    made.dispose()
    monkeypatch.chdir(tmp_path)
    assert invoke("run", "ban").exit_code == 0
    return tmp_path


def invoke(*words: str) -> Any:
    return CliRunner().invoke(cli.app, words)


def record(activity: str, *words: str) -> str:
    """Record a test and give the text of the file."""
    done = invoke("test", "--record", activity, "letters.yaml", "--at", "2026-11-23", *words)
    assert done.exit_code == 0, done.stderr
    return Path("letters_test.yaml").read_text()


def passes() -> bool:
    done = invoke("test", "letters.yaml")
    assert done.exit_code == 0, done.stdout
    return True


@pytest.mark.usefixtures("project")
def test_every_activity_that_computes_is_recorded_and_its_test_passes() -> None:
    for activity in ("buyers", "banned", "eligible", "per_mail", "halves"):
        text = record(activity)
        assert not [secret for secret in SECRET if secret in text]
    assert passes()
    assert invoke("fmt", "--check", "letters_test.yaml").exit_code == 0, invoke(
        "fmt", "--diff", "letters_test.yaml"
    ).stdout


def test_what_comes_from_columns_that_no_row_shows_is_recorded_as_it_is(project: Path) -> None:
    """The columns are those of the database, which a command that has it open does not open again."""
    (project / "letters.yaml").write_text(
        WORKFLOW.replace(
            "eligible: {type: exclusion, from: buyers, exclude: banned}",
            "eligible: {type: enrichment, from: buyers, add: {big: spend > vars.least}}",
        )
    )
    assert "big: true" in record("eligible")
    assert "big: null" not in (project / "letters_test.yaml").read_text()
    assert passes()


def test_what_a_query_reads_is_recorded_with_equal_values_equal(project: Path) -> None:
    assert "exists" not in record("buyers", "--var", "least=12")
    text = (project / "letters_test.yaml").read_text()
    assert (
        text
        == """\
tests:
  - name: buyers as recorded for 2026-11-23
    activity: buyers
    at: 2026-11-23T00:00:00Z
    vars: {least: 12}
    tables:
      recorded_people:
        - {id: 1, email: masked_1@example.com, city: Rome, note: "it's: a #\\"test\\"", created: 2020-01-01T10:00:00}
        - {id: 2, email: masked_2@example.com, city: Oslo, note: null, created: 2020-01-01T10:00:00}
        - {id: 3, email: Masked_2@example.com, city: Oslo, note: "null", created: 2020-01-01T10:00:00}
        - {id: 6, email: masked_2@example.com, city: Rome, note: "12", created: 2020-01-01T10:00:00}
      recorded_orders:
        - {buyer: Masked_2@example.com, amount: 11.00}
        - {buyer: masked_1@example.com, amount: 30.00}
        - {buyer: masked_1@example.com, amount: 5.50}
        - {buyer: masked_2@example.com, amount: 20.00}
      recorded_cities:
        - {name: Oslo, country: NO}
        - {name: Rome, country: IT}
    expect:
      result:
        - {id: 1, email: masked_1@example.com, spend: 35.50, domain: example.com, note: "it's: a #\\"test\\""}
        - {id: 2, email: masked_2@example.com, spend: 20.00, domain: example.com, note: null}
        - {id: 6, email: masked_2@example.com, spend: 20.00, domain: example.com, note: "12"}
"""
    )


# what one database shows for all


@pytest.fixture
def on_sqlite(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return laid_out(tmp_path, sqlite_url, monkeypatch)


@pytest.mark.usefixtures("on_sqlite")
def test_what_differs_in_case_alone_still_does() -> None:
    text = record("per_mail")
    assert "{id: 3, email: masked_3@example.com" in text
    assert "{id: 6, email: Masked_3@example.com" in text
    assert "complement:\n        - {id: 3" in text


def test_a_personal_key_is_masked_alike_wherever_it_stands(on_sqlite: Path) -> None:
    text = (on_sqlite / "project.yaml").read_text()
    (on_sqlite / "project.yaml").write_text(text.replace("personal: [email, born]", "personal: [id, email, born]"))
    for activity in ("eligible", "banned"):
        text = record(activity)
    first, second = (yaml.safe_load(text)["tests"][number] for number in (0, 1))
    ids = {name: {row["id"] for row in rows} for name, rows in {**first["given"], **first["expect"]}.items()}
    assert ids["complement"] == ids["buyers"] & ids["banned"] != set()
    assert ids["result"] == ids["buyers"] - ids["banned"] != set()
    assert min(*ids["buyers"], *(row["id"] for row in second["lists"]["banned"])) > 1_000_000
    assert passes()


def test_a_test_is_added_without_touching_what_the_file_holds(on_sqlite: Path) -> None:
    before = "# ours\r\ntests:   # all of them\r\n- {name: a, activity: banned, lists: {banned: []}, expect: {result: []}}  # one\r\n# end"
    path = on_sqlite / "letters_test.yaml"
    path.write_bytes(before.encode())
    done = invoke("test", "--record", "banned", "letters", "--format", "json")
    found = json.loads(done.stdout)
    assert (found["line"], found["masked"]) == (6, [])
    after = path.read_bytes().decode()
    assert after.startswith(before + "\r\n\r\n- name: banned as recorded for ")
    assert "\n" not in after.replace("\r\n", "")
    invoke("test", "--record", "banned", "letters")
    assert ' (2)"\r\n' in path.read_bytes().decode()
    assert passes()


@pytest.mark.parametrize(
    ("activity", "said"),
    [
        (
            "kept",
            "'kept' cannot be recorded: list_update has an effect, and only what computes is recorded\n  fix: write its test by hand",
        ),
        ("keptt", "there is no activity 'keptt'\n  fix: write 'kept'"),
        ("unknown", "'unknown' cannot be recorded: over a few rows it does not succeed: guarded: 3 rows are fewer"),
    ],
)
def test_what_cannot_be_recorded_is_refused_and_nothing_is_written(on_sqlite: Path, activity: str, said: str) -> None:
    (on_sqlite / "letters.yaml").write_text(WORKFLOW + "  unknown: {type: union, from: [buyers], guard: {min: 4}}\n")
    done = invoke("test", "--record", activity, "letters.yaml")
    assert done.exit_code == 1, done.stdout
    assert said in done.stderr
    assert not (on_sqlite / "letters_test.yaml").exists()


def test_tests_in_brackets_and_files_that_cannot_be_read_are_left_alone(on_sqlite: Path) -> None:
    path = on_sqlite / "letters_test.yaml"
    for text, said in (("tests: []\n", "stand in brackets"), ("tests:\n  - {nam: x}\n", "U002 unknown key 'nam'")):
        path.write_text(text)
        done = invoke("test", "--record", "banned", "letters.yaml")
        assert said in done.stderr
        assert path.read_text() == text


@pytest.mark.usefixtures("on_sqlite")
def test_options_that_go_with_others_are_refused_alone() -> None:
    for words in (
        ("--record", "banned"), ("--record", "banned", "letters", "ban"), ("--record", "banned", "letters", "--coverage"), ("--at", "2026-11-23"),
    ):  # fmt: skip
        assert invoke("test", *words).exit_code == 2
