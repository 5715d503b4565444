"""Tests of tests: `…_test.yaml` files run as the engine runs workflows, in worlds of their own."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from activities.lists.list_update import ListUpdate
from activities.lists.read_list import ReadList
from activities.targeting.query import Query
from engine.app import cli
from engine.app.options import Options
from engine.app.session import read_workflow
from engine.app.testing import find, report, running, values
from engine.app.testing.coverage import coverage
from engine.app.testing.python import Bench
from engine.app.testing.running import Outcome
from engine.app.testing.suite import open_suite
from engine.app.testing.world import Clock
from engine.kit.errors import AuthorError, DataError
from engine.kit.expression import Expr
from engine.kit.template import Template
from engine.lang import source
from engine.registry import load as load_registry

pytest_plugins = ["pytester"]

PROJECT = """
databases: {default: {url: "URL"}}
dimensions:
  person:
    table: people
    key: id
    links:
      orders: {table: orders, on: {id: person_id}, many: true}
    consent: {advertising: active = true}
    suppress: [do_not_write]
data_sources:
  code: {kind: declared_id, dimension: person, key: code, id: "1234", destination: "91012", normalise: [], hash: none}
audiences:
  rich: {name: Rich, data_source: code, purpose: advertising, trait: "11", segment: "12"}
experience_cloud: {sandbox: true}
environments:
  prod: {experience_cloud: {sandbox: false}}
"""

WORKFLOW = """
workflow: letters
dimension: person
variables:
  threshold: {type: decimal, default: 100}
activities:
  everyone:
    type: query
    add: {name: name, spend: spend, born: born, seen: seen, active: active, code: code, ordered: sum(amount of orders)}
  recent: {type: query, where: seen >= days_ago(1)}
  do_not_write: {type: read_list, list: do_not_write}
  eligible: {type: exclusion, from: everyone, exclude: [do_not_write]}
  groups:
    type: split
    from: eligible
    subsets:
      vip: {where: spend > vars.threshold}
  rich_people: {type: query, where: spend > vars.threshold}
  share: {type: update_shared_audience, from: rich_people, audience: rich, guard: {max: 2}}
  keep: {type: list_update, from: groups.complement, list: others, mode: replace, guard: {on_empty: allow}}
"""

PEOPLE = sa.Table(
    "people", sa.MetaData(), sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False), sa.Column("name", sa.String),
    sa.Column("spend", sa.Numeric(10, 2)), sa.Column("born", sa.Date), sa.Column("seen", sa.DateTime), sa.Column("active", sa.Boolean),
    sa.Column("code", sa.String),
)  # fmt: skip
ORDERS = sa.Table(
    "orders", sa.MetaData(), sa.Column("person_id", sa.BigInteger), sa.Column("amount", sa.Numeric(10, 2))
)

ONE = "{id: 1, name: Ann, spend: 12.50, born: 1990-01-02, seen: 2026-11-22T10:00:00, active: true, code: A1}"

NOWHERE = "duckdb:///nowhere.duckdb"

Write = Callable[..., Path]


def make_database(url: str) -> str:
    """Fill a database with the tables, and with one row that no test may ever see or change."""
    engine = sa.create_engine(url)
    for table in (PEOPLE, ORDERS):
        table.drop(engine, checkfirst=True)
        table.create(engine)
    with engine.begin() as connection:
        connection.execute(PEOPLE.insert(), [{"id": 99, "name": "Real"}])
    engine.dispose()
    return url


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a project with its workflow and the tests, over SQLite unless another URL is given; give the test file."""

    def write(tests: str, url: str | None = None) -> Path:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        (folder / "project.yaml").write_text(
            PROJECT.replace("URL", url or make_database(f"sqlite:///{tmp_path / 'people.sqlite'}"))
        )
        (folder / "letters.yaml").write_text(WORKFLOW)
        path = folder / "letters_test.yaml"
        path.write_text(f"tests:\n{indent(dedent(tests).strip(), '  ')}\n")
        return path

    return write


def run(path: Path) -> dict[str, Outcome]:
    suite = open_suite(path, Options(surroundings=os.environ))
    return {test.name: running.run(suite, test) for test in suite.file.tests}


def run_one(path: Path) -> Outcome:
    (outcome,) = run(path).values()
    return outcome


def said(outcome: Outcome) -> list[str]:
    """What the failures of an outcome say, without their places."""
    assert not outcome.problems, "\n".join(map(str, outcome.problems))
    return [f"{failure.about}: {failure.message}" for failure in outcome.failures]


def problems_of(path: Path) -> list[tuple[str, str]]:
    """The text at the place of every problem of a file, up to the end of its word, and the message."""
    try:
        found = [problem for outcome in run(path).values() for problem in outcome.problems]
    except AuthorError as problem:
        found = list(problem.diagnostics)
    assert all(problem.fix for problem in found)
    texts = {item.span.file: Path(item.span.file).read_text().splitlines() for item in found}
    return [
        (
            texts[item.span.file][item.span.line - 1][item.span.column - 1 :].split(":")[0].split(",")[0].split("}")[0],
            f"{item.code} {item.message}",
        )
        for item in found
    ]


