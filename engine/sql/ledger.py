"""Our own lasting tables in the data database: lists, the effect and the membership ledger, reserved names, the history, the audit log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from engine.kit.context import SENDING, ListMode
from engine.kit.errors import AudienceflowError, DataError
from engine.kit.matching import stacked
from engine.kit.population import Population
from engine.kit.types import TEXT, Kind, Type, to_sqlalchemy
from engine.sql import audit, memberships
from engine.sql.database import Database
from engine.sql.ddl import drop_table
from engine.sql.history import HistoryTables
from engine.sql.names import WORK

if TYPE_CHECKING:  # Arrow is heavy, and most commands read no rows
    import pyarrow as pa

Key = tuple[str, str, str]
"""An effect's key: run, activity, arrival."""

READABLE = timedelta(hours=1)
"""How long the table of a list that was replaced stays."""


class Ledger:
    """What lasts beyond a run, in the same database as the data, so that it commits with it."""

    def __init__(self, db: Database) -> None:
        self.db = db
        metadata = sa.MetaData()
        text = sa.Text

        def table(name: str, *columns: sa.Column[Any]) -> sa.Table:
            named = db.name(name)
            return sa.Table(named.name, metadata, *columns, schema=named.schema)

        self.effects = table(
            "effects", *(sa.Column(name, text, primary_key=True) for name in ("run", "activity", "arrival", "step")),
            sa.Column("outcome", text, nullable=False), sa.Column("at", text, nullable=False),
        )  # fmt: skip
        self.reservations = table(
            "reservations", sa.Column("name", text, primary_key=True), *(sa.Column(name, text) for name in ("run", "activity", "arrival")),
        )  # fmt: skip
        self.lists = table(
            "lists", sa.Column("name", text, primary_key=True),
            *(sa.Column(name, text, nullable=name == "dimension") for name in ("stored_in", "dimension", "key", "columns", "updated_at", "run")),
            sa.Column("rows", sa.BigInteger, nullable=False),
        )  # fmt: skip
        self.replaced = table(
            "replaced", sa.Column("stored_in", text, primary_key=True), sa.Column("at", text, nullable=False)
        )
        self.expiries = table(
            "expiries", sa.Column("name", text, primary_key=True), sa.Column("expires_at", text, nullable=False)
        )
        self.memberships = memberships.table(db.schema, db.dialect.capabilities, metadata)
        self.audiences = table(
            "audiences", sa.Column("name", text, primary_key=True), sa.Column("sent_as", text, nullable=False)
        )
        self.history = HistoryTables(db.schema, db.dialect.capabilities, metadata)
        self.audit = audit.table(db.schema, db.dialect.capabilities, metadata)
        self._metadata = metadata
        self._is_there = False
        self._is_whole = False

    def ensure(self) -> None:
        """Make the tables that are not there."""
        if not self._is_whole:
            self.db.ensure_schema(self._metadata.sorted_tables)
            self._is_there = self._is_whole = True

    def is_there(self) -> bool:
        """Say whether there are lists at all, without making their table."""
        if not self._is_there:
            self._is_there = self.db.rows_of(self.db.name("lists")) is not None
        return self._is_there

    def steps(self, key: Key) -> dict[str, Mapping[str, Any]]:
        """Give the steps an effect has done, by name, with their outcomes."""
        statement = sa.select(self.effects.c.step, self.effects.c.outcome).where(*self._is(self.effects, key))
        with self.db.reading() as connection:
            return {step: json.loads(outcome) for step, outcome in connection.execute(statement)}

    def time_of(self, key: Key, step: str) -> datetime:
        """Give when an effect did a step."""
        statement = sa.select(self.effects.c.at).where(*self._is(self.effects, key), self.effects.c.step == step)
        with self.db.reading() as connection:
            return datetime.fromisoformat(str(connection.scalar(statement)))

    def tables_of(self, run: str) -> set[str]:
        """Name the tables that the effects of a run made; some may be gone."""
        with self.db.reading() as connection:
            outcomes = connection.scalars(sa.select(self.effects.c.outcome).where(self.effects.c.run == run)).all()
        return {table for outcome in outcomes if (table := json.loads(outcome).get("table")) is not None}

    def record(self, connection: sa.Connection, key: Key, step: str, outcome: Mapping[str, Any], at: datetime) -> None:
        """Write a step, in the caller's transaction; one that is there already is written over."""
        run, activity, arrival = key
        connection.execute(self.effects.delete().where(*self._is(self.effects, key), self.effects.c.step == step))
        connection.execute(self.effects.insert().values(
            run=run, activity=activity, arrival=arrival, step=step, outcome=json.dumps(outcome), at=at.isoformat(),
        ))  # fmt: skip

    def forget(self, key: Key, step: str) -> None:
        """Take a step out again."""
        with self.db.transaction() as connection:
            connection.execute(self.effects.delete().where(*self._is(self.effects, key), self.effects.c.step == step))

    def write_audit(self, connection: sa.Connection, said: Mapping[str, Any]) -> str:
        """Add an entry to the audit log in the caller's transaction, and give its hash."""
        return audit.append(connection, self.db.dialect, self.audit, said)

    def audit_entries(self) -> tuple[audit.Entry, ...]:
        """Give all entries of the audit log. The table may not be there yet: an older release wrote none."""
        if self.db.rows_of(self.audit) is None:
            return ()
        with self.db.reading() as connection:
            return audit.entries(connection, self.audit)

    def unconfirmed(self) -> Sequence[tuple[str, str]]:
        """Give the run and the activity of what was about to leave and may have left: it stands in no audit log."""
        if self.db.rows_of(self.effects) is None:
            return ()
        known, later = self.effects, self.effects.alias()
        same = (later.c[name] == known.c[name] for name in ("run", "activity", "arrival"))
        is_delivered = sa.exists().where(*same, later.c.step == "delivered")
        begun = sa.select(known.c.run, known.c.activity).where(known.c.step == SENDING, ~is_delivered)
        with self.db.reading() as connection:
            return [(run, activity) for run, activity in connection.execute(begun.order_by(known.c.at, known.c.run))]

    def reserve(self, key: Key, names: Iterable[str]) -> str:
        """Take the first free name for good; an effect that has one already gets the same again."""
        table = self.reservations
        with self.db.transaction() as connection:
            mine = connection.execute(sa.select(table.c.name).where(*self._is(table, key))).scalar()
            if mine is not None:
                return str(mine)
            for name in names:
                free = sa.select(*(sa.literal(value, sa.Text()) for value in (name, *key)))
                free = free.where(~sa.exists().where(table.c.name == name))
                connection.execute(self.db.dialect.insert_new(table, [column.name for column in table.c], free))
                if connection.execute(sa.select(table.c.name).where(*self._is(table, key))).scalar() is not None:
                    return name
        raise DataError("every name for the file is taken")

    def read_lists(self) -> dict[str, Population]:
        """Give the lists there are."""
        if not self.is_there():
            return {}
        with self.db.reading() as connection:
            rows = connection.execute(sa.select(self.lists)).mappings().all()
        return {row["name"]: listed(row, self.lists.schema) for row in rows}

    def lists_when_asked(self, now: datetime) -> Mapping[str, Population]:
        """Give the lists, read when the first of them is asked for: most activities name none. One whose time is over is a DataError."""
        return _WhenAsked(self.read_lists, lambda: {name: at for name, at in self._expiries().items() if at <= now})

    def list_rows(self) -> Sequence[Mapping[str, Any]]:
        """Give what is known of every list: name, rows, dimension, key, columns, when and by which run it was written, when it ends."""
        if not self.is_there():
            return []
        expiries = self._expiries()
        with self.db.reading() as connection:
            found = connection.execute(sa.select(self.lists).order_by(self.lists.c.name)).mappings().all()
        return [{**row, "expires_at": at.isoformat() if (at := expiries.get(row["name"])) else None} for row in found]

    def _expiries(self) -> Mapping[str, datetime]:
        """Give when lists end, of those that do. The table may not be there yet: an older release knew no such lists."""
        if self.db.rows_of(self.expiries) is None:
            return {}
        with self.db.reading() as connection:
            return {name: datetime.fromisoformat(at) for name, at in connection.execute(sa.select(self.expiries))}

    def write_list(
        self,
        connection: sa.Connection,
        name: str,
        population: Population,
        mode: ListMode,
        key: Key,
        at: datetime,
        *,
        is_kept: bool = False,
        expires_at: datetime | None = None,
    ) -> Mapping[str, int]:
        """Replace a list, add to it the rows whose key it does not hold, or take those out that it does, in the caller's transaction.

        The rows go to a new table and the list then points to it, so a reader sees the old list or the new one; the old table
        stays for whoever found it in the list before, until `tidy`. Rows that lie in a lasting work table (`is_kept`) and replace
        the list stay there; see `held`. A list whose time is over counts for nothing. Who writes the same list waits.
        Raises DataError when the population is of another dimension or key than the list, or there is none to take rows out of.
        """
        self._take_turns(connection, name)
        self._end(connection, at, name)
        old_row = connection.execute(sa.select(self.lists).where(self.lists.c.name == name)).mappings().one_or_none()
        old = listed(old_row, self.lists.schema) if old_row else None
        if old is None and mode == "remove":
            raise DataError(f"there is no list '{name}'", "fill it first; there is nothing to remove")
        if old is None or mode == "replace":
            rows = population
        else:
            _go_together(name, old, population, mode)
            rows = _appended(name, old, population) if mode == "append" else old.without(population)
        if is_kept and mode == "replace" and isinstance(population.relation, sa.TableClause):
            target, stored = population.relation, population
        else:
            target = self.db.name("list", name, *key)
            stored = self.db.create(target, rows, kept=True)
        assert stored.count is not None  # noqa: S101  (create counts)
        connection.execute(self.lists.delete().where(self.lists.c.name == name))
        connection.execute(self.lists.insert().values(
            name=name, stored_in=target.name, dimension=rows.dimension, key=json.dumps(rows.key), rows=stored.count, run=key[0],
            columns=json.dumps({column: str(type_) for column, type_ in rows.columns.items()}), updated_at=at.isoformat(),
        ))  # fmt: skip
        connection.execute(self.expiries.delete().where(self.expiries.c.name == name))
        if expires_at is not None:
            connection.execute(self.expiries.insert().values(name=name, expires_at=expires_at.isoformat()))
        connection.execute(self.replaced.delete().where(self.replaced.c.stored_in == target.name))
        if old_row is not None and old_row["stored_in"] != target.name:
            self._let_go(connection, old_row["stored_in"], at)
        before = old.count if old is not None and old.count is not None else 0
        return {"rows": stored.count, "before": before}

    def filled(self, name: str) -> Mapping[str, Any] | None:
        """Give what the effect said that wrote a list last; None when there is no such list, or nobody knows who wrote it."""
        effects, lists = self.effects, self.lists
        wrote = effects.join(lists, sa.and_(lists.c.name == name, effects.c.run == lists.c.run))
        statement = sa.select(effects.c.outcome).select_from(wrote).where(effects.c.step == "delivered")
        with self.db.reading() as connection:
            outcomes = map(json.loads, connection.scalars(statement).all())
            return next((each for each in outcomes if name in (each.get("list"), *each.get("beside", ()))), None)

    def held(self) -> set[str]:
        """Name the tables that lists lie in, or did until a moment ago. A work table among them is not to be dropped."""
        if not self.is_there():
            return set()
        with self.db.reading() as connection:
            return {
                name
                for table in (self.lists, self.replaced)
                for name in connection.execute(sa.select(table.c.stored_in)).scalars()
            }

    def tidy(self, now: datetime) -> None:
        """Let the lists go whose time is over, and drop tables of lists so old that nobody can be about to read them.

        A table that is a work table goes with its run; one that cannot be dropped, since somebody put a view on it, stays for the next time.
        """
        if not self.is_there():
            return
        self.ensure()
        ended = sorted(name for name, at in self._expiries().items() if at <= now)
        with self.db.transaction() as connection:
            for name in ended:
                self._take_turns(connection, name)
                self._end(connection, now, name)
            let_go = connection.execute(sa.select(self.replaced.c.stored_in, self.replaced.c.at)).all()
        work = f"{self.db.name(WORK).name}_"
        for name, at in let_go:
            if now - datetime.fromisoformat(at) >= READABLE:
                with suppress(AudienceflowError, DBAPIError), self.db.transaction() as connection:
                    connection.execute(self.replaced.delete().where(self.replaced.c.stored_in == name))
                    if not name.startswith(work):
                        connection.execute(drop_table(self.db.named(name)))

    def _take_turns(self, connection: sa.Connection, name: str) -> None:
        self.db.dialect.take_turns(connection, f"write the list {name} in {self.db.schema}")

    def _end(self, connection: sa.Connection, now: datetime, name: str) -> None:
        """Take a list out whose time is over; its table stays for a while."""
        ends = connection.execute(sa.select(self.expiries.c.expires_at).where(self.expiries.c.name == name)).scalar()
        if ends is None or datetime.fromisoformat(ends) > now:
            return
        stored_in = connection.execute(sa.select(self.lists.c.stored_in).where(self.lists.c.name == name)).scalar()
        for table in (self.lists, self.expiries):
            connection.execute(table.delete().where(table.c.name == name))
        if stored_in is not None:
            self._let_go(connection, stored_in, now)

    def _let_go(self, connection: sa.Connection, stored_in: str, at: datetime) -> None:
        connection.execute(self.replaced.delete().where(self.replaced.c.stored_in == stored_in))
        connection.execute(self.replaced.insert().values(stored_in=stored_in, at=at.isoformat()))

    def sent_as(self, audience: str) -> str | None:
        """Give what the members of a shared audience were sent as; None where there are none, or nobody knows."""
        is_somebody = sa.exists().where(self.memberships.c.audience == audience)
        statement = sa.select(self.audiences.c.sent_as).where(self.audiences.c.name == audience, is_somebody)
        with self.db.reading() as connection:
            return connection.scalar(statement)

    def add_members(
        self, connection: sa.Connection, audience: str, joining: sa.Select[Any], sent_as: str, moment: tuple[str, datetime]
    ) -> None:  # fmt: skip
        """Add members to a shared audience in the caller's transaction; see `memberships.add`."""
        memberships.add(connection, self.db.dialect, self.memberships, audience, joining, moment)
        table = self.audiences
        connection.execute(table.update().where(table.c.name == audience).values(sent_as=sent_as))
        row = sa.select(*(sa.literal(value, sa.Text()) for value in (audience, sent_as)))
        row = row.where(~sa.exists().where(table.c.name == audience))
        connection.execute(self.db.dialect.insert_new(table, ("name", "sent_as"), row))

    def take_members_out(
        self, connection: sa.Connection, audience: str, leaving: sa.Select[Any], moment: tuple[str, datetime]
    ) -> Mapping[str, int]:
        """Take members out of a shared audience in the caller's transaction.

        Gives how many were `removed`, how many of the others were `added` at the moment, and how many were `kept`, who came before.
        """
        removed = memberships.take_out(connection, self.memberships, audience, leaving)
        added = memberships.count(connection, self.memberships, audience, moment)
        there = memberships.count(connection, self.memberships, audience)
        return {"added": added, "removed": removed, "kept": there - added}

    def member_counts(self) -> Mapping[str, tuple[int, datetime]]:
        """See `engine.kit.command.Members`."""
        with self.db.transaction() as connection:
            return memberships.counts(connection, self.memberships)

    def adopt_members(self, audience: str, batches: Iterable[pa.RecordBatch], at: datetime) -> Mapping[str, int]:
        """See `engine.kit.command.Members`."""
        target, column = self.db.name("adopted"), sa.column("identifier", sa.String())
        with self.db.transaction() as connection:
            self.db.load(target, {"identifier": TEXT}, batches)
            rows = sa.select(column).select_from(target)
            before = memberships.count(connection, self.memberships, audience)
            moment = memberships.ADOPTED, at
            memberships.add(connection, self.db.dialect, self.memberships, audience, rows, moment)
            added = memberships.count(connection, self.memberships, audience) - before
            self.db.drop([target])
        return {"added": added, "kept": before}

    @staticmethod
    def _is(table: sa.Table, key: Key) -> tuple[sa.ColumnElement[bool], ...]:
        return tuple(table.c[name] == value for name, value in zip(("run", "activity", "arrival"), key, strict=True))


