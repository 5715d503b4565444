"""Hostile values: wherever an author or a row can put a text, it comes out as the same text, and nothing else changes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

import engine
from engine.kit.errors import AuthorError
from engine.sql.database import Database
from engine.sql.ledger import Ledger

VALUES = [
    "'; DROP TABLE secrets; --",
    "' OR '1'='1",
    '"; DROP TABLE secrets; --',
    "x') UNION SELECT secret FROM secrets --",
    "\\'; DROP TABLE secrets; --",
    "%s %(a)s :a ? $1 {0} {{a}} ${HOME}",
    "a%b_c",
    "/* */ -- # ;",
    "=cmd|'/C calc'!A0",
    "\x1b]0;owned\x07\x1b[2J",
    "one\ntwo\r\nthree\ttab",
    "́ e\u202e\u200bﬁ𝔘🏴‍☠️",
    "x" * 5_000,
    "../../etc/passwd",
    "NULL",
]
SOURCES = ("tags", "secrets")


@dataclass(frozen=True)
class Victim:
    """A database with a table of hostile texts, and one that must stay as it is."""

    folder: Path
    url: str
    prefix: str

    def write(self, activities: str, variables: str = "") -> Path:
        path = self.folder / "attack.yaml"
        path.write_text(f"workflow: attack\ndimension: tag\n{variables}activities:\n{activities}", encoding="utf-8")
        return path

    def rows(self, table: str) -> list[str]:
        with sa.create_engine(self.url, poolclass=sa.NullPool).connect() as connection:
            return sorted(connection.execute(sa.select(sa.column("tag")).select_from(sa.table(table))).scalars())

    def list(self, name: str, column: str = "tag") -> list[str]:
        with Database(self.url, work_schema=f"work{self.prefix}") as db:
            population = Ledger(db).read_lists()[name]
            return sorted(row[0] for row in db.connection.execute(population.select((column,))))

    @property
    def lists(self) -> set[str]:
        with Database(self.url, work_schema=f"work{self.prefix}") as db:
            return set(Ledger(db).read_lists())


@pytest.fixture
def victim(database_url: str, tmp_path: Path) -> Iterator[Victim]:
    prefix = uuid.uuid4().hex[:8]
    database = sa.create_engine(database_url, poolclass=sa.NullPool)
    metadata = sa.MetaData()
    tables = {
        name: sa.Table(f"{name}{prefix}", metadata, sa.Column("tag", sa.String, primary_key=True)) for name in SOURCES
    }
    metadata.create_all(database)
    with database.begin() as connection:
        connection.execute(sa.insert(tables["tags"]), [{"tag": value} for value in VALUES])
        connection.execute(sa.insert(tables["secrets"]), [{"tag": "keep me"}])
    database.dispose()
    (tmp_path / "project.yaml").write_text(
        f'databases: {{default: {{url: "{database_url}", work_schema: work{prefix}}}}}\n'
        f"dimensions:\n  tag: {{table: tags{prefix}, key: tag}}\n"
    )
    victim = Victim(tmp_path, database_url, prefix)
    yield victim
    assert victim.rows(f"secrets{prefix}") == ["keep me"]
    assert victim.rows(f"tags{prefix}") == sorted(VALUES)
    with database.begin() as connection:
        metadata.drop_all(connection)


def test_a_variable_stays_a_value_wherever_it_goes(victim: Victim) -> None:
    variables = "variables:\n" + "".join(f"  v{number}: {{type: text}}\n" for number in range(len(VALUES)))
    activities = "".join(
        f"""\
  found{n}: {{type: query, where: tag = vars.v{n}, label: '{{{{ vars.v{n} }}}}'}}
  split{n}:
    type: split
    from: found{n}
    subsets:
      mine: {{where: tag like vars.v{n} or tag = vars.v{n}, code: '{{{{ vars.v{n} }}}}'}}
  kept{n}: {{type: list_update, from: split{n}.mine, list: '{{{{ vars.v{n} }}}}', mode: replace}}
  read{n}: {{type: read_list, list: '{{{{ vars.v{n} }}}}', after: kept{n}}}
"""
        for n in range(len(VALUES))
    )
    given = {f"v{number}": value for number, value in enumerate(VALUES)}

    done = engine.run(victim.write(activities, variables), vars=given)

    assert [error.message for error in done.errors] == []
    assert done.status == "succeeded"
    assert victim.lists == set(VALUES)
    for number, value in enumerate(VALUES):
        assert done.activities[f"read{number}"].outputs["result"] == 1
        assert victim.list(value) == [value]
        assert victim.list(value, "segment_code") == [value]


def test_a_text_in_an_expression_stays_a_value(victim: Victim) -> None:
    literals = ["'" + value.replace("'", "''") + "'" for value in VALUES]
    activities = "".join(
        f"  found{number}:\n    type: query\n    where: |-\n      tag = {literal}\n"
        for number, literal in enumerate(literals)
        if literal.isprintable()
    )
    done = engine.run(victim.write(activities))
    assert done.status == "succeeded"
    assert {activity.outputs["result"] for activity in done.activities.values()} == {1}
    assert len(done.activities) > 8


def test_the_cells_and_the_header_of_a_file_stay_values(victim: Victim) -> None:
    header = ["tag", "'; DROP TABLE secrets; --", '"; x', "a%b(c):d ?", "=1+1", "\x1b[2J", "é" * 40]
    lines = [[value.strip(), *header[1:]] for value in VALUES] + [["nobody'; --", *header[1:]]]
    text = "\r\n".join(",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in [header, *lines])
    (victim.folder / "a'; --.csv").write_bytes(text.encode())

    done = engine.run(victim.write("  in:\n    type: list_import\n    file: a'; --.csv\n    list: from file\n"))

    assert [error.message for error in done.errors] == []
    assert done.status == "succeeded"
    assert victim.list("from file") == sorted(VALUES)
    assert done.activities["in"].outputs["unmatched"] == 1


@pytest.mark.parametrize("value", ["\0", "a\0b", "\ud800"])
def test_a_text_no_database_holds_is_an_error_and_no_crash(victim: Victim, value: str) -> None:
    path = victim.write(
        "  found: {type: query, where: tag = vars.v}\n  kept: {type: list_update, from: found, list: '{{ vars.v }}'}\n",
        "variables: {v: {type: text}}\n",
    )
    with pytest.raises(AuthorError, match="V003"):
        engine.run(path, vars={"v": value})