# one activity


def test_an_activity_is_run_alone_with_the_rows_given(write: Write) -> None:
    outcome = run_one(write("""
        - name: a
          activity: eligible
          given:
            everyone: [{id: 1, spend: 50}, {id: 2, spend: 70}]
            do_not_write: [{id: 2}]
          expect:
            result: [{id: 1}]
            complement: {count: 1}
    """))  # fmt: skip
    assert outcome.is_passed, report.explanation(outcome)


def test_a_wrong_expectation_shows_missing_extra_and_differing_rows_with_their_place(write: Write) -> None:
    path = write("""
        - name: a
          activity: eligible
          given:
            everyone: [{id: 1, spend: 50}, {id: 2, spend: 70}, {id: 3, spend: 12.50}]
            do_not_write: []
          expect:
            result: [{id: 1, spend: 50}, {id: 2, spend: 71}, {id: 4, spend: null}]
    """)
    assert report.explanation(run_one(path)) == dedent(f"""\
        {path}:2:11: a
          {path}:8:7: eligible.result: 1 missing, 1 extra, 1 differing (3 rows expected, 3 found)
                         id  spend
              differing  2   71 ≠ 70.00
              missing    4   null
              extra      3   12.50""")


def test_an_input_that_is_null_does_not_fire(write: Write) -> None:
    outcome = run_one(write("""
        - name: an exclusion list that did not come excludes everybody
          activity: eligible
          given: {everyone: [{id: 1}], do_not_write: null}
          expect:
            error: {contains: did not fire}
    """))  # fmt: skip
    assert outcome.is_passed, report.explanation(outcome)


def test_a_port_that_is_to_stay_silent_is_null(write: Write) -> None:
    outcomes = run(write("""
        - {name: silent, activity: groups, given: {eligible: null}, expect: {vip: null}}
        - {name: not silent, activity: groups, given: {eligible: []}, expect: {vip: null}}
        - {name: not fired, activity: groups, given: {eligible: null}, expect: {vip: []}}
    """))  # fmt: skip
    assert [said(outcome) for outcome in outcomes.values()] == [
        [],
        ["groups.vip: it was not to fire, and fired 0 rows"],
        ["groups.vip: it did not fire (skipped: 'eligible.result' did not fire)"],
    ]


def test_a_share_is_tested_by_what_the_local_experience_cloud_received(write: Write) -> None:
    tables = """
          lists: {do_not_write: [{id: 4}]}
          tables:
            people:
              - {id: 1, code: A1, active: true}
              - {id: 2, code: null, active: true}
              - {id: 3, code: A3, active: null}
              - {id: 4, code: A4, active: true}
          given: {rich_people: [{id: 1}, {id: 2}, {id: 3}, {id: 4}]}
    """
    outcomes = run(write(f"""
        - name: right
          activity: share
          {tables}
          audiences: {{rich: [B1]}}
          expect:
            sent: [A1]
            result: [{{id: 1, identifier: A1}}]
            complement: [{{id: 2}}]
            suppressed: [{{id: 3}}, {{id: 4}}]
        - name: wrong
          activity: share
          {tables}
          expect: {{share: {{sent: [A3]}}}}
    """))  # fmt: skip
    assert said(outcomes["right"]) == []
    assert said(outcomes["wrong"]) == ["share sent: 1 missing, 1 extra (1 row expected, 1 found)"]


def test_no_test_reaches_a_real_service_whatever_its_environment(write: Write) -> None:
    outcome = run_one(write("""
        - name: a
          env: prod
          activity: share
          lists: {do_not_write: []}
          tables: {people: [{id: 1, code: A1, active: true}]}
          given: {rich_people: [{id: 1}]}
          expect: {sent: [A1]}
    """))  # fmt: skip
    assert outcome.is_passed, report.explanation(outcome)


# the whole workflow

WHOLE = """
- name: whole
  at: 2026-11-23T00:00:00Z
  vars: {threshold: 12}
  tables:
    people:
      - {id: 1, name: Ann, spend: 12.50, born: 1990-01-02, seen: 2026-11-22T10:00:00, active: true, code: A1}
      - {id: 2, name: "", spend: null, seen: 2026-11-21T10:00:00, active: false}
      - {id: 3}
    orders: [{person_id: 1, amount: 1.10}, {person_id: 1, amount: 2.20}]
  lists: {do_not_write: [{id: 3}]}
  expect:
    everyone:
      - {id: 1, name: Ann, spend: 12.5, born: 1990-01-02, seen: "2026-11-22 10:00:00", active: true, code: A1, ordered: 3.3}
      - {id: 2, name: "", spend: null, born: null, seen: 2026-11-21T10:00:00Z, active: false, code: null, ordered: null}
      - {id: 3, name: null, spend: null, born: null, seen: null, active: null, code: null, ordered: null}
    recent: [{id: 1}]
    eligible.complement: [{id: 3}]
    groups.vip: {count: 1}
    share: {sent: [A1]}
    lists: {others: [{id: 2}], do_not_write: {count: 1}, nothing: null}
    status: succeeded
"""