def listed(row: Mapping[Any, Any], schema: str | None) -> Population:
    """Give a list as the population it holds, from its row in the table of lists."""
    columns = {name: Type.parse(type_) for name, type_ in json.loads(row["columns"]).items()}
    table = sa.table(
        row["stored_in"], *(sa.column(name, to_sqlalchemy(type_)) for name, type_ in columns.items()), schema=schema
    )
    return Population(
        relation=table,
        key=tuple(json.loads(row["key"])),
        columns=columns,
        dimension=row["dimension"],
        unique=True,
        count=row["rows"],
    )


class _WhenAsked(Mapping[str, Population]):
    def __init__(
        self, read: Callable[[], Mapping[str, Population]], read_ended: Callable[[], Mapping[str, datetime]]
    ) -> None:
        self._read = read
        self._read_ended = read_ended

    @cached_property
    def _known(self) -> Mapping[str, Population]:
        return self._read()

    @cached_property
    def _ended(self) -> Mapping[str, datetime]:
        return self._read_ended()

    def __getitem__(self, name: str) -> Population:
        if name in self._known and name in self._ended:
            raise DataError(
                f"the time of the list '{name}' was over on {self._ended[name]:%Y-%m-%d %H:%M} UTC",
                "fill it again, or leave 'expires' out where it is filled",
            )
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._known if name not in self._ended)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _go_together(name: str, old: Population, new: Population, mode: ListMode) -> None:
    if _identity(old) != _identity(new):
        is_typed = (old.dimension, old.key) == (new.dimension, new.key)
        theirs, ours = (
            f"{rows.dimension or 'rows'} by {', '.join(f'{name} {rows.columns[name]}' if is_typed else name for name in rows.key)}"
            for rows in (old, new)
        )
        raise DataError(
            f"the list '{name}' holds {theirs}, the population {ours}",
            f"{mode} a population of the same dimension, or write 'mode: replace'",
        )


def _identity(rows: Population) -> tuple[object, ...]:
    """Give what a row's key means."""
    return rows.dimension, tuple((name, rows.columns[name].kind) for name in rows.key)


def _appended(name: str, old: Population, new: Population) -> Population:
    kinds = {
        column: {old.columns[column].kind, type_.kind} - {Kind.NULL}
        for column, type_ in new.columns.items()
        if column in old.columns
    }
    differing = [column for column, there in kinds.items() if len(there) > 1]
    if differing:
        raise DataError(
            f"the list '{name}' holds other types in {', '.join(differing)}",
            "rename the columns, or write 'mode: replace'",
        )
    return stacked((old, new))
