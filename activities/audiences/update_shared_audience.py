"""Update shared audience: people sent to a segment of Experience Cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import sqlalchemy as sa

from activities.connectors import experience_cloud
from activities.connectors.delivery import Delivery
from activities.connectors.experience_cloud import AudienceSettings, DataSourceSettings
from activities.connectors.identity import coded, same_dimension
from activities.connectors.judgement import Division, divide, withdrawn
from engine.kit.activity import FROM, RESULT, Effect, EffectPlan, Port
from engine.kit.catalog import Catalog
from engine.kit.context import PREPARED, Context
from engine.kit.errors import AuthorError, DataError
from engine.kit.expression.rows import semi_joined
from engine.kit.option import Name, Percentage, option
from engine.kit.population import Inputs, Population
from engine.kit.types import TEXT

if TYPE_CHECKING:  # Arrow is heavy, and most commands read no rows
    import pyarrow as pa

ALWAYS_REMOVED = 100
"""So many members may go however small the audience is."""
MEMBER = "identifier"
"""The column of members of the ledger."""


class UpdateSharedAudience(Effect):
    """Bring people into a shared audience, and take out who is to be in it no more, by the identifier of its data source.

    Consent (for the audience's purpose) and the suppression lists of the dimension are read again at the moment of leaving, and
    again by every later attempt until Experience Cloud has taken the file; a consent that is null is no. Each row of `from` goes
    to exactly one port: `result` was sent, `complement` has no identifier, `suppressed` may not be shared. Rows that share an
    identifier are sent as one, or suppressed as one when any of them may not be shared. A row with several identifiers, where the key
    of the data source passes a link to many, is sent by each that no row may keep back, and `result` shows the first of them by code
    point; it is suppressed when there is none. `matched`, `unmatched` and `opted_out` count rows, `identifiers` the lines that bring
    somebody in, `ambiguous` those of them that several rows bear, `duplicate` how many more rows bear them. A declared id that is
    encrypted is encrypted in the ledger and in `result` too.

    Only whom this project sent into the audience before is ever taken out; it remembers them in the database, from the moment they are
    about to leave: an attempt that is cut off may have brought them in. They are remembered for a trait, a data source and what is done
    to its identifiers; a share fails where the project says another of these. `mode: replace` takes out all of them who are not in
    `result`; it fails when nobody is, unless `guard: {on_empty: allow}` is written. `mode: append` takes out those not in `result` who may
    not be shared any more: no row of the dimension bears their identifier, or one that does may not leave. With `on_withdrawal: keep`
    nobody is taken out for that: `append` takes nobody out, and `replace` keeps those who are in `suppressed`. A share that would take out
    more than `max_removed` of the members, and more than a hundred, fails before anything leaves: a table that lost its rows does not
    empty the audience. `added` and `removed` count identifiers, `kept` those who were there before and stay.

    Large audiences leave in several files; once one of them has been taken, an attempt that was cut off goes on with the others, as they
    were. Audience Manager takes files in no order: who comes and goes within two days, in two shares, may end as either says; the next
    share sends everybody who is in again. (Campaign: Update shared audience, which only adds.)
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
    max_removed: Percentage = option(
        "How much of the audience one share may take out; more fails, but for up to 100 members.",
        default=Decimal(50),
        example="100%",
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
        divided = divide(population, audience, source, catalog, lambda _name, rows: rows)
        return EffectPlan(outputs=divided.ports, sentences=(
            f"add the members of 'result' to '{audience.name}' (trait {audience.trait}) by {audience.data_source}, as {source.sent_as}",
            *self._removals(),
        ))  # fmt: skip

    def perform(self, inputs: Inputs, ctx: Context) -> Mapping[str, Population]:
        audience, source = self._declared(ctx.catalog)
        population = inputs[FROM.name]
        same_dimension(population, audience.data_source, source)
        delivery = Delivery(ctx=ctx, open=lambda: ctx.connect("experience_cloud").destination(audience, source))
        delivery.take_back()
        self._hold_meaning(audience, source, ctx)
        divided = divide(population, audience, coded(source, population, "own", ctx), ctx.catalog, ctx.keep)
        ctx.guard(divided.ports["result"], replaces=self.mode == "replace")
        leaving = self._leaving(divided, audience, source, ctx)
        self._hold_removed(leaving.count or 0, ctx)
        if divided.sent.count or leaving.count:
            self._deliver(divided, leaving, delivery, _meaning(audience, source))
        return divided.ports

    def disclosed(self, said: Mapping[str, Any], catalog: Catalog) -> Mapping[str, Any]:
        audience, _ = self._declared(catalog)
        told = experience_cloud.disclosure(self.audience, audience, catalog, said)
        withdrawal = ["withdrawal"] if self.on_withdrawal == "keep" else []
        return {**told, "mode": self.mode, "waived": [*told["waived"], *withdrawal]}

    def _removals(self) -> tuple[str, ...]:
        match self.mode, self.on_withdrawal:
            case "replace", "remove":
                return ("take out whom it was sent before and who are not in 'result'",)
            case "replace", _:
                return ("take out whom it was sent before and who are neither in 'result' nor in 'suppressed'",)
            case _, "remove":
                return ("take out whom it was sent before and who may not be shared any more",)
        return ()

    def _leaving(
        self, divided: Division, audience: AudienceSettings, source: DataSourceSettings, ctx: Context
    ) -> Population:
        """Give the identifiers of the members to take out."""
        is_kept = self.on_withdrawal == "keep"
        members = _members(self.audience, divided.known if is_kept else divided.leaving, ctx)
        if self.mode == "append" and is_kept:
            return members.emptied()
        absent = ctx.keep("absent", members)
        if self.mode == "replace" or absent.count == 0:
            return absent
        self._hold_rows(source, ctx)
        everyone = ctx.catalog.dimension(source.dimension).population()
        return ctx.keep("withdrawn", withdrawn(absent, audience, coded(source, everyone, "all", ctx), ctx.catalog))

    def _hold_meaning(self, audience: AudienceSettings, source: DataSourceSettings, ctx: Context) -> None:
        """Refuse to take the members we have for others: who stands in another trait would stay there for ever."""
        before, now = ctx.sent_as(self.audience), _meaning(audience, source)
        if before not in (None, now):
            raise DataError(
                f"the members of '{self.audience}' were sent as {before}, and the project says {now} now",
                "write what stood there before, or declare the audience under another name; the old one is emptied by "
                "'mode: replace' with 'guard: {on_empty: allow}'",
            )

    def _hold_rows(self, source: DataSourceSettings, ctx: Context) -> None:
        """Refuse to take a table without a row for the word of everybody that they withdrew."""
        table = ctx.catalog.dimension(source.dimension).table
        some = sa.select(sa.literal(1, sa.Integer()).label("some")).select_from(table).limit(1)
        if not any(batch.num_rows for batch in ctx.batches(some)):
            raise DataError(
                f"the table of {source.dimension} has no row, so all members of '{self.audience}' would be taken out",
                "see why it is empty; if all are to leave, write 'mode: replace' with 'guard: {on_empty: allow}'",
            )

    def _hold_removed(self, removed: int, ctx: Context) -> None:
        """Refuse to take out so much of the audience that it is more likely a mistake than meant."""
        if removed <= ALWAYS_REMOVED:
            return
        counted = sa.select(sa.func.count().label("members")).where(ctx.memberships.c.audience == self.audience)
        (members,) = (value.as_py() for batch in ctx.batches(counted) for value in batch.column(0))
        if removed * 100 > members * self.max_removed:
            raise DataError(
                f"{removed:,} of the {members:,} members of '{self.audience}' would be taken out, more than {self.max_removed}% of them",
                "see whether rows are missing; if they are to leave, write 'max_removed: 100%'",
            )

    def _deliver(self, divided: Division, leaving: Population, delivery: Delivery, sent_as: str) -> None:
        ctx, joining, gone = delivery.ctx, divided.leaving, leaving.column(MEMBER)
        lines = _lines(joining, gone if leaving.count else None, ctx.catalog)
        matched, unmatched, opted_out = (divided.ports[port].count for port in ("result", "complement", "suppressed"))
        ambiguous = ctx.keep("ambiguous", divided.ambiguous).count

        def rows() -> Iterator[pa.RecordBatch]:
            return ctx.batches(lines)

        def counts(written: int) -> Mapping[str, Any]:
            identifiers = written - (leaving.count or 0)
            duplicate = (divided.sent.count or 0) - identifiers
            return {"identifiers": identifiers, "ambiguous": ambiguous, "duplicate": duplicate}

        def prepare() -> Mapping[str, Any]:
            matching = {"matched": matched, "unmatched": unmatched, "opted_out": opted_out}
            return {"audience": self.audience, **matching, "file": delivery.name()}

        name = str(ctx.step(PREPARED, prepare).get("file"))
        sending = ctx.announce_members(
            self.audience, sa.select(joining), sent_as, lambda: delivery.announce(name, rows, counts)
        )
        ctx.confirm_members(self.audience, sa.select(gone), lambda: delivery.hand_over(name, rows, sending))

    def _declared(self, catalog: Catalog) -> tuple[AudienceSettings, DataSourceSettings]:
        audience, source = experience_cloud.audience(catalog, self.audience, getattr(self.audience, "span", None))
        experience_cloud.hold_to_law(self.audience, audience, catalog)
        if audience.trait is None:
            raise AuthorError.at(
                getattr(self.audience, "span", None),
                "A005",
                f"the audience '{self.audience}' has no trait yet, so nobody can be sent to it",
                f"create it with 'audienceflow audiences create {self.audience}', and write its ids into project.yaml",
            )
        return audience, source


def _meaning(audience: AudienceSettings, source: DataSourceSettings) -> str:
    """Say what the members of an audience are outside: where they are, and what they are known by."""
    done = [*(source.normalise or ()), source.hash or "none"] if source.kind == "declared_id" else []
    made = "encrypted" if source.encrypt else ", ".join(step for step in done if step != "none") or "as it is"
    return f"trait {audience.trait} by data source {source.id} ({source.kind}, {made})"


def _lines(joining: sa.ColumnElement[Any], gone: sa.ColumnElement[Any] | None, catalog: Catalog) -> sa.Select[Any]:
    """Select each identifier once, by code point; with those gone, a second column says who is not."""
    # PostgreSQL takes no DISTINCT together with an order under a collation
    distinct: Any = sa.select(joining.label("identifier")).distinct()
    if gone is not None:
        joined = distinct.subquery()
        distinct = sa.union_all(
            sa.select(joined.c.identifier, sa.true().label("is_member")),
            sa.select(gone.label("identifier"), sa.false().label("is_member")),
        )
    lines = distinct.subquery()
    order = catalog.dialect.order(lines.c.identifier, TEXT, descending=False, nulls_first=False)
    return sa.select(*lines.c).order_by(order)


def _members(audience: str, staying: sa.ColumnElement[Any], ctx: Context) -> Population:
    """Give whom we sent into an audience before, but for those staying."""
    ledger = ctx.memberships.alias()
    others = sa.select(staying.label(MEMBER)).subquery()
    stays = semi_joined(ctx.catalog, [ledger.c.identifier], [others.c[MEMBER]], others, [], [others])
    rows = sa.select(ledger.c.identifier.label(MEMBER)).where(ledger.c.audience == audience, ~stays)
    return Population(relation=rows.subquery(), key=(MEMBER,), columns={MEMBER: TEXT}, unique=True)
