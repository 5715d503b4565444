"""Sizes: how many rows are taken, and which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import model_validator

from engine.kit.dialect import Dialect
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr, SortKey
from engine.kit.expression.value import Value, literal
from engine.kit.frame import Frame
from engine.kit.option import Deferred, Flag, Integer, Many, Name, Number, Options, Percentage, Some, option, wrong
from engine.kit.population import Population
from engine.kit.types import Type
from engine.kit.written import typed

BUCKETS = 10_000
MOST_DIGITS = 6
"""After the point of a share; with more, the product with a large population would not fit 64 bits."""
STICKY_DIGITS = 2
RANDOM = "random"


class Limit(Options):
    """Take a number or a share of rows.

    A share is of the inbound population, or of what the subset's condition found (`of: segment`), and rounds half up. `by`
    decides who is taken, and the key decides between equals. `by: random` orders by the md5 of seed and key, so the
    same rows are taken on every database and in every run; as the last of several it decides between those whom the others hold equal,
    and a column called so is `row.random`. With `sticky` each row decides for itself by its bucket: nobody changes sides when
    others come and go, and the size is about so much: 10 % of 100 rows are 4 to 16, of 10,000 rows 940 to 1,060, in nineteen of twenty
    cases. With `per` the size holds within each group of equal values, and `sizes` says it
    for single groups: then `count` or `percent` is for all others, and for those without a value.
    """

    count: Integer | None = option("How many rows.", default=None, ge=0, example="250")
    percent: Percentage | None = option("Which share of the rows, in percent.", default=None, ge=0, example="10")
    of: Literal["inbound", "segment"] = option("What the share is of.", default="inbound")
    by: Some[SortKey] = option("Who comes first; or `random`, which may end other keys.", example=["-spend"])
    per: Many[Expr] = option(
        "Take so many within each group of equal values; null is a group.", default=(), example=["country"]
    )
    sizes: dict[Name, Number] = option(
        "By a value of `per`, how many rows or which share of them is taken instead.",
        default={},
        example={"FR": "100", "DE": "50"},
    )
    sticky: Flag = option(
        "Let each row's own hash decide, so that nobody changes sides; the size is then about `percent`.", default=False
    )
    seed: Name | None = option(
        "Seed of the random order; workflow, activity and subset when not written.", default=None
    )

    @property
    def is_random(self) -> bool:
        return [key.text for key in self.by] == [RANDOM]

    @model_validator(mode="after")
    def _is_one_size(self) -> Limit:
        if (self.count is None) == (self.percent is None):
            fix = "write either 'count: 250' or 'percent: 10'"
            raise wrong("a limit has either 'count' or 'percent'", fix)
        if self.sticky and (self.percent is None or not self.is_random or self.per or self.of == "segment"):
            what = "'sticky' goes with 'percent' and 'by: random' of the inbound, without 'per'"
            raise wrong(what, "write 'limit: {percent: 10, by: random, sticky: true}'", "sticky")
        if self.of == "segment" and self.count is not None:
            what, fix = (
                "'of' says what 'percent' is a share of, and 'count' is none",
                "take 'of' out, or write 'percent'",
            )
            raise wrong(what, fix, "of")
        if self.seed is not None and self.by[-1].text != RANDOM:
            fix = "take 'seed' out, or end 'by' with random"
            raise wrong("'seed' goes with 'by: random'", fix, "seed")
        if self.sizes and len(self.per) != 1:
            what = "'sizes' are by the values of one expression in 'per'"
            raise wrong(what, "write 'per: country', and its values in 'sizes'", "sizes")
        return self

    @model_validator(mode="after")
    def _sizes_can_be(self) -> Limit:
        written = [("percent", "percent", self.percent), *(("sizes", name, size) for name, size in self.sizes.items())]
        for at, name, size in written:
            if isinstance(size, Decimal) and (problem := self._problem_of(size)):
                what, fix = problem
                raise wrong(f"'{name}' {what}", fix, at)
        return self

    def _problem_of(self, size: Decimal) -> tuple[str, str] | None:
        """Say what is wrong with a share, or with a group's number of rows, and the fix."""
        most = STICKY_DIGITS if self.sticky else MOST_DIGITS
        if self.percent is None:
            is_whole = size >= 0 and size == size.to_integral_value()
            return None if is_whole else ("is a number of rows, as 'count' is", "write a whole number")
        if size < 0 or size > 100:
            bound = "at most 100" if size > 0 else "at least 0"
            return f"is {bound}, not {size}", "write a share of up to 100, such as 'percent: 10'"
        if _digits(size) > most:
            return f"has at most {most}{' (with sticky)' if self.sticky else ''} digits after the point", "round it"
        return None

    def taken(
        self,
        frame: Frame,
        is_candidate: sa.ColumnElement[bool],
        inbound: Population,
        seed: str,
        start: Decimal = Decimal(0),
    ) -> sa.ColumnElement[bool]:
        """Say of a row of the frame whether it is taken. Only candidates are; they alone are ranked.

        A sticky share takes the buckets from `start` percent on.
        """
        seed = self.seed or seed
        if self.sticky:
            bucket = frame.catalog.dialect.bucket(seeded(frame.catalog.dialect, frame.population, seed), BUCKETS)
            first, end = (int(percent * BUCKETS / 100) for percent in (start, start + settled(self.percent)))
            is_within = bucket < end if first == 0 else sa.and_(bucket >= first, bucket < end)
            return sa.and_(is_candidate, sa.func.coalesce(is_within, sa.false()))
        groups = frame.identities(self.per)
        values = [group.sql for group in groups]
        rank = sa.func.row_number().over(partition_by=[is_candidate, *values], order_by=self._order(frame, seed))
        return sa.and_(is_candidate, self._within(rank, groups, is_candidate, inbound))

    def _order(self, frame: Frame, seed: str) -> tuple[sa.ColumnElement[Any], ...]:
        *keys, last = self.by
        if last.text != RANDOM:
            return frame.order(self.by)
        return (*frame.order(keys)[: len(keys)], *random_order(frame, seed))

    def _within(
        self, rank: Any, groups: Sequence[Value], is_candidate: sa.ColumnElement[bool], inbound: Population
    ) -> Any:
        """Say that a rank is within the size: at most the share of the base, rounded half up, all in whole numbers."""
        if self.count is not None:
            return rank <= self._by_group(groups, settled(self.count), 1)
        values = [group.sql for group in groups]
        if self.of == "segment":
            base: Any = sa.func.count().over(partition_by=[is_candidate, *values])
        elif groups:
            base = sa.func.count().over(partition_by=values)
        else:
            base = sa.select(sa.func.count()).select_from(inbound.relation.alias()).scalar_subquery()
        unit = 10 ** max(_digits(settled(size)) for size in (self.percent, *self.sizes.values()))
        return rank * (100 * unit) <= base * self._by_group(groups, settled(self.percent), unit) + 50 * unit

    def _by_group(self, groups: Sequence[Value], others: Decimal, unit: int) -> Any:
        """Give the size of a row's group, so many times `unit`."""
        size = int(others * unit)
        if not self.sizes:
            return size
        (group,) = groups
        whens = (
            (group.sql == _value(name, group.type, self.per[0]), sa.literal(int(settled(each) * unit), sa.BigInteger()))
            for name, each in self.sizes.items()
        )
        return sa.case(*whens, else_=sa.literal(size, sa.BigInteger()))


