"""The membership ledger: whom we sent to which shared audience, or were about to, and did not take out again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Capabilities, Dialect
from engine.sql import names

COLUMNS = ("audience", "identifier", "run", "sent_at")

ADOPTED = "adopted"
"""Stands for the run of members whom somebody else sent, and who are ours from now on."""


def table(schema: str, capabilities: Capabilities, metadata: sa.MetaData) -> sa.Table:
    """Give the table, one row for each member of each audience."""
    named = names.table("memberships", (), schema, capabilities)
    return sa.Table(
        named.name, metadata,
        # Where one process alone writes, NOT EXISTS keeps it unique; an index of millions of hashes costs more than the share.
        *(sa.Column(name, sa.Text, primary_key=capabilities.multi_process, nullable=False) for name in COLUMNS[:2]),
        sa.Column("run", sa.Text, nullable=False), sa.Column("sent_at", sa.DateTime, nullable=False), schema=named.schema,
    )  # fmt: skip


def add(
    connection: sa.Connection, dialect: Dialect, ledger: sa.Table, audience: str, joining: sa.Select[Any], moment: tuple[str, datetime]
) -> None:  # fmt: skip
    """Add identifiers that are no members yet. `moment` is the run, and when; it marks them."""
    run, at = moment
    fresh, known = joining.subquery(), ledger.alias()
    (identifier,) = fresh.c
    values = (
        sa.literal(audience, sa.Text()),
        identifier,
        sa.literal(run, sa.Text()),
        sa.literal(at.replace(tzinfo=None), sa.DateTime()),
    )
    is_known = sa.exists().where(known.c.audience == audience, known.c.identifier == identifier)
    connection.execute(dialect.insert_new(ledger, COLUMNS, sa.select(*values).distinct().where(~is_known)))


def take_out(connection: sa.Connection, ledger: sa.Table, audience: str, leaving: sa.Select[Any]) -> int:
    """Take members out; give how many there were of them."""
    before = count(connection, ledger, audience)
    gone = sa.select(*leaving.subquery().c)
    connection.execute(ledger.delete().where(ledger.c.audience == audience, ledger.c.identifier.in_(gone)))
    return before - count(connection, ledger, audience)


def count(
    connection: sa.Connection, ledger: sa.Table, audience: str, moment: tuple[str, datetime] | None = None
) -> int:
    """Count the members; of a moment, those it marks."""
    wanted = [ledger.c.audience == audience]
    if moment is not None:
        wanted += [ledger.c.run == moment[0], ledger.c.sent_at == moment[1].replace(tzinfo=None)]
    return int(connection.scalar(sa.select(sa.func.count()).where(*wanted)) or 0)


def counts(connection: sa.Connection, ledger: sa.Table) -> Mapping[str, tuple[int, datetime]]:
    """Give by audience how many members there are, and when the newest was sent."""
    audience = ledger.c.audience
    grouped = sa.select(audience, sa.func.count(), sa.func.max(ledger.c.sent_at)).group_by(audience)
    return {name: (int(rows), newest) for name, rows, newest in connection.execute(grouped)}
