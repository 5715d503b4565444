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

MEMBER = "identifier"
"""The column of members of the ledger."""

NO_PURPOSE = "none"
"""Written by an author who means that no consent is to be asked."""


class UpdateSharedAudience(Effect):
    """Bring people into a shared audience, and take out who is to be in it no more, by the identifier of its data source.

    Consent (for the audience's purpose) and the suppression lists of the dimension are read again at the moment of leaving, and
    again by every later attempt until Experience Cloud has taken the file; a consent that is null is no. Each row of `from` goes
    to exactly one port: `result` was sent, `complement` has no identifier, `suppressed` may not be shared. Rows that share an
    identifier are sent as one, or suppressed as one when any of them may not be shared.

    Only whom this project sent into the audience before is ever taken out; it remembers them in the database, from the moment
    Experience Cloud has taken the file. `mode: replace` takes out all of them who are not in `result`; it fails when nobody is, unless
    `guard: {on_empty: allow}` is written. `mode: append` takes out those not in `result` who may not be shared any more: no row of the
    dimension bears their identifier, or one that does may not leave. With `on_withdrawal: keep` nobody is taken out for that: `append`
    takes nobody out, and `replace` keeps those who are in `suppressed`. `added` and `removed` count identifiers, `kept` those who were
    there before and stay. (Campaign: Update shared audience, which only adds.)
    """

    type: ClassVar[str] = "update_shared_audience"
    example: ClassVar[Mapping[str, object]] = {"audience": "loyal_vip"}

    audience: Name = option("The shared audience, as declared in project.yaml.", example="loyal_vip")
    mode: Literal["append", "replace"] = option(
        "append: add members; replace: who was sent before and is not sent now is taken out.",
        default="append",
        example="replace",
    )
    on_withdrawal: Literal["remove", "keep"] = option(
        "remove: take out whom we sent before and may not share any more; keep: leave them in.",
        default="remove",
        example="keep",
    )

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
        file = audience_manager.inbound_name(source.id, 0).replace("0" * 10, "<second>")
        return EffectPlan(outputs=outputs, sentences=(
            f"add the members of 'result' to '{audience.name}' (trait {audience.trait}) by {audience.data_source}, as {file}",
            *self._removals(),
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
        ctx.guard(sent, replaces=self.mode == "replace")
        leaving = self._leaving(judged, population, sent, ctx)
        if sent.count or leaving.count:
            self._deliver(sent, leaving, audience, source, ctx)
        return kept

    def _removals(self) -> tuple[str, ...]:
        match self.mode, self.on_withdrawal:
            case "replace", "remove":
                return ("take out whom it was sent before and who are not in 'result'",)
            case "replace", _:
                return ("take out whom it was sent before and who are neither in 'result' nor in 'suppressed'",)
            case _, "remove":
                return ("take out whom it was sent before and who may not be shared any more",)
        return ()

    def _leaving(self, judged: Population, population: Population, sent: Population, ctx: Context) -> Population:
        """Give the identifiers of the members to take out."""
        is_kept = self.on_withdrawal == "keep"
        staying = judged.column(population.unused(VALUE)) if is_kept else sent.column(identifier_name(sent.key))
        members = _members(self.audience, staying, ctx)
        if self.mode == "append" and is_kept:
            return members.emptied()
        absent = ctx.keep("absent", members)
        if self.mode == "replace" or absent.count == 0:
            return absent
        audience, source = self._declared(ctx.catalog)
        return ctx.keep("withdrawn", _withdrawn(absent, audience, source, ctx.catalog))

    def _deliver(
        self, sent: Population, leaving: Population, audience: AudienceSettings, source: DataSourceSettings, ctx: Context
    ) -> None:  # fmt: skip
        joining, gone = sent.column(identifier_name(sent.key)), leaving.column(MEMBER)
        start = int(ctx.moment.now.timestamp())
        seconds = range(start, start + int(RESERVABLE.total_seconds()))

        def path() -> Path:
            return ctx.staging / str(prepared["file"])

        def write() -> WrittenFile:
            return audience_manager.write_inbound(
                path(),
                ctx.batches(_identifiers(joining, ctx.catalog)),
                str(audience.trait),
                is_visitor_id=source.kind == "visitor_id",
                leaving=ctx.batches(_identifiers(gone, ctx.catalog)),
            )

        def prepare() -> Mapping[str, Any]:
            name = ctx.reserve(audience_manager.inbound_name(source.id, second) for second in seconds)
            return {"audience": self.audience, "rows": sent.count, "file": name}

        def announce() -> Mapping[str, Any]:
            file = write()
            key = audience_manager.inbound_key(path().name, ctx.now())
            identifiers = file.lines - (leaving.count or 0)
            return {"key": key, "rows": sent.count, "identifiers": identifiers, "bytes": file.size, "md5": file.md5}

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
        ctx.change_members(self.audience, sa.select(joining), sa.select(gone), deliver)

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


def _identifiers(column: sa.ColumnElement[Any], catalog: Catalog) -> sa.Select[Any]:
    """Select each identifier once, by code point."""
    # PostgreSQL takes no DISTINCT together with an order under a collation
    distinct = sa.select(column.label("identifier")).distinct().subquery()
    order = catalog.dialect.order(distinct.c.identifier, TEXT, descending=False, nulls_first=False)
    return sa.select(distinct.c.identifier).order_by(order)


def _members(audience: str, staying: sa.ColumnElement[Any], ctx: Context) -> Population:
    """Give whom we sent into an audience before, but for those staying."""
    ledger = ctx.memberships.alias()
    others = sa.select(staying.label(MEMBER)).subquery()
    stays = semi_joined(ctx.catalog, [ledger.c.identifier], [others.c[MEMBER]], others, [], [others])
    rows = sa.select(ledger.c.identifier.label(MEMBER)).where(ledger.c.audience == audience, ~stays)
    return Population(relation=rows.subquery(), key=(MEMBER,), columns={MEMBER: TEXT}, unique=True)


def _withdrawn(
    members: Population, audience: AudienceSettings, source: DataSourceSettings, catalog: Catalog
) -> Population:
    """Keep the members who may not be shared any more: not every row that bears their identifier may leave, or none bears it."""
    everyone = catalog.dimension(source.dimension).population().only(())
    judged = _judged(everyone, audience, source, catalog)
    value, may_leave = judged.column(everyone.unused(VALUE)), judged.column(everyone.unused(MARK))
    theirs = members.relation.alias()
    is_asked = semi_joined(catalog, [value], [theirs.c[MEMBER]], theirs, [], [theirs])
    is_refused = sa.case((may_leave, 0), else_=1)
    allowed = (
        sa.select(value.label(MEMBER)).where(is_asked).group_by(value).having(sa.func.max(is_refused) == 0).subquery()
    )
    return members.where(~semi_joined(catalog, [members.column(MEMBER)], [allowed.c[MEMBER]], allowed, [], [allowed]))


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
