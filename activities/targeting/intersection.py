"""Intersection: those who are in every population."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import sqlalchemy as sa

from engine.kit.activity import RESULT, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.frame import Frame
from engine.kit.matching import MATCH, Kept, Match, fresh, in_all, laid, sides, with_one_key
from engine.kit.option import option
from engine.kit.population import Inputs, Outputs, Population


class Intersection(Transform):
    """Keep the rows of the first population that every other one holds.

    The first population, the primary one, gives the rows, the key and the dimension of the result; its columns are all kept, or those
    that every population has. With `match: key` a row is held where its key is; with `match: columns`, or by expressions, where a row
    with equal values is, so populations of several dimensions can be held against each other. A null matches nothing.
    `columns` leaves out keys of different dimensions, and line numbers, which have only their name in common.

    The complement is everybody who is in at least one population but not in all, brought together as by a `union` with the same
    `match`: a row that an earlier population holds is not taken again. (Campaign: Intersection.)
    """

    type: ClassVar[str] = "intersection"
    inputs: ClassVar[tuple[Port, ...]] = (
        Port(name="from", doc="The populations; the first gives the rows.", many=True),
    )
    example: ClassVar[Mapping[str, object]] = {}

    match: Match = MATCH
    columns: Kept = option("Which columns both outputs have: all there are, or the common ones.", default="all")

    def outputs(self) -> tuple[Port, ...]:
        return (RESULT, Port(name="complement", doc="Those who are in some of the populations, but not in all."))

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        populations = inputs.many("from")
        held = first, *others = sides(self.match, [Frame(population, catalog) for population in populations])
        is_in_all = sa.and_(sa.true(), *(first.is_in(other) for other in others))

        def common() -> Population:
            result = first.frame.where(is_in_all)
            return result.only(in_all(populations)) if self.columns == "common" else result

        def rest() -> Population:
            parts = [first.frame.where(~is_in_all), *(fresh(held, place) for place in range(1, len(held)))]
            return laid(with_one_key(parts, catalog.dialect), self.columns)

        return Outputs({"result": common, "complement": rest})