def test_a_whole_workflow_is_run_on_the_tables_of_the_test(write: Write, database_url: str) -> None:
    path = write(WHOLE, make_database(database_url))
    engine = sa.create_engine(database_url)
    before = set(sa.inspect(engine).get_table_names())
    outcome = run_one(path)
    assert outcome.is_passed, report.explanation(outcome)
    with engine.connect() as connection:
        assert connection.execute(sa.select(PEOPLE.c.id)).scalars().all() == [99]
        assert set(sa.inspect(connection).get_table_names()) == before
    engine.dispose()
    assert sorted(item.name for item in path.parent.iterdir()) == ["letters.yaml", "letters_test.yaml", "project.yaml"]


def test_without_a_database_the_types_are_those_the_rows_show(write: Write) -> None:
    path = write(WHOLE, NOWHERE)
    outcome = run_one(path)
    assert outcome.is_passed, report.explanation(outcome)
    assert sorted(item.name for item in path.parent.iterdir()) == ["letters.yaml", "letters_test.yaml", "project.yaml"]


def test_a_column_that_only_the_database_would_know_is_said_to_be_guessed(write: Write) -> None:
    path = write("- {name: a, tables: {people: [" + ONE + "]}, expect: {everyone: []}}", NOWHERE)
    assert [message for _, message in problems_of(path)] == [
        "E301 there is no column 'amount'",
        "U021 the project's database does not show the columns of orders, people; those of keys, links and the tests' rows are taken",
    ]


@pytest.mark.parametrize(
    ("written", "kind"),
    [("[12, 7]", "integer"), ('["12", 7]', "text"), ("2026-11-23", "date"), ("'2026-11-23'", "text"), ("[true]", "boolean"), ("['true']", "text")],
)  # fmt: skip
def test_what_stands_in_quotes_is_a_text_where_no_database_says_more(written: str, kind: str) -> None:
    found = source.read(written, "a_test.yaml")
    assert str(values.infer(found if isinstance(found, list) else [found])) == kind


def test_the_types_of_columns_are_the_databases(write: Write, database_url: str) -> None:
    tests = """
        - name: a
          activity: everyone
          tables: {people: [{id: 1, code: 12}]}
          expect: {result: [{id: 1, code: CODE}]}
    """
    path = write(tests.replace("CODE", "12.0"), make_database(database_url))
    assert said(run_one(path)) == ["everyone.result: 1 differing (1 row expected, 1 found)"]


def test_a_table_the_test_does_not_mention_is_empty(write: Write, sqlite_url: str) -> None:
    path = write("- {name: a, activity: everyone, expect: {result: []}}", make_database(sqlite_url))
    assert said(run_one(path)) == []


def test_members_of_a_list_are_in_their_table_unless_the_test_says_what_is(write: Write) -> None:
    outcomes = run(write("""
        - name: nobody is gone
          activity: do_not_write
          lists: {do_not_write: [{id: 1}, {id: 2}], others: [{id: 2}]}
          expect: {result: [{id: 1}, {id: 2}], gone: []}
        - name: one is gone
          activity: do_not_write
          tables: {people: [{id: 1}]}
          lists: {do_not_write: [{id: 1}, {id: 2}]}
          expect: {result: [{id: 1}], gone: [{id: 2}]}
    """))  # fmt: skip
    assert {name: said(outcome) for name, outcome in outcomes.items()} == {"nobody is gone": [], "one is gone": []}


def test_every_test_has_its_own_lists_tables_and_audiences(write: Write) -> None:
    outcomes = run(write(f"""
        - name: first
          tables: {{people: [{ONE}]}}
          lists: {{do_not_write: []}}
          expect: {{keep: {{count: 1}}, lists: {{others: {{count: 1}}}}}}
        - name: second
          lists: {{do_not_write: []}}
          expect: {{everyone: [], lists: {{others: []}}}}
        - name: third
          activity: everyone
          expect: {{lists: {{others: null}}}}
    """))  # fmt: skip
    assert {name: said(outcome) for name, outcome in outcomes.items()} == {"first": [], "second": [], "third": []}


def test_a_run_that_stops_fails_the_test_and_says_why(write: Write) -> None:
    outcome = run_one(write("- {name: a, tables: {people: [" + ONE + "]}, expect: {everyone: {count: 1}}}"))
    assert said(outcome) == [
        "status: succeeded was expected, the run is suspended",
        "do_not_write: suspended: there is no list 'do_not_write'\n"
        "  fix: there are no lists to choose from; 'list_update' and 'list_import' fill lists",
    ]


