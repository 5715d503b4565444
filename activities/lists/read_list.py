"""Read list: a population kept from an earlier run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from engine.kit.activity import Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.errors import DataError, suggestion
from engine.kit.option import option
from engine.kit.population import Inputs, Population
from engine.kit.template import Template


class ReadList(Transform):
    """Give the rows of a list as they were kept, with the columns they were kept with.

    A list that does not exist is an error, never an empty population. (Campaign: Read list.)
    """

    type: ClassVar[str] = "read_list"
    inputs: ClassVar[tuple[Port, ...]] = ()
    example: ClassVar[Mapping[str, object]] = {"list": "do_not_share"}

    list: Template = option("The list's name.", example="do_not_share")

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        name = self.list.source
        if name not in catalog.lists:
            raise DataError(
                f"there is no list '{name}'",
                suggestion(name, catalog.lists, "lists") + "; 'list_update' and 'list_import' fill lists",
            )
        return {"result": catalog.lists[name]}
