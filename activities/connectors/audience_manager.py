"""Audience Manager's files: inbound trait files written, outbound segment files read.

Adobe, Audience Manager documentation, "Send Audience Data" (inbound: names, lines, limits) and "Receive Audience Data" (outbound).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

from isal import igzip

from engine.kit.errors import DataError

if TYPE_CHECKING:  # Arrow is heavy, and naming a file needs none
    import pyarrow as pa

VISITOR_ID = "^[0-9]{38}$"
WRONG_DECLARED_ID = r"(?i)[:@\x00-\x1f\x7f]|%3A|[\s\p{Z}\x{85}]$|^$"

_OUTBOUND = re.compile(
    r"(?:S3|s3|ftp|http)_(?P<destination>[0-9]+)_(?P<data_source>[0-9]+)_(?P<mode>iter|full)_(?P<stamp>[0-9]{13})(?P<split>[0-9]{3,})?\.sync(?P<gz>\.gz)?"
)


def inbound_name(data_source: str, second: int) -> str:
    """Name an inbound file that adds traits to the ids of a data source; `second` is UNIX time, ten digits."""
    return f"ftp_dpm_{data_source}_{second:010d}.sync.gz"


def inbound_key(name: str, sent_at: datetime) -> str:
    """Give the object key: the UTC date of sending is a folder of it."""
    return f"date={sent_at:%Y-%m-%d}/{name}"


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """A file as it was written: its lines, its bytes, and the md5 of those."""

    lines: int
    size: int
    md5: str


def write_inbound(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    trait: str,
    *,
    is_visitor_id: bool,
    leaving: Iterable[pa.RecordBatch] = (),
) -> WrittenFile:
    """Write one line per identifier of the batches' first column: the identifier, a tab, the trait to add; gzip.

    Behind them stand those `leaving`, with the trait to remove. The bytes depend on nothing but the identifiers, their order and the
    trait. Identifiers must be text and not null. Raises DataError, with nothing at `path`, when some of them are such as Adobe drops
    in silence.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    lines = wrong = 0
    partial = path.with_name(path.name + ".partial")
    added, removed, nothing = (
        pa.scalar(text, pa.large_string()) for text in (f"\td_sid={trait}\n", f"\td_unsid={trait}\n", "")
    )
    with partial.open("wb") as raw:
        with igzip.IGzipFile(filename="", fileobj=raw, mode="wb", compresslevel=1, mtime=0) as file:
            for batch, ending in chain(zip(batches, repeat(added)), zip(leaving, repeat(removed))):
                identifiers = batch.column(0).cast(pa.large_string())
                wrong += wrong_identifiers(identifiers, is_visitor_id=is_visitor_id)
                written = pc.binary_join_element_wise(identifiers, ending, nothing)
                file.write(_bytes_of(written))
                lines += len(written)
        raw.flush()
        os.fsync(raw.fileno())  # else a name may outlive a loss of power, and its bytes not
    if wrong:
        partial.unlink()
        raise DataError(
            f"{wrong:,} identifiers are not {shape(is_visitor_id=is_visitor_id)}; Experience Cloud would drop them in silence",
            "correct the column of the data source's key, or leave these rows out before the share",
        )
    partial.replace(path)
    return WrittenFile(lines=lines, size=path.stat().st_size, md5=_md5(path))


def wrong_identifiers(identifiers: pa.Array, *, is_visitor_id: bool) -> int:
    """Count the identifiers that Adobe would drop in silence."""
    import pyarrow.compute as pc

    is_wrong = pc.match_substring_regex(identifiers, WRONG_DECLARED_ID)
    if is_visitor_id:
        is_wrong = pc.invert(pc.match_substring_regex(identifiers, VISITOR_ID))
    return int(pc.sum(is_wrong).as_py() or 0)


def shape(*, is_visitor_id: bool) -> str:
    """Say what an identifier must be."""
    return "38 digits" if is_visitor_id else "free of ':', '%3A', '@', control characters and blanks at the end"


def is_whole(path: Path, size: int, md5: str) -> bool:
    """Say whether a file is there and holds what was written."""
    return path.is_file() and path.stat().st_size == size and _md5(path) == md5


def _bytes_of(texts: pa.LargeStringArray) -> memoryview:
    """Give the texts of an array, one behind the other, without copying."""
    _, offsets, data = texts.buffers()
    first, last = (int(memoryview(offsets).cast("q")[texts.offset + index]) for index in (0, len(texts)))
    return memoryview(data)[first:last] if data else memoryview(b"")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@dataclass(frozen=True, kw_only=True)
class OutboundName:
    """What the name of an outbound file says. `stamp` is in milliseconds; `split` is 0 for an unsplit file or the first part."""

    destination: str
    data_source: str
    mode: str
    stamp: int
    split: int
    is_compressed: bool


def read_outbound_name(name: str) -> OutboundName | None:
    """Read a name of the default template; None when it is another kind of file."""
    match = _OUTBOUND.fullmatch(name)
    if match is None:
        return None
    return OutboundName(
        destination=match["destination"],
        data_source=match["data_source"],
        mode=match["mode"],
        stamp=int(match["stamp"]),
        split=int(match["split"] or 0),
        is_compressed=bool(match["gz"]),
    )


def read_outbound(path: Path, name: OutboundName, segment: str) -> Iterator[str]:
    """Give the identifiers that an outbound file says are in the segment; DataError for a line that is not of the template.

    A line is the identifier, a tab, the segments it is in by comma, a tab, those it left.
    """
    with (
        igzip.open(path, "rt", encoding="utf-8", newline="\n")
        if name.is_compressed
        else path.open(encoding="utf-8", newline="\n") as file
    ):
        for number, line in enumerate(file, start=1):
            if line.strip() == "":
                continue
            identifier, *parts = line.rstrip("\r\n").split("\t")
            if not identifier or not 1 <= len(parts) <= 2:
                raise DataError(
                    f"{path.name}:{number}: this is no line of an outbound file: an identifier, a tab, segments, a tab, segments left",
                    "check the destination's template in Audience Manager",
                )
            if segment in (part.strip() for part in parts[0].split(",")):
                yield identifier
