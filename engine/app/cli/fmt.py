"""`audienceflow fmt`"""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.app.cli.failures import FAILED, USAGE
from engine.app.cli.invocation import Misused, invocation, workflows_in

if TYPE_CHECKING:
    from engine.kit.errors import Diagnostic

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATHS]...",
        help="YAML files; of folders the workflows, tests and project files. Else the project's folder.",
    ),
]
Check = Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 where something would change.")]
Diff = Annotated[bool, typer.Option("--diff", help="Write nothing; show what would change.")]


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """A file as it is and as it would be."""

    path: Path
    before: str
    after: str


def fmt(ctx: typer.Context, paths: Files = None, check: Check = False, diff: Diff = False) -> None:
    """Lay files out: one option a line; braces and brackets only for words and numbers that fit on one line.

    Comments, order, quotes and values stay. Exit codes: 0 done · 1 with --check, something would change · 2 a file cannot be read.
    """
    from engine.app.cli.check import show
    from engine.app.options import label_of

    starts = paths or [invocation(ctx).folder()]
    files = list(dict.fromkeys(file for path in starts for file in _files(path)))
    if not files:
        raise Misused(f"there is nothing to lay out in {', '.join(map(str, starts))}", "name the files")
    problems: list[Diagnostic] = []
    changed = [layout for layout in _layouts(files, problems) if layout.before != layout.after]
    for layout in changed:
        if diff:
            typer.echo("".join(_difference(layout)), nl=False)
        elif not check:
            _write(layout)
        typer.echo(f"{'would lay out' if check or diff else 'laid out'} {label_of(layout.path)}", err=diff)
    show(problems)
    unchanged = len(files) - len(changed) - len({problem.span.file for problem in problems})
    typer.echo(f"{len(changed)} changed, {unchanged} unchanged", err=diff)
    raise typer.Exit(USAGE if problems else FAILED if check and changed else 0)


def _files(path: Path) -> Iterator[Path]:
    """Give a file as it is named; of a folder its workflows, their tests and the project files."""
    from engine.app.options import FILE
    from engine.app.testing import find

    if not path.is_dir():
        yield path
        return
    projects = (
        file for file in path.rglob(FILE) if not any(part.startswith(".") for part in file.relative_to(path).parts)
    )
    yield from sorted({*workflows_in(path), *find([path]), *projects})


def _layouts(files: Iterable[Path], problems: list[Diagnostic]) -> Iterator[_Layout]:
    from engine.app.options import label_of, read_text
    from engine.kit.errors import AuthorError
    from engine.lang.formatting import formatted

    for file in files:
        try:
            before = read_text(file)
            yield _Layout(path=file, before=before, after=formatted(before, label_of(file)))
        except AuthorError as problem:
            problems.extend(problem.diagnostics)


def _difference(layout: _Layout) -> Iterator[str]:
    name = layout.path.as_posix()
    before, after = (text.splitlines(keepends=True) for text in (layout.before, layout.after))
    for line in difflib.unified_diff(before, after, name, name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _write(layout: _Layout) -> None:
    """Put the new text in the old one's place at once, with its line ends and rights; a link still leads to it."""
    path = layout.path.resolve()
    line_end = "\r\n" if b"\r\n" in path.read_bytes() else "\n"
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(layout.after, encoding="utf-8", newline=line_end)
        shutil.copymode(path, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
