"""What one file says, held beside the catalogue until the whole file is judged, then applied at once.

The tables here are SQLite's temporary ones: they belong to the connection and die with it, so a process
killed in the middle leaves nothing behind.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from .catalogue import written
from .inbound import Statement

LINES_PER_USER = 200
"""Of each user the first so many lines of a file count, the rest is dropped (§A3)."""

_TABLES = (
    "CREATE TEMP TABLE staged (line INTEGER, identifier TEXT, trait TEXT, added INTEGER)",
    "CREATE TEMP TABLE surplus (line INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE outcome (trait TEXT, identifier TEXT, added INTEGER, place INTEGER,"
    " PRIMARY KEY (trait, identifier)) WITHOUT ROWID",
    "CREATE TEMP TABLE change (trait TEXT, identifier TEXT, added INTEGER)",
)
_DROP = (
    "DROP TABLE IF EXISTS temp.staged",
    "DROP TABLE IF EXISTS temp.surplus",
    "DROP TABLE IF EXISTS temp.outcome",
    "DROP TABLE IF EXISTS temp.change",
)
_FIND_SURPLUS = """
INSERT INTO surplus SELECT DISTINCT line FROM (
    SELECT line, dense_rank() OVER (PARTITION BY identifier ORDER BY line) AS place FROM staged
) WHERE place > ?
"""
_DROP_SURPLUS = "DELETE FROM staged WHERE line IN (SELECT line FROM surplus)"
# The last word about a person and a trait holds: SQLite takes bare columns from the row of the maximum.
_FIND_OUTCOME = """
INSERT INTO outcome SELECT trait, identifier, added, max(rowid) FROM staged
WHERE trait IS NOT NULL GROUP BY trait, identifier ORDER BY trait, identifier
"""
# What was held before the file: the members, and the changes that are not usable yet.
_IS_HELD = """coalesce(
    (SELECT added FROM waiting AS w
     WHERE w.trait = outcome.trait AND w.identifier = outcome.identifier AND w.id_source = :id_source),
    EXISTS (SELECT 1 FROM member AS m
            WHERE m.trait = outcome.trait AND m.identifier = outcome.identifier AND m.id_source = :id_source)
)"""
_CHANGE_SYNC = f"""
INSERT INTO change SELECT trait, identifier, added FROM outcome WHERE added <> {_IS_HELD}
"""  # noqa: S608  (of constants)
_CHANGE_OVERWRITE = f"""
INSERT INTO change
SELECT trait, identifier, 1 FROM outcome WHERE added AND NOT {_IS_HELD}
UNION ALL
SELECT trait, identifier, 0 FROM (
    SELECT trait, identifier FROM member
    WHERE id_source = :id_source AND trait IN (SELECT trait FROM audience WHERE data_source = :target)
    UNION SELECT trait, identifier FROM waiting
    WHERE added AND id_source = :id_source AND trait IN (SELECT trait FROM audience WHERE data_source = :target)
    EXCEPT SELECT trait, identifier FROM waiting WHERE NOT added AND id_source = :id_source
    EXCEPT SELECT trait, identifier FROM outcome WHERE added
) WHERE identifier IN (SELECT identifier FROM staged WHERE added IS NOT NULL)
"""  # noqa: S608  (of constants)
_WAIT = """
INSERT OR REPLACE INTO waiting (trait, identifier, id_source, added, usable)
SELECT trait, identifier, :id_source, added, :usable FROM change ORDER BY trait, identifier
"""
_LIVE = """
INSERT OR REPLACE INTO lifetime (trait, identifier, id_source, until)
SELECT outcome.trait, identifier, :id_source, :until FROM outcome JOIN trait ON trait.id = outcome.trait
WHERE added AND ttl = :ttl
"""
_END = """
DELETE FROM lifetime WHERE id_source = :id_source
AND (trait, identifier) IN (SELECT trait, identifier FROM change WHERE NOT added)
"""
_BECOME = """
INSERT OR IGNORE INTO member (trait, identifier, id_source)
SELECT trait, identifier, id_source FROM waiting WHERE added AND usable <= :now
"""
_CEASE = """
DELETE FROM member WHERE (trait, identifier, id_source) IN (
    SELECT trait, identifier, id_source FROM waiting WHERE NOT added AND usable <= :now
)
"""
_EXPIRED = "(SELECT trait, identifier, id_source FROM lifetime WHERE until <= :now)"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a file comes to: lines dropped, lines without effect, pairs of person and trait realized, people."""

    surplus: int
    unrealized: int
    realized: int
    people: int


