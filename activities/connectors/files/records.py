"""What every reader gives: records with the lines they begin on, and the lines that are none."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pyarrow as pa

LONGEST_VALUE = 1_000
"""So many characters of a wrong value are kept."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A line that cannot be used: the line its record begins on, the column (None: all of it), what stands there, and why not."""

    line: int
    column: str | None
    value: str | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Records:
    """Some records of a file: the line each begins on, and their columns, as text or already of a type."""

    lines: pa.Array
    columns: Mapping[str, pa.Array]
    rejects: tuple[Reject, ...] = ()


Made = TypeVar("Made")
Task = Callable[[], Records]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A file that was opened: the names of its columns, the types of those that are no text, and the making of its records."""

    names: tuple[str, ...]
    tasks: Iterator[Task]
    types: Mapping[str, pa.DataType] = field(default_factory=dict)


def done_ahead(tasks: Iterable[Callable[[], Made]]) -> Generator[Made]:
    """Do the tasks in their order, up to two of them while what came before is used."""
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[Future[Made]] = deque()
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) > 2:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def line_numbers(numbers: np.ndarray) -> pa.Array:
    """Give whole numbers as Arrow has them. (Told to make an array of an array, it looks for pandas first.)"""
    return pa.Array.from_buffers(
        pa.int64(), len(numbers), [None, pa.py_buffer(np.ascontiguousarray(numbers, np.int64))]
    )


def refused(line: int, text: bytes, reason: str) -> Reject:
    """Reject a whole line."""
    value = text[: 4 * LONGEST_VALUE].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return Reject(line, None, value[:LONGEST_VALUE], reason)
