"""What the cloud knows, in one SQLite file: data sources, audiences, who is in them, and what was received.

Identifiers and ids are text for ever; SQLite's BINARY order of UTF-8 text is code point order.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from .line import GLOBAL_DATA_SOURCES, IdentifierKind, find_identifier_fault
from .receipt import Receipt

_SCHEMA = """
CREATE TABLE IF NOT EXISTS data_source (id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS audience (
    segment TEXT PRIMARY KEY, trait TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    data_source TEXT NOT NULL REFERENCES data_source
);
CREATE TABLE IF NOT EXISTS trait (id TEXT PRIMARY KEY, made TEXT NOT NULL, ttl INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS member (
    trait TEXT NOT NULL, identifier TEXT NOT NULL, id_source TEXT NOT NULL,
    PRIMARY KEY (trait, identifier, id_source)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting (
    trait TEXT NOT NULL, identifier TEXT NOT NULL, id_source TEXT NOT NULL, added INTEGER NOT NULL, usable TEXT NOT NULL,
    PRIMARY KEY (trait, identifier, id_source)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting_by_time ON waiting (usable);
CREATE TABLE IF NOT EXISTS lifetime (
    trait TEXT NOT NULL, identifier TEXT NOT NULL, id_source TEXT NOT NULL, until TEXT NOT NULL,
    PRIMARY KEY (trait, identifier, id_source)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lifetime_by_time ON lifetime (until);
CREATE TABLE IF NOT EXISTS fault (kind TEXT PRIMARY KEY, times INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS destination (id TEXT PRIMARY KEY, content TEXT NOT NULL, full_at TEXT);
CREATE TABLE IF NOT EXISTS leaving (name TEXT PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS arrival (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, changed INTEGER NOT NULL,
    at TEXT NOT NULL, judged TEXT, removed TEXT
);
CREATE TABLE IF NOT EXISTS clock (ahead INTEGER NOT NULL, reached TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS receipt (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, digest TEXT NOT NULL,
    started TEXT NOT NULL, ended TEXT NOT NULL, content TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS receipt_by_key ON receipt (key, number);
CREATE TABLE IF NOT EXISTS export (
    stamp INTEGER PRIMARY KEY, destination TEXT NOT NULL, segment TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS exported (
    destination TEXT NOT NULL, segment TEXT NOT NULL, identifier TEXT NOT NULL, id_source TEXT NOT NULL,
    PRIMARY KEY (destination, segment, identifier, id_source)
) WITHOUT ROWID;
"""
_CACHE = "PRAGMA cache_size = -65536"  # 64 MiB


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """A namespace of identifiers, as Adobe provisions it: `id` is the DPID, digits."""

    id: str
    name: str
    kind: IdentifierKind


@dataclass(frozen=True, kw_only=True)
class Audience:
    """One onboarded trait with the rule `ic == "<trait>"`, and one segment `<trait>T` over it.

    `data_source` is the id of the one that owns both; `trait` and `segment` are digits. `ttl` is the days for
    which the trait holds a member after the last file that named them, 0 for ever; Adobe's default is 120 (§A4).
    It is a setting, and no part of what the ids mean.
    """

    name: str
    data_source: str
    trait: str
    segment: str
    ttl: int = field(default=120, compare=False)


@dataclass(frozen=True, kw_only=True)
class Version:
    """One judged version of an inbound object: `digest` is the SHA-256 of its bytes."""

    number: int
    key: str
    digest: str
    started: datetime
    ended: datetime
    receipt: Receipt


def written(moment: datetime) -> str:
    """Write a time so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


@contextmanager
def connect(file: Path) -> Iterator[sqlite3.Connection]:
    """Open the catalogue, made when it is not there; close it in the end."""
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, isolation_level=None, timeout=60)
    try:
        connection.execute("PRAGMA journal_mode = WAL")  # who reads members may put a file meanwhile
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_CACHE)
        connection.executescript(_SCHEMA)
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit all of what is done inside, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def add_data_source(connection: sqlite3.Connection, new: DataSource) -> str | None:
    """Add it unless it is known; tell the conflict when its id means something else."""
    if not _is_id(new.id):
        return f"{new}: an id is digits"
    for known in read_data_sources(connection):
        if known.id == new.id:
            return None if known == new else f"{new} conflicts with {known}"
    connection.execute("INSERT INTO data_source VALUES (?, ?, ?)", (new.id, new.name, new.kind))
    return None


def add_audience(connection: sqlite3.Connection, new: Audience, now: datetime) -> str | None:
    """Add it unless it is known; tell the conflict when its trait or segment means something else."""
    if not (_is_id(new.trait) and _is_id(new.segment)):
        return f"{new}: a trait and a segment are digits"
    for known in read_audiences(connection):
        if known.segment == new.segment or known.trait == new.trait:
            return None if known == new else f"{new} conflicts with {known}"
    if new.data_source not in {source.id for source in read_data_sources(connection)}:
        return f"{new}: its data source is unknown"
    values = (new.segment, new.trait, new.name, new.data_source)
    connection.execute("INSERT INTO audience (segment, trait, name, data_source) VALUES (?, ?, ?, ?)", values)
    connection.execute("INSERT INTO trait VALUES (?, ?, ?)", (new.trait, written(now), new.ttl))
    return None


def read_data_sources(connection: sqlite3.Connection) -> tuple[DataSource, ...]:
    """Give the provisioned ones, by number."""
    rows = connection.execute("SELECT id, name, kind FROM data_source ORDER BY length(id), id")
    return tuple(DataSource(id=id, name=name, kind=kind) for id, name, kind in rows)


def read_audiences(connection: sqlite3.Connection) -> tuple[Audience, ...]:
    """Give all audiences, by number of their segment."""
    every = """
    SELECT name, data_source, trait, segment, coalesce(ttl, 0) FROM audience
    LEFT JOIN trait ON trait.id = audience.trait ORDER BY length(segment), segment
    """
    return tuple(_audience(row) for row in connection.execute(every))


def find_audience(connection: sqlite3.Connection, segment: str) -> Audience:
    """Give the audience of a segment; ValueError names those that exist."""
    audiences = read_audiences(connection)
    for audience in audiences:
        if audience.segment == segment:
            return audience
    known = ", ".join(f"{audience.segment} ({audience.name})" for audience in audiences) or "none"
    raise ValueError(f"no segment {segment!r}; known: {known}")


def read_trait_times(connection: sqlite3.Connection) -> dict[str, datetime]:
    """Give when each trait was made."""
    return {trait: datetime.fromisoformat(made) for trait, made in connection.execute("SELECT id, made FROM trait")}


def read_kinds(connection: sqlite3.Connection) -> dict[str, IdentifierKind]:
    """Give the kind of identifier of every data source a file may name, the global ones included."""
    kinds: dict[str, IdentifierKind] = dict.fromkeys(GLOBAL_DATA_SOURCES, "declared_id")
    return kinds | {known.id: known.kind for known in read_data_sources(connection)}


def read_members(connection: sqlite3.Connection, audience: Audience) -> Iterator[str]:
    """Give each identifier once, whatever data source it came from, in code point order."""
    who = "SELECT DISTINCT identifier FROM member WHERE trait = ? ORDER BY identifier"
    return (identifier for (identifier,) in connection.execute(who, (audience.trait,)))


def add_members(connection: sqlite3.Connection, audience: Audience, identifiers: Iterable[str]) -> None:
    """Add people by identifiers of the audience's own data source; ValueError on one that cannot be its."""
    find_fault = find_identifier_fault(audience.data_source, read_kinds(connection)[audience.data_source])

    def rows() -> Iterator[tuple[str, str, str]]:
        for number, identifier in enumerate(identifiers, start=1):
            if fault := find_fault(identifier):
                raise ValueError(f"identifier number {number}: {fault}")
            yield audience.trait, identifier, audience.data_source

    add = "INSERT OR IGNORE INTO member (trait, identifier, id_source) VALUES (?, ?, ?)"
    connection.executemany(add, rows())


def add_version(connection: sqlite3.Connection, version: Version) -> None:
    """Keep a judgement."""
    content = json.dumps(asdict(version.receipt))
    times = (version.started.isoformat(), version.ended.isoformat())
    row = (version.number, version.key, version.digest, *times, content)
    connection.execute("INSERT INTO receipt VALUES (?, ?, ?, ?, ?, ?)", row)


def next_number(connection: sqlite3.Connection) -> int:
    """Give the number of the next version."""
    (number,) = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM receipt").fetchone()
    return int(number)


def find_version(connection: sqlite3.Connection, key: str) -> Version | None:
    """Give the latest version of an object."""
    latest = "SELECT * FROM receipt WHERE key = ? ORDER BY number DESC LIMIT 1"
    row = connection.execute(latest, (key,)).fetchone()
    return None if row is None else _version(row)


def read_versions(connection: sqlite3.Connection) -> Iterator[Version]:
    """Give every version, in the order received."""
    return (_version(row) for row in connection.execute("SELECT * FROM receipt ORDER BY number"))


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _audience(row: tuple[str, str, str, str, int]) -> Audience:
    name, data_source, trait, segment, ttl = row
    return Audience(name=name, data_source=data_source, trait=trait, segment=segment, ttl=ttl)


def _version(row: tuple[int, str, str, str, str, str]) -> Version:
    number, key, digest, started, ended, content = row
    fields = json.loads(content)
    receipt = Receipt(**fields | {"reasons": tuple(fields["reasons"])})
    return Version(
        number=number,
        key=key,
        digest=digest,
        started=datetime.fromisoformat(started),
        ended=datetime.fromisoformat(ended),
        receipt=receipt,
    )
