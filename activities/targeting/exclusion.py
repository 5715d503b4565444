"""Exclusion: a population without the people of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import sqlalchemy as sa

from engine.kit.activity import FROM, RESULT, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.matching import agree
from engine.kit.population import Inputs, Population


class Exclusion(Transform):
    """Leave out the rows whose key at least one of the excluded populations holds.

    Columns are those of `from`. The complement is the rows of `from` that were left out, and nobody else. A null in a key matches
    nothing, so such a row stays. An excluded population that did not come fails the activity: a do-not-share list that is
    missing never means that nobody is excluded. (Campaign: Exclusion.)
    """

    type: ClassVar[str] = "exclusion"
    inputs: ClassVar[tuple[Port, ...]] = (
        FROM,
        Port(name="exclude", doc="Whom to leave out.", many=True, missing="fail"),
    )
    example: ClassVar[Mapping[str, object]] = {}

    @property
    def is_partition(self) -> bool:
        return True

    def outputs(self) -> tuple[Port, ...]:
        return (RESULT, Port(name="complement", doc="The rows that were left out."))

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        main, excluded = inputs["from"], inputs.many("exclude")
        agree((main, *excluded))
        is_excluded = sa.or_(sa.false(), *(main.matches(other) for other in excluded))
        return {"result": main.where(~is_excluded), "complement": main.where(is_excluded)}
