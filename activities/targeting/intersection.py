"""Intersection: those who are in every population."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import sqlalchemy as sa

from engine.kit.activity import RESULT, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.matching import agree, stacked
from engine.kit.population import Inputs, Population


class Intersection(Transform):
    """Keep the rows of the first population whose key every other one holds.

    The result has the columns of the first. The complement is everybody who is in at least one population but not in all,
    with the columns of all (see `union`). A null in a key matches nothing. (Campaign: Intersection, keys only.)
    """

    type: ClassVar[str] = "intersection"
    inputs: ClassVar[tuple[Port, ...]] = (
        Port(name="from", doc="The populations; the first gives the columns.", many=True),
    )
    example: ClassVar[Mapping[str, object]] = {}

    def outputs(self) -> tuple[Port, ...]:
        return (RESULT, Port(name="complement", doc="Those who are in some of the populations, but not in all."))

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        first, *others = populations = inputs.many("from")
        agree(populations)
        everyone = stacked(populations)
        in_all = sa.and_(sa.true(), *(everyone.matches(population) for population in populations))
        return {
            "result": first.where(sa.and_(sa.true(), *(first.matches(other) for other in others))),
            "complement": everyone.where(~in_all),
        }
