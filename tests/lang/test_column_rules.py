"""The lint rules that ask what a database says of its columns, over workflows planned as `check` plans them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
import yaml

from engine import registry
from engine.app.session import Options, Session
from engine.kit.errors import Diagnostic
from engine.lang import graph as graphs
from engine.lang import loader
from engine.lang.rules.columns import Known
from engine.runs import bind
from engine.runs.plan import plan
from tests.lang.test_rules import HEAD, MARK, ROOT, marked

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TABLES = """
CREATE TABLE people (id INTEGER PRIMARY KEY, age INTEGER, email VARCHAR, score DOUBLE);
CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER, age INTEGER, amount DECIMAL(10, 2), weight FLOAT);
CREATE TABLE items (order_id INTEGER, line INTEGER, amount DECIMAL(10, 2), PRIMARY KEY (order_id, line));
"""
PROJECT = """
databases: {default: {url: "duckdb:///data.duckdb"}}
dimensions:
  person:
    table: people
    key: id
    links: {orders: {dimension: order, on: {id: person_id}, many: true}}
    suppress: [do_not_share]
  order:
    table: orders
    key: id
    links: {items: {dimension: item, on: {id: order_id}, many: true}}
  item: {table: items, key: [order_id, line]}
data_sources:
  crm: {kind: visitor_id, dimension: person, key: email, id: "1", destination: "2"}
  basket: {kind: visitor_id, dimension: order, key: to_string(id), id: "5"}
audiences:
  vip: {name: VIP, data_source: crm, trait: "3", segment: "4"}
  everybody: {name: Everybody, data_source: crm, purpose: none, trait: "3", segment: "4"}
  baskets: {name: Baskets, data_source: basket, trait: "6", segment: "7"}
"""
CASES = yaml.safe_load((ROOT / "tests" / "data" / "column_rules.yaml").read_text(encoding="utf-8"))
Lint = Callable[[str], list[Diagnostic]]


@pytest.fixture(scope="module")
def lint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lint]:
    """Give what plans a workflow of these activities, and holds the column rules against it."""
    folder = tmp_path_factory.mktemp("columns")
    (folder / "project.yaml").write_text(PROJECT, encoding="utf-8")
    with duckdb.connect(folder / "data.duckdb") as db:
        db.execute(TABLES)
    loaded = registry.load()
    with Session.start(folder, loaded, Options(), read_only=True) as session:

        def lint(text: str) -> list[Diagnostic]:
            spec = loader.load(HEAD + text, "flow.yaml", loaded.activities)
            graph = graphs.build(spec)
            values = bind.values(spec, {}, run="plan", time=NOW, started_at=NOW)
            catalog = session.catalog()
            planned, problems = plan(spec, graph, catalog, values, session.evaluate, session.work_schema)
            assert (problems, graphs.problems(spec, graph)) == ((), [])
            known = Known(catalog=catalog, populations={activity.id: activity.outputs for activity in planned})
            found = [problem for rule in loaded.of("column_rule").values() for problem in rule(spec, graph, known)]
            return sorted(found)

        yield lint


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=code) for code, cases in CASES.items() for case in cases["fires"]]
)
def test_a_rule_fires_at_its_place_and_says_what_to_type(lint: Lint, case: dict[str, Any]) -> None:
    text = case["text"].replace(MARK, "")
    found = lint(text)
    assert [problem.code for problem in found] == case["codes"]
    assert marked(text, found) == case["text"]
    assert any(case["fix"] in problem.fix for problem in found)
    assert {problem.severity for problem in found} == {"warning"}


@pytest.mark.parametrize(
    "text", [pytest.param(text, id=code) for code, cases in CASES.items() for text in cases["silent"]]
)
def test_a_near_miss_is_left_alone(lint: Lint, text: str) -> None:
    assert lint(text) == []


def test_every_rule_is_shown_firing_and_silent() -> None:
    assert [(code, bool(cases["fires"]), bool(cases["silent"])) for code, cases in CASES.items()] == [
        (code, True, True) for code in sorted(registry.load().of("column_rule"))
    ]