def test_an_expected_error_is_held_against_its_activity_and_words(write: Write) -> None:
    tests = f"""
        - name: right
          tables: {{people: [{ONE}]}}
          expect: {{status: suspended, error: {{activity: do_not_write, contains: no list}}, everyone: {{count: 1}}}}
        - name: other words
          tables: {{people: [{ONE}]}}
          expect: {{error: {{activity: do_not_write, contains: no table}}}}
        - name: other activity
          tables: {{people: [{ONE}]}}
          expect: {{error: {{activity: share}}}}
        - name: none
          activity: everyone
          expect: {{error: {{contains: x}}}}
    """
    outcomes = run(write(tests))
    first, second, third, fourth = (said(outcome) for outcome in outcomes.values())
    assert first == []
    assert second == [
        "error: no error of 'do_not_write' contains 'no table': 'do_not_write' suspended: there is no list 'do_not_write'"
    ]
    assert third[0].startswith("error: no error of 'share' contains '': 'do_not_write' suspended")
    assert fourth == ["error: no error contains 'x': there was no error"]


def test_a_guard_that_trips_is_an_error_that_can_be_expected(write: Write) -> None:
    people = "[{id: 1, code: A1, active: true}, {id: 2, code: A2, active: true}, {id: 3, code: A3, active: true}]"
    outcome = run_one(write(f"""
        - name: more people than the guard lets through
          activity: share
          tables: {{people: {people}}}
          lists: {{do_not_write: []}}
          given: {{rich_people: [{{id: 1}}, {{id: 2}}, {{id: 3}}]}}
          expect: {{status: suspended, error: {{activity: share, contains: guard's max of 2}}, sent: []}}
    """))  # fmt: skip
    assert outcome.is_passed, report.explanation(outcome)


def test_time_is_that_of_the_test(write: Write) -> None:
    outcomes = run(write(f"""
        - {{name: on time, at: "2026-11-23T00:00:00Z", activity: recent, tables: {{people: [{ONE}]}}, expect: {{result: {{count: 1}}}}}}
        - {{name: late, at: "2026-12-23T00:00:00Z", activity: recent, tables: {{people: [{ONE}]}}, expect: {{result: {{count: 1}}}}}}
    """))  # fmt: skip
    assert said(outcomes["on time"]) == []
    assert said(outcomes["late"]) == ["recent.result: 1 row expected, 0 found"]


# what is equal

EQUAL = [
    ("spend", "12.50", "12.5", True), ("spend", "12.50", "12.505", False), ("spend", "12", "12.00", True), ("spend", "null", "0", False),
    ("name", "12.50", "12.5", False), ("name", '""', "null", False), ("name", '"null"', "null", False), ("name", "true", "true", True),
    ("name", "5", '"5"', True), ("id", "1", '"1"', True), ("active", "true", "false", False), ("born", "2026-11-23", "2026-11-23", True),
    ("seen", "2026-11-23", "2026-11-23T00:00:00Z", True), ("seen", "2026-11-23T01:00:00+01:00", "2026-11-23T00:00:00Z", True),
]  # fmt: skip


@pytest.mark.parametrize(("column", "given", "expected", "is_equal"), EQUAL)
def test_values_are_compared_by_the_type_of_their_column(
    write: Write, duckdb_url: str, column: str, given: str, expected: str, is_equal: bool
) -> None:
    row = f"{{id: 1, {column}: {given}}}" if column != "id" else "{id: 1}"
    path = write(f"""
        - name: a
          activity: everyone
          tables: {{people: [{row}]}}
          expect: {{result: [{{{column}: {expected}}}]}}
    """, make_database(duckdb_url))  # fmt: skip
    assert run_one(path).is_passed == is_equal


def test_rows_are_a_multiset_in_any_order(write: Write) -> None:
    given = "activity: groups, given: {eligible: [{id: 1, name: A, spend: 1}, {id: 2, name: A, spend: 2}, {id: 3, name: B, spend: 3}]}"
    outcomes = run(write(f"""
        - {{name: any order, {given}, expect: {{complement: [{{name: B}}, {{name: A}}, {{name: A}}]}}}}
        - {{name: each once, {given}, expect: {{complement: [{{name: B}}, {{name: A}}]}}}}
        - {{name: none, {given}, expect: {{complement: []}}}}
    """))  # fmt: skip
    assert [said(outcome) for outcome in outcomes.values()] == [
        [],
        ["groups.complement: 1 extra (2 rows expected, 3 found)"],
        ["groups.complement: 3 extra (0 rows expected, 3 found)"],
    ]


def test_exact_compares_every_column(write: Write) -> None:
    given = "activity: recent, at: '2026-11-23', tables: {people: [" + ONE + "]}"
    also = "activity: groups, given: {eligible: [{id: 1, spend: 500}]}"
    outcomes = run(write(f"""
        - {{name: all, {given}, expect: {{result: {{rows: [{{id: 1}}], exact: true}}}}}}
        - {{name: some, {also}, expect: {{vip: {{rows: [{{id: 1}}], exact: true}}}}}}
    """))  # fmt: skip
    assert said(outcomes["all"]) == []
    assert said(outcomes["some"]) == ["groups.vip: it has also the columns spend, and 'exact' compares them all"]


