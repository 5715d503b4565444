"""Split: a population divided into subsets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from itertools import takewhile
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import field_validator, model_validator

from engine.kit.activity import FROM, Port, Staged
from engine.kit.catalog import Catalog
from engine.kit.dividing import Part, flagged, numbered
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr
from engine.kit.limit import Limit, in_a_row, settled
from engine.kit.option import Flag, Name, Options, option, wrong
from engine.kit.population import Inputs, Outputs, Population
from engine.kit.template import Template
from engine.kit.types import TEXT

RESERVED = ("result", "complement", "error", "done")
MARK, CODE = "subset_number", "segment_code"
NAME = re.compile(r"[a-z][a-z0-9_]*")
CODE_DOC = "Written to the column segment_code of its rows."
SILENT_DOC = "Do not fire without a row: what reads the output is skipped."


class Subset(Options):
    """A subset: who may enter, and how many. Without both it takes all that remain."""

    where: Expr | None = option("Who may enter; null is no.", default=None, example="spend > 1000")
    limit: Limit | None = option("How many of them.", default=None, example={"count": "250", "by": "-spend"})
    code: Template | None = option(CODE_DOC, default=None, example="A")
    skip_empty: Flag = option(SILENT_DOC, default=False, example="true")


class Complement(Options):
    """What no subset took."""

    code: Template | None = option(CODE_DOC, default=None, example="rest")
    skip_empty: Flag = option(SILENT_DOC, default=False, example="true")


class Split(Staged):
    """Divide a population into subsets, in their order: a row goes to the first subset that takes it.

    A row that meets a subset's condition but is cut by its limit remains for the later ones. What no subset takes is the
    complement. A sticky share is about so much: of 240 people, 10 percent are usually 15 to 33. Sticky shares that anybody may
    enter, and that have one seed, are parts of one whole: 30, 30 and 40 percent leave nobody. With `overlap` each subset sees
    the whole inbound, and the complement is what none took. A condition on other tables is one on links:
    `exists(purchases where amount > 10)`, which needs no filtering dimension of the subset.

    Each subset is an output of its own, or with `single_output` all leave by `result`, and the column `segment_code` says whose a row
    is: a subset without `code` writes its name there. Codes replace those that rows have, or with `codes: append` stand behind
    them; where no code is written, a row keeps its own. What an arrow says is written in `outputs`. A subset that nobody reads, such
    as a control group, is counted and kept nowhere. (Campaign: Split.)
    """

    type: ClassVar[str] = "split"
    example: ClassVar[Mapping[str, object]] = {
        "subsets": {"vip": {"where": "spend > 1000"}, "sample": {"limit": {"percent": "10", "by": "random"}}}
    }

    subsets: dict[str, Subset] = option("The subsets, in order.", example={"vip": {"where": "spend > 1000"}})
    complement: Complement = option("What no subset took.", default=Complement(), example={"code": "rest"})
    overlap: Flag = option("Each subset sees the whole inbound population.", default=False, example="true")
    single_output: Flag = option(
        "All subsets leave by `result`, told apart by segment_code.", default=False, example="true"
    )
    codes: Literal["replace", "append"] = option(
        "Whether a code takes the place of the one a row has, or stands behind it.", default="replace"
    )
    seed: Name = option("Seed of random sizes; workflow and activity when not written.", default="", example="spring")

    @field_validator("subsets")
    @classmethod
    def _names_are_free(cls, subsets: dict[str, Subset]) -> dict[str, Subset]:
        if not subsets:
            raise wrong("a split has at least one subset", "write a name below 'subsets:', and its 'where' or 'limit'")
        for name in subsets:
            if name in RESERVED or not NAME.fullmatch(name):
                fix = f"choose another in snake_case, and none of {', '.join(RESERVED)}"
                raise wrong(f"'{name}' is no name for a subset", fix, name)
        return subsets

    @model_validator(mode="after")
    def _parts_fit(self) -> Split:
        shares = self._following
        ends = (start + settled(shares[name].percent) for name, (_, start) in in_a_row(shares, self.seed).items())
        if (total := max(ends, default=0)) > 100:
            raise wrong(f"the sticky shares add up to {total} percent")
        if self.overlap and self.single_output:
            what = "subsets that overlap cannot leave by one output: a row would stand there twice"
            raise wrong(what, "take 'single_output' or 'overlap' out", "single_output")
        return self

    @property
    def is_partition(self) -> bool:
        return not self.overlap

    def outputs(self) -> tuple[Port, ...]:
        takes_rest = any(subset.where is None and subset.limit is None for subset in self.subsets.values())
        silent = bool(self.complement.skip_empty)
        rest = Port(name="complement", doc="What no subset took.", silent=silent, stays_empty=takes_rest)
        if self.single_output:
            silent = all(subset.skip_empty for subset in self.subsets.values())
            return (Port(name="result", doc="The rows of all subsets.", silent=silent), rest)
        shares = self._shares
        parts = (
            Port(name=name, silent=bool(subset.skip_empty), share=shares.get(name))
            for name, subset in self.subsets.items()
        )
        return (*parts, rest)

    @property
    def is_dear(self) -> bool:
        """Ranking costs more than a table."""
        return any(part.ranks for part in self._parts.values())

    def stage(self, inputs: Inputs, catalog: Catalog) -> Population:
        """Mark each row with what takes it: its subset's number, or with `overlap` a flag a subset."""
        inbound, parts = inputs[FROM.name], self._parts
        if self.overlap:
            return flagged(inbound, catalog, dict(zip(self._flags(inbound), parts.values(), strict=True)))
        return numbered(inbound, catalog, list(parts.values()), inbound.unused(MARK))

    def cut(self, staged: Population, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        inbound = inputs[FROM.name]
        rows = staged.select(inbound.columns)
        if self.overlap:
            flags = map(staged.column, self._flags(inbound))
            taken: dict[str, Any] = dict(zip(self.subsets, flags, strict=True))
            rest = sa.and_(sa.true(), *(~is_taken for is_taken in taken.values()))
        else:
            mark = staged.column(inbound.unused(MARK))
            taken = {name: mark == number for number, name in enumerate(self.subsets)}
            rest = mark.is_(None)

        def subset(name: str) -> Population:
            return self._coded(staged.of(rows.where(taken[name])), self.subsets[name].code)

        def complement() -> Population:
            return self._coded(staged.of(rows.where(rest)), self.complement.code)

        if self.single_output:
            return Outputs({"result": lambda: self._marked(staged, inbound, taken), "complement": complement})
        return Outputs({**{name: partial(subset, name) for name in self.subsets}, "complement": complement})

    def _flags(self, inbound: Population) -> list[str]:
        """Name what says of a row, subset by subset, whether it takes the row: by number, so that no two names are one."""
        return [inbound.unused(f"in_{number}") for number in range(len(self.subsets))]

    @property
    def _following(self) -> dict[str, Limit]:
        """Give the sticky shares that anybody may enter: those of one seed follow each other."""
        if self.overlap:
            return {}
        limits = {name: subset.limit for name, subset in self.subsets.items() if subset.limit and not subset.where}
        return {name: limit for name, limit in limits.items() if limit.sticky}

    @property
    def _shares(self) -> dict[str, Decimal]:
        """Give the sticky shares that are of all that arrives: none but their like stands before them."""
        following = self._following
        first = takewhile(lambda name: name in following, self.subsets)
        return {name: share for name in first if isinstance(share := following[name].percent, Decimal)}

    @property
    def _parts(self) -> dict[str, Part]:
        """Give the subsets as parts, each with its seed and the place where its share begins."""
        places = in_a_row(self._following, self.seed)
        alone = {name: (f"{self.seed}.{name}", Decimal(0)) for name in self.subsets}
        return {
            name: Part(where=self.subsets[name].where, limit=self.subsets[name].limit, seed=seed, start=start)
            for name, (seed, start) in {**alone, **places}.items()
        }

    def _marked(self, staged: Population, inbound: Population, taken: Mapping[str, Any]) -> Population:
        """Give the rows of all subsets with their codes."""
        codes = {name: subset.code.source if subset.code else name for name, subset in self.subsets.items()}
        code = sa.case(*((is_taken, sa.literal(codes[name], sa.String())) for name, is_taken in taken.items()))
        columns: list[Any] = [staged.column(name) for name in inbound.columns if name != CODE]
        rows = sa.select(*columns, self._joined(inbound, staged, code).label(CODE))
        return staged.of(rows.where(sa.or_(*taken.values())), {CODE: TEXT})

    def _coded(self, part: Population, code: Template | None) -> Population:
        if code is None:
            return part
        return part.with_column(CODE, self._joined(part, part, sa.literal(code.source, sa.String())), TEXT)

    def _joined(self, inbound: Population, rows: Population, code: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Give a code, behind the one that a row has where it is so wanted."""
        if CODE in inbound.key:
            what, fix = (
                f"'{CODE}' is the key, and no code can be written over it",
                "take 'code' and 'single_output' out",
            )
            raise AuthorError.at(None, "E403", what, fix)
        if self.codes == "replace" or CODE not in inbound.columns:
            return code
        if inbound.columns[CODE] != TEXT:
            what = f"the column '{CODE}' is {inbound.columns[CODE]}, and a code cannot stand behind it"
            raise AuthorError.at(None, "E402", what, "rename it before the split, or write 'codes: replace'")
        return sa.func.coalesce(rows.column(CODE), sa.literal("", sa.String())) + code
