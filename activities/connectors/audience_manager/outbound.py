"""Outbound files: who is in a segment, as a destination is sent it.

Adobe, Audience Manager documentation, "Receive Audience Data".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isal import igzip

from engine.kit.errors import DataError

_OUTBOUND = re.compile(
    r"(?:S3|s3|ftp|http)_(?P<destination>[0-9]+)_(?P<data_source>[0-9]+)_(?P<mode>iter|full)_(?P<stamp>[0-9]{13})(?P<split>[0-9]{3,})?\.sync(?P<gz>\.gz)?"
)


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
