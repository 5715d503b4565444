"""What `check` found in files that have not changed since, nor has anything it depends on.

Only the standard library is imported here, so that a check of what is known costs no more than reading the files.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.app.testing import SUFFIX
from engine.kit.errors import Diagnostic, Span

GROUP = "audienceflow.components"
OWN = ("engine", "activities")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")


class Remembered:
    """The findings kept for one project, in a file that is written whole or not at all."""

    def __init__(self, project: Path, kept_in: Path, environment: str | None, surroundings: Mapping[str, str]) -> None:
        self._file = kept_in
        text = project.read_text(encoding="utf-8")
        variables = {name: surroundings.get(name) for name in sorted(set(VARIABLE.findall(text)))}
        self._base = json.dumps([str(project), text, environment, variables, _code()])
        self._entries = _read(kept_in)

    def recall(self, path: Path, label: str) -> list[Diagnostic] | None:
        """Give what was found in a file; absent where it, or what it depends on, is not as it was."""
        entry = self._entries.get(label)
        if entry is None or entry["key"] != self._key(path, label) or entry["stamp"] != stamp(entry["database"]):
            return None
        return [Diagnostic(Span(*span), *rest) for span, *rest in entry["found"]]

    def keep(self, path: Path, label: str, found: Iterable[Diagnostic], database: str, seen: str) -> None:
        """Keep what was found in a file while the database's file had the stamp `seen`."""
        rows = [
            [[item.span.file, item.span.line, item.span.column], item.code, item.message, item.fix, item.severity]
            for item in found
        ]
        self._entries[label] = {"key": self._key(path, label), "database": database, "stamp": seen, "found": rows}

    def write(self) -> None:
        beside = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(self._entries), encoding="utf-8")
            beside.replace(self._file)

    def _key(self, path: Path, label: str) -> str:
        beside = path.with_name(f"{path.stem}{SUFFIX}")
        tests = b"\0" + beside.read_bytes() if beside.is_file() else b""
        return hashlib.sha256(f"{self._base}\0{label}\0".encode() + path.read_bytes() + tests).hexdigest()


def stamp(database: str) -> str:
    """Give what changes whenever a database's file does, or the log beside it; empty where there is no file."""
    if not database:
        return ""
    parts = []
    for suffix in ("", ".wal", "-wal"):
        with suppress(OSError):
            status = Path(f"{database}{suffix}").stat()
            parts.append(f"{suffix}:{status.st_mtime_ns}:{status.st_size}")
    return " ".join(parts)


def _read(file: Path) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _code() -> list[int]:
    """Give what changes with the engine and its plugins: how many source files they have, and the newest one's time."""
    plugins = (point.value.partition(":")[0].partition(".")[0] for point in entry_points(group=GROUP))
    times = [file.stat().st_mtime_ns for name in sorted({*OWN, *plugins}) for file in _sources(name)]
    return [len(times), max(times)]


def _sources(package: str) -> Iterator[Path]:
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        yield from (file for file in Path(folder).rglob("*") if file.suffix in (".py", ".lark"))
    if spec and spec.origin:
        yield Path(spec.origin)
