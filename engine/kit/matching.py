"""Holding populations against each other, by key or by values of their rows; and laying their rows together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated, Any, Literal, NamedTuple

import sqlalchemy as sa
from pydantic import PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from engine.kit.dialect import Dialect
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr
from engine.kit.expression.reading import ANY_TEXT, allow, author_checked
from engine.kit.expression.rows import semi_joined
from engine.kit.expression.value import Value, alike, common_type, null_of
from engine.kit.frame import Frame
from engine.kit.option import Some, option, wrong
from engine.kit.population import Population, key_text, unused
from engine.kit.types import NULL, TEXT, Kind, Type, to_sqlalchemy

KEY, COLUMNS = "key", "columns"
ROW_ID = "row_id"

Match = Some[Expr]
MATCH = option(
    "What rows of two populations have in common: their `key`; the `columns` that all populations have, by name; or expressions, "
    "read in each of them.",
    default=(Expr(KEY),),
    example=["lower(email)"],
)  # fmt: skip
Kept = Literal["all", "common"]


def _pairs(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, tuple):
        return value
    texts = [text for pair in value.items() for text in pair] if isinstance(value, dict) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise wrong("pairs are wanted here, ours and theirs", "write {email: mail}")
    for text in texts:
        allow(text, info)
    read = author_checked(lambda: [Expr(text, getattr(text, "span", None)) for text in texts])
    return tuple(map(Pair, read[::2], read[1::2]))


class Pair(NamedTuple):
    """An expression of our rows, and one of theirs."""

    ours: Expr
    theirs: Expr


JoinPairs = Annotated[
    tuple[Pair, ...],
    PlainValidator(_pairs),
    PlainSerializer(lambda pairs: {str(ours): str(theirs) for ours, theirs in pairs}),
    WithJsonSchema({"type": "object", "additionalProperties": ANY_TEXT, "minProperties": 1}),
]
"""An expression of ours by one of theirs; rows go together where all are equal."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """A population, and the values of its rows that are held against another's."""

    frame: Frame
    values: tuple[Value, ...]
    has_key_too: bool = False
    """Rows with one key are the same, whatever their values."""

    def is_in(self, other: Side) -> sa.ColumnElement[bool]:
        """Say of a row of ours that the other population holds one whose values are all equal. A null equals nothing; never null."""
        labelled = (value.sql.label(f"value_{place}") for place, value in enumerate(other.values))
        theirs = other.frame.select(*labelled).subquery()
        ours = [value.sql for value in self.values]
        return semi_joined(self.frame.catalog, ours, list(theirs.c), theirs, [], [theirs])

    def is_unknown_to(self, other: Side) -> sa.ColumnElement[bool]:
        """Say of a row of ours that the other population does not hold the same."""
        if not self.has_key_too:
            return ~self.is_in(other)
        return sa.and_(~self.is_in(other), ~self.frame.population.matches(other.frame.population))


def is_by_key(match: Sequence[Expr]) -> bool:
    return [each.text for each in match] == [KEY]


def sides(match: Sequence[Expr], frames: Sequence[Frame]) -> tuple[Side, ...]:
    """Give the populations with the values by which `match` holds them against each other.

    Raises AuthorError where keys, or values, do not mean the same in all of them.
    """
    populations = [frame.population for frame in frames]
    if is_by_key(match):
        agree(populations)
        return tuple(Side(frame=frame, values=_key(frame.population)) for frame in frames)
    if alone := next((each for each in match if len(match) > 1 and each.text in (KEY, COLUMNS)), None):
        fix = f"write 'match: {alone}', or row.{alone} for a column of that name"
        raise AuthorError.at(alone.span, "E407", f"'{alone}' stands alone in a match", fix)
    written = _in_common(populations, match[0]) if [each.text for each in match] == [COLUMNS] else match
    by_side = [frame.identities(written) for frame in frames]
    by_value = [alike_in_all(written[place], frames, values) for place, values in enumerate(zip(*by_side, strict=True))]
    is_one = is_of_one_dimension(populations)
    return tuple(
        Side(frame=frame, values=values, has_key_too=is_one)
        for frame, values in zip(frames, zip(*by_value, strict=True), strict=True)
    )


def joined(ours: Frame, theirs: Frame, pairs: Iterable[tuple[Expr, Expr]]) -> tuple[Side, Side]:
    """Give two populations with the values that pairs of expressions hold against each other."""
    compiled = [
        alike_in_all(our, (ours, theirs), (*ours.identities([our]), *theirs.identities([their])))
        for our, their in pairs
    ]
    mine, others = zip(*compiled, strict=True)
    return Side(frame=ours, values=mine), Side(frame=theirs, values=others)


def alike_in_all(written: Expr, frames: Sequence[Frame], values: Sequence[Value]) -> tuple[Value, ...]:
    """Give values of several populations as one type; AuthorError at the expression where they have none in common."""
    type_ = common_type([value.type for value in values])
    if type_ is None:
        listed = " and ".join(dict.fromkeys(str(value.type) for value in values))
        raise AuthorError.at(
            written.span,
            "E402",
            f"the populations have values of other types for '{written}': {listed}",
            "bring them to one type, for example with to_integer(…) or to_string(…)",
        )
    return tuple(Value(sql, type_) for sql in alike(frames[0].catalog.dialect, values, type_))


def _key(population: Population) -> tuple[Value, ...]:
    return tuple(Value(population.column(name), population.columns[name]) for name in population.key)


