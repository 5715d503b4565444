"""Judging who may leave: by consent, by the suppression lists, and by what the rows are known outside as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from activities.connectors.experience_cloud import AudienceSettings, DataSourceSettings
from activities.connectors.identity import has_many, identifier, identifier_name, identifiers
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError, DataError, suggestion
from engine.kit.expression.rows import equal, semi_joined
from engine.kit.frame import Frame
from engine.kit.population import Population
from engine.kit.types import BOOLEAN, TEXT

Keep = Callable[[str, Population], Population]
"""Makes a table of rows that several others are cut from."""

MARK, VALUE, PLACE = "may_leave", "identifier", "place"
"""Columns of judged rows, with underscores behind where the population has such."""

NO_PURPOSE = "none"
"""Written by an author who means that no consent is to be asked."""


@dataclass(frozen=True, kw_only=True)
class Division:
    """Rows divided by what may be done with them; every row is in one of the ports."""

    ports: Mapping[str, Population]
    """`result` may leave, `complement` has no identifier, `suppressed` may not leave."""
    sent: Population
    """Every identifier of `result` that may leave, beside the row that bears it."""
    borne: Population
    """Every identifier of the rows, whether it may leave or not."""
    names: tuple[str, str]
    """What the identifier is called in `sent`, and in `borne`."""

    @property
    def leaving(self) -> sa.ColumnElement[Any]:
        return self.sent.column(self.names[0])

    @property
    def known(self) -> sa.ColumnElement[Any]:
        return self.borne.column(self.names[1])


def divide(
    population: Population, audience: AudienceSettings, source: DataSourceSettings, catalog: Catalog, keep: Keep
) -> Division:
    """Divide rows. An identifier leaves only when every row here that bears it may; a row leaves when one of its identifiers does.

    `result` has the identifier as a column, which takes the place of one so named: of several that leave, the first by code point.
    """
    value = population.unused(VALUE)
    if not has_many(Frame(population.target(), catalog), source):
        # Judged in a table of its own: else each port would hash the identifiers of the whole dimension again.
        judged = keep("judged", _judged(population, audience, catalog, source))
        refused = keep("refused", _refused(judged, population))
        ports = {port: keep(port, part) for port, part in _parted(judged, refused, population, catalog).items()}
        names = identifier_name(population.key), value
        return Division(ports=ports, sent=ports["result"], borne=judged, names=names)
    rows = keep("rows", _judged(population, audience, catalog))
    borne = keep("borne", _borne(rows, population, source, catalog))
    refused = keep("refused", _refused(borne, population))
    judged = keep("judged", _with_first(rows, borne, refused, population, catalog))
    ports = {port: keep(port, part) for port, part in _parted(judged, refused, population, catalog).items()}
    sent = keep("sent", borne.where(_leaves(borne, refused, population, catalog)))
    return Division(ports=ports, sent=sent, borne=borne, names=(value, value))


def withdrawn(
    members: Population, audience: AudienceSettings, source: DataSourceSettings, catalog: Catalog
) -> Population:
    """Keep the members, whose key is an identifier, who may not be shared any more.

    Not every row of the dimension that bears the identifier may leave, or none bears it.
    """
    everyone = catalog.dimension(source.dimension).population().only(())
    if has_many(Frame(everyone, catalog), source):
        judged = _borne(_judged(everyone, audience, catalog), everyone, source, catalog)
    else:
        judged = _judged(everyone, audience, catalog, source)
    (member,), value = members.key, judged.column(everyone.unused(VALUE))
    theirs = members.relation.alias()
    is_asked = semi_joined(catalog, [value], [theirs.c[member]], theirs, [], [theirs])
    is_refused = sa.case((_mark(judged, everyone), 0), else_=1)
    allowed = (
        sa.select(value.label(member)).where(is_asked).group_by(value).having(sa.func.max(is_refused) == 0).subquery()
    )
    return members.where(~semi_joined(catalog, [members.column(member)], [allowed.c[member]], allowed, [], [allowed]))


def opted_out(rows: Population, audience: AudienceSettings, catalog: Catalog) -> Population | None:
    """Give the rows of a dimension that may not be shared; None where the project does not say what is asked of them."""
    dimension = catalog.dimension(rows.dimension or "")
    is_silent = audience.purpose is None and dimension.consent
    if is_silent or any(name not in catalog.lists for name in dimension.suppress):
        return None
    frame = Frame(rows.target(), catalog)
    may_leave = sa.func.coalesce(_may_leave(frame, audience), sa.false())
    return rows.of(frame.select(*rows.key_columns).where(sa.not_(may_leave)))


def _judged(
    population: Population, audience: AudienceSettings, catalog: Catalog, source: DataSourceSettings | None = None
) -> Population:
    """Give the rows with what decides about them: whether they may leave, and, by a data source, their one identifier."""
    frame = Frame(population.target(), catalog)
    may_leave = sa.func.coalesce(_may_leave(frame, audience), sa.false())
    added: dict[str, Any] = {population.unused(MARK): may_leave}
    if source is not None:
        added[population.unused(VALUE)] = identifier(frame, source)
    columns = [population.column(name) for name in population.columns]
    rows = frame.select(*columns, *(column.label(name) for name, column in added.items()))
    return population.of(rows, dict(zip(added, (BOOLEAN, TEXT), strict=False)))


def _borne(rows: Population, population: Population, source: DataSourceSettings, catalog: Catalog) -> Population:
    """Give each identifier of each row once, with the row's mark."""
    mark, value = population.unused(MARK), population.unused(VALUE)
    frame = Frame(rows.target(), catalog)
    pairs = identifiers(frame, source, value, *rows.key_columns, rows.column(mark)).distinct()
    types = {**{name: rows.columns[name] for name in rows.key}, mark: BOOLEAN, value: TEXT}
    return Population(relation=pairs.subquery(), key=(*rows.key, value), columns=types, unique=True)


