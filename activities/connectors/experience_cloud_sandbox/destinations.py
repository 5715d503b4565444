"""Destinations: who gets files every day, of which segments, and how they are cut."""

import json
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from .catalogue import written


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A server-to-server destination; ValueError where it cannot be.

    `segments` are those mapped to it. `full_every` is after how many days an export is full; those between hold what
    changed, and with 0 all after the first. `info` says whether a transfer control file comes, and whether before its
    files or after them.
    """

    id: str
    segments: tuple[str, ...]
    full_every: int = 1
    info: Literal["none", "before", "after"] = "after"
    lines_per_file: int = 5_000_000

    def __post_init__(self) -> None:
        if not (self.id.isascii() and self.id.isdigit()):
            raise ValueError(f"destination {self.id!r}: a destination id is digits")
        if self.full_every < 0 or self.lines_per_file < 1:
            raise ValueError(f"{self}: full_every is 0 or more, lines_per_file 1 or more")


def keep(connection: sqlite3.Connection, destination: Destination) -> None:
    """Keep it, in the place of what was said of it before; when it had a full export last stays known."""
    connection.execute(
        "INSERT INTO destination (id, content) VALUES (:id, :content) ON CONFLICT (id) DO UPDATE SET content = :content",
        {"id": destination.id, "content": json.dumps(asdict(destination))},
    )


def read(connection: sqlite3.Connection) -> tuple[tuple[Destination, datetime | None], ...]:
    """Give each destination, by number, and when its last full export was."""
    rows = connection.execute("SELECT content, full_at FROM destination ORDER BY length(id), id")
    return tuple(
        (_destination(json.loads(content)), datetime.fromisoformat(full_at) if full_at else None)
        for content, full_at in rows
    )


def note_full(connection: sqlite3.Connection, destination: Destination, at: datetime) -> None:
    """Note that a destination had a full export."""
    connection.execute("UPDATE destination SET full_at = ? WHERE id = ?", (written(at), destination.id))


def _destination(content: dict[str, object]) -> Destination:
    return Destination(**content | {"segments": tuple(content["segments"])})  # type: ignore[arg-type]  # as it was kept
