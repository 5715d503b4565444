"""What the command line, or a caller from Python, says for all commands; and where a project's files are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engine.kit.errors import AuthorError

FILE = "project.yaml"
STATE_FOLDER = ".audienceflow"


@dataclass(frozen=True)
class Options:
    """What is said for all commands."""

    project: Path | None = None
    environment: str | None = None
    is_environment_named: bool = True
    """False where `environment` was not named on the command line but comes from the surroundings."""
    surroundings: Mapping[str, str] = field(default_factory=dict)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


def find(start: Path) -> Path:
    """Give the project file in a folder or above it; AuthorError when there is none."""
    folder = start.resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / FILE).is_file():
            return candidate / FILE
    raise AuthorError.at(
        None, "P001", f"there is no {FILE} in {start} or above it", "write one, or name it with --project FILE"
    )


def label(path: Path) -> str:
    """Name a file as a person would: from where they stand, if it is below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
