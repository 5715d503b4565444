"""A test file as its author wrote it; every part knows its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from engine.kit.errors import Span
from engine.kit.option import Scalar
from engine.lang.source import Block

Rows = tuple[Block, ...]
"""Rows as they stand in the file, or in a CSV file it names: column to text, or to None for null."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a port or a list is to hold. `fires` is false where nothing may come (`null`)."""

    name: Scalar
    fires: bool = True
    rows: Rows | None = None
    count: int | None = None
    exact: bool = False
    observed: Mapping[Scalar, tuple[Scalar, ...]] = field(default_factory=dict)
    """By the word of a fixture: what an outside service is to have received."""

    @property
    def is_about_rows(self) -> bool:
        return not self.fires or self.rows is not None or self.count is not None


@dataclass(frozen=True, kw_only=True)
class ExpectedError:
    """An error that is to come: of which activity, and a part of its message."""

    span: Span
    activity: Scalar | None
    contains: Scalar | None


@dataclass(frozen=True, kw_only=True)
class WrittenTest:
    """One test: the world before, and what is expected of the run, or of one activity."""

    name: str
    span: Span
    activity: Scalar | None = None
    given: Mapping[Scalar, Rows | None] = field(default_factory=dict)
    """Rows by the reference the activity's input names; None where it does not fire."""
    tables: Mapping[Scalar, Rows] = field(default_factory=dict)
    lists: Mapping[Scalar, Rows] = field(default_factory=dict)
    outside: Mapping[Scalar, Mapping[Scalar, tuple[Scalar, ...]]] = field(default_factory=dict)
    """By fixture, what the outside service holds before."""
    vars: Mapping[Scalar, Scalar] = field(default_factory=dict)
    at: datetime | None = None
    env: Scalar | None = None
    ports: tuple[Expected, ...] = ()
    lists_after: tuple[Expected, ...] = ()
    status: Scalar | None = None
    error: ExpectedError | None = None

    @property
    def environment(self) -> str | None:
        return None if self.env is None else str(self.env)


@dataclass(frozen=True, kw_only=True)
class WrittenFile:
    """A test file and the workflow beside it."""

    path: Path
    workflow: Path
    span: Span
    tests: tuple[WrittenTest, ...]
