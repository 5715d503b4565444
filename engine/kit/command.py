"""What a registered command may ask of the command line it stands on."""

from __future__ import annotations

from typing import Protocol

from engine.kit.connector import Surroundings


class CommandLine(Protocol):
    """The `obj` of a command's context.

    A component of the kind `command` is a function, or a `typer.Typer` with several; the options `--project` and `--env` are added to each.
    """

    def surroundings(self) -> Surroundings:
        """Read the project that the command line means."""
