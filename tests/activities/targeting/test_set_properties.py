"""Set logic on random small tables: on every database the same as Python's sets say.

Keys are composite and may hold nulls, which match nothing; columns repeat and may be null.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.kit.population import Population
from tests.contract.world import World

COLUMNS = "basket_id integer, line text, spend integer, note text"

Row = tuple[int, str | None, int | None, str | None]

row = st.tuples(
    st.integers(1, 4),
    st.sampled_from(["a", "A", "é", "", None]),
    st.one_of(st.none(), st.integers(-2, 2)),
    st.sampled_from(["x", "X", "ü", "", None]),
)
table = st.lists(row, max_size=12, unique_by=lambda each: each[:2])
modestly = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def on_each(worlds: dict[str, World]) -> Any:
    """Give what does something on each database, and says the one answer they all give."""

    def answer(do: Any) -> Any:
        answers = {name: do(world) for name, world in worlds.items()}
        assert answers["sqlite"] == answers["duckdb"]
        assert answers["postgres"] == answers["duckdb"]
        return answers["duckdb"]

    return answer


def lay(world: World, rows: list[Row]) -> Population:
    return world.given(COLUMNS, rows, key=2, dimension="purchase")


def done(
    world: World, text: str, tables: list[list[Row]], excluded: list[list[Row]] | None = None
) -> dict[str, list[Row]]:
    others = {"exclude": [lay(world, rows) for rows in excluded]} if excluded else {}
    result = world.run(text, *(lay(world, rows) for rows in tables), **others)
    return {port: world.rows(population) for port, population in result.items()}


def keys(rows: list[Row]) -> set[tuple[Any, ...]]:
    """Give the keys that can match: those without a null."""
    return {each[:2] for each in rows if each[1] is not None}


def ordered(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda each: [(value is None, value) for value in each[:2]])


@modestly
@given(tables=st.lists(table, min_size=1, max_size=3))
def test_a_union_is_the_rows_of_the_first_that_has_each_key(on_each: Any, tables: list[list[Row]]) -> None:
    expected: list[Row] = []
    for place, rows in enumerate(tables):
        earlier = set().union(*map(keys, tables[:place]))
        expected.extend(each for each in rows if each[:2] not in earlier)
    nulls = [each[:2] for each in expected if each[1] is None]
    if len(set(nulls)) < len(nulls):
        return  # two rows with one key and a null in it: the work table refuses them
    assert on_each(lambda world: done(world, "type: union", tables)) == {"result": ordered(expected)}


@modestly
@given(tables=st.lists(table, min_size=2, max_size=3))
def test_an_intersection_is_what_every_set_holds(on_each: Any, tables: list[list[Row]]) -> None:
    tables = [[each for each in rows if each[1] is not None] for rows in tables]
    common = set.intersection(*map(keys, tables))
    found = on_each(lambda world: done(world, "type: intersection", tables))
    assert found["result"] == ordered([each for each in tables[0] if each[:2] in common])
    assert keys(found["complement"]) == set.union(*map(keys, tables)) - common
    assert len(found["complement"]) == len(keys(found["complement"]))


@modestly
@given(main=table, excluded=st.lists(table, min_size=1, max_size=2))
def test_an_exclusion_is_a_difference(on_each: Any, main: list[Row], excluded: list[list[Row]]) -> None:
    left_out = set.union(*map(keys, excluded))
    found = on_each(lambda world: done(world, "type: exclusion", [main], excluded))
    assert found == {
        "result": ordered([each for each in main if each[:2] not in left_out]),
        "complement": ordered([each for each in main if each[:2] in left_out]),
    }


@modestly
@given(rows=table, keep=st.integers(0, 3), descending=st.booleans())
def test_a_deduplication_keeps_the_first_of_each_group(
    on_each: Any, rows: list[Row], keep: int, descending: bool
) -> None:
    groups: dict[str, list[Row]] = defaultdict(list)
    for each in rows:
        if each[3] is not None:
            groups[each[3].lower()].append(each)
    sign = -1 if descending else 1
    kept = [each for each in rows if each[3] is None]
    for group in groups.values():
        group.sort(key=lambda each: (each[2] is None, sign * (each[2] or 0), each[0], each[1] is None, each[1]))
        kept.extend(group[:keep] if keep else group)
    text = f"type: deduplication\nby: lower(note)\norder: {'-' if descending else ''}spend\nkeep: {keep}"
    found = on_each(lambda world: done(world, text, [rows]))
    assert found == {"result": ordered(kept), "complement": ordered([each for each in rows if each not in kept])}


@modestly
@given(rows=table, count=st.integers(0, 4), percent=st.sampled_from(["10", "12.5", "33.3", "50", "100"]))
def test_a_split_is_a_partition_and_its_sizes_are_those_written(
    on_each: Any, rows: list[Row], count: int, percent: str
) -> None:
    text = f"""
type: split
subsets:
  dear: {{where: spend > 0, limit: {{count: {count}, by: [-spend]}}}}
  some: {{limit: {{percent: {percent}, by: random}}}}
  noted: {{where: note is not null}}
"""
    found = on_each(lambda world: done(world, text, [rows]))
    assert ordered([each for part in found.values() for each in part]) == ordered(rows)
    dear = [each for each in rows if each[2] is not None and each[2] > 0]
    dear.sort(key=lambda each: (-(each[2] or 0), each[0], each[1] is None, each[1]))
    assert found["dear"] == ordered(dear[:count])
    share = int((Decimal(percent) * len(rows) / 100).quantize(Decimal(1), ROUND_HALF_UP))
    assert len(found["some"]) == min(share, len(rows) - len(found["dear"]))
    assert all(each[3] is not None for each in found["noted"])
    assert all(each[3] is None for each in found["complement"])


@modestly
@given(rows=table, more=table)
def test_a_sticky_share_depends_on_no_other_row(on_each: Any, rows: list[Row], more: list[Row]) -> None:
    text = "type: split\nsubsets:\n  control: {limit: {percent: 50, by: random, sticky: true}}"
    known = {each[:2] for each in rows}
    all_rows = [*rows, *(each for each in more if each[:2] not in known)]
    few, many = (
        on_each(partial(lambda tables, world: done(world, text, tables), [tables])) for tables in (rows, all_rows)
    )
    assert keys(few["control"]) == {key for key in keys(many["control"]) if key in known}
