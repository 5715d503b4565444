"""Random workflows over random tables: every port holds what a model in plain Python says, on three databases.

`AUDIENCEFLOW_RANDOM_WORKFLOWS=1000 pytest tests/properties` runs so many, others each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings

import engine
from engine.kit.types import Type, to_sqlalchemy
from engine.sql.database import Database
from engine.state.facts import Fact, TransitionFired
from engine.state.fold import RunState
from tests.properties.drawing import Drawing
from tests.properties.rows import DIMENSIONS, Key, Row, Rows, Tables
from tests.properties.workflows import workflows

EXAMPLES = os.environ.get("AUDIENCEFLOW_RANDOM_WORKFLOWS")
MOMENT = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
PREFIX = "random_"
PROJECT = """\
databases: {default: {url: "%s", work_schema: random_work}}
dimensions:
"""


def project(url: str) -> str:
    lines = [PROJECT % url]
    for name, dimension in DIMENSIONS.items():
        lines.append(f"  {name}:\n    table: {PREFIX}{name}\n    key: [{', '.join(dimension.key)}]\n    links:\n")
        for link, way in dimension.links.items():
            pairs = ", ".join(f"{ours}: {theirs}" for ours, theirs in way.on.items())
            lines.append(f"      {link}: {{dimension: {way.to}, on: {{{pairs}}}, many: {str(way.many).lower()}}}\n")
    return "".join(lines)


def table(name: str) -> sa.Table:
    dimension = DIMENSIONS[name]
    columns = (
        sa.Column(column, to_sqlalchemy(Type.parse(type_)), primary_key=column in dimension.key, autoincrement=False)
        for column, type_ in dimension.types.items()
    )
    return sa.Table(PREFIX + name, sa.MetaData(), *columns)


TABLES = {name: table(name) for name in DIMENSIONS}


class Place:
    """A project on one database, in which many workflows run one after the other."""

    def __init__(self, folder: Path, url: str) -> None:
        self.db = Database(url, work_schema="random_work")
        self.workflow = folder / "w.yaml"
        (folder / "project.yaml").write_text(project(url), encoding="utf-8")
        with self.db.transaction() as connection:
            for each in TABLES.values():
                each.create(connection)

    def fill(self, tables: Tables) -> None:
        with self.db.transaction() as connection:
            for name, rows in tables.items():
                connection.execute(TABLES[name].delete())
                if rows:
                    connection.execute(TABLES[name].insert(), rows)

    def run(self, text: str) -> tuple[dict[str, Found], dict[str, int], list[str]]:
        """Run a workflow, and give what its ports hold, the counts of those nobody reads, and which activities failed."""
        fired: list[TransitionFired] = []

        def listen(fact: Fact, _state: RunState) -> None:
            if isinstance(fact, TransitionFired):
                fired.append(fact)

        self.workflow.write_text(text, encoding="utf-8")
        done = engine.run(self.workflow, at=MOMENT, listen=listen)
        with self.db.transaction() as connection:
            found = {_name(fact): self._found(connection, fact, fact.table) for fact in fired if fact.table}
        counted = {_name(fact): fact.count for fact in fired if not fact.table}
        return found, counted, [each.activity for each in done.errors]

    def _found(self, connection: sa.Connection, fact: TransitionFired, table: str) -> Found:
        types = {name: Type.parse(type_) for name, type_ in fact.columns.items()}
        columns = (sa.column(name, to_sqlalchemy(type_)) for name, type_ in types.items())
        rows = connection.execute(sa.select(*columns).select_from(self.db.named(table)))
        found = [dict(row) for row in rows.mappings()]
        return Found(fact.dimension, {name: str(type_.kind) for name, type_ in types.items()}, _sorted(fact.key, found))


@dataclass(frozen=True)
class Found:
    """What a port holds; its rows in the order of their keys, without the order of columns."""

    dimension: str | None
    types: Mapping[str, str]
    rows: list[tuple[Key, Row]]


def _name(fact: TransitionFired) -> str:
    return fact.activity if fact.port == "result" else f"{fact.activity}.{fact.port}"


def _sorted(key: tuple[str, ...], rows: Iterable[Row]) -> list[tuple[Key, Row]]:
    return sorted(((tuple(row[name] for name in key), row) for row in rows), key=lambda each: each[0])


def expected(rows: Rows) -> Found:
    return Found(rows.dimension, dict(rows.types), _sorted(rows.key, rows.rows))


@pytest.fixture(scope="module")
def places(
    tmp_path_factory: pytest.TempPathFactory, duckdb_url: str, sqlite_url: str, postgres_url: str
) -> Iterator[Mapping[str, Place]]:
    urls = {"duckdb": duckdb_url, "sqlite": sqlite_url, "postgresql": postgres_url}
    with ExitStack() as stack:
        made = {name: Place(tmp_path_factory.mktemp(name), url) for name, url in urls.items()}
        for place in made.values():
            stack.enter_context(place.db)
        yield made


@settings(
    max_examples=int(EXAMPLES or 40),
    derandomize=EXAMPLES is None,
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(drawing=workflows())
def test_every_port_holds_what_the_model_says(places: Mapping[str, Place], drawing: Drawing) -> None:
    text = drawing.text
    wanted = {name: expected(rows) for name, rows in drawing.ports.items()}
    for name, place in places.items():
        place.fill(drawing.tables)
        found, counted, failed = place.run(text)
        assert failed == [each for each in [drawing.refused] if each], name
        for port, rows in found.items():
            if not port.startswith("read_"):
                assert rows == wanted[port], f"{port} on {name}"
        assert counted == {port: len(wanted[port].rows) for port in counted}, name
        assert drawing.refused or wanted.keys() <= found.keys() | counted.keys(), name
