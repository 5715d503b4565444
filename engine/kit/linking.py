"""Following links from the rows of one population to those of another."""

from __future__ import annotations

import sqlalchemy as sa

from engine.kit.catalog import Catalog, Link
from engine.kit.errors import AuthorError, Span, suggestion
from engine.kit.expression.rows import equal, semi_joined
from engine.kit.frame import Frame
from engine.kit.population import Population


def leads_to(frame: Frame, path: str, other: Population) -> sa.ColumnElement[bool]:
    """Say of a row that one of the rows behind a path of links is in the other population. Never null.

    The links may be to one or to many. A table between is read only where the columns around it are not the same.
    """
    catalog = frame.catalog
    links = _links(frame, path, other)
    clause: sa.FromClause = other.relation.alias()
    relations = [clause]
    found = dict(zip(catalog.behind(links[-1]).key, (clause.c[name] for name in other.key), strict=True))
    for place, link in reversed(list(enumerate(links))):
        if any(their not in found for _, their in link.on):
            table = catalog.behind(link).table.alias()
            clause = table.join(clause, sa.and_(*equal((table.c[name] for name in found), found.values())))
            relations.append(table)
            found = {their: table.c[their] for _, their in link.on}
        if place:
            found = {our: found[their] for our, their in link.on}
    ours = [frame.row.join_column(our) for our, _ in links[0].on]
    return semi_joined(catalog, ours, [found[their] for _, their in links[0].on], clause, [], relations)


def _links(frame: Frame, path: str, other: Population) -> list[Link]:
    """Give the links of a path; AuthorError where one does not exist, or the last leads elsewhere or to another key."""
    span, dimension = getattr(path, "span", None), frame.row.dimension
    links: list[Link] = []
    for name in path.split("."):
        known = dimension.links if dimension else {}
        if name not in known:
            raise AuthorError.at(span, "E302", f"there is no link '{name}'", suggestion(name, known, "links"))
        links.append(known[name])
        dimension = frame.catalog.behind(known[name])
    if links[-1].target != other.dimension:
        raise _elsewhere(span, path, links[-1], other, frame)
    if dimension is not None and dimension.key != other.key:
        listed = " and ".join("(" + ", ".join(key) + ")" for key in (dimension.key, other.key))
        what = f"{dimension.name} and the population have other keys: {listed}"
        raise AuthorError.at(span, "E405", what, "fill the older list again")
    return links


def _elsewhere(span: Span | None, path: str, last: Link, other: Population, frame: Frame) -> AuthorError:
    ways = _ways(frame, other.dimension, frame.catalog)
    fix = f"write '{ways[0]}'" if ways else "write pairs instead: on: {email: email}"
    of = other.dimension or "no dimension"
    return AuthorError.at(span, "E408", f"'{path}' leads to {last.target}, and the population is of {of}", fix)


def _ways(frame: Frame, dimension: str | None, catalog: Catalog) -> list[str]:
    """Name the links, and the pairs of links, that lead to a dimension."""
    known = frame.row.dimension.links if frame.row.dimension else {}
    direct = [name for name, link in known.items() if link.target == dimension]
    return direct + [
        f"{name}.{further}"
        for name, link in known.items()
        for further, behind in catalog.behind(link).links.items()
        if behind.target == dimension
    ]
