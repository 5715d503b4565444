"""Outbound files as the cloud writes them (§C): whom a segment holds, or what changed since the last export.

A file is named `S3_<destination>_<data source>_{iter|full}_<13 digits>[NNN].sync.gz`; the first part of a
batch has no NNN. A line is `<id> TAB <segments> TAB <removed segments>`, ended by LF, in code point order of
the ids.
"""

import gzip
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, count, groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Literal

from .catalogue import Audience

_WANTED = "WITH wanted AS (SELECT value ->> 0 AS trait, value ->> 1 AS segment FROM json_each(:wanted))"
_NOW = "SELECT identifier, segment FROM member JOIN wanted USING (trait) WHERE id_source = :id_source"
_BEFORE = """
SELECT identifier, segment FROM exported JOIN wanted USING (segment)
WHERE destination = :destination AND id_source = :id_source
"""
_SOURCES = f"""
{_WANTED} SELECT id_source FROM member JOIN wanted USING (trait)
UNION SELECT id_source FROM exported JOIN wanted USING (segment) WHERE destination = :destination
ORDER BY id_source
"""  # noqa: S608  (of constants)
_EVERYBODY = f"{_WANTED} SELECT *, 1 FROM ({_NOW}) ORDER BY identifier, length(segment), segment"  # noqa: S608  (of constants)
_CHANGES = f"""
{_WANTED},
now AS ({_NOW}),
before AS ({_BEFORE}),
gone AS (SELECT * FROM before EXCEPT SELECT * FROM now),
changed AS (SELECT identifier FROM (SELECT * FROM now EXCEPT SELECT * FROM before) UNION SELECT identifier FROM gone)
SELECT * FROM (
    SELECT *, 1 FROM now WHERE identifier IN changed UNION ALL SELECT *, 0 FROM gone
) ORDER BY identifier, length(segment), segment
"""  # noqa: S608  (of constants)
_FORGET = f"""
{_WANTED} DELETE FROM exported WHERE destination = :destination AND segment IN (SELECT segment FROM wanted)
"""  # noqa: S608  (of constants)
_REMEMBER = f"""
{_WANTED}
INSERT INTO exported (destination, segment, identifier, id_source)
SELECT :destination, segment, identifier, id_source FROM member JOIN wanted USING (trait) WHERE true
ORDER BY segment, identifier, id_source
"""  # noqa: S608  (of constants)


def export(
    connection: sqlite3.Connection,
    folder: Path,
    audiences: Sequence[Audience],
    *,
    destination: str,
    mode: Literal["full", "iter"],
    now: datetime,
    lines_per_file: int,
) -> tuple[tuple[str, ...], ...]:
    """Write the files, remember what was exported, and give their names by batch; call it inside a transaction.

    One batch per data source that the identifiers are of. A line holds all segments of a person; of an increment,
    of each person about whom something changed. A full export of nobody is a file without lines, so that a receiver
    learns of it; an export of no changes writes nothing. A process killed before the commit leaves files that the
    next export writes anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = json.dumps([(audience.trait, audience.segment) for audience in audiences])
    binds = {"wanted": wanted, "destination": destination}
    stamp = _reserve_stamp(connection, destination, audiences[0].segment, now)
    sources = [source for (source,) in connection.execute(_SOURCES, binds)] or [audiences[0].data_source]
    batches: list[tuple[str, ...]] = []
    for id_source in sources:
        people = connection.execute(_EVERYBODY if mode == "full" else _CHANGES, binds | {"id_source": id_source})
        lines = (_compose_line(identifier, said) for identifier, said in groupby(people, itemgetter(0)))
        first = next(lines, None)
        if first is None and mode == "iter":
            continue
        stem = f"S3_{destination}_{id_source}_{mode}_{stamp}"
        whole = lines if first is None else chain([first], lines)
        batches.append(tuple(_write_batch(folder, stem, whole, lines_per_file)))
    connection.execute(_FORGET, binds)
    connection.execute(_REMEMBER, binds)
    return tuple(batches)


def _reserve_stamp(connection: sqlite3.Connection, destination: str, segment: str, now: datetime) -> str:
    """Take the clock's millisecond, or the next after the last taken: names never meet and sort by age."""
    (last,) = connection.execute("SELECT coalesce(max(stamp), 0) FROM export").fetchone()
    stamp = max(int(now.timestamp()) * 1000 + now.microsecond // 1000, last + 1)
    connection.execute("INSERT INTO export VALUES (?, ?, ?)", (stamp, destination, segment))
    return f"{stamp:013d}"


def _compose_line(identifier: str, said: Iterable[tuple[str, str, int]]) -> bytes:
    segments: tuple[list[str], list[str]] = ([], [])
    for _, segment, present in said:
        segments[not present].append(segment)
    held, left = (",".join(each) for each in segments)
    return f"{identifier}\t{held}\t{left}\n".encode()


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