@contextmanager
def stage(connection: sqlite3.Connection, statements: Iterable[Statement]) -> Iterator[None]:
    """Hold the statements in temporary tables as long as the block lasts."""
    for table in _TABLES:
        connection.execute(table)
    try:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO staged VALUES (?, ?, ?, ?)", statements)
        connection.execute("COMMIT")
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        for table in _DROP:
            connection.execute(table)


def settle(connection: sqlite3.Connection) -> Counts:
    """Drop what is beyond the limit, and find the last word about every person and trait."""
    surplus = connection.execute(_FIND_SURPLUS, (LINES_PER_USER,)).rowcount
    if surplus:
        connection.execute(_DROP_SURPLUS)
    connection.execute(_FIND_OUTCOME)
    (unrealized,) = connection.execute("SELECT count(*) FROM staged WHERE added IS NULL").fetchone()
    (realized,) = connection.execute("SELECT count(*) FROM outcome WHERE added").fetchone()
    (people,) = connection.execute("SELECT count(DISTINCT identifier) FROM staged").fetchone()
    return Counts(surplus=surplus, unrealized=unrealized, realized=realized, people=people)


def apply(
    connection: sqlite3.Connection,
    *,
    id_source: str,
    target: str,
    mode: Literal["sync", "overwrite"],
    now: datetime,
    usable: datetime,
) -> int:
    """Note the changes of members that the file means, for when they can be used; give how many memberships end.

    `overwrite` (§A4) takes from each listed user all traits of the target that the file does not give;
    several lines of one user count together (our reading: with one line alone, a limit of 200 would have no
    meaning). Who is named anew holds a trait for its lifetime from `now` on.
    """
    binds = {"id_source": id_source, "target": target, "usable": written(usable)}
    connection.execute(_CHANGE_SYNC if mode == "sync" else _CHANGE_OVERWRITE, binds)
    (removed,) = connection.execute("SELECT count(*) FROM change WHERE NOT added").fetchone()
    connection.execute(_WAIT, binds)
    connection.execute(_END, binds)
    for (ttl,) in connection.execute("SELECT DISTINCT ttl FROM trait WHERE ttl > 0").fetchall():
        connection.execute(_LIVE, binds | {"ttl": ttl, "until": written(now + lifetime(ttl, now))})
    return int(removed)


def lifetime(days: int, now: datetime) -> timedelta:
    """Give for how long a trait holds who was named now; one day is the rest of this one (UTC) and the next (§A4)."""
    return timedelta(hours=24 + 24 - now.hour) if days == 1 else timedelta(days=days)


def mature(connection: sqlite3.Connection, now: datetime) -> None:
    """Let the changes be seen that can be used by now."""
    binds = {"now": written(now)}
    connection.execute(_BECOME, binds)
    connection.execute(_CEASE, binds)
    connection.execute("DELETE FROM waiting WHERE usable <= :now", binds)


def expire(connection: sqlite3.Connection, now: datetime) -> None:
    """Let those go whose time in a trait is over."""
    binds = {"now": written(now)}
    for table in ("waiting", "member", "lifetime"):
        connection.execute(f"DELETE FROM {table} WHERE (trait, identifier, id_source) IN {_EXPIRED}", binds)  # noqa: S608
