"""Reconciliation: the rows of a dimension that rows from elsewhere speak of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import sqlalchemy as sa

from engine.kit.activity import FROM, RESULT, Port, Staged
from engine.kit.catalog import Catalog, Dimension
from engine.kit.errors import AuthorError, suggestion
from engine.kit.expression import Expr, SortKey, tree
from engine.kit.expression.rows import is_declared_unique, least
from engine.kit.expression.value import Value
from engine.kit.frame import Frame
from engine.kit.matching import JoinPairs, Side, joined
from engine.kit.option import Many, Name, Some, option
from engine.kit.population import Inputs, Population
from engine.kit.types import INTEGER, TEXT, Type

FOUND, PLACE = "found", "place"


class Reconciliation(Staged):
    """Find the row of a dimension that each line speaks of, by one or more keys.

    The lines are rows of a file or list, of no dimension or of another one. A key is pairs of expressions, of ours and of the dimension's,
    which all must be equal. A line is looked up by the first key it fills in, and by no other: a null, or an empty text, on our side
    of any of its pairs leaves a key empty, and the next one is tried.

    Every line goes to one output. `unmatched` are lines that find nobody or fill in no key, `ambiguous` those that find more than one row;
    a row whose own key holds a null is found by none. Of
    lines that find the same row the first one in `order` gets into the result, the others are `duplicates`; the line's own key decides
    where nothing is written, and between equals, so `order: -line` lets the last line win. The result holds the rows found, once
    each, with the columns of their line; one that is called like the dimension's key gives way to it. The other outputs are lines as they
    came, and are counted even where nobody reads them.
    (Campaign: the reconciliation of an enrichment, where a line that finds several rows multiplies, and the second key of an import.)
    """

    type: ClassVar[str] = "reconciliation"
    inputs: ClassVar[tuple[Port, ...]] = (Port(name="from", doc="The lines to reconcile."),)
    example: ClassVar[Mapping[str, object]] = {
        "dimension": "household",
        "keys": [{"crm_id": "crm_id"}, {"lower(email)": "lower(email)", "city": "city"}],
    }

    dimension: Name = option("The dimension whose rows are looked for.", example="household")
    keys: Some[JoinPairs] = option(
        "What finds a row: pairs of an expression of ours and one of the dimension's. The first key that a line fills in is used.",
        example=[{"crm_id": "crm_id"}, {"lower(email)": "lower(email)"}],
    )
    order: Many[SortKey] = option(
        "Which line comes first where several find the same row.", default=(), example=["-line"]
    )
    columns: Many[Name] | None = option(
        "The columns of the lines that go with the rows found; all when not written.", default=None, example=["source"]
    )

    @property
    def adds_up(self) -> bool:
        return True

    def outputs(self) -> tuple[Port, ...]:
        return (
            RESULT,
            Port(name="unmatched", doc="Lines that find nobody."),
            Port(name="ambiguous", doc="Lines that find more than one row."),
            Port(name="duplicates", doc="Lines that find a row which an earlier line has found."),
        )

    def stage(self, inputs: Inputs, catalog: Catalog) -> Population:
        """Put beside each line how many rows it finds, the key of a single one, and its place among the lines that find this one."""
        lines, dimension = inputs[FROM.name], self._dimension(catalog)
        looked_up, finds = self._looked_up(lines, dimension, catalog)
        frame = Frame(looked_up, catalog)
        found = sa.func.coalesce(*(find.rows for find in finds), sa.literal(0, sa.Integer()))
        keys = [_first(columns) for columns in zip(*(find.key for find in finds), strict=True)]
        alone = (sa.case((found != 1, column)) for column in looked_up.key_columns)  # so that no other lines are sorted
        place = sa.func.row_number().over(partition_by=[*keys, *alone], order_by=frame.order(self.order))
        names = self._marks(lines, dimension)
        marks = (column.label(name) for name, column in zip(names, (*keys, found, place), strict=True))
        rows = frame.select(*(looked_up.column(name) for name in lines.columns), *marks)
        for find in finds:
            rows = rows.outerjoin(find.relation, find.is_it)
        types = (*(dimension.columns[name] for name in dimension.key), INTEGER, INTEGER)
        return lines.of(rows, dict(zip(names, types, strict=True)))

    def cut(self, staged: Population, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        lines, dimension = inputs[FROM.name], self._dimension(catalog)
        *marks, found, place = (staged.column(name) for name in self._marks(lines, dimension))
        carried = [name for name in self._carried(lines) if name not in dimension.key]
        keys = [column.label(name) for name, column in zip(dimension.key, marks, strict=True)]
        statement = sa.select(*keys, *(staged.column(name) for name in carried)).where(found == 1, place == 1)
        types = {name: dimension.columns[name] for name in dimension.key}
        rows = staged.select(lines.columns)
        return {
            "result": Population(
                relation=statement.subquery(),
                key=dimension.key,
                columns={**types, **{name: lines.columns[name] for name in carried}},
                dimension=dimension.name,
                unique=True,
            ),
            "unmatched": staged.of(rows.where(found == 0)),
            "ambiguous": staged.of(rows.where(found > 1)),
            "duplicates": staged.of(rows.where(found == 1, place > 1)),
        }

    def _dimension(self, catalog: Catalog) -> Dimension:
        return catalog.dimension(self.dimension)

    def _carried(self, lines: Population) -> Sequence[str]:
        for name in self.columns or ():
            if name not in lines.columns:
                fix = suggestion(name, lines.columns, "columns")
                raise AuthorError.at(getattr(name, "span", None), "E301", f"there is no column '{name}'", fix)
        return tuple(lines.columns) if self.columns is None else self.columns

    def _marks(self, lines: Population, dimension: Dimension) -> list[str]:
        keys = (f"{FOUND}_{place}" for place in range(len(dimension.key)))
        return [lines.unused(name) for name in (*keys, FOUND, PLACE)]

    def _looked_up(self, lines: Population, dimension: Dimension, catalog: Catalog) -> tuple[Population, list[_Find]]:
        """Give the lines beside the values by which each is looked up, and for every key what they find."""
        frame = Frame(lines, catalog)
        is_free: sa.ColumnElement[bool] = sa.true()
        values: dict[str, tuple[sa.ColumnElement[Any], Type]] = {}
        wanted: list[tuple[list[str], sa.Subquery, bool]] = []
        for number, pairs in enumerate(self.keys):
            everyone = Frame(dimension.population(), catalog)
            ours, theirs = joined(frame, everyone, pairs)
            is_filled = sa.and_(*map(_is_filled, ours.values))
            names = [lines.unused(f"key_{number}_{place}") for place in range(len(pairs))]
            values.update(
                (name, (sa.case((sa.and_(is_free, is_filled), value.sql)), value.type))
                for name, value in zip(names, ours.values, strict=True)
            )
            wanted.append((names, _rows(everyone, theirs, dimension), _is_unique(dimension, pairs)))
            is_free = sa.and_(is_free, ~is_filled)
        columns = [lines.column(name) for name in lines.columns]
        added = (sql.label(name) for name, (sql, _) in values.items())
        looked_up = lines.of(frame.select(*columns, *added), {name: type_ for name, (_, type_) in values.items()})
        return looked_up, [_found(looked_up, dimension, catalog, *each) for each in wanted]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Find:
    """What lines find by one key: at most one row a line."""

    relation: sa.Subquery
    is_it: sa.ColumnElement[bool]
    """How a line is joined to it."""
    key: Sequence[sa.ColumnElement[Any]]
    rows: sa.ColumnElement[Any]


def _is_filled(value: Value) -> sa.ColumnElement[bool]:
    is_there = value.sql.is_not(None)
    return sa.and_(is_there, value.sql != sa.literal("", sa.String())) if value.type == TEXT else is_there


def _rows(everyone: Frame, theirs: Side, dimension: Dimension) -> sa.Subquery:
    """Give the keys of the dimension's rows beside the values by which they are found; a key with a null names no row."""
    values = (value.sql.label(f"value_{place}") for place, value in enumerate(theirs.values))
    keys = (column.label(f"found_{place}") for place, column in enumerate(everyone.population.key_columns))
    named = () if dimension.is_key_declared else (column.is_not(None) for column in everyone.population.key_columns)
    return everyone.select(*values, *keys).where(*named).subquery()


