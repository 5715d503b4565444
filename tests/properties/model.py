"""What the activities mean, said over plain rows: written from DSL.md and the reference pages, and from no SQL of ours.

Texts compare by code point, as Python's do. A null in a key matches nothing, a null condition is no, nulls sort last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
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


def refined(rows: Rows, condition: Formula | None, tables: Tables) -> Rows:
    return rows.of(row for row in rows.rows if is_true(rows, row, condition, tables))


@dataclass(frozen=True)
class Match:
    """What rows of several populations have in common: their key when there are no formulas."""

    formulas: Sequence[Formula] = ()

    def of(self, rows: Rows, row: Row, tables: Tables) -> Key | None:
        """Give the values that are held against another's; None where one of them is null, which matches nothing."""
        at = here(rows, row, tables)
        values = tuple(each.of(at) for each in self.formulas) if self.formulas else rows.key_of(row)
        return None if None in values else values

    def held(self, rows: Rows, tables: Tables) -> set[Key | None]:
        return {self.of(rows, row, tables) for row in rows.rows} - {None}

    def known(self, rows: Rows, row: Row, others: Sequence[Rows], tables: Tables) -> bool:
        """Say that one of the others holds a row: by its values, and within one dimension by its key too."""
        is_same = any(self.of(rows, row, tables) in self.held(other, tables) for other in others)
        is_one = rows.dimension is not None and all(rows.dimension == other.dimension for other in others)
        return is_same or (is_one and any(rows.key_of(row) in other.by_key for other in others))


def together(populations: Sequence[Rows], parts: Sequence[Rows], only_common: bool) -> Rows:
    """Lay rows under each other; of several dimensions, or of none, they are numbered. What a row has not got is null."""
    dimensions = {population.dimension for population in populations}
    if len(dimensions) > 1 or dimensions == {None}:
        parts = numbered(parts)
    types = {name: type_ for part in reversed(parts) for name, type_ in part.types.items()}
    if only_common:
        types = {name: types[name] for name in common(parts)}
    return parts[0].of(({name: row.get(name) for name in types} for part in parts for row in part.rows), types)


def common(populations: Sequence[Rows]) -> list[str]:
    return [name for name in populations[0].types if all(name in each.types for each in populations)]


def numbered(parts: Sequence[Rows]) -> list[Rows]:
    """Give rows of no dimension, whose key says the population and the key there."""
    name = "row_id"
    while any(name in part.types for part in parts):
        name += "_"
    return [
        Rows(
            None,
            (name,),
            {name: "text", **part.types},
            tuple({name: ":".join([str(place), *map(str, part.key_of(row))]), **row} for row in part.rows),
        )
        for place, part in enumerate(parts, start=1)
    ]


def union(
    populations: Sequence[Rows],
    match: Match,
    only_common: bool,
    limit: tuple[int, Sequence[Sort]] | None,
    tables: Tables,
) -> dict[str, Rows]:
    """Bring populations together; with a limit they fill it one after the other."""
    parts = [
        each.of(row for row in each.rows if not match.known(each, row, populations[:place], tables))
        for place, each in enumerate(populations)
    ]
    whole = together(populations, parts, only_common)
    if limit is None:
        return {"result": whole}
    count, order = limit
    first: list[Row] = []
    for place in range(len(parts)):
        some = together(
            populations, [part if at == place else part.of([]) for at, part in enumerate(parts)], only_common
        )
        first += ordered(whole, order, tables, some.rows)
    return divided(whole, {"result": first[:count]}, rest="complement")


def intersection(populations: Sequence[Rows], match: Match, only_common: bool, tables: Tables) -> dict[str, Rows]:
    """Keep the rows of the first population that all others hold; bring together those of the rest."""
    first, *others = populations
    held = [match.held(other, tables) for other in others]
    in_all = [row for row in first.rows if all(match.of(first, row, tables) in each for each in held)]
    kept = divided(first, {"result": in_all}, rest="rest")
    parts = [kept["rest"]]
    for place, other in enumerate(others, start=1):
        parts.append(other.of(row for row in other.rows if not match.known(other, row, populations[:place], tables)))
    names = {*first.key, *common(populations)} if only_common else set(first.types)
    result = kept["result"].of(
        ({name: row[name] for name in names} for row in in_all), {name: first.types[name] for name in names}
    )
    return {"result": result, "complement": together(populations, parts, only_common)}


Excludes = Callable[[Row], bool]


