"""Lineage: through joins, aggregates, unions, windows and tables of ours."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from engine.kit.catalog import Catalog, Dimension, Link
from engine.kit.frame import Frame
from engine.kit.matching import stacked
from engine.kit.population import Population
from engine.kit.types import INTEGER
from engine.sql.dialects import DIALECTS
from engine.sql.lineage import Origin, lineage
from tests.kit.expressions import with_values

PEOPLE = sa.Table(
    "people", sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String), sa.Column("age", sa.Integer), sa.Column("shop", sa.Integer),
)  # fmt: skip
ORDERS = sa.Table(
    "orders",
    sa.MetaData(),
    sa.Column("person", sa.Integer),
    sa.Column("amount", sa.Numeric(10, 2)),
    sa.Column("at", sa.Date),
)
SHOPS = sa.Table("shops", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("city", sa.String))


@pytest.fixture(params=sorted(DIALECTS))
def frame(request: pytest.FixtureRequest) -> Frame:
    links = {
        "orders": Link(name="orders", target="orders", on=(("id", "person"),), many=True),
        "shop_of": Link(name="shop_of", target="shops", on=(("shop", "id"),)),
    }
    person = Dimension(name="person", table=PEOPLE, key=("id",), links=links, is_key_declared=True)
    tables = {
        "orders": Dimension(name="orders", table=ORDERS, key=()),
        "shops": Dimension(name="shops", table=SHOPS, key=("id",), is_key_declared=True),
    }
    catalog = Catalog(dialect=DIALECTS[request.param], dimensions={"person": person}, tables=tables)
    return Frame(person.population(), catalog)


@pytest.mark.parametrize(
    ("written", "origins"),
    [
        ("name", {"people.name"}),
        ("upper(name) || '!'", {"people.name"}),
        ("1", set()),
        ("case when age > 18 then name else 'x' end", {"people.age", "people.name"}),
        ("sum(amount of orders where at > date '2026-01-01')", {"orders.amount"}),
        ("shop_of.city", {"shops.city"}),
        ("row_number() over (partition by shop_of.city order by age)", {"people.age", "people.id", "shops.city"}),
        ("sum(amount of orders) / age", {"orders.amount", "people.age"}),
    ],
)
def test_a_value_comes_from_the_columns_it_is_computed_from(frame: Frame, written: str, origins: set[str]) -> None:
    rows = with_values(frame, value=written)
    assert {str(origin) for origin in lineage(rows, {})["value"]} == origins


def test_rows_of_a_union_come_from_all_its_parts(frame: Frame) -> None:
    ages = with_values(frame, value="age").only(("value",))
    both = stacked((ages, with_values(Frame(frame.population, frame.catalog), value="shop").only(("value",))))
    assert {str(origin) for origin in lineage(both, {})["value"]} == {"people.age", "people.shop"}


def test_a_table_of_ours_is_seen_through() -> None:
    work = sa.table("w_run_some_result", sa.column("id"), sa.column("spend"))
    known = {"w_run_some_result": {"spend": frozenset({Origin("orders", "amount")})}}
    rows = Population(relation=work, key=("id",), columns={"id": INTEGER, "spend": INTEGER})
    assert lineage(rows, known)["spend"] == {Origin("orders", "amount")}
