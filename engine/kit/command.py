"""What a registered command may ask of the command line it stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from engine.kit.connector import Surroundings

if TYPE_CHECKING:  # SQLAlchemy is heavy, and help needs none of it
    from engine.kit.dialect import Dialect, Sql


class CommandLine(Protocol):
    """The `obj` of a command's context.

    A component of the kind `command` is a function, or a `typer.Typer` with several; the options `--project` and `--env` are added to each.
    """

    def surroundings(self) -> Surroundings:
        """Read the project that the command line means."""

    def compute(self, build: Callable[[Dialect], Mapping[str, Sql]]) -> Mapping[str, Any]:
        """Compute values in an empty database, by name: what an expression gives is the same on every one."""
