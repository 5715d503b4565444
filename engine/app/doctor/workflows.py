"""What `doctor` says of the files that the workflows of a project read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.app.findings import missing_files
from engine.app.options import label_of, read_text, workflows_in
from engine.kit.errors import AuthorError
from engine.kit.examination import Finding
from engine.lang import loader
from engine.registry import Registry


def examined(folder: Path, registry: Registry) -> Iterator[Finding]:
    """Name the files that are not there yet. What is wrong with the workflows themselves, `check` says."""
    for path in workflows_in(folder):
        try:
            spec = loader.load(read_text(path), label_of(path), registry.activities)
        except AuthorError:
            yield Finding("warning", f"{path.name} has errors", f"audienceflow check {path.name}")
            continue
        for problem in missing_files(path.parent, spec):
            yield Finding("warning", f"{problem.span}: {problem.message}", problem.fix)