def _value(name: str, type_: Type, per: Expr) -> sa.ColumnElement[Any]:
    try:
        return literal(typed(name, type_), type_).sql
    except (ValueError, ArithmeticError):
        span = getattr(name, "span", None)
        message = f"'{name}' is no {type_}, as the values of '{per}' are"
        raise AuthorError.at(span, "E410", message, f"write a value of type {type_}") from None


def in_a_row(limits: Mapping[str, Limit], seed: str) -> dict[str, tuple[str, Decimal]]:
    """Give sticky shares that follow each other one seed, the first one's, and where each begins.

    They are cut from one hash, so that each is a share of the whole inbound. Those with a seed of their own follow each other alike.
    """
    first = next((name for name, limit in limits.items() if limit.seed is None), "")
    places: dict[str, tuple[str, Decimal]] = {}
    ends: dict[str | None, Decimal] = {}
    for name, limit in limits.items():
        start = ends.get(limit.seed, Decimal(0))
        places[name] = (f"{seed}.{first}", start)
        ends[limit.seed] = start + settled(limit.percent)
    return places


def seeded(dialect: Dialect, population: Population, seed: str) -> sa.ColumnElement[str]:
    """Give the text whose hash decides about a row: the seed, and the key in its canonical text, joined by colons."""
    text: Any = sa.literal(f"{seed}:", sa.String())
    for index, name in enumerate(population.key):
        part = dialect.text(population.column(name), population.columns[name])
        text = text + part if index == 0 else text + sa.literal(":", sa.String()) + part
    return text  # type: ignore[no-any-return]


def random_order(frame: Frame, seed: str) -> tuple[sa.ColumnElement[Any], ...]:
    """Order by the md5 of seed and key, then by the key; a key with a null has no hash and comes last."""
    dialect = frame.catalog.dialect
    return (dialect.shuffle(seeded(dialect, frame.population, seed)).nulls_last(), *frame.order(()))


def _digits(percent: Decimal) -> int:
    exponent = percent.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def settled(value: Any) -> Any:
    """Give an option's value once variables are bound; before, in a plan without values, one that takes nobody."""
    return Decimal(0) if isinstance(value, Deferred) else value
