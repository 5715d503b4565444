"""The population is pushed into what groups a link's rows: for few people few lines are read, as the database itself says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
import sqlalchemy as sa

from engine.app.testing.contract.suite import unreachable
from engine.kit.activity import Transform
from engine.kit.catalog import Catalog, Definition, LinkDefinition
from engine.kit.population import Inputs, Population
from engine.runs.plan import sql
from engine.sql import catalog as catalogs
from engine.sql.database import Database
from engine.sql.ddl import analyze
from engine.sql.dialects import DIALECTS
from tests.contract.world import TESTED, load

PEOPLE, LINES = 4_000, 12_000


def _link(target: str, ours: str, theirs: str, *, many: bool = False) -> LinkDefinition:
    return LinkDefinition(target=target, is_table=False, on=((ours, theirs),), many=many)


DEFINITIONS = {
    "person": Definition(table="push_people", key=("id",), links={"lines": _link("line", "id", "id", many=True)}),
    "line": Definition(
        table="push_lines", key=("line",),
        links={"owner": _link("person", "id", "id"), "siblings": _link("line", "id", "id", many=True)},
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give a database whose planner chooses, with people, their lines and an index on what joins them."""
    url = f"sqlite:///{tmp_path_factory.mktemp('push') / 'data.sqlite'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    with Database(url, work_schema=f"push_{uuid4().hex[:8]}") as opened:
        opened.ensure_schema()
        metadata = sa.MetaData()
        people = sa.Table(
            "push_people", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("city", sa.Integer)
        )
        lines = sa.Table(
            "push_lines", metadata, sa.Column("line", sa.Integer, primary_key=True),
            sa.Column("id", sa.Integer, index=True), sa.Column("amount", sa.Integer),
        )  # fmt: skip
        with opened.transaction() as connection:
            metadata.create_all(connection)
            connection.execute(people.insert(), [{"id": key, "city": key % 400} for key in range(PEOPLE)])
            connection.execute(lines.insert(), [{"line": key, "id": key % PEOPLE, "amount": 1} for key in range(LINES)])
            for table in (people, lines):
                connection.execute(analyze(table))
        yield opened
        with opened.transaction() as connection:
            metadata.drop_all(connection)


@pytest.fixture
def catalog(db: Database) -> Catalog:
    return catalogs.build(db, db.dialect, DEFINITIONS, {})


def selected(text: str, catalog: Catalog, inputs: Inputs) -> Population:
    transform = load(text, dict.fromkeys(inputs, 1)).activities[TESTED].activity
    assert isinstance(transform, Transform)
    return transform.select(inputs, catalog)["result"]


def plan(db: Database, population: Population) -> str:
    """Ask the database how it would select a population."""
    word = "EXPLAIN QUERY PLAN" if db.dialect.name == "sqlite" else "EXPLAIN"
    compiled = population.select().compile(dialect=db.engine.dialect, compile_kwargs={"literal_binds": True})
    with db.transaction() as connection:
        return "\n".join(str(row) for row in connection.exec_driver_sql(f"{word} {compiled}"))


def reads_all(db: Database, population: Population) -> bool:
    """Say that the plan reads every line there is."""
    scan = r"SCAN push_lines" if db.dialect.name == "sqlite" else r"Seq Scan on push_lines"
    return re.search(scan, plan(db, population)) is not None


@pytest.mark.parametrize(
    "options",
    [
        "where: city = 7\nadd: {spend: sum(amount of lines), n: count(lines)}",
        "where: city = 7\nadd: {n: count(lines)}",
        "where: city = 7 and sum(amount of lines) > 2",
        "where: city = 7 and count(lines) > 2",
        "where: city = 7\nlines: {of: lines, order: -amount, count: 2, add: {amount: amount}}",
        "where: city = 7 and exists(lines where amount > 0)",
        "where: city = 7 and exists(lines group by amount having count(*) > 1)",
    ],
)
def test_a_query_reads_the_lines_of_those_it_selects(db: Database, catalog: Catalog, options: str) -> None:
    found = selected(f"type: query\ndimension: person\n{options}", catalog, Inputs({}))
    assert not reads_all(db, found)
    assert db.create(db.name("found"), found).count == 10


@pytest.mark.parametrize(
    ("dimension", "options"),
    [
        ("person", "add: {spend: sum(amount of lines)}"),
        ("person", "lines: {of: lines, order: line, add: {amount: amount}}"),
        ("line", "add: {n: count(siblings)}"),
        ("line", "add: {n: count(owner.lines)}"),
    ],
)
def test_an_enrichment_reads_the_lines_of_those_who_came(
    db: Database, catalog: Catalog, dimension: str, options: str
) -> None:
    everyone = catalog.dimension(dimension).population()
    few = db.create(db.name("few"), everyone.of(everyone.select(everyone.key).where(everyone.key_columns[0] < 10)))
    found = selected(f"type: enrichment\n{options}", catalog, Inputs({"from": [few]}))
    assert not reads_all(db, found)
    assert db.create(db.name("found"), found).count == 10


def test_for_everybody_all_lines_are_read_once(db: Database, catalog: Catalog) -> None:
    found = selected("type: query\ndimension: person\nadd: {spend: sum(amount of lines)}", catalog, Inputs({}))
    assert reads_all(db, found)
    assert not re.search(r"EXISTS|\bIN\b", sql(found, db)[0])


def test_on_duckdb_too_the_rows_that_are_grouped_are_those_of_the_population(catalog: Catalog) -> None:
    text = "type: query\ndimension: person\nwhere: city = 7\nadd: {spend: sum(amount of lines)}"
    found = selected(text, replace(catalog, dialect=DIALECTS["duckdb"]), Inputs({}))
    grouped = re.search(r"FROM push_lines .*?GROUP BY", sql(found, unreachable("duckdb"))[0], re.DOTALL)
    assert grouped is not None
    assert re.search(r"EXISTS \(SELECT 1\s+FROM anon_\d AS", grouped[0])
