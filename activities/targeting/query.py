"""Query: the rows of a dimension that meet a condition, with data found on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from engine.kit.activity import FROM
from engine.kit.catalog import Catalog
from engine.kit.population import Inputs, Population
from engine.kit.selection import Selection


class Query(Selection):
    """Select the rows of a dimension that meet a condition, and add data to them.

    With `from`, the rows of that population are filtered instead, and keep their columns. A condition that is null keeps no
    row. The result holds the key and the columns of `add` and `lines`, one row per key: links and collections never multiply
    rows, so there is nothing to make distinct. A count over no lines is 0, every other aggregate null.

    Conditions on another dimension, the filtering dimension, stand in a collection: `exists(purchases where amount > 10)`; on
    groups of its rows, `exists(purchases group by shop having count(*) >= 3)`, where a null is a group like any other.
    `refine` is held last, over the columns that were added and those of the dimension; a window in `add`, such as
    `max(created) over ()`, has seen the rows that `where` kept. (Campaign: Query.)
    """

    type: ClassVar[str] = "query"
    example: ClassVar[Mapping[str, object]] = {
        "dimension": "household",
        "where": "exists(purchases where amount > 10)",
        "add": {"spend": "sum(amount of purchases)"},
        "lines": [{"of": "purchases", "order": ["-purchased_at"], "count": "2", "add": {"bought": "purchased_at"}}],
        "refine": "spend < 1000",
    }

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        base = self.base(inputs, catalog)
        return {"result": self.selected(base, catalog, is_whole=FROM.name not in inputs)}
