"""Union: everybody who is in at least one of the populations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from engine.kit.activity import Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.matching import stacked
from engine.kit.population import Inputs, Population


class Union(Transform):
    """Bring populations of one dimension together, one row per key.

    A key that several of them hold keeps the row of the first, in the order of `from`. The result has the columns of all; where
    a row's own population has not got one, it is null. An input that did not fire counts as empty. (Campaign: Union, keys only.)
    """

    type: ClassVar[str] = "union"
    inputs: ClassVar[tuple[Port, ...]] = (
        Port(name="from", doc="The populations, in the order in which they are preferred.", many=True, missing="empty"),
    )
    example: ClassVar[Mapping[str, object]] = {}

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        return {"result": stacked(inputs.many("from"))}
