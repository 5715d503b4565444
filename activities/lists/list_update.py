"""List update: a population kept between runs, by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import model_validator

from activities.connectors.lists import check
from engine.kit.activity import FROM, Effect, EffectPlan
from engine.kit.catalog import Catalog
from engine.kit.context import Context
from engine.kit.errors import AuthorError
from engine.kit.option import Duration, option, wrong
from engine.kit.population import Inputs, Population
from engine.kit.template import Template

LONGEST = timedelta(days=36_525)


class ListUpdate(Effect):
    """Keep a population, with all its columns, as a list.

    `replace` puts it in the place of what the list held; `append` adds the rows whose key the list does not hold yet, and leaves the
    others as they are; `remove` takes out the rows whose key the population holds. Rows without a dimension can only replace. A list
    that does not exist is made, but there is nothing to remove from it. Readers see the old list or the new one, never a part; who writes
    the same list at the same time waits. Replacing by 0 rows fails unless the guard allows it. With `expires` the whole list ends so
    long after this write: reading it is an error then, and whoever appends begins a new one; its rows are dropped when a run has
    succeeded, an hour later at the earliest. Without it, a list that had an end has none any more. What project.yaml declares of the
    list must be so. The result is the inbound population. (Campaign: List update, and the expiration date of a list.)
    """

    type: ClassVar[str] = "list_update"
    example: ClassVar[Mapping[str, object]] = {"list": "vip_without_id", "mode": "replace"}

    list: Template = option("The list's name.", example="vip_without_id")
    mode: Literal["append", "replace", "remove"] = option(
        "append: add; replace: the list becomes this population; remove: take these out.",
        default="append",
        example="replace",
    )
    expires: Duration | None = option("How long the list may be read after this write.", default=None, example="30d")

    @model_validator(mode="after")
    def _ends_one_day(self) -> ListUpdate:
        if isinstance(self.expires, timedelta) and not timedelta(0) < self.expires <= LONGEST:
            what = "'expires' is a time to come, within a hundred years"
            fix = "write a duration such as 30d, or take it out"
            raise wrong(what, fix, "expires")
        return self

    def plan(self, inputs: Inputs, catalog: Catalog) -> EffectPlan:
        population = inputs[FROM.name]
        self._check(population, catalog)
        verb = {"replace": "replace", "append": "add to", "remove": "remove from"}[self.mode]
        return EffectPlan(outputs={"result": population}, sentences=(f"{verb} the list '{self.list}'",))

    def perform(self, inputs: Inputs, ctx: Context) -> Mapping[str, Population]:
        self._check(inputs[FROM.name], ctx.catalog)
        kept = ctx.keep("result", inputs[FROM.name])
        ctx.guard(kept, replaces=self.mode == "replace")
        ctx.write_list(self.list.source, kept, self.mode, expires=self.expires)
        return {"result": kept}

    def _check(self, population: Population, catalog: Catalog) -> None:
        if self.mode != "replace" and population.dimension is None:
            raise AuthorError.at(
                self.list.span,
                "E406",
                f"rows without a dimension cannot be {'appended' if self.mode == 'append' else 'removed'}: "
                "their keys, line numbers, are others in every file",
                "bring them to a dimension first, or write 'mode: replace'",
            )
        if self.mode != "remove":
            check(self.list.source, population, catalog, self.list.span)
