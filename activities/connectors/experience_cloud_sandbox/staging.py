"""What one file says, held beside the catalogue until the whole file is judged, then applied at once.

The tables here are SQLite's temporary ones: they belong to the connection and die with it, so a process
killed in the middle leaves nothing behind.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from .inbound import Statement

LINES_PER_USER = 200
"""Of each user the first so many lines of a file count, the rest is dropped (§A3)."""

_TABLES = (
    "CREATE TEMP TABLE staged (line INTEGER, identifier TEXT, trait TEXT, added INTEGER)",
    "CREATE TEMP TABLE surplus (line INTEGER PRIMARY KEY)",
    "CREATE TEMP TABLE outcome (trait TEXT, identifier TEXT, added INTEGER, place INTEGER,"
    " PRIMARY KEY (trait, identifier)) WITHOUT ROWID",
)
_DROP = (
    "DROP TABLE IF EXISTS temp.staged",
    "DROP TABLE IF EXISTS temp.surplus",
    "DROP TABLE IF EXISTS temp.outcome",
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
_REMOVE = """
DELETE FROM member WHERE (trait, identifier, id_source) IN (
    SELECT trait, identifier, :id_source FROM outcome WHERE NOT added
)
"""
_REPLACE = """
DELETE FROM member WHERE id_source = :id_source
AND trait IN (SELECT trait FROM audience WHERE data_source = :target)
AND identifier IN (SELECT identifier FROM staged WHERE added IS NOT NULL)
AND NOT EXISTS (
    SELECT 1 FROM outcome
    WHERE outcome.trait = member.trait AND outcome.identifier = member.identifier AND outcome.added
)
"""
_ADD = """
INSERT OR IGNORE INTO member (trait, identifier, id_source)
SELECT trait, identifier, :id_source FROM outcome WHERE added ORDER BY trait, identifier
"""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What a file comes to: lines dropped, lines without effect, pairs of person and trait realized."""

    surplus: int
    unrealized: int
    realized: int


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
    return Counts(surplus=surplus, unrealized=unrealized, realized=realized)


def apply(connection: sqlite3.Connection, *, id_source: str, target: str, mode: Literal["sync", "overwrite"]) -> int:
    """Change the members as the file says; give how many memberships ended.

    `overwrite` (§A4) takes from each listed user all traits of the target that the file does not give;
    several lines of one user count together (our reading: with one line alone, a limit of 200 would have no
    meaning).
    """
    binds = {"id_source": id_source, "target": target}
    removed = connection.execute(_REMOVE if mode == "sync" else _REPLACE, binds).rowcount
    connection.execute(_ADD, binds)
    return removed
