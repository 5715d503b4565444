"""Tests of workflows, written as YAML beside them. Importing this costs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

SUFFIX = "_test.yaml"


def holds_tests(path: Path) -> bool:
    """Say whether a file is one of ours: named `…_test.yaml`, with the top key `tests`."""
    if not path.name.endswith(SUFFIX):
        return False
    try:
        with path.open(encoding="utf-8") as file:
            return any(line.startswith("tests:") for line in file)
    except (OSError, UnicodeDecodeError):
        return False


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """Give the test files: those named, those of the workflows named, and all in and below the folders named; each once."""
    seen = set()
    for path in paths:
        for found in _found(path):
            if found.resolve() not in seen:
                seen.add(found.resolve())
                yield found


def _found(path: Path) -> Iterable[Path]:
    if path.is_dir():
        return sorted(
            item for item in path.rglob(f"*{SUFFIX}") if not _is_hidden(item.relative_to(path)) and holds_tests(item)
        )
    return [path if path.name.endswith(SUFFIX) else path.with_name(f"{path.stem}{SUFFIX}")]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
