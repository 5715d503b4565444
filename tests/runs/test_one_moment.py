"""The ports of an activity are of one moment, while others write; on PostgreSQL, where alone they can."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

import engine
from engine.kit.population import Population
from engine.sql.database import Database

PROJECT = """\
databases: {default: {url: "%s", work_schema: %s}}
dimensions:
  person: {table: moment_people, key: id}
"""

WORKFLOW = """\
workflow: w
dimension: person
activities:
  all: {type: query}
  sides:
    type: split
    from: all
    subsets:
      rich: {where: spend > 100}
      poor: {where: spend <= 100}
  rich: {type: list_update, from: sides.rich, list: rich}
  poor: {type: list_update, from: sides.poor, list: poor}
  none: {type: list_update, from: sides.complement, list: none}
"""


def test_nobody_is_in_two_ports_or_none_when_others_write_between(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sa.create_engine(postgres_url)
    with other.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS moment_people")
        connection.exec_driver_sql("CREATE TABLE moment_people (id integer PRIMARY KEY, spend integer)")
        connection.exec_driver_sql("INSERT INTO moment_people SELECT i, 200 FROM generate_series(1, 10) i")
    (tmp_path / "project.yaml").write_text(PROJECT % (postgres_url, f"m_{uuid4().hex[:8]}"), encoding="utf-8")
    (tmp_path / "w.yaml").write_text(WORKFLOW, encoding="utf-8")
    whole = Database.create

    def create(db: Database, target: sa.TableClause, population: Population, *, kept: bool = False) -> Population:
        made = whole(db, target, population, kept=kept)
        if "sides" in target.name:
            with other.begin() as connection:
                connection.exec_driver_sql("UPDATE moment_people SET spend = 300 - spend")
        return made

    monkeypatch.setattr(Database, "create", create)
    done = engine.run(tmp_path / "w.yaml")
    other.dispose()
    assert done.activities["sides"].outputs == {"rich": 10, "poor": 0, "complement": 0}
