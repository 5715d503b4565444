"""Random workflows: for each activity how its options are drawn, with the rows that every port has to hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from hypothesis import strategies as st

from tests.properties import adding, sets
from tests.properties.adding import Added, Lines, Refused, Total, With
from tests.properties.drawing import MOST_ACTIVITIES, Drawing, Made, Options, tables
from tests.properties.formulas import (
    LITERALS,
    Scope,
    column_of,
    condition,
    linked_scope,
    lowered,
    order,
    scope_of,
    total,
    value,
)
from tests.properties.rows import (
    DIMENSIONS,
    Dimension,
    Formula,
    Rows,
    Sort,
    everybody,
    refined,
)
from tests.properties.sets import Codes, Match, Merge, Size, Subset


def query(drawing: Drawing, _name: str) -> Made:
    options: Options = {}
    is_whole = not drawing.ports or drawing.is_so()
    if is_whole:
        options["dimension"] = drawing.one_of(DIMENSIONS)
        rows = everybody(options["dimension"], drawing.tables)
    else:
        options["from"] = drawing.port()
        rows = drawing.ports[options["from"]]
    scope = scope_of(rows, is_whole=is_whole)
    where = condition(drawing.draw, scope) if drawing.is_so() else None
    added = _added(drawing, rows, scope)
    found = adding.query(rows, is_whole, where, added, drawing.tables)
    refine = condition(drawing.draw, scope_of(found), depth=1) if drawing.is_so() else None
    options |= {"where": where and where.text, **_written(added), "refine": refine and refine.text}
    return _given(options), {"result": refined(found, refine, drawing.tables)}


def _added(drawing: Drawing, rows: Rows, scope: Scope, link: With | None = None) -> Added:
    values = [value(drawing.draw, scope) for _ in range(drawing.draw(st.integers(0, 2)))]
    keys = {name: link.rows.key if link and name == "with" else _behind(rows, name).key for name in scope.collections}
    lines = [_lines(drawing, name, keys[name], scope) for name in sorted(keys) if drawing.is_so()][:1]
    return Added({f"{each.type}_{drawing.draw(st.integers(1, 2))}": each for each in values}, lines)


def _behind(rows: Rows, link: str) -> Dimension:
    return DIMENSIONS[DIMENSIONS[rows.dimension or ""].links[link].to]


def _lines(drawing: Drawing, link: str, key: Sequence[str], scope: Scope) -> Lines:
    _, inner = scope.collections[link]
    return Lines(
        link,
        key,
        where=condition(drawing.draw, inner, depth=1) if drawing.is_so() else None,
        order=order(drawing.draw, inner) or [Sort(inner.columns[0])],
        count=drawing.draw(st.integers(1, 2)),
        add={f"line_{each.type}": each for each in [value(drawing.draw, inner, depth=1)]},
    )


def _written(added: Added) -> Options:
    """Give the options `add` and `lines` as an author writes them."""
    lines = [
        _given({
            "of": each.link, "where": each.where and each.where.text, "order": [sort.text for sort in each.order], "count": each.count,
            "add": {name: formula.text for name, formula in each.add.items()},
        })
        for each in added.lines
    ]  # fmt: skip
    return {"add": {name: each.text for name, each in added.add.items()}, "lines": lines}


def _given(options: Options) -> Options:
    return {name: each for name, each in options.items() if each is not None}


def union(drawing: Drawing, _name: str) -> Made:
    names, populations, match, options = _matched(drawing)
    limit = None
    if drawing.is_so():
        limit = (drawing.draw(st.integers(0, 4)), _common_order(drawing, populations))
        options["limit"] = {"count": limit[0], "by": [each.text for each in limit[1]]}
    is_common = options.get("columns") == "common"
    return {"from": names, **options}, sets.union(populations, match, is_common, limit, drawing.tables)


def intersection(drawing: Drawing, _name: str) -> Made:
    names, populations, match, options = _matched(drawing)
    is_common = options.get("columns") == "common"
    return {"from": names, **options}, sets.intersection(populations, match, is_common, drawing.tables)


def exclusion(drawing: Drawing, _name: str) -> Made:
    (main, *names), (rows, *excluded) = drawing.several()
    if not names:
        names, excluded = [main], [rows]
    match, written = _match(drawing, [rows, *excluded])
    rules = [sets.excludes(rows, other, match, match, drawing.tables) for other in excluded]
    options = {"match": written} if written else {}
    for way in (_by_link, _by_pairs):
        other = drawing.port()
        if drawing.is_so() and other not in names and (rule := way(drawing, rows, drawing.ports[other])):
            names.append(other)
            options.setdefault("rules", {})[other] = rule[0]
            rules.append(rule[1])
    return {"from": main, "exclude": names, **options}, sets.exclusion(rows, rules)


def _matched(drawing: Drawing) -> tuple[list[str], list[Rows], Match, Options]:
    """Draw populations, what they have in common, and whether only their common columns are wanted."""
    names, populations = drawing.several(mixed=drawing.is_so())
    match, written = _match(drawing, populations)
    options: Options = {"match": written} if written else {}
    return names, populations, match, options | ({"columns": "common"} if drawing.is_so() else {})


def _match(drawing: Drawing, populations: list[Rows]) -> tuple[Match, list[str]]:
    """Draw what rows have in common: the key where it can be, the columns, or expressions over them."""
    is_one = len({rows.dimension for rows in populations}) == 1
    names = [
        name for name in sets.common(populations)
        if len({rows.dimension or id(rows) for rows in populations if name in rows.key}) < 2
    ]  # fmt: skip
    if is_one and populations[0].dimension and (not names or drawing.is_so()):
        return Match(), []
    columns = [column_of(populations[0].types[name], name) for name in names]
    if drawing.is_so():
        return Match(columns), ["columns"]
    some = drawing.draw(st.lists(st.sampled_from(columns), min_size=1, max_size=2, unique_by=lambda each: each.text))
    some = [lowered(each) if each.type == "text" and drawing.is_so() else each for each in some]
    return Match(some), [each.text for each in some]


def _common_order(drawing: Drawing, populations: list[Rows]) -> list[Sort]:
    names = sets.common(populations)
    columns = [column_of(populations[0].types[name], name) for name in names]
    return [Sort(drawing.one_of(columns), drawing.is_so(), drawing.is_so())] if columns and drawing.is_so() else []


Ruled = tuple[Options, sets.Excludes] | None


def _by_link(drawing: Drawing, main: Rows, other: Rows) -> Ruled:
    links = DIMENSIONS[main.dimension].links if main.dimension else {}
    names = [name for name, link in links.items() if link.to == other.dimension]
    if not names:
        return None
    link = drawing.one_of(names)
    return {"link": link}, sets.excludes_behind(main, other, link, drawing.tables)


def _by_pairs(drawing: Drawing, main: Rows, other: Rows) -> Ruled:
    ours = drawing.one_of(scope_of(main).columns)
    theirs = [each for each in scope_of(other).columns if each.type == ours.type]
    if not theirs:
        return None
    their = drawing.one_of(theirs)
    return {"on": {ours.text: their.text}}, sets.excludes(main, other, Match([ours]), Match([their]), drawing.tables)


def deduplication(drawing: Drawing, _name: str) -> Made:
    name = drawing.port()
    rows = drawing.ports[name]
    scope, by, keep = scope_of(rows), drawing.formulas(rows), drawing.draw(st.integers(0, 2))
    sorts, rank = order(drawing.draw, scope), "integer_9" if drawing.is_so() else None
    merge = [
        Merge(
            condition(drawing.draw, scope, depth=1) if drawing.is_so() else None,
            order(drawing.draw, scope),
            {f"{each.type}_{place}": each},
        )
        for place, each in enumerate(drawing.formulas(rows, least=0))
    ]
    written = [
        _given({
            "where": each.where and each.where.text, "order": [sort.text for sort in each.order],
            "columns": {column: formula.text for column, formula in each.columns.items()},
        })
        for each in merge
    ]  # fmt: skip
    options = {"by": [each.text for each in by], "order": [each.text for each in sorts], "keep": keep, "rank": rank}
    found = sets.deduplication(rows, by, sorts, keep, rank, merge, drawing.tables)
    return _given({"from": name, **options, "merge": written}), found


def split(drawing: Drawing, name: str) -> Made:
    source = drawing.port()
    rows = drawing.ports[source]
    overlap, subsets, written = drawing.is_so(), {}, {}
    for each in ("x", "y", "z")[: drawing.draw(st.integers(1, 3))]:
        where = condition(drawing.draw, scope_of(rows)) if drawing.is_so() else None
        size = _size(drawing, rows) if drawing.draw(st.integers(0, 3)) else None
        code = drawing.one_of(("A", "é", None))
        subsets[each] = Subset(where, size, code)
        options = {"where": where and where.text, "limit": size and _limit(size), "code": code}
        written[each] = _given(options)
    codes = Codes(drawing.one_of(("rest", None)), drawing.is_so(), not overlap and drawing.is_so())
    options = {
        "from": source, "subsets": written, "overlap": overlap, "single_output": codes.single_output or None,
        "codes": "append" if codes.append else None, "complement": {"code": codes.complement} if codes.complement else None,
    }  # fmt: skip
    return _given(options), sets.split(name, rows, subsets, overlap, codes, drawing.tables)


def _size(drawing: Drawing, rows: Rows) -> Size:
    if drawing.draw(st.integers(0, 3)) == 0:
        return Size(percent=Decimal(drawing.one_of(("10", "12.5", "30", "33.3"))), sticky=True)
    is_share = drawing.draw(st.integers(0, 2)) > 0
    per = drawing.formulas(rows, least=0)
    sizes = {}
    if len(per) == 1 and per[0].type != "decimal" and drawing.is_so():
        values = drawing.draw(st.lists(st.sampled_from([str(each) for each in LITERALS[per[0].type]]), max_size=2))
        sizes = {
            each: Decimal(drawing.one_of(("0", "1", "50") if is_share else ("0", "1", "2"))) for each in values if each
        }
    sorts = (order(drawing.draw, scope_of(rows)) or None) if drawing.is_so() else None
    return Size(
        count=None if is_share else drawing.draw(st.integers(0, 3)),
        percent=Decimal(drawing.one_of(("25", "50", "66.6", "100"))) if is_share else None,
        is_of_segment=is_share and drawing.is_so(),
        order=sorts,
        per=per,
        sizes=sizes,
        ends_random=sorts is not None and drawing.is_so(),
    )


def _limit(size: Size) -> Options:
    by = [each.text for each in size.order or ()] + (["random"] if size.order is None or size.ends_random else [])
    options: Options = {"by": by}
    options |= {"count": size.count} if size.percent is None else {"percent": str(size.percent)}
    options |= {"of": "segment"} if size.is_of_segment else {}
    options |= {"per": [each.text for each in size.per]} if size.per else {}
    options |= {"sizes": {name: str(each) for name, each in size.sizes.items()}} if size.sizes else {}
    return options | ({"sticky": "true"} if size.sticky else {})


def enrichment(drawing: Drawing, _name: str) -> Made:
    name = drawing.port()
    rows = drawing.ports[name]
    options: Options = {"from": name}
    link, scope = None, scope_of(rows)
    other = drawing.port()
    pairs = _pairs(drawing, rows, drawing.ports[other])
    if other != name and pairs and drawing.draw(st.integers(0, 3)):
        theirs = drawing.ports[other]
        is_covered = set(theirs.key) <= set(pairs.values())
        finds = drawing.one_of(("one", "at_most_one") if is_covered else ("one", "at_most_one", "many"))
        columns = [column_of(type_, name) for name, type_ in theirs.types.items()]
        sorts = [Sort(drawing.one_of(columns), drawing.is_so())] if finds != "many" and drawing.is_so() else []
        link = With(theirs, pairs, finds, sorts, is_followed=False)
        options |= {"with": other, "on": pairs, "finds": finds, "order": [each.text for each in sorts]}
        scope = linked_scope(scope, theirs.types, is_many=finds == "many")
    added = _added(drawing, rows, scope, link)
    if link:
        link = replace(link, is_followed="with." in str(_written(added)))
    keeps_all = drawing.is_so()
    options |= {**_written(added), "keep": "all" if keeps_all else "added"}
    try:
        ports = adding.enrichment(rows, link, added, keeps_all, None, drawing.tables)
    except Refused:
        drawing.refused = _name
        return options, {}
    refine = condition(drawing.draw, scope_of(ports["result"]), depth=1) if drawing.is_so() else None
    if refine:
        options["refine"] = refine.text
        ports = adding.enrichment(rows, link, added, keeps_all, refine, drawing.tables)
    return options, ports


def _pairs(drawing: Drawing, rows: Rows, theirs: Rows) -> dict[str, str]:
    """Draw a column of ours and one of theirs that may be equal."""
    pairs = [
        (ours, their) for ours, type_ in rows.types.items() for their, other in theirs.types.items() if type_ == other
    ]
    return dict([drawing.one_of(pairs)]) if pairs else {}


def _instead(drawing: Drawing, name: str) -> Made:
    """Draw a query, where another activity cannot be."""
    options, ports = query(drawing, name)
    return {"type": "query", **options}, ports


def change_dimension(drawing: Drawing, _name: str) -> Made:
    name = drawing.port()
    rows = drawing.ports[name]
    paths = [path for path in PATHS if rows.dimension == path[0]]
    if not paths:
        return _instead(drawing, _name)
    _, *path = drawing.one_of(paths)
    keep, scope = drawing.draw(st.integers(0, 2)), scope_of(rows)
    sorts = order(drawing.draw, scope)
    add: dict[str, Formula | Total] = {
        f"{each.type}_{number}": each
        for number, each in enumerate([value(drawing.draw, scope, depth=1) for _ in range(2)], start=1)
    }
    if drawing.is_so():
        each = total(drawing.draw, scope)
        add[f"{each.type}_3"] = each
    options = {"from": name, "to": ".".join(path), "keep": keep, "order": [each.text for each in sorts]}
    options["add"] = {name: each.text for name, each in add.items()}
    return options, adding.change_dimension(rows, path, keep, sorts, add, drawing.tables)


PATHS = [
    (name, *path)
    for name, dimension in DIMENSIONS.items()
    for first, link in dimension.links.items()
    for path in ([first], *([first, second] for second in DIMENSIONS[link.to].links))
]


def reconciliation(drawing: Drawing, _name: str) -> Made:
    name = drawing.port()
    lines, dimension = drawing.ports[name], drawing.one_of(DIMENSIONS)
    whole = scope_of(everybody(dimension, drawing.tables), is_whole=True)
    ours, keys = scope_of(lines), []
    for _ in range(drawing.draw(st.integers(1, 2))):
        pairs = {}
        for _ in range(drawing.draw(st.integers(1, 2))):
            one = drawing.one_of(ours.columns)
            alike = [each for each in whole.columns if each.type == one.type]
            pairs[one.text] = (one, drawing.one_of(alike)) if alike else None
        keys.append([pair for pair in pairs.values() if pair])
    keys = [pairs for pairs in keys if pairs]
    if not keys:
        return _instead(drawing, _name)
    sorts = order(drawing.draw, ours)
    columns = None if drawing.is_so() else drawing.draw(st.lists(st.sampled_from(sorted(lines.types)), unique=True))
    written = [{one.text: their.text for one, their in pairs} for pairs in keys]
    options = _given(
        {
            "from": name,
            "dimension": dimension,
            "keys": written,
            "order": [each.text for each in sorts],
            "columns": columns,
        }
    )
    return options, sets.reconciliation(lines, dimension, keys, sorts, columns, drawing.tables)


def edit_schema(drawing: Drawing, _name: str) -> Made:
    name = drawing.port()
    rows = drawing.ports[name]
    columns = [each for each in rows.types if each not in rows.key]
    drawn = drawing.draw(st.lists(st.sampled_from(columns), unique=True, max_size=3)) if columns else []
    rename = {old: f"{rows.types[old]}_{place}" for place, old in enumerate(drawn[:1], start=5)}
    remove = drawn[1:]
    add = {f"{each.type}_{place}": each for place, each in enumerate(drawing.formulas(rows, least=0), start=1)}
    keeps_all = drawing.is_so()
    if set(rename.values()) & (rows.types.keys() - rename.keys()):
        rename = {}
    options = {"from": name, "rename": rename, "remove": remove, "add": {each: add[each].text for each in add}}
    options["keep"] = "all" if keeps_all else "added"
    return options, adding.edit_schema(rows, rename, remove, add, keeps_all, drawing.tables)


KINDS: Mapping[str, Callable[[Drawing, str], Made]] = {
    each.__name__: each
    for each in (
        query,
        union,
        intersection,
        exclusion,
        deduplication,
        split,
        enrichment,
        change_dimension,
        reconciliation,
        edit_schema,
    )
}


@st.composite
def workflows(draw: st.DrawFn) -> Drawing:
    """Draw tables and a workflow over them."""
    drawing = Drawing(draw, draw(tables()))
    for number in range(1, draw(st.integers(3, MOST_ACTIVITIES)) + 1):
        kind = drawing.one_of((*KINDS, "split", "split")) if number > 2 else "query"  # which has the most to say
        options, ports = KINDS[kind](drawing, f"a{number}")
        drawing.activities[f"a{number}"] = {"type": kind, **options}
        for port, rows in ports.items():
            drawing.ports[f"a{number}" if port == "result" else f"a{number}.{port}"] = rows
        if drawing.refused:
            break
    return drawing
