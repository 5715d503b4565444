"""Edit schema: the same rows with other columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from engine.kit.activity import FROM, Transform
from engine.kit.adding import Added, added
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError, suggestion
from engine.kit.frame import Frame
from engine.kit.option import ColumnName, Many, Name, option
from engine.kit.population import Inputs, Population


class EditSchema(Transform):
    """Rename, remove and compute columns; every row stays, and its key.

    All options name the columns as they came: what is renamed or removed can still be computed with, and two columns can change
    names. A computed column takes the place of one that is called so, unless that is renamed. The key is neither renamed, removed
    nor computed. (Campaign: Edit schema; its links are those of an enrichment.)
    """

    type: ClassVar[str] = "edit_schema"
    example: ClassVar[Mapping[str, object]] = {
        "rename": {"city": "town"},
        "remove": ["email"],
        "add": {"is_new": "spend = 0"},
    }

    rename: dict[str, ColumnName] = option(
        "Columns to rename: the name they came with, and the new one.", default={}, example={"city": "town"}
    )
    remove: Many[Name] = option("Columns to leave out.", default=(), example=["email"])
    add: Added = option("Columns to compute: name and expression.", default={}, example={"town": "upper(city)"})
    keep: Literal["all", "added"] = option(
        "Which columns go on: all that came and were not removed, or those renamed and computed alone, beside the key.",
        default="all",
    )

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        population = inputs[FROM.name]
        self._hold_names(population)
        frame = Frame(population, catalog)
        columns = added(frame, self.add)
        kept = dict(self._kept(population))
        statement = frame.select(
            *(population.column(old).label(new) for new, old in kept.items()),
            *(value.sql.label(name) for name, value in columns.items()),
        )
        types = {new: population.columns[old] for new, old in kept.items()}
        return {"result": population.of(statement, {**types, **{name: each.type for name, each in columns.items()}})}

    def _kept(self, population: Population) -> Iterator[tuple[str, str]]:
        """Give the columns that stay: the name each has from here on, and the one it came with."""
        for name in population.columns:
            goes = name in self.remove or name in self.add or (self.keep == "added" and name not in population.key)
            if name in self.rename or not goes:
                yield self.rename.get(name, name), name

    def _hold_names(self, population: Population) -> None:
        """AuthorError when a column is not there, is the key, is both renamed and removed, or when two would have one name."""
        seen = {*self.add, *(new for new, old in self._kept(population) if new == old)}
        for old, place in (*self.rename.items(), *((name, name) for name in self.remove)):
            new, span = self.rename.get(old), getattr(place, "span", None)
            if old not in population.columns:
                fix = suggestion(old, population.columns, "columns")
                raise AuthorError.at(span, "E301", f"there is no column '{old}'", fix)
            if old in population.key:
                raise AuthorError.at(span, "E403", f"'{old}' is the key and stays", f"take '{old}' out")
            if new is not None and old in self.remove:
                raise AuthorError.at(span, "E414", f"'{old}' is both renamed and removed", "do one of them")
            if new in seen:
                raise AuthorError.at(span, "E411", f"two columns are called '{new}'", "give one another name")
            seen |= {new} if new is not None else set()
