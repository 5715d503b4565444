"""The warnings that files silence themselves, left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.app.options import label_of, read_text
from engine.kit.errors import AuthorError, Diagnostic


def unsilenced(problems: Iterable[Diagnostic], files: Iterable[Path]) -> Iterator[Diagnostic]:
    """Give the problems that no `# noqa: CODE` beside them silences, and those of the comments in these files."""
    found: dict[str, list[Diagnostic]] = {label_of(file): [] for file in files}
    checked = set(found)
    for problem in problems:
        found.setdefault(problem.span.file, []).append(problem)
    is_complete = checked.issuperset(found)  # else the project file is wrong, or not there
    for file, of_file in found.items():
        try:
            text = read_text(Path(file)) if file else ""
        except AuthorError:
            text = ""
        if "noqa" not in text.casefold():
            yield from of_file
            continue
        from engine.lang import noqa  # reads YAML, for which much else is imported

        yield from noqa.unsilenced(of_file, text, file, is_complete=is_complete)
