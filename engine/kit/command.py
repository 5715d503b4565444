"""What a registered command may ask of the command line it stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from engine.kit.connector import Surroundings

if TYPE_CHECKING:  # SQLAlchemy and Arrow are heavy, and help needs none of them
    import pyarrow as pa

    from engine.kit.dialect import Dialect, Sql


class Members(Protocol):
    """The membership ledger: whom we sent to which shared audience, and did not take out again."""

    def member_counts(self) -> Mapping[str, tuple[int, datetime]]:
        """Give by audience how many there are, and when the newest of them was sent: in UTC, without a zone."""

    def adopt_members(self, audience: str, batches: Iterable[pa.RecordBatch], at: datetime) -> Mapping[str, int]:
        """Hold for sent by us the identifiers of the only column, all of them or, on an error, none; give how many were `added`."""


class CommandLine(Protocol):
    """The `obj` of a command's context.

    A component of the kind `command` is a function, or a `typer.Typer` with several; the options `--project` and `--env` are added to each.
    """

    def surroundings(self) -> Surroundings:
        """Read the project that the command line means."""

    def compute(self, build: Callable[[Dialect], Mapping[str, Sql]]) -> Mapping[str, Any]:
        """Compute values in an empty database, by name: what an expression gives is the same on every one."""

    def members(self) -> AbstractContextManager[Members]:
        """Open the membership ledger in the project's database."""
