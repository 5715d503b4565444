"""Inbound files: traits given to the identifiers of a data source.

Adobe, Audience Manager documentation, "Send Audience Data" (names, lines, limits).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from isal import igzip

from activities.connectors.audience_manager.identifiers import shape, wrong_identifiers
from engine.kit.errors import DataError

if TYPE_CHECKING:  # Arrow is heavy, and naming a file needs none
    import pyarrow as pa


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


def write_inbound(path: Path, batches: Iterable[pa.RecordBatch], trait: str, *, is_visitor_id: bool) -> WrittenFile:
    """Write one line per identifier of the batches' first column: the identifier, a tab, the trait to add; gzip.

    The bytes depend on nothing but the identifiers, their order and the trait. Identifiers must be text and not null.
    Raises DataError, with nothing at `path`, when some of them are such as Adobe drops in silence.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    lines = wrong = 0
    partial = path.with_name(path.name + ".partial")
    ending, nothing = (pa.scalar(text, pa.large_string()) for text in (f"\td_sid={trait}\n", ""))
    with partial.open("wb") as raw:
        with igzip.IGzipFile(filename="", fileobj=raw, mode="wb", compresslevel=1, mtime=0) as file:
            for batch in batches:
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
