"""Enrichment: the rows that came, with data from their links and from another population."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import model_validator

from engine.kit.activity import FROM, RESULT, Port, Staged
from engine.kit.adding import Added, Lines, added
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr, SortKey
from engine.kit.frame import Frame, Value
from engine.kit.joining import linked
from engine.kit.matching import JoinPairs
from engine.kit.option import Many, option, wrong
from engine.kit.population import Inputs, Population, unused
from engine.kit.types import BOOLEAN

WITH = Port(name="with", doc="Another population to link, by `on`.", optional=True)
FOUND, KEPT = "is_found", "is_kept"
MEND = "a row of 'from' finds several in 'with': write 'order' to take the first, 'finds: many' to have a row for each, or deduplicate first"


class Enrichment(Staged):
    """Add data to the rows that came: of their dimension, its links, and another population.

    A population that arrives at `with` is a link called `with`: `with.score` is a column that the row it finds carries, `sum(amount of with)`
    an aggregate of all rows it finds, and `lines` takes the first of them. The rows are found by `on`, pairs of an expression of ours and
    one of theirs; a null finds nothing. `finds` says how many rows a path may find. With `at_most_one`, who finds none stays, with
    nulls; with `one` and `many`, who finds none goes to the complement. Several rows for one fail the run with their
    count, unless `order` says which is the first, where their key decides between equals. Only with `many` is there a row for each:
    the key is then ours and theirs together, without what is joined on, the rows belong to no dimension any more, and the
    result tells how many rows became how many.

    Columns that are added replace those of the same name. `refine` is held last, over all columns; whom it leaves out goes to the
    complement, but for lines of `many`, which are left out. A condition that is null is not true. (Campaign: Enrichment; several
    populations are linked by an enrichment each, so that every step has its count.)
    """

    type: ClassVar[str] = "enrichment"
    inputs: ClassVar[tuple[Port, ...]] = (FROM, WITH)
    example: ClassVar[Mapping[str, object]] = {
        "add": {"spend": "sum(amount of purchases)", "town": "upper(city)"},
        "lines": [{"of": "purchases", "order": ["-purchased_at"], "add": {"last_amount": "amount"}}],
        "refine": "spend > 0",
    }

    add: Added = option(
        "Columns to add: name and expression.", default={}, example={"spend": "sum(amount of purchases)"}
    )
    lines: Many[Lines] = option(
        "The first lines of what a link leads to, as columns.",
        default=(),
        example=[{"of": "purchases", "order": ["-purchased_at"], "add": {"last_amount": "amount"}}],
    )
    on: JoinPairs | None = option(
        "By what `with` is linked: expressions of `from` by expressions of `with`, all of which are equal.",
        default=None,
        example={"household_id": "customer"},
    )
    finds: Literal["one", "at_most_one", "many"] = option(
        "How many rows of `with` a row may find.", default="at_most_one"
    )
    order: Many[SortKey] = option(
        "Which row of `with` is the first, where several are found.", default=(), example=["-score"]
    )
    keep: Literal["all", "added"] = option(
        "Which columns go on: all that came and those added, or the added ones alone, beside the key.", default="all"
    )
    refine: Expr | None = option(
        "A condition on the rows, which knows the added columns.", default=None, example="spend > 100"
    )

    @model_validator(mode="after")
    def _options_fit(self) -> Enrichment:
        if self.order and self.finds == "many":
            fix = "take 'order' out: with 'finds: many' all are taken"
            raise wrong("'order' and 'finds: many' do not go together", fix, "order")
        idle = "order" if self.order else "finds" if self.finds != "at_most_one" else ""
        if idle and self.on is None:
            what = f"'{idle}' is about the rows of 'with', and nothing is linked"
            raise wrong(what, "write 'with' and 'on', or take it out", idle)
        return self

    @property
    def is_partition(self) -> bool:
        return self.finds != "many"

    @property
    def holds_key(self) -> bool:
        return self.on is not None and self.finds != "many" and not self.order

    def outputs(self) -> tuple[Port, ...]:
        keeps_all = self.refine is None and (self.on is None or self.finds == "at_most_one")
        doc = "Those who found no row where one must be, or were refined away."
        return (RESULT, Port(name="complement", doc=doc, counted=self.finds == "many", stays_empty=keeps_all))

    def remarks(self, inputs: Inputs, kept: Mapping[str, Population]) -> Mapping[str, str]:
        counts = (
            inputs[FROM.name].count,
            *(kept[port].count if port in kept else None for port in ("result", "complement")),
        )
        came, went, lost = counts
        if self.finds != "many" or came is None or went is None or lost is None or went + lost <= came:
            return {}
        return {"multiplied": f"{came - lost:,} rows became {went:,}: one for each that they find in 'with'"}

    def stage(self, inputs: Inputs, catalog: Catalog) -> Population:
        frame = self._frame(inputs, catalog)
        population = frame.population
        columns = added(frame, self.add, self.lines)
        theirs = self._their_key(inputs, frame, columns) if self.finds == "many" else {}
        must_find = self.finds != "at_most_one"
        is_found: Any = frame.condition(Expr(f"exists({WITH.name})")) if must_find else sa.true()
        new = {**columns, **theirs}
        new[unused(FOUND, (*population.columns, *new))] = Value(is_found, BOOLEAN)
        statement = frame.select(
            *(population.column(name) for name in inputs[FROM.name].columns if name not in new),
            *(value.sql.label(name) for name, value in new.items()),
        )
        staged = population.of(statement, {name: value.type for name, value in new.items()})
        if theirs:
            staged = replace(staged, key=(*population.key, *theirs), dimension=None)
        elif frame.has_followed(WITH.name) and not self.order and not set(inputs[WITH.name].key) <= _joined_on(frame):
            staged = replace(staged, unique=False, mend=MEND)
        return self._refined(staged, catalog)

    def cut(self, staged: Population, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        population = inputs[FROM.name]
        *columns, found, kept = staged.columns
        if self.keep == "added":
            columns = [name for name in columns if name not in self._dropped(staged, population)]
        is_kept: Any = staged.column(kept)
        result = staged.of(staged.select(columns).where(is_kept))
        if self.finds != "many":
            return {"result": result, "complement": staged.of(staged.select(columns).where(~is_kept))}
        alone = replace(staged, key=population.key, dimension=population.dimension)
        names = [name for name in columns if name not in staged.key[len(population.key) :]]
        is_found: Any = staged.column(found)
        return {"result": result, "complement": alone.of(alone.select(names).where(~is_found))}

    def _dropped(self, staged: Population, population: Population) -> set[str]:
        """Name the columns that go no further where only what was added is kept."""
        new = {*self.add, *(name for lines in self.lines for name in lines.names), *staged.key}
        return set(population.columns) - new

    def _frame(self, inputs: Inputs, catalog: Catalog) -> Frame:
        population = inputs[FROM.name]
        if (WITH.name in inputs) != (self.on is not None):
            what = (
                "nothing arrives at 'with' to be joined on"
                if self.on
                else "nothing says by which columns 'with' is linked"
            )
            place = self.on[0][1].span if self.on else None
            raise AuthorError.at(place, "E412", what, "write both 'with' and 'on', or none of them")
        if self.on is None:
            return Frame(population, catalog)
        ours, link, known = linked(WITH.name, population, inputs[WITH.name], self.on, self.order, catalog)
        return Frame(ours, known, {WITH.name: link})

    def _their_key(self, inputs: Inputs, frame: Frame, columns: Mapping[str, Value]) -> dict[str, Value]:
        """Give the part of their key that is not joined on, under names that nothing has."""
        taken = (*frame.population.columns, *columns)
        joined_on = _joined_on(frame)
        found: dict[str, Value] = {}
        for name in inputs[WITH.name].key:
            if name not in joined_on:
                ours = name if unused(name, taken) == name else f"{WITH.name}_{name}"
                quoted = name.replace('"', '""')
                found[unused(ours, (*taken, *found))] = frame.value(Expr(f'{WITH.name}."{quoted}"'))
        return found

    def _refined(self, staged: Population, catalog: Catalog) -> Population:
        """Mark, behind those that are found, the rows that stay: found, and as `refine` wants them."""
        *_, found = staged.columns
        kept = staged.unused(KEPT)
        frame = Frame(staged, catalog)
        is_kept: Any = staged.column(found)
        if self.refine is not None:
            is_kept = sa.and_(is_kept, sa.func.coalesce(frame.condition(self.refine), sa.false()))
        columns = [staged.column(name) for name in staged.columns]
        return staged.of(frame.select(*columns, is_kept.label(kept)), {kept: BOOLEAN})


def _joined_on(frame: Frame) -> set[str]:
    """Name the columns of theirs that rows are joined on."""
    return {their for _, their in frame.links[WITH.name].on}
