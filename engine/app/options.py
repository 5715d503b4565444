"""What the command line, or a caller from Python, says for all commands; and where a project's files are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engine.kit.errors import AuthorError, Diagnostic, Span, suggestion
from engine.lang.limits import MOST_CHARACTERS

FILE = "project.yaml"
WORKFLOW = re.compile(r"^workflow\s*:", re.MULTILINE)
"""How the text of a workflow begins, and of no other file."""
STATE_FOLDER = ".audienceflow"


LONGEST_READABLE = 40
"""So many letters of a key stand in the name of its run, which names a file too; what tells keys apart is the digest."""


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


def label_of(path: Path) -> str:
    """Name a file as a person would: from where they stand, if it is below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def workflows_in(path: Path) -> Iterator[Path]:
    """Give a file as it is named; of a folder, what is below it and begins like a workflow."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*.yaml")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        text = "" if hidden or file.name.endswith("_test.yaml") else file.read_text(encoding="utf-8", errors="replace")
        if WORKFLOW.search(text):
            yield file


def read_text(path: Path) -> str:
    """Read a file; AuthorError when it is not there or not UTF-8."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(MOST_CHARACTERS + 1)  # which is refused where it is read
    except FileNotFoundError:
        beside = sorted(str(item) for item in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        raise AuthorError(
            Diagnostic(Span(str(path), 1, 1), "Y009", "there is no such file", suggestion(str(path), beside, "files"))
        ) from None
    except (UnicodeDecodeError, IsADirectoryError, PermissionError) as problem:
        raise AuthorError(
            Diagnostic(Span(str(path), 1, 1), "Y009", f"the file cannot be read: {problem}", "save it as UTF-8 text")
        ) from None


def run_of_key(workflow: str, key: str) -> str:
    """Name the run of a workflow that has this key: the same name again, and another for every other key."""
    readable = re.sub(r"[^a-z0-9]", "_", key.lower())[:LONGEST_READABLE]
    digest = hashlib.md5(f"{workflow}\0{key}".encode(), usedforsecurity=False).hexdigest()[:8]
    return f"{workflow}_{readable}_{digest}"
