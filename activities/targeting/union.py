"""Union: everybody who is in at least one of the populations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, ClassVar

import sqlalchemy as sa

from engine.kit.activity import RESULT, Port, Staged
from engine.kit.catalog import Catalog
from engine.kit.expression import SortKey
from engine.kit.frame import Frame
from engine.kit.limit import settled
from engine.kit.matching import MATCH, Kept, Match, fresh, laid, sides, with_one_key
from engine.kit.option import Integer, Many, Options, option
from engine.kit.population import Inputs, Population, unused
from engine.kit.types import BOOLEAN, INTEGER

ORIGIN, MARK = "origin", "is_kept"


class Most(Options):
    """The most rows of a union: filled by the first population, then by the second, and so on."""

    count: Integer = option("How many rows.", ge=0, example="1000")
    by: Many[SortKey] = option(
        "Who comes first within one population; the key decides where nothing is written, and between equals.",
        default=(),
        example=["-spend"],
    )


class Union(Staged):
    """Bring populations together; a row that an earlier one of them holds is not taken again.

    Rows are the same when they match. A null matches nothing. With `match: key` the populations are of one dimension, and the
    result has one row per key: that of the first population, in the order of `from`, that holds it. With `match: columns`, or by
    expressions, a row is left out when an earlier population holds one whose values are all equal; rows that are equal within one
    population all stay (a deduplication removes those). Populations of one dimension keep its key, which still stands once: the
    same key is the same row, too. Populations of several dimensions, or of none, give rows of no dimension, whose key `row_id` is
    the number of the population and the key there, such as `2:4711`, where a part that is null is `%`; `columns` leaves out keys of
    different dimensions, and line numbers, which have only their name in common. `row_id` tells the rows of one run apart and is
    nothing to keep: a `reconciliation` finds whose rows they are by the columns they have, and gives them a dimension again.

    The result has the columns of all, null where a row's own population has not got one, or those that all have; one that is only
    null in a population has the type of the others. With `limit` the populations fill the result in their order; the complement is
    what did not fit in. An input that did not fire counts as empty. (Campaign: Union, whose keys-only mode keeps one row of a key,
    and whose other modes leave duplicates within one set alone.)
    """

    type: ClassVar[str] = "union"
    inputs: ClassVar[tuple[Port, ...]] = (
        Port(name="from", doc="The populations, in the order in which they are preferred.", many=True, missing="empty"),
    )
    example: ClassVar[Mapping[str, object]] = {"match": ["key"], "limit": {"count": "6"}}

    match: Match = MATCH
    columns: Kept = option("Which columns the result has: those of all, or the common ones.", default="all")
    limit: Most | None = option("The most rows; all when not written.", default=None, example={"count": "1000"})

    def outputs(self) -> tuple[Port, ...]:
        cut = Port(name="complement", doc="The rows that the limit cut.")
        return (RESULT, cut) if self.limit else (RESULT,)

    def stage(self, inputs: Inputs, catalog: Catalog) -> Population:
        """Mark the rows that fit into the limit."""
        everybody = self._together(inputs, catalog)
        frame, order, count = self._in_order(everybody, inputs, catalog)
        is_kept = sa.func.row_number().over(order_by=order) <= count
        columns = [frame.population.column(name) for name in everybody.columns]
        mark = everybody.unused(MARK)
        return everybody.of(frame.select(*columns, is_kept.label(mark)), {mark: BOOLEAN})

    def cut(self, staged: Population, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        everybody = self._together(inputs, catalog)
        rows, is_kept = staged.select(everybody.columns), staged.column(everybody.unused(MARK))
        return {"result": staged.of(rows.where(is_kept)), "complement": staged.of(rows.where(~is_kept))}

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        """Sort for the first rows alone, which costs less than ranking all of them."""
        everybody = self._together(inputs, catalog)
        if self.limit is None:
            return {"result": everybody}
        frame, order, count = self._in_order(everybody, inputs, catalog)
        columns = [frame.population.column(name) for name in everybody.columns]
        first = everybody.of(frame.select(*columns).order_by(*order).limit(count))
        return {**super().select(inputs, catalog), "result": first}

    def _together(self, inputs: Inputs, catalog: Catalog) -> Population:
        return laid(self._parts(inputs, catalog), self.columns)

    def _parts(self, inputs: Inputs, catalog: Catalog) -> Sequence[Population]:
        """Give the rows that each population adds."""
        held = sides(self.match, [Frame(population, catalog) for population in inputs.many("from")])
        return with_one_key([fresh(held, place) for place in range(len(held))], catalog.dialect)

    def _in_order(
        self, everybody: Population, inputs: Inputs, catalog: Catalog
    ) -> tuple[Frame, tuple[sa.ColumnElement[Any], ...], int]:
        """Give all rows beside where they come from, the order in which they are taken, and how many are."""
        parts = self._parts(inputs, catalog)
        origin = unused(ORIGIN, chain.from_iterable(part.columns for part in parts))
        beside = [
            part.with_column(origin, sa.literal(place, sa.Integer()), INTEGER) for place, part in enumerate(parts)
        ]
        rows = laid(beside, self.columns)
        frame = Frame(replace(rows, columns=everybody.columns), catalog)  # an author does not name our own column
        limit = self.limit or Most(count=0)
        return frame, (rows.column(origin), *frame.order(limit.by)), int(settled(limit.count))
