"""Columns found on the way: expressions over the rows, and the first lines of what a link leads to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator

from engine.kit.errors import AuthorError
from engine.kit.expression import Expr, SortKey
from engine.kit.frame import Frame, Value
from engine.kit.limit import settled
from engine.kit.option import Integer, Options, Some, columns_named, option, some

Added = Annotated[dict[str, Expr], AfterValidator(columns_named)]
"""Expressions by the name of their column."""
Columns = Annotated[Added, AfterValidator(some)]
"""One such expression or more."""


class Lines(Options):
    """Take the first lines of what a link leads to, as columns of the row.

    The lines that meet `where` are sorted by `order`, and the link's key decides between equals; of a table without a key, all its
    columns do. With `count: 1` a column of `add` bears its name; with more there is one for each line: `name_1`, `name_2`, … A row
    with fewer lines has nulls for the rest, and a condition that is null takes no line. Inside, names are the link's columns;
    the targeted row is `target.x`. No row is added or lost.
    """

    of: Expr = option("The link, or the path over links that ends with it.", example="purchases")
    where: Expr | None = option("Which lines count; all when not written.", default=None, example="amount > 10")
    order: Some[SortKey] = option("Which line comes first.", example=["-purchased_at"])
    count: Integer = option("How many lines.", default=1, ge=1, example="2")
    add: Columns = option("Columns of a line: name and expression.", example={"bought": "purchased_at"})

    @property
    def texts(self) -> list[Expr | SortKey]:
        """Give what is written in it."""
        return [self.of, *([self.where] if self.where else []), *self.order, *self.add.values()]

    @property
    def names(self) -> list[str]:
        """Name the columns: those of the first line, then those of the second, …"""
        places = range(1, (int(settled(self.count)) or 1) + 1)
        return [f"{name}_{place}" if len(places) > 1 else name for place in places for name in self.add]

    def added(self, frame: Frame) -> Iterator[tuple[str, Expr, Value]]:
        """Give the columns of the lines, each with the expression it comes from."""
        count = len(self.names) // len(self.add)
        found = frame.lines(self.of, self.where, self.order, list(self.add.values()), count)
        values = (value for line in found for value in line)
        return zip(self.names, list(self.add.values()) * count, values, strict=True)


def added(frame: Frame, add: Mapping[str, Expr], lines: Sequence[Lines] = ()) -> dict[str, Value]:
    """Compile the columns to add. AuthorError when one would take the place of the key's, or two have one name."""
    found: dict[str, Value] = {}
    columns = [(name, expression, frame.value(expression)) for name, expression in add.items()]
    for name, expression, value in (*columns, *(column for each in lines for column in each.added(frame))):
        if name in frame.population.key:
            raise AuthorError.at(
                expression.span, "E403", f"'{name}' is the key and cannot be computed", "give the column another name"
            )
        if name in found:
            raise AuthorError.at(expression.span, "E411", f"two columns are called '{name}'", "give one another name")
        found[name] = value
    return found
