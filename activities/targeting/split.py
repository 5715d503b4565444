"""Split: a population divided into subsets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import sqlalchemy as sa
from pydantic import field_validator
from pydantic_core import PydanticCustomError

from engine.kit.activity import FROM, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from engine.kit.limit import Limit
from engine.kit.option import Flag, Name, Options, option
from engine.kit.population import Inputs, Population
from engine.kit.template import Template
from engine.kit.types import INTEGER, TEXT

RESERVED = ("result", "complement", "error", "done")
NAME = re.compile(r"[a-z][a-z0-9_]*")


class Subset(Options):
    """A subset: who may enter, and how many. Without both it takes all that remain."""

    where: Expr | None = option("Who may enter; null is no.", default=None, example="spend > 1000")
    limit: Limit | None = option("How many of them.", default=None, example={"count": "250", "by": "-spend"})
    label: Template | None = option("What the arrow says.", default=None)
    code: Template | None = option(
        "Written to the column segment_code of the subset's rows.", default=None, example="A"
    )


class Split(Transform):
    """Divide a population into subsets, in their order: a row goes to the first subset that takes it.

    A row that meets a subset's condition but is cut by its limit remains for the later ones. What no subset takes is the
    complement. With `overlap` each subset sees the whole inbound, and the complement is what none took. (Campaign: Split.)
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

    @property
    def is_partition(self) -> bool:
        return not self.overlap

    def outputs(self) -> tuple[Port, ...]:
        return (*(Port(name=name) for name in self.subsets), Port(name="complement", doc="What no subset took."))

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        inbound = inputs[FROM.name]
        if self.overlap:
            return self._overlapping(inbound, catalog)
        mark = inbound.unused("subset_number")
        marked = inbound
        number_so_far: sa.ColumnElement[Any] = sa.cast(sa.null(), sa.Integer())
        is_free: sa.ColumnElement[bool] = sa.true()
        for number, (name, subset) in enumerate(self.subsets.items()):
            frame = Frame(marked, catalog)
            is_taken = self._taken(name, subset, frame, inbound, is_free)
            columns = [marked.column(column) for column in inbound.columns]
            number_of_row = sa.case((is_taken, sa.literal(number, sa.Integer())), else_=number_so_far)
            marked = marked.of(frame.select(*columns, number_of_row.label(mark)), {mark: INTEGER})
            number_so_far = marked.column(mark)
            is_free = number_so_far.is_(None)
        rows = marked.select(inbound.columns)
        parts = {name: marked.of(rows.where(marked.column(mark) == number)) for number, name in enumerate(self.subsets)}
        return {**self._coded(parts), "complement": marked.of(rows.where(marked.column(mark).is_(None)))}

    def _overlapping(self, inbound: Population, catalog: Catalog) -> Mapping[str, Population]:
        frame = Frame(inbound, catalog)
        taken = {name: self._taken(name, subset, frame, inbound, sa.true()) for name, subset in self.subsets.items()}
        columns = [inbound.column(column) for column in inbound.columns]
        labels = {name: inbound.unused(f"in_{name}") for name in taken}
        claims = (sa.func.coalesce(is_taken, sa.false()).label(labels[name]) for name, is_taken in taken.items())
        marks = frame.select(*columns, *claims).subquery()
        rows = sa.select(*(marks.c[name] for name in inbound.columns))
        parts = {name: inbound.of(rows.where(marks.c[labels[name]])) for name in taken}
        nobody = sa.and_(sa.true(), *(~marks.c[labels[name]] for name in taken))
        return {**self._coded(parts), "complement": inbound.of(rows.where(nobody))}

    def _taken(
        self, name: str, subset: Subset, frame: Frame, inbound: Population, is_free: sa.ColumnElement[bool]
    ) -> sa.ColumnElement[bool]:
        """Say of a row whether the subset takes it; null is no."""
        condition = sa.and_(is_free, frame.condition(subset.where)) if subset.where else is_free
        if subset.limit is None:
            return condition
        is_candidate: Any = sa.func.coalesce(condition, sa.false()) if subset.where else condition
        return subset.limit.taken(frame, is_candidate, inbound, f"{self.seed}.{name}")

    def _coded(self, parts: Mapping[str, Population]) -> dict[str, Population]:
        codes = {name: subset.code for name, subset in self.subsets.items()}
        return {
            name: part.with_column("segment_code", sa.literal(code.source, sa.String()), TEXT)
            if (code := codes[name])
            else part
            for name, part in parts.items()
        }
