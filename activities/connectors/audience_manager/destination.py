"""A trait of Audience Manager as a destination: inbound files, handed over to the store it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from activities.connectors.audience_manager.inbound import inbound_key, inbound_name, write_inbound
from activities.connectors.conventions import CONVENTIONS, Conventions
from activities.connectors.delivery import Part
from engine.kit.connector import ObjectStore
from engine.kit.errors import NotYet

if TYPE_CHECKING:  # Arrow is heavy, and naming a file needs none
    import pyarrow as pa

RESERVABLE = timedelta(hours=1)
"""How far ahead of the clock the second of a name may lie, where those before are taken."""


@dataclass(frozen=True, kw_only=True)
class InboundFiles:
    """See `activities.connectors.delivery.Destination`. The store keeps a file that was put until Adobe takes it away, after 30 days."""

    store: ObjectStore
    data_source: str
    trait: str
    is_visitor_id: bool
    created: datetime | None = None
    """When the trait was made; None when that is long ago, or nobody knows."""
    conventions: Conventions = CONVENTIONS

    def identify(self, begun: datetime) -> Iterator[str]:
        """NotYet where the trait was made so recently that Adobe may not know it where files are read."""
        usable = begun if self.created is None else self.created + self.conventions.trait_wait
        if begun < usable:
            message = f"the trait {self.trait} is new: Adobe asks to send nobody before {usable.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            raise NotYet(message, usable - begun)
        start = int(begun.timestamp())
        return (
            inbound_name(self.data_source, second) for second in range(start, start + int(RESERVABLE.total_seconds()))
        )

    def encode(self, path: Path, batches: Iterable[pa.RecordBatch], clock: Callable[[], datetime]) -> Sequence[Part]:
        files = write_inbound(path, batches, self.trait, is_visitor_id=self.is_visitor_id, conventions=self.conventions)
        now = clock()  # once: the parts of a file lie in one folder
        return [
            Part(key=inbound_key(file.name, now), lines=file.lines, bytes=file.size, md5=file.md5) for file in files
        ]

    def deliver(self, file: Path, key: str) -> Mapping[str, Any]:
        return self.store.put(file, key)

    def acknowledge(self, key: str) -> bool:
        return self.store.exists(key)
