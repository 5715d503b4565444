"""Delivery: identifiers handed over to a destination in files, which are announced before the first of them leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from activities.connectors.files.content import md5_of
from engine.kit.context import SENDING, Context
from engine.kit.errors import DataError

if TYPE_CHECKING:  # Arrow is heavy, and naming a file needs none
    import pyarrow as pa

Rows = Callable[[], "Iterable[pa.RecordBatch]"]
"""Gives what is to be delivered, as often as it is asked, alike each time."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file of a delivery: the key it leaves under, its lines and bytes, and the md5 of those."""

    key: str
    lines: int
    bytes: int
    md5: str

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


class Destination(Protocol):
    """Who takes identifiers into an audience, and out of it. Whatever it does may be asked of it again after a crash."""

    def identify(self, begun: datetime) -> Iterator[str]:
        """Give names for a delivery that begins now, the best first; it gets one that no other ever had."""

    def encode(self, path: Path, batches: Iterable[pa.RecordBatch], clock: Callable[[], datetime]) -> Sequence[Part]:
        """Write the files of the delivery whose name `path` ends with, into its folder; their bytes depend on the rows alone.

        The first column is the identifiers: text, not null, each once, ascending by code point. A second column of booleans says who
        is to be in the audience; without it all are. `clock` tells when the files are there to leave. Raises DataError, with nothing
        left in the folder, for identifiers that the destination would drop, and for no row at all.
        """

    def deliver(self, file: Path, key: str) -> Mapping[str, Any]:
        """Hand a file over whole or not at all; the same file again changes nothing. Gives what the destination said of it.

        RetryLater where it may take it later, Refused where it said no for good.
        """

    def acknowledge(self, key: str) -> bool:
        """Say whether a file has been taken that was handed over under this key."""


@dataclass(kw_only=True)
class Delivery:
    """What a task hands over: named, announced, and then each file once. The destination is opened when it is first asked."""

    ctx: Context
    open: Callable[[], Destination]
    _is_new: bool = field(default=False, init=False)
    """This attempt announced it, so that nothing can have been taken yet."""

    def take_back(self) -> None:
        """Take back what an earlier attempt announced, unless the destination has taken a file of it: then the others follow."""
        self.ctx.take_back(
            SENDING, lambda announced: any(self.open().acknowledge(part.key) for part in _parts(announced))
        )

    def name(self) -> str:
        """Reserve the name."""
        return self.ctx.reserve(self.open().identify(self.ctx.moment.now))

    def announce(self, name: str, rows: Rows, said: Callable[[int], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Write the files, and say under which keys they are about to leave; `said` adds what follows from the number of lines."""
        self._is_new = True
        parts = self.open().encode(self.ctx.staging / name, rows(), self.ctx.now)
        return {**said(sum(part.lines for part in parts)), "files": [asdict(part) for part in parts]}

    def hand_over(self, name: str, rows: Rows, announced: Mapping[str, Any]) -> Mapping[str, Any]:
        """Hand over, in their order, the files that were announced and not taken yet; give what was said of each of them.

        Files that are not what they were, since another machine resumes or power was lost, are written again. DataError when they
        cannot be written as they were.
        """
        destination, folder, parts = self.open(), self.ctx.staging, _parts(announced)
        if not all(_is_whole(folder, part) for part in parts):
            destination.encode(folder / name, rows(), self.ctx.now)
        for part in parts:
            if not _is_whole(folder, part):
                raise DataError(
                    f"the file {folder / part.name} is not the one that was about to be sent, and cannot be written as it was",
                    "see whether the disk is full or another program writes there, then resume the run",
                )
        left = [part for part in parts if self._is_new or not destination.acknowledge(part.key)]
        receipts = [dict(destination.deliver(folder / part.name, part.key)) for part in left]
        return {"paths": [str(folder / part.name) for part in parts], "receipts": receipts}


def _parts(announced: Mapping[str, Any]) -> list[Part]:
    return [Part(**part) for part in announced["files"]]


def _is_whole(folder: Path, part: Part) -> bool:
    """Say whether a file is there and holds what was written."""
    path = folder / part.name
    return path.is_file() and path.stat().st_size == part.bytes and md5_of(path) == part.md5
