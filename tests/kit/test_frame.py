"""A frame: what names mean over links, what aggregates count, and that no join multiplies rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from engine.kit.catalog import Catalog, Dimension, Link
from engine.kit.dialect import Dialect
from engine.kit.errors import AuthorError, Span
from engine.kit.expression import Bound, Expr, SortKey
from engine.kit.frame import Frame
from engine.kit.population import Population
from engine.kit.types import DATE, INTEGER, TEXT, to_sqlalchemy
from tests.kit.expressions import with_values

TODAY = {"run.date": Bound(date(2026, 11, 23), DATE), "vars.least": Bound(10, INTEGER)}

_METADATA = sa.MetaData()
HOUSEHOLDS = sa.Table(
    "households", _METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.String),
    sa.Column("city_id", sa.BigInteger),
    sa.Column("limit_", sa.BigInteger),
)  # fmt: skip
CITIES = sa.Table(
    "cities", _METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("name", sa.String),
    sa.Column("country_id", sa.BigInteger),
)  # fmt: skip
COUNTRIES = sa.Table("countries", _METADATA, sa.Column("id", sa.BigInteger, unique=True), sa.Column("code", sa.String))
TRAITS = sa.Table(
    "traits", _METADATA,
    sa.Column("household_id", sa.BigInteger),
    sa.Column("trait", sa.String),
    sa.Column("is_warm", sa.Boolean),
)  # fmt: skip
PURCHASES = sa.Table(
    "purchases", _METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("household_id", sa.BigInteger),
    sa.Column("amount", sa.Numeric(10, 2)),
    sa.Column("bought_at", sa.DateTime),
    sa.Column("shop", sa.String),
)  # fmt: skip
LINES = sa.Table(
    "lines", _METADATA,
    sa.Column("purchase_id", sa.BigInteger),
    sa.Column("product", sa.String),
    sa.Column("price", sa.Numeric(10, 2)),
)  # fmt: skip
ROWS: dict[sa.Table, list[dict[str, Any]]] = {
    HOUSEHOLDS: [
        {"id": 1, "name": "Ann", "city_id": 10, "limit_": 15},
        {"id": 2, "name": "Éva", "city_id": 20, "limit_": 5},
        {"id": 3, "name": None, "city_id": None, "limit_": None},
        {"id": 4, "name": "bob", "city_id": 99, "limit_": 0},
    ],
    CITIES: [{"id": 10, "name": "Paris", "country_id": 1}, {"id": 20, "name": "Lyon", "country_id": None}],
    COUNTRIES: [{"id": 1, "code": "FR"}],
    TRAITS: [
        {"household_id": 1, "trait": "b", "is_warm": True},
        {"household_id": 1, "trait": "a", "is_warm": False},
        {"household_id": 2, "trait": "c", "is_warm": True},
        {"household_id": None, "trait": "d", "is_warm": True},
    ],
    PURCHASES: [
        {"id": 1, "household_id": 1, "amount": Decimal("10.10"), "bought_at": datetime(2026, 11, 1), "shop": "x"},  # noqa: DTZ001
        {"id": 2, "household_id": 1, "amount": Decimal("20.20"), "bought_at": datetime(2026, 1, 1), "shop": "y"},  # noqa: DTZ001
        {"id": 3, "household_id": 2, "amount": Decimal("7.00"), "bought_at": datetime(2026, 11, 2), "shop": "x"},  # noqa: DTZ001
        {"id": 4, "household_id": 2, "amount": None, "bought_at": None, "shop": None},
        {"id": 5, "household_id": None, "amount": Decimal("99.00"), "bought_at": None, "shop": "x"},
    ],
    LINES: [
        {"purchase_id": 1, "product": "tea", "price": Decimal("4.00")},
        {"purchase_id": 1, "product": "milk", "price": Decimal("6.10")},
        {"purchase_id": 2, "product": "tea", "price": Decimal("20.20")},
        {"purchase_id": 3, "product": "milk", "price": Decimal("8.00")},
        {"purchase_id": None, "product": "salt", "price": Decimal("1.00")},
    ],
}


def _link(name: str, target: str, ours: str, theirs: str, *, many: bool = False) -> tuple[str, Link]:
    return name, Link(name=name, target=target, on=((ours, theirs),), many=many)


@pytest.fixture
def catalog(connection: sa.Connection, dialect: Dialect) -> Catalog:
    _METADATA.create_all(connection)
    for table, rows in ROWS.items():
        connection.execute(table.insert(), rows)
    household = Dimension(
        name="household", table=HOUSEHOLDS, key=("id",), is_key_declared=True,
        links=dict([
            _link("purchases", "purchase", "id", "household_id", many=True),
            _link("city", "city", "city_id", "id"),
            _link("traits", "traits", "id", "household_id"),
        ]),
    )  # fmt: skip
    purchase = Dimension(
        name="purchase", table=PURCHASES, key=("id",),
        links=dict([
            _link("lines", "lines", "id", "purchase_id", many=True),
            _link("household", "household", "household_id", "id"),
            _link("traits", "traits", "household_id", "household_id"),
        ]),
    )  # fmt: skip
    city = Dimension(
        name="city", table=CITIES, key=("id",), links=dict([_link("country", "countries", "country_id", "id")])
    )
    tables = {
        "countries": Dimension(name="countries", table=COUNTRIES, key=()),
        "traits": Dimension(name="traits", table=TRAITS, key=()),
        "lines": Dimension(
            name="lines", table=LINES, key=(), links=dict([_link("purchase", "purchase", "purchase_id", "id")])
        ),
    }
    return Catalog(
        dialect=dialect, dimensions={"household": household, "purchase": purchase, "city": city}, tables=tables
    )


@pytest.fixture
def everyone(catalog: Catalog) -> Population:
    return catalog.dimension("household").population()


@pytest.fixture
def some(connection: sa.Connection, catalog: Catalog) -> Population:  # noqa: ARG001 - its tables
    """Give households 1, 2 and 3 in a work table of their own, with a score."""
    table = sa.table("work", sa.column("id", sa.BigInteger), sa.column("score", sa.BigInteger))
    rows = sa.select(HOUSEHOLDS.c.id, (HOUSEHOLDS.c.id * 10).label("score")).where(HOUSEHOLDS.c.id < 4).subquery()
    made = sa.Table("work", sa.MetaData(), sa.Column("id", sa.BigInteger), sa.Column("score", sa.BigInteger))
    made.create(connection)
    connection.execute(made.insert().from_select(["id", "score"], sa.select(rows)))
    return Population(
        relation=table, key=("id",), columns={"id": INTEGER, "score": INTEGER}, dimension="household", unique=True
    )


def _values(connection: sa.Connection, population: Population, catalog: Catalog, *texts: str) -> list[tuple[Any, ...]]:
    """Give the values of expressions for each row, by key."""
    frame = Frame(population, catalog)
    values = frame.values(Expr(text).bound(TODAY) for text in texts)
    statement = frame.select(*(value.sql.label(f"v{index}") for index, value in enumerate(values)))
    return [tuple(row) for row in connection.execute(statement.order_by(*frame.order(())))]


def _keys(connection: sa.Connection, population: Population, catalog: Catalog, condition: str) -> list[int]:
    kept = Frame(population, catalog).filtered(Expr(condition).bound(TODAY)).only(())
    return [row[0] for row in connection.execute(kept.select().order_by(kept.column("id")))]


WHO = [
    ("name = 'Ann'", [1]),
    ("name < 'a'", [1]),  # by code point: capitals first, accents last
    ("name is null", [3]),
    ("city.name = 'Paris'", [1]),
    ("city.name is null", [3, 4]),
    ("city.country.code = 'FR'", [1]),
    ("target.city.country.code is null", [2, 3, 4]),
    ("exists(purchases)", [1, 2]),
    ("not exists(purchases)", [3, 4]),
    ("exists(city)", [1, 2]),
    ("exists(purchases where amount > 15)", [1]),
    ("not exists(purchases where amount > 15)", [2, 3, 4]),
    ("exists(purchases where bought_at >= days_ago(30))", [1, 2]),
    ("exists(purchases where amount > vars.least)", [1]),
    ("exists(purchases where amount > target.limit_)", [1, 2]),
    ("exists(purchases where household.name = 'Ann')", [1]),
    ("exists(purchases where exists(lines where price > 7))", [1, 2]),
    ("exists(purchases where exists(lines where price > purchases.amount))", [2]),
    ("exists(purchases where exists(lines where price > target.limit_))", [1, 2]),
    ("exists(purchases where not exists(lines))", [2]),
    ("exists(purchases where count(lines) > 1)", [1]),
    ("exists(purchases where sum(price of lines) = amount)", [1]),
    ("exists(purchases where sum(price of lines where price < purchases.amount) > 5)", [1]),
    ("exists(city where exists(country))", [1]),
    ("count(purchases) = 2", [1, 2]),
    ("count(purchases) = 0", [3, 4]),
    ("sum(amount of purchases where amount > target.limit_) > 10", [1]),
    ("count(purchases where bought_at > timestamp '2026-06-01T00:00:00' and shop = 'x') = 1", [1, 2]),
    ("max(bought_at of purchases) < timestamp '2026-11-02T00:00:00'", [1]),
    ("traits.trait = 'a'", [1]),
    ("traits.is_warm", [2]),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "expected"), WHO)
def test_conditions_keep_who_they_say(
    connection: sa.Connection, everyone: Population, catalog: Catalog, condition: str, expected: list[int]
) -> None:
    assert _keys(connection, everyone, catalog, condition) == expected


@pytest.mark.parametrize(("condition", "expected"), WHO)
def test_a_work_table_gives_the_same_as_its_dimension(
    connection: sa.Connection, some: Population, catalog: Catalog, condition: str, expected: list[int]
) -> None:
    assert _keys(connection, some, catalog, condition) == [key for key in expected if key != 4]


WHAT = [
    ("count(purchases)", [2, 2, 0]),
    ("count(amount of purchases)", [2, 1, 0]),
    ("sum(amount of purchases)", [Decimal("30.30"), Decimal("7.00"), None]),
    ("avg(amount of purchases)", [Decimal("15.15"), Decimal("7.00"), None]),
    ("min(shop of purchases)", ["x", "x", None]),
    ("max(bought_at of purchases)", [datetime(2026, 11, 1), datetime(2026, 11, 2), None]),  # noqa: DTZ001
    ("count_distinct(shop of purchases)", [2, 1, 0]),
    ("string_agg(shop of purchases)", ["x,y", "x", None]),
    ("string_agg(shop, ' ' of purchases where shop != 'x')", ["y", None, None]),
    ("sum(count(lines) of purchases)", [3, 1, None]),
    ("sum(sum(price of lines) of purchases)", [Decimal("30.30"), Decimal("8.00"), None]),
    ("max(household.city.name of purchases)", ["Paris", "Lyon", None]),
    ("sum(amount of purchases where amount <= target.limit_)", [Decimal("10.10"), None, None]),
    ("count(purchases where amount > row.score)", [2, 0, 0]),
    ("count(purchases where count(lines where price > target.limit_) > 0)", [1, 1, 0]),
    ("sum(target.limit_ of purchases)", [30, 10, None]),
    ("max(traits.trait of purchases)", ["a", "c", None]),
    ("score + count(purchases)", [12, 22, 30]),
    ("row.score", [10, 20, 30]),
    ("limit_", [15, 5, None]),
    ("target.name || '!'", ["Ann!", "Éva!", None]),
    ("city.country.code", ["FR", None, None]),
    ("row_number() over (order by name desc)", [2, 1, 3]),
    ("rank() over (partition by city.country.code order by id)", [1, 1, 2]),
    ("lag(score) over (order by score)", [None, 10, 20]),
    ("lead(score, 2) over (order by -score)", [None, None, 10]),
    ("sum(score) over ()", [60, 60, 60]),
    ("avg(score) over (order by score)", [Decimal(10), Decimal(15), Decimal(20)]),
    ("sum(sum(amount of purchases)) over ()", [Decimal("37.30")] * 3),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "expected"), WHAT)
def test_values_are_found_along_links(
    connection: sa.Connection, some: Population, catalog: Catalog, expression: str, expected: list[Any]
) -> None:
    scores = replace(some, columns={**some.columns})
    if "row.score" in expression and "count" in expression:  # amounts are 10.10 and 20.20, and 7.00
        scores = with_values(Frame(some, catalog), score="iif(id = 1, 10, 30)")
    rows = _values(connection, scores, catalog, expression)
    assert [row[0] for row in rows] == expected


def test_two_aggregates_of_the_same_rows_share_one_subquery(some: Population, catalog: Catalog) -> None:
    frame = Frame(some, catalog)
    texts = [
        "sum(amount of purchases where amount > 5)",
        "count( purchases WHERE amount > 5 )",
        "max(shop of purchases)",
    ]
    values = frame.values(map(Expr, texts))
    sql = str(frame.select(*(value.sql for value in values)))
    assert sql.count("GROUP BY") == 2


def test_literals_that_are_equal_in_python_are_not_shared(
    connection: sa.Connection, some: Population, catalog: Catalog
) -> None:
    texts = ["sum(1 of purchases)", "sum(1.0 of purchases)", "count(purchases where vars.least = 10)"]
    frame = Frame(some, catalog)
    types = [str(frame.value(Expr(text).bound(TODAY)).type) for text in texts]
    assert types == ["integer", "decimal(1)", "integer"]
    other = Expr(texts[2]).bound({"vars.least": Bound(11, INTEGER)})
    both = [frame.value(Expr(texts[2]).bound(TODAY)), frame.value(other)]
    rows = connection.execute(frame.select(*(value.sql.label(f"v{index}") for index, value in enumerate(both))))
    assert sorted(map(tuple, rows)) == [(0, 0), (2, 0), (2, 0)]


def test_a_to_one_link_that_finds_two_rows_does_not_multiply(
    connection: sa.Connection, everyone: Population, catalog: Catalog
) -> None:
    rows = _values(connection, everyone, catalog, "id", "traits.trait", "traits.is_warm")
    assert rows == [(1, "a", False), (2, "c", True), (3, None, None), (4, None, None)]


def test_a_work_table_is_pushed_into_the_aggregate(everyone: Population, some: Population, catalog: Catalog) -> None:
    def sql(population: Population) -> str:
        frame = Frame(population, catalog)
        return str(frame.select(frame.value(Expr("count(purchases)")).sql))

    assert "FROM work AS" in sql(some)
    assert "FROM work AS" not in sql(everyone)
    assert " WHERE " not in sql(everyone)


def test_values_become_columns_and_keep_every_row(
    connection: sa.Connection, some: Population, catalog: Catalog
) -> None:
    more = with_values(Frame(some, catalog), spend="sum(amount of purchases)", score="score + 1")
    assert {name: str(type_) for name, type_ in more.columns.items()} == {
        "id": "integer", "spend": "decimal(2)", "score": "integer",
    }  # fmt: skip
    again = with_values(Frame(more, catalog), twice="spend * 2").only(["twice", "score"])
    rows = connection.execute(again.select().order_by(again.column("id")))
    assert list(map(tuple, rows)) == [(1, Decimal("60.60"), 11), (2, Decimal("14.00"), 21), (3, None, 31)]


def test_an_order_ends_with_the_key_and_puts_nulls_last(
    connection: sa.Connection, everyone: Population, catalog: Catalog
) -> None:
    def order(*keys: str) -> list[int]:
        frame = Frame(everyone, catalog)
        order_by = frame.order([SortKey(key) for key in keys])
        return [row[0] for row in connection.execute(frame.select(everyone.column("id")).order_by(*order_by))]

    assert order("name") == [1, 4, 2, 3]
    assert order("-name") == [2, 4, 1, 3]
    assert order("name desc nulls first") == [3, 2, 4, 1]
    assert order("-city.country.code") == [1, 2, 3, 4]
    assert order("-count(purchases)", "-id") == [2, 1, 4, 3]


def test_aggregates_without_a_link_group(connection: sa.Connection, some: Population, catalog: Catalog) -> None:
    frame = Frame(some, catalog)
    group = frame.value(Expr("city.country.code"))
    total = frame.value(Expr("sum(score + count(purchases))"), grouping=True)
    kept = frame.condition(Expr("count(*) > 0"), grouping=True)
    rows = connection.execute(frame.select(group.sql.label("g"), total.sql.label("t")).group_by(group.sql).having(kept))
    assert {row[0]: row[1] for row in rows} == {"FR": 12, None: 52}


def test_rows_without_a_dimension_have_their_own_columns_only(
    connection: sa.Connection, some: Population, catalog: Catalog
) -> None:
    bare = replace(some, dimension=None)
    assert _values(connection, bare, catalog, "score / 4") == [(Decimal("2.5"),), (Decimal("5"),), (Decimal("7.5"),)]
    with pytest.raises(AuthorError, match="E302"):
        Frame(bare, catalog).value(Expr("count(purchases where true)"))


BY_WINDOW = [
    ("row_number() over (order by name desc) <= 2", [1, 2]),
    ("count(*) over (partition by city.country.code) > 1 and score > 20", [3]),
    ("not (lag(score) over (order by score) > 0)", []),
    ("rank() over (order by count(purchases) desc) = 1 or name = 'Éva'", [1, 2]),
]


@pytest.mark.parametrize(("text", "expected"), BY_WINDOW)
def test_a_condition_may_look_at_a_window_over_all_rows(
    connection: sa.Connection, some: Population, catalog: Catalog, text: str, expected: list[int]
) -> None:
    kept = Frame(some, catalog).filtered(Expr(text))
    rows = connection.execute(kept.select().order_by(kept.column("id")))
    assert [row[0] for row in rows] == expected


def test_a_window_sorts_and_groups_nothing(some: Population, catalog: Catalog) -> None:
    frame = Frame(some, catalog)
    for compiled in (
        lambda: frame.order([SortKey("-rank() over (order by id)")]),
        lambda: frame.identities([Expr("rank() over ()")]),
    ):
        with pytest.raises(AuthorError, match="E309"):
            compiled()


ERRORS = [
    ("nam", 1, "E301", "write 'name'"),
    ("city.nam", 1, "E301", "write 'city.name'"),
    ("1 + cty.name", 5, "E302", "write 'city'"),
    ("purchases.amount > 1", 1, "E307", "max(amount of purchases)"),
    ("purchases", 1, "E307", "count(purchases)"),
    ("exists(city where purchases.amount > 1)", 19, "E302", "links"),
    ("exists(purchases where name = 'Ann')", 24, "E301", "write 'target.name'"),
    ("exists(purchases where score > 1)", 24, "E301", "write 'row.score'"),
    ("exists(purchases where exists(lines where shop = 'x'))", 43, "E301", "write 'purchases.shop'"),
    ("city = 'Paris'", 1, "E307", "city.name"),
    ("city.names = 'Paris'", 1, "E301", "write 'city.name'"),
    ("name = Paris", 8, "E301", "a text is written 'Paris'"),
    ('name = "Name"', 8, "E301", "a text is written 'Name'"),
    ("current_date > name", 1, "E301", "write run.date"),
    ("exists(purchasis where amount > 1)", 8, "E302", "write 'purchases'"),
    ("count(purchases where amount)", 23, "E306", "compare"),
    ("sum(amount)", 1, "E309", "of link) (links: city, purchases, traits)"),
    ("count(*)", 1, "E309", "write count(link)"),
    ("exists(purchases where row_number() over () = 1)", 24, "E309", "add it as a column first"),
    ("sum(count(*) over ()) over ()", 5, "E309", "add it as a column first"),
    ("sum(shop of purchases)", 5, "E305", "number"),
    ("string_agg(amount of purchases)", 12, "E305", "to_string"),
    ("row.name", 1, "E301", "columns"),
    ("row_number()", 1, "E309", "over"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "code", "fix"), ERRORS)
def test_a_wrong_name_is_told_at_its_place(
    text: str, column: int, code: str, fix: str, some: Population, catalog: Catalog
) -> None:
    with pytest.raises(AuthorError) as caught:
        Frame(some, catalog).value(Expr(text, Span("w.yaml", 3, 1)))
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span) == (code, Span("w.yaml", 3, column))
    assert fix in problem.fix


def test_the_column_types_are_those_of_the_table(everyone: Population) -> None:
    assert everyone.columns["name"] == TEXT
    assert isinstance(to_sqlalchemy(everyone.columns["id"]), sa.BigInteger)
