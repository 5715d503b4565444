"""`check`: what is wrong with workflow files. What was found in a file that did not change since is not looked for again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from engine.app.diagnostics.silencing import unsilenced
from engine.app.options import STATE_FOLDER, Options, find, label_of
from engine.app.remembered import Remembered
from engine.app.testing import SUFFIX
from engine.kit.errors import AuthorError, Diagnostic

KEPT_IN = "seen/findings.json"


def check(paths: Iterable[Path], options: Options, *, offline: bool = False) -> list[Diagnostic]:
    """Find all problems of all files, and of the tests beside them, sorted by place; one bad file hides no other.

    With `offline`, nothing is connected to.

    Warnings that a `# noqa: CODE` beside them silences are left out.
    """
    memories: dict[Path, Remembered | None] = {}
    found: set[Diagnostic] = set()
    unknown = []
    files = list(paths)
    for path in files:
        memory = _memory(path, options, memories)
        known = memory.recall(path, label_of(path)) if memory else None
        if known is None:
            unknown.append(path)
        else:
            found.update(known)
    if unknown:
        from engine.app.findings import findings  # the whole engine

        for finding in findings(unknown, options, offline=offline):
            found.update(finding.problems)
            memory = _memory(finding.path, options, memories)
            if memory and finding.is_settled:
                memory.keep(finding.path, label_of(finding.path), finding.problems, finding.database, finding.stamp)
        for memory in memories.values():
            if memory:
                memory.write()
    tests = [test for path in files if (test := path.with_name(f"{path.stem}{SUFFIX}")).is_file()]
    return sorted(unsilenced(found, [*files, *tests]))


def _memory(path: Path, options: Options, memories: dict[Path, Remembered | None]) -> Remembered | None:
    """Give what is remembered for the project of a file; nothing where there is no project, or the file cannot be read."""
    try:
        project = options.project or find(path.parent)
        if project not in memories:
            kept_in = project.parent / STATE_FOLDER / KEPT_IN
            memories[project] = Remembered(project, kept_in, options.environment, options.surroundings)
        return memories[project] if path.is_file() else None
    except (AuthorError, OSError, ValueError):
        return None
