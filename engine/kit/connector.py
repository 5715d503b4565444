"""Protocols of what lies outside the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol


class ObjectStore(Protocol):
    """A place for files by key: a folder, a bucket, a server."""

    def put(self, file: Path, key: str) -> Mapping[str, Any]:
        """Hand a file over whole or not at all; the same key and bytes again change nothing. Gives what the receiver said of it.

        Here as below: RetryLater where the store may answer later, Refused where it said no for good.
        """

    def exists(self, key: str) -> bool:
        """Say whether the receiver has taken a file that was put under this key; true still when it takes its files away."""

    def list(self, prefix: str = "") -> Sequence[str]:
        """Give the keys that begin with `prefix`, sorted; those that name no file below a folder, as `../x`, are left out."""

    def fetch(self, key: str, to: Path) -> Path:
        """Copy an object to a file, in a folder that is made where it is not there; nothing stands at `to` until all of it does."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a connector may know when it is opened: the project's sections, its folder, and the environment's name."""

    sections: Mapping[str, Any]
    folder: Path
    state_folder: Path
    """Where what stands in for an outside service keeps its files."""
    clock: Callable[[], datetime]
    environment: str
    is_environment_named: bool
    """True where the command line named the environment; nothing leaves for a real service otherwise."""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment variables, where secrets may be kept."""