def _is_unique(dimension: Dimension, pairs: Sequence[tuple[Expr, Expr]]) -> bool:
    """Say that the database keeps rows from being equal in all of these: a line then finds one at most."""
    names = {theirs.tree.parts[-1] for _, theirs in pairs if isinstance(theirs.tree, tree.Name)}
    plain = [theirs for _, theirs in pairs if isinstance(theirs.tree, tree.Name) and len(theirs.tree.parts) == 1]
    return len(plain) == len(pairs) and is_declared_unique(dimension.table, names)


def _found(
    lines: Population, dimension: Dimension, catalog: Catalog, names: Sequence[str], rows: sa.Subquery, is_unique: bool
) -> _Find:
    places = range(len(dimension.key))
    if is_unique:
        is_it = sa.and_(*(lines.column(name) == rows.c[f"value_{place}"] for place, name in enumerate(names)))
        key = [rows.c[f"found_{place}"] for place in places]
        return _Find(
            relation=rows, is_it=is_it, key=key, rows=sa.case((key[0].is_not(None), sa.literal(1, sa.Integer())))
        )
    again = lines.relation.alias()
    ours = [again.c[name].label(f"line_{place}") for place, name in enumerate(lines.key)]
    grouped = (
        sa.select(
            *ours,
            sa.func.count().label("rows"),
            *(
                least(rows.c[f"found_{place}"], dimension.columns[name], catalog.dialect).label(f"found_{place}")
                for place, name in enumerate(dimension.key)
            ),
        )
        .select_from(again)
        .join(rows, sa.and_(*(again.c[name] == rows.c[f"value_{place}"] for place, name in enumerate(names))))
        .group_by(*(again.c[name] for name in lines.key))
        .subquery()
    )
    is_it = sa.and_(*(lines.column(name) == grouped.c[f"line_{place}"] for place, name in enumerate(lines.key)))
    return _Find(
        relation=grouped, is_it=is_it, key=[grouped.c[f"found_{place}"] for place in places], rows=grouped.c.rows
    )


def _first(columns: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    return columns[0] if len(columns) == 1 else sa.func.coalesce(*columns)
