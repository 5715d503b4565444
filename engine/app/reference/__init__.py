"""The reference: pages in Markdown, written from the registry and the code, those of plugins too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.app.diagnostics.codes import lint_rules
from engine.app.reference import activities, campaign, codes, commands, files, functions, project
from engine.app.reference.markdown import document, table
from engine.lang.rules import page as rules
from engine.registry import Registry

FOLDER = "reference"
"""Holds the pages and nothing else, below the folder of all documents."""

_CHAPTERS = (
    ("Activities", "activities/index.md", "every box: its rules, options, ports, and examples with their rows"),
    ("Workflow and test files", "files.md", "every key of the two, and how arrows are written"),
    ("Functions", "functions.md", "what expressions can call, with types and answers"),
    ("Commands", "commands.md", "the command line: arguments, options, exit codes"),
    ("The project file", "project.md", "every section of project.yaml"),
    ("Diagnostics", "diagnostics.md", "every code that `check` and `run` may name"),
    ("Lint rules", "rules.md", "what is found, why it matters, what to write instead"),
    ("Campaign's activities", "campaign.md", "each of them, and what does its work here"),
)


@dataclass(frozen=True, kw_only=True)
class Stale:
    """A page that is not as it should be: `missing`, `changed`, or `extra`, which nothing writes any more."""

    path: Path
    why: str


def pages(registry: Registry) -> Mapping[str, str]:
    """Give every page by its path below `reference/`: the same texts for the same components.

    The examples are run. Raises DataError for a component that cannot be imported, and for an example that does not hold.
    """
    return {
        "index.md": _index(),
        **{f"activities/{name}": text for name, text in activities.pages(registry).items()},
        "files.md": files.page(registry),
        "functions.md": functions.page(registry),
        "commands.md": commands.page(),
        "project.md": project.page(registry),
        "diagnostics.md": codes.page(registry),
        "rules.md": rules.page(lint_rules(registry).values()),
        "campaign.md": campaign.page(registry),
    }


def of_activity(name: str, registry: Registry) -> str:
    """Give the page of an activity. DataError for one there is not."""
    return activities.page(name, registry)


def write(folder: Path, registry: Registry) -> list[Stale]:
    """Write the pages into `folder/reference`, and remove those that nothing writes any more; give what was not as it is now."""
    written = pages(registry)
    found = _stale(folder / FOLDER, written)
    for each in found:
        if each.why == "extra":
            each.path.unlink()
        else:
            each.path.parent.mkdir(parents=True, exist_ok=True)
            each.path.write_text(written[each.path.relative_to(folder / FOLDER).as_posix()], encoding="utf-8")
    return found


def stale(folder: Path, registry: Registry) -> list[Stale]:
    """Give the pages in `folder/reference` that are not as they would be written now, sorted by path."""
    return _stale(folder / FOLDER, pages(registry))


def _stale(folder: Path, written: Mapping[str, str]) -> list[Stale]:
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.md")}
    found = {path: "extra" for path in there if path not in written}
    for path, text in written.items():
        if path not in there:
            found[path] = "missing"
        elif there[path].read_text(encoding="utf-8") != text:
            found[path] = "changed"
    return [Stale(path=folder / path, why=found[path]) for path in sorted(found)]


def _index() -> str:
    rows = ((f"[{title}]({path})", doc) for title, path, doc in _CHAPTERS)
    return document(
        "Reference",
        "Written from the code: what stands here is what the engine does.",
        table(("page", "what it holds"), rows),
    )
