"""Dividing rows among parts, in one pass as far as nobody is ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.kit.catalog import Catalog
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from engine.kit.limit import Limit
from engine.kit.population import Population
from engine.kit.types import BOOLEAN, INTEGER


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a population: who may enter, and how many. Without both it takes all that it sees."""

    where: Expr | None
    limit: Limit | None
    seed: str
    start: Decimal
    """Where a sticky share begins."""

    @property
    def ranks(self) -> bool:
        """Say that it has to put rows in an order."""
        return self.limit is not None and not self.limit.sticky

    def takes(self, frame: Frame, inbound: Population, is_free: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        """Say of a row whether the part takes it; null is no."""
        condition = sa.and_(is_free, frame.condition(self.where)) if self.where else is_free
        if self.limit is None:
            return condition
        is_candidate: Any = sa.func.coalesce(condition, sa.false()) if self.where else condition
        return self.limit.taken(frame, is_candidate, inbound, self.seed, self.start)


def numbered(inbound: Population, catalog: Catalog, parts: Sequence[Part], mark: str) -> Population:
    """Mark each row with the number of the first part that takes it, from 0; null where none does."""
    marked = inbound
    so_far: sa.ColumnElement[Any] = sa.cast(sa.null(), sa.Integer())
    layers = _layers(parts)
    for layer in layers:
        frame = Frame(replace(marked, columns=inbound.columns), catalog)  # nobody's condition knows our mark
        is_free = so_far.is_(None) if parts[layer[0]].ranks else sa.true()
        number: Any = sa.case(
            *((parts[place].takes(frame, inbound, is_free), sa.literal(place, sa.Integer())) for place in layer)
        )
        columns = [marked.column(column) for column in inbound.columns]
        rows = frame.select(*columns, sa.func.coalesce(so_far, number).label(mark))
        marked = marked.of(rows, {mark: INTEGER})
        if len(layers) > 1:  # nested subqueries end at the depth of the database's parser
            marked = replace(marked, relation=rows.cte())
        so_far = marked.column(mark)
    return marked


def flagged(inbound: Population, catalog: Catalog, parts: Mapping[str, Part]) -> Population:
    """Mark each row with a flag for each part, by its name: whether it takes the row, which others may take, too."""
    frame = Frame(inbound, catalog)
    columns = [inbound.column(column) for column in inbound.columns]
    flags = (
        sa.func.coalesce(part.takes(frame, inbound, sa.true()), sa.false()).label(flag) for flag, part in parts.items()
    )
    return inbound.of(frame.select(*columns, *flags), dict.fromkeys(parts, BOOLEAN))


def _layers(parts: Sequence[Part]) -> list[list[int]]:
    """Group the parts that can be told by one CASE: those in a row that rank nobody. A rank is among who is left by then."""
    layers: list[list[int]] = []
    for place, part in enumerate(parts):
        if layers and not part.ranks and not parts[layers[-1][0]].ranks:
            layers[-1].append(place)
        else:
            layers.append([place])
    return layers
