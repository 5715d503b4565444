"""Update shared audience: people sent to a segment of Experience Cloud."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal

import sqlalchemy as sa

from activities.connectors import audience_manager, experience_cloud
from activities.connectors.audience_manager import WrittenFile
from activities.connectors.experience_cloud import AudienceSettings, DataSourceSettings
from activities.connectors.identity import identifier, identifier_name, same_dimension
from engine.kit.activity import FROM, RESULT, Effect, EffectPlan, Port
from engine.kit.catalog import Catalog
from engine.kit.connector import ObjectStore
from engine.kit.context import SENDING, Context
from engine.kit.errors import AuthorError, DataError, suggestion
from engine.kit.expression.rows import semi_joined
from engine.kit.frame import Frame
from engine.kit.option import Name, option
from engine.kit.population import Inputs, Population
from engine.kit.types import BOOLEAN, TEXT

RESERVABLE = timedelta(hours=1)
MARK, VALUE = "may_leave", "identifier"
"""Columns of judged rows, with underscores behind where the population has such."""


NO_PURPOSE = "none"
"""Written by an author who means that no consent is to be asked."""


class UpdateSharedAudience(Effect):
    """Add people to a shared audience, by the identifier of its data source.

    Consent (for the audience's purpose) and the suppression lists of the dimension are read again at the moment of leaving, and
    again by every later attempt until Experience Cloud has taken the file; a consent that is null is no. Each row of `from` goes
    to exactly one port: `result` was sent, `complement` has no identifier, `suppressed` may not be shared. Rows that share an
    identifier are sent as one, or suppressed as one when any of them may not be shared. (Campaign: Update shared audience.)
    """

    type: ClassVar[str] = "update_shared_audience"
    example: ClassVar[Mapping[str, object]] = {"audience": "loyal_vip"}

    audience: Name = option("The shared audience, as declared in project.yaml.", example="loyal_vip")
    mode: Literal["append"] = option("append: members are only added.", default="append", example="append")

    @property
    def is_partition(self) -> bool:
        return True

    def outputs(self) -> tuple[Port, ...]:
        return (
            RESULT,
            Port(name="complement", doc="Those without an identifier of the data source."),
            Port(name="suppressed", doc="Those who may not be shared: no consent, or on a suppression list."),
        )

    def plan(self, inputs: Inputs, catalog: Catalog) -> EffectPlan:
        audience, source = self._declared(catalog)
        population = inputs[FROM.name]
        same_dimension(population, audience.data_source, source)
        judged = _judged(population, audience, source, catalog)
        outputs = _parted(judged, _refused(judged, population), population, catalog)
        return EffectPlan(outputs=outputs, sentences=(
            f"add the members of 'result' to '{audience.name}' (trait {audience.trait}) by {audience.data_source}, "
            f"as {audience_manager.inbound_name(source.id, 0).replace('0' * 10, '<second>')}",
        ))  # fmt: skip

    def perform(self, inputs: Inputs, ctx: Context) -> Mapping[str, Population]:
        audience, source = self._declared(ctx.catalog)
        population = inputs[FROM.name]
        same_dimension(population, audience.data_source, source)
        ctx.take_back(SENDING, lambda sending: _store(ctx).exists(str(sending["key"])))
        # Judged in a table of its own: else each port would hash the identifiers of the whole dimension again.
        judged = ctx.keep("judged", _judged(population, audience, source, ctx.catalog))
        refused = ctx.keep("refused", _refused(judged, population))
        kept = {port: ctx.keep(port, part) for port, part in _parted(judged, refused, population, ctx.catalog).items()}
        sent = kept["result"]
        ctx.guard(sent)
        if sent.count:
            self._deliver(sent, audience, source, ctx)
        return kept

    def _deliver(self, sent: Population, audience: AudienceSettings, source: DataSourceSettings, ctx: Context) -> None:
        start = int(ctx.moment.now.timestamp())
        seconds = range(start, start + int(RESERVABLE.total_seconds()))

        def path() -> Path:
            return ctx.staging / str(prepared["file"])

        def write() -> WrittenFile:
            identifiers = ctx.batches(_identifiers(sent, ctx.catalog))
            return audience_manager.write_inbound(
                path(), identifiers, str(audience.trait), is_visitor_id=source.kind == "visitor_id"
            )

        def prepare() -> Mapping[str, Any]:
            name = ctx.reserve(audience_manager.inbound_name(source.id, second) for second in seconds)
            return {"audience": self.audience, "rows": sent.count, "file": name}

        def announce() -> Mapping[str, Any]:
            file = write()
            key = audience_manager.inbound_key(path().name, ctx.now())
            return {"key": key, "rows": sent.count, "identifiers": file.lines, "bytes": file.size, "md5": file.md5}

        def deliver() -> Mapping[str, Any]:
            announced = sending["bytes"], sending["md5"]
            if not audience_manager.is_whole(path(), *announced):  # another machine, or power was lost
                write()
            if not audience_manager.is_whole(path(), *announced):
                raise DataError(
                    f"the file {path()} is not the one that was about to be sent, and cannot be written as it was",
                    "see whether the disk is full or another program writes there, then resume the run",
                )
            receipt = _store(ctx).put(path(), str(sending["key"]))
            return {"path": str(path()), "receipt": dict(receipt)}

        prepared = ctx.step("prepared", prepare)
        sending = ctx.step(SENDING, announce)
        ctx.step("delivered", deliver, writes=[_remembered(sent, self.audience, ctx)])

    def _declared(self, catalog: Catalog) -> tuple[AudienceSettings, DataSourceSettings]:
        audience, source = experience_cloud.audience(catalog, self.audience, getattr(self.audience, "span", None))
        if audience.trait is None:
            raise AuthorError.at(
                getattr(self.audience, "span", None),
                "A005",
                f"the audience '{self.audience}' has no trait yet, so nobody can be sent to it",
                f"create it with 'audienceflow audiences create {self.audience}', and write its ids into project.yaml",
            )
        return audience, source


def _identifiers(sent: Population, catalog: Catalog) -> sa.Select[Any]:
    """Select each identifier once, by code point."""
    # PostgreSQL takes no DISTINCT together with an order under a collation
    distinct = sa.select(sent.column(identifier_name(sent.key)).label("identifier")).distinct().subquery()
    order = catalog.dialect.order(distinct.c.identifier, TEXT, descending=False, nulls_first=False)
    return sa.select(distinct.c.identifier).order_by(order)


def _store(ctx: Context) -> ObjectStore:
    store: ObjectStore = ctx.connect("experience_cloud").export_store
    return store


def _judged(
    population: Population, audience: AudienceSettings, source: DataSourceSettings, catalog: Catalog
) -> Population:
    """Give the rows with what decides about them: whether they may leave, and their identifier."""
    frame = Frame(population.target(), catalog)
    may_leave = sa.func.coalesce(_may_leave(frame, audience), sa.false())
    mark, value = population.unused(MARK), population.unused(VALUE)
    columns = [population.column(name) for name in population.columns]
    rows = frame.select(*columns, may_leave.label(mark), identifier(frame, source).label(value))
    return population.of(rows, {mark: BOOLEAN, value: TEXT})


def _refused(judged: Population, population: Population) -> Population:
    """Give the identifiers of rows that may not leave."""
    mark, value = population.unused(MARK), population.unused(VALUE)
    is_refused: Any = sa.not_(judged.column(mark))
    rows = judged.select((*population.key, value)).where(is_refused, judged.column(value).is_not(None))
    return judged.of(rows)


def _parted(judged: Population, refused: Population, population: Population, catalog: Catalog) -> dict[str, Population]:
    """Divide judged rows among the ports, with the columns of the population; in `result` the identifier takes the place of one so named.

    A file names identifiers, so one row that may not leave keeps back all that bear its identifier.
    """
    name, identified = identifier_name(population.key), population.unused(VALUE)
    may_leave: sa.ColumnElement[Any] = judged.column(population.unused(MARK))
    value = judged.column(identified)
    if refused.count != 0:
        others = refused.relation.alias()
        may_leave = sa.and_(may_leave, ~semi_joined(catalog, [value], [others.c[identified]], others, [], [others]))
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


def _remembered(sent: Population, audience: str, ctx: Context) -> sa.Insert:
    """Add those who were sent to the membership ledger, each once."""
    ledger = ctx.memberships
    known = ledger.alias()
    value = sent.column(identifier_name(sent.key))
    fresh = sa.select(
        sa.literal(audience, sa.String()), value, sa.literal(ctx.moment.run, sa.String()),
        sa.literal(ctx.moment.now.replace(tzinfo=None), sa.DateTime()),
    ).distinct().where(~sa.exists().where(known.c.audience == audience, known.c.identifier == value))  # fmt: skip
    return ctx.catalog.dialect.insert_new(ledger, ["audience", "identifier", "run", "sent_at"], fresh)