def excludes(main: Rows, other: Rows, ours: Match, theirs: Match, tables: Tables) -> Excludes:
    """Say whom a population leaves out: those whose values it holds."""
    held = theirs.held(other, tables)
    return lambda row: ours.of(main, row, tables) in held


def excludes_behind(main: Rows, other: Rows, link: str, tables: Tables) -> Excludes:
    """Say whom a population leaves out: those of whom a link leads to one of its rows."""
    return lambda row: any(
        other.key_of(line) in other.by_key for line in here(main, row, tables).linked(main.dimension or "", link)
    )


def exclusion(main: Rows, rules: Sequence[Excludes]) -> dict[str, Rows]:
    return divided(main, {"complement": [row for row in main.rows if any(rule(row) for rule in rules)]}, rest="result")


@dataclass(frozen=True)
class Merge:
    """What the records kept take: from the first of their group that meets the condition."""

    where: Formula | None
    order: Sequence[Sort]
    columns: Mapping[str, Formula]

    def of(self, rows: Rows, group: Sequence[Row], tables: Tables) -> Row:
        able = [row for row in ordered(rows, self.order, tables, group) if is_true(rows, row, self.where, tables)]
        return {name: each.of(here(rows, able[0], tables)) if able else None for name, each in self.columns.items()}


def deduplication(
    rows: Rows,
    by: Sequence[Formula],
    order: Sequence[Sort],
    keep: int,
    rank: str | None,
    merge: Sequence[Merge],
    tables: Tables,
) -> dict[str, Rows]:
    """Keep the first of each group of equals; who has a null among the criteria is alone in a group."""
    kept: list[Row] = []
    others: list[Row] = []
    for values, group in grouped(rows, by, tables).items():
        for some in [[row] for row in group] if None in values else [ordered(rows, order, tables, group)]:
            ranked = [{**row, **({rank: place} if rank else {})} for place, row in enumerate(some, start=1)]
            first = ranked[: keep or None] if None not in values else ranked
            taken_ = {name: value for part in merge for name, value in part.of(rows, some, tables).items()}
            kept += [{**row, **taken_} for row in first]
            others += ranked[len(first) :]
    ranks = {rank: "integer"} if rank else {}
    merged = {name: each.type for part in merge for name, each in part.columns.items()}
    return {
        "result": rows.of(kept, {**rows.types, **ranks, **merged}),
        "complement": rows.of(others, {**rows.types, **ranks}),
    }


def divided(rows: Rows, parts: Mapping[str, list[Row]], rest: str) -> dict[str, Rows]:
    """Give the parts, and under the name `rest` the rows of none."""
    taken = {rows.key_of(row) for part in parts.values() for row in part}
    return {
        **{name: rows.of(part) for name, part in parts.items()},
        rest: rows.of(row for row in rows.rows if rows.key_of(row) not in taken),
    }


@dataclass(frozen=True)
class Size:
    """How many rows a subset takes, and who comes first: by `order`, or by the hash of seed and key when there is none."""

    count: int | None = None
    percent: Decimal | None = None
    is_of_segment: bool = False
    order: Sequence[Sort] | None = None
    per: Sequence[Formula] = ()
    sizes: Mapping[str, Decimal] = field(default_factory=dict)
    """By the text of a value of `per`, what stands in the place of `count` or `percent`."""
    ends_random: bool = False
    """The hash decides between those whom `order` holds equal."""
    sticky: bool = False

    def of(self, values: Key, base: int) -> int:
        """Give how many rows of a group are taken."""
        written = self.sizes.get(str(values[0])) if values and values[0] is not None else None
        if self.percent is None:
            return self.count or 0 if written is None else int(written)
        return share(self.percent if written is None else written, base)


@dataclass(frozen=True)
class Subset:
    where: Formula | None
    size: Size | None
    code: str | None


def digest(rows: Rows, row: Row, seed: str) -> str:
    text = ":".join([seed, *map(str, rows.key_of(row))])
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Codes:
    """How rows are marked: the code of the complement, whether codes stand behind those that rows have, one output for all."""

    complement: str | None
    append: bool
    single_output: bool


