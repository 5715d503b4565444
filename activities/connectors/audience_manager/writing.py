"""Lines written to files: packed on all cores, split where they grow too large, and there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from isal import igzip_threaded

from activities.connectors.audience_manager.lines import LONGEST_LINE
from activities.connectors.conventions import CONVENTIONS, Conventions
from engine.kit.errors import DataError

if TYPE_CHECKING:  # Arrow is heavy, and naming a file needs none
    import pyarrow as pa

BLOCK_BYTES = 1 << 20
LEVEL = 1


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """A file as it was written: its name, its lines, its bytes, and the md5 of those."""

    name: str
    lines: int
    size: int
    md5: str


def write_lines(
    path: Path, lines: Iterable[pa.LargeStringArray], conventions: Conventions = CONVENTIONS
) -> tuple[WrittenFile, ...]:
    """Write lines, which bring their ends, to a file; packed where its name says so.

    Where they are more than a part may have, `path` is split: its name with 1, 2 … before `.gz`. The bytes depend on nothing but the
    lines and their order. Nothing is at `path` before all is written. Raises DataError for a line that is too long, and for no line.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = _Parts(path)
    with parts.cleaned_up():
        for array in lines:
            texts = array.cast(pa.large_string())
            if not len(texts):
                continue
            longest = pc.max(pc.binary_length(texts)).as_py()
            if longest > LONGEST_LINE + 1:
                raise DataError(
                    f"a line of {longest - 1:,} bytes is longer than the {LONGEST_LINE:,} that are read",
                    "see what the key of the data source gives",
                )
            for slice_ in _sliced(texts, conventions.part_bytes, parts):
                parts.write(_bytes_of(slice_), len(slice_))
        if not parts.lines:
            raise DataError("a file without lines is not processed", "share a population that has identifiers")
        return parts.finish()


def _sliced(texts: pa.LargeStringArray, most: int, parts: _Parts) -> Iterator[pa.LargeStringArray]:
    """Cut an array where the next part begins; a part ends with a whole line."""
    import pyarrow as pa

    offsets = pa.Array.from_buffers(
        pa.int64(), len(texts) + 1, [None, texts.buffers()[1]], offset=texts.offset
    ).to_numpy()
    start = 0
    while start < len(texts):
        end = int(offsets.searchsorted(offsets[start] + most - parts.bytes, side="right")) - 1
        if end <= start and parts.bytes:
            parts.begin()
            continue
        end = max(end, start + 1)
        yield texts.slice(start, end - start)
        start = end


class _Parts:
    """The files under their unfinished names; the last one is open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: list[tuple[Path, _Hashed, int]] = []
        self._open: tuple[Path, _Hashed, Any] | None = None
        self.bytes = self.lines = 0

    @contextmanager
    def cleaned_up(self) -> Iterator[None]:
        """Leave nothing unfinished behind."""
        try:
            yield
        except BaseException:
            if self._open is not None:
                with self._open[1].file:
                    self._open[2].close()
                self._open[0].unlink()
            for partial, _, _ in self._done:
                partial.unlink(missing_ok=True)
            raise

    def write(self, data: memoryview, lines: int) -> None:
        """Write whole lines to the open part."""
        if self._open is None:
            number = len(self._done) + 1
            partial = self._path.with_name(f"{self._path.name}.{number}.partial")
            raw = _Hashed(partial.open("wb"))
            is_packed = self._path.name.endswith(".gz")
            # The blocks are cut alike however the lines come: the bytes would be others otherwise.
            file: Any = (
                igzip_threaded.open(raw, "wb", compresslevel=LEVEL, threads=-1, block_size=BLOCK_BYTES)
                if is_packed
                else raw
            )
            self._open = partial, raw, file
        file, start = self._open[2], 0
        while start < len(data):
            size = min(len(data) - start, BLOCK_BYTES - self.bytes % BLOCK_BYTES)
            file.write(data[start : start + size])
            start += size
            self.bytes += size
        self.lines += lines

    def begin(self) -> None:
        """Close the part; what is written next is another."""
        if self._open is None:
            return
        partial, raw, file = self._open
        if file is not raw:
            file.close()
        raw.close()
        self._done.append((partial, raw, self.lines))
        self._open, self.bytes, self.lines = None, 0, 0

    def finish(self) -> tuple[WrittenFile, ...]:
        """Give the files their names."""
        self.begin()
        names = (
            [self._path.name]
            if len(self._done) == 1
            else [part_name(self._path.name, number) for number in range(1, len(self._done) + 1)]
        )
        for (partial, _, _), name in zip(self._done, names, strict=True):
            partial.replace(self._path.with_name(name))
        return tuple(
            WrittenFile(name=name, lines=lines, size=raw.size, md5=raw.md5.hexdigest())
            for name, (_, raw, lines) in zip(names, self._done, strict=True)
        )


class _Hashed:
    """A file that knows the md5 of what is written to it, found out by a thread of its own: it takes as long as the writing."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.size = 0
        self.md5 = hashlib.md5(usedforsecurity=False)
        self._thread = ThreadPoolExecutor(1)
        self._before: Future[None] | None = None

    def write(self, data: Any) -> int:
        if self._before is not None:
            self._before.result()
        self._before = self._thread.submit(self.md5.update, data)
        self.size += len(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:
        self._thread.shutdown()
        self.file.flush()
        os.fsync(self.file.fileno())  # else a name may outlive a loss of power, and its bytes not
        self.file.close()


def part_name(name: str, number: int) -> str:
    """Name a part of a file: the number stands before `.gz`."""
    return re.sub(r"(\.gz)?$", rf".{number}\1", name, count=1)


def _bytes_of(texts: pa.LargeStringArray) -> memoryview:
    """Give the texts of an array, one behind the other, without copying."""
    _, offsets, data = texts.buffers()
    first, last = (int(memoryview(offsets).cast("q")[texts.offset + index]) for index in (0, len(texts)))
    return memoryview(data)[first:last] if data else memoryview(b"")