def _with_first(
    rows: Population, borne: Population, refused: Population, population: Population, catalog: Catalog
) -> Population:
    """Give the rows with their first identifier by code point: of those that leave, else of all; null where there is none."""
    value = population.unused(VALUE)
    marked = sa.select(
        *(borne.column(name).label(name) for name in (*rows.key, value)),
        sa.case((_leaves(borne, refused, population, catalog), 0), else_=1).label(PLACE),
    ).subquery()
    by = catalog.dialect.order(marked.c[value], TEXT, descending=False, nulls_first=False)
    place = sa.func.row_number().over(
        partition_by=[marked.c[name] for name in rows.key], order_by=[marked.c[PLACE], by]
    )
    ranked = sa.select(*(marked.c[name] for name in (*rows.key, value)), place.label(PLACE)).subquery()
    is_first = sa.and_(*equal(rows.key_columns, (ranked.c[name] for name in rows.key)), ranked.c[PLACE] == 1)
    joined = rows.select().add_columns(ranked.c[value]).select_from(rows.relation.outerjoin(ranked, is_first))
    return rows.of(joined, {value: TEXT})


def _refused(judged: Population, population: Population) -> Population:
    """Give the identifiers of rows that may not leave."""
    value = population.unused(VALUE)
    is_refused = sa.not_(_mark(judged, population))
    rows = judged.select(dict.fromkeys((*population.key, value))).where(is_refused, judged.column(value).is_not(None))
    return judged.of(rows)


def _mark(judged: Population, population: Population) -> Any:
    return judged.column(population.unused(MARK))


def _leaves(
    judged: Population, refused: Population, population: Population, catalog: Catalog
) -> sa.ColumnElement[bool]:
    """Say of a row beside its identifier that it may leave, and that no row which bears the identifier may not."""
    may_leave, value = _mark(judged, population), population.unused(VALUE)
    if refused.count == 0:
        return may_leave  # type: ignore[no-any-return]
    others = refused.relation.alias()
    is_refused = semi_joined(catalog, [judged.column(value)], [others.c[value]], others, [], [others])
    return sa.and_(may_leave, ~is_refused)


def _parted(judged: Population, refused: Population, population: Population, catalog: Catalog) -> dict[str, Population]:
    """Divide judged rows among the ports, with the columns of the population."""
    name, value = identifier_name(population.key), judged.column(population.unused(VALUE))
    may_leave = _leaves(judged, refused, population, catalog)
    rows = judged.select(population.columns)
    sent = judged.select(column for column in population.columns if column.lower() != name).add_columns(
        value.label(name)
    )
    return {
        "result": judged.of(sent.where(may_leave, value.is_not(None)), {name: TEXT}),
        "complement": judged.of(rows.where(may_leave, value.is_(None))),
        "suppressed": judged.of(rows.where(sa.not_(may_leave))),
    }


def _may_leave(frame: Frame, audience: AudienceSettings) -> sa.ColumnElement[bool]:
    """Say of a row whether it may be shared: consent for the purpose, and on no suppression list."""
    catalog, population = frame.catalog, frame.population
    dimension = catalog.dimension(population.dimension or "")
    conditions: list[sa.ColumnElement[bool]] = []
    if audience.purpose is None and dimension.consent:
        raise AuthorError.at(
            getattr(audience.name, "span", None),
            "A009",
            f"the dimension '{dimension.name}' asks for consent, and the audience '{audience.name}' says no purpose",
            f"add 'purpose: {next(iter(dimension.consent))}' to the audience, or 'purpose: {NO_PURPOSE}' to ask for none",
        )
    if audience.purpose not in (None, NO_PURPOSE):
        if audience.purpose not in dimension.consent:
            raise AuthorError.at(
                getattr(audience.purpose, "span", None),
                "A006",
                f"the dimension '{dimension.name}' says nothing of consent for '{audience.purpose}'",
                suggestion(audience.purpose, dimension.consent, "purposes")
                if dimension.consent
                else f"add 'consent: {{{audience.purpose}: …}}' to it",
            )
        conditions.append(frame.condition(dimension.consent[audience.purpose]))
    for name in dimension.suppress:
        if name not in catalog.lists:
            raise DataError(
                f"the suppression list '{name}' does not exist, so nobody may be shared",
                "fill it first, by 'list_import' or 'list_update'",
            )
        listed = catalog.lists[name]
        if (listed.dimension, listed.key) != (population.dimension, population.key):
            raise DataError(
                f"the suppression list '{name}' holds {listed.dimension or 'rows'} by {', '.join(listed.key)}, "
                f"so it cannot be held against {population.dimension} by {', '.join(population.key)}",
                "fill it from that dimension, or take it out of 'suppress'",
            )
        conditions.append(~population.matches(listed))
    return sa.and_(sa.true(), *conditions)