# rows from CSV files


def test_a_csv_file_stands_wherever_rows_may(write: Write) -> None:
    path = write("""
        - name: whole
          tables: {people: {csv: data/people.csv}}
          lists: {do_not_write: {csv: banned.csv}}
          expect:
            everyone: {csv: everyone.csv}
            eligible: {rows: {csv: eligible.csv}, count: 2}
            lists: {others: {csv: eligible.csv}}
        - name: one activity
          activity: groups
          given: {eligible: {csv: everyone.csv}}
          expect: {vip: [], complement: {csv: everyone.csv}}
    """)
    (path.parent / "data").mkdir()
    files = {
        "data/people.csv": 'id,name,spend,born,active\n1,Ann,12.50,1990-01-02,true\n2,"",,,\n3,,,,\n',
        "banned.csv": "id\n3\n",
        "everyone.csv": 'id,name,spend,born,active\n1,Ann,12.5,1990-01-02,true\n2,"",,,\n3,,,,\n',
        "eligible.csv": 'id,name\n1,Ann\n2,""\n',
    }
    for name, text in files.items():
        (path.parent / name).write_text(text)
    assert {name: said(outcome) for name, outcome in run(path).items()} == {"whole": [], "one activity": []}


@pytest.mark.parametrize(
    ("written", "text", "problem"),
    [
        ("{csv: people.csv}", "id,nme\n1,x\n", ("nme", "U014 the table 'people' has no column 'nme'")),
        ("{csv: people.csv}", "id,spend\n1,lots\n", ("lots", "U015 'lots' is no value of 'spend'")),
        ("{csv: people.csv}", "id,name\n,x\n", ("", "U016 this row has no key")),
        ("{csv: people.csv}", "id,name\n1\n", ("1", "C003 this line has 1 fields, the header 2")),
        ("{csv: peple.csv}", "id\n", ("peple.csv", "C001 the file")),
        ("{csv: people.csv, count: 1}", "id\n", ("count", "U002 'count' cannot stand beside 'csv'")),
        ("{csv: null}", "id\n", ("{csv", "U003 no file is named")),
    ],
)
def test_what_is_wrong_with_a_csv_file_is_said_with_its_line(
    write: Write, duckdb_url: str, written: str, text: str, problem: tuple[str, str]
) -> None:
    path = write(f"- {{name: a, tables: {{people: {written}}}, expect: {{everyone: []}}}}", make_database(duckdb_url))
    (path.parent / "people.csv").write_text(text)
    ((place, message),) = problems_of(path)
    assert (place, message[: len(problem[1])]) == problem


# what is wrong with a file


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("{name: a, activity: everyon, expect: {result: []}}", ("everyon", "U010 there is no activity 'everyon'")),
        ("{name: a, expect: {everyon: []}}", ("everyon", "U010 there is no activity 'everyon'")),
        ("{name: a, activity: everyone, expect: {complement: []}}", ("complement", "U011 'everyone' has no output 'complement'")),
        ("{name: a, expect: {groups: []}}", ("groups", "U011 'groups' has no output 'result'")),
        ("{name: a, activity: everyone, expect: {groups.vip: []}}", ("groups.vip", "U011 'everyone' has no output 'groups.vip'")),
        ("{name: a, tables: {peple: []}, expect: {everyone: []}}", ("peple", "U013 there is no table 'peple'")),
        (
            "{name: a, activity: everyone, expect: {result: [{id: 1, nme: x}]}}",
            ("nme", "U014 what came has no column 'nme'"),
        ),
        (
            "{name: a, activity: groups, lists: {do_not_write: []}, given: {eligible: [{id: 1, spnd: 1}]}, expect: {vip: []}}",
            ("spnd", "U014 'eligible' has no column 'spnd'"),
        ),
        (
            "{name: a, activity: everyone, tables: {people: [{id: 1}]}, expect: {result: [{id: one}]}}",
            ("one", "U015 'one' is no value of 'id', which is integer"),
        ),
        (
            "{name: a, activity: groups, given: {eligible: [{id: 1, spend: lots}]}, expect: {vip: []}}",
            ("lots", "U015 'lots' is no value of 'spend', which is decimal(2)"),
        ),
        ("{name: a, activity: groups, given: {eligible: [{spend: 1}]}, expect: {vip: []}}", ("{spend", "U016 this row has no key")),
        (
            "{name: a, activity: groups, given: {eligible: [{id: 1}, {id: 1, spend: 2}]}, expect: {vip: []}}",
            ("{id", "U016 the key 1 stands here twice"),
        ),
        (
            "{name: a, activity: everyone, expect: {result: [{id: 1, name: x}, {id: 2}]}}",
            ("{id", "U017 this row does not name 'name', which line 2 does"),
        ),
        ("{name: a, activity: groups, expect: {vip: []}}", ("groups", "U012 the test gives no rows for 'eligible'")),
        (
            "{name: a, activity: groups, given: {eligible: [], everyone: []}, expect: {vip: []}}",
            ("everyone", "U012 'groups' reads nothing from 'everyone'"),
        ),
        ("{name: a, vars: {treshold: 1}, expect: {everyone: []}}", ("treshold", "U018 the workflow has no variable 'treshold'")),
        ("{name: a, vars: {threshold: low}, expect: {everyone: []}}", ("low", "U018 'low' is no decimal")),
        ("{name: a, lists: {x: [{name: A}]}, activity: everyone, expect: {result: []}}", ("{name", "U016 this row has no key")),
        ("{name: a, activity: everyone, expect: {sent: []}}", ("sent", "U020 'sent' says nothing about 'everyone': a query")),
        ("{name: a, expects: {everyone: []}}", ("expects", "U002 unknown key 'expects'")),
        ("{name: a, at: soon, expect: {everyone: []}}", ("soon", "U003 'soon' is no time")),
        ("{name: a, expect: {everyone: {count: some}}}", ("some", "U003 'some' is no number of rows")),
        ("{name: a, expect: {status: done}}", ("done", "U003 a run never is 'done'")),
        ("{name: a, expect: {error: {activity: shar}}}", ("shar", "U010 there is no activity 'shar'")),
        ("{name: a, env: test, expect: {everyone: []}}", ("test", "P005 there is no environment 'test'")),
        ("{name: a, audiences: {poor: []}, expect: {everyone: []}}", ("poor", "A001 the project has no audience 'poor'")),
        ("{name: a, given: {eligible: []}, expect: {everyone: []}}", ("given", "U005 'given' goes with 'activity'")),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_with_its_place(
    write: Write, duckdb_url: str, test: str, problem: tuple[str, str]
) -> None:
    found = problems_of(write(f"- {test}", make_database(duckdb_url)))
    assert problem in [(place, message[: len(problem[1])]) for place, message in found]