def split(
    name: str, inbound: Rows, subsets: Mapping[str, Subset], overlap: bool, codes: Codes, tables: Tables
) -> dict[str, Rows]:
    """Hand out rows to subsets, in their order."""
    left, parts = list(inbound.rows), {}
    following = [each for each, subset in subsets.items() if subset.size and subset.size.sticky and not subset.where]
    begin = Decimal(0)
    for each, subset in subsets.items():
        some = list(inbound.rows) if overlap else left
        some = [row for row in some if is_true(inbound, row, subset.where, tables)]
        if subset.size is None:
            parts[each] = some
        elif subset.size.sticky:
            first, start = (each, Decimal(0)) if overlap or subset.where else (following[0], begin)
            end = start + (subset.size.percent or 0)
            begin = begin if overlap or subset.where else end
            seed = f"{WORKFLOW}.{name}.{first}"
            parts[each] = [row for row in some if start * 100 <= bucket(inbound, row, seed) < end * 100]
        else:
            parts[each] = taken(inbound, some, subset.size, f"{WORKFLOW}.{name}.{each}", tables)
        if not overlap:
            gone = {inbound.key_of(row) for row in parts[each]}
            left = [row for row in left if inbound.key_of(row) not in gone]
    whole = divided(inbound, parts, rest="complement")
    rest = coded(whole.pop("complement"), codes.complement, codes)
    if not codes.single_output:
        return {**{each: coded(part, subsets[each].code, codes) for each, part in whole.items()}, "complement": rest}
    marked = [coded(part, subsets[each].code or each, codes) for each, part in whole.items()]
    return {"result": marked[0].of(row for part in marked for row in part.rows), "complement": rest}


def bucket(rows: Rows, row: Row, seed: str) -> int:
    return int(digest(rows, row, seed)[:8], 16) % 10_000


def taken(inbound: Rows, some: Sequence[Row], size: Size, seed: str, tables: Tables) -> list[Row]:
    """Take the first of each group: so many, or a share of the group, rounded half up."""
    hashed = Sort(Formula("random", "text", lambda at: digest(inbound, at.row, seed)))
    order = [*(size.order or ()), *([hashed] if size.order is None or size.ends_random else [])]
    bases = grouped(inbound, size.per, tables, some if size.is_of_segment else None)
    found: list[Row] = []
    for values, group in grouped(inbound, size.per, tables, some).items():
        found += ordered(inbound, order, tables, group)[: size.of(values, len(bases[values]))]
    return found


def share(percent: Decimal, base: int) -> int:
    return int((percent * base / 100).quantize(Decimal(1), ROUND_HALF_UP))


def coded(rows: Rows, code: str | None, codes: Codes) -> Rows:
    if code is None:
        return rows
    marked = (
        {**row, "segment_code": (row.get("segment_code") or "") + code if codes.append else code} for row in rows.rows
    )
    return rows.of(marked, {**rows.types, "segment_code": "text"})


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


def equal(one: Any, other: Any) -> bool:
    return one is not None and one == other


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


def reconciliation(
    lines: Rows, dimension: str, keys: Sequence[Sequence[tuple[Formula, Formula]]], order: Sequence[Sort], columns: Sequence[str] | None,
    tables: Tables,
) -> dict[str, Rows]:  # fmt: skip
    """Find the row that each line speaks of, by the first key that it fills in."""
    everybody_ = everybody(dimension, tables)
    parts: dict[str, list[Row]] = {"unmatched": [], "ambiguous": [], "duplicates": []}
    groups: dict[Key, list[Row]] = {}
    for line in lines.rows:
        at = here(lines, line, tables)
        filled = next((pairs for pairs in keys if all(ours.of(at) not in (None, "") for ours, _ in pairs)), None)
        found = [
            row
            for row in (everybody_.rows if filled else ())
            if all(equal(ours.of(at), theirs.of(here(everybody_, row, tables))) for ours, theirs in filled or ())
        ]
        if len(found) == 1:
            groups.setdefault(everybody_.key_of(found[0]), []).append(line)
        else:
            parts["ambiguous" if found else "unmatched"].append(line)
    carried = [name for name in (lines.types if columns is None else columns) if name not in everybody_.key]
    result = []
    for key, group in groups.items():
        first, *others = ordered(lines, order, tables, group)
        result.append({**dict(zip(everybody_.key, key, strict=True)), **{name: first[name] for name in carried}})
        parts["duplicates"] += others
    types = {name: everybody_.types[name] for name in everybody_.key} | {name: lines.types[name] for name in carried}
    return {
        "result": Rows(dimension, everybody_.key, types, tuple(result)),
        **{name: lines.of(part) for name, part in parts.items()},
    }


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
