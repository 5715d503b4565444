"""Conditions that cost little, held before those that group the rows of links: these are then grouped for few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import sqlalchemy as sa

from engine.kit.catalog import Catalog
from engine.kit.expression import Expr, SortKey, tree
from engine.kit.frame import Frame
from engine.kit.population import Population

Text = Expr | SortKey
PLAIN, EXISTS, GROUPS = range(3)
"""What a condition reads: the row alone, links to find one row, or links whose rows are grouped."""


def cost(text: Text) -> int:
    """Say what an expression reads."""
    over = {id(node.call) for node in text.nodes if isinstance(node, tree.Window)}
    if any(_counts_links(node) and id(node) not in over for node in text.nodes):
        return GROUPS
    collections = [node for node in text.nodes if isinstance(node, tree.Collection)]
    finds_one = (node.function == "exists" and node.having is None for node in collections)
    return max((EXISTS if one else GROUPS for one in finds_one), default=PLAIN)


def _counts_links(node: tree.Node) -> bool:
    """Say that a call is `count(link)`, which is read as a function of a name."""
    return isinstance(node, tree.Call) and (node.function, *map(type, node.arguments)) == ("count", tree.Name)


def looks_at_all(text: Text) -> bool:
    """Say that a window stands in an expression: it looks at all rows, so that none may be left out before."""
    return any(isinstance(node, tree.Window) for node in text.nodes)


def steps(where: Expr | None, others: int, catalog: Catalog) -> list[list[Expr]]:
    """Give the conditions in the order they are best held; the last of them together with what costs as much as `others`.

    With a window among them all are held at once.
    """
    if where is not None and looks_at_all(where):
        return [[where]]
    found: dict[int, list[Expr]] = {PLAIN: [], EXISTS: [], GROUPS: []}
    for condition in where.conjuncts() if where else []:
        found[cost(condition)].append(condition)
    if catalog.dialect.capabilities.looks_rows_up:  # it sees by itself that a row alone is asked first
        found = {EXISTS: found[PLAIN] + found[EXISTS], GROUPS: found[GROUPS]}
    dearest = max([others, *(each for each, conditions in found.items() if conditions)])
    early = [conditions for each, conditions in found.items() if each < dearest]
    last = [condition for each, conditions in found.items() if each >= dearest for condition in conditions]
    return [*filter(None, early), last]


def narrowed(
    population: Population,
    conditions: Sequence[sa.ColumnElement[bool]],
    frame: Frame,
    texts: Iterable[Text],
    *,
    is_whole: bool,
) -> Population:
    """Keep the rows that meet the conditions, which the frame has compiled, so that they can be read several times at the cost of once.

    Of a whole dimension the columns stay that `texts` or its links mention; any other is still found in its table.
    """
    names: Iterable[str] = population.columns
    if is_whole:
        mentioned = {
            part for text in texts for node in text.nodes if isinstance(node, tree.Name) for part in node.parts
        }
        mentioned |= {our for link in frame.links.values() for our, _ in link.on}
        names = [name for name in population.columns if name in population.key or name in mentioned]
    rows = frame.select(*(population.column(name) for name in names)).where(*conditions)
    kept = population.of(rows)
    return replace(kept, relation=rows.cte())