def test_all_problems_of_a_file_are_said_at_once(write: Write) -> None:
    path = write("""
        - {name: a, activity: everyon, expect: {result: []}}
        - {name: b, expect: {groups.vp: []}}
        - {name: a, activity: everyone}
        - {activity: everyone, expect: {result: 5}}
    """)
    assert [message for _, message in problems_of(path)] == [
        "U004 two tests are named 'a'",
        "U004 this test has no name",
        "U003 '5' says nothing about 'result'",
    ]
    path = write("- {name: a, activity: everyon, expect: {result: []}}\n- {name: b, expect: {groups.vp: []}}")
    assert [message for _, message in problems_of(path)] == [
        "U010 there is no activity 'everyon'",
        "U011 'groups' has no output 'vp'",
    ]


def test_a_value_that_the_column_would_round_is_refused(write: Write, duckdb_url: str) -> None:
    path = write(
        "- {name: a, activity: everyone, tables: {people: [{id: 1, spend: 1.005}]}, expect: {result: []}}",
        make_database(duckdb_url),
    )
    assert problems_of(path) == [("1.005", "U015 '1.005' is no value of 'spend', which is decimal(2)")]


def test_a_column_the_table_has_not_is_said_where_the_database_is_known(write: Write, sqlite_url: str) -> None:
    path = write("- {name: a, tables: {people: [{id: 1, nme: x}]}, expect: {everyone: []}}", make_database(sqlite_url))
    assert problems_of(path) == [("nme", "U014 the table 'people' has no column 'nme'")]


def test_a_test_file_without_its_workflow_is_refused(write: Write) -> None:
    path = write("- {name: a, expect: {everyone: []}}")
    (path.parent / "letters.yaml").rename(path.parent / "letter.yaml")
    with pytest.raises(
        AuthorError, match=r"there is no workflow letters\.yaml beside this file\n  fix: write 'letter\.yaml'"
    ):
        run(path)


# the command

PASSES = "- {name: passes, activity: everyone, expect: {result: []}}\n"
FAILS = "- {name: fails, activity: everyone, tables: {people: [" + ONE + "]}, expect: {result: []}}\n"


def invoke(*arguments: str | Path) -> Any:
    return CliRunner().invoke(cli.app, ["test", *map(str, arguments)])


def test_the_command_says_a_line_a_test_then_failures_then_totals(write: Write) -> None:
    path = write(PASSES + FAILS)
    done = invoke(path)
    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert lines[0].startswith(f"passed  {path}:2  passes (")
    assert lines[1].startswith(f"failed  {path}:3  fails (")
    assert lines[3] == f"{path}:3:12: fails"
    assert "everyone.result: 1 extra (0 rows expected, 1 found)" in lines[4]
    assert lines[-1] == "1 passed, 1 failed"


def test_the_command_ends_with_0_where_all_pass_and_2_where_a_file_is_invalid(write: Write) -> None:
    folder = write(PASSES).parent
    assert invoke(folder).exit_code == 0
    assert invoke(folder / "letters.yaml").exit_code == 0
    (folder / "other_test.yaml").write_text("tests: 5\n")
    done = invoke(folder)
    assert done.exit_code == 2
    assert "passed  " in done.stdout
    assert "other_test.yaml:1:1: U001 this is no test file" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 passed, 0 failed, 1 problem in files"
    assert invoke(folder / "nothing_test.yaml").exit_code == 2


