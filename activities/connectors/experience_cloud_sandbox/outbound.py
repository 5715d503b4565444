"""Outbound files as the cloud writes them (§C): whom a segment holds, or what changed since the last export.

A file is named `S3_<destination>_<data source>_{iter|full}_<13 digits>[NNN].sync.gz`; the first part of a
batch has no NNN. A line is `<id> TAB <segments> TAB <removed segments>`, ended by LF, in code point order of
the ids.
"""

import gzip
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from itertools import chain, count, islice
from pathlib import Path
from typing import Literal

from .catalogue import Audience

_SOURCES = """
SELECT id_source FROM member WHERE trait = :trait
UNION SELECT id_source FROM exported WHERE destination = :destination AND segment = :segment
ORDER BY id_source
"""
_EVERYBODY = """
SELECT identifier, 1 FROM member WHERE trait = :trait AND id_source = :id_source ORDER BY identifier
"""
_CHANGES = """
SELECT identifier, 1 FROM member WHERE trait = :trait AND id_source = :id_source AND NOT EXISTS (
    SELECT 1 FROM exported WHERE destination = :destination AND segment = :segment
    AND exported.identifier = member.identifier AND exported.id_source = :id_source
)
UNION ALL
SELECT identifier, 0 FROM exported
WHERE destination = :destination AND segment = :segment AND id_source = :id_source AND NOT EXISTS (
    SELECT 1 FROM member WHERE trait = :trait
    AND member.identifier = exported.identifier AND member.id_source = :id_source
)
ORDER BY identifier
"""
_FORGET = "DELETE FROM exported WHERE destination = :destination AND segment = :segment"
_REMEMBER = """
INSERT INTO exported (destination, segment, identifier, id_source)
SELECT :destination, :segment, identifier, id_source FROM member WHERE trait = :trait
ORDER BY identifier, id_source
"""


def export(
    connection: sqlite3.Connection,
    folder: Path,
    audience: Audience,
    *,
    destination: str,
    mode: Literal["full", "iter"],
    now: datetime,
    lines_per_file: int,
) -> tuple[str, ...]:
    """Write the files, remember what was exported, and give their names; call it inside a transaction.

    One batch per data source that the identifiers are of. A full export of nobody is a file without lines, so
    that a receiver learns of it; an export of no changes writes nothing. A process killed before the commit
    leaves files that the next export writes anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    binds = {"trait": audience.trait, "segment": audience.segment, "destination": destination}
    stamp = _reserve_stamp(connection, binds, now)
    sources = [source for (source,) in connection.execute(_SOURCES, binds)] or [audience.data_source]
    names: list[str] = []
    for id_source in sources:
        people = connection.execute(_EVERYBODY if mode == "full" else _CHANGES, binds | {"id_source": id_source})
        lines = (_compose_line(identifier, audience.segment, present) for identifier, present in people)
        first = next(lines, None)
        if first is None and mode == "iter":
            continue
        stem = f"S3_{destination}_{id_source}_{mode}_{stamp}"
        names += _write_batch(folder, stem, lines if first is None else chain([first], lines), lines_per_file)
    connection.execute(_FORGET, binds)
    connection.execute(_REMEMBER, binds)
    return tuple(names)


def _reserve_stamp(connection: sqlite3.Connection, binds: dict[str, str], now: datetime) -> str:
    """Take the clock's millisecond, or the next after the last taken: names never meet and sort by age."""
    (last,) = connection.execute("SELECT coalesce(max(stamp), 0) FROM export").fetchone()
    stamp = max(int(now.timestamp()) * 1000 + now.microsecond // 1000, last + 1)
    connection.execute("INSERT INTO export VALUES (?, ?, ?)", (stamp, binds["destination"], binds["segment"]))
    return f"{stamp:013d}"


def _compose_line(identifier: str, segment: str, present: int) -> bytes:
    return (f"{identifier}\t{segment}\t\n" if present else f"{identifier}\t\t{segment}\n").encode()


def _write_batch(folder: Path, stem: str, lines: Iterator[bytes], lines_per_file: int) -> Iterator[str]:
    for number in count():
        part = islice(lines, lines_per_file)
        first = list(islice(part, 1))
        if number and not first:
            return
        name = f"{stem}{number:03d}.sync.gz" if number else f"{stem}.sync.gz"
        _write(folder / name, chain(first, part))
        yield name


def _write(file: Path, lines: Iterator[bytes]) -> None:
    """Write the file whole or not at all; the same lines give the same bytes."""
    unfinished = file.with_name(f".{file.name}")
    with unfinished.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
        while block := b"".join(islice(lines, 4096)):
            packed.write(block)
    unfinished.replace(file)
