"""What the activities that add columns mean, over plain rows: from DSL.md and the reference pages, and from no SQL of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.properties.rows import (
    DIMENSIONS,
    Formula,
    Here,
    Key,
    Row,
    Rows,
    Sort,
    Tables,
    arranged,
    divided,
    equal,
    here,
    is_true,
    ordered,
    refined,
)


@dataclass(frozen=True)
class Lines:
    """The first lines of what a link leads to, as columns."""

    link: str
    key: Sequence[str]
    """That of what the link leads to."""
    where: Formula | None
    order: Sequence[Sort]
    count: int
    add: Mapping[str, Formula]

    @property
    def types(self) -> dict[str, str]:
        return {name: self.add[of].type for name, of, _ in self._columns}

    @property
    def _columns(self) -> list[tuple[str, str, int]]:
        places = range(self.count)
        return [(f"{of}_{place + 1}" if self.count > 1 else of, of, place) for of in self.add for place in places]

    def of(self, dimension: str, at: Here) -> Row:
        def inside(line: Row) -> Here:
            return Here(line, at.target, at.tables)

        all_ = at.beside if self.link == "with" else at.linked(dimension, self.link)
        found = [line for line in all_ if not self.where or self.where.of(inside(line)) is True]
        found = arranged(found, self.order, inside, self.key)
        return {
            name: self.add[of].of(inside(found[place])) if place < len(found) else None
            for name, of, place in self._columns
        }


@dataclass(frozen=True)
class Added:
    """What a query, or an enrichment, puts to a row."""

    add: Mapping[str, Formula]
    lines: Sequence[Lines] = ()

    @property
    def types(self) -> dict[str, str]:
        found = {name: each.type for name, each in self.add.items()}
        return {**found, **{name: type_ for each in self.lines for name, type_ in each.types.items()}}

    def of(self, rows: Rows, row: Row, tables: Tables, beside: Sequence[Row] = ()) -> Row:
        at = replace(here(rows, row, tables), beside=beside)
        found = {name: each.of(at) for name, each in self.add.items()}
        return {
            **found,
            **{name: value for each in self.lines for name, value in each.of(rows.dimension or "", at).items()},
        }


def query(rows: Rows, is_whole: bool, where: Formula | None, added: Added, tables: Tables) -> Rows:
    """Filter rows and add columns; of a whole dimension only the key is carried along."""
    kept = [name for name in (rows.key if is_whole else rows.types) if name not in added.types]
    some = (row for row in rows.rows if is_true(rows, row, where, tables))
    types = {**{name: rows.types[name] for name in kept}, **added.types}
    return rows.of(({**{name: row[name] for name in kept}, **added.of(rows, row, tables)} for row in some), types)


class Refused(Exception):
    """The run must fail."""


@dataclass(frozen=True)
class With:
    """Another population that an enrichment links: our column by theirs, how many may be found, and who is first."""

    rows: Rows
    on: Mapping[str, str]
    finds: str
    order: Sequence[Sort]
    is_followed: bool
    """A path leads to the one that is found, so there may not be several."""

    def found(self, row: Row) -> list[Row]:
        some = (each for each in self.rows.rows if all(equal(row[our], each[their]) for our, their in self.on.items()))
        return arranged(some, self.order, lambda each: Here(each, None, {}), self.rows.key)

    @property
    def rest_of_key(self) -> list[str]:
        return [name for name in self.rows.key if name not in self.on.values()]


def enrichment(
    rows: Rows, link: With | None, added: Added, keeps_all: bool, refine: Formula | None, tables: Tables
) -> dict[str, Rows]:
    """Add data of the dimension and of another population; who finds nobody there stays where he may."""
    is_many = link is not None and link.finds == "many"
    names = {
        f"with_{name}" if name in (*rows.types, *added.types) else name: name
        for name in (link.rest_of_key if link and is_many else [])
    }
    kept = [name for name in rows.types if name not in added.types and (keeps_all or name in rows.key)]
    types = {**{name: rows.types[name] for name in kept}, **added.types}
    theirs = {name: link.rows.types[their] for name, their in names.items()} if link else {}
    lines: list[Row] = []
    lost: list[Row] = []
    for row in rows.rows:
        found = link.found(row) if link else []
        if link and link.is_followed and not link.order and not is_many and len(found) > 1:
            raise Refused
        for one in [[each] for each in found] if is_many else [found]:
            own = {name: row[name] for name in kept}
            more = {name: one[0][their] for name, their in names.items()}
            lines.append({**own, **added.of(rows, row, tables, one), **more})
        if link and not found and link.finds != "at_most_one":
            (lost if is_many else lines).append(
                {**{name: row[name] for name in kept}, **added.of(rows, row, tables, [])}
            )
    whole = rows.of(lines, {**types, **theirs})
    if is_many:
        whole = replace(whole, key=(*rows.key, *names), dimension=None)
        return {"result": refined(whole, refine, tables), "complement": rows.of(lost, types)}
    gone = {rows.key_of(row) for row in rows.rows if link and link.finds == "one" and not link.found(row)}
    lines = list({rows.key_of(row): row for row in lines}.values())
    whole = rows.of(lines, types)
    stay = [row for row in lines if rows.key_of(row) not in gone and is_true(whole, row, refine, tables)]
    return divided(whole, {"result": stay}, rest="complement")


@dataclass(frozen=True)
class Total:
    """An aggregate of all rows that lead to one."""

    text: str
    type: str
    of: Callable[[list[Here]], Any]


def led(rows: Rows, path: Sequence[str], row: Row, tables: Tables) -> list[Row]:
    """Give the rows that a path of links leads to, each once."""
    dimension, ends = rows.dimension or "", [here(rows, row, tables)]
    for link in path:
        ends = [Here(each, each, tables) for end in ends for each in end.linked(dimension, link)]
        dimension = DIMENSIONS[dimension].links[link].to
    key = DIMENSIONS[dimension].key
    return list({tuple((end.target or {})[name] for name in key): end.target or {} for end in ends}.values())


def change_dimension(
    rows: Rows,
    path: Sequence[str],
    keep: int,
    order: Sequence[Sort],
    add: Mapping[str, Formula | Total],
    tables: Tables,
) -> dict[str, Rows]:
    """Give the rows that links lead to, with data of the first, or of all, that lead there."""
    dimension = rows.dimension or ""
    for link in path:
        dimension = DIMENSIONS[dimension].links[link].to
    shape = DIMENSIONS[dimension]
    groups: dict[Key, list[Row]] = {}
    lost = []
    for row in rows.rows:
        ends = led(rows, path, row, tables)
        lost += [] if ends else [row]
        for end in ends:
            groups.setdefault(tuple(end[name] for name in shape.key), []).append(row)
    old = (
        {f"{rows.dimension}_{name}" if name in (*shape.key, *add) else name: name for name in rows.key}
        if keep != 1
        else {}
    )
    found = []
    for key, group in groups.items():
        first = ordered(rows, order, tables, group)
        for row in first[: keep or None]:
            at = here(rows, row, tables)
            values = {
                name: each.of([here(rows, every, tables) for every in group])
                if isinstance(each, Total)
                else each.of(at)
                for name, each in add.items()
            }
            found.append(
                {**dict(zip(shape.key, key, strict=True)), **{name: row[each] for name, each in old.items()}, **values}
            )
    types = {name: shape.types[name] for name in shape.key} | {name: rows.types[each] for name, each in old.items()}
    types |= {name: each.type for name, each in add.items()}
    result = Rows(dimension if keep == 1 else None, (*shape.key, *old), types, tuple(found))
    return {"result": result, "complement": rows.of(lost)}


def edit_schema(
    rows: Rows,
    rename: Mapping[str, str],
    remove: Sequence[str],
    add: Mapping[str, Formula],
    keeps_all: bool,
    tables: Tables,
) -> dict[str, Rows]:
    """Rename, remove and compute columns; all expressions see the columns as they came."""
    stays = {
        name: rename.get(name, name)
        for name in rows.types
        if name in rename or not (name in remove or name in add or (not keeps_all and name not in rows.key))
    }
    types = {**{new: rows.types[old] for old, new in stays.items()}, **{name: each.type for name, each in add.items()}}
    found = (
        {
            **{new: row[old] for old, new in stays.items()},
            **{name: each.of(here(rows, row, tables)) for name, each in add.items()},
        }
        for row in rows.rows
    )
    return {"result": rows.of(found, types)}
