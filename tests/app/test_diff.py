"""`diff`: two runs held against each other, on every database."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

import engine
from engine.app.cli import app
from engine.app.differing import Difference, compare
from engine.app.list_difference import ListDifference, list_difference
from engine.app.options import Options
from engine.app.session import Session
from engine.kit.errors import AuthorError, DataError
from engine.registry import load

PROJECT = """\
databases: {default: {url: "%s", work_schema: %s}}
dimensions:
  person: {table: diff_people, key: [shop, id]}
"""

WORKFLOW = """\
workflow: w
dimension: person
variables:
  least: {type: integer, default: 18}
  most: {type: integer, default: 60}
activities:
  adults: {type: query, where: age >= vars.least}
  strangers: {type: query, where: age > vars.most}
  chosen: {type: exclusion, from: adults, exclude: [strangers]}
  kept: {type: list_update, from: chosen, list: kept, mode: replace}
"""


@pytest.fixture
def project(tmp_path: Path, database_url: str) -> Path:
    """Give a project over people aged 10, 20, … 80, with a key of two columns."""
    (tmp_path / "project.yaml").write_text(PROJECT % (database_url, f"diff_{uuid4().hex[:8]}"), encoding="utf-8")
    (tmp_path / "w.yaml").write_text(WORKFLOW, encoding="utf-8")
    made = sa.create_engine(database_url)
    with made.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS diff_people")
        connection.exec_driver_sql(
            "CREATE TABLE diff_people (shop VARCHAR(9), id INTEGER, age INTEGER, PRIMARY KEY (shop, id))"
        )
        connection.exec_driver_sql(
            "INSERT INTO diff_people VALUES ('ä', 1, 10), ('ä', 2, 20), ('ä', 3, 30), ('b', 1, 40), ('b', 2, 50), ('b', 3, 60), ('b', 4, 70)"
        )
    made.dispose()
    engine.run(tmp_path / "w.yaml", key="one")
    engine.run(tmp_path / "w.yaml", key="two", vars={"least": "25", "most": "45"})
    return tmp_path


def compared(project: Path, target: str | None = None, *, backwards: bool = False) -> list[Difference]:
    with Session.start(project, load(), Options()) as session:
        last, first = session.store.runs("w")
        return list(compare(session, *((last, first) if backwards else (first, last)), target, 1).ports)


def test_every_port_is_compared_by_key_or_where_no_rows_were_kept_by_its_count(project: Path) -> None:
    found = [
        (each.port, each.before, each.after, each.came and each.came.count, each.went and each.went.count)
        for each in compared(project)
    ]
    assert found == [
        ("adults.result", 6, 5, 0, 1),
        ("strangers.result", 1, 3, 2, 0),
        ("chosen.result", 5, 2, 0, 3),
        ("chosen.complement", 1, 3, None, None),
        ("kept.result", 5, 2, 0, 3),
    ]


def test_a_row_is_lost_at_the_first_activity_that_holds_it_no_more(project: Path) -> None:
    (found,) = compared(project, "chosen")
    assert found.went
    assert found.came
    assert found.went.at == {"chosen": 2, "adults": 1}
    assert (found.went.count, {name: len(keys) for name, keys in found.went.keys.items()}, found.came.count) == (
        3,
        {"adults": 1, "chosen": 1},
        0,
    )
    (back,) = compared(project, "kept.result", backwards=True)
    assert back.came
    assert back.went
    assert back.came.at == {"chosen": 2, "adults": 1}
    assert (back.key, back.came.count, back.went.count) == (("shop", "id"), 3, 0)


def test_a_port_without_rows_to_compare_says_so(project: Path) -> None:
    with pytest.raises(DataError, match="there is no activity 'choosen'\n  fix: write 'chosen'"):
        compared(project, "choosen")
    with pytest.raises(DataError, match=r"has counted 'chosen\.complement' and kept no rows, since nobody reads it"):
        compared(project, "chosen.complement")
    with pytest.raises(DataError, match="'chosen' has no output 'complemnt'\n  fix: write 'complement'"):
        compared(project, "chosen.complemnt")


def test_a_person_and_a_program_read_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    told = CliRunner().invoke(app, ["diff", "w_one", "w_two", "chosen", "--limit", "2"])
    assert told.stdout.splitlines() == [
        "variable least: 18 → 25", "variable most: 60 → 45",
        "chosen.result: 5 rows before, 2 after", "",
        "0 came", "",
        "3 went, by shop, id", "  2 lost at chosen: b/2, b/3", "  1 lost at adults: ä/2",
    ]  # fmt: skip
    listed = CliRunner().invoke(app, ["diff", "w_one", "w_two"]).stdout.splitlines()
    assert listed[2].split() == ["port", "before", "after", "came", "went"]
    assert listed[4].split() == ["strangers.result", "1", "3", "+2"]
    assert listed[6].split() == ["chosen.complement", "1", "3"]
    found = json.loads(CliRunner().invoke(app, ["diff", "w_one", "w_two", "--format", "json"]).stdout)
    assert found["variables"] == {"least": ["18", "25"], "most": ["60", "45"]}
    assert found["ports"][2]["went"]["at"] == {"chosen": 2, "adults": 1}


# a run and a list


def listed(project: Path, text: str, target: str | None = None, run: int = 1) -> ListDifference:
    path = project / "list.csv"
    path.write_text(text, encoding="utf-8")
    with Session.start(project, load(), Options()) as session:
        return list_difference(session, session.store.runs("w")[run], path, target, 9)


EVERYONE = "id,shop,name\n1,ä,A\n02,ä,B\n3,ä,C\n1,b,D\n+4,b,E\n4,b,E again\n9,b,Nobody\n"


def test_people_of_a_list_are_looked_for_in_a_run_and_the_other_way_round(project: Path) -> None:
    found = listed(project, EVERYONE)
    assert (found.port, found.key, found.rows) == ("kept.result", ("shop", "id"), 5)
    assert (found.listed, found.repeated) == (6, 1)
    assert (found.unlisted.count, found.unlisted.keys) == (2, {"kept": [("b", 2), ("b", 3)]})
    assert (found.lost.at, found.lost.keys) == (
        {"adults": 1, "chosen": 1},
        {"adults": [("ä", 1)], "chosen": [("b", 4)]},
    )
    assert (found.unknown.count, found.unknown.keys) == (1, {"": [("b", 9)]})


def test_nothing_of_a_list_stays_in_the_database(project: Path, database_url: str) -> None:
    def tables() -> set[tuple[str | None, str]]:
        made = sa.create_engine(database_url)
        with made.connect() as connection:
            schemas = sa.inspect(connection).get_schema_names()
            found = {(schema, name) for schema in schemas for name in sa.inspect(connection).get_table_names(schema)}
        made.dispose()
        return found

    before = tables()
    listed(project, EVERYONE)
    assert tables() == before


SHOPS = """\
workflow: shops
dimension: shop
activities:
  shops: {type: query, where: id < 3}
  people: {type: change_dimension, from: shops, to: people}
  kept: {type: list_update, from: people, list: people, mode: replace}