def _in_common(populations: Sequence[Population], word: Expr) -> tuple[Expr, ...]:
    """Give the columns of all; keys of several dimensions, and line numbers, have nothing in common but their name."""
    shared = [name for name in in_all(populations) if len(_worlds(populations, name)) < 2]
    if not shared:
        raise AuthorError.at(
            word.span, "E407", "the populations have no column in common", "write expressions: 'match: [lower(email)]'"
        )
    return tuple(Expr('row."' + name.replace('"', '""') + '"', word.span) for name in shared)


def _worlds(populations: Sequence[Population], name: str) -> set[object]:
    """Give the dimensions whose key has the column; rows without one are each a dimension of their own."""
    return {population.dimension or id(population) for population in populations if name in population.key}


def in_all(populations: Sequence[Population]) -> list[str]:
    """Name the columns that all have, in the order of the first."""
    return [name for name in populations[0].columns if all(name in other.columns for other in populations)]


def is_of_one_dimension(populations: Sequence[Population]) -> bool:
    dimensions = {population.dimension for population in populations}
    return len(dimensions) == 1 and dimensions != {None}


def agree(populations: Sequence[Population]) -> None:
    """Check that the keys of all mean the same; AuthorError when the dimensions differ or rows are not reconciled yet."""
    dimensions = {population.dimension for population in populations}
    if not is_of_one_dimension(populations):
        listed = ", ".join(sorted(name or "rows without a dimension" for name in dimensions))
        raise AuthorError.at(
            None,
            "E401",
            f"these populations cannot be compared by key: {listed}",
            "write what they have in common, such as 'match: [lower(email)]', or bring them to one dimension first",
        )
    keys = {population.key for population in populations}
    if len(keys) > 1:
        listed = " and ".join(sorted("(" + ", ".join(key) + ")" for key in keys))
        raise AuthorError.at(
            None, "E405", f"these populations of one dimension have other keys: {listed}", "fill the older list again"
        )


def stacked(populations: Sequence[Population]) -> Population:
    """Give the rows of all, one per key: that of the first population that holds it."""
    agree(populations)
    return laid([population.without(*populations[:place]) for place, population in enumerate(populations)])


def fresh(all_sides: Sequence[Side], place: int) -> Population:
    """Give the rows of one of several populations that none before it holds."""
    side = all_sides[place]
    return side.frame.where(*(side.is_unknown_to(earlier) for earlier in all_sides[:place]))


def with_one_key(parts: Sequence[Population], dialect: Dialect) -> Sequence[Population]:
    """Give populations whose rows can be laid together: of one dimension they keep its key.

    Others get the key `row_id`, the number of the population and the key there, such as `2:4711`, and are of no dimension. In it a
    null is `%`.
    """
    if is_of_one_dimension(parts):
        agree(parts)
        return parts
    name = unused(ROW_ID, chain.from_iterable(part.columns for part in parts))
    return [
        _renumbered(part, name, sa.literal(f"{place}:", sa.String()) + key_text(dialect, part, null="%"))
        for place, part in enumerate(parts, start=1)
    ]


def _renumbered(part: Population, name: str, number: sa.ColumnElement[str]) -> Population:
    numbered = part.of(sa.select(number.label(name), *part.select().selected_columns), {name: TEXT})
    return replace(numbered, key=(name,), dimension=None, unique=part.unique and len(part.key) == 1)


def laid(parts: Sequence[Population], columns: Kept = "all") -> Population:
    """Give the rows of all under each other; the caller knows that their keys mean the same, and that none stands twice.

    Columns are those of all, null where absent, or the `common` ones beside the key. A decimal has as many digits as the longest of
    its name, and digits nobody knows when one of them has; what is only null has the type of the others.
    """
    types = _types(parts)
    if columns == "common":
        types = {name: types[name] for name in in_all(parts)}
    nothing = {name: _nothing(name, type_, parts) for name, type_ in types.items()}
    selected = [
        sa.select(*(_as_type(part, name, type_, nothing[name]) for name, type_ in types.items())) for part in parts
    ]
    relation = sa.union_all(*selected).subquery() if len(parts) > 1 else selected[0].subquery()
    return replace(parts[0], relation=relation, columns=types, count=None, unique=all(part.unique for part in parts))


def _types(parts: Sequence[Population]) -> dict[str, Type]:
    columns: dict[str, Type] = {}
    for part in parts:
        for name, type_ in part.columns.items():
            known = columns.setdefault(name, type_)
            if NULL in (known, type_):
                columns[name] = type_ if known == NULL else known
            elif known.kind != type_.kind:
                raise AuthorError.at(
                    None,
                    "E402",
                    f"the column '{name}' is {known} in one population and {type_} in another",
                    "rename one of them where it is added",
                )
            elif known.scale is not None and (type_.scale is None or type_.scale > known.scale):
                columns[name] = type_
    return columns


def _nothing(name: str, type_: Type, parts: Sequence[Population]) -> Any:
    """Give a null of a column's type; of one that is only carried, whose type nobody knows, as the database has it."""
    if type_.kind != Kind.OTHER:
        return sa.cast(sa.null(), to_sqlalchemy(type_))
    part = next(part for part in parts if part.columns.get(name) == type_)
    return sa.select(part.column(name)).where(sa.false()).scalar_subquery()


def _as_type(population: Population, name: str, type_: Type, nothing: Any) -> sa.ColumnElement[Any]:
    if name not in population.columns or population.columns[name] == NULL != type_:
        return nothing.label(name)  # type: ignore[no-any-return]
    if population.columns[name] == type_:
        return population.column(name)
    if population.columns.get(name, NULL) == NULL:
        return null_of(type_).label(name)
    exact = sa.Numeric() if type_.scale is None else sa.Numeric(38, type_.scale)
    return sa.cast(population.column(name), exact).label(name)
