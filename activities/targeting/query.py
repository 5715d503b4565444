"""Query: the rows of a dimension that meet a condition, with data found on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from engine.kit.activity import FROM, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from engine.kit.option import Name, option
from engine.kit.population import Inputs, Population


class Query(Transform):
    """Select the rows of a dimension that meet a condition, and add data to them.

    With `from`, the rows of that population are filtered instead, and keep their columns. A condition that is null keeps no
    row. The result holds the key and the columns of `add`, one row per key: links and collections never multiply rows.
    A count over no lines is 0, every other aggregate null. (Campaign: Query.)
    """

    type: ClassVar[str] = "query"
    inputs: ClassVar[tuple[Port, ...]] = (
        Port(name="from", doc="The rows to filter, instead of the whole dimension.", optional=True),
    )
    example: ClassVar[Mapping[str, object]] = {
        "dimension": "household",
        "where": "exists(purchases where amount > 10)",
        "add": {"spend": "sum(amount of purchases)"},
    }

    dimension: Name | None = option(
        "The targeting dimension; the workflow's when not written.", default=None, example="household"
    )
    where: Expr | None = option("Who is selected; everybody when not written.", default=None, example="city = 'Paris'")
    add: dict[str, Expr] = option(
        "Columns to add: name and expression.", default={}, example={"spend": "sum(amount of purchases)"}
    )

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        if FROM.name in inputs and self.dimension not in (None, inputs[FROM.name].dimension):
            raise AuthorError.at(
                getattr(self.dimension, "span", None),
                "E406",
                f"the rows of 'from' are of {inputs[FROM.name].dimension or 'no dimension'}, not of '{self.dimension}'",
                "take 'dimension' out: the rows keep theirs",
            )
        base = inputs[FROM.name] if FROM.name in inputs else catalog.dimension(self.dimension or "").population()
        kept = base.columns if FROM.name in inputs else base.key
        _keep_key(base, self.add)
        frame = Frame(base, catalog)
        added = {name: frame.value(expression) for name, expression in self.add.items()}
        condition = frame.condition(self.where) if self.where else None
        columns = [base.column(name) for name in kept if name not in added]
        statement = frame.select(*columns, *(value.sql.label(name) for name, value in added.items()))
        if condition is not None:
            statement = statement.where(condition)
        return {"result": base.of(statement, {name: value.type for name, value in added.items()})}


def _keep_key(base: Population, added: Mapping[str, Expr]) -> None:
    """AuthorError when an added column would take the place of the key's."""
    for name, expression in added.items():
        if name in base.key:
            raise AuthorError.at(
                expression.span, "E403", f"'{name}' is the key and cannot be computed", "give the column another name"
            )