"""


def test_nobody_is_lost_at_an_activity_of_another_dimension(tmp_path: Path) -> None:
    """A shop and a person may have the same number."""
    with sqlite3.connect(tmp_path / "data.sqlite") as data:
        data.execute("CREATE TABLE shops (id INTEGER PRIMARY KEY)")
        data.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, shop INTEGER)")
        data.execute("INSERT INTO shops VALUES (1), (2), (3)")
        data.execute("INSERT INTO people VALUES (1, 3), (7, 1)")
    dimensions = "{shop: {table: shops, key: id, links: {people: {dimension: person, on: {id: shop}, many: true}}}, person: {table: people, key: id}}"
    (tmp_path / "project.yaml").write_text(
        f"databases: {{default: {{url: 'sqlite:///data.sqlite'}}}}\ndimensions: {dimensions}\n"
    )
    (tmp_path / "shops.yaml").write_text(SHOPS)
    (tmp_path / "list.csv").write_text("id\n1\n7\n")
    engine.run(tmp_path / "shops.yaml", key="one")
    with Session.start(tmp_path, load(), Options()) as session:
        (run,) = session.store.runs("shops")
        found = list_difference(session, run, tmp_path / "list.csv", None, 5)
    assert (found.rows, found.lost.at) == (1, {"shops": 1})


def test_a_port_of_a_run_is_held_against_a_list(project: Path) -> None:
    found = listed(project, EVERYONE, "adults", 0)
    assert (found.rows, found.lost.at) == (5, {"adults": 2})
    assert listed(project, "shop,id\n", "chosen").unlisted.count == 5
    with pytest.raises(DataError, match="there is no activity 'choosen'"):
        listed(project, EVERYONE, "choosen")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("shop,person\nb,1\n", r"list\.csv:1:1: C002 the header does not name 'id', which tells people apart\n  fix: .*the key is shop, id"),
        ("shop,id\nb,one\n,2\n",
         r"list\.csv:2:3: C004 'one' is no value of 'id', which is integer\n.*\n.*list\.csv:3:1: C004 this line has no key"),
    ],
)  # fmt: skip
def test_a_list_without_keys_is_refused_with_its_line(project: Path, text: str, problem: str) -> None:
    with pytest.raises(AuthorError, match=problem):
        listed(project, text)


def test_a_person_and_a_program_read_where_a_list_was_lost(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    (project / "list.csv").write_text(EVERYONE, encoding="utf-8")
    told = CliRunner().invoke(app, ["diff", "w_one", "--with", "list.csv"])
    assert told.stdout.splitlines() == [
        "kept.result: 5 rows, 6 in the file, 1 repeated", "",
        "2 not in the file, by shop, id", "  b/2, b/3", "",
        "2 of the file lost, by shop, id", "  1 at adults: ä/1", "  1 at chosen: b/4", "",
        "1 of the file unknown to the dimension, by shop, id", "  b/9",
    ]  # fmt: skip
    text = (project / "project.yaml").read_text(encoding="utf-8")
    (project / "project.yaml").write_text(text.replace("[shop, id]", "[shop, id], personal: id"), encoding="utf-8")
    shown = CliRunner().invoke(app, ["diff", "w_one", "--with", "list.csv", "chosen", "--format", "json"])
    found = json.loads(shown.stdout)
    assert found["lost"] == {
        "count": 2,
        "at": {"adults": 1, "chosen": 1},
        "keys": {"adults": [["ä", "•••"]], "chosen": [["b", "•••"]]},
    }
    assert "b/•••" in CliRunner().invoke(app, ["diff", "w_one", "w_two", "chosen"]).stdout
    assert "one run is compared with nothing" in CliRunner().invoke(app, ["diff", "w_one"]).stderr
    assert CliRunner().invoke(app, ["diff", "w_one", "chosen", "x", "--with", "list.csv"]).exit_code == 2