def test_the_command_writes_json_for_a_program(write: Write) -> None:
    done = invoke(write(PASSES + FAILS), "--format", "json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (found["passed"], found["failed"], found["problems"]) == (1, 1, [])
    assert [test["status"] for test in found["tests"]] == ["passed", "failed"]
    (failure,) = found["tests"][1]["failures"]
    assert failure["extra"] == [
        {
            "id": "1", "name": "Ann", "spend": "12.50", "born": "1990-01-02", "seen": "2026-11-22 10:00:00", "active": "true", "code": "A1",
            "ordered": None,
        }
    ]  # fmt: skip


def test_a_test_that_is_wrong_hinders_no_other(write: Write) -> None:
    path = write("""
        - {name: a, activity: everyon, expect: {result: []}}
        - {name: b, tables: {people: [{id: 1, nme: x}]}, activity: everyone, expect: {result: []}}
        - {name: c, tables: {people: [{id: 1, spend: 7}]}, activity: everyone, expect: {result: [{id: 1}]}}
    """)
    outcomes = run(path)
    assert [[problem.code for problem in outcome.problems] for outcome in outcomes.values()] == [["U010"], ["U014"], []]
    assert outcomes["c"].is_passed
    done = invoke(path)
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (2, "1 passed, 2 failed, 2 problems in files")


def test_a_whole_workflow_that_fails_says_how_far_rows_came(write: Write) -> None:
    path = write(f"""
        - name: a
          at: 2026-11-23T00:00:00Z
          tables: {{people: [{ONE}]}}
          lists: {{do_not_write: [{{id: 1}}]}}
          expect: {{groups.complement: [{{id: 1}}]}}
    """)
    told = invoke(path).stdout
    assert (
        "rows on the way: everyone 1, recent 1, do_not_write 1, eligible 0, eligible.complement 1, groups.vip 0" in told
    )
    assert "on the way" not in invoke(write(FAILS)).stdout


def test_a_port_that_stays_empty_is_not_to_be_reached(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text("""workflow: w
dimension: person
activities:
  stop: {type: list_import, list: stop, file: stop.csv}
  all: {type: query}
  more: {type: enrichment, from: all, add: {n: '1'}}
  few: {type: enrichment, from: more, refine: n = 1}
  parts: {type: split, from: few, subsets: {a: {where: n = 1}, rest: {}}}
""")
    spec, _ = read_workflow(tmp_path / "w.yaml", (tmp_path / "w.yaml").read_text(), load_registry())
    names = [item.name for item in coverage([(spec, frozenset(spec.activities))]).unreached]
    assert names == [
        "stop.result", "stop.unmatched", "stop.rejects", "all.result", "more.result", "few.result", "few.complement", "parts.a", "parts.rest",
    ]  # fmt: skip


def test_what_no_test_reaches_is_listed(write: Write) -> None:
    folder = write(f"""
        - {{name: a, activity: groups, given: {{eligible: [{{id: 1, spend: 500}}]}}, expect: {{vip: {{count: 1}}}}}}
        - {{name: b, activity: eligible, given: {{everyone: [{{id: 1}}], do_not_write: []}}, expect: {{result: {{count: 1}}}}}}
        - {{name: c, at: 2026-11-23T00:00:00Z, tables: {{people: [{ONE}]}}, expect: {{error: {{activity: do_not_write}}}}}}
    """).parent  # fmt: skip
    (folder / "other.yaml").write_text(
        "workflow: other\ndimension: person\nactivities:\n  all: {type: query}\n  keep: {type: list_update, from: all, list: l}\n"
    )
    done = invoke(folder, "--coverage")
    assert done.exit_code == 0, done.stdout
    lines = done.stdout.split("reached by no test:\n")[1].splitlines()
    assert [line.split(":", 1)[1] for line in lines[:-2]] == [
        "11:3  do_not_write.result", "11:3  do_not_write.gone", "12:3  eligible.complement", "13:3  groups.complement",
        "18:3  rich_people, and its result", "19:3  share, and its result, complement, suppressed", "20:3  keep, and its result",
        "4:3  all, and its result", "5:3  keep, and its result",
    ]  # fmt: skip
    assert lines[-2] == "coverage: 9 of 25 activities and ports (36%)"
    assert lines[-1] == "3 passed, 0 failed"


def test_the_command_fails_where_too_little_is_reached(write: Write) -> None:
    path = write(PASSES)
    assert invoke(path, "--fail-under", "90").exit_code == 1
    assert invoke(path, "--fail-under", "1").exit_code == 0
    found = json.loads(invoke(path, "--coverage", "--format", "json").stdout)["coverage"]
    assert (found["reached"], found["total"], found["percent"]) == (1, 21, 4)
    assert found["unreached"][0] == {
        "file": str(path.with_name("letters.yaml")),
        "line": 7,
        "column": 3,
        "name": "everyone.result",
    }
    assert "coverage" not in json.loads(invoke(path, "--format", "json").stdout)


def test_folders_are_searched_but_hidden_ones_and_other_files_are_left_alone(tmp_path: Path) -> None:
    for name, text in {
        "a/x_test.yaml": "tests: []",
        ".b/x_test.yaml": "tests: []",
        "c_test.yaml": "other: 1",
        "d.yaml": "tests: []",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert list(find([tmp_path, tmp_path / "a"])) == [tmp_path / "a" / "x_test.yaml"]


# pytest

INSTALLED = bool(entry_points(group="pytest11", name="audienceflow"))
PLUGIN = () if INSTALLED else ("-p", "engine.app.pytest_plugin")


def test_pytest_collects_the_tests_of_a_project(pytester: pytest.Pytester, write: Write) -> None:
    path = write(PASSES + FAILS)
    result = pytester.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider", path.parent)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*letters_test.yaml:3:12: fails", "*everyone.result: 1 extra (0 rows expected, 1 found)", "*extra  1   Ann*"]
    )
    assert "Traceback" not in result.stdout.str()
    assert "running.py" not in result.stdout.str()


def test_pytest_chooses_tests_by_name_and_spreads_them_over_processes(pytester: pytest.Pytester, write: Write) -> None:
    path = write(PASSES + FAILS)
    result = pytester.runpytest_subprocess(*PLUGIN, "-k", "passes", "-n", "2", "-p", "no:cacheprovider", path.parent)
    result.assert_outcomes(passed=1)


def test_pytest_shows_what_is_wrong_with_a_file(pytester: pytest.Pytester, write: Write) -> None:
    path = write("- {name: a, activity: everyon, expect: {result: []}}")
    result = pytester.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider", path.parent)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*letters_test.yaml:2:*U010 there is no activity 'everyon'", "*fix: write 'everyone'*"]
    )


