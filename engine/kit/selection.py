"""What queries share: who is selected, and what is found on the way."""

from __future__ import annotations

from typing import ClassVar

import sqlalchemy as sa

from engine.kit.activity import FROM, Port, Transform
from engine.kit.adding import Added, Lines, added
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from engine.kit.narrowing import GROUPS, PLAIN, cost, looks_at_all, narrowed, steps
from engine.kit.option import Many, Name, option
from engine.kit.population import Inputs, Population


class Selection(Transform):
    """A transform that selects rows of a dimension, or of a population."""

    inputs: ClassVar[tuple[Port, ...]] = (
        Port(name="from", doc="The rows to filter, instead of the whole dimension.", optional=True),
    )

    dimension: Name | None = option(
        "The targeting dimension; the workflow's when not written.", default=None, example="household"
    )
    where: Expr | None = option("Who is selected; everybody when not written.", default=None, example="city = 'Paris'")
    add: Added = option(
        "Columns to add: name and expression.", default={}, example={"spend": "sum(amount of purchases)"}
    )
    lines: Many[Lines] = option(
        "The first lines of what a link leads to, as columns.",
        default=(),
        example=[{"of": "purchases", "order": ["-purchased_at"], "add": {"last_amount": "amount"}}],
    )
    refine: Expr | None = option(
        "A second condition, which knows the added columns.", default=None, example="spend > 100"
    )

    def base(self, inputs: Inputs, catalog: Catalog) -> Population:
        """Give the rows to select from."""
        if FROM.name not in inputs:
            return catalog.dimension(self.dimension or "").population()
        if self.dimension not in (None, inputs[FROM.name].dimension):
            raise AuthorError.at(
                getattr(self.dimension, "span", None),
                "E406",
                f"the rows of 'from' are of {inputs[FROM.name].dimension or 'no dimension'}, not of '{self.dimension}'",
                "take 'dimension' out: the rows keep theirs",
            )
        return inputs[FROM.name]

    def conditions(self, frame: Frame) -> list[sa.ColumnElement[bool]]:  # noqa: ARG002
        """Give what must be true of a row beside `where`."""
        return []

    def selected(self, base: Population, catalog: Catalog, *, is_whole: bool) -> Population:
        """Give the rows of `base` that meet the conditions, with what is added; of a whole dimension the key alone is kept."""
        kept = base.key if is_whole else base.columns
        adding = [*self.add.values(), *(text for lines in self.lines for text in lines.texts)]
        others = GROUPS if self.lines else max(map(cost, self.add.values()), default=PLAIN)
        *early, last = steps(self.where, others, catalog)
        rows, frame = base, Frame(base, catalog)
        conditions = self.conditions(frame)
        if conditions and others > PLAIN and not early and not (self.where and looks_at_all(self.where)):
            early = [[]]
        for each in early:
            conditions += [frame.condition(condition) for condition in each]
            texts = [*adding, *([self.where] if self.where else [])]
            rows = narrowed(rows, conditions, frame, texts, is_whole=is_whole)
            frame, conditions = Frame(rows, catalog), []
        conditions += [frame.condition(condition) for condition in last]
        columns = added(frame, self.add, self.lines)
        statement = frame.select(
            *(rows.column(name) for name in kept if name not in columns),
            *(value.sql.label(name) for name, value in columns.items()),
        ).where(*conditions)
        found = rows.of(statement, {name: value.type for name, value in columns.items()})
        return Frame(found, catalog).filtered(self.refine)
