"""Sizes: how many rows are taken, and which."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import model_validator
from pydantic_core import PydanticCustomError

from engine.kit.dialect import Dialect
from engine.kit.expression import Expr, SortKey
from engine.kit.frame import Frame
from engine.kit.option import Deferred, Flag, Integer, Many, Name, Options, Percentage, Some, option
from engine.kit.population import Population

BUCKETS = 10_000
MOST_DIGITS = 6
"""After the point of a share; with more, the product with a large population would not fit 64 bits."""
STICKY_DIGITS = 2
RANDOM = "random"


class Limit(Options):
    """Take a number or a share of rows.

    A share is of the inbound population, or of what the subset's condition found (`of: segment`), and rounds half up. `by`
    decides who is taken, and the key decides between equals. `by: random` orders by the md5 of seed and key, so the
    same rows are taken on every database and in every run; with `sticky` each row decides for itself by its bucket: the size is
    approximate and nobody changes sides when others come and go.
    """

    count: Integer | None = option("How many rows.", default=None, ge=0, example="250")
    percent: Percentage | None = option("Which share of the rows, in percent.", default=None, ge=0, example="10")
    of: Literal["inbound", "segment"] = option("What the share is of.", default="inbound")
    by: Some[SortKey] = option("Who comes first; or `random`.", example=["-spend"])
    per: Many[Expr] = option(
        "Take so many within each group of equal values; null is a group.", default=(), example=["country"]
    )
    sticky: Flag = option("Let each row's own hash decide, so that nobody changes sides.", default=False)
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
            raise PydanticCustomError("option", "a limit has either 'count' or 'percent'", {"fix": fix})
        if isinstance(self.percent, Decimal) and self.percent > 100:
            raise PydanticCustomError(
                "option",
                "'percent' is at most 100, not {percent}",
                {
                    "percent": str(self.percent),
                    "at": ("percent",),
                    "fix": "write a share of up to 100, such as 'percent: 10'",
                },
            )
        if self.sticky and (self.percent is None or not self.is_random or self.per or self.of == "segment"):
            raise PydanticCustomError(
                "option",
                "'sticky' goes with 'percent' and 'by: random' of the inbound, without 'per'",
                {"at": ("sticky",), "fix": "write 'limit: {percent: 10, by: random, sticky: true}'"},
            )
        if isinstance(self.percent, Decimal) and _digits(self.percent) > (
            STICKY_DIGITS if self.sticky else MOST_DIGITS
        ):
            raise PydanticCustomError(
                "option",
                "'percent' has at most {most} digits after the point",
                {
                    "most": f"{STICKY_DIGITS} (with 'sticky')" if self.sticky else MOST_DIGITS,
                    "at": ("percent",),
                    "fix": "round it",
                },
            )
        return self

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
        groups = [value.sql for value in frame.identities(self.per)]
        order = random_order(frame, seed) if self.is_random else frame.order(self.by)
        rank = sa.func.row_number().over(partition_by=[is_candidate, *groups], order_by=order)
        return sa.and_(is_candidate, self._within(rank, groups, is_candidate, inbound))

    def _within(self, rank: Any, groups: list[Any], is_candidate: sa.ColumnElement[bool], inbound: Population) -> Any:
        """Say that a rank is within the size: at most the share of the base, rounded half up, all in whole numbers."""
        if self.count is not None:
            return rank <= settled(self.count)
        if self.of == "segment":
            base: Any = sa.func.count().over(partition_by=[is_candidate, *groups])
        elif groups:
            base = sa.func.count().over(partition_by=groups)
        else:
            base = sa.select(sa.func.count()).select_from(inbound.relation.alias()).scalar_subquery()
        percent = settled(self.percent)
        unit = 10 ** _digits(percent)
        return rank * (100 * unit) <= base * int(percent * unit) + 50 * unit


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
