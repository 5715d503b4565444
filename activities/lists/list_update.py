"""List update: a population kept between runs, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from engine.kit.activity import FROM, Effect, EffectPlan
from engine.kit.catalog import Catalog
from engine.kit.context import Context
from engine.kit.errors import AuthorError
from engine.kit.option import option
from engine.kit.population import Inputs, Population
from engine.kit.template import Template


class ListUpdate(Effect):
    """Keep a population, with all its columns, as a list.

    `replace` puts it in the place of what the list held; `append` adds the rows whose key the list does not hold yet, and leaves the
    others as they are; rows without a dimension can only replace. A list that does not exist is made. Readers see the old list or
    the new one, never a part. Replacing by 0 rows fails unless the guard allows it. The result is the inbound population.
    (Campaign: List update.)
    """

    type: ClassVar[str] = "list_update"
    example: ClassVar[Mapping[str, object]] = {"list": "vip_without_id", "mode": "replace"}

    list: Template = option("The list's name.", example="vip_without_id")
    mode: Literal["append", "replace"] = option(
        "append: add; replace: the list becomes this population.", default="append", example="replace"
    )

    def plan(self, inputs: Inputs, catalog: Catalog) -> EffectPlan:
        population = inputs[FROM.name]
        if self.mode == "append" and population.dimension is None:
            raise AuthorError.at(
                self.list.span,
                "E406",
                "rows without a dimension cannot be appended: their keys, line numbers, are others in every file",
                "bring them to a dimension first, or write 'mode: replace'",
            )
        verb = "replace" if self.mode == "replace" else "add to"
        return EffectPlan(outputs={"result": population}, sentences=(f"{verb} the list '{self.list}'",))

    def perform(self, inputs: Inputs, ctx: Context) -> Mapping[str, Population]:
        kept = ctx.keep("result", inputs[FROM.name])
        ctx.guard(kept, replaces=self.mode == "replace")
        ctx.write_list(self.list.source, kept, self.mode)
        return {"result": kept}
