"""Lists that are read and that no run has filled yet: who will fill them, and what they will hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.app.options import label_of, read_text, workflows_in
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError, Diagnostic, Span, suggestion
from engine.kit.population import Population
from engine.kit.template import Template
from engine.kit.types import INTEGER, to_sqlalchemy
from engine.lang import graph as graphs
from engine.lang import loader
from engine.lang.graph import Graph
from engine.lang.rules.shares import LISTS
from engine.lang.spec import ActivitySpec, WorkflowSpec
from engine.registry import Registry

READS = ("read_list",)
LINE = "line"
"""The key of lines, as long as nobody knows it."""

Planned = Callable[[WorkflowSpec, Graph], Mapping[str, Mapping[str, Population]]]
"""Plans a workflow: the populations of its ports, as far as they can be said, by activity and port."""


@dataclass(frozen=True, kw_only=True)
class Filler:
    """An activity that fills a list, and the workflow it stands in."""

    spec: WorkflowSpec
    graph: Graph
    activity: ActivitySpec

    @property
    def list(self) -> Template:
        written = getattr(self.activity.activity, "list", None)
        return written if isinstance(written, Template) else Template("")

    def fills(self, name: str) -> bool:
        """Say that the list's name is this one, or may be computed to be it."""
        source = self.list.source
        parts = re.split(r"\{\{.*?\}\}", source, flags=re.DOTALL)
        return "{%" in source or re.fullmatch(".*".join(map(re.escape, parts)), name, re.DOTALL) is not None


def fillers(spec: WorkflowSpec, graph: Graph | None) -> Iterator[Filler]:
    """Give the activities of a workflow that fill lists; without the `graph` something is wrong in it."""
    sound = graphs.sound(spec) if graph is None else spec
    arrows = graphs.build(sound) if graph is None else graph
    for activity in spec.activities.values():
        if activity.activity.type in LISTS:
            yield Filler(spec=sound, graph=arrows, activity=activity)


def project_fillers(folder: Path, registry: Registry) -> Iterator[Filler]:
    """Give the activities that fill lists in all workflows of a project, as far as they can be read."""
    for path in workflows_in(folder):
        with suppress(AuthorError):
            text = read_text(path)
            if any(map(text.count, LISTS)):
                reading = loader.read(text, label_of(path), registry.activities)
                if reading.spec is not None:
                    yield from fillers(reading.spec, None if reading.problems else reading.graph)


def missing(spec: WorkflowSpec, known: Collection[str]) -> dict[str, Span]:
    """Give the lists that a workflow reads and that are not known, with where their names stand; computed names are left out."""
    found: dict[str, Span] = {}
    for activity in spec.activities.values():
        name = getattr(activity.activity, "list", None) if activity.activity.type in READS else None
        if isinstance(name, Template) and name.is_literal and name.source not in known:
            found.setdefault(name.source, activity.place("list"))
    return found


def warnings(lists: Mapping[str, Span], known: Iterable[str], there: Iterable[Filler], so: str) -> Iterator[Diagnostic]:
    """Say which of the lists nobody fills; `so` is what comes of it."""
    there = tuple(there)
    names = {*known, *(filler.list.source for filler in there if filler.list.is_literal)}
    for name, span in lists.items():
        if not any(filler.fills(name) for filler in there):
            fix = f"{suggestion(name, names, 'lists')}; 'list_update' and 'list_import' fill lists"
            yield Diagnostic(span, "W902", f"nobody fills the list '{name}', {so}", fix, "warning")


def expected(lists: Iterable[str], there: Iterable[Filler], planned: Planned) -> Mapping[str, Population]:
    """Give what will be in the lists, as far as the workflows that fill them can be planned."""
    plans: dict[str, Mapping[str, Mapping[str, Population]]] = {}
    found: dict[str, Population] = {}
    for filler in there:
        wanted = [name for name in lists if name not in found and filler.fills(name)]
        file = filler.spec.span.file
        if wanted and file not in plans:
            plans[file] = planned(filler.spec, filler.graph)
        population = plans[file].get(filler.activity.id, {}).get("result") if wanted else None
        if population is not None:
            found.update(dict.fromkeys(wanted, population))
    return found


def declared(lists: Iterable[str], catalog: Catalog) -> Mapping[str, Population]:
    """Give what the project file says will be in the lists, of those that it declares; they may have other columns, too."""
    settings: Mapping[str, Any] = catalog.sections.get("lists") or {}
    found: dict[str, Population] = {}
    for name in lists:
        of = getattr(settings.get(name), "dimension", None)
        if name in settings and of in (None, *catalog.dimensions):
            rows = catalog.dimensions[of].population().target() if of else None
            key = dict(rows.columns) if rows else {LINE: INTEGER}
            columns = {**settings[name].columns, **key}
            table = sa.table(name, *(sa.column(each, to_sqlalchemy(type_)) for each, type_ in columns.items()))
            found[name] = Population(relation=table, key=tuple(key), columns=columns, dimension=of)
    return found


def assumed(lists: Iterable[str], spec: WorkflowSpec, catalog: Catalog) -> Catalog:
    """Give a catalogue with the lists, of which no more is known than that their rows may be of the workflow's dimension."""
    dimension = catalog.dimensions.get(spec.dimension or "")
    rows = dict.fromkeys(lists, dimension.population().target()) if dimension else {}
    return replace(catalog, lists={**catalog.lists, **rows})


def sure(problems: Iterable[Diagnostic], *, is_declared: bool) -> Iterator[Diagnostic]:
    """Give the problems that remain whatever columns a list has, and of whichever dimension it is where that is not declared."""
    unsure = ("E301",) if is_declared else ("E2", "E301", "E302", "E4", "A")
    return (problem for problem in problems if not problem.code.startswith(unsure))