def test_pytest_in_another_project_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", other_test="name: no test of ours\n")
    pytester.makepyfile("""
        import sys

        def test_nothing_heavy_is_imported():
            assert not {"sqlalchemy", "pydantic", "duckdb", "yaml", "networkx"} & set(sys.modules)
    """)
    pytester.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_an_activity_is_tested_in_a_few_lines_of_python(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        from activities.targeting.exclusion import Exclusion

        def test_who_is_excluded_goes_to_the_complement(population, run_activity):
            everyone = population([{"id": 1, "city": "Rome"}, {"id": 2, "city": "Oslo"}], dimension="person")
            banned = population([{"id": 2}], dimension="person")
            outputs = run_activity(Exclusion(), from_=everyone, exclude=[banned])
            assert outputs == {"result": [{"id": 1, "city": "Rome"}], "complement": [{"id": 2, "city": "Oslo"}]}
    """)
    pytester.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_the_python_bench_runs_transforms_and_effects_and_raises_what_went_wrong() -> None:
    bench = Bench(Clock(datetime(2026, 11, 23, tzinfo=UTC)))
    people = [{"id": 2, "city": "Oslo", "spend": Decimal("7.50")}, {"id": 1, "city": "oslo", "spend": None}]
    everyone = bench.population(people, key="id", dimension="person")
    assert bench.run_activity(Query(dimension="person", where=Expr("spend > 7"))) == {"result": [{"id": 2}]}
    assert bench.run_activity(ListUpdate(list=Template("kept")), from_=everyone) == {"result": [people[1], people[0]]}
    with pytest.raises(DataError, match="there is no list 'kept'"):
        bench.run_activity(ReadList(list=Template("kept")))
    with pytest.raises(ValueError, match=r"no two rows have the same"):
        bench.population([{"id": 1}, {"id": 1}])


def test_lists_and_the_end_of_the_run_are_held_against_what_is_expected(write: Write) -> None:
    outcomes = run(write(f"""
        - name: lists
          tables: {{people: [{ONE}]}}
          lists: {{do_not_write: []}}
          expect: {{lists: {{others: [{{id: 2}}], nothing: [], do_not_write: null}}}}
        - name: status
          lists: {{do_not_write: []}}
          expect: {{status: suspended}}
        - name: variables
          vars: {{threshold: 1000}}
          tables: {{people: [{ONE}]}}
          activity: rich_people
          expect: {{result: [{{id: 1}}]}}
    """))  # fmt: skip
    assert said(outcomes["lists"]) == [
        "the list 'others': 1 missing, 1 extra (1 row expected, 1 found)",
        "the list 'nothing': it does not exist",
        "the list 'do_not_write': it was not to exist, and has 0 rows",
    ]
    assert said(outcomes["status"]) == ["status: suspended was expected, the run is succeeded"]
    assert said(outcomes["variables"]) == ["rich_people.result: 1 missing (1 row expected, 0 found)"]
