"""Read list: a population kept from an earlier run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import sqlalchemy as sa

from activities.connectors.lists import check, check_key
from engine.kit.activity import RESULT, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.errors import DataError, suggestion
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from engine.kit.option import option
from engine.kit.population import Inputs, Population
from engine.kit.template import Template


class ReadList(Transform):
    """Give the rows of a list as they were kept, with the columns they were kept with.

    A member whose row the dimension no longer has is not in `result` but in `gone`; in a list of lines nobody is gone. `where` leaves
    out of `result` the rows for which it is not true, null included; it is not asked of those that are gone. A list that does not exist, or
    whose time is over, or that was kept by another key than its dimension has now, is an error, never an empty population. (Campaign: Read list.)
    """

    type: ClassVar[str] = "read_list"
    inputs: ClassVar[tuple[Port, ...]] = ()
    example: ClassVar[Mapping[str, object]] = {"list": "do_not_share"}

    list: Template = option("The list's name.", example="do_not_share")
    where: Expr | None = option("The condition under which a member is given.", default=None, example="score >= 50")

    def outputs(self) -> tuple[Port, ...]:
        return RESULT, Port(name="gone", doc="Members whose row the dimension no longer has.")

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        name = self.list.source
        if name not in catalog.lists:
            raise DataError(
                f"there is no list '{name}'",
                suggestion(name, catalog.lists, "lists") + "; 'list_update' and 'list_import' fill lists",
            )
        kept = catalog.lists[name]
        check(name, kept, catalog, self.list.span)
        check_key(name, kept, catalog, self.list.span)
        if kept.dimension is None:
            return {"result": Frame(kept, catalog).filtered(self.where), "gone": kept.where(sa.false())}
        is_there = _is_there(kept, catalog)
        return {"result": Frame(kept.where(is_there), catalog).filtered(self.where), "gone": kept.where(~is_there)}


def _is_there(kept: Population, catalog: Catalog) -> sa.ColumnElement[bool]:
    """Say that the dimension has a row of this key."""
    everyone = catalog.dimension(str(kept.dimension)).population()
    if catalog.dialect.capabilities.looks_rows_up:
        return kept.matches(everyone)
    ours = kept.key_columns[0] if len(kept.key) == 1 else sa.tuple_(*kept.key_columns)
    return sa.func.coalesce(ours.in_(everyone.select(everyone.key)), sa.false())
