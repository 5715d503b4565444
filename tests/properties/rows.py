"""Plain rows, of the dimensions of the random tables, and how they are compared and sorted.

Texts compare by code point, as Python's do. A null in a key matches nothing, a null condition is no, nulls sort last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cmp_to_key
from typing import Any

Row = dict[str, Any]
Key = tuple[Any, ...]
Tables = Mapping[str, list[Row]]
WORKFLOW = "w"


@dataclass(frozen=True)
class Link:
    """A way from a table to the dimension `to`; `on` says our column: theirs."""

    to: str
    on: Mapping[str, str]
    many: bool = False


@dataclass(frozen=True)
class Dimension:
    """A table that is targeted, with the types of its columns; it is named as the table."""

    key: tuple[str, ...]
    types: Mapping[str, str]
    links: Mapping[str, Link] = field(default_factory=dict)


DIMENSIONS: Mapping[str, Dimension] = {
    "person": Dimension(
        key=("id",),
        types={"id": "integer", "email": "text", "city": "text", "score": "integer", "spend": "decimal"},
        links={"purchases": Link("purchase", {"id": "person"}, many=True)},
    ),
    "purchase": Dimension(
        key=("basket", "line"),
        types={"basket": "integer", "line": "text", "person": "integer", "shop": "text", "amount": "integer", "price": "decimal"},
        links={"buyer": Link("person", {"person": "id"}), "place": Link("shop", {"shop": "name"})},
    ),
    "shop": Dimension(
        key=("name",),
        types={"name": "text", "size": "integer", "town": "text"},
        links={"sales": Link("purchase", {"name": "shop"}, many=True)},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """A population: what its rows are, which columns tell them apart, the type of every column, and the rows."""

    dimension: str | None
    key: tuple[str, ...]
    types: Mapping[str, str]
    rows: tuple[Row, ...]

    def of(self, rows: Iterable[Row], types: Mapping[str, str] | None = None) -> Rows:
        return replace(self, rows=tuple(rows), types=self.types if types is None else types)

    def key_of(self, row: Row) -> Key:
        return tuple(row[name] for name in self.key)

    @property
    def by_key(self) -> dict[Key, Row]:
        """Give the rows by key, those that can match."""
        return {self.key_of(row): row for row in self.rows if None not in self.key_of(row)}


@dataclass(frozen=True)
class Here:
    """Where an expression is evaluated: at a row, which is of a dimension's row, or within a collection of it."""

    row: Row
    target: Row | None
    tables: Tables
    beside: Sequence[Row] = ()
    """The rows of another population that an enrichment found."""

    def linked(self, dimension: str, link: str) -> list[Row]:
        """Give the rows that a link of the targeted row leads to."""
        way = DIMENSIONS[dimension].links[link]
        ours = [(self.target or {}).get(name) for name in way.on]
        if None in ours:
            return []
        return [row for row in self.tables[way.to] if [row[name] for name in way.on.values()] == ours]


@dataclass(frozen=True)
class Formula:
    """An expression: its text, its type, and its value."""

    text: str
    type: str
    of: Callable[[Here], Any]


@dataclass(frozen=True)
class Sort:
    """A sort key."""

    formula: Formula
    descending: bool = False
    nulls_first: bool = False

    @property
    def text(self) -> str:
        return f"{self.formula.text} {'desc' if self.descending else 'asc'} nulls {'first' if self.nulls_first else 'last'}"

    def compared(self, one: Any, other: Any) -> int:
        if one is None or other is None:
            return ((one is None) - (other is None)) * (-1 if self.nulls_first else 1)
        return ((one > other) - (one < other)) * (-1 if self.descending else 1)


def everybody(dimension: str, tables: Tables) -> Rows:
    shape = DIMENSIONS[dimension]
    return Rows(dimension, shape.key, shape.types, tuple(tables[dimension]))


def here(rows: Rows, row: Row, tables: Tables) -> Here:
    """Say where a row of a population stands: the row of its dimension is found by key."""
    if rows.dimension is None:
        return Here(row, None, tables)
    own = everybody(rows.dimension, tables).by_key.get(rows.key_of(row))
    return Here(row, own, tables)


def is_true(rows: Rows, row: Row, condition: Formula | None, tables: Tables) -> bool:
    return condition is None or condition.of(here(rows, row, tables)) is True


def ordered(rows: Rows, order: Sequence[Sort], tables: Tables, some: Iterable[Row]) -> list[Row]:
    """Sort some rows of a population; the key ends every order."""
    return arranged(some, order, lambda row: here(rows, row, tables), rows.key)


def arranged(some: Iterable[Row], order: Sequence[Sort], at: Callable[[Row], Here], key: Sequence[str]) -> list[Row]:
    def compared(one: Row, other: Row) -> int:
        for sort in order:
            if way := sort.compared(*(sort.formula.of(at(row)) for row in (one, other))):
                return way
        for name in key:
            if way := Sort(NOTHING).compared(one[name], other[name]):
                return way
        return 0

    return sorted(some, key=cmp_to_key(compared))


NOTHING = Formula("null", "null", lambda _here: None)


def grouped(
    rows: Rows, by: Sequence[Formula], tables: Tables, some: Iterable[Row] | None = None
) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = {}
    for row in rows.rows if some is None else some:
        groups.setdefault(tuple(each.of(here(rows, row, tables)) for each in by), []).append(row)
    return groups


def refined(rows: Rows, condition: Formula | None, tables: Tables) -> Rows:
    return rows.of(row for row in rows.rows if is_true(rows, row, condition, tables))


def divided(rows: Rows, parts: Mapping[str, list[Row]], rest: str) -> dict[str, Rows]:
    """Give the parts, and under the name `rest` the rows of none."""
    taken = {rows.key_of(row) for part in parts.values() for row in part}
    return {
        **{name: rows.of(part) for name, part in parts.items()},
        rest: rows.of(row for row in rows.rows if rows.key_of(row) not in taken),
    }


def equal(one: Any, other: Any) -> bool:
    return one is not None and one == other
