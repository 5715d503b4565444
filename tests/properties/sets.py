"""What the activities that keep, divide and match rows mean, over plain rows: from DSL.md and the reference pages, and from no SQL of ours."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from tests.properties.rows import (
    WORKFLOW,
    Formula,
    Key,
    Row,
    Rows,
    Sort,
    Tables,
    divided,
    equal,
    everybody,
    grouped,
    here,
    is_true,
    ordered,
)


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
            tuple({name: ":".join([str(place), *_written(part.key_of(row))]), **row} for row in part.rows),
        )
        for place, part in enumerate(parts, start=1)
    ]


def _written(key: Key) -> list[str]:
    """Write the parts of a key, so that no two keys are one text."""
    texts = [str(part) for part in key]
    return [each.replace("%", "%25").replace(":", "%3A") for each in texts] if len(texts) > 1 else texts


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
