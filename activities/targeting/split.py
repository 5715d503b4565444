"""Split: a population divided into subsets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import sqlalchemy as sa
from pydantic import field_validator, model_validator
from pydantic_core import PydanticCustomError

from engine.kit.activity import FROM, Port, Staged
from engine.kit.catalog import Catalog
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from engine.kit.limit import Limit, settled
from engine.kit.option import Flag, Name, Options, option
from engine.kit.population import Inputs, Population
from engine.kit.template import Template
from engine.kit.types import BOOLEAN, INTEGER, TEXT

RESERVED = ("result", "complement", "error", "done")
MARK = "subset_number"
NAME = re.compile(r"[a-z][a-z0-9_]*")


class Subset(Options):
    """A subset: who may enter, and how many. Without both it takes all that remain."""

    where: Expr | None = option("Who may enter; null is no.", default=None, example="spend > 1000")
    limit: Limit | None = option("How many of them.", default=None, example={"count": "250", "by": "-spend"})
    label: Template | None = option("What the arrow says.", default=None)
    code: Template | None = option(
        "Written to the column segment_code of the subset's rows.", default=None, example="A"
    )


class Split(Staged):
    """Divide a population into subsets, in their order: a row goes to the first subset that takes it.

    A row that meets a subset's condition but is cut by its limit remains for the later ones. What no subset takes is the
    complement. Sticky shares that anybody may enter are parts of one whole: 30, 30 and 40 percent leave nobody. With `overlap`
    each subset sees the whole inbound, and the complement is what none took. (Campaign: Split.)
    """

    type: ClassVar[str] = "split"
    example: ClassVar[Mapping[str, object]] = {
        "subsets": {"vip": {"where": "spend > 1000"}, "sample": {"limit": {"percent": "10", "by": "random"}}}
    }

    subsets: dict[str, Subset] = option("The subsets, in order.", example={"vip": {"where": "spend > 1000"}})
    overlap: Flag = option("Each subset sees the whole inbound population.", default=False, example="true")
    seed: Name = option("Seed of random sizes; workflow and activity when not written.", default="", example="spring")

    @field_validator("subsets")
    @classmethod
    def _names_are_free(cls, subsets: dict[str, Subset]) -> dict[str, Subset]:
        if not subsets:
            raise PydanticCustomError(
                "option",
                "a split has at least one subset",
                {"fix": "write a name below 'subsets:', and its 'where' or 'limit'"},
            )
        for name in subsets:
            if name in RESERVED or not NAME.fullmatch(name):
                raise PydanticCustomError(
                    "option",
                    "'{name}' is no name for a subset",
                    {
                        "name": name,
                        "at": (name,),
                        "fix": f"choose another in snake_case, and none of {', '.join(RESERVED)}",
                    },
                )
        return subsets

    @model_validator(mode="after")
    def _shares_fit(self) -> Split:
        shares = [
            subset.limit.percent for name, subset in self.subsets.items() if name in self._following and subset.limit
        ]
        total = sum(settled(percent) for percent in shares)
        if total > 100:
            raise PydanticCustomError("option", "the sticky shares add up to {total} percent", {"total": str(total)})
        return self

    @property
    def is_partition(self) -> bool:
        return not self.overlap

    def outputs(self) -> tuple[Port, ...]:
        return (*(Port(name=name) for name in self.subsets), Port(name="complement", doc="What no subset took."))

    @property
    def is_dear(self) -> bool:
        """Ranking costs more than a table."""
        return any(map(self._ranks, self.subsets))

    def stage(self, inputs: Inputs, catalog: Catalog) -> Population:
        """Mark each row with what takes it: its subset's number, or with `overlap` a flag a subset."""
        inbound = inputs[FROM.name]
        return self._flagged(inbound, catalog) if self.overlap else self._numbered(inbound, catalog)

    def cut(self, staged: Population, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        inbound = inputs[FROM.name]
        rows = staged.select(inbound.columns)
        if self.overlap:
            taken: dict[str, Any] = {name: staged.column(inbound.unused(f"in_{name}")) for name in self.subsets}
            rest = sa.and_(sa.true(), *(~is_taken for is_taken in taken.values()))
        else:
            mark = staged.column(inbound.unused(MARK))
            taken = {name: mark == number for number, name in enumerate(self.subsets)}
            rest = mark.is_(None)
        parts = {name: staged.of(rows.where(is_taken)) for name, is_taken in taken.items()}
        return {**self._coded(parts), "complement": staged.of(rows.where(rest))}

    def _numbered(self, inbound: Population, catalog: Catalog) -> Population:
        mark = inbound.unused(MARK)
        marked = inbound
        number_so_far: sa.ColumnElement[Any] = sa.cast(sa.null(), sa.Integer())
        numbers = {name: number for number, name in enumerate(self.subsets)}
        places, layers = self._places(), self._layers()
        for layer in layers:
            frame = Frame(marked, catalog)
            is_free = number_so_far.is_(None) if self._ranks(layer[0]) else sa.true()
            taken = ((self._taken(name, frame, inbound, is_free, *places[name]), numbers[name]) for name in layer)
            number: Any = sa.case(*((is_taken, sa.literal(number, sa.Integer())) for is_taken, number in taken))
            columns = [marked.column(column) for column in inbound.columns]
            rows = frame.select(*columns, sa.func.coalesce(number_so_far, number).label(mark))
            marked = marked.of(rows, {mark: INTEGER})
            if len(layers) > 1:  # nested subqueries end at the depth of the database's parser
                marked = replace(marked, relation=rows.cte())
            number_so_far = marked.column(mark)
        return marked

    def _flagged(self, inbound: Population, catalog: Catalog) -> Population:
        frame, places = Frame(inbound, catalog), self._places()
        columns = [inbound.column(column) for column in inbound.columns]
        flags = {
            inbound.unused(f"in_{name}"): sa.func.coalesce(
                self._taken(name, frame, inbound, sa.true(), *places[name]), sa.false()
            )
            for name in self.subsets
        }
        rows = frame.select(*columns, *(is_taken.label(flag) for flag, is_taken in flags.items()))
        return inbound.of(rows, dict.fromkeys(flags, BOOLEAN))

    def _layers(self) -> list[list[str]]:
        """Group the subsets that can be told by one CASE: those in a row that rank nobody. A rank is among who is left by then."""
        layers: list[list[str]] = []
        for name in self.subsets:
            if layers and not self._ranks(name) and not self._ranks(layers[-1][0]):
                layers[-1].append(name)
            else:
                layers.append([name])
        return layers

    def _ranks(self, name: str) -> bool:
        limit = self.subsets[name].limit
        return limit is not None and not limit.sticky

    @property
    def _following(self) -> list[str]:
        """Name the sticky subsets that anybody may enter: their shares follow each other."""
        limits = {name: subset.limit for name, subset in self.subsets.items() if subset.limit and not subset.where}
        return [name for name, limit in limits.items() if limit.sticky and limit.seed is None and not self.overlap]

    def _places(self) -> dict[str, tuple[str, Decimal]]:
        """Give the seed of each subset, and where its share begins.

        Sticky shares that follow each other are cut from one hash, the first one's, so that each is a share of the whole inbound.
        """
        places = {name: (f"{self.seed}.{name}", Decimal(0)) for name in self.subsets}
        following, end = self._following, Decimal(0)
        for name in following:
            places[name] = (places[following[0]][0], end)
            limit = self.subsets[name].limit
            end += settled(limit.percent) if limit else 0
        return places

    def _taken(
        self,
        name: str,
        frame: Frame,
        inbound: Population,
        is_free: sa.ColumnElement[bool],
        seed: str,
        start: Decimal,
    ) -> sa.ColumnElement[bool]:
        """Say of a row whether the subset takes it; null is no."""
        subset = self.subsets[name]
        condition = sa.and_(is_free, frame.condition(subset.where)) if subset.where else is_free
        if subset.limit is None:
            return condition
        is_candidate: Any = sa.func.coalesce(condition, sa.false()) if subset.where else condition
        return subset.limit.taken(frame, is_candidate, inbound, seed, start)

    def _coded(self, parts: Mapping[str, Population]) -> dict[str, Population]:
        codes = {name: subset.code for name, subset in self.subsets.items()}
        return {
            name: part.with_column("segment_code", sa.literal(code.source, sa.String()), TEXT)
            if (code := codes[name])
            else part
            for name, part in parts.items()
        }
